"""Whether sales responds in time, asked: the warehouse returns counts and life tables, never leads."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.business import Business
from lifecycle.durations import OPEN, LifeTable, Row, joined
from lifecycle.scope import Scope
from lifecycle.service import ATTEMPT_DAYS, MOST_ATTEMPTS, Attempts, Kept, Responses, ServiceLevel, owned, responses
from lifecycle.stages import Handoff, normalise
from queries.dialect import elapsed
from queries.handoff import earliest, handed_over, handoff_of
from queries.modelled import Modelled
from queries.touches import activities, firsts, microseconds, of_journeys, on_the_clock, place_of
from queries.warehouse import Rendered

TOUCHED = "touched"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FINE = 14 * DAY  # whole hours up to here, whole days beyond
WAITS = pa.schema(
    [
        ("measure", pa.string()),
        ("segment", pa.string()),
        ("status", pa.string()),
        ("bin", pa.int64()),
        ("outcome", pa.string()),
        ("n", pa.int64()),
    ]
)
STATUSES = pa.schema([("status", pa.string()), ("n", pa.int64())])
ATTEMPTS = pa.schema([("touches", pa.int64()), ("n", pa.int64())])


def service(m: Modelled, scope: Scope, business: Business | None = None) -> ServiceLevel:
    """How fast sales touches the leads handed over in the period, by segment (without a breakdown, by owner).

    Raises WarehouseError("missing") without a handoff, ("missing_table") without activities.
    """
    here = _service(m, scope, business)
    return replace(here, comparison=_service(m, scope.compared, business)) if scope.compared else here


def kept(m: Modelled, scope: Scope, business: Business | None = None) -> Kept:
    """How many of the leads handed over in the period were touched in time; `service` without times and owners.

    Raises WarehouseError as `service` does.
    """
    now, asked = _statuses(m, scope, business)
    before, also = _statuses(m, scope.compared, business) if scope.compared else (None, ())
    return Kept(now, before, (*asked, *also))


def _statuses(m: Modelled, scope: Scope, business: Business | None) -> tuple[Responses, tuple[Rendered, ...]]:
    status = timed(m, scope.whole, business).c.status
    table, rendered = m.ask(sa.select(status, sa.func.count().label("n")).group_by(status), STATUSES)
    return responses((row["status"], row["n"]) for row in table.to_pylist()), (rendered,)


def _service(m: Modelled, scope: Scope, business: Business | None) -> ServiceLevel:
    by = scope.by or (owner.name if (owner := m.catalog.get("owner")) and owner.can_break_down else None)
    handoff = handoff_of(m)
    leads = sa.select(timed(m, replace(scope, by=by), business)).cte("leads")
    c, now = leads.c, place_of(scope.as_of, business)
    waits = [
        _wait("speed", c, c.clock_at_us, c.touched_at_us, now),
        _wait("system", c, c.mql_at_us, c.assigned_at_us, now),
        _wait("human", c, c.assigned_at_us, c.touched_at_us, now).where(c.assigned_at.is_not(None)),
    ]
    table, rendered = m.ask(_counted(sa.union_all(*waits).subquery("waits")), WAITS)
    counts: dict[str | None, list[tuple[str, int]]] = {}
    lengths: dict[str, dict[str | None, list[Row]]] = {"speed": {}, "system": {}, "human": {}}
    for measure, value, status, us, outcome, n in zip(*(column.to_pylist() for column in table.columns), strict=True):
        lengths[measure].setdefault(value, []).append((us / 1e6, outcome, n))
        if measure == "speed":
            counts.setdefault(value, []).append((status, n))
    speed, system, human = (
        {value: LifeTable(tuple(rows)) for value, rows in lengths[measure].items()} for measure in lengths
    )
    return ServiceLevel(
        model=m.model.name,
        build=m.build.id,
        scope=scope,
        limit_hours=handoff.sla_hours,
        clock=handoff.sla_from,
        whole=responses(pair for pairs in counts.values() for pair in pairs),
        speed=joined(speed.values()),
        system_delay=joined(system.values()),
        human_delay=joined(human.values()),
        by=by,
        rows=owned(counts, speed) if by else (),
        business=business,
        statements=(rendered,),
    )


def _wait(
    measure: str, c: sa.ColumnCollection, start: sa.ColumnElement, end: sa.ColumnElement, now: sa.ColumnElement
) -> sa.Select:
    """How long each lead waited from one place on the clock to the other, and whether it still does."""
    outcome = sa.case((end.is_not(None), TOUCHED), else_=OPEN).label("outcome")
    name = sa.literal(measure).label("measure")
    status = c.status if measure == "speed" else sa.cast(sa.null(), sa.Text()).label("status")
    segment = c.segment if measure == "speed" else sa.cast(sa.null(), sa.Text()).label("segment")
    return sa.select(name, segment, status, _bin(start, end, now).label("bin"), outcome)


def timed(m: Modelled, scope: Scope, business: Business | None) -> sa.Subquery:
    """The handed-over leads with what the clock says of them.

    Columns: `handed`'s; clock_at, assigned_at and touched_at (a touch or a decision), each also as `…_us`, its place on
    the clock; touch_at (activities alone); status (as in lifecycle.service).

    An assignment before the handoff counts as made at the handoff. Where the clock starts at assignment and there was
    none, it starts at the handoff. Raises WarehouseError as `service` does.
    """
    handoff, leads, first = handoff_of(m), handed_over(m, scope, _owner(m)), firsts(m, scope)
    c, f = leads.c, first.c
    assigned = sa.case((f.assigned_at < c.mql_at, c.mql_at), else_=f.assigned_at)
    clock = sa.func.coalesce(assigned, c.mql_at) if handoff.sla_from == "assigned" else c.mql_at
    told = (
        sa.select(
            *c,
            assigned.label("assigned_at"),
            clock.label("clock_at"),
            f.touch_at,
            earliest(f.touch_at, c.decided_at).label("touched_at"),
        )
        .select_from(leads.outerjoin(first, sa.and_(f.entity_id == c.entity_id, f.journey == c.journey)))
        .subquery("told")
    )
    clocked = on_the_clock(told, ["mql_at", "clock_at", "assigned_at", "touched_at"], business)
    return sa.select(clocked, _status(clocked, handoff, place_of(scope.as_of, business)).label("status")).subquery(
        "timed"
    )


def _owner(m: Modelled) -> list[str]:
    owner = m.catalog.get("owner")
    return [owner.column] if owner else []


def _status(clocked: sa.Subquery, handoff: Handoff, now: sa.ColumnElement) -> sa.ColumnElement:
    c = clocked.c
    if handoff.sla_hours is None:
        return sa.literal("not_due")  # without a limit nothing is ever due
    limit = microseconds(timedelta(hours=handoff.sla_hours))
    tests: list[tuple[sa.ColumnElement[bool], str]] = [
        (c.touched_at_us - c.clock_at_us <= limit, "met"),
        (c.touched_at.is_not(None), "missed"),
        (now - c.clock_at_us <= limit, "not_due"),
    ]
    if handoff.sla_from == "assigned":
        tests.append((c.assigned_at.is_(None), "unassigned"))
    return sa.case(*tests, else_="overdue")


def _bin(start: sa.ColumnElement, end: sa.ColumnElement, now: sa.ColumnElement) -> sa.ColumnElement:
    """The lower edge, in microseconds, of the bin that a duration lies in; of what has not ended, its length so far."""
    us = sa.func.coalesce(end, now) - start
    edges = sa.case(
        (us < microseconds(FINE), us - sa.func.mod(us, microseconds(HOUR))),
        else_=us - sa.func.mod(us, microseconds(DAY)),
    )
    return sa.case((us < microseconds(timedelta()), microseconds(timedelta())), else_=edges)


def _counted(rows: sa.Subquery) -> sa.Select:
    return sa.select(*rows.c, sa.func.count().label("n")).group_by(*rows.c)


def attempts(m: Modelled, scope: Scope) -> Attempts:
    """How often leads were tried within 14 days of the clock's start, of those whose 14 days have passed."""
    handoff = handoff_of(m)
    done = activities(m, scope)
    leads = sa.select(timed(m, scope, None)).cte("leads")
    c, span = leads.c, timedelta(days=ATTEMPT_DAYS)
    kinds = [normalise(kind) for kind in handoff.touches]
    source, own = of_journeys(m, leads, done)
    on = done.c["at"]
    within = [done.c.kind.in_(kinds), on >= c.clock_at, elapsed(c.clock_at, on) <= microseconds(span)]
    tried = (
        sa.select(c.entity_id, c.journey, sa.func.count().label("n"))
        .select_from(source)
        .where(*own, *within)
        .group_by(c.entity_id, c.journey)
        .subquery("tried")
    )
    n = sa.cast(sa.func.coalesce(tried.c.n, sa.literal_column("0")), sa.BigInteger())
    passed = c.clock_at <= scope.as_of - span
    touches = sa.case((sa.not_(passed), -1), (n > MOST_ATTEMPTS, MOST_ATTEMPTS), else_=n).label("touches")
    joined_ = leads.outerjoin(tried, sa.and_(tried.c.entity_id == c.entity_id, tried.c.journey == c.journey))
    table, rendered = m.ask(_counted(sa.select(touches).select_from(joined_).subquery("times")), ATTEMPTS)
    found = {row["touches"]: row["n"] for row in table.to_pylist()}
    younger = found.pop(-1, 0)
    return Attempts(tuple((k, found.get(k, 0)) for k in range(MOST_ATTEMPTS + 1)), younger, (rendered,))
