"""What models of customer value are fitted to, asked: counts of customers by their past, never a row per customer."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.btyd import Past, Spending, kinds
from lifecycle.sbg import Tenure
from lifecycle.scope import Scope
from queries import ledger
from queries.ages import number, period_number, whole
from queries.dialect import Instant, floored, local_time, natural_log
from queries.modelled import Modelled
from queries.purchases import day_of, today
from queries.warehouse import Rendered

EXACT = 50_000  # customers up to which their past is counted in days, beyond in weeks
MOST_WEEKS = 52  # steps of weeks, or of several, in which a history is then told
STEPS = 50  # bins of an amount per power of e: 2 % wide
KINDS = pa.schema([(c, pa.int64()) for c in ("x", "recency", "age")] + [("n", pa.int64()), ("later", pa.int64())])
AMOUNTS = pa.schema([("x", pa.int64()), ("bin", pa.int64()), ("n", pa.int64())])
TENURE = pa.schema([("months", pa.int64()), ("lost", pa.int64()), ("n", pa.int64())])


@dataclass(frozen=True)
class Pasts:
    """Customers by their past at a day, and how often each kind bought in the days from then to as_of (`later`)."""

    past: Past
    later: tuple[float, ...]
    weeks: float
    statements: tuple[Rendered, ...]


def pasts(m: Modelled, scope: Scope, holdout_days: int = 0) -> Pasts:
    """All customers by `x` (further days with an order), recency and age in weeks, seen up to as_of less the hold-out.

    Whatever the period: the model needs a whole history. Of more than 50,000 customers times are counted in steps of
    weeks, at their middle. Raises WarehouseError("missing_table") without orders.
    """
    o, until = ledger.orders(m), number(today(scope) - holdout_days)
    c = o.c
    day, first = day_of(c.at, scope), day_of(c.first_at, scope)
    new_day = sa.or_(c.previous_at.is_(None), day_of(c.previous_at, scope) < day)
    rows = (
        sa.select(c.customer_id, day.label("day"), first.label("first_day"))
        .where(c.at <= scope.as_of, first <= until, new_day, *m.filtered(o, scope.filters))
        .subquery("days")
    )
    d = rows.c
    seen = d.day <= until
    each = sa.select(
        d.first_day,
        (sa.func.count(sa.case((seen, 1))) - number(1)).label("x"),
        (sa.func.max(sa.case((seen, d.day))) - d.first_day).label("recency"),
        sa.func.count(sa.case((sa.not_(seen), 1))).label("later"),
    ).group_by(d.customer_id, d.first_day)
    e = each.subquery("each").c
    size = sa.select(sa.func.count(), sa.func.min(o.c.first_at)).where(o.c.previous_at.is_(None))
    sizes, counting = m.ask(size, pa.schema([("n", pa.int64()), ("since", pa.timestamp("us"))]))
    n, since = (column[0].as_py() for column in sizes.columns)
    width = 1 if n <= EXACT else 7 * ceil((scope.as_of - since).days / 7 / MOST_WEEKS)
    binned = sa.select(
        e.x, whole(e.recency, width).label("recency"), whole(until - e.first_day, width).label("age"), e.later
    ).subquery("binned")
    b = binned.c
    statement = sa.select(
        b.x, b.recency, b.age, sa.func.count().label("n"), sa.cast(sa.func.sum(b.later), sa.BigInteger()).label("later")
    ).group_by(b.x, b.recency, b.age)
    table, rendered = m.ask(statement, KINDS)
    middle = (width - 1) / 2
    rows_ = [tuple(row.values()) for row in table.to_pylist()]
    found = kinds([(x, (r * width + middle) / 7 if x else 0.0, (a * width + middle) / 7, n) for x, r, a, n, _ in rows_])
    return Pasts(found, tuple(float(later) for *_, later in rows_), holdout_days / 7, (rendered, counting))


def spending(m: Modelled, scope: Scope) -> tuple[Spending, Rendered]:
    """All customers by their days with an order and their mean amount per day, in bins of 2 %; no amounts of 0."""
    o = ledger.orders(m)
    c = o.c
    new_day = sa.or_(c.previous_at.is_(None), day_of(c.previous_at, scope) < day_of(c.at, scope))
    each = (
        sa.select(
            sa.func.count(sa.case((new_day, 1))).label("x"), sa.cast(sa.func.sum(c.cents), sa.Double()).label("cents")
        )
        .where(c.at <= scope.as_of, *m.filtered(o, scope.filters))
        .group_by(c.customer_id)
        .subquery("each")
    )
    e = each.c
    bin_ = sa.cast(floored(natural_log(e.cents / e.x) * number(STEPS)), sa.BigInteger()).label("bin")
    binned = sa.select(e.x, bin_).where(e.cents > 0).subquery("binned").c
    table, rendered = m.ask(sa.select(binned.x, binned.bin, sa.func.count()).group_by(binned.x, binned.bin), AMOUNTS)
    columns = table.to_pydict()
    means = tuple(float(2.718281828459045 ** ((b + 0.5) / STEPS)) / 100 for b in columns["bin"])
    return Spending(tuple(map(float, columns["x"])), means, tuple(map(float, columns["n"]))), rendered


def tenure(m: Modelled, scope: Scope) -> tuple[Tenure, Rendered]:
    """All subscribers by the monthly renewals seen until they first had no subscription any more, or until as_of.

    Raises WarehouseError("missing_table") without subscriptions.
    """
    s = ledger.stretches(m)
    c = s.c
    lost = sa.case((c.lapsed_at <= scope.as_of, number(1)), else_=number(0))
    until = sa.case((c.lapsed_at <= scope.as_of, c.lapsed_at), else_=sa.literal(scope.as_of, Instant()))
    months, is_part = _months(c.first_at, until, scope)
    rows = (
        sa.select(sa.case((lost == 1, months + is_part), else_=months).label("months"), lost.label("lost"))
        .where(c.from_at == c.first_at, c.first_at <= scope.as_of, *m.filtered(s, scope.filters))
        .subquery("tenures")
    )
    statement = sa.select(rows.c.months, rows.c.lost, sa.func.count().label("n")).group_by(rows.c.months, rows.c.lost)
    table, rendered = m.ask(statement, TENURE)
    found: dict[int, dict[int, int]] = {0: {}, 1: {}}
    for row in table.to_pylist():
        found[row["lost"]][row["months"]] = row["n"]
    return Tenure(found[1], found[0]), rendered


def _months(start: sa.ColumnElement, end: sa.ColumnElement, scope: Scope) -> tuple[sa.ColumnElement, sa.ColumnElement]:
    """Whole months of the local calendar between two instants, and 1 where a begun month comes on top."""
    months = period_number(end, "month", scope.calendar) - period_number(start, "month", scope.calendar)
    first, last = (sa.extract("day", local_time(at, scope.calendar.timezone)) for at in (start, end))
    one, none = number(1), number(0)
    return months - sa.case((last < first, one), else_=none), sa.case((last != first, one), else_=none)
