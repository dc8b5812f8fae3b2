"""Deals of a period as a pipeline: how many, what they are worth, how many are won by which age, and how soon.

What the warehouse returns is a life table with sums beside it; the factors of velocity are estimated from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import exp, sqrt

from lifecycle.durations import LifeTable, Z
from lifecycle.moves import time_of

WON, LOST = "won", "lost"
DAY = 86_400.0
HORIZONS = (7, 14, 30, 60, 90, 120, 180, 270, 365, 545, 730, 1_095)  # ages, in days, at which deals are judged


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; `error` is the standard error of its logarithm."""

    value: float
    error: float

    @property
    def low(self) -> float:
        return self.value * exp(-Z * self.error)

    @property
    def high(self) -> float:
        return self.value * exp(Z * self.error)

    @property
    def is_change(self) -> bool:
        """Of a ratio of two numbers: whether its interval leaves out that they are equal."""
        return self.low > 1 or self.high < 1


@dataclass(frozen=True)
class Lengths:
    """`n` deals of one bin of age with one outcome; `total` is the sum of their exact ages, in seconds."""

    seconds: float
    outcome: str
    n: int
    total: float


@dataclass(frozen=True)
class Pipeline:
    """Deals created in a period: by age at their outcome (open: at as_of), and what they are worth.

    `valued` of them have an amount; `amount` is the sum, `squares` the sum of the squares.
    """

    lengths: tuple[Lengths, ...] = ()
    valued: int = 0
    amount: float = 0.0
    squares: float = 0.0

    @cached_property
    def table(self) -> LifeTable:
        return LifeTable(tuple((b.seconds, b.outcome, b.n) for b in self.lengths))

    @property
    def n(self) -> int:
        return self.table.n

    def of(self, outcome: str) -> int:
        return sum(b.n for b in self.lengths if b.outcome == outcome)

    def reaches(self, days: int) -> bool:
        """Whether some deal is seen to that age, or none is left open before it."""
        oldest = max((b.seconds for b in self.lengths), default=0.0)
        return oldest + DAY >= days * DAY or bool(self.n and not self.table.censored)

    def opportunities(self) -> Estimate | None:
        """Deals created in the period: each is an opportunity that sales has qualified, by opening it."""
        return Estimate(self.n, 1 / sqrt(self.n)) if self.n else None

    def average_value(self) -> Estimate | None:
        """The mean amount of all these deals that have one, open and lost ones too.

        An amount is known from the first day; the mean of the won alone would favour the small ones that close first.
        """
        if not self.valued or self.amount <= 0:
            return None
        mean = self.amount / self.valued
        variance = max(self.squares / self.valued - mean**2, 0.0)
        return Estimate(mean, sqrt(variance / self.valued) / mean)

    def win_rate(self, days: int) -> Estimate | None:
        """The share of the deals won before they are so many days old (cumulative incidence, Aalen and Johansen 1978).

        Losing is a rival, not a censoring; open deals count for as long as they were seen. None while no deal was seen
        to that age. Variance by the delta method (Gaynor et al. 1993): without open deals that of a share.
        """
        if not self.reaches(days):
            return None
        steps = [(won, left, at_risk, before) for t, won, left, at_risk, before in self._steps if t < days * DAY]
        final = sum(before * won / at_risk for won, _, at_risk, before in steps)
        if not final:
            return Estimate(0.0, 0.0) if self.n else None
        variance, so_far = 0.0, 0.0
        for won, left, at_risk, before in steps:
            so_far += before * won / at_risk
            rest = final - so_far
            variance += rest**2 * left / (at_risk * (at_risk - left)) if at_risk > left else 0.0
            variance += before**2 * won * (at_risk - won) / at_risk**3 - 2 * rest * before * won / at_risk**2
        return Estimate(final, sqrt(max(variance, 0.0)) / final)

    def cycle_days(self, days: int) -> Estimate | None:
        """The mean days from creation to the win, of the deals won before that age.

        Each win weighs what the incidence gives it, so that the young do not make the cycle short.
        """
        if not self.reaches(days):
            return None
        exact = {b.seconds: b.total / b.n for b in self.lengths if b.outcome == WON and b.n}
        steps = [(exact[t] / DAY, before * won / r) for t, won, _, r, before in self._steps if won and t < days * DAY]
        weight = sum(w for _, w in steps)
        mean = sum(t * w for t, w in steps) / weight if weight else 0.0
        if not mean:
            return None
        wins = sum(b.n for b in self.lengths if b.outcome == WON and b.seconds < days * DAY)
        variance = sum(w * (t - mean) ** 2 for t, w in steps) / weight
        return Estimate(mean, sqrt(variance / wins) / mean)

    @cached_property
    def _steps(self) -> tuple[tuple[float, int, int, int, float], ...]:
        """Per age at which deals were closed: seconds, won, closed in all, at risk, and the share open before."""
        won = {b.seconds: b.n for b in self.lengths if b.outcome == WON}
        out, before = [], 1.0
        for p in self.table.curve:
            if p.left:
                out.append((p.seconds, won.get(p.seconds, 0), p.left, p.at_risk, before))
            before = p.survival
        return tuple(out)


def joined(pipelines: Iterable[Pipeline]) -> Pipeline:
    """Several pipelines as one: bins of the same age and outcome add up."""
    pipelines = list(pipelines)
    bins: dict[tuple[float, str], tuple[int, float]] = {}
    for p in pipelines:
        for b in p.lengths:
            n, total = bins.get((b.seconds, b.outcome), (0, 0.0))
            bins[b.seconds, b.outcome] = n + b.n, total + b.total
    return Pipeline(
        tuple(Lengths(seconds, outcome, *sums) for (seconds, outcome), sums in sorted(bins.items())),
        sum(p.valued for p in pipelines),
        sum(p.amount for p in pipelines),
        sum(p.squares for p in pipelines),
    )


def horizon(pipeline: Pipeline) -> int:
    """The age at which deals are judged, unless the reader chooses one: by then nine in ten of the wins are made.

    Of the wins that the curve expects up to the oldest deal seen; the next of a few round numbers of days.
    """
    seen = [days for days in HORIZONS if pipeline.reaches(days)] or [HORIZONS[0]]
    wins = time_of(pipeline.table, WON, 0.9)
    return next((days for days in seen if wins is not None and days * DAY > wins), seen[-1])
