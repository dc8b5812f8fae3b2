"""From any stage to any later one, asked: journeys by how long they took, with those on the way counted as waiting."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.durations import OPEN, LifeTable
from lifecycle.scope import Scope
from lifecycle.stages import ModelError
from lifecycle.time_in_stage import ADVANCED, Month, StageTimes, Trend
from lifecycle.volumes import periods_of
from queries.dialect import elapsed, local_floor
from queries.durations import BIN, by_bin, grain_of, tables_of
from queries.groups import sized
from queries.instants import in_period
from queries.modelled import Modelled


def end_to_end(m: Modelled, scope: Scope, start: str, end: str) -> StageTimes:
    """How long journeys take from their first own entry to `start` until they reach `end` or any stage beyond.

    Journeys that entered `start` in the period. A journey that has neither arrived nor ended by as_of is still on its
    way for as long as it was seen; one that ends by an exit first never arrives. Journeys that had reached `end` before
    they entered `start` are left out. Raises ModelError where `end` is no later stage than `start`.
    """
    here = _end_to_end(m, scope, start, end)
    before = scope.compared
    return replace(here, comparison=_end_to_end(m, before.whole, start, end)) if before else here


def _end_to_end(m: Modelled, scope: Scope, start: str, end: str) -> StageTimes:
    base = journeys(m, scope, start, end)
    groups, asked = sized(m, scope, base)
    parted = groups.split(base)
    table, rendered = m.ask(by_bin(parted, [parted.c.part]), pa.schema([("part", pa.int64()), *BIN]))
    label = {part: next(iter(groups.label(part).values()), None) for part in (None, *groups.parts)}
    tables = {(start, label[part]): own for (part,), own in tables_of(table).items()}
    return StageTimes(
        model=m.model.name,
        build=m.build.id,
        scope=scope,
        stages=(start,),
        tables=tables,
        segments=tuple(label[part] for part in groups.parts),
        other=groups.other,
        statements=(*asked, rendered),
        start=start,
        end=end,
    )


def cohorts(m: Modelled, scope: Scope, start: str, end: str) -> Trend:
    """The same by the month in which `start` was entered; of a long period by quarter or year."""
    scope = replace(scope.whole, grain=grain_of(scope))
    base = journeys(m, scope, start, end)
    period = local_floor(base.c.entered_at, scope.grain, scope.calendar)
    table, rendered = m.ask(by_bin(base, [period]), pa.schema([("period", pa.date32()), *BIN]))
    found = {day: own for (day,), own in tables_of(table).items()}
    months = tuple(Month(day, found.get(day, LifeTable(()))) for day in periods_of(scope, list(found)))
    return Trend(scope, start, months, statements=(rendered,))


def journeys(m: Modelled, scope: Scope, start: str, end: str) -> sa.Subquery:
    """Journeys that entered `start` in the period: segment, entered_at, us, outcome (advanced, an exit's key, open)."""
    if m.model.rank(start) >= m.model.rank(end):
        raise ModelError(f"{m.model.name}: {end!r} does not come after {start!r}")
    j = m.journeys.c
    entered, reached = j[f"{start}_at"], j[f"{end}_passed_at"]
    arrived = sa.and_(reached.is_not(None), reached <= scope.as_of)
    ended = sa.and_(j.exited_at.is_not(None), j.exited_at <= scope.as_of)
    until = sa.case((arrived, reached), (ended, j.exited_at), else_=sa.literal(scope.as_of, entered.type))
    exits = [(sa.and_(ended, j.exit_stage == exit_.key), sa.literal(exit_.key)) for exit_ in m.model.exits]
    outcome = sa.case((arrived, sa.literal(ADVANCED)), *exits, else_=sa.literal(OPEN))
    return (
        sa.select(
            m.segment_column(m.journeys, scope).label("segment"),
            entered.label("entered_at"),
            elapsed(entered, until).label("us"),
            outcome.label("outcome"),
        )
        .where(*in_period(entered, scope), sa.or_(reached.is_(None), reached >= entered))
        .where(*m.filtered(m.journeys, scope.filters))
        .subquery("on_the_way")
    )
