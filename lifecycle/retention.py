"""Who stays: cohorts by the period of their start, followed by age. Sums of counts; nothing is a mean of rates.

A customer is in the cohort of the period of its start. Age 0 is the start itself. A cell counts only those whose age
has passed by as_of (`eligible`), so that nobody is lost who could not yet be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from lifecycle.leaving import Leaving
from lifecycle.rates import Rate
from lifecycle.scope import Scope

SUBSCRIPTIONS, ORDERS, STAGE, ANY_STAGE = "subscriptions", "orders", "stage:", "stage:*"
RULES = {"first_time": "Once, with the first ever", "recurring": "In every period it was active"}
MODES = {"bounded": "Active at that age", "rolling": "Active then or later", "brackets": "Active within a bracket"}
AGES = {"calendar": "Calendar periods", "days": "30 days from each start"}
SPLITS = {"segment": "The breakdown", "route": "How they came", "pace": "How fast they came"}
COHORTS = {"all": "All so far", "period": "Those of the period"}
MEASURES = {
    "logo": "Customers",
    "nrr": "Net revenue (NRR)",
    "grr": "Gross revenue (GRR)",
    "orders": "Orders per customer",
    "revenue": "Revenue per customer",
    "cumulative": "Cumulative value",
}
SHARES = ("logo", "nrr", "grr")  # measures that are shares; the others are per customer
SPAN = timedelta(days=30)  # a period of `days`
BRACKETS = ((0, 0), (1, 1), (2, 3), (4, 6), (7, 12), (13, 24), (25, 36), (37, 60))
PERIODS = {"day": 30, "week": 26, "month": 36, "quarter": 12, "year": 10}  # ages followed if nothing else is said
MOST_PERIODS = 120


@dataclass(frozen=True)
class Rules:
    """How cohorts are formed and followed.

    `activity` starts a customer, `return_activity` keeps it: subscriptions, orders, `stage:KEY` or `stage:*` (any).
    An order or an entry is an activity of the period it lies in; a subscription is one at the first instant of a
    period, as MRR is (at age 0 at its start). `rule`: a customer starts once, or in every period in which it is
    active. `mode`: active at that age, then or later (so far), or within a bracket of ages. `ages`: calendar periods,
    or 30 days from each one's own start. `cohorts`: all, or those that start in the scope's period. `split`: groups by
    the scope's breakdown, by `route` (through the stage that is handed over, or past it) or by `pace` (from the first
    stage to the start faster than half of them, or not); both look at the customer's first journey.
    """

    activity: str = SUBSCRIPTIONS
    return_activity: str = SUBSCRIPTIONS
    rule: str = "first_time"
    mode: str = "bounded"
    ages: str = "calendar"
    measure: str = "logo"
    periods: int = PERIODS["month"]
    cohorts: str = "all"
    split: str = "segment"

    @property
    def is_state(self) -> bool:
        """Whether staying is a state at an instant (a running subscription), not something done in a period."""
        return self.return_activity == SUBSCRIPTIONS

    @property
    def steps(self) -> tuple[tuple[int, int], ...]:
        """The columns: first and last age of each."""
        if self.mode == "brackets":
            return tuple((low, min(high, self.periods)) for low, high in BRACKETS if low <= self.periods)
        return tuple((age, age) for age in range(self.periods + 1))

    @property
    def measures(self) -> tuple[str, ...]:
        """What can be measured: money of a subscription is a state at one instant, and of `rolling` there is no sum."""
        if self.return_activity == ORDERS and self.mode != "rolling":
            return ("logo", "orders", "revenue", "cumulative")
        if self.is_state and self.mode == "bounded":
            return ("logo", "nrr", "grr", "revenue") if self.activity == SUBSCRIPTIONS else ("logo", "revenue")
        return ("logo",)


class Start(NamedTuple):
    """`n` starts of a cohort (by number) of whom `seen` ages have passed; `cents` is their money at the start."""

    segment: str | None
    cohort: int
    seen: int
    n: int
    cents: int


class Count(NamedTuple):
    """What a cohort did at a column (by place): `n` customers, `times` they did it, `cents` it was worth.

    Of a state, changes: what begins at the column, less what has ended there.
    """

    segment: str | None
    cohort: int
    seen: int
    place: int
    n: int
    times: int
    cents: int


@dataclass(frozen=True)
class Cell:
    """A cohort at one age (or from `age` through `last`): of `eligible` customers `retained` were active.

    `cents`: money of that cell as the measure counts it; `base`: what the eligible were worth at their start. `times`:
    orders or entries. Incomplete while some of the cohort are too young.
    """

    age: int
    last: int
    retained: int
    eligible: int
    times: int
    cents: int
    base: int
    complete: bool
    measure: str

    @property
    def rate(self) -> Rate:
        """Logo retention: customers active of those whose age has passed."""
        return Rate(self.retained, self.eligible)

    @property
    def value(self) -> float | None:
        """The measure: a share in 0…1 (NRR may exceed it), or per eligible customer; None where there is no base."""
        if self.measure == "logo":
            return self.rate.value
        if self.measure in SHARES:
            return self.cents / self.base if self.base > 0 else None
        total = self.times if self.measure == "orders" else self.cents / 100
        return total / self.eligible if self.eligible else None


Cells = tuple[Cell | None, ...]


@dataclass(frozen=True)
class Cohort:
    """Those who started in the period from `start`; a cell is None where nobody is eligible, never zero for unseen."""

    start: date
    size: int
    cells: Cells


@dataclass(frozen=True)
class Triangle:
    """Cohorts in order, those without anybody too."""

    cohorts: tuple[Cohort, ...]

    @property
    def size(self) -> int:
        return sum(c.size for c in self.cohorts)

    @cached_property
    def pooled(self) -> Cells:
        """All mature cohorts as one: a sum of numerators over a sum of denominators, age by age."""
        return tuple(_pooled([c for c in column if c]) for column in zip(*(c.cells for c in self.cohorts), strict=True))


def _pooled(cells: list[Cell]) -> Cell | None:
    whole = [c for c in cells if c.complete]
    if not whole:
        return None
    sums = {n: sum(getattr(c, n) for c in whole) for n in ("retained", "eligible", "times", "cents", "base")}
    return Cell(whole[0].age, whole[0].last, complete=True, measure=whole[0].measure, **sums)


@dataclass(frozen=True)
class Retention:
    """The answer. `segments`: the groups of the breakdown by label, largest first, each a triangle of its own.

    `leaving`: where staying is a subscription, whether the days on which they ended tell when customers left.
    """

    model: str
    build: int
    scope: Scope
    rules: Rules
    whole: Triangle
    segments: tuple[tuple[str | None, Triangle], ...] = ()
    comparison: Retention | None = None
    leaving: Leaving = field(default_factory=Leaving)
    statements: tuple[Any, ...] = ()


def triangle(
    rules: Rules, scope: Scope, periods: Iterable[int], starts: Iterable[Start], counts: Iterable[Count]
) -> Triangle:
    """The cohorts numbered `periods`, from what the warehouse counted (segments taken together)."""
    born: dict[int, dict[int, list[int]]] = {}
    for s in starts:
        by_seen = born.setdefault(s.cohort, {}).setdefault(s.seen, [0, 0])
        by_seen[0] += s.n
        by_seen[1] += s.cents
    done: dict[int, dict[tuple[int, int], list[int]]] = {}
    for c in counts:
        cell = done.setdefault(c.cohort, {}).setdefault((c.seen, c.place), [0, 0, 0])
        for i, value in enumerate((c.n, c.times, c.cents)):
            cell[i] += value
    made = []
    for number in periods:
        seen = born.get(number, {})
        size = sum(n for n, _ in seen.values())
        cells = _cells(rules, seen, _running(rules, done.get(number, {})))
        made.append(Cohort(scope.calendar.numbered(number, scope.grain), size, cells))
    return Triangle(tuple(made))


def _running(rules: Rules, done: Mapping[tuple[int, int], list[int]]) -> dict[tuple[int, int], list[int]]:
    """Counts per (seen, place): of a state or what accumulates, changes summed up; of rolling, what still comes."""
    changes = (rules.is_state and rules.mode != "rolling") or rules.measure == "cumulative"
    if not changes and rules.mode != "rolling":
        return dict(done)
    last = len(rules.steps) - 1
    out: dict[tuple[int, int], list[int]] = {}
    for seen in {seen for seen, _ in done}:
        so_far = [0, 0, 0]
        for place in range(last, -1, -1) if rules.mode == "rolling" else range(last + 1):
            here = done.get((seen, place), [0, 0, 0])
            so_far = [a + b for a, b in zip(so_far, here, strict=True)]
            summed = rules.is_state or rules.mode == "rolling"
            out[seen, place] = so_far if summed else [here[0], here[1], so_far[2]]
    return out


def _cells(rules: Rules, seen: Mapping[int, list[int]], done: Mapping[tuple[int, int], list[int]]) -> Cells:
    size = sum(n for n, _ in seen.values())
    cells: list[Cell | None] = []
    for place, (age, last) in enumerate(rules.steps):
        is_start = last == 0 and rules.measure in SHARES  # the start itself is seen at once, and everybody made it
        of = [s for s in seen if s > last or is_start]
        eligible, base = (sum(seen[s][i] for s in of) for i in (0, 1))
        retained, times, cents = (sum(done.get((s, place), (0, 0, 0))[i] for s in of) for i in range(3))
        if last == 0:
            retained, cents = eligible, base if rules.measure in ("nrr", "grr") else cents
        known = Cell(age, last, retained, eligible, times, cents, base, eligible == size, rules.measure)
        cells.append(known if eligible else None)
    return tuple(cells)
