"""Durations in bins, so that a life table stays a few thousand rows whatever the size."""

from __future__ import annotations

import sqlalchemy as sa

HOUR, DAY = 3_600_000_000, 86_400_000_000  # microseconds
FINE = 14 * DAY  # whole hours up to here, whole days beyond


def lower_edge(us: sa.ColumnElement) -> sa.ColumnElement:
    """The lower edge of the bin that a duration in microseconds lies in; what is below zero counts as zero."""
    hours, days = (us - sa.func.mod(us, _whole(size)) for size in (HOUR, DAY))
    return sa.case((us < _whole(0), _whole(0)), (us < _whole(FINE), hours), else_=days)


def days(us: sa.ColumnElement) -> sa.ColumnElement:
    """The same in bins of whole days throughout."""
    return sa.case((us < _whole(0), _whole(0)), else_=us - sa.func.mod(us, _whole(DAY)))


def _whole(n: int) -> sa.ColumnElement:
    return sa.literal_column(str(n), sa.BigInteger())
