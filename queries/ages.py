"""Numbered periods in a statement: which one holds an instant, and how old somebody is in periods."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from lifecycle.periods import WEEK_OFFSETS, Calendar
from queries.dialect import days_since_1970, divided, elapsed, floored, local_time

MICROSECOND = timedelta(microseconds=1)
BEFORE = 200_000  # weeks before 1970 that no calendar has: what is divided is never negative


def period_number(instant: sa.ColumnElement, grain: str, calendar: Calendar) -> sa.ColumnElement:
    """The number of the local period of `grain` that holds a naive UTC instant (as Calendar.number counts it)."""
    return period_of(*local_numbers(instant, calendar.timezone), grain, calendar)


def local_numbers(instant: sa.ColumnElement, timezone: str) -> tuple[sa.ColumnElement, sa.ColumnElement]:
    """The numbers of the local day and month that hold a naive UTC instant: what all periods are made of."""
    local = local_time(instant, timezone)
    year, month = (sa.cast(sa.extract(part, local), sa.BigInteger()) for part in ("year", "month"))
    return days_since_1970(sa.cast(local, sa.Date())), year * number(12) + month - number(1)


def period_of(day: sa.ColumnElement, month: sa.ColumnElement, grain: str, calendar: Calendar) -> sa.ColumnElement:
    """The number of the period of `grain` that holds a local day, by the numbers of the day and of its month."""
    if grain == "day":
        return day
    if grain == "week":
        return divided(day + number(WEEK_OFFSETS[calendar.week_start] + 7 * BEFORE), number(7)) - number(BEFORE)
    if grain == "month":
        return month
    return divided(month - number(calendar.fiscal_month - 1), number(3 if grain == "quarter" else 12))


def spans_between(start: sa.ColumnElement, end: sa.ColumnElement, span: timedelta) -> sa.ColumnElement:
    """Whole spans of elapsed time from one instant to a later one."""
    return whole(elapsed(start, end), span // MICROSECOND)


def whole(value: sa.ColumnElement, by: int) -> sa.ColumnElement:
    """A whole number divided, rounded down; exact below 2⁵³."""
    return sa.cast(floored(sa.cast(value, sa.Double()) / number(by)), sa.BigInteger())


def number(value: int) -> sa.ColumnElement:
    """A whole number written into the statement."""
    return sa.literal_column(str(value), sa.BigInteger())
