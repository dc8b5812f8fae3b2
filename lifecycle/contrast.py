"""What sets quick stays apart from slow ones: every segment's life tables, tested and corrected for looking at many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scipy.stats import norm

from lifecycle.durations import LifeTable, Point, Test, joined, log_rank
from lifecycle.life_rows import less
from lifecycle.rates import FEW, LEVEL, adjusted
from lifecycle.scope import Scope

QUICK, SLOW = 0.25, 0.75
EVEN = 9  # digits after which two figures are as large: engines add up in different orders

Tables = Mapping[str, Mapping[str | None, LifeTable]]


@dataclass(frozen=True)
class Segmented:
    """The stays of one stage by every segment: `tables` is segment → value → life table.

    `separations`: how far each segment tells quick stays from slow ones; `quick` and `slow`: which values lean to
    either end. All of them are corrected for looking at many.
    """

    scope: Scope
    stage: str
    tables: Mapping[str, Mapping[str | None, LifeTable]]
    separations: tuple[Separation, ...]
    quick: Leans
    slow: Leans
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


def separations(tables: Tables) -> tuple[Separation, ...]:
    """Every segment with two values or more, those that tell most first."""
    tests = {name: log_rank(list(values.values())) for name, values in tables.items()}
    known = {name: test for name, test in tests.items() if test}
    out = []
    for (name, test), p in zip(known.items(), adjusted([t.p for t in known.values()]), strict=True):
        enough = [(value, t) for value, t in tables[name].items() if value is not None and t.n >= FEW]
        enough.sort(key=lambda one: (_median(one[1]), one[0]))
        ends = (enough[0], enough[-1]) if len(enough) > 1 else (None, None)
        out.append(Separation(name, test, p, *ends))
    return tuple(sorted(out, key=lambda s: (-round(s.strength, EVEN), s.segment)))


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


@dataclass(frozen=True)
class Leans:
    """The time by which the quickest quarter had left, or after which the slowest was still in (None: not known yet),
    and how much each value leans to that end, the most first."""

    at: float | None
    rows: tuple[Lean, ...] = ()


def leans(tables: Tables) -> tuple[Leans, Leans]:
    """Who is over-represented among the quickest quarter, and among the slowest."""
    compared = [
        (name, value, table, rest)
        for name, values in tables.items()
        for value, table, rest in beside_others(values)
        if value is not None and table.n >= FEW and rest.n >= FEW
    ]
    whole = joined(next(iter(tables.values()), {}).values())
    quick, slow = (_leans(compared, whole.quantile(q), q) for q in (QUICK, SLOW))
    return quick, slow


def beside_others(values: Mapping[str | None, LifeTable]) -> Iterator[tuple[str | None, LifeTable, LifeTable]]:
    """Each value with its life table, and that of all others: the whole less its own."""
    whole = joined(values.values()).columns
    for value, table in values.items():
        yield value, table, LifeTable(less(whole, table.columns))


def _leans(compared: Sequence[tuple[str, str | None, LifeTable, LifeTable]], at: float | None, q: float) -> Leans:
    if at is None:
        return Leans(None)
    found, p_values = [], []
    for name, value, table, rest in compared:
        here, there = table.at(at), rest.at(at)
        share, low, high = _share(here, q)
        found.append(Lean(name, value, table.n, share, low, high, _share(there, q)[0], 1.0))
        p_values.append(_p(table, rest, here, there))
    tested = [replace(lean, p=p) for lean, p in zip(found, adjusted(p_values), strict=True)]
    most_first = sorted(tested, key=lambda one: (-round(one.share - one.others, EVEN), one.segment, one.value or ""))
    return Leans(at, tuple(most_first))


def _share(point: Point, q: float) -> tuple[float, float, float]:
    """The share that had left (of the quick) or was still in (of the slow), with its band."""
    if q == QUICK:
        return 1 - point.survival, 1 - point.high, 1 - point.low
    return point.survival, point.low, point.high


def _p(table: LifeTable, rest: LifeTable, here: Point, there: Point) -> float:
    """Two survival curves at a fixed time: z test with Greenwood's variances."""
    variance = table.variance(here.seconds) + rest.variance(there.seconds)
    return float(2 * norm.sf(abs(here.survival - there.survival) / variance**0.5)) if variance else 1.0
