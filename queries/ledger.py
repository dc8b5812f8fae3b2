"""What customers did, ready to be counted: each order beside its neighbours, and stretches of constant MRR.

A build keeps both as tables, so that questions over millions of orders are one scan without a join. Where a build is
older than these tables, the same rows are worked out when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lifecycle.intake import EARLIEST, LATEST
from lifecycle.scope import Scope
from lifecycle.segments import Segment
from queries import customers, workbench
from queries.ages import number
from queries.catalog import segment_columns
from queries.dialect import Kind, floored
from queries.modelled import Modelled
from queries.neighbours import following, previous

ORDERS: dict[str, Kind] = {
    "customer_id": str,
    "at": datetime,
    "previous_at": datetime,
    "next_at": datetime,
    "first_at": datetime,
    "cents": int,
}
STRETCHES: dict[str, Kind] = {
    "customer_id": str,
    "from_at": datetime,
    "to_at": datetime,
    "next_at": datetime,
    "first_at": datetime,
    "lapsed_at": datetime,
    "cents": int,
    "first_cents": int,
}
TABLES = {"orders": (ORDERS, "orders"), "stretches": (STRETCHES, "subscriptions")}  # kind → columns, what feeds it


def columns(kind: str, segments: tuple[Segment, ...]) -> dict[str, Kind]:
    """The columns of one of the two tables: its own, and the customer's segments."""
    return TABLES[kind][0] | segment_columns(segments)


def orders(m: Modelled) -> sa.FromClause:
    """ORDERS rows and segments. Raises WarehouseError("missing_table") without orders."""
    return _kept(m, "orders", order_rows)


def stretches(m: Modelled) -> sa.FromClause:
    """STRETCHES rows and segments. Raises WarehouseError("missing_table") without subscriptions."""
    return _kept(m, "stretches", stretch_rows)


def _kept(m: Modelled, kind: str, rows: Callable[[Modelled], sa.Select]) -> sa.FromClause:
    customers.required(m, TABLES[kind][1])
    name = m.build.table(kind)
    if name in m.tables:
        return workbench.table(m.warehouse, name, columns(kind, m.build.segments))
    return rows(m).subquery(kind)


def keep(m: Modelled) -> None:
    """Make both tables of a build whose journeys are there, as far as there are sources for them."""
    for kind, rows in (("orders", order_rows), ("stretches", stretch_rows)):
        if TABLES[kind][1] in m.sources:
            made = workbench.create(m.warehouse, m.build.table(kind), columns(kind, m.build.segments))
            unsorted = rows(m).subquery("unsorted")
            workbench.fill(m.warehouse, made, sa.select(unsorted).order_by(unsorted.c.first_at))


def order_rows(m: Modelled) -> sa.Select:
    """Every usable order with the customer's previous, next and first one; `cents` is 0 where no amount is known."""
    rows = customers.orders(m, _always(m))
    usable = sa.select(rows.c.customer_id, rows.c.at, cents(rows.c.amount).label("cents")).where(_plausible(rows.c.at))
    c = usable.subquery("usable").c
    in_turn = c.customer_id, [c.at, c.cents]
    told = sa.select(
        c.customer_id,
        c.at,
        previous(c.at, *in_turn).label("previous_at"),
        following(c.at, *in_turn).label("next_at"),
        sa.func.min(c.at).over(partition_by=c.customer_id).label("first_at"),
        c.cents,
    )
    return described(m, told.subquery("told"))


def stretch_rows(m: Modelled) -> sa.Select:
    """Time in which a customer's total MRR did not change, from `from_at` until `to_at` (null: no end is known).

    Subscriptions that run at the same time add up; one that ends where the next begins leaves no gap. `next_at`: when
    the next stretch begins. `lapsed_at`: when the customer first had no subscription any more.
    """
    s = customers.subscriptions(m, _always(m)).c
    ended = sa.case((s.ended_at < LATEST, s.ended_at))
    lasting = [_plausible(s.started_at), sa.or_(ended.is_(None), ended > s.started_at)]
    amount = cents(s.mrr)
    one = number(1)
    starts = sa.select(s.customer_id, s.started_at.label("at"), amount.label("cents"), one.label("n")).where(*lasting)
    ends = sa.select(s.customer_id, ended.label("at"), (-amount).label("cents"), (-one).label("n"))
    every = sa.union_all(starts, ends.where(*lasting, ended.is_not(None))).subquery("changes").c
    total = {name: sa.cast(sa.func.sum(every[name]), sa.BigInteger()) for name in ("cents", "n")}
    net = sa.select(every.customer_id, every["at"], *(t.label(name) for name, t in total.items()))
    net = net.group_by(every.customer_id, every["at"]).having(sa.or_(total["cents"] != 0, total["n"] != 0))
    c = net.subquery("net").c
    window: dict[str, Any] = {"partition_by": c.customer_id, "order_by": c["at"]}
    running = sa.select(
        c.customer_id,
        c["at"].label("from_at"),
        following(c["at"], c.customer_id, c["at"]).label("to_at"),
        *(sa.cast(sa.func.sum(c[name]).over(**window, rows=(None, 0)), sa.BigInteger()).label(name) for name in total),
    )
    c = running.subquery("running").c
    active = sa.select(c.customer_id, c.from_at, c.to_at, c.cents).where(c.n > 0).subquery("active")
    c = active.c
    beside = sa.select(
        *active.c,
        following(c.from_at, c.customer_id, c.from_at).label("next_at"),
        sa.func.min(c.from_at).over(partition_by=c.customer_id).label("first_at"),
        sa.func.first_value(c.cents).over(partition_by=c.customer_id, order_by=c.from_at).label("first_cents"),
    )
    c = beside.subquery("beside").c
    gap = sa.and_(c.to_at.is_not(None), sa.or_(c.next_at.is_(None), c.next_at > c.to_at))
    lapsed = sa.func.min(sa.case((gap, c.to_at))).over(partition_by=c.customer_id).label("lapsed_at")
    told = sa.select(*(lapsed if name == "lapsed_at" else c[name] for name in STRETCHES))
    return described(m, told.subquery("told"))


def cents(amount: sa.ColumnElement) -> sa.ColumnElement:
    """An amount of money in whole cents; 0 where it is unknown."""
    rounded = floored(sa.cast(amount, sa.Double()) * number(100) + sa.literal_column("0.5"))
    return sa.func.coalesce(sa.cast(rounded, sa.BigInteger()), number(0))


def described(m: Modelled, rows: sa.Subquery) -> sa.Select:
    """The rows with their customers' segments."""
    if not m.catalog.segments:
        return sa.select(rows)
    known = customers.known(m)
    joined = rows.outerjoin(known, known.c.entity_id == rows.c.customer_id)
    return sa.select(rows, *(known.c[s.column] for s in m.catalog.segments)).select_from(joined)


def _plausible(at: sa.ColumnElement) -> sa.ColumnElement[bool]:
    return sa.and_(at >= EARLIEST, at < LATEST)


def _always(m: Modelled) -> Scope:
    """No question has been asked yet: nothing is unseen."""
    return Scope(m.model.name, LATEST)
