"""How satisfied customers are: the share of satisfied answers, on the scale that the survey asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from lifecycle.rates import Rate
from lifecycle.scope import Scope

SATISFIED = {5: 4, 10: 8}  # highest score of the scale → the lowest that counts as satisfied: four fifths of it


def scale_of(highest: int | None) -> int:
    """The scale of a survey by the highest score ever given: up to 5, or up to 10."""
    return 10 if highest is None or highest > 5 else 5


@dataclass(frozen=True)
class Csat:
    """Respondents by score on a scale up to 5 or 10: `scores` pairs a score with how many gave it."""

    scores: Mapping[int, int] = field(default_factory=dict)
    scale: int = 10

    @property
    def n(self) -> int:
        return sum(self.scores.values())

    @property
    def rate(self) -> Rate:
        """Satisfied ÷ all who answered: 4 and 5 on a scale up to 5, 8 to 10 on a scale up to 10.

        The scale is the survey's own: up to 5 where no answer was ever higher, else up to 10.
        """
        return Rate(sum(n for score, n in self.scores.items() if score >= SATISFIED[self.scale]), self.n)

    def as_dict(self) -> dict[str, Any]:
        return {"scale": self.scale, **self.rate.as_dict()}


@dataclass(frozen=True)
class Contentment:
    """Answers to surveys on satisfaction: the share satisfied in the period, over time and by segment value.

    Each respondent counts once in the period, by the newest answer, and once in each part of the trend. `response`:
    answered of those asked, in the period where the asking is dated, else ever. `unusable`: answers outside 0 to 10.
    """

    model: str
    build: int
    scope: Scope
    whole: Csat
    response: Rate
    dated: bool
    trend: tuple[tuple[date, Csat], ...]
    rows: tuple[tuple[str | None, Csat], ...] = ()
    unusable: int = 0
    comparison: Contentment | None = None
    statements: tuple[Any, ...] = ()

    @property
    def is_asked(self) -> bool:
        """Whether anybody was ever asked how satisfied they are, in the scope of the response rate."""
        return self.response.denominator > 0 or self.whole.n > 0
