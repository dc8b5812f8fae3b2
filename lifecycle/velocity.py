"""Velocity: qualified opportunities × average value × win rate ÷ cycle days, and what changed it.

One look-back for all four: the deals *created* in the period, followed to as_of, so that the factors speak of the same
deals. Sales qualifies by opening a deal: every deal counts as a qualified opportunity, whatever its stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from math import exp, log, sqrt
from typing import Any

from lifecycle.durations import LifeTable, Z
from lifecycle.moves import time_of
from lifecycle.rates import Rate
from lifecycle.scope import Scope

WON, LOST = "won", "lost"
DAY = 86_400.0
HORIZONS = (7, 14, 30, 60, 90, 120, 180, 270, 365, 545, 730, 1_095)  # ages, in days, at which deals are judged
FACTORS = ("opportunities", "average_value", "win_rate", "cycle_days")


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
        to that age. Variance: Marubini and Valsecchi (1995), as in Klein and Moeschberger (2003), 4.7.2.
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
            variance += before**2 * (rest**2 * left + (1 - 2 * rest) * won) / at_risk**2
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


@dataclass(frozen=True)
class Factors:
    """The four factors of deals judged at an age of `days`, each None where it is not defined."""

    days: int
    opportunities: Estimate | None
    average_value: Estimate | None
    win_rate: Estimate | None
    cycle_days: Estimate | None

    @property
    def velocity(self) -> Estimate | None:
        """Money per day: opportunities × average value × win rate ÷ cycle days.

        What the deals created in the period are expected to bring, for each day that a win takes. The interval adds up
        the relative variances of the factors, taken as independent. None where a factor is not defined, or nothing was
        won.
        """
        parts = [getattr(self, name) for name in FACTORS]
        if any(part is None or not part.value for part in parts):
            return None
        n, value, rate, cycle = parts
        return Estimate(n.value * value.value * rate.value / cycle.value, sqrt(sum(p.error**2 for p in parts)))


def factors(pipeline: Pipeline, days: int) -> Factors:
    """The factors of a pipeline, judged at that age."""
    p = pipeline
    return Factors(days, p.opportunities(), p.average_value(), p.win_rate(days), p.cycle_days(days))


def horizon(pipeline: Pipeline) -> int:
    """The age at which deals are judged, unless the reader chooses one: by then nine in ten of the wins are made.

    Of the wins that the curve expects up to the oldest deal seen; the next of a few round numbers of days.
    """
    seen = [days for days in HORIZONS if pipeline.reaches(days)] or [HORIZONS[0]]
    wins = time_of(pipeline.table, WON, 0.9)
    return next((days for days in seen if wins is not None and days * DAY > wins), seen[-1])


@dataclass(frozen=True)
class Split:
    """A change of velocity in money per day: `steps` pairs each factor with its part; they add up exactly."""

    before: float
    now: float
    steps: tuple[tuple[str, float], ...]
    ratio: Estimate  # now ÷ before

    @property
    def significant(self) -> bool:
        """Whether chance does not explain the change: its 95 % interval leaves out none at all."""
        return self.ratio.low > 1 or self.ratio.high < 1


def split(now: Factors, before: Factors) -> Split | None:
    """What each factor did to the velocity since the compared period; None where one of the two is not defined.

    ln(now ÷ before) is the sum of the logarithms of the four ratios (that of the cycle negative); each is turned into
    money by the logarithmic mean (now − before) ÷ ln(now ÷ before), so that nothing is left over (Ang 2004, LMDI).
    """
    new, old = now.velocity, before.velocity
    if new is None or old is None:
        return None
    change = log(new.value / old.value)
    mean = (new.value - old.value) / change if change else new.value
    steps = []
    for name in FACTORS:
        a, b = getattr(now, name).value, getattr(before, name).value
        steps.append((name, mean * (log(b / a) if name == "cycle_days" else log(a / b))))
    ratio = Estimate(new.value / old.value, sqrt(new.error**2 + old.error**2))
    return Split(old.value, new.value, tuple(steps), ratio)


@dataclass(frozen=True)
class Part:
    """The deals of one value of the breakdown (`values`: those it holds)."""

    name: str | None
    values: tuple[str | None, ...]
    pipeline: Pipeline


@dataclass(frozen=True)
class Velocity:
    """The answer, all of it judged at the age of `days`. `recent`: won ÷ (won + lost) of what was closed in the period,
    the rate that most reports show. `parts`: by the breakdown, where one is chosen."""

    model: str
    build: int
    scope: Scope
    days: int
    whole: Pipeline
    recent: Rate
    parts: tuple[Part, ...] = ()
    comparison: Velocity | None = None
    statements: tuple[Any, ...] = ()

    @property
    def now(self) -> Factors:
        return factors(self.whole, self.days)

    @property
    def before(self) -> Factors | None:
        return factors(self.comparison.whole, self.days) if self.comparison else None


@dataclass(frozen=True)
class Period:
    """The deals created in one period of the scope's grain; `immature`: not all of them have reached the age."""

    period: date
    pipeline: Pipeline
    immature: bool


@dataclass(frozen=True)
class Course:
    """Velocity over time: each period's own deals, judged at the same age of `days`."""

    scope: Scope
    days: int
    periods: tuple[Period, ...]
    statements: tuple[Any, ...] = ()


def course(scope: Scope, days: int, found: Sequence[tuple[date, Pipeline]]) -> tuple[Period, ...]:
    """The periods in order, with those marked whose last deal is not yet `days` old at as_of."""
    made = []
    for period, pipeline in found:
        end = scope.calendar.instant(scope.calendar.step(period, scope.grain))
        made.append(Period(period, pipeline, (scope.as_of - end).total_seconds() < days * DAY))
    return tuple(made)
