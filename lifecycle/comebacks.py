"""Coming back: how many of those who left return, how soon, and how they do the second time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lifecycle.durations import LifeTable, joined
from lifecycle.parts import Contrast, Part, beside_before, beside_others
from lifecycle.rates import Difference, Rate, difference
from lifecycle.scope import Scope

RETURNED, WON = "returned", "won"
FIRST = ""  # the key of first journeys; those after an exit go by its key


@dataclass(frozen=True)
class Back:
    """Who came back, and how they did. `returns`: by exit, the journeys that left by it in the period, by the time
    until the next journey of the same entity (open: not back by as_of). `attempts`: the journeys that *started* in the
    period, by the exit that came before them (FIRST: none), by the time until the goal (rival: an exit; open: still on
    the way).
    """

    returns: Mapping[str, LifeTable]
    attempts: Mapping[str, LifeTable]

    def left(self, exit_: str | None = None) -> LifeTable:
        """Those who left by this exit, or by any, by the time until they were back."""
        return joined(self._left(exit_))

    def again(self, after: str | None = None) -> LifeTable:
        """The journeys of those who came back after this exit, or any, by the time until the goal."""
        return joined(self._again(after))

    def _left(self, exit_: str | None) -> list[LifeTable]:
        return [table for key, table in self.returns.items() if exit_ in (None, key)]

    def _again(self, after: str | None) -> list[LifeTable]:
        return [table for key, table in self.attempts.items() if (key != FIRST if after is None else key == after)]

    def returned(self, exit_: str | None = None) -> Rate:
        """Of those who left by this exit (or any) in the period, the share that is back by as_of; it can only grow."""
        return _rate(self._left(exit_), RETURNED)

    def returned_within(self, exit_: str, days: int) -> float | None:
        """The share back within so many days of leaving, the young counted for as long as they were seen (Kaplan and
        Meier 1958); None where nobody was seen that long."""
        table = self.returns.get(exit_)
        if table is None or table.longest < days * 86_400:
            return None
        return table.share([RETURNED], days * 86_400)

    def conversion(self, after: str | None = FIRST) -> Rate:
        """Of the journeys that started in the period after this exit (FIRST: at all first; None: after any exit), those
        that reached the goal by as_of."""
        return _rate(self._again(after), WON)

    def against_first(self, after: str) -> Difference | None:
        """The conversion of those who came back less that of first journeys, with its 95 % interval (Newcombe 1998)."""
        return difference(self.conversion(after), self.conversion())


def _rate(tables: Sequence[LifeTable], outcome: str) -> Rate:
    return Rate(sum(table.ended([outcome]) for table in tables), sum(table.n for table in tables))


About = tuple[str, str | None]  # RETURNED or WON, and the exit: None for any


@dataclass(frozen=True)
class Comebacks(Back):
    """The answer, with a breakdown also of each part; with a comparison, of the compared period seen equally long.

    A journey belongs to the part that it has itself: one that left, and the one that followed it, may differ.
    `contrasts`: what sets parts apart; `changes`: what has changed since the compared period.
    """

    model: str
    build: int
    scope: Scope
    goal: str
    parts: tuple[Part[Back], ...] = ()
    comparison: Comebacks | None = None
    contrasts: tuple[Contrast[About], ...] = ()
    changes: tuple[Contrast[About], ...] = ()
    statements: tuple[Any, ...] = ()


def between_parts(found: Comebacks) -> tuple[Contrast[About], ...]:
    """How many of each part come back, and reach the goal then, beside all the others together; the clearest first."""
    return beside_others([(p, _rates(p.answer, found)) for p in found.parts], _rates(found, found))


def since_before(found: Comebacks) -> tuple[Contrast[About], ...]:
    """How many come back, and reach the goal then, beside the compared period seen as long; the clearest first."""
    return beside_before(_rates(found, found), _rates(found.comparison, found)) if found.comparison else ()


def _rates(back: Back, whole: Back) -> dict[About, Rate]:
    """The rates of every exit that occurs in the whole, and where there are several of all exits together."""
    exits, after = list(whole.returns), [key for key in whole.attempts if key != FIRST]
    out: dict[About, Rate] = {(RETURNED, key): back.returned(key) for key in _with_all(exits)}
    return out | {(WON, key): back.conversion(key) for key in _with_all(after)}


def _with_all(exits: list[str]) -> list[str | None]:
    return [None, *exits] if len(exits) > 1 else list(exits)
