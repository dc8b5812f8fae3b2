"""Random companies with the reference's view of them, scopes to ask, and an answer checked by the book."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

import numpy as np
import pytest

from lifecycle.funnel import StageRow
from lifecycle.periods import Calendar
from lifecycle.scope import COUNTS, Scope
from lifecycle.segments import Choice
from lifecycle.stages import StageModel
from lifecycle.transitions import Derivation
from queries.build import build
from queries.funnel import funnel
from queries.modelled import Modelled
from tests.engines import Engine
from tests.queries import funnel_oracle, reference
from tests.queries.worlds import MODELS, OTHERS, SCHEMAS, T0, World


@dataclass
class Company:
    """A random company, built, with what the reference says of it."""

    m: Modelled
    world: World
    derivation: Derivation
    told: dict[tuple[str, int], dict[str, Any]]

    def counted(self, scope: Scope) -> list[funnel_oracle.Counted]:
        found = funnel_oracle.count(self.derivation, self.m.model, scope, self.told)
        for f in scope.filters:
            assert isinstance(f, Choice)
            found = [c for c in found if c.segments[f.segment] in f.values]
        return found


def opened(engine: Engine, world: World, name: str) -> Company:
    warehouse, model = engine.open(), MODELS[name]
    for table, rows in world.tables().items():
        engine.put(warehouse, table, rows)
    made = build(warehouse, model, OTHERS)
    derivation = reference.derived(world, model, made.loaded_at + timedelta(hours=24))
    describe = reference.describer(world, model)
    told = {(j.entity_id, j.journey): describe(j) for j in derivation.journeys}
    return Company(Modelled(warehouse, model, made), world, derivation, told)


def restless(random: Random) -> World:
    """A few contacts who enter the same few stages over and over: many attempts to choose from."""
    raw = ["Lead", "Lead", "MQL", "MQL", "SQL", "Closed won", "Do not contact", "Closed lost"]
    times = [T0 + timedelta(days=random.randrange(6), hours=random.choice([0, 0, 12])) for _ in range(80)]
    rows = [
        dict.fromkeys(SCHEMAS["stage_events"])
        | {"contact_id": random.choice("abcdefgh"), "stage": random.choice(raw), "entered_at": at, "event_id": f"e{i}"}
        for i, at in enumerate(times)
    ]
    return World({"stage_events": rows})


def some_scope(random: Random, company: Company) -> Scope:
    """A scope that looks at a corner of the six days in which random companies live."""
    pick, model = random.choice, company.m.model
    keys = [s.key for s in model.progress]
    stages = sorted(random.sample(keys, random.randrange(1, len(keys) + 1)), key=keys.index)
    count = pick(list(COUNTS))
    if count == "ordered" and random.random() < 0.3:
        random.shuffle(stages)
    plans = company.m.catalog.get("plan")
    windows = [None, None, timedelta(days=1), timedelta(days=2), timedelta(microseconds=1), timedelta(days=9e6)]
    return Scope(
        model=model.name,
        as_of=T0 + timedelta(days=pick([2, 4, 6, 30]), microseconds=pick([0, 0, -1, 1])),
        start=pick([None, date(2024, 1, 1), date(2024, 1, 2)]),
        end=pick([None, date(2024, 1, 4), date(2024, 1, 7)]),
        calendar=Calendar(pick(["UTC", "UTC", "America/New_York", "Asia/Tokyo"])),
        stages=tuple(stages) if random.random() < 0.6 else (),
        count=count,
        window=pick(windows),
        filters=(Choice("plan", tuple(random.sample(plans.values, 1))),) if plans and random.random() < 0.25 else (),
        by="plan" if plans and random.random() < 0.5 else None,
        top=pick([1, 2, 8]),
        grain="day",
    )


def check(company: Company, scope: Scope) -> None:
    """The answer, its parts and its days against the count by the book."""
    counted, answer = company.counted(scope), funnel(company.m, scope)
    shown = set(answer.segments)
    check_rows(answer.whole, counted, company.m.model, scope)
    for value in answer.segments:
        of_rest = value == answer.other
        part = [c for c in counted if (c.segments["plan"] not in shown if of_rest else c.segments["plan"] == value)]
        check_rows(answer.of(value), part, company.m.model, scope)


def check_rows(rows: Sequence[StageRow], counted: list[funnel_oracle.Counted], model: StageModel, scope: Scope) -> None:
    wanted = funnel_oracle.rows(counted, model, scope)
    assert [row.stage for row in rows] == funnel_oracle.order(model, scope)
    for row in rows:
        expected = wanted[row.stage]
        told = told_of(row)
        assert told == {name: expected[name] for name in told}, (scope, row.stage)
        if row.optional:
            continue
        assert row.skipped == expected["skipped"]
        times, found = expected["seconds"], row.seconds_from_previous
        assert (found.n if found else 0) == len(times)
        if times and found:
            assert found.mean == pytest.approx(sum(times) / len(times))
            ends = [pytest.approx(np.quantile(times, q)) for q in (0.25, 0.5, 0.75, 0.9)]
            assert [found.p25, found.median, found.p75, found.p90] == ends


def told_of(row: StageRow) -> dict[str, Any]:
    """The row in the words of the count by the book."""
    names = ("entered", "entities", "advanced", "late", "open", "diverted", "not_due")
    exited = {stage: dict(e.reasons) for stage, e in row.exited.items()}
    return {name: getattr(row, name) for name in names} | {"exited": exited}
