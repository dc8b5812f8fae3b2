"""The ends and steps of a range widget, from the lowest and highest value a segment has."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Any

from lifecycle.segments import Segment, Span


@dataclass(frozen=True)
class Limits:
    """The ends of a range widget, numbers (as floats) or days, and its step (0 for days); both None where unknown."""

    low: Any = None
    high: Any = None
    step: float = 0

    @property
    def is_open(self) -> bool:
        """Whether there are two different ends, so something to choose."""
        return self.low is not None and self.low < self.high

    def spell(self, span: Span) -> list[str]:
        """The two bounds as the widget writes them into the URL: within the ends, an open bound at the end itself."""
        bounds = (self.low if span.low is None else span.low, self.high if span.high is None else span.high)
        return [plain(min(max(bound, self.low), self.high) if self.is_open else bound) for bound in bounds]


def plain(bound: float | date) -> str:
    """A bound in the shortest form that reads back as itself: `10`, `0.25`, `2026-02-28`."""
    return str(int(bound)) if isinstance(bound, float) and bound.is_integer() else str(bound)


def limits(segment: Segment) -> Limits:
    """Ends on round numbers, a hundred to a thousand steps apart; for dates the first and last day themselves."""
    if segment.low is None or segment.high is None:
        return Limits()
    if segment.kind == "date":
        return Limits(date.fromisoformat(str(segment.low)[:10]), date.fromisoformat(str(segment.high)[:10]))
    low, high = float(segment.low), float(segment.high)
    if not math.isfinite(high - low) or high <= low:
        return Limits()
    step = 10.0 ** math.floor(math.log10((high - low) / 100))
    if low.is_integer() and high.is_integer():
        step = max(step, 1.0)
    return Limits(math.floor(low / step) * step, math.ceil(high / step) * step, step)
