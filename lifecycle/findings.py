"""What a funnel's numbers say: the evidence behind titles, comparisons and breakdowns. Silent below significance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from statsmodels.stats.proportion import test_proportions_2indep

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
    """The rate of a step now and in the compared period; None where one of them is undefined."""

    step: Step
    now: Rate
    before: Rate
    difference: Difference | None


def changes(answer: Funnel) -> list[Change]:
    """How the rate of each step differs from the compared period's."""
    if answer.comparison is None:
        return []
    out = []
    for step in steps_to_follow(answer.whole):
        now, before = rate_of(answer.whole, step), rate_of(answer.comparison.whole, step)
        out.append(Change(step, now, before, difference(now, before)))
    return out


def clearest(found: Sequence[Change]) -> Change | None:
    """The largest change that chance does not explain, judged over all steps at once (Benjamini and Hochberg)."""
    tested = [c for c in found if c.difference]
    p_values = adjusted([p_value(c.now, c.before) for c in tested])
    sure = [c for c, p in zip(tested, p_values, strict=True) if p < LEVEL and c.difference and c.difference.significant]
    return max(sure, key=lambda c: abs(c.difference.value) if c.difference else 0, default=None)


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
    found = []
    for name, rate in rates.items():
        n, d = (sum(getattr(r, part) for r in rates.values()) for part in ("numerator", "denominator"))
        found.append(Standout(name, rate, Rate(n - rate.numerator, d - rate.denominator)))
    tested = [s for s in found if s.difference]
    p_values = adjusted([p_value(s.rate, s.rest) for s in tested])
    sure = [s for s, p in zip(tested, p_values, strict=True) if p < LEVEL and s.difference and s.difference.significant]
    return sorted(sure, key=lambda s: -abs(s.difference.value) if s.difference else 0)


def p_value(a: Rate, b: Rate) -> float:
    """Of two rates being equal: the score test, with pooled variance; 1 where they are equal or undefined."""
    if a.value is None or b.value is None or a.value == b.value:
        return 1.0
    low, high = (a, b) if a.value < b.value else (b, a)  # the test divides by the second
    test = test_proportions_2indep(
        low.numerator,
        low.denominator,
        high.numerator,
        high.denominator,
        compare="diff",
        method="score",
        correction=False,
    )
    return float(test.pvalue)
