"""Orders, each beside its neighbours and with what had come before it: the rows of the ledger's table of orders."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from queries import usable
from queries.ages import local_numbers, number
from queries.modelled import Modelled
from queries.neighbours import following, previous
from queries.tables import Id, Kind, Small

INSTANTS = ("at", "previous", "next", "first", "begun")
COLUMNS: dict[str, Kind] = {
    "customer_id": Id,
    "at": datetime,
    "previous_at": datetime,
    "next_at": datetime,
    "first_at": datetime,
    "begun_at": datetime,
    "cents": int,
    "margin": int,
    "n_orders": int,
    "cents_so_far": int,
}
LOCAL: dict[str, Kind] = {
    **{f"{name}_day": int for name in INSTANTS},
    **{f"{name}_month": Small for name in INSTANTS},
    "n_days": int,
}


def rows(m: Modelled, zone: str) -> sa.Select:
    """Every usable order with the customer's previous, next and first one, as instants and as local days and months.

    `begun_at`: the customer's first purchase, order or subscription. `n_orders`, `cents_so_far`, `n_days` (days with an
    order) count up to and with this order, so that of each customer the last row by any instant tells the whole.
    """
    given = usable.orders(m)
    day, month = local_numbers(given.c["at"], zone)
    dated = sa.select(given, day.label("day"), month.label("month")).subquery("dated")
    c = dated.c
    mine, in_turn = c.customer_id, [c["at"], c.cents]
    running: dict[str, Any] = {"partition_by": mine, "order_by": in_turn}
    beside = sa.select(
        *(c[name] for name in ("customer_id", "at", "cents", "margin")),
        sa.func.row_number().over(**running).label("n_orders"),
        sa.cast(sa.func.sum(c.cents).over(**running, rows=(None, 0)), sa.BigInteger()).label("cents_so_far"),
        c.day.label("at_day"),
        c.month.label("at_month"),
        *(
            told.label(name + end)
            for column, end in ((c["at"], "_at"), (c.day, "_day"), (c.month, "_month"))
            for name, told in (
                ("previous", previous(column, mine, in_turn)),
                ("next", following(column, mine, in_turn)),
                ("first", sa.func.min(column).over(partition_by=mine)),
            )
        ),
    ).subquery("beside")
    since = began(beside, usable.first_subscriptions(m, zone)).subquery("since")
    return sa.select(*(since.c[name] for name in (*COLUMNS, *LOCAL) if name != "n_days"), n_days(since))


def began(rows: sa.FromClause, others: sa.FromClause | None) -> sa.Select:
    """The rows with `begun_at`, `begun_day`, `begun_month`: of `first_…`, and the first of the other kind, the earlier.

    `others`: customer_id, at, day, month.
    """
    c = rows.c
    if others is None:
        return sa.select(rows, *(c[f"first_{unit}"].label(f"begun_{unit}") for unit in ("at", "day", "month")))
    earlier = others.c["at"] < c.first_at
    return sa.select(
        rows,
        *(
            sa.case((earlier, others.c[unit]), else_=c[f"first_{unit}"]).label(f"begun_{unit}")
            for unit in ("at", "day", "month")
        ),
    ).select_from(rows.outerjoin(others, others.c.customer_id == c.customer_id))


def n_days(orders: sa.FromClause) -> sa.ColumnElement:
    """Days with an order up to and with each of these orders."""
    c = orders.c
    new_day = sa.case((c.previous_day == c.at_day, number(0)), else_=number(1))
    window = sa.func.sum(new_day).over(partition_by=c.customer_id, order_by=[c["at"], c.n_orders], rows=(None, 0))
    return sa.cast(window, sa.BigInteger()).label("n_days")


def rezoned(kept: sa.FromClause, zone: str) -> sa.Select:
    """The same orders with the days and months of another time zone."""
    told = [c for c in kept.c if c.name not in LOCAL]
    dated = [
        number_.label(f"{name}_{unit}")
        for name in INSTANTS
        for unit, number_ in zip(
            ("day", "month"), local_numbers(kept.c["at" if name == "at" else f"{name}_at"], zone), strict=True
        )
    ]
    elsewhere = sa.select(*told, *dated).subquery("elsewhere")
    return sa.select(elsewhere, n_days(elsewhere))
