"""What customers have been worth, asked: revenue by age since the first purchase, as cells of cohort and segment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.periods import add_months
from lifecycle.scope import Scope
from lifecycle.value import AGES, MONTH_DAYS, Aged, Historic, Simple, added
from queries import ledger
from queries.ages import number, spans_between
from queries.dialect import Instant, elapsed
from queries.instants import in_period
from queries.modelled import Modelled
from queries.purchases import periods, top
from queries.warehouse import Rendered

MONTH = timedelta(days=MONTH_DAYS)
MICRO_MONTH = MONTH // timedelta(microseconds=1)
MRR_A_MONTH = MONTH_DAYS / (365.25 / 12)  # how much of an MRR is paid in a month of 30 days
OLDEST = AGES[-1]
CELLS = pa.schema(
    [
        ("what", pa.string()),
        ("period", pa.int64()),
        ("segment", pa.string()),
        *((name, pa.int64()) for name in ("seen", "age", "n")),
        *((name, pa.float64()) for name in ("cents", "part")),
    ]
)


def first_purchases(m: Modelled, scope: Scope) -> sa.Subquery:
    """Everybody who bought by as_of, order or subscription: customer_id, segment, and of `begun` instant, day, month.

    Raises WarehouseError("missing_table") with neither orders nor subscriptions.
    """
    table = ledger.buyers(m, scope)
    c = table.c
    segment = m.segment_column(table, scope).label("segment")
    rows = sa.select(c.customer_id, segment, *(c[f"begun_{unit}"] for unit in ("at", "day", "month")))
    return rows.where(c.begun_at <= scope.as_of, *m.filtered(table, scope.filters)).subquery("first_purchases")


def historic(m: Modelled, scope: Scope) -> Historic:
    """Revenue by age of customers whose first purchase lies in the period: orders, and MRR for the days it was paid.

    Raises WarehouseError("missing_table") with neither orders nor subscriptions.
    """
    cells, rendered = _cells(m, scope)
    margin, asked = margin_of(m, scope)
    calendar, grain = scope.calendar, scope.grain
    by_period: dict[int, list[Aged]] = {}
    by_value: dict[str | None, list[Aged]] = {}
    for (period, value), aged in cells.items():
        by_period.setdefault(period, []).append(aged)
        by_value.setdefault(value, []).append(aged)
    shown = periods(scope, [calendar.numbered(p, grain) for p in by_period])
    return Historic(
        model=m.model.name,
        build=m.build.id,
        scope=scope,
        whole=added(list(cells.values())),
        sources=tuple(name for name in ("orders", "subscriptions") if name in m.sources),
        margin=margin,
        cohorts=tuple((day, added(by_period.get(calendar.number(day, grain), []))) for day in shown),
        rows=tuple((v, added(parts)) for v, parts in top(scope, by_value, lambda a: a.n)) if scope.by else (),
        statements=(rendered, *asked),
    )


def _cells(m: Modelled, scope: Scope) -> tuple[dict[tuple[int, str | None], Aged], Rendered]:
    parts = [_sizes(m, scope)]
    parts += [_ordered(m, scope)] if "orders" in m.sources else []
    parts += [_subscribed(m, scope)] if "subscriptions" in m.sources else []
    table, rendered = m.ask(sa.union_all(*parts), CELLS)
    return _aged(table), rendered


def _of_cohorts(
    m: Modelled, scope: Scope, table: sa.FromClause, *where: sa.ColumnElement[bool], **values: sa.ColumnElement
) -> sa.Select:
    """Rows of the ledger whose customer first bought in the period: cohort, segment, months seen, and these values."""
    c = table.c
    seen = spans_between(c.begun_at, sa.literal(scope.as_of, Instant()), MONTH)
    return sa.select(
        ledger.period(c, "begun", scope).label("period"),
        m.segment_column(table, scope).label("segment"),
        sa.case((seen > number(OLDEST), number(OLDEST)), else_=seen).label("seen"),
        *(value.label(name) for name, value in values.items()),
    ).where(*in_period(c.begun_at, scope), *m.filtered(table, scope.filters), *where)


def _cells_of(what: str, rows: sa.Select, *keys: str) -> sa.Select:
    """Rows as CELLS: how many there are, and the sums of `cents` and `part`, by cohort, segment and `keys`."""
    c = rows.subquery(what).c
    nothing: sa.ColumnElement = sa.cast(sa.null(), sa.BigInteger())
    none: sa.ColumnElement = sa.cast(sa.null(), sa.Double())
    told: list[sa.ColumnElement] = [(c[name] if name in keys else nothing).label(name) for name in ("seen", "age")]
    told.append(sa.func.count().label("n"))
    told += [(sa.cast(sa.func.sum(c[n]), sa.Double()) if n in c else none).label(n) for n in ("cents", "part")]
    by = [c[key] for key in ("period", "segment", *keys)]
    return sa.select(sa.literal(what).label("what"), c.period, c.segment, *told).group_by(*by)


def _sizes(m: Modelled, scope: Scope) -> sa.Select:
    """Customers by cohort, segment and how many whole months they have been seen."""
    return _cells_of("size", _of_cohorts(m, scope, ledger.buyers(m, scope)), "seen")


def _ordered(m: Modelled, scope: Scope) -> sa.Select:
    """Revenue of orders by the age at which they were made, in months seen whole."""
    table = ledger.orders(m, scope)
    c = table.c
    age = spans_between(c.begun_at, c["at"], MONTH)
    r = _of_cohorts(m, scope, table, c["at"] <= scope.as_of, age=age, cents=c.cents).subquery("placed").c
    return _cells_of("orders", sa.select(r.period, r.segment, r.age, r.cents).where(r.age < r.seen), "age")


def _subscribed(m: Modelled, scope: Scope) -> sa.Select:
    """MRR that begins (and, negative, ends) at each age: `cents`, and `part`, what of it falls into that very month."""
    table = ledger.stretches(m, scope)
    c = table.c
    begins = _of_cohorts(m, scope, table, c.from_at <= scope.as_of, since=c.begun_at, at=c.from_at, cents=c.cents)
    ends = _of_cohorts(m, scope, table, c.to_at <= scope.as_of, since=c.begun_at, at=c.to_at, cents=-c.cents)
    edges = sa.union_all(begins, ends).subquery("edges")
    age = spans_between(edges.c.since, edges.c["at"], MONTH).label("age")
    e = sa.select(edges, age).subquery("aged").c
    month = number(MICRO_MONTH)
    left = sa.cast((e.age + number(1)) * month - elapsed(e.since, e["at"]), sa.Double()) / month
    rows = sa.select(e.period, e.segment, e.seen, e.age, e.cents, (e.cents * left).label("part")).where(e.age < e.seen)
    return _cells_of("subscriptions", rows, "seen", "age")


def _aged(table: pa.Table) -> dict[tuple[int, str | None], Aged]:
    """Per age those seen through it, and their revenue: of orders, and MRR for as long as it was paid."""
    cells: dict[tuple[int, str | None], list[dict[str, Any]]] = {}
    for row in table.to_pylist():
        cells.setdefault((row["period"], row["segment"]), []).append(row)
    out = {}
    for key, rows in cells.items():
        sizes = [row for row in rows if row["what"] == "size"]
        months = dict.fromkeys(range(OLDEST), 0.0)
        for row in rows:
            if row["what"] == "orders":
                months[row["age"]] += row["cents"] / 100
            elif row["what"] == "subscriptions":
                months[row["age"]] += row["part"] * MRR_A_MONTH / 100
                for age in range(row["age"] + 1, row["seen"]):
                    months[age] += row["cents"] * MRR_A_MONTH / 100
        through = {k: sum(row["n"] for row in sizes if row["seen"] > k) for k in range(OLDEST)}
        out[key] = Aged(sum(row["n"] for row in sizes), {k: (n, months[k]) for k, n in through.items() if n})
    return out


def margin_of(m: Modelled, scope: Scope) -> tuple[tuple[float, float] | None, tuple[Rendered, ...]]:
    """Margin and revenue of the orders by as_of that tell their margin; None where none can."""
    source = m.sources.get("orders")
    if source is None or not source.has("margin"):
        return None, ()
    table = ledger.orders(m, scope)
    c = table.c
    sums: list[sa.ColumnElement] = [
        sa.cast(sa.func.sum(column), sa.Double()).label(column.name) for column in (c.margin, c.cents)
    ]
    statement = sa.select(*sums).where(c.margin.is_not(None), c["at"] <= scope.as_of, *m.filtered(table, scope.filters))
    found, rendered = m.ask(statement, pa.schema([(name.name, pa.float64()) for name in sums]))
    margin, cents = (column[0].as_py() for column in found.columns)
    return (None if margin is None or not cents else (margin / 100, cents / 100)), (rendered,)


def simple(m: Modelled, scope: Scope, months: int = 12) -> Simple:
    """Subscribers so many months before as_of, their MRR, and who of them has no subscription at as_of.

    Raises WarehouseError("missing_table") without subscriptions.
    """
    today = scope.calendar.day(scope.as_of)
    start = scope.calendar.instant(add_months(today, -months)) if months else scope.as_of
    s = ledger.stretches(m, scope)
    c = s.c

    def running(at: sa.ColumnElement) -> sa.ColumnElement[bool]:
        return sa.and_(c.from_at <= at, sa.or_(c.to_at.is_(None), c.to_at > at))

    then, now = (running(sa.literal(at, Instant())) for at in (start, scope.as_of))
    each = (
        sa.select(
            sa.func.max(sa.case((then, number(1)), else_=number(0))).label("then"),
            sa.func.max(sa.case((now, number(1)), else_=number(0))).label("now"),
            sa.func.sum(sa.case((then, c.cents), else_=number(0))).label("cents"),
        )
        .where(c.from_at <= scope.as_of, *m.filtered(s, scope.filters))
        .group_by(c.customer_id)
        .subquery("each")
    )
    e = each.c
    statement = sa.select(
        sa.func.count().label("customers"),
        sa.cast(sa.func.sum(e.cents), sa.BigInteger()).label("cents"),
        sa.func.count(sa.case((e.now == number(0), 1))).label("lost"),
    ).where(e.then == number(1))
    table, rendered = m.ask(statement, pa.schema([(n, pa.int64()) for n in ("customers", "cents", "lost")]))
    row = table.to_pylist()[0]
    return Simple(row["customers"], (row["cents"] or 0) / 100, row["lost"], months, (rendered,))
