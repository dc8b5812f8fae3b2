"""When customers left, asked: on how many days their first subscriptions ended."""

from __future__ import annotations

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.leaving import Leaving
from lifecycle.scope import Scope
from queries import ledger
from queries.ages import local_numbers
from queries.modelled import Modelled

DAYS = pa.schema([(name, pa.int64()) for name in ("day", "n", "months", "every")])


def leaving(m: Modelled, scope: Scope) -> Leaving:
    """Customers who left by as_of, and the day on which most of them did, whatever the period and the filters.

    Raises WarehouseError("missing_table") without subscriptions.
    """
    table = ledger.stretches(m, scope)
    c = table.c
    day, _ = local_numbers(c.lapsed_at, scope.calendar.timezone)
    left = sa.select(day.label("day"), c.first_month.label("month"))
    rows = left.where(c.from_at == c.first_at, c.lapsed_at <= scope.as_of).subquery("rows").c
    n, months = sa.func.count(), sa.func.count(rows.month.distinct())
    days = sa.select(rows.day, n.label("n"), months.label("months")).group_by(rows.day).subquery("days").c
    every = sa.cast(sa.func.sum(days.n).over(), sa.BigInteger()).label("every")
    most = sa.select(days.day, days.n, days.months, every).order_by(days.n.desc(), days.day).limit(1)
    found, rendered = m.ask(most, DAYS)
    if not found.num_rows:
        return Leaving(statements=(rendered,))
    number, then, started, total = found.to_pylist()[0].values()
    return Leaving(total, scope.calendar.numbered(number, "day"), then, started, (rendered,))
