"""Recency, frequency and value, asked: nine groups as counts, and the customers of one of them as a list."""

from __future__ import annotations

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.rfm import OFTEN, SOME, Group, Rfm, Rhythm, in_order
from lifecycle.scope import Scope
from queries import ledger
from queries.ages import number
from queries.contacts import Records
from queries.dialect import bytewise, quantile
from queries.leads import paged
from queries.modelled import Modelled
from queries.purchases import day_of, today
from queries.warehouse import Rendered

USUAL, LONGEST = 0.75, 0.95
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
    """Quantiles of the days between one day with an order and the next."""
    o = ledger.orders(m)
    gap: sa.ColumnElement = sa.cast(day_of(o.c.at, scope) - day_of(o.c.previous_at, scope), sa.Double()).label("gap")
    gaps = sa.select(gap).where(o.c.at <= scope.as_of, *m.filtered(o, scope.filters)).subquery("gaps")
    found = [quantile(gaps.c.gap, q).label(f"q{i}") for i, q in enumerate((USUAL, LONGEST))]
    statement = sa.select(*found).where(gaps.c.gap > 0)
    table, rendered = m.ask(statement, pa.schema([(q.name, pa.float64()) for q in found]))
    usual, longest = (column[0].as_py() for column in table.columns)
    return (None if usual is None else Rhythm(usual, longest)), rendered


def _grouped(m: Modelled, scope: Scope, rhythm: Rhythm) -> sa.Subquery:
    """One row per customer: last_at, days_ago, purchases, cents, recency, frequency."""
    o = ledger.orders(m)
    c = o.c
    new_day = sa.or_(c.previous_at.is_(None), day_of(c.previous_at, scope) < day_of(c.at, scope))
    each = (
        sa.select(
            c.customer_id,
            sa.func.max(c.at).label("last_at"),
            sa.func.count(sa.case((new_day, 1))).label("purchases"),
            sa.cast(sa.func.sum(c.cents), sa.BigInteger()).label("cents"),
        )
        .where(c.at <= scope.as_of, *m.filtered(o, scope.filters))
        .group_by(c.customer_id)
        .subquery("each")
    )
    e = each.c
    aged = sa.select(each, (number(today(scope)) - day_of(e.last_at, scope)).label("days_ago")).subquery("aged")
    a = aged.c
    recency = sa.case(
        (a.days_ago <= rhythm.usual_days, "active"), (a.days_ago <= rhythm.longest_days, "cooling"), else_="away"
    )
    frequency = sa.case((a.purchases >= OFTEN, "often"), (a.purchases >= SOME, "some"), else_="once")
    return sa.select(aged, recency.label("recency"), frequency.label("frequency")).subquery("grouped")
