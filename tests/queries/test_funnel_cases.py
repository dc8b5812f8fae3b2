"""Funnels that other projects' test suites hold to be right, retold as stage models and events.

A step is a stage; every other event is a value that the model ignores. The cut-off lies a window after the last event,
so that everybody had the time: the cases know no young journeys.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lifecycle.periods import Calendar
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from lifecycle.stages import StageModel, parse_model
from queries.build import build
from queries.contacts import Bar, records
from queries.funnel import funnel, trend
from queries.modelled import Modelled
from tests.engines import DuckDB

FILE = Path(__file__).parents[3] / "shared/data/cases/cases.json"
CASES: dict[str, list[dict[str, Any]]] = json.loads(FILE.read_text()) if FILE.exists() else {}
ABSENT = pytest.mark.skipif(not CASES, reason="the collected cases (../shared/data/cases/cases.json) are not here")
COUNTS = {"ordered": "ordered", "strict": "strict", "unordered": "any"}
ANY_EVENT = "*"  # a step that every event enters which is no other step


def named(kind: str) -> pytest.MarkDecorator:
    cases = CASES.get(kind, [])
    return pytest.mark.parametrize("case", cases, ids=[case["name"] for case in cases])


def model_of(case: dict[str, Any]) -> StageModel:
    steps = case["config"]["steps"]
    others = sorted({event["stage"] for event in case["events"]} - set(steps))
    stages = [
        {
            "key": f"step{i}",
            "label": f"Step {i}",
            "kind": "progress",
            "enters": others if step == ANY_EVENT else [step],
        }
        for i, step in enumerate(steps, 1)
    ]
    ignored = [] if ANY_EVENT in steps else others
    return parse_model({"name": "case", "label": "Case", "stages": stages, "ignored": ignored}, case["name"])


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def scope_of(case: dict[str, Any]) -> Scope:
    config = case["config"]
    window = config.get("window")
    length = timedelta(**{f"{window['unit']}s": window["n"]}) if window else None
    last = max(instant(event["at"]) for event in case["events"])
    return Scope(
        model="case",
        as_of=last + (length or timedelta()),
        start=date.fromisoformat(config["from"]) if "from" in config else None,
        end=date.fromisoformat(config["to"]) + timedelta(days=1) if "to" in config else None,
        calendar=Calendar(config.get("timezone", "UTC")),
        count=COUNTS[config["order"]],
        window=length,
        by=config["breakdown"]["by"][0] if "breakdown" in config else None,
        grain=config.get("period", "month"),
    )


@contextmanager
def built(case: dict[str, Any]) -> Iterator[Modelled]:
    engine = DuckDB()
    warehouse = engine.open()
    events = case["events"]
    columns = {
        "contact_id": [event["entity"] for event in events],
        "stage": [event["stage"] for event in events],
        "entered_at": pa.array([instant(event["at"]) for event in events], pa.timestamp("us")),
    }
    engine.put(warehouse, "stage_events", pa.table(columns))
    first = {event["entity"]: event.get("attrs", {}) for event in reversed(events)}  # the attributes of the first touch
    names = sorted({name for attrs in first.values() for name in attrs})
    people = {"contact_id": list(first)} | {name: [a.get(name) for a in first.values()] for name in names}
    engine.put(warehouse, "contacts", pa.table(people))
    model = model_of(case)
    made = build(warehouse, model)
    yield Modelled(warehouse, model, made)
    warehouse.close()


def check(rows: list[Any], expected: dict[str, Any]) -> None:
    assert [row.entered for row in rows] == expected["counts"]
    for name in ("mean", "median"):
        for row, seconds in zip(rows, expected.get(f"{name}_seconds", []), strict=False):
            found = row.seconds_from_previous
            assert (getattr(found, name) if found else None) == seconds
    for before, row, share in zip(rows, rows[1:], expected.get("share_of_previous", [])[1:], strict=False):
        assert row.step_conversion_rate == Rate(row.entered, before.entered)
        assert row.step_conversion_rate.value == pytest.approx(share)


@ABSENT
@named("funnel")
def test_funnel(case: dict[str, Any]) -> None:
    expected, scope = case["expected"], scope_of(case)
    with built(case) as m:
        answer = funnel(m, scope)
        for value, part in expected.get("by", {}).items():
            check(list(answer.of(value)), part)
        if "counts" in expected:
            check(list(answer.whole), expected)
        if "share_of_all_entities" in expected:  # our first stage is its own base; the case's is everybody in the data
            n = len({event["entity"] for event in case["events"]})
            assert [row.entered / n for row in answer.whole] == expected["share_of_all_entities"]
        behind = [set(records(m, scope, Bar(row.stage)).table["entity_id"].to_pylist()) for row in answer.whole]
        assert [len(entities) for entities in behind] == [row.entered for row in answer.whole]
        if "entities_at_step" in expected:
            assert [sorted(entities) for entities in behind] == expected["entities_at_step"]
        for k in range(2, len(behind) + 1):
            if f"entities_at_step_{k}" in expected:
                assert sorted(behind[k - 1]) == expected[f"entities_at_step_{k}"]
            if f"dropped_before_step_{k}" in expected:
                assert sorted(behind[k - 2] - behind[k - 1]) == expected[f"dropped_before_step_{k}"]


@ABSENT
@named("funnel_trend")
def test_funnel_trend(case: dict[str, Any]) -> None:
    config = case["config"]
    with built(case) as m:
        found = trend(m, scope_of(case)).rows
    entered = {row.period: row.entered for row in found if row.stage == f"step{config['from_step']}"}
    reached = {row.period: row.entered for row in found if row.stage == f"step{config['to_step']}"}
    (expected,) = case["expected"].values()
    assert [[day.isoformat(), entered[day], reached[day]] for day in entered] == expected
