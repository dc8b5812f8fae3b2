"""Repeat business, asked: first and second purchases as counts and a life table; never a row per customer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, TypeVar

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.durations import OPEN, LifeTable, Row, joined
from lifecycle.funnel import other_than
from lifecycle.loyalty import AGES, Buyers, Repeat, together
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from queries import ledger
from queries.ages import number, period_number
from queries.dialect import shifted
from queries.instants import in_period
from queries.modelled import Modelled
from queries.warehouse import Rendered

T = TypeVar("T")
DAY = 86_400  # seconds
AGAIN = "bought again"
LONGEST_DAY = number(26 * 3_600 * 1_000_000)  # microseconds; clocks that change make a day of up to 25 hours
PURCHASES = pa.schema(
    [
        ("segment", pa.string()),
        ("period", pa.int64()),
        ("age", pa.int64()),
        ("after", pa.int64()),
        ("n", pa.int64()),
    ]
)


def day_of(at: sa.ColumnElement, scope: Scope) -> sa.ColumnElement:
    """The number of the local day of an instant."""
    return period_number(at, "day", scope.calendar)


def today(scope: Scope) -> int:
    """The number of the local day of as_of."""
    return scope.calendar.number(scope.calendar.day(scope.as_of), "day")


def repeat(m: Modelled, scope: Scope) -> Buyers:
    """Repeat purchase rates and the time to the second purchase of customers whose first order lies in the period.

    The second purchase is the first order on a later local day. Raises WarehouseError("missing_table") without orders.
    """
    here = _repeat(m, scope)
    return replace(here, comparison=_repeat(m, scope.compared)) if scope.compared else here


def _repeat(m: Modelled, scope: Scope) -> Buyers:
    rows, rendered = _purchases(m, scope)
    groups: dict[tuple[int, str | None], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["period"], row["segment"]), []).append(row)
    made = {key: _group(found) for key, found in groups.items()}
    by_period: dict[int, list[Repeat]] = {}
    by_value: dict[str | None, list[tuple[Repeat, LifeTable]]] = {}
    for (period, value), (group, times) in made.items():
        by_period.setdefault(period, []).append(group)
        by_value.setdefault(value, []).append((group, times))
    calendar, grain = scope.calendar, scope.grain
    cohorts = periods(scope, [calendar.numbered(p, grain) for p in by_period])
    return Buyers(
        model=m.model.name,
        build=m.build.id,
        scope=scope,
        whole=together([group for group, _ in made.values()]),
        times=joined([times for _, times in made.values()]),
        cohorts=tuple((day, together(by_period.get(calendar.number(day, grain), []))) for day in cohorts),
        rows=_top(scope, by_value) if scope.by else (),
        statements=(rendered,),
    )


def _purchases(m: Modelled, scope: Scope) -> tuple[list[dict[str, Any]], Rendered]:
    """Customers by cohort, segment and age in days (`after` null), and the second purchases of the same by when.

    A second purchase is the order of a later day that comes straight after the orders of the first day.
    """
    o = ledger.orders(m)
    c = o.c
    first_day, day = day_of(c.first_at, scope), day_of(c.at, scope)
    soon = c.previous_at <= shifted(c.first_at, LONGEST_DAY)  # cheap to see, and most orders are not
    second = sa.and_(soon, day > first_day, day_of(c.previous_at, scope) == first_day)
    rows = sa.select(
        m.segment_column(o, scope).label("segment"),
        period_number(c.first_at, scope.grain, scope.calendar).label("period"),
        (number(today(scope)) - first_day).label("age"),
        sa.case((c.previous_at.is_not(None), day - first_day)).label("after"),
    ).where(
        sa.or_(c.previous_at.is_(None), second),
        c.at <= scope.as_of,
        *in_period(c.first_at, scope),
        *m.filtered(o, scope.filters),
    )
    inner = rows.subquery("purchases")
    table, rendered = m.ask(sa.select(*inner.c, sa.func.count().label("n")).group_by(*inner.c), PURCHASES)
    return table.to_pylist(), rendered


def _group(rows: list[dict[str, Any]]) -> tuple[Repeat, LifeTable]:
    """Customers of one group, from counts by age and by days to the second purchase."""
    firsts = [(r["age"], r["n"]) for r in rows if r["after"] is None]
    seconds = [(r["age"], r["after"], r["n"]) for r in rows if r["after"] is not None]
    rates = {
        limit: Rate(
            sum(n for age, after, n in seconds if age >= limit and after <= limit),
            sum(n for age, n in firsts if age >= limit),
        )
        for limit in AGES
    }
    waiting: dict[int, int] = {}
    for age, n in [*firsts, *((age, -n) for age, _, n in seconds)]:
        waiting[age] = waiting.get(age, 0) + n
    times: list[Row] = [(after * DAY, AGAIN, n) for _, after, n in seconds]
    times += [(age * DAY, OPEN, n) for age, n in waiting.items() if n]
    return Repeat(sum(n for _, n in firsts), rates), LifeTable(tuple(times))


def periods(scope: Scope, found: list[date]) -> list[date]:
    """Every period of the grain that the scope shows, or that lies between the found ones, up to as_of."""
    last = scope.calendar.day(scope.as_of) + timedelta(days=1)
    start = scope.start or min(found, default=None)
    return [] if start is None else scope.calendar.bins(start, min(scope.end or last, last), scope.grain)


def _top(
    scope: Scope, values: dict[str | None, list[tuple[Repeat, LifeTable]]]
) -> tuple[tuple[str | None, Repeat, LifeTable], ...]:
    return tuple(
        (value, together([group for group, _ in parts]), joined([times for _, times in parts]))
        for value, parts in top(scope, values, lambda part: part[0].n)
    )


def top(scope: Scope, values: dict[str | None, list[T]], size: Callable[[T], int]) -> list[tuple[str | None, list[T]]]:
    """The largest values of a breakdown with their parts, the rest together as other."""
    order = sorted(values, key=lambda v: (-sum(map(size, values[v])), v is None, v or ""))
    shown, rest = order[: scope.top], order[scope.top :]
    out: list[tuple[str | None, list[T]]] = [(v, values[v]) for v in shown]
    return [*out, (other_than(shown), [part for v in rest for part in values[v]])] if rest else out
