"""Routes: which ways whole journeys take to the goal, how often they lead there, and how long that takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import floor, log2
from typing import Any

from lifecycle.durations import OPEN
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from lifecycle.stages import StageModel

WON = "won"
BITS = 62  # of a route's number


@dataclass(frozen=True)
class Between:
    """Which part of a journey is looked at: from its start, or its first entry to `start`, up to the goal `end`."""

    end: str
    start: str | None = None


@dataclass(frozen=True)
class Route:
    """Journeys that entered exactly these stages before the goal, in this order (`stages` None: all other routes).

    `won`: reached the goal by as_of; `left` by exit; the others are `open`. `median_seconds`: of those who reached the
    goal, from the start. `is_cut`: the route went on beyond what is told.
    """

    stages: tuple[str, ...] | None
    total: int
    outcomes: Mapping[str, int]
    median_seconds: float | None = None
    is_cut: bool = False

    @property
    def n(self) -> int:
        return sum(self.outcomes.values())

    @property
    def share(self) -> Rate:
        """Of all journeys that started in the period."""
        return Rate(self.n, self.total)

    @property
    def conversion(self) -> Rate:
        """Of the journeys that entered exactly these stages before the goal, an exit or as_of, those that reached the
        goal: who went on to a further stage took another route."""
        return Rate(self.outcomes.get(WON, 0), self.n)

    @property
    def open(self) -> int:
        return self.outcomes.get(OPEN, 0)

    @property
    def left(self) -> int:
        return self.n - self.open - self.conversion.numerator


@dataclass(frozen=True)
class Routes:
    """The answer: the most frequent routes, then all others as one."""

    model: str
    build: int
    scope: Scope
    between: Between
    rows: tuple[Route, ...]
    statements: tuple[Any, ...] = ()

    @property
    def total(self) -> int:
        return sum(r.n for r in self.rows)

    @property
    def conversion(self) -> Rate:
        """Of all journeys, those that reached the goal so far."""
        return Rate(sum(r.conversion.numerator for r in self.rows), self.total)


def most_steps(model: StageModel) -> int:
    """How many stages of a route its number can hold: digits of a base larger than the number of stages."""
    return floor(BITS / log2(base(model)))


def base(model: StageModel) -> int:
    return len(model.progress) + 1


def stages_of(model: StageModel, number: int) -> tuple[str, ...]:
    """The stages that a route's number stands for: digit k, from the right, is the rank of the k-th stage."""
    out = []
    while number:
        number, rank = divmod(number, base(model))
        out.append(model.progress[rank - 1].key)
    return tuple(out)


def routes(model: StageModel, found: Iterable[tuple[int | None, int, str, int, float | None]]) -> tuple[Route, ...]:
    """From (number, stages entered, outcome, n, median seconds); number None: all other routes, which come last."""
    outcomes: dict[tuple[int | None, bool], dict[str, int]] = {}
    medians: dict[tuple[int | None, bool], float | None] = {}
    for number, steps, outcome, n, median in found:
        key = number, steps > most_steps(model)
        outcomes.setdefault(key, {})[outcome] = outcomes.get(key, {}).get(outcome, 0) + n
        if outcome == WON:
            medians[key] = median
    total = sum(n for counts in outcomes.values() for n in counts.values())
    made = [
        Route(None if number is None else stages_of(model, number), total, counts, medians.get((number, cut)), cut)
        for (number, cut), counts in outcomes.items()
    ]
    return tuple(sorted(made, key=lambda r: (r.stages is None, -r.n, r.stages or ())))
