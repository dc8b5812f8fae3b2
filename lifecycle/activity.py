"""Who is active in a period, seen from the one before: new, returning, resurrected, and who went dormant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from lifecycle.mrr import Book, Period
from lifecycle.rates import Rate
from lifecycle.scope import Scope

STATES = {"new": "New", "returning": "Returning", "resurrected": "Resurrected", "dormant": "Went dormant"}


@dataclass(frozen=True)
class Active:
    """Customers of a period: active for the first time ever (`new`), in the period before too (`returning`), or earlier
    but not in the one before (`resurrected`); `dormant` were active in the one before and are not. `times`: orders."""

    start_on: date
    new: int = 0
    returning: int = 0
    resurrected: int = 0
    dormant: int = 0
    times: int = 0

    @property
    def active(self) -> int:
        return self.new + self.returning + self.resurrected

    @property
    def per_customer(self) -> float | None:
        """Orders per active customer; None where nobody was."""
        return self.times / self.active if self.active and self.times else None

    @property
    def kept(self) -> Rate:
        """Of those who were active in the period before, how many are active again."""
        return Rate(self.returning, self.returning + self.dormant)


@dataclass(frozen=True)
class Activity:
    """The answer: periods that are over, in order; `segments`: those of each group of the breakdown, largest first."""

    scope: Scope
    periods: tuple[Active, ...]
    segments: tuple[tuple[str | None, tuple[Active, ...]], ...] = ()
    comparison: Activity | None = None
    statements: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Frequency:
    """Customers of the period by how many orders they made, and on how many days; the last: that many or more."""

    orders: tuple[tuple[int, int], ...]
    days: tuple[tuple[int, int], ...]
    statements: tuple[Any, ...] = ()

    @property
    def n(self) -> int:
        return sum(n for _, n in self.orders)


def active_periods(scope: Scope, numbers: range, counts: Iterable[Sequence[Any]]) -> tuple[Active, ...]:
    """From (period number, state or `times`, n); what is told more than once of a period adds up."""
    found: dict[int, dict[str, int]] = {}
    for period, state, n in counts:
        mine = found.setdefault(period, {})
        mine[state] = mine.get(state, 0) + n
    return tuple(Active(scope.calendar.numbered(n, scope.grain), **found.get(n, {})) for n in numbers)


def of_book(book: Book) -> Activity:
    """The same of subscribers: who is in the book at the end of a period, seen from its start."""
    return Activity(
        book.scope,
        _subscribed(book.periods),
        tuple((value, _subscribed(periods)) for value, periods in book.segments),
        of_book(book.comparison) if book.comparison else None,
        book.statements,
    )


def _subscribed(periods: Iterable[Period]) -> tuple[Active, ...]:
    return tuple(
        Active(
            p.start_on,
            new=p.counts["new"],
            returning=p.customers - p.counts["churn"],
            resurrected=p.counts["reactivation"],
            dormant=p.counts["churn"],
        )
        for p in periods
    )
