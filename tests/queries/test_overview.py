"""Entries, targets and waiting, by a hand-written story, on three engines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime

import pyarrow as pa
import pytest

from lifecycle.scope import Scope
from lifecycle.segments import Choice
from lifecycle.stages import StageModel, parse_model
from queries import modelled, overview
from queries.build import build
from queries.funnel import counts, funnel
from queries.modelled import Modelled
from tests.engines import Engine

MODEL: StageModel = parse_model(
    {
        "name": "story",
        "label": "Story",
        "stages": [
            {"key": "lead", "label": "Lead", "kind": "progress", "limit_days": 6},
            {"key": "trial", "label": "Trial", "kind": "progress", "optional": True},
            {"key": "mql", "label": "MQL", "kind": "progress"},
            {"key": "customer", "label": "Customer", "kind": "progress"},
            {"key": "lost", "label": "Lost", "kind": "exit"},
        ],
    },
    "story",
)
STORY = [  # contact, source, its entries
    ("ann", "web", [("lead", "2025-11-05"), ("mql", "2025-12-01"), ("customer", "2026-02-10")]),
    ("bob", "web", [("lead", "2025-12-31 23:30"), ("mql", "2026-01-01 00:00")]),
    ("cem", "web", [("lead", "2026-01-10"), ("lost", "2026-01-20")]),
    ("dora", "fair", [("lead", "2026-01-15"), ("customer", "2026-02-20")]),  # MQL implied
    ("eve", "fair", [("mql", "2026-02-01")]),  # Lead implied
    ("fay", "fair", [("lead", "2026-02-03"), ("lead", "2026-02-04"), ("trial", "2026-02-05")]),
    ("gil", "web", [("lead", "2026-02-15"), ("mql", "2026-02-16"), ("lead", "2026-02-17")]),  # fell back
    ("hue", "web", [("lead", "2025-10-01"), ("lost", "2025-10-09"), ("lead", "2026-02-27")]),  # came back
    ("ivo", "web", [("lead", "2026-03-04")]),
]
AS_OF = datetime(2026, 3, 5)
QUARTER = Scope("story", AS_OF, date(2026, 1, 1), date(2026, 4, 1))
TARGETS = [("2026-01-01", "leads", 6.0), ("2026-02-01", "leads", 5.0), ("2026-03-01", "leads", 9.0)]
TARGETS += [("2026-01-01", "new_customers", 1.0), ("2026-02-01", "visitors", 1.0)]


@pytest.fixture(scope="module")
def story(engine: Engine) -> Iterator[Modelled]:
    warehouse = engine.open()
    events = [(who, stage, datetime.fromisoformat(at)) for who, _, entries in STORY for stage, at in entries]
    who, stages, at = zip(*events, strict=True)
    instants = pa.array(at, pa.timestamp("us"))
    engine.put(warehouse, "stage_events", pa.table({"contact_id": who, "stage": stages, "entered_at": instants}))
    contacts = {"contact_id": [w for w, _, _ in STORY], "source": [s for _, s, _ in STORY]}
    engine.put(warehouse, "contacts", pa.table(contacts))
    month, metric, value = zip(*TARGETS, strict=True)
    months = pa.array([date.fromisoformat(m) for m in month])
    engine.put(warehouse, "targets", pa.table({"month": months, "metric": metric, "value": value}))
    build(warehouse, MODEL, frozenset())
    yield modelled.latest(warehouse, MODEL)
    warehouse.close()


def entered(answer: overview.Volumes) -> dict[str, tuple[int, ...]]:
    return {row.stage: row.bins for row in answer.rows}


def test_entries_fall_into_their_month_and_implied_ones_count(story: Modelled) -> None:
    answer = overview.volumes(story, QUARTER)
    assert answer.periods == (date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1))
    assert entered(answer) == {"lead": (2, 4, 1), "mql": (1, 3, 0), "customer": (0, 2, 0)}
    assert answer.complete == 2
    assert "GROUP BY" in answer.statements[0].text.upper()


def test_the_sum_of_the_bins_is_what_the_funnel_counts_in_the_period(story: Modelled) -> None:
    for scope in (
        QUARTER,
        replace(QUARTER, start=None, end=None),
        replace(QUARTER, filters=(Choice("source", ("web",)),)),
    ):
        counted = funnel(story, replace(scope, basis="period", stages=("lead", "mql", "customer")))
        for grain in ("day", "week", "month", "quarter"):
            found = overview.volumes(story, replace(scope, grain=grain))
            assert {r.stage: r.entered for r in found.rows} == {r.stage: r.entered for r in counted.whole}


def test_months_are_those_of_the_reporting_zone(story: Modelled) -> None:
    east = replace(QUARTER, calendar=replace(QUARTER.calendar, timezone="Asia/Tokyo"))
    assert entered(overview.volumes(story, east))["lead"] == (3, 4, 1)  # New Year's Eve 23:30 UTC is January there


def test_the_compared_period_is_seen_as_early(story: Modelled) -> None:
    """Against October to December, seen on 5 December: Bob's lead of the 31st is not there yet."""
    before = overview.volumes(story, replace(QUARTER, compare="previous")).comparison
    assert before is not None
    assert entered(before)["lead"] == (1, 1, 0)
    assert overview.volumes(story, QUARTER).comparison is None


