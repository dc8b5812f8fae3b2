"""The ends and steps of a range widget, from the lowest and highest value a segment has."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Any

from lifecycle.segments import Segment

Bound = float | date


@dataclass(frozen=True)
class Limits:
    """The ends of a range widget; `step` is 0 for days. Without two different ends there is nothing to choose."""

    low: Any = None
    high: Any = None
    step: float = 0

    @property
    def is_open(self) -> bool:
        return self.low is not None and self.low < self.high

    def clamp(self, low: Bound | None, high: Bound | None) -> tuple[Bound, Bound]:
        """Both bounds within the ends; an open bound is the end itself."""
        if not self.is_open:
            return low or self.low, high or self.high
        return (
            self.low if low is None else min(max(low, self.low), self.high),
            self.high if high is None else max(min(high, self.high), self.low),
        )


def limits(segment: Segment) -> Limits:
    """Ends on round numbers, about a hundred to a thousand steps apart; for dates the first and last day themselves."""
    if segment.low is None or segment.high is None:
        return Limits()
    if segment.kind == "date":
        return Limits(date.fromisoformat(str(segment.low)[:10]), date.fromisoformat(str(segment.high)[:10]))
    low, high = float(segment.low), float(segment.high)
    if not math.isfinite(high - low) or high <= low:
        return Limits()
    step = 10.0 ** math.floor(math.log10((high - low) / 100))
    whole = low.is_integer() and high.is_integer()
    step = max(step, 1.0) if whole else step
    return Limits(math.floor(low / step) * step, math.ceil(high / step) * step, step)
