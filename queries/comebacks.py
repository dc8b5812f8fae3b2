"""Coming back, asked: life tables of returning, and of reaching the goal by how the journey before had ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.attention import purchase
from lifecycle.comebacks import FIRST, RETURNED, WON, Back, Comebacks, between_parts, since_before
from lifecycle.durations import OPEN, LifeTable, joined
from lifecycle.scope import Scope
from queries.dialect import Instant, elapsed
from queries.durations import by_bin, tables_of
from queries.groups import Part, sized
from queries.instants import in_period, seen
from queries.modelled import Modelled
from queries.warehouse import Rendered

LENGTHS = pa.schema(
    [("part", pa.int64()), ("key", pa.string()), ("bin", pa.int64()), ("outcome", pa.string()), ("n", pa.int64())]
)
LEFT = "left"


def comebacks(m: Modelled, scope: Scope) -> Comebacks:
    """Who came back of those who left in the period, and how the journeys that started in it do, first and later ones.

    A journey's goal is the stage that the lifecycle leads up to, reached by entering it or a later one.
    """
    here, before = _comebacks(m, scope), scope.compared
    here = replace(here, comparison=_comebacks(m, before.whole)) if before else here
    return replace(here, contrasts=between_parts(here), changes=since_before(here))


def _comebacks(m: Modelled, scope: Scope) -> Comebacks:
    left, started = _returns(m, scope), _attempts(m, scope)
    groups, asked = sized(m, scope, sa.union_all(*(sa.select(part.c.segment) for part in (left, started))).subquery())
    returns, one = _tables(m, groups.split(left))
    attempts, other = _tables(m, groups.split(started))
    parts = {part: Back(returns.get(part, {}), attempts.get(part, {})) for part in groups.parts}
    return Comebacks(
        _whole(returns),
        _whole(attempts),
        m.model.name,
        m.build.id,
        scope,
        purchase(m.model).key,
        groups.told(parts),
        statements=(*asked, one, other),
    )


def _returns(m: Modelled, scope: Scope) -> sa.Subquery:
    """Journeys that left in the period: by which exit, and how long until the next one."""
    j, after = m.journeys, m.journeys.alias("after")
    back = seen(after.c.started_at, scope)
    following = sa.and_(after.c.entity_id == j.c.entity_id, after.c.journey == j.c.journey + 1)
    return (
        sa.select(
            m.segment_column(j, scope).label("segment"),
            j.c.exit_stage.label("key"),
            sa.case((back.is_not(None), RETURNED), else_=OPEN).label("outcome"),
            _length(j.c.exited_at, back, scope),
        )
        .select_from(j.outerjoin(after, following))
        .where(*in_period(j.c.exited_at, scope), *m.filtered(j, scope.filters))
        .subquery("gone")
    )


def _attempts(m: Modelled, scope: Scope) -> sa.Subquery:
    """Journeys that started in the period: what had ended the one before, and how long until the goal or an exit."""
    j, before = m.journeys, m.journeys.alias("before")
    goal, gone = seen(j.c[f"{purchase(m.model).key}_passed_at"], scope), seen(j.c.exited_at, scope)
    previous = sa.and_(before.c.entity_id == j.c.entity_id, before.c.journey == j.c.journey - 1)
    outcome = sa.case((goal.is_not(None), WON), (gone.is_not(None), LEFT), else_=OPEN)
    return (
        sa.select(
            m.segment_column(j, scope).label("segment"),
            sa.func.coalesce(before.c.exit_stage, FIRST).label("key"),
            outcome.label("outcome"),
            _length(j.c.started_at, sa.func.coalesce(goal, gone), scope),
        )
        .select_from(j.outerjoin(before, previous))
        .where(*in_period(j.c.started_at, scope), *m.filtered(j, scope.filters))
        .subquery("started")
    )


def _length(start: sa.ColumnElement, end: sa.ColumnElement, scope: Scope) -> sa.ColumnElement:
    until = sa.func.coalesce(end, sa.literal(scope.as_of, Instant()))
    return elapsed(start, until).label("us")


def _tables(m: Modelled, lengths: sa.Subquery) -> tuple[dict[Part, dict[str, LifeTable]], Rendered]:
    """Life tables by part and key."""
    table, rendered = m.ask(by_bin(lengths, [lengths.c.part, lengths.c.key]), LENGTHS)
    out: dict[Part, dict[str, LifeTable]] = {}
    for (part, key), own in tables_of(table).items():
        out.setdefault(part, {})[key] = own
    return out, rendered


def _whole(parts: Mapping[Part, Mapping[str, LifeTable]]) -> dict[str, LifeTable]:
    """All parts together, by key."""
    keys = sorted({key for tables in parts.values() for key in tables})
    return {key: joined(tables[key] for tables in parts.values() if key in tables) for key in keys}
