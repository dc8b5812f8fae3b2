"""Rates: a numerator and a denominator that never part, with their intervals and differences."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, sqrt
from typing import Protocol

from statsmodels.stats.multitest import multipletests

Z = 1.959963984540054  # of the normal distribution, 97.5 % lie below
FEW = 30  # below this many, a rate is flagged


@dataclass(frozen=True)
class Rate:
    """A share of `denominator`: undefined, not zero, where there is nothing to divide by."""

    numerator: int
    denominator: int

    def __post_init__(self) -> None:
        if not 0 <= self.numerator <= self.denominator:
            raise ValueError(f"{self.numerator} of {self.denominator} is no share")

    @property
    def value(self) -> float | None:
        return self.numerator / self.denominator if self.denominator else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval (Wilson 1927); None where the rate is undefined."""
        if not self.denominator:
            return None
        return wilson(self.numerator / self.denominator, self.denominator)

    @property
    def few(self) -> bool:
        """Fewer than 30 underneath: to be read with care."""
        return self.denominator < FEW

    def as_dict(self) -> dict[str, float | int | None]:
        """numerator, denominator, value, low and high, as the terminal's JSON has them."""
        low, high = self.interval or (None, None)
        return {
            "numerator": self.numerator,
            "denominator": self.denominator,
            "value": self.value,
            "low": low,
            "high": high,
        }


def wilson(share: float, n: float) -> tuple[float, float]:
    """95 % interval of a share of `n` (Wilson 1927)."""
    middle, spread = share + Z**2 / (2 * n), Z * sqrt(share * (1 - share) / n + (Z / (2 * n)) ** 2)
    low, high = ((middle + sign * spread) / (1 + Z**2 / n) for sign in (-1, 1))
    return max(0.0, low) if share > 0 else 0.0, min(1.0, high) if share < 1 else 1.0


class Told(Protocol):
    """What has a value and an interval: a rate, or a share that was estimated."""

    @property
    def value(self) -> float | None: ...

    @property
    def interval(self) -> tuple[float, float] | None: ...


@dataclass(frozen=True)
class Difference:
    """`value` = now − before in 0…1 with its 95 % interval (Newcombe 1998, hybrid score)."""

    value: float
    low: float
    high: float

    @property
    def significant(self) -> bool:
        return self.low > 0 or self.high < 0


def difference(now: Told, before: Told) -> Difference | None:
    """The change of a rate between two independent groups; None where either is undefined."""
    if now.value is None or before.value is None or now.interval is None or before.interval is None:
        return None
    (low, high), (low_before, high_before) = now.interval, before.interval
    change = now.value - before.value
    down = hypot(now.value - low, high_before - before.value)
    up = hypot(high - now.value, before.value - low_before)
    return Difference(change, change - down, change + up)


def points(change: float) -> str:
    """A difference of two shares in 0…1 in percentage points, with its sign: `+4.2 pp`."""
    return f"{round(change * 100, 1) or 0.0:+.1f} pp"  # no change is not −0.0


LEVEL = 0.05  # a p value below it is more than chance, in every test


def adjusted(p_values: list[float]) -> list[float]:
    """p values corrected for looking at many segments at once (Benjamini and Hochberg 1995)."""
    return [float(p) for p in multipletests(p_values, method="fdr_bh")[1]] if p_values else []
