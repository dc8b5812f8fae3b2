"""What a funnel's numbers say: the evidence behind titles, comparisons and breakdowns. Silent below significance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from math import ceil, erfc, sqrt

from lifecycle.funnel import Funnel, StageRow, TrendRow
from lifecycle.rates import LEVEL, Difference, Rate, adjusted, difference

MATURE = 0.9  # of all who will ever arrive, those who have by the time from which a period counts as mature


@dataclass(frozen=True)
class Step:
    """A conversion to look at: from one counted stage to another, by their keys and as people read them."""

    start: str
    end: str
    label: str


def steps_to_follow(rows: Sequence[StageRow]) -> list[Step]:
    """From the first stage to the last, then each from the one before it; a side stage leads nowhere."""
    chain = [r for r in rows if not r.optional]
    ends = [_step(chain[0], chain[-1])] if len(chain) > 2 else []
    return ends + single_steps(rows)


def single_steps(rows: Sequence[StageRow]) -> list[Step]:
    """From each stage to the next, past side stages."""
    return [_step(a, b) for a, b in pairwise(r for r in rows if not r.optional)]


def _step(a: StageRow, b: StageRow) -> Step:
    return Step(a.stage, b.stage, f"{a.label} → {b.label}")


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


def beside_others(rates: Mapping[str, Rate]) -> list[Standout]:
    """Each group beside the others together, whether they differ or not."""
    n, d = (sum(getattr(rate, part) for rate in rates.values()) for part in ("numerator", "denominator"))
    return [Standout(name, r, Rate(n - r.numerator, d - r.denominator)) for name, r in rates.items()]


def standouts(rates: Mapping[str, Rate]) -> list[Standout]:
    """Groups that differ from the others together, corrected for looking at many; the largest difference first."""
    found = beside_others(rates)
    clear = clearly_unequal([(s.rate, s.rest) for s in found])
    sure = [s for s, is_clear in zip(found, clear, strict=True) if is_clear]
    return sorted(sure, key=lambda s: -abs(s.difference.value) if s.difference else 0)


def parting(ways: Mapping[str, Sequence[StageRow]], steps: Sequence[Step]) -> tuple[Step, Standout] | None:
    """The step at which a group differs most from the others together, corrected for looking at every step of each."""
    found = [(step, s) for step in steps for s in beside_others({name: rate_of(w, step) for name, w in ways.items()})]
    clear = clearly_unequal([(s.rate, s.rest) for _, s in found])
    sure = [pair for pair, is_clear in zip(found, clear, strict=True) if is_clear]
    return max(sure, key=lambda pair: abs(pair[1].difference.value) if pair[1].difference else 0, default=None)


@dataclass(frozen=True)
class Latest:
    """The rate of the last period of a segment, beside those before it together; None where it is the only one.

    `clear`: chance does not explain the difference, judged over all segments at once.
    """

    last: PeriodRate
    before: Rate | None
    clear: bool = False

    @property
    def change(self) -> float:
        return (self.last.rate.value or 0.0) - (self.before.value or 0.0) if self.before else 0.0


def latest(found: Iterable[PeriodRate], *, arrived: float) -> list[Latest]:
    """How each segment's last period that had its time compares with those before; nothing of those without one.

    Periods before it were followed for longer. `arrived`: the least share of all who will arrive that it has seen; it
    is lower than before only where that does not explain it.
    """
    series: dict[str | None, list[PeriodRate]] = {}
    for p in found:
        if not p.immature and p.rate.denominator:
            series.setdefault(p.segment, []).append(p)
    lasts = [(points[-1], together([p.rate for p in points[:-1]])) for points in series.values()]
    clear = clearly_unequal([_equally_long(last.rate, before or last.rate, arrived) for last, before in lasts])
    return [Latest(*pair, is_clear) for pair, is_clear in zip(lasts, clear, strict=True)]


def _equally_long(last: Rate, before: Rate, arrived: float) -> tuple[Rate, Rate]:
    """Two rates of which the last may still grow: the last as it may become, at most as high as before."""
    if (last.value or 0.0) >= (before.value or 0.0):
        return last, before
    grown = Rate(min(ceil(last.numerator / arrived), last.denominator), last.denominator)
    return (grown, before) if (grown.value or 0.0) < (before.value or 0.0) else (before, before)


def together(rates: Sequence[Rate]) -> Rate | None:
    """Rates of different people as one; None of none."""
    return Rate(sum(r.numerator for r in rates), sum(r.denominator for r in rates)) if rates else None


@dataclass(frozen=True)
class Held:
    """The rate at which a stage is come to from the one before, beside the benchmark.

    `is_below`: by more than chance, judged over all stages at once.
    """

    row: StageRow
    rate: Rate
    benchmark: float
    is_below: bool = False

    @property
    def gap(self) -> float:
        return (self.rate.value or 0.0) - self.benchmark

    @property
    def p(self) -> float:
        """Of the rate being the benchmark: the score test, of which Wilson's interval is the inverse."""
        return erfc(abs(self.gap) / sqrt(2 * self.benchmark * (1 - self.benchmark) / self.rate.denominator))


def against_benchmarks(rows: Sequence[StageRow]) -> list[Held]:
    """The stages that can be held against a benchmark, the furthest below first."""
    known = [(r, r.step_conversion_rate, r.benchmark) for r in rows]
    found = [Held(r, rate, b) for r, rate, b in known if isinstance(rate, Rate) and rate.denominator and b and b < 1]
    p_values = adjusted([h.p for h in found])
    held = [replace(h, is_below=h.gap < 0 and p < LEVEL) for h, p in zip(found, p_values, strict=True)]
    return sorted(held, key=lambda h: h.gap)


def p_value(a: Rate, b: Rate) -> float:
    """Of two rates being equal: the score test, with pooled variance; 1 where they are equal or undefined."""
    if a.value is None or b.value is None or a.value == b.value:
        return 1.0
    pooled = (a.numerator + b.numerator) / (a.denominator + b.denominator)
    variance = pooled * (1 - pooled) * (1 / a.denominator + 1 / b.denominator)
    return erfc(abs(a.value - b.value) / sqrt(2 * variance))
