"""Velocity: qualified opportunities × average value × win rate ÷ cycle days, and what changed it.

One look-back for all four: the deals *created* in the period, followed to as_of, so that the factors speak of the same
deals. Sales qualifies by opening a deal: every deal counts as a qualified opportunity, whatever its stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import combinations
from math import erfc, exp, hypot, log, sqrt
from typing import Any

from lifecycle.pipeline import DAY, Estimate, Pipeline
from lifecycle.rates import LEVEL, Rate, adjusted
from lifecycle.scope import Scope
from lifecycle.volumes import is_over, is_whole

FACTORS = ("opportunities", "average_value", "win_rate", "cycle_days")


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
        return self.ratio.is_change


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

    @cached_property
    def now(self) -> Factors:
        return factors(self.whole, self.days)

    @property
    def calendar_days(self) -> int | None:
        """The days of the period that have begun by as_of; None where it has no beginning."""
        if self.scope.start is None:
            return None
        today = self.scope.calendar.day(self.scope.as_of)
        end = min(self.scope.end, today + timedelta(days=1)) if self.scope.end else today + timedelta(days=1)
        return max((end - self.scope.start).days, 0) or None

    @property
    def per_day(self) -> float | None:
        """Opportunities × average value × win rate ÷ the days of the period: what its deals bring per calendar day.

        Velocity divides by the days that a win takes instead: it compares how fast deals become money, and grows with
        the number of deals looked at; this is the pace of revenue that they amount to.
        """
        now, days = self.now, self.calendar_days
        if not (now.opportunities and now.average_value and now.win_rate and days):
            return None
        return now.opportunities.value * now.average_value.value * now.win_rate.value / days

    @cached_property
    def before(self) -> Factors | None:
        return factors(self.comparison.whole, self.days) if self.comparison else None


@dataclass(frozen=True)
class Ends:
    """The parts that bring most and least a day, as (part, velocity); `clear`: more than chance tells them apart."""

    most: tuple[Part, Estimate]
    least: tuple[Part, Estimate]
    clear: bool


def ends(found: Velocity) -> Ends | None:
    """The fastest part and the slowest; None with fewer than two whose velocity is known.

    The ratio of each two is judged, corrected for looking at all of them (Benjamini and Hochberg 1995).
    """
    each = [(part, factors(part.pipeline, found.days).velocity) for part in found.parts]
    ranked = sorted(((part, v) for part, v in each if v and v.value > 0), key=lambda pair: -pair[1].value)
    if len(ranked) < 2:
        return None
    pairs = list(combinations(range(len(ranked)), 2))
    p_values = adjusted([_equal(ranked[i][1], ranked[j][1]) for i, j in pairs])
    return Ends(ranked[0], ranked[-1], p_values[pairs.index((0, len(ranked) - 1))] < LEVEL)


def _equal(a: Estimate, b: Estimate) -> float:
    """The p value of two velocities being equal, by the logarithm of their ratio."""
    return erfc(abs(log(a.value / b.value)) / (hypot(a.error, b.error) * sqrt(2)))


@dataclass(frozen=True)
class Period:
    """The deals created in one period of the scope's grain.

    `is_over`: no more can come. `immature`: not all of them have reached the age at which they are judged.
    """

    period: date
    pipeline: Pipeline
    is_over: bool
    immature: bool


@dataclass(frozen=True)
class Course:
    """Velocity over time: each period's own deals, judged at the same age of `days`."""

    scope: Scope
    days: int
    periods: tuple[Period, ...]
    statements: tuple[Any, ...] = ()


def course(scope: Scope, days: int, found: Sequence[tuple[date, Pipeline]]) -> tuple[Period, ...]:
    """The periods in order, with those marked that are not over, or whose last deal is not yet `days` old at as_of."""
    made = []
    for period, pipeline in found:
        end = scope.calendar.instant(scope.calendar.step(period, scope.grain))
        immature = (scope.as_of - end).total_seconds() < days * DAY
        made.append(Period(period, pipeline, is_over(scope, period), immature))
    return tuple(made)


@dataclass(frozen=True)
class Latest:
    """The last whole period whose deals are all old enough, beside the `n_before` such periods before it.

    `ratio`: its velocity ÷ their geometric mean. `steps`: what each factor adds to the logarithm of the ratio.
    """

    period: date
    n_before: int
    ratio: Estimate
    steps: tuple[tuple[str, float], ...]


def latest(found: Course) -> Latest | None:
    """How the velocity stands at last; None without two periods of which it is known.

    The geometric mean, since the logarithm of the velocity is the sum of those of its factors, as in `split`.
    """
    whole = [p for p in found.periods if not p.immature and is_whole(found.scope, p.period)]
    known = [(p.period, at, at.velocity) for p in whole if (at := factors(p.pipeline, found.days)).velocity]
    if len(known) < 2:
        return None
    *before, (period, now, velocity) = known
    n = len(before)
    steps = []
    for name in FACTORS:
        step = log(getattr(now, name).value) - sum(log(getattr(at, name).value) for _, at, _ in before) / n
        steps.append((name, -step if name == "cycle_days" else step))
    errors = [each.error for *_, each in before if each]
    error = sqrt((velocity.error if velocity else 0.0) ** 2 + sum(e**2 for e in errors) / n**2)
    return Latest(period, n, Estimate(exp(sum(step for _, step in steps)), error), tuple(steps))
