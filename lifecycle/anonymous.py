"""The anonymous top of a lifecycle: daily counts of people nobody knows, beside the entries of the same days.

These are different people on every day, so what follows are ratios of counts, never conversion rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

from lifecycle.funnel import Ratio
from lifecycle.stages import StageModel

COLUMNS = ("strangers", "visitors")  # of the contract's traffic, from the top down


@dataclass(frozen=True)
class Level:
    """A row of the anonymous top, or the first known stage under it: what it is called, and its count per period."""

    label: str
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True)
class Ratios:
    """A level beside the one above it: lower ÷ upper per period, and over all of them."""

    upper: Level
    lower: Level

    @property
    def each(self) -> tuple[Ratio, ...]:
        return tuple(Ratio(n, d) for n, d in zip(self.lower.counts, self.upper.counts, strict=True))

    @property
    def whole(self) -> Ratio:
        return Ratio(self.lower.total, self.upper.total)


@dataclass(frozen=True)
class Top:
    """The anonymous levels from the top down, then the first known stage; counts stand in the order of `periods`."""

    periods: tuple[date, ...]
    levels: tuple[Level, ...]
    statements: tuple[Any, ...] = ()

    @property
    def ratios(self) -> list[Ratios]:
        """Each two neighbouring levels, from the top down."""
        return [Ratios(upper, lower) for upper, lower in pairwise(self.levels)]


def columns_of(model: StageModel, available: Sequence[str]) -> dict[str, str]:
    """Anonymous stage (its label) to the column of traffic that counts it: by name, else the first that no name has."""
    named = {s.key: f"{s.key}s" for s in model.anonymous if f"{s.key}s" in available}
    left = [c for c in COLUMNS if c in available and c not in named.values()]
    out: dict[str, str] = {}
    for stage in model.anonymous:
        column = named.get(stage.key) or (left.pop(0) if left else None)
        out |= {stage.label: column} if column else {}
    return out
