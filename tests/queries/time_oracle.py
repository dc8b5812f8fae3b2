"""Time in stage by the book: what the statements should find, counted from the reference's entries one by one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lifecycle.durations import OPEN
from lifecycle.scope import Scope
from lifecycle.segments import Choice
from lifecycle.time_in_stage import ADVANCED, BACK
from lifecycle.transitions import Entry
from tests.queries.funnels import Company

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Stay:
    """A stay as it looks at as_of."""

    entry: Entry
    segment: Any
    length: timedelta
    outcome: str

    @property
    def edge(self) -> float:
        width = HOUR if self.length < 14 * DAY else DAY
        return (self.length // width) * width.total_seconds()


def ended(entry: Entry, as_of: datetime) -> bool:
    return entry.exited_at is not None and entry.exited_at <= as_of


def entries(company: Company, scope: Scope) -> list[Entry]:
    """Progress entries that are no repeat, of the population that the filters keep, seen by as_of."""
    ranks = {s.key for s in company.m.model.progress}
    kept = []
    for e in company.derivation.entries:
        told = company.told.get((e.entity_id, e.journey), {})
        chosen = all(isinstance(f, Choice) and told.get(f.segment) in f.values for f in scope.filters)
        if e.move != "repeat" and e.stage in ranks and e.entered_at <= scope.as_of and chosen:
            kept.append(e)
    return kept


def in_period(at: datetime, scope: Scope) -> bool:
    start, end = scope.instants
    return (start is None or at >= start) and (end is None or at < end) and at <= scope.as_of


def stays(company: Company, scope: Scope) -> list[Stay]:
    """The stays entered in the period."""
    model, out = company.m.model, []
    exits = {s.key for s in model.exits}
    for e in entries(company, scope):
        if not in_period(e.entered_at, scope):
            continue
        until = e.exited_at if e.exited_at is not None and ended(e, scope.as_of) else scope.as_of
        if not ended(e, scope.as_of):
            outcome = OPEN
        elif e.next_stage in exits:
            outcome = str(e.next_stage)
        else:
            outcome = ADVANCED if model.rank(str(e.next_stage)) > model.rank(e.stage) else BACK
        segment = company.told[e.entity_id, e.journey].get(scope.by) if scope.by else None
        out.append(Stay(e, segment, until - e.entered_at, outcome))
    return out


def rows(found: list[Stay]) -> Counter[tuple[float, str]]:
    """Stays by lower edge of their bin and outcome."""
    return Counter((s.edge, s.outcome) for s in found)


def zero(found: list[Stay]) -> int:
    return sum(1 for s in found if s.outcome != OPEN and not s.length)


def journeys(company: Company, scope: Scope, start: str, end: str) -> Counter[tuple[float, str]]:
    """Journeys from their first own entry to `start` until `end` or beyond, as rows of a life table."""
    out: Counter[tuple[float, str]] = Counter()
    for j in company.derivation.journeys:
        told = company.told[j.entity_id, j.journey]
        if not all(isinstance(f, Choice) and told.get(f.segment) in f.values for f in scope.filters):
            continue
        at, reached = j.own.get(start), j.passed.get(end)
        if at is None or not in_period(at, scope) or (reached is not None and reached < at):
            continue
        if reached is not None and reached <= scope.as_of:
            until, how = reached, ADVANCED
        elif j.exited_at is not None and j.exited_at <= scope.as_of:
            until, how = j.exited_at, str(j.exit_stage)
        else:
            until, how = scope.as_of, OPEN
        out[(until - at) // HOUR * 3_600.0 if until - at < 14 * DAY else (until - at) // DAY * 86_400.0, how] += 1
    return out
