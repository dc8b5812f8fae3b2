"""Customers, one row each: when they first bought, came back and left: the rows of the ledger's table of buyers."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from queries.ages import number
from queries.tables import Id, Kind, Small, type_of

COLUMNS: dict[str, Kind] = {
    "customer_id": Id,
    "begun_at": datetime,
    "ordered_at": datetime,
    "subscribed_at": datetime,
    "lapsed_at": datetime,
    "resumed_at": datetime,
}
LOCAL: dict[str, Kind] = {
    "begun_day": int,
    "begun_month": Small,
    "ordered_day": int,
    "ordered_month": Small,
    "again_at": datetime,
    "again_day": int,
}

BEGUN = ("customer_id", "begun_at", "begun_day", "begun_month")


def rows(orders: sa.FromClause | None, stretches: sa.FromClause | None) -> sa.Select:
    """Every customer once, from the ledger's orders and stretches, as far as there are any.

    `begun_at`: the first purchase of either kind; `ordered_at`: the first order; `again_at`: the first order of a later
    local day; `subscribed_at`, `lapsed_at`: the first subscription and when there first was none any more;
    `resumed_at`: the first one after that.
    """
    parts = [p for p in (_ordered(orders), _subscribed(stretches)) if p is not None]
    c = (sa.union_all(*parts) if len(parts) > 1 else parts[0]).subquery("marks").c
    told = [sa.func.min(c[name]).label(name) for name in (*COLUMNS, *LOCAL) if name != "customer_id"]
    return sa.select(c.customer_id, *told).group_by(c.customer_id)


def _ordered(orders: sa.FromClause | None) -> sa.Select | None:
    """Of each customer the first order, and the first of the second day with one."""
    if orders is None:
        return None
    c = orders.c
    second = sa.and_(c.n_days == number(2), c.previous_day < c.at_day)
    given: dict[str, sa.ColumnElement] = {name: c[name] for name in BEGUN}
    given |= {"ordered_at": c.first_at, "ordered_day": c.first_day, "ordered_month": c.first_month}
    given |= {"again_at": sa.case((second, c["at"])), "again_day": sa.case((second, c.at_day))}
    return _marks(given).where(sa.or_(c.previous_at.is_(None), second))


def _subscribed(stretches: sa.FromClause | None) -> sa.Select | None:
    if stretches is None:
        return None
    c = stretches.c
    given: dict[str, sa.ColumnElement] = {name: c[name] for name in (*BEGUN, "lapsed_at")}
    given |= {"subscribed_at": c.first_at, "resumed_at": sa.case((c.from_at >= c.lapsed_at, c.from_at))}
    return _marks(given)


def _marks(given: dict[str, sa.ColumnElement]) -> sa.Select:
    absent = {name: sa.cast(sa.null(), type_of(kind)) for name, kind in (COLUMNS | LOCAL).items()}
    return sa.select(*(value.label(name) for name, value in (absent | given).items()))
