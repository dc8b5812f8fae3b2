"""What stands beside a stage: money spent, targets and benchmarks, by a hand-written company, on three engines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime

import pyarrow as pa
import pytest

from lifecycle.scope import Scope
from lifecycle.segments import Choice
from lifecycle.stages import StageModel, parse_model
from queries import modelled
from queries.build import build
from queries.funnel import counts, funnel
from queries.modelled import Modelled
from tests.engines import Engine

MODEL: StageModel = parse_model(
    {
        "name": "story",
        "label": "Story",
        "stages": [
            {"key": "lead", "label": "Lead", "kind": "progress"},
            {"key": "mql", "label": "MQL", "kind": "progress"},
            {"key": "sql", "label": "SQL", "kind": "progress", "enters": ["Sales accepted", "Sales qualified"]},
        ],
    },
    "story",
)
STORY = [  # contact, source, how many of the three stages, a day apart
    ("ann", "web", 3),
    ("bob", "web", 2),
    ("cem", "web", 1),
    ("dora", "fair", 2),
    ("eve", "fair", 1),
    ("fay", None, 1),
]
SPEND = [  # day, source, purpose, amount
    ("2026-01-01", "web", "acquire", 60.0),
    ("2026-01-31", "fair", "acquire", 40.0),
    ("2026-01-15", "web", "keep", 1000.0),  # of customers, not of leads
    ("2025-12-31", "web", "acquire", 500.0),  # before the period
    ("2026-02-01", "web", "acquire", 500.0),  # after it
]
TARGETS = [  # month, metric, value, source (a target of one source is not the company's)
    ("2026-01-01", "leads", 31.0, None),
    ("2026-02-01", "leads", 28.0, None),
    ("2026-01-01", "mqls_delivered", 10.0, None),
    ("2026-01-01", "mqls_delivered", 900.0, "web"),
]
BENCHMARKS = [  # the CRM's words for a step, and the model's own keys, which speak for it
    ("mql", "sql", 0.5),
    ("MQL", "Sales accepted", 0.9),
    ("lead", "mql", 0.4),
    ("lead", "sql", 0.99),  # no step of neighbours
]
JANUARY = Scope("story", datetime(2026, 3, 1), date(2026, 1, 1), date(2026, 2, 1))


@pytest.fixture(scope="module")
def story(engine: Engine) -> Iterator[Modelled]:
    warehouse = engine.open()
    raw = ["Lead", "MQL", "Sales accepted"]
    events = [(who, raw[k], datetime(2026, 1, 5 + k)) for who, _, n in STORY for k in range(n)]
    who, stages, at = zip(*events, strict=True)
    instants = pa.array(at, pa.timestamp("us"))
    engine.put(warehouse, "stage_events", pa.table({"contact_id": who, "stage": stages, "entered_at": instants}))
    contacts = {"contact_id": [w for w, _, _ in STORY], "source": [s for _, s, _ in STORY]}
    contacts["region"] = ["north", "south"] * 3  # which spend does not name
    engine.put(warehouse, "contacts", pa.table(contacts))
    for name, columns, rows in (
        ("spend", ("day", "source", "purpose", "amount"), SPEND),
        ("targets", ("month", "metric", "value", "source"), TARGETS),
        ("benchmarks", ("from_stage", "to_stage", "rate"), BENCHMARKS),
    ):
        values = dict(zip(columns, zip(*rows, strict=True), strict=True))
        days = {c: pa.array([date.fromisoformat(v) for v in values[c]]) for c in ("day", "month") if c in values}
        engine.put(warehouse, name, pa.table(values | days))
    build(warehouse, MODEL, frozenset())
    yield modelled.latest(warehouse, MODEL)
    warehouse.close()


def costs(m: Modelled, scope: Scope) -> list[float | None]:
    return [row.cost_per_entry for row in funnel(m, scope).whole]


def test_the_acquisition_spend_of_the_period_is_divided_by_those_who_came_this_far(story: Modelled) -> None:
    assert costs(story, JANUARY) == pytest.approx([100 / 6, 100 / 3, 100 / 1])


def test_a_part_is_measured_by_its_own_spend(story: Modelled) -> None:
    first = {
        row.segment["source"]: row.cost_per_entry
        for row in funnel(story, replace(JANUARY, by="source")).rows
        if row.segment and row.stage == "lead"
    }
    assert first == {"web": 20.0, "fair": 20.0, None: 0.0}
    assert costs(story, replace(JANUARY, filters=(Choice("source", ("web",)),))) == [20.0, 30.0, 60.0]


def test_spend_that_cannot_be_told_apart_is_unknown(story: Modelled) -> None:
    assert costs(story, replace(JANUARY, filters=(Choice("region", ("north",)),))) == [None, None, None]
    by_region = funnel(story, replace(JANUARY, by="region")).rows
    assert {row.cost_per_entry for row in by_region if row.segment} == {None}


def test_targets_are_the_companys_and_count_by_days(story: Modelled) -> None:
    lead, mql, sql = funnel(story, JANUARY).whole
    assert (lead.target, mql.target, sql.target) == (31.0, 10.0, None)
    later = replace(JANUARY, start=date(2026, 1, 22), end=date(2026, 2, 15))
    assert funnel(story, later).whole[0].target == pytest.approx(10.0 + 14.0)
    narrowed = funnel(story, replace(JANUARY, filters=(Choice("source", ("web",)),)))
    assert narrowed.whole[0].target is None  # what the company aims at is no aim of a part


def test_a_benchmark_in_the_models_own_words_speaks_for_the_step(story: Modelled) -> None:
    assert [row.benchmark for row in counts(story, JANUARY).whole] == [None, 0.4, 0.5]
