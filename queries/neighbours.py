"""The row before and the row after, and nothing beyond the first and the last."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


def previous(column: sa.ColumnElement, of: Any, order_by: Any) -> sa.ColumnElement:
    """The value in the row before, among the rows of the same `of`; null in the first."""
    return sa.func.lag(_nullable(column)).over(partition_by=of, order_by=order_by)


def following(column: sa.ColumnElement, of: Any, order_by: Any) -> sa.ColumnElement:
    """The value in the row after, among the rows of the same `of`; null in the last."""
    return sa.func.lead(_nullable(column)).over(partition_by=of, order_by=order_by)


def _nullable(column: sa.ColumnElement) -> sa.ColumnElement:
    """The same values; where they can never be null, ClickHouse would make one up beyond the edge."""
    return sa.case((column.is_not(None), column))
