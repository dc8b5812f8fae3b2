"""What stands in a stage: the stock by age over time, and Little's law as a check of mean times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from lifecycle.parts import Contrast, Part, beside_before, beside_others
from lifecycle.rates import Rate
from lifecycle.scope import Scope

AGES = (0, 7, 30, 90)  # days: lower edges of the ages at which a stock is shown
STEADY = 0.2  # flow is steady while in and out differ by no more than this share of their mean


@dataclass(frozen=True)
class Stock:
    """How many are in a stage at the end of each period (of the last: at as_of), by age, in the order of AGES.

    `parts`: the same of each part of the breakdown. The comparison is of the whole alone.
    """

    scope: Scope
    stage: str
    periods: tuple[date, ...]
    n: tuple[tuple[int, ...], ...]
    parts: tuple[Part[tuple[tuple[int, ...], ...]], ...] = ()
    comparison: Stock | None = None
    statements: tuple[Any, ...] = ()

    @cached_property
    def contrasts(self) -> tuple[Contrast[int], ...]:
        """How the shares that have stood for longer than 7, 30 and 90 days differ between a part and all others."""
        return beside_others([(part, older(part.answer)) for part in self.parts], older(self.n))

    @cached_property
    def changes(self) -> tuple[Contrast[int], ...]:
        """How the same shares differ from those at the end of the compared period.

        Whoever stands in both counts in both, so that the intervals are too wide rather than too narrow.
        """
        return beside_before(older(self.n), older(self.comparison.n)) if self.comparison else ()


def older(n: Sequence[Sequence[int]]) -> dict[int, Rate]:
    """Of those in the stage at the last end, the share that has been in it for longer than so many days."""
    last = n[-1] if n else (0,) * len(AGES)
    return {days: Rate(sum(last[i:]), sum(last)) for i, days in enumerate(AGES) if i}


def accumulated(flows: Mapping[tuple[int, date], int], periods: Sequence[date]) -> tuple[tuple[int, ...], ...]:
    """The stock of each age at the end of each period, from (age, period) → net flow of all time before and in them."""
    totals = []
    for period in periods:
        by_age = [sum(n for (a, day), n in flows.items() if a == age and day <= period) for age in range(len(AGES))]
        totals.append(tuple(by_age))
    return tuple(totals)


@dataclass(frozen=True)
class Flow:
    """The flow through a stage in a period of `seconds`: who entered, who left, and the time spent in it together."""

    stage: str
    seconds: float
    entered: int
    left: int
    at_start: int
    spent_seconds: float

    @property
    def mean_stock(self) -> float:
        """How many were in the stage on average: the time spent in it, divided by the period's."""
        return self.spent_seconds / self.seconds

    @property
    def is_steady(self) -> bool:
        """Whether as many leave as enter, within a fifth of their mean: else Little's law says nothing."""
        return abs(self.entered - self.left) <= STEADY * (self.entered + self.left) / 2

    @property
    def little_seconds(self) -> float | None:
        """Mean time in stage by Little's law (1961): average stock ÷ throughput, of steady flow alone.

        Throughput is the mean of entries and exits per time. None where flow is not steady or nobody passes.
        """
        through = (self.entered + self.left) / 2
        return self.spent_seconds / through if through and self.is_steady else None


@dataclass(frozen=True)
class Flows:
    """The flow through each stage of the model in a period, in order."""

    scope: Scope
    rows: tuple[Flow, ...]
    statements: tuple[Any, ...] = ()
