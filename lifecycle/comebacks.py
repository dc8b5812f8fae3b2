"""Coming back: how many of those who left return, how soon, and how they do the second time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lifecycle.durations import LifeTable
from lifecycle.rates import Difference, Rate, difference
from lifecycle.scope import Scope

RETURNED, WON = "returned", "won"
FIRST = ""  # the key of first journeys; those after an exit go by its key


@dataclass(frozen=True)
class Comebacks:
    """The answer. `returns`: by exit, the journeys that left by it in the period, by the time until the next journey
    of the same entity (open: not back by as_of). `attempts`: the journeys that *started* in the period, by the exit
    that came before them (FIRST: none), by the time until the goal (rival: an exit; open: still on the way).
    """

    model: str
    build: int
    scope: Scope
    goal: str
    returns: Mapping[str, LifeTable]
    attempts: Mapping[str, LifeTable]
    statements: tuple[Any, ...] = ()

    def returned(self, exit_: str) -> Rate:
        """Of those who left by this exit in the period, the share that is back by as_of; it can only grow."""
        return _rate(self.returns.get(exit_), RETURNED)

    def returned_within(self, exit_: str, days: int) -> float | None:
        """The share back within so many days of leaving, the young counted for as long as they were seen (Kaplan and
        Meier 1958); None where nobody was seen that long."""
        table = self.returns.get(exit_)
        if table is None or table.longest < days * 86_400:
            return None
        return table.share([RETURNED], days * 86_400)

    def conversion(self, after: str = FIRST) -> Rate:
        """Of the journeys that started in the period after this exit (FIRST: at all first), those that reached the goal
        by as_of."""
        return _rate(self.attempts.get(after), WON)

    def against_first(self, after: str) -> Difference | None:
        """The conversion of those who came back less that of first journeys, with its 95 % interval (Newcombe 1998)."""
        return difference(self.conversion(after), self.conversion())


def _rate(table: LifeTable | None, outcome: str) -> Rate:
    return Rate(table.ended([outcome]), table.n) if table else Rate(0, 0)
