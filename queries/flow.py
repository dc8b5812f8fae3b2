"""Stock and flow, asked: who stands in a stage by age over time, and how many pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.flow import AGES, Flow, Flows, Stock, accumulated
from lifecycle.scope import Scope
from lifecycle.volumes import periods_of
from queries.dialect import Instant, elapsed, local_floor, shifted
from queries.durations import grain_of
from queries.groups import Part, sized
from queries.instants import in_period
from queries.modelled import Modelled
from queries.touches import microseconds

YEAR = timedelta(days=365)
NET = pa.schema([("part", pa.int64()), ("age", pa.int64()), ("period", pa.date32()), ("n", pa.int64())])


def stock_by_age(m: Modelled, scope: Scope, stage: str) -> Stock:
    """How many are in a stage at the end of each month of the period, by how long they have been in it.

    Entered by then and not left by then, whenever that was; of a long period by quarter or year. Of the whole and,
    where a breakdown is chosen, of each of its parts.
    """
    scope = replace(scope, grain=grain_of(scope))
    here, before = _stock_by_age(m, scope, stage), scope.compared
    return replace(here, comparison=_stock_by_age(m, before.whole, stage)) if before else here


def _stock_by_age(m: Modelled, scope: Scope, stage: str) -> Stock:
    s, segment = m.stays.c, m.segment_column(m.stays, scope).label("segment")
    own = [s.move != "repeat", s.stage == stage, *m.filtered(m.stays, scope.filters)]
    groups, asked = sized(m, scope, sa.select(segment).where(*own, s.entered_at <= scope.as_of).subquery("entered"))
    parts = []
    for age, days in enumerate(AGES):
        begins = _later(s.entered_at, days)
        ends: sa.ColumnElement = s.exited_at
        if age + 1 < len(AGES):  # the next age, unless they have left before
            grown = _later(s.entered_at, AGES[age + 1])
            ends = sa.case((s.exited_at < grown, s.exited_at), else_=grown)
        reached = sa.or_(s.exited_at.is_(None), s.exited_at > begins)
        for at, sign in ((begins, 1), (ends, -1)):
            period = local_floor(at, scope.grain, scope.calendar).label("period")
            columns = [_number(age).label("age"), period, _number(sign).label("sign"), segment]
            parts.append(sa.select(*columns).where(*own, reached, at.is_not(None), at <= scope.as_of))
    c = groups.split(sa.union_all(*parts).subquery("moves")).c
    net = sa.cast(sa.func.sum(c.sign), sa.BigInteger()).label("n")
    table, rendered = m.ask(sa.select(c.part, c.age, c.period, net).group_by(c.part, c.age, c.period), NET)
    found: dict[Part, dict[tuple[int, date], int]] = {}
    for row in table.to_pylist():
        found.setdefault(row["part"], {})[row["age"], row["period"]] = row["n"]
    periods = tuple(periods_of(scope, [period for moved in found.values() for _, period in moved]))
    told = {part: accumulated(found.get(part, {}), periods) for part in groups.parts or [None]}
    whole = tuple(tuple(map(sum, zip(*ends, strict=True))) for ends in zip(*told.values(), strict=True))
    return Stock(scope, stage, periods, whole, groups.told(told), statements=(*asked, rendered))


def _later(instant: sa.ColumnElement, days: int) -> sa.ColumnElement:
    return shifted(instant, microseconds(timedelta(days=days))) if days else instant


def _number(n: int) -> sa.ColumnElement:
    return sa.literal_column(str(n), sa.BigInteger())


def flows(m: Modelled, scope: Scope) -> Flows:
    """Who entered and who left each stage in the period, and the time that all spent in it within the period.

    Whoever was in it then, since whenever. Without a start the period is the last year before as_of.
    """
    begin, end = scope.instants
    until = min(end, scope.as_of) if end else scope.as_of
    since = begin if begin and begin < until else until - YEAR
    s = m.stays.c
    low, high = (sa.literal(at, Instant()) for at in (since, until))
    by_end = replace(scope, start=None)  # an entry at the very instant of as_of was seen, as on every other page
    left_later = sa.or_(s.exited_at.is_(None), sa.not_(sa.and_(*in_period(s.exited_at, by_end))))
    inside = sa.case((s.entered_at > since, s.entered_at), else_=low)
    outside = sa.case((left_later, high), else_=s.exited_at)
    sums = {
        "entered": sa.case((s.entered_at >= since, 1), else_=0),
        "gone": sa.case((left_later, 0), else_=1),
        "standing": sa.case((s.entered_at < since, 1), else_=0),
        "spent": sa.cast(elapsed(inside, outside), sa.Double()) / sa.literal_column("1000000.0"),
    }
    columns = [
        sa.cast(sa.func.sum(v), sa.Double() if k == "spent" else sa.BigInteger()).label(k) for k, v in sums.items()
    ]
    present = sa.or_(s.exited_at.is_(None), s.exited_at >= since)
    where = [
        s.move != "repeat",
        s.stage.in_([p.key for p in m.model.progress]),
        *in_period(s.entered_at, by_end),
        present,
    ]
    statement = sa.select(s.stage, *columns).where(*where, *m.filtered(m.stays, scope.filters)).group_by(s.stage)
    schema = pa.schema([("stage", pa.string()), *((k, pa.float64() if k == "spent" else pa.int64()) for k in sums)])
    table, rendered = m.ask(statement, schema)
    found = {row["stage"]: row for row in table.to_pylist()}
    seconds = (until - since).total_seconds()
    keys = [p.key for p in m.model.progress if p.key in found]
    rows = tuple(Flow(key, seconds, *(found[key][name] for name in sums)) for key in keys)
    return Flows(scope, rows, (rendered,))