def test_filters_and_an_earlier_cut_off_leave_out_what_they_say(story: Modelled) -> None:
    fair = replace(QUARTER, filters=(Choice("source", ("fair",)),))
    assert entered(overview.volumes(story, fair))["lead"] == (1, 2, 0)
    early = replace(QUARTER, as_of=datetime(2026, 1, 12))
    assert entered(overview.volumes(story, early)) == {"lead": (1,), "mql": (1,), "customer": (0,)}
    nobody = replace(QUARTER, filters=(Choice("source", ("nowhere",)),))
    assert {row.entered for row in overview.volumes(story, nobody).rows} == {0}


def test_targets_are_held_against_months_that_are_over(story: Modelled) -> None:
    lead, customer = overview.attainment(story, QUARTER)
    assert (lead.stage, lead.month, lead.entered, lead.target) == ("lead", date(2026, 2, 1), 4, 5.0)
    assert (lead.n_months, lead.whole_entered, lead.whole_target) == (2, 6, 11.0)
    assert (customer.target, customer.whole_entered, customer.whole_target) == (None, 2, 1.0)


def test_targets_are_the_whole_companys_and_for_whole_months(story: Modelled) -> None:
    lead, *_ = overview.attainment(story, replace(QUARTER, start=date(2026, 1, 10)))
    assert (lead.n_months, lead.month, lead.whole_entered, lead.whole_target) == (1, date(2026, 2, 1), 4, 5.0)
    assert overview.attainment(story, replace(QUARTER, filters=(Choice("source", ("web",)),))) == ()
    assert overview.attainment(story, replace(QUARTER, start=date(2026, 3, 1))) == ()
    assert overview.attainment(story, replace(QUARTER, start=date(2025, 10, 1), end=date(2025, 12, 1))) == ()


def test_who_has_been_in_a_stage_beyond_its_limit(story: Modelled) -> None:
    """Leads on 5 March: Fay's trial is no lead, Gil fell back on 17 February, Hue came back on the 27th, Ivo is new."""
    found = {w.stage: (w.n, w.over) for w in overview.waiting(story, QUARTER)}
    assert found == {"lead": (3, 1), "mql": (2, 0)}
    then = replace(QUARTER, as_of=datetime(2026, 1, 18))
    assert [(w.stage, w.n, w.over) for w in overview.waiting(story, then)] == [("lead", 2, 1)]
    fair = replace(QUARTER, filters=(Choice("source", ("fair",)),))
    assert [(w.stage, w.n) for w in overview.waiting(story, fair)] == [("mql", 1)]


def test_without_a_limit_of_its_own_a_stage_takes_what_nine_in_ten_took(story: Modelled) -> None:
    """MQL to Customer took Ann 71 days, the only one (Gil went back); on 20 March Bob has been there for 78, Eve 47."""
    mql = next(w for w in overview.waiting(story, replace(QUARTER, as_of=datetime(2026, 3, 20))) if w.stage == "mql")
    assert (mql.limit_days, mql.n, mql.over) == (pytest.approx(71), 2, 1)


def test_counts_are_the_funnels(story: Modelled) -> None:
    for scope in (QUARTER, replace(QUARTER, by="source", compare="previous")):
        whole, lean = funnel(story, scope), counts(story, scope)
        kept = ("segment", "stage", "entered", "advanced", "open", "exited", "conversion_rate", "benchmark")
        for told in (lambda f: f.rows, lambda f: f.comparison.rows if f.comparison else ()):
            assert [[getattr(r, k) for k in kept] for r in told(lean)] == [
                [getattr(r, k) for k in kept] for r in told(whole)
            ]
