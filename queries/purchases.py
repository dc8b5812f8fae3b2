"""Repeat business, asked: first and second purchases as counts and a life table; never a row per customer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import TypeVar

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.durations import OPEN, LifeTable, Row, joined
from lifecycle.funnel import other_than
from lifecycle.loyalty import AGES, Buyers, Repeat, together
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from queries import ledger
from queries.ages import number
from queries.customers import required
from queries.instants import in_period
from queries.modelled import Modelled
from queries.warehouse import Rendered

T = TypeVar("T")
DAY = 86_400  # seconds
AGAIN = "bought again"
LATER = AGES[-1] + 1  # stands for a second purchase after the last of AGES, or none
TEXT, WHOLE = pa.string(), pa.int64()
COUNTS = pa.schema([("segment", TEXT), ("period", WHOLE), ("reached", WHOLE), ("came", WHOLE), ("n", WHOLE)])
WAITS = pa.schema([("segment", TEXT), ("days", WHOLE), ("outcome", TEXT), ("n", WHOLE)])


def today(scope: Scope) -> int:
    """The number of the local day of as_of."""
    return scope.calendar.number(scope.calendar.day(scope.as_of), "day")


def repeat(m: Modelled, scope: Scope) -> Buyers:
    """Repeat purchase rates and the time to the second purchase of customers whose first order lies in the period.

    The second purchase is the first order on a later local day. Raises WarehouseError("missing_table") without orders.
    """
    required(m, "orders")
    here = _repeat(m, scope)
    return replace(here, comparison=_repeat(m, scope.compared)) if scope.compared else here


def _repeat(m: Modelled, scope: Scope) -> Buyers:
    counted, counting = _counts(m, scope)
    waits, waiting = _waits(m, scope)
    by_period: dict[int, list[Repeat]] = {}
    by_value: dict[str | None, list[Repeat]] = {}
    for (period, value), group in counted.items():
        by_period.setdefault(period, []).append(group)
        by_value.setdefault(value, []).append(group)
    calendar, grain = scope.calendar, scope.grain
    cohorts = periods(scope, [calendar.numbered(p, grain) for p in by_period])
    return Buyers(
        model=m.model.name,
        build=m.build.id,
        scope=scope,
        whole=together(list(counted.values())),
        times=joined(list(waits.values())),
        cohorts=tuple((day, together(by_period.get(calendar.number(day, grain), []))) for day in cohorts),
        rows=_top(scope, by_value, waits) if scope.by else (),
        statements=(counting, waiting),
    )


def _bought(m: Modelled, scope: Scope) -> sa.Subquery:
    """Customers whose first order lies in the period: segment, period, age in days, and `after`: the days until the
    second purchase, null while there is none by as_of."""
    table = ledger.buyers(m, scope)
    c = table.c
    again = sa.case((c.again_at <= scope.as_of, c.again_day - c.ordered_day))
    rows = sa.select(
        m.segment_column(table, scope).label("segment"),
        ledger.period(c, "ordered", scope).label("period"),
        (number(today(scope)) - c.ordered_day).label("age"),
        again.label("after"),
    )
    return rows.where(*in_period(c.ordered_at, scope), *m.filtered(table, scope.filters)).subquery("bought")


def _counts(m: Modelled, scope: Scope) -> tuple[dict[tuple[int, str | None], Repeat], Rendered]:
    """Repeat purchase rates by cohort and segment: from the last of AGES reached and the first with a purchase."""
    b = _bought(m, scope).c
    reached = sa.case(*((b.age >= number(limit), number(limit)) for limit in reversed(AGES)), else_=number(0))
    came = sa.case(*((b.after <= number(limit), number(limit)) for limit in AGES), else_=number(LATER))
    each = sa.select(b.segment, b.period, reached.label("reached"), came.label("came")).subquery("each")
    table, rendered = m.ask(sa.select(*each.c, sa.func.count().label("n")).group_by(*each.c), COUNTS)
    groups: dict[tuple[int, str | None], list[tuple[int, int, int]]] = {}
    for segment, period, *counted in (row.values() for row in table.to_pylist()):
        groups.setdefault((period, segment), []).append(tuple(counted))
    return {key: _repeated(rows) for key, rows in groups.items()}, rendered


def _repeated(rows: list[tuple[int, int, int]]) -> Repeat:
    rates = {}
    for limit in AGES:
        due = [(came, n) for reached, came, n in rows if reached >= limit]
        rates[limit] = Rate(sum(n for came, n in due if came <= limit), sum(n for _, n in due))
    return Repeat(sum(n for *_, n in rows), rates)


def _waits(m: Modelled, scope: Scope) -> tuple[dict[str | None, LifeTable], Rendered]:
    """By segment the days to the second purchase, or to as_of."""
    b = _bought(m, scope).c
    outcome = sa.case((b.after.is_not(None), AGAIN), else_=OPEN).label("outcome")
    each = sa.select(b.segment, sa.func.coalesce(b.after, b.age).label("days"), outcome).subquery("each")
    table, rendered = m.ask(sa.select(*each.c, sa.func.count().label("n")).group_by(*each.c), WAITS)
    found: dict[str | None, list[Row]] = {}
    for segment, days, how, n in (row.values() for row in table.to_pylist()):
        found.setdefault(segment, []).append((days * DAY, how, n))
    return {value: LifeTable(tuple(rows)) for value, rows in found.items()}, rendered


def periods(scope: Scope, found: list[date]) -> list[date]:
    """Every period of the grain that the scope shows, or that lies between the found ones, up to as_of."""
    last = scope.calendar.day(scope.as_of) + timedelta(days=1)
    start = scope.start or min(found, default=None)
    return [] if start is None else scope.calendar.bins(start, min(scope.end or last, last), scope.grain)


def _top(
    scope: Scope, groups: dict[str | None, list[Repeat]], waits: dict[str | None, LifeTable]
) -> tuple[tuple[str | None, Repeat, LifeTable], ...]:
    both = {value: [(together(parts), waits[value])] for value, parts in groups.items()}
    return tuple(
        (value, together([group for group, _ in parts]), joined([times for _, times in parts]))
        for value, parts in top(scope, both, lambda part: part[0].n)
    )


def top(scope: Scope, values: dict[str | None, list[T]], size: Callable[[T], int]) -> list[tuple[str | None, list[T]]]:
    """The largest values of a breakdown with their parts, the rest together as other."""
    order = sorted(values, key=lambda v: (-sum(map(size, values[v])), v is None, v or ""))
    shown, rest = order[: scope.top], order[scope.top :]
    out: list[tuple[str | None, list[T]]] = [(v, values[v]) for v in shown]
    return [*out, (other_than(shown), [part for v in rest for part in values[v]])] if rest else out
