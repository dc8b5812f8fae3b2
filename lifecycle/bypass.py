"""Why sales takes leads that marketing never handed over: what sets them apart from those that it did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from lifecycle.rates import LEVEL, Rate, adjusted
from lifecycle.where import Row, p_value


@dataclass(frozen=True)
class Trait:
    """One value of a segment: its share among the bypasses, and among the accepted leads that were handed over.

    `p`: the score test of the two shares, corrected for looking at many values.
    """

    segment: str
    value: str | None
    bypass: Rate
    accepted: Rate
    p: float = 1.0

    @property
    def more(self) -> float:
        """By how much the share is larger among bypasses."""
        return (self.bypass.value or 0.0) - (self.accepted.value or 0.0)

    @property
    def differs(self) -> bool:
        """More frequent among bypasses by more than chance."""
        return self.p < LEVEL and self.more > 0


@dataclass(frozen=True)
class Middle:
    """The median of a number among the bypasses and among the accepted leads that were handed over, with their n."""

    segment: str
    bypass: float | None
    n_bypass: int
    accepted: float | None
    n_accepted: int


@dataclass(frozen=True)
class Evidence:
    """The answer: traits by how much more frequent they are among bypasses, and the medians of numbers."""

    n: int
    traits: tuple[Trait, ...]
    middles: tuple[Middle, ...]
    statements: tuple[Any, ...] = ()


def traits(segments: Iterable[tuple[Row, ...]]) -> tuple[Trait, ...]:
    """One trait per value of every segment, the most telling first."""
    made = []
    for rows in segments:
        bypass, accepted = sum(r.agreement.bypass for r in rows), sum(r.agreement.accepted for r in rows)
        if bypass and accepted:
            made += [
                Trait(r.segment, r.value, Rate(r.agreement.bypass, bypass), Rate(r.agreement.accepted, accepted))
                for r in rows
            ]
    p_values = adjusted([p_value(t.bypass, t.accepted) for t in made])
    return tuple(sorted((replace(t, p=p) for t, p in zip(made, p_values, strict=True)), key=lambda t: (t.p, -t.more)))
