"""Who buys again: repeat purchase rates at a fixed age, and the time to the second purchase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from lifecycle.durations import LifeTable
from lifecycle.rates import Rate
from lifecycle.scope import Scope

AGES = (30, 60, 90, 180, 365)  # days since the first purchase
AGE = 90  # the one of the headline


@dataclass(frozen=True)
class Repeat:
    """Customers of one group: how many bought for the first time, and per age in days who bought again by then.

    A rate at an age counts only customers who are that old at the data cut-off; the younger are in no rate.
    """

    n: int
    rates: Mapping[int, Rate] = field(default_factory=dict)

    def rate(self, age: int) -> Rate:
        """Repeat purchase rate: bought again on another day within `age` days ÷ customers seen for as long."""
        return self.rates.get(age, Rate(0, 0))

    def is_complete(self, age: int) -> bool:
        """Whether every customer of the group is old enough."""
        return self.rate(age).denominator == self.n


@dataclass(frozen=True)
class Buyers:
    """Customers whose first order lies in the period: who bought again, when, by cohort and by segment value.

    `times` holds the days to the second purchase, on another day than the first, with those who have not bought again
    as censored.
    """

    model: str
    build: int
    scope: Scope
    whole: Repeat
    times: LifeTable
    cohorts: tuple[tuple[date, Repeat], ...] = ()
    rows: tuple[tuple[str | None, Repeat, LifeTable], ...] = ()
    comparison: Buyers | None = None
    statements: tuple[Any, ...] = ()


def together(parts: list[Repeat]) -> Repeat:
    """Groups as one: numerators and denominators add up."""
    rates = {
        age: Rate(sum(p.rate(age).numerator for p in parts), sum(p.rate(age).denominator for p in parts))
        for age in AGES
    }
    return Repeat(sum(p.n for p in parts), rates)


@dataclass(frozen=True)
class Ladder:
    """The last steps of a lifecycle: customers who bought in the period, who bought again, who recommend by as_of.

    `again`: a second order on another day, a later subscription, or a full year of one. `promoters`: of these, those
    who scored 9 or 10, or referred somebody; `promoters_once`: those who did so after a single purchase.
    """

    bought: int
    again: int
    promoters: int | None
    promoters_once: int
    statements: tuple[Any, ...] = ()

    @property
    def repeat_rate(self) -> Rate:
        return Rate(self.again, self.bought)

    @property
    def promoter_rate(self) -> Rate | None:
        """Of those who bought again; None where nothing records recommendations."""
        return None if self.promoters is None else Rate(self.promoters, self.again)
