"""Routes: which ways whole journeys take to the goal, how often they lead there, and how long that takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor, log2
from typing import Any

from lifecycle.durations import OPEN
from lifecycle.parts import Contrast, Part, beside_before, beside_others
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from lifecycle.stages import StageModel

WON = "won"
MORE = "…"  # ends a way that goes on beyond what is told
Way = tuple[str, ...] | None  # the stages of a route; None: any route that reaches the goal
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
    def way(self) -> tuple[str, ...]:
        """What tells a route that has a name from the others."""
        return (*(self.stages or ()), *([MORE] if self.is_cut else []))

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
    """The answer: the most frequent routes, then all others as one; with a breakdown the same routes of each part.

    With a comparison, the same routes in the compared period, seen equally long. `contrasts`: what sets parts apart;
    `changes`: what has changed since the compared period.
    """

    model: str
    build: int
    scope: Scope
    between: Between
    rows: tuple[Route, ...]
    parts: tuple[Part[tuple[Route, ...]], ...] = ()
    comparison: Routes | None = None
    contrasts: tuple[Contrast[Way], ...] = ()
    changes: tuple[Contrast[Way], ...] = ()
    statements: tuple[Any, ...] = ()

    @property
    def total(self) -> int:
        return sum(r.n for r in self.rows)

    @property
    def conversion(self) -> Rate:
        """Of all journeys, those that reached the goal so far."""
        return reached(self.rows)

    @property
    def ways(self) -> tuple[tuple[str, ...], ...]:
        """The routes that have a name, the most frequent first."""
        return tuple(r.way for r in self.rows if r.stages is not None)


def reached(rows: Sequence[Route]) -> Rate:
    """Of the journeys on these routes, those that reached the goal so far."""
    return Rate(sum(r.conversion.numerator for r in rows), sum(r.n for r in rows))


def between_parts(found: Routes) -> tuple[Contrast[Way], ...]:
    """How often each route is taken, and the goal reached, in each part of the breakdown, beside all the others
    together; the clearest first."""
    return beside_others([(p, _rates(p.answer, found.ways)) for p in found.parts], _rates(found.rows, found.ways))


def since_before(found: Routes) -> tuple[Contrast[Way], ...]:
    """How often each route is taken, and the goal reached, beside the compared period, seen equally long; the clearest
    first."""
    if found.comparison is None:
        return ()
    return beside_before(_rates(found.rows, found.ways), _rates(found.comparison.rows, found.ways))


def _rates(rows: Sequence[Route], ways: Sequence[tuple[str, ...]]) -> dict[Way, Rate]:
    taken = {r.way: r.share for r in rows if r.stages is not None}
    whole = reached(rows)
    return {None: whole} | {way: taken.get(way, Rate(0, whole.denominator)) for way in ways}


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
    made = {
        key: Route(None if key[0] is None else stages_of(model, key[0]), total, counts, medians.get(key), key[1])
        for key, counts in outcomes.items()
    }

    def place(key: tuple[int | None, bool]) -> tuple[bool, int, int, int]:
        """As the warehouse ranks them: the most frequent first, then the shortest."""
        return key[0] is None, -made[key].n, len(made[key].stages or ()), key[0] or 0

    return tuple(made[key] for key in sorted(made, key=place))
