"""What sets quick stays apart from slow ones: every segment's life tables, tested and corrected for looking at many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scipy.stats import norm

from lifecycle.durations import LifeTable, Point, Test, joined, log_rank
from lifecycle.rates import FEW, adjusted
from lifecycle.scope import Scope

LEVEL = 0.05
QUICK, SLOW = 0.25, 0.75


@dataclass(frozen=True)
class Segmented:
    """The stays of one stage by every segment: `tables` is segment → value → life table."""

    scope: Scope
    stage: str
    tables: Mapping[str, Mapping[str | None, LifeTable]]
    statements: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Separation:
    """How far a segment tells quick stays from slow ones: log-rank between its values, p corrected over segments.

    `fastest` and `slowest` are the values with the shortest and longest median, of those that are set and have 30 stays
    or more; a median that is not reached is the longest. None where fewer than two have so many.
    """

    segment: str
    test: Test
    p: float
    fastest: tuple[str | None, LifeTable] | None
    slowest: tuple[str | None, LifeTable] | None

    @property
    def is_clear(self) -> bool:
        return self.p < LEVEL

    @property
    def strength(self) -> float:
        """Chi-squared per degree of freedom: what segments are ranked by."""
        return self.test.statistic / self.test.df


def separations(found: Segmented) -> list[Separation]:
    """Every segment with two values or more, those that tell most first."""
    tests = {name: log_rank(list(values.values())) for name, values in found.tables.items()}
    known = {name: test for name, test in tests.items() if test}
    out = []
    for (name, test), p in zip(known.items(), adjusted([t.p for t in known.values()]), strict=True):
        enough = [(value, t) for value, t in found.tables[name].items() if value is not None and t.n >= FEW]
        enough.sort(key=lambda one: _median(one[1]))
        ends = (enough[0], enough[-1]) if len(enough) > 1 else (None, None)
        out.append(Separation(name, test, p, *ends))
    return sorted(out, key=lambda s: -s.strength)


def _median(table: LifeTable) -> float:
    median = table.quantile(0.5)
    return float("inf") if median is None else median


@dataclass(frozen=True)
class Lean:
    """How often one value of a segment is among the quickest (or slowest) quarter, and all others together.

    Of values that are set and have 30 stays or more.

    Shares are Kaplan and Meier's at the time by which a quarter (three quarters) of all had left, so that those still
    open count as far as they were seen; `p`: of no difference (Klein and others 2007), corrected over all values.
    """

    segment: str
    value: str | None
    n: int
    share: float
    low: float
    high: float
    others: float
    p: float

    @property
    def is_clear(self) -> bool:
        return self.p < LEVEL


def quickest(found: Segmented) -> tuple[float | None, list[Lean]]:
    """The time within which the quickest quarter left, and how much each value leans to it, the most first."""
    return _leans(found, QUICK)


def slowest(found: Segmented) -> tuple[float | None, list[Lean]]:
    """The time after which the slowest quarter was still in, and how much each value leans to it, the most first."""
    return _leans(found, SLOW)


def _leans(found: Segmented, q: float) -> tuple[float | None, list[Lean]]:
    whole = joined(next(iter(found.tables.values()), {}).values())
    at = whole.quantile(q)
    if at is None:
        return None, []
    leans, p_values = [], []
    for name, values in found.tables.items():
        for value, table in values.items():
            rest = joined(t for other, t in values.items() if other != value)
            if value is None or table.n < FEW or rest.n < FEW:
                continue
            here, there = table.at(at), rest.at(at)
            share, low, high = _share(here, q)
            leans.append(Lean(name, value, table.n, share, low, high, _share(there, q)[0], 1.0))
            p_values.append(_p(table, rest, here, there))
    tested = [Lean(**{**vars(lean), "p": p}) for lean, p in zip(leans, adjusted(p_values), strict=True)]
    return at, sorted(tested, key=lambda lean: -(lean.share - lean.others))


def _share(point: Point, q: float) -> tuple[float, float, float]:
    """The share that had left (of the quick) or was still in (of the slow), with its band."""
    if q == QUICK:
        return 1 - point.survival, 1 - point.high, 1 - point.low
    return point.survival, point.low, point.high


def _p(table: LifeTable, rest: LifeTable, here: Point, there: Point) -> float:
    """Two survival curves at a fixed time: z test with Greenwood's variances."""
    variance = table.variance(here.seconds) + rest.variance(there.seconds)
    return float(2 * norm.sf(abs(here.survival - there.survival) / variance**0.5)) if variance else 1.0
