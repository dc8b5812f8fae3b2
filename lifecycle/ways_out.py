"""Where stays have gone by a fixed time: shares with intervals, and how they differ between groups or periods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import erfc, sqrt

from lifecycle.contrast import beside_others
from lifecycle.durations import OPEN, LifeTable
from lifecycle.rates import FEW, LEVEL, Difference, adjusted, difference, wilson
from lifecycle.time_in_stage import DAY


@dataclass(frozen=True)
class Share:
    """The share of `n` stays that has gone one way by a time, those not seen for so long counted as waiting.

    Its interval is Wilson's (1927) for `effective` stays: as many as would tell the share as surely if all of them had
    been seen for so long, which is `n` where they were.
    """

    value: float
    n: int
    variance: float
    effective: float

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.value, self.effective)


@dataclass(frozen=True)
class Gap:
    """One way out of a stage (`OPEN`: still in it) by a time, here and there: all others, or the compared period.

    `difference`: with its 95 % interval (Newcombe 1998). `clear`: chance does not explain it, judged over all ways and
    groups that are looked at together (Benjamini and Hochberg 1995). Without a `name` it is of the two periods.
    """

    outcome: str
    here: Share
    there: Share
    difference: Difference
    name: str | None = None
    is_part: bool = False
    clear: bool = False


def gone(table: LifeTable, outcome: str, seconds: float) -> Share | None:
    """The share that has gone one way by a time; None where fewer than 30 were seen that long, or gone before."""
    known = table.n - table.censored_before(seconds)
    if known < FEW:
        return None
    ways = [*table.outcomes] if outcome == OPEN else [outcome]
    value, variance = table.share(ways, seconds), table.share_variance(ways, seconds)
    value = min(1.0, 1 - value if outcome == OPEN else value)
    return Share(value, table.n, variance, value * (1 - value) / variance if variance > 0 else known)


def told_until(tables: Iterable[LifeTable], most: float) -> float:
    """The time, of `most` seconds at most, until which each of those with 30 stays or more can be told; whole days."""
    seen = min([most, *(table.seen for table in tables if table.n >= FEW)])
    return seen // DAY * DAY if seen > 2 * DAY else seen


def between_parts(tables: Mapping[str | None, LifeTable], outcomes: Sequence[str], seconds: float) -> tuple[Gap, ...]:
    """How the ways out differ between each part and all others together by a time; the clearest first."""
    return _judged(
        replace(gap, name=value, is_part=True)
        for value, table, rest in beside_others(tables)
        for gap in _gaps(table, rest, outcomes, seconds)
    )


def since_before(now: LifeTable, before: LifeTable, outcomes: Sequence[str], seconds: float) -> tuple[Gap, ...]:
    """How the ways out by a time differ from those of the compared period; the clearest first."""
    return _judged(_gaps(now, before, outcomes, seconds))


def _gaps(here: LifeTable, there: LifeTable, outcomes: Sequence[str], seconds: float) -> list[Gap]:
    pairs = [(outcome, gone(here, outcome, seconds), gone(there, outcome, seconds)) for outcome in outcomes]
    return [Gap(how, a, b, d) for how, a, b in pairs if a and b and (d := difference(a, b))]


def _judged(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    gaps = list(gaps)
    p_values = adjusted([_p(gap.here, gap.there) for gap in gaps])
    told = [replace(g, clear=p < LEVEL and g.difference.significant) for g, p in zip(gaps, p_values, strict=True)]
    return tuple(sorted(told, key=lambda g: (not g.clear, -abs(g.difference.value))))


def _p(a: Share, b: Share) -> float:
    """Of two shares being equal: z test with their variances (Klein and others 2007); 1 where nothing varies."""
    variance = a.variance + b.variance
    return erfc(abs(a.value - b.value) / sqrt(2 * variance)) if variance else 1.0
