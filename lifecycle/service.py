"""Whether sales responds in time: leads touched within the limit, with those still waiting counted as waiting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lifecycle.business import Business
from lifecycle.durations import LifeTable, joined
from lifecycle.rates import Rate
from lifecycle.scope import Scope

STATUSES = ("met", "missed", "overdue", "unassigned", "not_due")
ATTEMPT_DAYS = 14
MOST_ATTEMPTS = 6  # "six or more"


@dataclass(frozen=True)
class Responses:
    """Leads by whether they were touched within the limit.

    `met`: touched in time, before the clock started, or decided in time (a decision is a touch). `missed`: touched too
    late. `overdue`: untouched past the limit. `unassigned`: untouched past the limit and never assigned, where the
    clock starts at assignment. `not_due`: untouched, still within the limit; in no rate.
    """

    met: int = 0
    missed: int = 0
    overdue: int = 0
    unassigned: int = 0
    not_due: int = 0

    @property
    def rate(self) -> Rate:
        """Met of all that were due: met / (met + missed + untouched and overdue)."""
        return Rate(self.met, self.met + self.due)

    @property
    def due(self) -> int:
        """Ever missed, whether touched since or not."""
        return self.missed + self.past_due

    @property
    def past_due(self) -> int:
        """Missed and still waiting."""
        return self.overdue + self.unassigned

    @property
    def n(self) -> int:
        return self.met + self.due + self.not_due


def responses(counts: Iterable[tuple[str, int]]) -> Responses:
    """From (status, n) pairs."""
    n = dict.fromkeys(STATUSES, 0)
    for status, count in counts:
        n[status] += count
    return Responses(**n)


@dataclass(frozen=True)
class Kept:
    """The service level alone: of the period, and of the compared one where there is one."""

    now: Responses
    before: Responses | None
    statements: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Attempts:
    """Touches within 14 days of the clock's start, of the leads whose 14 days have passed; `younger` are not due.

    `leads` pairs a number of touches (the last: that many or more) with the leads that got it.
    """

    leads: tuple[tuple[int, int], ...]
    younger: int
    statements: tuple[Any, ...] = ()

    @property
    def n(self) -> int:
        return sum(n for _, n in self.leads)

    @property
    def none(self) -> Rate:
        """The share that nobody tried to reach."""
        return Rate(dict(self.leads).get(0, 0), self.n)


@dataclass(frozen=True)
class Owned:
    """The service of one segment value, for example of one rep."""

    value: str | None
    responses: Responses
    speed: LifeTable


@dataclass(frozen=True)
class ServiceLevel:
    """The answer. Life tables hold the time to the first touch (`speed`, from the clock), from MQL to assignment
    (`system_delay`) and from assignment to touch (`human_delay`), in working time where `business` is given.

    `limit_hours` None: the model sets no limit, so nothing is ever due. `by`: the segment of `rows`, None without one.
    """

    model: str
    build: int
    scope: Scope
    limit_hours: float | None
    clock: str
    whole: Responses
    speed: LifeTable
    system_delay: LifeTable
    human_delay: LifeTable
    by: str | None = None
    rows: tuple[Owned, ...] = ()
    business: Business | None = None
    comparison: ServiceLevel | None = None
    statements: tuple[Any, ...] = ()


def owned(
    counts: Mapping[str | None, Sequence[tuple[str, int]]], speeds: Mapping[str | None, LifeTable]
) -> tuple[Owned, ...]:
    """A row per value, those with the most leads first."""
    nothing = LifeTable(())
    made = [Owned(value, responses(pairs), speeds.get(value, nothing)) for value, pairs in counts.items()]
    return tuple(sorted(made, key=lambda o: (-o.responses.n, o.value is None, o.value or "")))


def shortlisted(rows: Sequence[Owned], most: int, also: Iterable[str | None] = ()) -> tuple[Owned, ...]:
    """The `most` largest rows and those of the values in `also`; all others together as the last, named by how many."""
    wanted = {row.value for row in rows[:most]} | set(also)
    shown, rest = [r for r in rows if r.value in wanted], [r for r in rows if r.value not in wanted]
    if len(rest) < 2:
        return tuple(rows)
    name = f"{len(rest):,} others"
    while name in {row.value for row in rows}:
        name += " together"
    together = Responses(*(sum(getattr(r.responses, status) for r in rest) for status in STATUSES))
    return (*shown, Owned(name, together, joined(r.speed for r in rest)))
