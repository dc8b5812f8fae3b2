"""What winning and keeping customers costs, asked: spend of the acquiring period beside its new customers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.attention import purchase
from lifecycle.funnel import steps_of
from lifecycle.scope import Scope
from lifecycle.value import Acquired, Acquisition, Historic, added
from queries import ledger
from queries.customers import required
from queries.dialect import elapsed, quantile
from queries.instants import in_period
from queries.modelled import Modelled
from queries.spend import Spend, acquisition_spend, spend_by_day
from queries.value import historic
from queries.warehouse import Rendered

MICRO_DAY = 86_400e6
ALL = 1_000  # no breakdown has as many values


def acquisition(m: Modelled, scope: Scope) -> Acquisition:
    """New customers of the period beside the spend that won them: that of the period, moved back by the cycle.

    The cycle is the median time from the first stage to the purchase. Value by age is that of all customers by as_of,
    whenever they came, since those of the period are young; that of a cohort is its own. Raises
    WarehouseError("missing_table") without spend, and with neither orders nor subscriptions.
    """
    spent = required(m, "spend")
    by = _common(m, scope, spent.extra)
    known, ever = historic(m, replace(scope, by=by)), historic(m, replace(scope, by=by, start=None, end=None, top=ALL))
    lag, cycling = _cycle(m, scope)
    earlier = _moved(scope, lag)
    by_value = acquisition_spend(m, earlier, by) if by else Spend()
    daily, spending = spend_by_day(m, earlier, "acquire")
    keeping, kept = spend_by_day(m, scope, "keep")
    served, serving = _served(m, scope)
    return Acquisition(
        scope=scope,
        lag_days=lag,
        whole=Acquired(None, known.whole.n, None if daily is None else sum(daily.values()), ever.whole),
        by=by,
        rows=_rows(known, ever, by_value),
        cohorts=_cohorts(scope, known, daily, lag),
        keeping=None if keeping is None else sum(keeping.values()),
        served=served,
        statements=(*known.statements, *ever.statements, cycling, *spending, *by_value.statements, *kept, serving),
    )


def _common(m: Modelled, scope: Scope, columns: dict[str, str]) -> str | None:
    """The breakdown, if spend has it too; else the first segment that it has."""
    shared = [s.name for s in m.catalog.visible if s.name in columns and s.can_break_down]
    return scope.by if scope.by in shared else next(iter(shared), None)


def _moved(scope: Scope, days: int) -> Scope:
    """The same period as many days earlier; what lies after as_of is no part of it."""
    span, after = timedelta(days=days), scope.calendar.day(scope.as_of) + timedelta(days=1)
    end = min(scope.end, after) if scope.end else after
    return replace(scope, start=scope.start - span if scope.start else None, end=end - span)


def _rows(known: Historic, ever: Historic, spent: Spend) -> tuple[Acquired, ...]:
    """Each shown value of the breakdown; the one that stands for all others is made of all that are not shown."""
    own = dict(ever.rows)
    total, shown = spent.by_value, [value for value, _ in known.rows]
    rows = []
    for value, aged in known.rows:
        values = [value] if value in own or value is None else [v for v in own if v not in shown]
        amount = None if total is None else sum(total.get(v, 0.0) for v in values)
        rows.append(Acquired(value, aged.n, amount, added([own[v] for v in values if v in own])))
    return tuple(rows)


def _cohorts(
    scope: Scope, known: Historic, daily: dict[date, float] | None, lag: int
) -> tuple[tuple[date, Acquired], ...]:
    """Each cohort beside the spend of its own days, moved back by the cycle."""
    spent: dict[date, float] = {}
    for day, amount in (daily or {}).items():
        period = scope.calendar.floor(day + timedelta(days=lag), scope.grain)
        spent[period] = spent.get(period, 0.0) + amount
    return tuple(
        (day, Acquired(f"{day}", aged.n, None if daily is None else spent.get(day, 0.0), aged))
        for day, aged in known.cohorts
    )


def _cycle(m: Modelled, scope: Scope) -> tuple[int, Rendered]:
    """Median days from the first stage to the purchase, of journeys with a purchase in the period; 0 where none has."""
    j = m.journeys.c
    first, last = steps_of(m.model, replace(scope, stages=(), count="passed")).chain[0], purchase(m.model)
    start, end = j[f"{first.key}_passed_at"], j[f"{last.key}_passed_at"]
    took: sa.ColumnElement = sa.cast(elapsed(start, end), sa.Double()).label("took")
    inner = sa.select(took).where(end >= start, *in_period(end, scope), *m.filtered(m.journeys, scope.filters))
    median = quantile(inner.subquery("cycles").c.took, 0.5).label("median")
    table, rendered = m.ask(sa.select(median), pa.schema([("median", pa.float64())]))
    found = table.column(0)[0].as_py()
    return (0 if found is None else round(found / MICRO_DAY)), rendered


def _served(m: Modelled, scope: Scope) -> tuple[int, Rendered]:
    """Customers who bought in the period, or had a subscription in it."""
    start, end = scope.instants
    parts = []
    if "orders" in m.sources:
        o = ledger.orders(m, scope)
        where = [*in_period(o.c["at"], scope), ledger.is_last(o.c, end, scope), *m.filtered(o, scope.filters)]
        parts.append(sa.select(o.c.customer_id).where(*where))
    if "subscriptions" in m.sources:
        s = ledger.stretches(m, scope)
        where = [s.c.from_at <= scope.as_of, *m.filtered(s, scope.filters)]
        where += [s.c.from_at < end] if end else []
        where += [sa.or_(s.c.to_at.is_(None), s.c.to_at > start)] if start else []
        parts.append(sa.select(s.c.customer_id).where(*where).distinct())
    everybody = (sa.union(*parts) if len(parts) > 1 else parts[0]).subquery("served")
    table, rendered = m.ask(sa.select(sa.func.count()).select_from(everybody), pa.schema([("n", pa.int64())]))
    return table.column(0)[0].as_py(), rendered
