"""Instants of journeys: what as_of shows of them, what lies in the period, how far they come within the window."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from lifecycle.scope import Scope
from queries.dialect import Instant, elapsed

MICROSECOND = timedelta(microseconds=1)


def seen(column: sa.ColumnElement, scope: Scope) -> sa.ColumnElement:
    """An instant, or null while it lies after as_of."""
    return sa.case((column <= scope.as_of, column))


def in_period(column: sa.ColumnElement, scope: Scope) -> list[sa.ColumnElement[bool]]:
    """Conditions that an instant lies in the period and was seen by as_of."""
    start, end = scope.instants
    out = [column <= scope.as_of]
    out += [column >= start] if start else []
    return out + ([column < end] if end else [])


def young(start: sa.ColumnElement, scope: Scope) -> sa.ColumnElement:
    """1 where the window has not passed by as_of: t₁ > as_of − h."""
    window = microseconds(scope)
    if window is None:
        return sa.literal_column("0")
    return sa.case((elapsed(start, sa.literal(scope.as_of, Instant())) < window, 1), else_=0)


def microseconds(scope: Scope) -> sa.ColumnElement | None:
    return sa.literal(scope.window // MICROSECOND, sa.BigInteger()) if scope.window else None


def within(t: sa.ColumnElement, start: sa.ColumnElement, window: sa.ColumnElement | None) -> sa.ColumnElement[bool]:
    """Reached, not before the start and not after the window: t₀ ≤ t ≤ t₀ + h."""
    reached = sa.and_(t.is_not(None), t >= start)
    return reached if window is None else sa.and_(reached, elapsed(start, t) <= window)


def furthest(times: Sequence[sa.ColumnElement], window: sa.ColumnElement | None) -> sa.ColumnElement:
    """The last step (1…n) up to which all steps were reached within the window."""
    place: sa.ColumnElement = sa.literal_column(str(len(times)))
    for k in range(len(times) - 1, 0, -1):  # from within: a later step is looked at only where this one was reached
        place = sa.case((within(times[k], times[0], window), place), else_=sa.literal_column(str(k)))
    return place
