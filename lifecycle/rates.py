"""Rates: a numerator and a denominator that never part, with their intervals and differences."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

FEW = 30  # below this many, a rate is flagged
KEPT = 20_000  # intervals that are remembered


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
        return _wilson(self.numerator, self.denominator)

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


@dataclass(frozen=True)
class Difference:
    """`value` = now − before in 0…1 with its 95 % interval (Newcombe 1998, hybrid score)."""

    value: float
    low: float
    high: float

    @property
    def significant(self) -> bool:
        return self.low > 0 or self.high < 0


def difference(now: Rate, before: Rate) -> Difference | None:
    """The change of a rate between two independent groups; None where either is undefined."""
    if now.value is None or before.value is None:
        return None
    return Difference(now.value - before.value, *_newcombe(now, before))


def adjusted(p_values: list[float]) -> list[float]:
    """p values corrected for looking at many segments at once (Benjamini and Hochberg 1995)."""
    return [float(p) for p in multipletests(p_values, method="fdr_bh")[1]] if p_values else []


# A page shows the same rates at every rerun, and the library takes half a millisecond for one.
@lru_cache(maxsize=KEPT)
def _wilson(numerator: int, denominator: int) -> tuple[float, float]:
    low, high = proportion_confint(numerator, denominator, method="wilson")
    return float(low), float(high)


@lru_cache(maxsize=KEPT)
def _newcombe(now: Rate, before: Rate) -> tuple[float, float]:
    low, high = confint_proportions_2indep(
        now.numerator, now.denominator, before.numerator, before.denominator, compare="diff", method="newcomb"
    )
    return float(low), float(high)
