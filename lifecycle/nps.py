"""How willingly customers recommend: the net promoter score of those who answered, with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from math import erfc, sqrt
from typing import Any

from scipy.stats import norm

from lifecycle.rates import FEW, Rate
from lifecycle.scope import Scope

GROUPS = {"detractor": (0, 6), "passive": (7, 8), "promoter": (9, 10)}  # group → its lowest and highest score
Z = float(norm.ppf(0.975))


def group_of(score: float) -> str:
    """Detractor below 7, promoter from 9, else passive."""
    return "promoter" if score >= GROUPS["promoter"][0] else "passive" if score >= 7 else "detractor"


@dataclass(frozen=True)
class Nps:
    """Respondents by score (0 to 10): `scores` pairs a score with how many gave it."""

    scores: Mapping[int, int] = field(default_factory=dict)

    def _within(self, group: str) -> int:
        low, high = GROUPS[group]
        return sum(n for score, n in self.scores.items() if low <= score <= high)

    @property
    def n(self) -> int:
        return sum(self.scores.values())

    @property
    def promoters(self) -> int:
        return self._within("promoter")

    @property
    def passives(self) -> int:
        return self._within("passive")

    @property
    def detractors(self) -> int:
        return self._within("detractor")

    @property
    def value(self) -> float | None:
        """Per cent of promoters (9–10) less per cent of detractors (0–6), of those who answered: −100 to 100.

        Undefined without answers. Reichheld (2003).
        """
        return 100 * (self.promoters - self.detractors) / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval in points: adjusted Wald, three pseudo-answers added (Rocks 2016); None without answers."""
        if not self.n:
            return None
        centre, spread = self._centre
        return max(100 * (centre - Z * spread), -100.0), min(100 * (centre + Z * spread), 100.0)

    @property
    def _centre(self) -> tuple[float, float]:
        """Mean and standard error after adding ¾ of a promoter and of a detractor, and 1½ passives."""
        n = self.n + 3
        up, down = (self.promoters + 0.75) / n, (self.detractors + 0.75) / n
        return up - down, sqrt((up + down - (up - down) ** 2) / n)

    @property
    def few(self) -> bool:
        """Fewer than 30 answers: to be read with care."""
        return self.n < FEW

    def as_dict(self) -> dict[str, Any]:
        low, high = self.interval or (None, None)
        counts = {name: getattr(self, name) for name in ("n", "promoters", "passives", "detractors")}
        return {"nps": self.value, "low": low, "high": high, **counts}


@dataclass(frozen=True)
class Recommended:
    """The score alone: of the period, and of the compared one where there is one."""

    now: Nps
    before: Nps | None
    statements: tuple[Any, ...] = ()


@dataclass(frozen=True)
class NpsChange:
    """Points by which a score moved between two independent groups of respondents, with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def significant(self) -> bool:
        return self.low > 0 or self.high < 0

    @property
    def p(self) -> float:
        """Of no change at all, from the interval: its middle over its half, in standard errors."""
        return erfc(abs(self.high + self.low) / (self.high - self.low) * Z / sqrt(2))


def change(now: Nps, before: Nps) -> NpsChange | None:
    """The difference of two scores, its standard error from both adjusted ones; None where either has no answers."""
    if now.value is None or before.value is None:
        return None
    (a, s), (b, t) = now._centre, before._centre
    half = 100 * Z * sqrt(s**2 + t**2)
    return NpsChange(now.value - before.value, 100 * (a - b) - half, 100 * (a - b) + half)


def told(score: float) -> str:
    """A score as it is written, with its sign: `+31`."""
    return f"{round(score):+d}"  # of −0.4 no −0


def points(change: float) -> str:
    """By how much a score moved: `+4 points`; below one with a decimal."""
    shown = f"{change:+.0f}" if abs(change) >= 1 else f"{change:+.1f}"
    return f"{shown} {'point' if shown in ('+1', '-1') else 'points'}" if float(shown) else "unchanged"


@dataclass(frozen=True)
class Satisfaction:
    """Whether customers would recommend: the score of the period, per period of the grain, and per segment value.

    Each respondent counts once in the period, by the newest answer, and once in each part of the trend. `asked`: how
    many were asked at the same time, None where that is not recorded. `unusable`: answers outside 0 to 10, left out.
    """

    model: str
    build: int
    scope: Scope
    whole: Nps
    response: Rate | None
    dated: bool
    trend: tuple[tuple[date, Nps], ...]
    rows: tuple[tuple[str | None, Nps], ...] = ()
    unusable: int = 0
    comparison: Satisfaction | None = None
    statements: tuple[Any, ...] = ()
