"""What customers have been worth, asked: revenue by age since the first purchase, as cells of cohort and segment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.periods import add_months
from lifecycle.scope import Scope
from lifecycle.value import AGES, MONTH_DAYS, Aged, Historic, Simple, added
from queries import ledger
from queries.ages import number, spans_between
from queries.ages import period_number as period_of
from queries.customers import orders, segmented
from queries.dialect import Instant, elapsed
from queries.errors import WarehouseError
from queries.instants import in_period
from queries.modelled import Modelled
from queries.purchases import periods, top
from queries.warehouse import Rendered

MONTH = timedelta(days=MONTH_DAYS)
MICRO_MONTH = MONTH // timedelta(microseconds=1)
DAYS_OF_MRR = 365.25 / 12  # an MRR is paid for so many days
OLDEST = AGES[-1]
CELLS = pa.schema(
    [
        ("what", pa.string()),
        ("period", pa.int64()),
        ("segment", pa.string()),
        ("age", pa.int64()),
        ("n", pa.int64()),
        ("amount", pa.float64()),
    ]
)


def first_purchases(m: Modelled, scope: Scope) -> sa.Subquery:
    """Everybody who bought by as_of, order or subscription: customer_id, segment, first_at.

    Raises WarehouseError("missing_table") with neither orders nor subscriptions.
    """
    parts = []
    if "orders" in m.sources:
        o = ledger.orders(m)
        parts.append(_firsts(m, scope, o).where(o.c.previous_at.is_(None)))
    if "subscriptions" in m.sources:
        s = ledger.stretches(m)
        parts.append(_firsts(m, scope, s).where(s.c.from_at == s.c.first_at))
    if not parts:
        raise WarehouseError(
            "missing_table",
            "Neither orders nor subscriptions are in the warehouse.",
            "Load one of them: orders (order_id, ordered_at, contact_id or account_id, amount) or subscriptions "
            "(subscription_id, started_at, contact_id or account_id, ended_at, mrr).",
        )
    every = (parts[0] if len(parts) == 1 else sa.union_all(*parts)).subquery("every")
    c = every.c
    first = sa.func.min(c.first_at).label("first_at")
    one = sa.select(c.customer_id, sa.func.max(c.segment).label("segment"), first).group_by(c.customer_id)
    return one.subquery("first_purchases")


def begun(m: Modelled, scope: Scope) -> sa.Subquery:
    """Customers whose first purchase lies in the period, and `seen`: whole months of 30 days from then to as_of."""
    only = first_purchases(m, scope)
    seen = spans_between(only.c.first_at, sa.literal(scope.as_of, Instant()), MONTH).label("seen")
    return sa.select(only, seen).where(*in_period(only.c.first_at, scope)).subquery("begun")


def _firsts(m: Modelled, scope: Scope, rows: sa.FromClause) -> sa.Select:
    segment = m.segment_column(rows, scope).label("segment")
    where = [rows.c.first_at <= scope.as_of, *m.filtered(rows, scope.filters)]
    return sa.select(rows.c.customer_id, segment, rows.c.first_at).where(*where)


def historic(m: Modelled, scope: Scope) -> Historic:
    """Revenue by age of customers whose first purchase lies in the period: orders, and MRR for the days it was paid.

    Raises WarehouseError("missing_table") with neither orders nor subscriptions.
    """
    base = begun(m, scope)
    cells, rendered = _cells(m, scope, base)
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


def _cells(m: Modelled, scope: Scope, base: sa.Subquery) -> tuple[dict[tuple[int, str | None], Aged], Rendered]:
    period = period_of(base.c.first_at, scope.grain, scope.calendar).label("period")
    here = sa.select(base, period).cte("cohorts")
    parts = [_sizes(here)]
    parts += [_ordered(m, scope, here)] if "orders" in m.sources else []
    parts += [_subscribed(m, scope, here)] if "subscriptions" in m.sources else []
    table, rendered = m.ask(sa.union_all(*parts), CELLS)
    return _aged(table), rendered


def _sizes(here: sa.CTE) -> sa.Select:
    """Customers by cohort, segment and how many whole months they have been seen."""
    c = here.c
    what: sa.ColumnElement = sa.literal("size").label("what")
    nothing: sa.ColumnElement = sa.cast(sa.null(), sa.Double()).label("amount")
    keys = [c.period, c.segment, _capped(c.seen).label("age")]
    each = sa.select(*keys).subquery("sizes")
    return sa.select(what, *each.c, sa.func.count().label("n"), nothing).group_by(*each.c)


def _capped(seen: sa.ColumnElement) -> sa.ColumnElement:
    return sa.case((seen > number(OLDEST), number(OLDEST)), else_=seen)


def _ordered(m: Modelled, scope: Scope, here: sa.CTE) -> sa.Select:
    """Revenue of orders by the age at which they were made, in months seen whole."""
    o, c = ledger.orders(m), here.c
    age = spans_between(c.first_at, o.c.at, MONTH).label("age")
    rows = (
        sa.select(c.period, c.segment, age, c.seen, o.c.cents)
        .select_from(here.join(o, o.c.customer_id == c.customer_id))
        .where(o.c.at <= scope.as_of)
        .subquery("ordered")
    )
    return _summed("orders", rows, rows.c.age, rows.c.cents)


def _summed(what: str, rows: sa.Subquery, age: sa.ColumnElement, cents: sa.ColumnElement) -> sa.Select:
    c = rows.c
    amount = (sa.cast(sa.func.sum(cents), sa.Double()) / 100).label("amount")
    none = sa.cast(sa.null(), sa.BigInteger()).label("n")
    return (
        sa.select(sa.literal(what).label("what"), c.period, c.segment, age, none, amount)
        .where(age < c.seen, age < number(OLDEST))
        .group_by(c.period, c.segment, age)
    )


def _subscribed(m: Modelled, scope: Scope, here: sa.CTE) -> sa.Select:
    """Revenue of subscriptions by age: MRR for the part of each month in which it was paid."""
    s, c = ledger.stretches(m), here.c
    until = sa.case((s.c.to_at <= scope.as_of, s.c.to_at), else_=sa.literal(scope.as_of, Instant()))
    start, end = elapsed(c.first_at, s.c.from_at), elapsed(c.first_at, until)
    stretches = (
        sa.select(c.period, c.segment, c.seen, s.c.cents, start.label("start"), end.label("end"))
        .select_from(here.join(s, s.c.customer_id == c.customer_id))
        .where(s.c.from_at <= scope.as_of)
        .subquery("paid")
    )
    p = stretches.c
    ages = sa.union_all(*(sa.select(number(k).label("age")) for k in range(OLDEST))).subquery("ages")
    low = ages.c.age * number(MICRO_MONTH)
    high = low + number(MICRO_MONTH)
    paid = sa.case((p.end < high, p.end), else_=high) - sa.case((p.start > low, p.start), else_=low)
    share = sa.cast(paid, sa.Double()) / number(round(DAYS_OF_MRR * 86_400e6))
    joined = stretches.join(ages, sa.and_(p.start < high, p.end > low))
    rows = sa.select(p.period, p.segment, p.seen, ages.c.age, (p.cents * share).label("cents")).select_from(joined)
    inner = rows.subquery("months")
    return _summed("subscriptions", inner, inner.c.age, inner.c.cents)


def _aged(table: pa.Table) -> dict[tuple[int, str | None], Aged]:
    """From sizes by months seen and amounts by age: per age those seen through it, and their revenue."""
    sizes: dict[tuple[int, str | None], dict[int, int]] = {}
    amounts: dict[tuple[int, str | None], dict[int, float]] = {}
    for row in table.to_pylist():
        key = (row["period"], row["segment"])
        if row["what"] == "size":
            sizes.setdefault(key, {})[row["age"]] = row["n"]
        else:
            ages = amounts.setdefault(key, {})
            ages[row["age"]] = ages.get(row["age"], 0.0) + (row["amount"] or 0.0)
    out = {}
    for key, seen in sizes.items():
        ages = amounts.get(key, {})
        through = {k: sum(n for months, n in seen.items() if months > k) for k in range(OLDEST)}
        out[key] = Aged(sum(seen.values()), {k: (n, ages.get(k, 0.0)) for k, n in through.items() if n})
    return out


def margin_of(m: Modelled, scope: Scope) -> tuple[tuple[float, float] | None, tuple[Rendered, ...]]:
    """Margin and revenue of the orders by as_of that tell their margin; None where none can."""
    source = m.sources.get("orders")
    if source is None or not source.has("margin"):
        return None, ()
    c = segmented(m, scope.whole, orders(m, scope)).c
    sums: list[sa.ColumnElement] = [
        sa.cast(sa.func.sum(c[name]), sa.Double()).label(name) for name in ("margin", "amount")
    ]
    schema = pa.schema([("margin", pa.float64()), ("amount", pa.float64())])
    table, rendered = m.ask(sa.select(*sums).where(c.margin.is_not(None)), schema)
    row: Mapping[str, float | None] = table.to_pylist()[0]
    margin, amount = row["margin"], row["amount"]
    return (None if margin is None or not amount else (margin, amount)), (rendered,)


def simple(m: Modelled, scope: Scope, months: int = 12) -> Simple:
    """Subscribers so many months before as_of, their MRR, and who of them has no subscription at as_of.

    Raises WarehouseError("missing_table") without subscriptions.
    """
    today = scope.calendar.day(scope.as_of)
    start = scope.calendar.instant(add_months(today, -months)) if months else scope.as_of
    s = ledger.stretches(m)
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
