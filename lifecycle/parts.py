"""Parts of a breakdown beside each other, and a period beside another: which of their rates differ beyond chance."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from lifecycle.findings import clearly_unequal
from lifecycle.rates import Difference, Rate, difference

A = TypeVar("A")
S = TypeVar("S", bound=Hashable)


@dataclass(frozen=True)
class Part(Generic[A]):
    """The answer for one part of the breakdown (`name`: as people read it; `values`: those it holds)."""

    name: str | None
    values: tuple[str | None, ...]
    answer: A


@dataclass(frozen=True)
class Contrast(Generic[S]):
    """One rate in one group beside all others, or in the period beside the compared one; `about`: what it is a rate of.

    `clear`: chance does not explain the difference, judged over everything that is looked at together (95 % interval by
    Newcombe 1998; p values by Benjamini and Hochberg 1995). Without `values` it is of the two periods.
    """

    about: S
    here: Rate
    there: Rate
    name: str | None = None
    values: tuple[str | None, ...] = ()
    clear: bool = False
    difference: Difference | None = None


def beside_others(
    parts: Iterable[tuple[Part[A], Mapping[S, Rate]]], whole: Mapping[S, Rate]
) -> tuple[Contrast[S], ...]:
    """How each rate differs between a part of the breakdown and all the others together; the clearest first."""
    pairs = []
    for part, rates in parts:
        for about, rate in whole.items():
            here = rates[about]
            rest = Rate(rate.numerator - here.numerator, rate.denominator - here.denominator)
            pairs.append(Contrast(about, here, rest, part.name, part.values))
    return judged(pairs)


def beside_before(now: Mapping[S, Rate], before: Mapping[S, Rate]) -> tuple[Contrast[S], ...]:
    """How each rate differs from that of the compared period, seen equally long; the clearest first."""
    return judged(Contrast(about, rate, before[about]) for about, rate in now.items() if about in before)


def judged(pairs: Iterable[Contrast[S]]) -> tuple[Contrast[S], ...]:
    """Those with at least 30 on both sides, the clear ones first, each by the size of its difference."""
    kept = [pair for pair in pairs if not pair.here.few and not pair.there.few]
    clear = clearly_unequal([(pair.here, pair.there) for pair in kept])
    made = [
        replace(pair, clear=is_clear, difference=difference(pair.here, pair.there))
        for pair, is_clear in zip(kept, clear, strict=True)
    ]
    return tuple(sorted(made, key=lambda c: (not c.clear, -abs(c.difference.value) if c.difference else 0.0)))
