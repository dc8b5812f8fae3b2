"""Two models side by side: which stage of one corresponds to which of the other, by the entities that were in both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lifecycle.rates import Rate

POSITIONS = {"furthest": "Furthest stage", "current": "Current stage"}


@dataclass(frozen=True)
class Cell:
    """`n` entities with the stages they have in one model and in the other.

    For the position `furthest` these are all stages they entered, in order; for `current` the one they are in. None at
    all: the entity is not in that model.
    """

    here: tuple[str, ...]
    there: tuple[str, ...]
    n: int


@dataclass(frozen=True)
class Match:
    """The stage of the other model that corresponds best to `stage`; None where nobody is in both.

    `overlap` = entities in both stages / entities in either (Jaccard 1901). `share` = entities in both / in `stage`.
    """

    stage: str
    best: str | None
    overlap: Rate
    share: Rate


@dataclass(frozen=True)
class Correspondence:
    """The answer: cells of two models, counted in `unit` (contacts, accounts or deals); a sample where `one_in` > 1."""

    position: str
    unit: str
    cells: tuple[Cell, ...]
    one_in: int = 1
    statements: tuple[Any, ...] = ()

    @property
    def total(self) -> int:
        return sum(c.n for c in self.cells)

    @property
    def matrix(self) -> dict[tuple[str | None, str | None], int]:
        """Entities by the last stage in each model; None stands for "not in this model"."""
        out: dict[tuple[str | None, str | None], int] = {}
        for c in self.cells:
            key = (c.here[-1] if c.here else None, c.there[-1] if c.there else None)
            out[key] = out.get(key, 0) + c.n
        return out


def matches(answer: Correspondence, here: Sequence[str], there: Sequence[str]) -> list[Match]:
    """For each stage of one model the best of the other: the largest overlap, of equal ones the earlier stage."""
    return [_match(answer.cells, stage, there) for stage in here]


def _match(cells: Sequence[Cell], stage: str, there: Sequence[str]) -> Match:
    inside = [c for c in cells if stage in c.here]
    size = sum(c.n for c in inside)
    best, overlap, share = None, Rate(0, size), Rate(0, size)
    for other in there:
        both = sum(c.n for c in inside if other in c.there)
        either = size + sum(c.n for c in cells if other in c.there and stage not in c.here)
        if both and (best is None or both / either > (overlap.value or 0)):
            best, overlap, share = other, Rate(both, either), Rate(both, size)
    return Match(stage, best, overlap, share)
