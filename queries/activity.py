"""Who orders, asked: new, returning, resurrected and dormant customers by period, and how often they order."""

from __future__ import annotations

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.activity import Activity, Frequency, active_periods
from lifecycle.scope import Scope
from queries import ledger
from queries.ages import number, period_number
from queries.instants import in_period
from queries.modelled import Modelled
from queries.mrr import over

MOST = 10  # "ten or more"
STATES = pa.schema([("period", pa.int64()), ("state", pa.string()), ("n", pa.int64())])
TIMES = pa.schema([("what", pa.string()), ("times", pa.int64()), ("n", pa.int64())])


def activity(m: Modelled, scope: Scope) -> Activity:
    """Customers by period and by when they had ordered before. Raises WarehouseError("missing_table") without orders.

    Each order knows the one before and after it, so that one scan tells them apart.
    """
    table = ledger.orders(m)
    c = table.c
    seen = sa.case((c.next_at <= scope.as_of, c.next_at))
    told = sa.select(
        *(
            period_number(at, scope.grain, scope.calendar).label(name)
            for name, at in (("period", c["at"]), ("before", c.previous_at), ("after", seen))
        )
    )
    p = told.where(c["at"] <= scope.as_of, *m.filtered(table, scope.filters)).cte("placed").c
    one = number(1)
    state = sa.case((p.before.is_(None), "new"), (p.before == p.period - one, "returning"), else_="resurrected")
    came = sa.select(p.period, state.label("state")).where(sa.or_(p.before.is_(None), p.before < p.period))
    gone = sa.or_(p.after.is_(None), p.after > p.period + one)
    left = sa.select((p.period + one).label("period"), sa.literal("dormant").label("state")).where(gone)
    every = sa.select(p.period, sa.literal("times").label("state"))
    s = sa.union_all(came, left, every).subquery("states").c
    table_, rendered = m.ask(
        sa.select(s.period, s.state, sa.func.count().label("n")).group_by(s.period, s.state), STATES
    )
    counts = [tuple(row.values()) for row in table_.to_pylist()]
    numbers = over(scope, [period for period, *_ in counts])
    return Activity(scope, active_periods(scope, numbers, counts), (rendered,))


def frequency(m: Modelled, scope: Scope) -> Frequency:
    """Customers by the number of their orders in the period, and of the days on which they ordered."""
    table = ledger.orders(m)
    c = table.c
    start, _ = scope.instants
    day, before = (period_number(at, "day", scope.calendar) for at in (c["at"], c.previous_at))
    first = sa.or_(c.previous_at.is_(None), before < day, *([c.previous_at < start] if start else []))
    mine = (
        sa.select(
            sa.cast(sa.func.count(), sa.BigInteger()).label("orders"),
            sa.cast(sa.func.sum(sa.case((first, 1), else_=0)), sa.BigInteger()).label("days"),
        )
        .where(*in_period(c["at"], scope), *m.filtered(table, scope.filters))
        .group_by(c.customer_id)
        .cte("mine")
    )
    parts = [
        sa.select(
            sa.literal(what).label("what"),
            sa.case((mine.c[what] > MOST, number(MOST)), else_=mine.c[what]).label("times"),
        )
        for what in ("orders", "days")
    ]
    t = sa.union_all(*parts).subquery("times").c
    found, rendered = m.ask(sa.select(t.what, t.times, sa.func.count().label("n")).group_by(t.what, t.times), TIMES)
    by: dict[str, dict[int, int]] = {"orders": {}, "days": {}}
    for what, times, n in (row.values() for row in found.to_pylist()):
        by[what][times] = n
    orders, days = (tuple((k, counts.get(k, 0)) for k in range(1, MOST + 1)) for counts in by.values())
    return Frequency(orders, days, (rendered,))
