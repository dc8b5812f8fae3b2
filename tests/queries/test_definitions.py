"""What stages hold, why counts differ and how models correspond: a hand-written story on three engines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime

import pyarrow as pa
import pytest

from lifecycle.correspondence import matches
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from lifecycle.segments import Choice
from lifecycle.stages import parse_model, raw_values
from queries import beside, definitions, glossary, modelled
from queries.agreement import alignment
from queries.build import build
from queries.errors import WarehouseError
from queries.funnel import funnel
from queries.modelled import Modelled
from tests.engines import Engine


def stage(key: str, kind: str = "progress", **more: object) -> dict[str, object]:
    return {"key": key, "label": key.upper(), "kind": kind, **more}


MODEL = parse_model(
    {
        "name": "story",
        "label": "Story",
        "stages": [
            stage("lead"),
            stage("trial", optional=True),
            stage("mql"),
            stage("sql"),
            stage("customer"),
            stage("lost", "exit"),
        ],
        "handoff": {"from": "mql", "accepted": ["sql"], "rejected": ["lost"], "sla_hours": 24},
    },
    "story",
)
OTHER_STAGES = [
    stage("prospect", enters=["lead", "mql"]),
    stage("deal", enters=["sql"]),
    stage("gone", "exit", enters=["lost"]),
]
OTHER = parse_model({"name": "other", "label": "Other", "stages": OTHER_STAGES}, "other")
ACCOUNTS = parse_model({"name": "accounts", "label": "A", "entity": "account", "stages": OTHER_STAGES}, "accounts")
DEALS = parse_model({"name": "deals", "label": "D", "entity": "deal", "stages": OTHER_STAGES}, "deals")

STORY = [  # contact, account, its entries; the period is the first quarter of 2026
    ("ann", "acme", [("lead", "2026-01-05"), ("mql", "2026-01-10")]),
    ("bob", "acme", [("lead", "2026-01-06"), ("sql", "2026-01-20")]),  # MQL implied
    ("cem", None, [("lead", "2026-01-07"), ("sql", "2026-02-01"), ("mql", "2026-04-01 10:00")]),  # … and entered later
    ("dora", None, [("lead", "2025-11-01"), ("sql", "2025-12-20"), ("mql", "2026-02-01")]),  # implied before
    ("eve", None, [("lead", "2025-12-01"), ("mql", "2026-01-15")]),  # started before
    ("fay", None, [("lead", "2026-03-30"), ("mql", "2026-04-01 12:00")]),  # got there after the period
    ("gil", None, [("lead", "2026-01-10"), ("mql", "2026-01-11"), ("mql", "2026-01-12")]),  # repeats
    ("hue", None, [("lead", "2026-01-01"), ("mql", "2026-01-02"), ("lost", "2026-01-10")]),
    ("hue", None, [("lead", "2026-02-01"), ("mql", "2026-02-02")]),  # came back: a second journey
    ("ivo", None, [("lead", "2026-02-15")]),
    ("jon", None, [("mql", "2026-03-31 23:00")]),  # within the service level at as_of
    ("kim", None, [("trial", "2026-02-01")]),  # known to the first model only
]
AS_OF = datetime(2026, 4, 1, 20)
QUARTER = Scope("story", AS_OF, date(2026, 1, 1), date(2026, 4, 1))


@pytest.fixture(scope="module")
def story(engine: Engine) -> Iterator[Modelled]:
    warehouse = engine.open()
    events = [(who, raw, datetime.fromisoformat(at)) for who, _, entries in STORY for raw, at in entries]
    who, stages, at = zip(*events, strict=True)
    instants = pa.array(at, pa.timestamp("us"))
    engine.put(warehouse, "stage_events", pa.table({"contact_id": who, "stage": stages, "entered_at": instants}))
    people = {who: account for who, account, _ in STORY}
    vips = pa.array(["yes" if w in ("ann", "bob") else "no" for w in people])
    contacts = {"contact_id": list(people), "account_id": pa.array(people.values(), pa.string()), "vip": vips}
    engine.put(warehouse, "contacts", pa.table(contacts))
    others = raw_values([MODEL, OTHER])
    for model in (MODEL, OTHER, ACCOUNTS):
        build(warehouse, model, others)
    yield modelled.latest(warehouse, MODEL)
    warehouse.close()


def test_the_stock_is_who_is_in_a_stage_at_as_of(story: Modelled) -> None:
    assert definitions.stock(story, QUARTER).n == {"lead": 1, "trial": 1, "mql": 8, "sql": 1}
    early = replace(QUARTER, as_of=datetime(2026, 1, 8))
    assert definitions.stock(story, early).n == {"lead": 4, "sql": 1, "mql": 1}
    vips = replace(QUARTER, filters=(Choice("vip", ("yes",)),))
    assert definitions.stock(story, vips).n == {"mql": 1, "sql": 1}


def test_the_bridge_tells_every_count_of_a_stage(story: Modelled) -> None:
    answer = definitions.counts_of(story, QUARTER, "mql")
    assert [(line.key, line.n) for line in answer.lines] == [
        ("entries", 8),
        ("again", -1),
        ("own", 7),
        ("ahead", -1),  # dora was with sales before
        ("handed", 6),
        ("implied", 1),
        ("own_later", 1),
        ("reached", 8),
        ("started_before", -1),
        ("reached_later", 1),
        ("cohort", 8),
        ("several", -1),
        ("entities", 7),
    ]
    assert answer.within_limit == 1
    assert len(answer.statements) == 3


@pytest.mark.parametrize("stage", ["lead", "trial", "mql", "sql", "customer"])
@pytest.mark.parametrize("scope", [QUARTER, replace(QUARTER, start=None), replace(QUARTER, start=None, end=None)])
def test_its_totals_are_those_of_the_funnel(story: Modelled, scope: Scope, stage: str) -> None:
    totals = {line.key: line.n for line in definitions.counts_of(story, scope, stage).lines if line.is_total}
    cohort = next(row for row in funnel(story, scope).whole if row.stage == stage)
    period = next(row for row in funnel(story, replace(scope, basis="period")).whole if row.stage == stage)
    delivered = {"handed": alignment(story, scope).whole.delivered} if stage == "mql" else {}
    assert {key: n for key, n in totals.items() if key == "handed"} == delivered
    assert (totals["cohort"], totals["entities"], totals["reached"]) == (
        cohort.entered,
        cohort.entities,
        period.entered,
    )


def test_what_the_funnel_alone_can_choose_does_not_touch_the_bridge(story: Modelled) -> None:
    plain = definitions.counts_of(story, QUARTER, "mql").lines
    chosen = replace(QUARTER, basis="stock", count="strict", stages=("mql", "sql"), by="vip")
    assert definitions.counts_of(story, chosen, "mql").lines == plain
    fewer = definitions.counts_of(story, replace(QUARTER, filters=(Choice("vip", ("yes",)),)), "mql").lines
    assert {line.key: line.n for line in fewer if line.is_total}["cohort"] == 2


def test_only_the_stage_that_is_handed_over_has_a_limit(story: Modelled) -> None:
    assert definitions.counts_of(story, QUARTER, "sql").within_limit is None


def test_the_same_contacts_in_two_models(story: Modelled) -> None:
    answer = beside.correspondence(story, QUARTER, OTHER, "furthest")
    assert (answer.unit, answer.total) == ("contacts", 11)
    assert answer.matrix == {
        ("lead", "prospect"): 1,
        ("mql", "prospect"): 6,
        ("sql", "deal"): 3,
        ("trial", None): 1,
    }
    best = {m.stage: m for m in matches(answer, *(beside.places(m, "furthest") for m in (MODEL, OTHER)))}
    assert (best["sql"].best, best["sql"].overlap) == ("deal", Rate(3, 3))
    assert (best["mql"].best, best["mql"].overlap) == ("prospect", Rate(8, 10))
    assert best["customer"].best is None


def test_where_they_are_now(story: Modelled) -> None:
    answer = beside.correspondence(story, QUARTER, OTHER, "current")
    assert answer.matrix == {
        ("lead", "prospect"): 1,
        ("mql", "prospect"): 8,  # cem and dora fell back to it in both
        ("sql", "deal"): 1,
        ("trial", None): 1,
    }
    early = replace(QUARTER, as_of=datetime(2025, 1, 1))
    assert [beside.correspondence(story, early, OTHER, p).total for p in ("furthest", "current")] == [0, 0]
    then = beside.correspondence(story, replace(QUARTER, as_of=datetime(2026, 1, 10, 12)), OTHER, "current")
    assert then.matrix[("lost", "gone")] == 1


def test_accounts_meet_contacts_at_contacts(story: Modelled) -> None:
    answer = beside.correspondence(story, QUARTER, ACCOUNTS, "furthest")
    assert (answer.unit, answer.total) == ("contacts", 11)
    assert answer.matrix[("mql", "deal")] == 1  # ann, whose colleague got that far
    assert answer.matrix[("sql", "deal")] == 3


def test_filters_keep_whoever_matches_in_either(story: Modelled) -> None:
    vips = replace(QUARTER, filters=(Choice("vip", ("yes",)),))
    assert beside.correspondence(story, vips, OTHER, "furthest").matrix == {("mql", "prospect"): 1, ("sql", "deal"): 1}
    nobody = replace(QUARTER, filters=(Choice("vip", (None,)),))
    assert beside.correspondence(story, nobody, OTHER, "current").total == 0


@pytest.mark.parametrize("position", ["furthest", "current"])
def test_a_sample_takes_the_same_contacts_on_both_sides(
    story: Modelled, monkeypatch: pytest.MonkeyPatch, position: str
) -> None:
    whole = beside.correspondence(story, QUARTER, OTHER, position).matrix
    monkeypatch.setattr(beside, "SAMPLED", 5)
    sample = beside.correspondence(story, QUARTER, OTHER, position)
    assert sample.one_in == 3
    assert 0 < sample.total < 11
    assert all(n <= whole[pair] for pair, n in sample.matrix.items())


def test_a_model_that_was_not_built_says_how_to_build_it(story: Modelled) -> None:
    missing = parse_model({"name": "later", "label": "L", "stages": OTHER_STAGES}, "later")
    with pytest.raises(WarehouseError, match="lifecycle build --model later"):
        beside.correspondence(story, QUARTER, missing, "furthest")


def test_deals_do_not_meet_contacts(engine: Engine) -> None:
    warehouse = engine.open()
    at = pa.array([datetime(2026, 1, 1)], pa.timestamp("us"))
    engine.put(warehouse, "stage_events", pa.table({"contact_id": ["ann"], "stage": ["lead"], "entered_at": at}))
    engine.put(warehouse, "deal_stage_events", pa.table({"deal_id": ["d1"], "stage": ["sql"], "entered_at": at}))
    for model in (OTHER, DEALS):
        build(warehouse, model)
    with pytest.raises(WarehouseError, match="model of deals"):
        beside.correspondence(modelled.latest(warehouse, OTHER), QUARTER, DEALS, "furthest")
    warehouse.close()


def test_every_term_of_the_glossary_is_defined_where_it_is_computed() -> None:
    found = glossary.entries()
    assert len({(e.subject, e.term) for e in found}) == len(found)
    for entry in found:
        assert entry.text, entry
        assert entry.source.startswith(("lifecycle.", "queries.")), entry
        assert "$" not in entry.text, "would be read as a formula of TeX"
