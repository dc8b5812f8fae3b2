"""Stretches of constant recurring revenue: the rows of the ledger's table of subscriptions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from queries import usable
from queries.ages import local_numbers, number
from queries.dialect import shifted
from queries.modelled import Modelled
from queries.neighbours import following
from queries.placed import began
from queries.tables import Id, Kind, Small

COLUMNS: dict[str, Kind] = {
    "customer_id": Id,
    "from_at": datetime,
    "to_at": datetime,
    "next_at": datetime,
    "first_at": datetime,
    "lapsed_at": datetime,
    "begun_at": datetime,
    "cents": int,
    "first_cents": int,
}
INSTANTS = ("first", "begun", "before", "until")
LOCAL: dict[str, Kind] = {
    **{f"{name}_day": int for name in INSTANTS},
    **{f"{name}_month": Small for name in INSTANTS},
}


def rows(m: Modelled, zone: str) -> sa.Select:
    """Time in which a customer's total MRR did not change, from `from_at` until `to_at` (null: no end is known).

    Subscriptions that run at the same time add up; one that ends where the next begins leaves no gap. `next_at`: when
    the next stretch begins. `lapsed_at`: when the customer first had no subscription any more. `begun_at`: the first
    purchase, order or subscription. `before` and `until` are the last instants before a stretch and in it.
    """
    s = usable.subscriptions(m).c
    one = number(1)
    starts = sa.select(s.customer_id, s.started_at.label("at"), s.cents, one.label("n"))
    ends = sa.select(s.customer_id, s.ended_at.label("at"), (-s.cents).label("cents"), (-one).label("n"))
    every = sa.union_all(starts, ends.where(s.ended_at.is_not(None))).subquery("changes").c
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
    told = sa.select(*c, lapsed).subquery("told")
    first = [
        n.label(f"first_{unit}") for unit, n in zip(("day", "month"), local_numbers(told.c.first_at, zone), strict=True)
    ]
    dated = sa.select(told, *first).subquery("dated")
    since = began(dated, usable.first_orders(m, zone)).subquery("since")
    edges = {name: n for name, n in _local(since, zone).items() if name not in since.c}
    return sa.select(*((since.c[name] if name in since.c else edges[name]).label(name) for name in (*COLUMNS, *LOCAL)))


def rezoned(kept: sa.FromClause, zone: str) -> sa.Select:
    """The same stretches with the days and months of another time zone."""
    told = [c for c in kept.c if c.name not in LOCAL]
    return sa.select(*told, *(n.label(name) for name, n in _local(kept, zone).items()))


def _local(table: sa.FromClause, zone: str) -> dict[str, sa.ColumnElement]:
    """LOCAL columns from instants."""
    c, out = table.c, {}
    just_before = number(-1)
    instants = {
        "first": c.first_at,
        "begun": c.begun_at,
        "before": shifted(c.from_at, just_before),
        "until": shifted(c.to_at, just_before),
    }
    for name, at in instants.items():
        out[f"{name}_day"], out[f"{name}_month"] = local_numbers(at, zone)
    return out
