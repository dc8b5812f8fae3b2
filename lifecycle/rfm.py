"""Customers by recency, frequency and value, measured by how often customers come back; and what to do about each."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, floor
from typing import Any

RECENCIES = ("active", "cooling", "away")
FREQUENCIES = ("once", "some", "often")
USUAL, LONGEST = 0.75, 0.95  # shares of returning purchases
SOME, OFTEN = 2, 4  # days with an order from which a customer counts as such

GROUPS: dict[tuple[str, str], tuple[str, str]] = {  # recency, frequency → its name, what to do
    ("active", "often"): ("Champions", "Thank them; ask them to recommend"),
    ("active", "some"): ("Becoming loyal", "Recommend what fits what they bought"),
    ("active", "once"): ("New", "Make the second purchase easy, soon"),
    ("cooling", "often"): ("Loyal, cooling", "Ask what has changed, before they go"),
    ("cooling", "some"): ("Need attention", "Give them a reason to come back now"),
    ("cooling", "once"): ("About to forget", "Remind them once"),
    ("away", "often"): ("Cannot lose", "Call them in person"),
    ("away", "some"): ("At risk", "Win back where the margin allows it"),
    ("away", "once"): ("Lost after one", "Spend nothing; learn what was lacking"),
}


@dataclass(frozen=True)
class Rhythm:
    """How soon customers come back: days within which three in four, and 19 in 20, returning purchases came."""

    usual_days: float
    longest_days: float


def rhythm(gaps: Mapping[int, int]) -> Rhythm | None:
    """From days between purchases (days → how many), their quantiles between neighbours (type 7); None without any."""
    days = sorted(gaps)
    n = sum(gaps.values())
    if not n:
        return None
    ends = list(accumulate(gaps[d] for d in days))

    def quantile(q: float) -> float:
        place = q * (n - 1)
        low, high = (days[bisect_right(ends, at)] for at in (floor(place), ceil(place)))
        return low + (high - low) * (place - floor(place))

    return Rhythm(quantile(USUAL), quantile(LONGEST))


@dataclass(frozen=True)
class Group:
    """Customers of one recency and frequency: how many, their orders' days, and their revenue so far."""

    recency: str
    frequency: str
    customers: int
    purchases: int
    revenue: float

    @property
    def name(self) -> str:
        return GROUPS[self.recency, self.frequency][0]

    @property
    def advice(self) -> str:
        return GROUPS[self.recency, self.frequency][1]

    @property
    def value(self) -> float | None:
        """Revenue per customer."""
        return self.revenue / self.customers if self.customers else None


@dataclass(frozen=True)
class Rfm:
    """All customers with an order by the data cut-off, whatever the period, by recency and frequency.

    active: the last purchase is no longer ago than three in four returning customers take to come back; cooling: than
    19 in 20 take; away: longer. once, some (2–3), often (4 and more): days with an order. `rhythm` None: nobody has
    ever come back, so that nothing says who is late.
    """

    groups: tuple[Group, ...]
    rhythm: Rhythm | None
    statements: tuple[Any, ...] = ()

    @property
    def customers(self) -> int:
        return sum(g.customers for g in self.groups)

    @property
    def revenue(self) -> float:
        return sum(g.revenue for g in self.groups)

    def of(self, recency: str, frequency: str) -> Group:
        found = (g for g in self.groups if (g.recency, g.frequency) == (recency, frequency))
        return next(found, Group(recency, frequency, 0, 0, 0.0))


def in_order(groups: Sequence[Group]) -> tuple[Group, ...]:
    """All nine groups, the most recent and frequent first."""
    rfm = Rfm(tuple(groups), None)
    return tuple(rfm.of(r, f) for r in RECENCIES for f in reversed(FREQUENCIES))
