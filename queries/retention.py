"""Who stays, asked: the warehouse returns the cells of cohorts, never customers, but for the list behind one cell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.durations import OPEN, LifeTable, Row
from lifecycle.retention import Count, Retention, Rules, Start, Triangle, triangle
from lifecycle.scope import Scope
from queries import ledger, recurring, subscribed
from queries.ages import number, spans_between
from queries.cohorts import Following, activity, starts
from queries.contacts import PAGE, Records
from queries.dialect import Instant, bytewise
from queries.groups import Groups
from queries.instants import in_period
from queries.leaving import leaving
from queries.modelled import Modelled, one_of

LEFT, DAY = "left", timedelta(days=1)
STARTS = pa.schema([("segment", pa.string()), *((name, pa.int64()) for name in ("cohort", "seen", "n", "cents"))])
COUNTS = pa.schema(
    [("segment", pa.string()), *((n, pa.int64()) for n in ("cohort", "seen", "place", "n", "times", "cents"))]
)
LIFE = pa.schema([("segment", pa.string()), ("days", pa.int64()), ("outcome", pa.string()), ("n", pa.int64())])
CUSTOMERS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("start_at", pa.timestamp("us")),
        ("at", pa.timestamp("us")),
        ("cents", pa.int64()),
        ("segment", pa.string()),
    ]
)


def retention(m: Modelled, scope: Scope, rules: Rules) -> Retention:
    """Cohorts by age, of all and of each group of the breakdown; compared are always those of the two periods.

    The customer is who moves through the lifecycle. Raises WarehouseError("missing_table") without its activities.
    """
    here = _retention(m, scope, rules)
    if rules.is_state:
        left = leaving(m, scope)
        here = replace(here, leaving=left, statements=(*here.statements, *left.statements))
    if scope.compared is None:
        return here
    return replace(here, comparison=_retention(m, scope.compared, replace(rules, cohorts="period")))


def _retention(m: Modelled, scope: Scope, rules: Rules) -> Retention:
    f = Following(m, scope, rules)
    born, asked = m.ask(_begun(f), STARTS)
    begun = [Start(*row.values()) for row in born.to_pylist()]
    cells, rendered = m.ask(_counts(f, begun), COUNTS)
    counts = [Count(*row.values()) for row in cells.to_pylist()]
    periods = _periods(f, begun)
    sizes: dict[str | None, int] = {}
    for start in begun:
        sizes[start.segment] = sizes.get(start.segment, 0) + start.n
    groups = Groups(scope if rules.split == "segment" else replace(scope, by=rules.split), sizes)

    def of(values: list[str | None]) -> Triangle:
        inside = set(values)
        mine = ([x for x in rows if x.segment in inside] for rows in (begun, counts))
        return triangle(rules, scope, periods, *mine)  # type: ignore[arg-type]

    return Retention(
        model=m.model.name,
        build=m.build.id,
        scope=scope,
        rules=rules,
        whole=triangle(rules, scope, periods, begun, counts),
        segments=tuple((groups.label(p)[groups.by or ""], of(groups.values(p))) for p in groups.parts),
        statements=(asked, rendered),
    )


def _periods(f: Following, begun: list[Start]) -> range:
    """The numbers of the cohorts: of the period where both its ends are given, else from the first to the last."""
    scope, calendar = f.scope, f.scope.calendar
    found = [s.cohort for s in begun]
    if f.rules.cohorts == "period" and scope.start and scope.end:
        first, last = (
            calendar.number(day, scope.grain) for day in (scope.start, min(scope.end, calendar.day(f.until)))
        )
        over = calendar.numbered(last, scope.grain) >= scope.end  # `to` is not in the period
        return range(min([first, *found]), max([last - over, *found]) + 1)
    return range(min(found), max([*found, f.now - 1]) + 1) if found else range(0)


def _begun(f: Following) -> sa.Select:
    if subscribed.starts_are_counted_together(f):
        return subscribed.begun(f)
    s = starts(f).c
    keys = [s.segment, s.cohort, s.seen]
    return sa.select(*keys, sa.func.count().label("n"), total(s.cents)).group_by(*keys)


def _counts(f: Following, begun: list[Start]) -> sa.Select:
    if subscribed.is_counted_together(f):
        return subscribed.counts(f)
    if spans := recurring.numbers(f, min((s.cohort for s in begun), default=f.now)):
        return recurring.counts(f, spans)
    a = activity(f).c
    keys = [a.segment, a.cohort, a.seen]
    if not f.rules.is_state or f.rules.mode == "rolling":
        rows = sa.select(
            *keys,
            a.low.label("place"),
            sa.cast(sa.func.sum(a.counted), sa.BigInteger()).label("n"),
            sa.func.count().label("times"),
            total(a.cents),
        ).group_by(*keys, a.low)
        return rows.where(a.is_last == 1) if f.rules.mode == "rolling" else rows
    keys += [a.low, a.high]
    n = sa.cast(sa.func.count(), sa.BigInteger()).label("n")
    r = sa.select(*keys, n, total(a.cents)).group_by(*keys).cte("alike").c  # once, for where they begin and end
    told = [r.segment, r.cohort, r.seen]
    begins = sa.select(*told, r.low.label("place"), r.n, r.cents)
    ends = sa.select(*told, (r.high + number(1)).label("place"), (-r.n).label("n"), (-r.cents).label("cents"))
    c = sa.union_all(begins, ends).subquery("changes").c
    by = [c.segment, c.cohort, c.seen, c.place]
    n = sa.cast(sa.func.sum(c.n), sa.BigInteger()).label("n")
    return sa.select(*by, n, number(0).label("times"), total(c.cents)).group_by(*by)


def total(cents: sa.ColumnElement) -> sa.ColumnElement:
    """A sum of cents as a whole number."""
    return sa.cast(sa.func.coalesce(sa.func.sum(cents), number(0)), sa.BigInteger()).label("cents")


@dataclass(frozen=True)
class Chosen:
    """A cell that was picked: its cohort by the first day (ISO), its first age, values of the breakdown."""

    cohort: str
    age: int
    segments: tuple[str | None, ...] = ()

    @property
    def day(self) -> date:
        return date.fromisoformat(self.cohort)


def customers(m: Modelled, scope: Scope, rules: Rules, chosen: Chosen, page: int = 0) -> Records:
    """The customers behind a cell, earliest start first: as many as it says, by the expression that counted them."""
    f = Following(m, scope, rules)
    cohort = scope.calendar.number(chosen.day, scope.grain)
    place, (_, last) = next((i, step) for i, step in enumerate(rules.steps) if step[0] == chosen.age)
    if last == 0:
        s = starts(f).c
        where = [s.cohort == number(cohort)]
        where += [s.seen > number(0)] if rules.measure not in ("logo", "nrr", "grr") else []
        columns = [s.customer_id, s.start_at, s.start_at.label("at"), s.cents, s.segment]
    else:
        s = activity(f).c
        where = [s.cohort == number(cohort), s.seen > number(last), s.high >= number(place)]
        if rules.mode == "rolling":
            where.append(s.is_last == 1)
        else:
            where += [s.low <= number(place), s.counted == 1]
        columns = [s.customer_id, s.start_at, s["at"], s.cents, s.segment]
    where += [one_of(s.segment, chosen.segments)] if chosen.segments else []
    every = sa.select(*columns).where(*where)
    n, counting = m.ask(
        sa.select(sa.func.count().label("n")).select_from(every.subquery()), pa.schema([("n", pa.int64())])
    )
    rows = every.order_by(s.start_at, bytewise(s.customer_id)).limit(PAGE).offset(page * PAGE)
    table, listing = m.ask(rows, CUSTOMERS)
    return Records(n.column(0)[0].as_py(), table, (listing, counting))


@dataclass(frozen=True)
class Lifetimes:
    """How long customers keep a subscription, up to the first gap; by group of the breakdown, and all together."""

    whole: LifeTable
    segments: tuple[tuple[str | None, LifeTable], ...]
    statements: tuple[object, ...] = ()


def lifetimes(m: Modelled, scope: Scope, rules: Rules) -> Lifetimes:
    """From the first subscription to the day without any, in days; who still has one at as_of is censored there."""
    table = ledger.stretches(m, scope)
    c = table.c
    ended = sa.case((c.lapsed_at <= scope.as_of, c.lapsed_at))
    days = spans_between(c.first_at, sa.func.coalesce(ended, sa.literal(scope.as_of, Instant())), DAY)
    outcome = sa.case((ended.is_not(None), LEFT), else_=OPEN).label("outcome")
    begun = in_period(c.first_at, scope) if rules.cohorts == "period" else [c.first_at <= scope.as_of]
    rows = sa.select(m.segment_column(table, scope).label("segment"), days.label("days"), outcome)
    r = rows.where(c.from_at == c.first_at, *begun, *m.filtered(table, scope.filters)).subquery("lives").c
    found, rendered = m.ask(sa.select(*r, sa.func.count().label("n")).group_by(*r), LIFE)
    lives: dict[str | None, list[Row]] = {}
    for segment, day, how, n in (row.values() for row in found.to_pylist()):
        lives.setdefault(segment, []).append((day * DAY.total_seconds(), how, n))
    groups = Groups(scope, {value: sum(n for _, _, n in rows_) for value, rows_ in lives.items()})

    def of(values: list[str | None]) -> LifeTable:
        return LifeTable(tuple(row for value in values for row in lives.get(value, ())))

    segments = tuple((groups.label(p)[groups.by or ""], of(groups.values(p))) for p in groups.parts)
    return Lifetimes(of(list(lives)), segments, (rendered,))
