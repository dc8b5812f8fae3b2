"""Who orders, asked: new, returning, resurrected and dormant customers by period, and how often they order."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.activity import Active, Activity, Frequency, active_periods
from lifecycle.scope import Scope
from queries import ledger
from queries.ages import number
from queries.groups import Groups
from queries.instants import in_period
from queries.modelled import Modelled
from queries.mrr import over

MOST = 10  # "ten or more"
ORDERED = pa.schema(
    [("segment", pa.string()), ("period", pa.int64()), ("came", pa.string()), ("goes", pa.int64()), ("n", pa.int64())]
)
TIMES = pa.schema([("what", pa.string()), ("times", pa.int64()), ("n", pa.int64())])


def activity(m: Modelled, scope: Scope) -> Activity:
    """Customers by period and by when they had ordered before, of all and of each group of the breakdown.

    Each order knows the one before and after it, so that one scan tells them apart. Raises
    WarehouseError("missing_table") without orders.
    """
    here = _activity(m, scope)
    return replace(here, comparison=_activity(m, scope.compared)) if scope.compared else here


def _activity(m: Modelled, scope: Scope) -> Activity:
    table = ledger.orders(m, scope)
    c = table.c
    period, before, after = (ledger.period(c, name, scope) for name in ("at", "previous", "next"))
    seen = sa.case((c.next_at <= scope.as_of, after))
    segment = m.segment_column(table, scope).label("segment")
    told = sa.select(segment, period.label("period"), before.label("before"), seen.label("after"))
    p = told.where(c["at"] <= scope.as_of, *m.filtered(table, scope.filters)).subquery("placed").c
    one = number(1)
    came = sa.case(
        (p.before.is_(None), "new"),
        (p.before == p.period, "again"),
        (p.before == p.period - one, "returning"),
        else_="resurrected",
    ).label("came")
    goes = sa.case((sa.or_(p.after.is_(None), p.after > p.period + one), 1), else_=0).label("goes")
    keys = sa.select(p.segment, p.period, came, goes).subquery("orders").c
    found, rendered = m.ask(sa.select(*keys, sa.func.count().label("n")).group_by(*keys), ORDERED)
    counts: list[tuple[str | None, int, str, int]] = []
    sizes: dict[str | None, int] = {}
    for value, number_, how, gone, n in (row.values() for row in found.to_pylist()):
        sizes[value] = sizes.get(value, 0) + n
        counts.append((value, number_, "times", n))
        counts += [(value, number_, how, n)] if how != "again" else []
        counts += [(value, number_ + 1, "dormant", n)] * gone
    numbers, groups = over(scope, [number_ for _, number_, _, _ in counts]), Groups(scope, sizes)

    def of(values: list[str | None]) -> tuple[Active, ...]:
        inside = set(values)
        return active_periods(scope, numbers, (rest for value, *rest in counts if value in inside))

    segments = tuple((groups.label(p)[groups.by or ""], of(groups.values(p))) for p in groups.parts)
    return Activity(scope, of(list(sizes)), segments, statements=(rendered,))


def frequency(m: Modelled, scope: Scope) -> Frequency:
    """Customers by the number of their orders in the period, and of the days on which they ordered.

    Orders are numbered: the last of the period less those before the period's first is how many there were.
    """
    table = ledger.orders(m, scope)
    c = table.c
    start, end = scope.instants
    earliest = sa.or_(c.previous_at.is_(None), *([c.previous_at < start] if start else []))
    latest = ledger.is_last(c, end, scope)
    so_far = {"orders": c.n_orders, "days": c.n_days}
    counted = {
        what: sa.case((latest, n), else_=number(0)) - sa.case((earliest, n - number(1)), else_=number(0))
        for what, n in so_far.items()
    }
    mine = (
        sa.select(*(sa.cast(sa.func.sum(n), sa.BigInteger()).label(what) for what, n in counted.items()))
        .where(*in_period(c["at"], scope), sa.or_(earliest, latest), *m.filtered(table, scope.filters))
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
