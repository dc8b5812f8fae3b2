"""The row before and the row after, and nothing beyond the first and the last: there, ClickHouse would make one up."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from queries.ages import number


def previous(column: sa.ColumnElement, of: Any, order_by: Any) -> sa.ColumnElement:
    """The value in the row before, among the rows of the same `of`; null in the first."""
    window: dict[str, Any] = {"partition_by": of, "order_by": order_by}
    return sa.case((sa.func.row_number().over(**window) > number(1), sa.func.lag(column).over(**window)))


def following(column: sa.ColumnElement, of: Any, order_by: Any) -> sa.ColumnElement:
    """The value in the row after, among the rows of the same `of`; null in the last."""
    window: dict[str, Any] = {"partition_by": of, "order_by": order_by}
    is_last = sa.func.row_number().over(**window) == sa.func.count().over(partition_by=of)
    return sa.case((sa.not_(is_last), sa.func.lead(column).over(**window)))
