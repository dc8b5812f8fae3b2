"""Recency, frequency and value, asked: nine groups as counts, and the customers of one of them as a list."""

from __future__ import annotations

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.rfm import OFTEN, SOME, Group, Rfm, Rhythm, in_order, rhythm
from lifecycle.scope import Scope
from queries import ledger
from queries.ages import number
from queries.contacts import Records
from queries.dialect import bytewise
from queries.leads import paged
from queries.modelled import Modelled
from queries.purchases import today
from queries.warehouse import Rendered

GAPS = pa.schema([("gap", pa.int64()), ("n", pa.int64())])
GROUPS = pa.schema(
    [
        ("recency", pa.string()),
        ("frequency", pa.string()),
        ("customers", pa.int64()),
        ("purchases", pa.int64()),
        ("cents", pa.int64()),
    ]
)
BUYER = pa.schema(
    [
        ("customer_id", pa.string()),
        ("last_at", pa.timestamp("us")),
        ("days_ago", pa.int64()),
        ("purchases", pa.int64()),
        ("cents", pa.int64()),
    ]
)


def rfm(m: Modelled, scope: Scope) -> Rfm:
    """Customers by recency and frequency with their revenue. Raises WarehouseError("missing_table") without orders."""
    rhythm, asked = _rhythm(m, scope)
    if rhythm is None:
        return Rfm((), None, (asked,))
    c = _grouped(m, scope, rhythm).c
    sums = {name: sa.cast(sa.func.sum(c[name]), sa.BigInteger()) for name in ("purchases", "cents")}
    statement = sa.select(
        c.recency, c.frequency, sa.func.count().label("customers"), *(s.label(name) for name, s in sums.items())
    ).group_by(c.recency, c.frequency)
    table, rendered = m.ask(statement, GROUPS)
    groups = [
        Group(row["recency"], row["frequency"], row["customers"], row["purchases"], row["cents"] / 100)
        for row in table.to_pylist()
    ]
    return Rfm(in_order(groups), rhythm, (rendered, asked))


def buyers(m: Modelled, scope: Scope, recency: str, frequency: str, page: int = 0) -> Records:
    """The customers of one group, those with the most revenue first."""
    rhythm, _ = _rhythm(m, scope)
    c = _grouped(m, scope, rhythm or Rhythm(0, 0)).c
    statement = sa.select(*(c[name] for name in BUYER.names)).where(c.recency == recency, c.frequency == frequency)
    return paged(m, statement, [c.cents.desc(), bytewise(c.customer_id)], BUYER, page)


def _rhythm(m: Modelled, scope: Scope) -> tuple[Rhythm | None, Rendered]:
    """How soon customers come back, from the days between one day with an order and the next."""
    o = ledger.orders(m, scope)
    gap = (o.c.at_day - o.c.previous_day).label("gap")
    gaps = sa.select(gap).where(o.c["at"] <= scope.as_of, *m.filtered(o, scope.filters)).subquery("gaps").c
    statement = sa.select(gaps.gap, sa.func.count().label("n")).where(gaps.gap > number(0)).group_by(gaps.gap)
    table, rendered = m.ask(statement, GAPS)
    return rhythm({row["gap"]: row["n"] for row in table.to_pylist()}), rendered


def _grouped(m: Modelled, scope: Scope, rhythm: Rhythm) -> sa.Subquery:
    """One row per customer: last_at, days_ago, purchases, cents, recency, frequency."""
    o = ledger.orders(m, scope)
    c = o.c
    aged = (
        sa.select(
            c.customer_id,
            c["at"].label("last_at"),
            (number(today(scope)) - c.at_day).label("days_ago"),
            c.n_days.label("purchases"),
            c.cents_so_far.label("cents"),
        )
        .where(ledger.is_last(c, None, scope), *m.filtered(o, scope.filters))
        .subquery("aged")
    )
    a = aged.c
    recency = sa.case(
        (a.days_ago <= rhythm.usual_days, "active"), (a.days_ago <= rhythm.longest_days, "cooling"), else_="away"
    )
    frequency = sa.case((a.purchases >= OFTEN, "often"), (a.purchases >= SOME, "some"), else_="once")
    return sa.select(aged, recency.label("recency"), frequency.label("frequency")).subquery("grouped")
