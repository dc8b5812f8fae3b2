"""What marketing promised: qualified leads per month, delivered and accepted, beside the month's target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from lifecycle.agreement import Agreement
from lifecycle.periods import Calendar
from lifecycle.scope import Scope


@dataclass(frozen=True)
class Month:
    """One whole month: what became of the leads handed over in it, so far; targets where there are any.

    `elapsed`: the share of the month that had passed at as_of; 1 for months that are over.
    """

    period: date
    agreement: Agreement
    target: float | None = None
    accepted_target: float | None = None
    elapsed: float = 1.0

    @property
    def delivered(self) -> int:
        """Leads handed over."""
        return self.agreement.delivered

    @property
    def accepted(self) -> int:
        """Those of them that sales accepted, so far."""
        return self.agreement.accepted

    @property
    def attainment(self) -> float | None:
        """Delivered / target; above 1 where more was delivered than promised. None without a target."""
        return self.delivered / self.target if self.target else None

    @property
    def accepted_attainment(self) -> float | None:
        """Accepted / target; the waiting ones may still raise it."""
        return self.accepted / self.accepted_target if self.accepted_target else None

    @property
    def projected(self) -> float | None:
        """Month to date at today's pace: delivered / elapsed. None once the month is over or before it began."""
        return self.delivered / self.elapsed if 0 < self.elapsed < 1 else None

    @property
    def due(self) -> float | None:
        """What the target asks for by as_of: the whole of it, or the share of the month that has passed."""
        return self.target * self.elapsed if self.target else None


@dataclass(frozen=True)
class Commitment:
    """The answer: every month that the period touches, whole. `source` names where the targets come from."""

    model: str
    build: int
    scope: Scope
    months: tuple[Month, ...]
    source: str | None = None
    statements: tuple[Any, ...] = ()


def months(
    periods: Sequence[date],
    found: Mapping[date, Agreement],
    targets: Mapping[date, float],
    accepted_targets: Mapping[date, float],
    calendar: Calendar,
    as_of: datetime,
) -> tuple[Month, ...]:
    """One Month per period, those without leads too."""
    return tuple(
        Month(
            period,
            found.get(period, Agreement()),
            targets.get(period),
            accepted_targets.get(period),
            elapsed(period, calendar, as_of),
        )
        for period in periods
    )


def elapsed(period: date, calendar: Calendar, as_of: datetime) -> float:
    """The share of the month that starts on `period` which had passed at as_of, in exact time."""
    start, end = calendar.instant(period), calendar.instant(calendar.step(period, "month"))
    return min(max((as_of - start) / (end - start), 0.0), 1.0)
