"""What models of customer value are fitted to, asked: counts of customers by their past, never a row per customer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
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
from queries.purchases import today
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
    until = number(today(scope) - holdout_days)
    e = _until(m, scope, until, with_later=holdout_days > 0).c
    n, since, counting = _size(m, scope)
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


def _until(m: Modelled, scope: Scope, until: sa.ColumnElement, *, with_later: bool) -> sa.Subquery:
    """Customers who had ordered by the local day `until`: first_day, x and recency then, and `later`: further days with
    an order, up to as_of. Of each customer the last order up to a day tells all that came before."""
    o = ledger.orders(m, scope)
    c = o.c
    where = [c["at"] <= scope.as_of, *m.filtered(o, scope.filters)]
    ends = sa.or_(c.next_at.is_(None), c.next_at > scope.as_of)
    then = (
        sa.select(
            c.customer_id,
            c.first_day,
            (c.n_days - number(1)).label("x"),
            (c.at_day - c.first_day).label("recency"),
        )
        .where(*where, c.at_day <= until, sa.or_(ends, c.next_day > until))
        .subquery("then")
    )
    if not with_later:
        return sa.select(*then.c, number(0).label("later")).subquery("until")
    after = sa.select(c.customer_id, c.n_days).where(*where, c.at_day > until, ends).subquery("after")
    later = sa.func.coalesce(after.c.n_days - then.c.x - number(1), number(0)).label("later")
    told = [then.c[name] for name in ("first_day", "x", "recency")]
    joined = then.outerjoin(after, after.c.customer_id == then.c.customer_id)
    return sa.select(*told, later).select_from(joined).subquery("until")


def _size(m: Modelled, scope: Scope) -> tuple[int, datetime, Rendered]:
    """How many customers have ordered at all, and since when (as_of where nobody has)."""
    c = ledger.buyers(m, scope).c
    statement = sa.select(sa.func.count(c.ordered_at).label("n"), sa.func.min(c.ordered_at).label("since"))
    table, rendered = m.ask(statement, pa.schema([("n", pa.int64()), ("since", pa.timestamp("us"))]))
    n, since = (column[0].as_py() for column in table.columns)
    return n, since or scope.as_of, rendered


def spending(m: Modelled, scope: Scope) -> tuple[Spending, Rendered]:
    """All customers by their days with an order and their mean amount per day, in bins of 2 %; no amounts of 0."""
    o = ledger.orders(m, scope)
    c = o.c
    cents: sa.ColumnElement = sa.cast(c.cents_so_far, sa.Double()).label("cents")
    each = sa.select(c.n_days.label("x"), cents).where(ledger.is_last(c, None, scope), *m.filtered(o, scope.filters))
    e = each.subquery("each").c
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
    s = ledger.stretches(m, scope)
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
