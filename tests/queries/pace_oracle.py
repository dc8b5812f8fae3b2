"""Moves, paths, routes, comebacks and stock by the book: one row at a time, sharing nothing with the statements."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import cast

import numpy as np

from lifecycle.durations import OPEN, LifeTable
from lifecycle.routes import Between
from lifecycle.scope import Scope
from lifecycle.segments import Choice
from lifecycle.stages import StageModel
from lifecycle.transitions import Derivation, Entry, Journey
from tests.queries.funnels import Company
from tests.queries.reference import describer

Told = dict[tuple[str, int], dict]


def kept(scope: Scope, told: Told) -> Callable[[tuple[str, int]], bool]:
    """Whether the filters keep a journey."""

    def keep(key: tuple[str, int]) -> bool:
        return all(isinstance(f, Choice) and told[key][f.segment] in f.values for f in scope.filters)

    return keep


def inside(scope: Scope, at: datetime | None) -> bool:
    start, end = scope.instants
    return at is not None and at <= scope.as_of and (not start or at >= start) and (not end or at < end)


def binned(start: datetime, end: datetime | None, scope: Scope) -> float:
    """Seconds at the lower edge of their bin: hours up to 14 days, days beyond."""
    seconds = ((end or scope.as_of) - start) / timedelta(seconds=1)
    unit = 3_600 if seconds < 14 * 86_400 else 86_400
    return max(float(seconds // unit * unit), 0.0)


def seen(at: datetime | None, scope: Scope) -> datetime | None:
    return at if at is not None and at <= scope.as_of else None


def stays(derivation: Derivation, scope: Scope, told: Told) -> list[Entry]:
    """Stays that began in the period, of journeys that the filters keep."""
    keep = kept(scope, told)
    return [
        e
        for e in derivation.entries
        if e.move != "repeat" and e.journey and inside(scope, e.entered_at) and keep((e.entity_id, e.journey))
    ]


def counts(found: Iterable[Entry], scope: Scope) -> dict[tuple[str, str | None], int]:
    return dict(Counter((e.stage, e.next_stage if seen(e.exited_at, scope) else None) for e in found))


def life_tables(found: Iterable[Entry], scope: Scope) -> dict[str, LifeTable]:
    rows: dict[str, Counter] = defaultdict(Counter)
    for e in found:
        left = seen(e.exited_at, scope)
        rows[e.stage][binned(e.entered_at, left, scope), e.next_stage if left and e.next_stage else OPEN] += 1
    return {
        stage: LifeTable(tuple((seconds, outcome, n) for (seconds, outcome), n in counted.items()))
        for stage, counted in rows.items()
    }


def steps(derivation: Derivation, scope: Scope, told: Told) -> Counter:
    """(step, stage, visit, stage before, its visit) of everybody who first came in the period."""
    keep = kept(scope, told)
    came = {
        j.entity_id
        for j in derivation.journeys
        if j.journey == 1 and inside(scope, j.started_at) and keep((j.entity_id, 1))
    }
    out: Counter = Counter()
    for entity in came:
        visits: Counter = Counter()
        before: tuple[str | None, int | None] = (None, None)
        own = [e for e in derivation.entries if e.entity_id == entity and e.journey and e.move != "repeat"]
        for step, e in enumerate(sorted((e for e in own if e.entered_at <= scope.as_of), key=lambda e: e.seq), 1):
            visits[e.stage] += 1
            out[step, e.stage, visits[e.stage], *before] += 1
            before = e.stage, visits[e.stage]
    return out


def routes(
    derivation: Derivation, model: StageModel, scope: Scope, told: Told, part: Between
) -> dict[tuple[str, ...], dict[str, list[float]]]:
    """Route → outcome → seconds to the goal (of the others: 0)."""
    keep, out = kept(scope, told), defaultdict(lambda: defaultdict(list))
    for j in derivation.journeys:
        start = j.own.get(part.start) if part.start else j.started_at
        if start is None or not inside(scope, start) or not keep((j.entity_id, j.journey)):
            continue
        goal = seen(j.passed.get(part.end), scope)
        route = []
        for e in sorted((e for e in derivation.entries if _of(e, j)), key=lambda e: e.seq):
            if e.move == "repeat" or model.stage(e.stage).kind != "progress" or e.entered_at > scope.as_of:
                continue
            rank = model.rank(e.stage)
            late = goal is not None and (e.entered_at, rank) >= (goal, model.rank(part.end))
            early = (e.entered_at, rank) < (start, model.rank(part.start) if part.start else 0)
            if not late and not early:
                route.append(e.stage)
        outcome = "won" if goal else j.exit_stage if seen(j.exited_at, scope) and j.exit_stage else OPEN
        out[tuple(route)][outcome].append((goal - start) / timedelta(seconds=1) if goal else 0.0)
    return out


def _of(e: Entry, j: Journey) -> bool:
    return (e.entity_id, e.journey) == (j.entity_id, j.journey)


def comebacks(derivation: Derivation, scope: Scope, told: Told, goal: str) -> tuple[dict, dict]:
    """Exit → (outcome, seconds) → n of those who left; exit before → the same of those who started."""
    keep, by_number = kept(scope, told), {(j.entity_id, j.journey): j for j in derivation.journeys}
    returns: dict[str, Counter] = defaultdict(Counter)
    attempts: dict[str, Counter] = defaultdict(Counter)
    for (entity, number), j in by_number.items():
        if not keep((entity, number)):
            continue
        if j.exit_stage and inside(scope, j.exited_at):
            assert j.exited_at
            after = by_number.get((entity, number + 1))
            back = seen(after.started_at, scope) if after else None
            returns[j.exit_stage]["returned" if back else OPEN, binned(j.exited_at, back, scope)] += 1
        if inside(scope, j.started_at):
            won, left = seen(j.passed.get(goal), scope), seen(j.exited_at, scope)
            before = by_number.get((entity, number - 1))
            key = (before.exit_stage or "") if before else ""
            outcome = "won" if won else "left" if left else OPEN
            attempts[key][outcome, binned(j.started_at, won or left, scope)] += 1
    return returns, attempts


def of_everybody(company: Company) -> Told:
    """What is known of every journey, and as of today of the exits before any: they are journey 0."""
    describe = describer(company.world, company.m.model)
    never = {e.entity_id for e in company.derivation.entries if not e.journey}
    today = {(n, 0): describe(cast(Journey, SimpleNamespace(entity_id=n, started_at=datetime.min))) for n in never}
    return company.told | today


def stock(derivation: Derivation, scope: Scope, told: Told, instant: datetime, *, with_it: bool = False) -> Counter:
    """Who is in which stage just before an instant, or at it."""
    keep = kept(scope, told)

    def begun(at: datetime) -> bool:
        return at <= instant if with_it else at < instant

    rows = [e for e in derivation.entries if e.move != "repeat" and keep((e.entity_id, e.journey))]
    return Counter(e.stage for e in rows if begun(e.entered_at) and not (e.exited_at and begun(e.exited_at)))


def flows(derivation: Derivation, scope: Scope, told: Told) -> tuple[Counter, Counter]:
    """(stage, period) → entries, and exits."""
    keep = kept(scope, told)
    came: Counter = Counter()
    went: Counter = Counter()
    for e in derivation.entries:
        if e.move == "repeat" or not keep((e.entity_id, e.journey)):
            continue
        for instant, into in ((e.entered_at, came), (e.exited_at, went)):
            if instant is not None and inside(scope, instant):
                into[e.stage, scope.calendar.floor(scope.calendar.day(instant), scope.grain)] += 1
    return came, went


def median(values: list[float]) -> float | None:
    return float(np.median(values)) if values else None
