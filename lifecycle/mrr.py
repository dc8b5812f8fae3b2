"""Recurring revenue: what changed it in each period, to the cent, and the rates that follow from it.

MRR is the state on the first instant of a period. A customer without any MRR then is not in the book. A gap is churn,
then reactivation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from lifecycle.rates import Rate
from lifecycle.scope import Scope

MOVEMENTS = {
    "new": "New",
    "reactivation": "Reactivation",
    "expansion": "Expansion",
    "contraction": "Contraction",
    "churn": "Churn",
}


class Change(NamedTuple):
    """`n` customers whose MRR changed in a period (by number) in this way, by `cents` in all; losses are negative."""

    segment: str | None
    period: int
    movement: str
    n: int
    cents: int


@dataclass(frozen=True)
class Period:
    """A period of the book: MRR and customers at its first instant, and what changed them until its last.

    All money in whole cents; contraction and churn are negative, so that start + movements = end. `customers` were in
    the book at the start; `counts` says how many moved in each way.
    """

    start_on: date
    start: int = 0
    customers: int = 0
    cents: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def end(self) -> int:
        """MRR at the first instant of the next period: start + new + reactivation + expansion + contraction + churn."""
        return self.start + sum(self.cents.values())

    @property
    def customers_at_end(self) -> int:
        gained = sum(self.counts.get(name, 0) for name in ("new", "reactivation"))
        return self.customers + gained - self.counts.get("churn", 0)

    @property
    def nrr(self) -> float | None:
        """Net revenue retention: (start + expansion − contraction − churn) / start. None for an empty book.

        Of the customers in the book at the start; new and reactivated money is in neither.
        """
        kept = self.start + sum(self.cents.get(name, 0) for name in ("expansion", "contraction", "churn"))
        return kept / self.start if self.start else None

    @property
    def grr(self) -> float | None:
        """Gross revenue retention: (start − contraction − churn) / start, at most 100 %. None for an empty book."""
        kept = self.start + sum(self.cents.get(name, 0) for name in ("contraction", "churn"))
        return kept / self.start if self.start else None

    @property
    def logo_retention(self) -> Rate:
        """Of the customers in the book at the start, those still in it at the end; the rest is logo churn."""
        return Rate(self.customers - self.counts.get("churn", 0), self.customers)

    @property
    def logo_churn(self) -> Rate:
        """Of the customers in the book at the start, those who left it."""
        return Rate(self.counts.get("churn", 0), self.customers)

    @property
    def quick_ratio(self) -> float | None:
        """(new + reactivation + expansion) / (contraction + churn): gains per unit lost; None where nothing was."""
        gained = sum(self.cents.get(name, 0) for name in ("new", "reactivation", "expansion"))
        lost = -sum(self.cents.get(name, 0) for name in ("contraction", "churn"))
        return gained / lost if lost else None


@dataclass(frozen=True)
class Book:
    """The answer: periods in order, of all and of each group of the breakdown, only periods that are over."""

    model: str
    build: int
    scope: Scope
    periods: tuple[Period, ...]
    segments: tuple[tuple[str | None, tuple[Period, ...]], ...] = ()
    comparison: Book | None = None
    statements: tuple[Any, ...] = ()


def periods_of(scope: Scope, numbers: Sequence[int], changes: Iterable[Change]) -> tuple[Period, ...]:
    """The periods numbered `numbers`, in order, from all changes since the first customer (segments together)."""
    found: dict[int, dict[str, list[int]]] = {}
    for change in changes:
        here = found.setdefault(change.period, {}).setdefault(change.movement, [0, 0])
        here[0] += change.n
        here[1] += change.cents
    if not numbers:
        return ()
    book = Period(date.min)
    out = []
    for number in range(min([*found, numbers[0]]), numbers[-1] + 1):
        moves = found.get(number, {})
        book = Period(
            scope.calendar.numbered(number, scope.grain),
            book.end,
            book.customers_at_end,
            {name: moves.get(name, (0, 0))[1] for name in MOVEMENTS},
            {name: moves.get(name, (0, 0))[0] for name in MOVEMENTS},
        )
        out.append(book)
    return tuple(out[-len(numbers) :])


def together(scope: Scope, periods: Sequence[Period]) -> Period | None:
    """Several periods in a row as one: its start, all movements, its end. Its rates are those of no single customer:
    somebody who came in between may have left again, so that only money is to be read from it."""
    if not periods:
        return None
    sums = [{name: sum(getattr(p, kind)[name] for p in periods) for name in MOVEMENTS} for kind in ("cents", "counts")]
    return Period(periods[0].start_on, periods[0].start, periods[0].customers, *sums)
