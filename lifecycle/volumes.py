"""Volumes: entries to each stage in a period, their course, their change, and what was aimed at.

Entries are events of the period whoever made them; what became of one and the same group is the funnel's subject.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from scipy.special import gammaincinv
from statsmodels.stats.proportion import proportion_confint

from lifecycle.scope import Scope

GRAINS = {"day": 45, "week": 200, "month": 1_500}  # a course is read at a glance: this many days at the most


@dataclass(frozen=True)
class Count:
    """A number of entries. `interval`: 95 %, of the mean that such a number comes from (Garwood 1936)."""

    value: int

    @property
    def interval(self) -> tuple[float, float]:
        low = gammaincinv(self.value, 0.025) if self.value else 0.0
        return float(low), float(gammaincinv(self.value + 1, 0.975))


@dataclass(frozen=True)
class Change:
    """`value` = now / before − 1 with its 95 % interval: Wilson's of now / (now + before), as the ratio it implies."""

    value: float
    low: float
    high: float

    @property
    def significant(self) -> bool:
        return self.low > 0 or self.high < 0


def change(now: int, before: int) -> Change | None:
    """The relative change between two independent numbers of entries; None where there was nothing before."""
    if not before:
        return None
    low, high = proportion_confint(now, now + before, method="wilson")
    return Change(now / before - 1, low / (1 - low) - 1, high / (1 - high) - 1)


@dataclass(frozen=True)
class Volume:
    """Entries to one stage, in all and in each bin of the period."""

    stage: str
    label: str
    bins: tuple[int, ...]

    @property
    def entered(self) -> int:
        return sum(self.bins)


@dataclass(frozen=True)
class Volumes:
    """The answer: a row per stage of the chain; `periods` are the first days of the bins, of the scope's grain."""

    scope: Scope
    periods: tuple[date, ...]
    rows: tuple[Volume, ...]
    comparison: Volumes | None = None
    statements: tuple[Any, ...] = ()

    @property
    def complete(self) -> int:
        """How many bins, from the first, were over by as_of; those after them may still grow."""
        return sum(is_over(self.scope, period) for period in self.periods)

    def entered(self, stage: str) -> int | None:
        """Entries to a stage; None for one that is not counted."""
        return next((row.entered for row in self.rows if row.stage == stage), None)


@dataclass(frozen=True)
class Attainment:
    """Entries to one stage beside its target: in the latest month that is over, and in all such months."""

    stage: str
    label: str
    month: date
    entered: int
    target: float | None
    n_months: int
    whole_entered: int
    whole_target: float | None


def is_over(scope: Scope, period: date) -> bool:
    """Whether a period of the scope's grain was over by as_of."""
    return scope.calendar.instant(scope.calendar.step(period, scope.grain)) <= scope.as_of


def is_whole(scope: Scope, period: date) -> bool:
    """Whether a period of the scope's grain lies wholly in the scope's own, and was over by as_of."""
    began, ended = scope.start is None or period >= scope.start, scope.calendar.step(period, scope.grain)
    return began and (scope.end is None or ended <= scope.end) and is_over(scope, period)


def periods_of(scope: Scope, found: Sequence[date]) -> list[date]:
    """Every period of the scope that has begun by as_of; without bounds, those between the first and last found."""
    today = scope.calendar.day(scope.as_of) + timedelta(days=1)
    start, end = scope.start or min(found, default=None), min(scope.end or today, today)
    return [] if start is None else scope.calendar.bins(start, end, scope.grain)


def at_a_glance(scope: Scope) -> Scope:
    """The same scope with the grain at which its course can be read in a small picture."""
    today = scope.calendar.day(scope.as_of)
    days = (min(scope.end or today, today) - scope.start).days if scope.start else max(GRAINS.values())
    return replace(scope, grain=next((grain for grain, most in GRAINS.items() if days <= most), "quarter"))


def whole_months(scope: Scope) -> Scope | None:
    """The months wholly in the period that were over by as_of, as a scope by month; None where there is none."""
    if not (scope.start and scope.end):
        return None
    monthly = replace(scope, grain="month", compare="none")
    first = scope.calendar.floor(scope.start, "month")
    months = scope.calendar.bins(first, scope.end, "month")
    whole = [m for m in months if is_whole(monthly, m)]
    return replace(monthly, start=whole[0], end=scope.calendar.step(whole[-1], "month")) if whole else None


def chosen(rows: Sequence[Volume], n: int = 6) -> list[Volume]:
    """The rows that fit on one line: the first stage, and of the rest the last ones."""
    return list(rows) if len(rows) <= n else [rows[0], *rows[1 - n :]]
