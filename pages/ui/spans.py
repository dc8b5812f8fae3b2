"""An axis of elapsed time: hours to months, chosen by how far it reaches, with ticks at round numbers."""

from __future__ import annotations

from dataclasses import dataclass
from math import log1p

HOUR, DAY = 3_600.0, 86_400.0
MONTH = 365.25 * DAY / 12
UNITS = ((4 * DAY, HOUR, "hours", "h"), (120 * DAY, DAY, "days", "d"), (float("inf"), MONTH, "months", "mo"))
STEPS = {"hours": (1, 2, 4, 6, 12, 24), "days": (1, 2, 5, 7, 10, 14, 30), "months": (1, 2, 3, 6, 12, 24, 60, 120)}
MOST_TICKS = 7
ROUND: tuple[tuple[float, str], ...] = (
    *((HOUR, "1 h"), (6 * HOUR, "6 h"), (DAY, "1 d"), (3 * DAY, "3 d"), (7 * DAY, "1 wk"), (14 * DAY, "2 wk")),
    *((MONTH, "1 mo"), (3 * MONTH, "3 mo"), (6 * MONTH, "6 mo"), (12 * MONTH, "1 yr"), (24 * MONTH, "2 yr")),
    *((60 * MONTH, "5 yr"), (120 * MONTH, "10 yr")),
)


@dataclass(frozen=True)
class Span:
    """Time from 0 to `end` seconds: `unit` seconds are one step of the axis; `ticks` pairs seconds with a label."""

    end: float
    unit: float
    name: str
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    def step(self, seconds: float, steps: int) -> int:
        """In which of so many equal parts of the drawn axis a time lies."""
        share = log1p(seconds / HOUR) / log1p(self.end / HOUR) if self.log else seconds / self.end
        return int(share * steps)

    def place(self, seconds: float) -> float:
        """Where an elapsed time stands on the axis."""
        return seconds / self.unit


def span(end: float, log: bool = False) -> Span:
    """The axis up to `end` seconds (an hour at the least); a logarithmic one counts in days."""
    end = max(end, HOUR)
    if log:
        some = ROUND if end <= 2 * MONTH else ROUND[1::2]  # few enough to stand side by side
        return Span(end, DAY, "days", ((0.0, "0"), *((at, label) for at, label in some if at <= end)), log=True)
    _, unit, name, short = next(found for found in UNITS if end <= found[0])
    step = next((s for s in STEPS[name] if end / unit / s <= MOST_TICKS), STEPS[name][-1])
    numbers = range(0, int(end / unit) + 1, step)
    return Span(end, unit, name, tuple((n * unit, f"{n} {short}" if n else "0") for n in numbers))
