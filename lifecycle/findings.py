"""What a funnel's numbers say: the evidence behind titles, comparisons and breakdowns. Silent below significance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from math import erfc, sqrt

from lifecycle.funnel import Funnel, StageRow, TrendRow
from lifecycle.rates import Difference, Rate, adjusted, difference

LEVEL = 0.05


@dataclass(frozen=True)
class Step:
    """A conversion to look at: from one counted stage to another, by their keys and as people read them."""

    start: str
    end: str
    label: str


def steps_to_follow(rows: Sequence[StageRow]) -> list[Step]:
    """From the first stage to the last, then each from the one before it; a side stage leads nowhere."""
    chain = [r for r in rows if not r.optional]
    pairs = [(chain[0], chain[-1])] if len(chain) > 2 else []
    pairs += list(pairwise(chain))
    return [Step(a.stage, b.stage, f"{a.label} → {b.label}") for a, b in pairs]


def rate_of(rows: Sequence[StageRow], step: Step) -> Rate:
    """The share of those due in the step's first stage that reached its last."""
    by_stage = {r.stage: r for r in rows}
    start, end = by_stage[step.start], by_stage[step.end]
    return Rate(end.entered, start.entered - (start.not_due or 0))


@dataclass(frozen=True)
class PeriodRate:
    """The rate of a step among the journeys of one period and segment."""

    period: date
    segment: str | None
    rate: Rate
    immature: bool


def rates_over_time(rows: Iterable[TrendRow], step: Step) -> list[PeriodRate]:
    """The rate of a step per period of the first stage and segment, in order."""
    cells: dict[tuple[date, str | None], dict[str, TrendRow]] = {}
    for row in rows:
        segment = next(iter(row.segment.values()), None)
        cells.setdefault((row.period, segment), {})[row.stage] = row
    out = []
    for (period, segment), stages in cells.items():
        start, end = stages[step.start], stages[step.end]
        out.append(PeriodRate(period, segment, Rate(end.entered, start.entered - start.not_due), start.immature))
    return out


def most_left(rows: Sequence[StageRow]) -> StageRow | None:
    """The stage at which most journeys left; None where none did."""
    row = max(rows, key=lambda r: r.left, default=None)
    return row if row and row.left else None


@dataclass(frozen=True)
class Change:
    """The rate of a step now and in the compared period. `clear`: chance does not explain the difference, judged over
    all steps at once; the difference is None where one of the rates is undefined."""

    step: Step
    now: Rate
    before: Rate
    clear: bool

    @property
    def difference(self) -> Difference | None:
        return difference(self.now, self.before)


def changes(answer: Funnel) -> list[Change]:
    """How the rate of each step differs from the compared period's.

    Intervals are Newcombe's (1998); a change is clear where its interval leaves out zero and its p value stays below
    5 % after the correction for looking at several steps (Benjamini and Hochberg 1995).
    """
    if answer.comparison is None:
        return []
    steps = steps_to_follow(answer.whole)
    pairs = [(rate_of(answer.whole, step), rate_of(answer.comparison.whole, step)) for step in steps]
    return [Change(step, *pair, clear) for step, pair, clear in zip(steps, pairs, clearly_unequal(pairs), strict=True)]


def clearest(found: Sequence[Change]) -> Change | None:
    """The largest change that is clear."""
    return max(
        (c for c in found if c.clear), key=lambda c: abs(c.difference.value) if c.difference else 0, default=None
    )


def clearly_unequal(pairs: Sequence[tuple[Rate, Rate]]) -> list[bool]:
    """For each pair of rates whether they differ by more than chance, corrected for looking at all of them at once."""
    found = [difference(a, b) for a, b in pairs]
    p_values = adjusted([p_value(a, b) for a, b in pairs])
    return [bool(d and d.significant and p < LEVEL) for d, p in zip(found, p_values, strict=True)]


@dataclass(frozen=True)
class Standout:
    """A group whose rate differs from that of all others together."""

    name: str
    rate: Rate
    rest: Rate

    @property
    def difference(self) -> Difference | None:
        return difference(self.rate, self.rest)


def standouts(rates: Mapping[str, Rate]) -> list[Standout]:
    """Groups that differ from the others together, corrected for looking at many; the largest difference first."""
    n, d = (sum(getattr(rate, part) for rate in rates.values()) for part in ("numerator", "denominator"))
    found = [Standout(name, r, Rate(n - r.numerator, d - r.denominator)) for name, r in rates.items()]
    clear = clearly_unequal([(s.rate, s.rest) for s in found])
    sure = [s for s, is_clear in zip(found, clear, strict=True) if is_clear]
    return sorted(sure, key=lambda s: -abs(s.difference.value) if s.difference else 0)


def p_value(a: Rate, b: Rate) -> float:
    """Of two rates being equal: the score test, with pooled variance; 1 where they are equal or undefined."""
    if a.value is None or b.value is None or a.value == b.value:
        return 1.0
    pooled = (a.numerator + b.numerator) / (a.denominator + b.denominator)
    variance = pooled * (1 - pooled) * (1 / a.denominator + 1 / b.denominator)
    return erfc(abs(a.value - b.value) / sqrt(2 * variance))
