"""Coming back, asked: life tables of returning, and of reaching the goal by how the journey before had ended."""

from __future__ import annotations

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.attention import purchase
from lifecycle.comebacks import FIRST, RETURNED, WON, Comebacks
from lifecycle.durations import OPEN, LifeTable
from lifecycle.scope import Scope
from queries.dialect import Instant, elapsed
from queries.durations import by_bin, life_table, rows_of
from queries.instants import in_period, seen
from queries.modelled import Modelled
from queries.warehouse import Rendered

LENGTHS = pa.schema([("key", pa.string()), ("bin", pa.int64()), ("outcome", pa.string()), ("n", pa.int64())])
LEFT = "left"


def comebacks(m: Modelled, scope: Scope) -> Comebacks:
    """Who came back of those who left in the period, and how the journeys that started in it do, first and later ones.

    A journey's goal is the stage that the lifecycle leads up to, reached by entering it or a later one.
    """
    returns, one = _tables(m, _returns(m, scope))
    attempts, other = _tables(m, _attempts(m, scope))
    goal = purchase(m.model).key
    return Comebacks(m.model.name, m.build.id, scope, goal, returns, attempts, (one, other))


def _returns(m: Modelled, scope: Scope) -> sa.Select:
    """Journeys that left in the period: by which exit, and how long until the next one."""
    j, after = m.journeys, m.journeys.alias("after")
    back = seen(after.c.started_at, scope)
    following = sa.and_(after.c.entity_id == j.c.entity_id, after.c.journey == j.c.journey + 1)
    return (
        sa.select(
            j.c.exit_stage.label("key"),
            sa.case((back.is_not(None), RETURNED), else_=OPEN).label("outcome"),
            _length(j.c.exited_at, back, scope),
        )
        .select_from(j.outerjoin(after, following))
        .where(*in_period(j.c.exited_at, scope), *m.filtered(j, scope.filters))
    )


def _attempts(m: Modelled, scope: Scope) -> sa.Select:
    """Journeys that started in the period: what had ended the one before, and how long until the goal or an exit."""
    j, before = m.journeys, m.journeys.alias("before")
    goal, gone = seen(j.c[f"{purchase(m.model).key}_passed_at"], scope), seen(j.c.exited_at, scope)
    previous = sa.and_(before.c.entity_id == j.c.entity_id, before.c.journey == j.c.journey - 1)
    outcome = sa.case((goal.is_not(None), WON), (gone.is_not(None), LEFT), else_=OPEN)
    return (
        sa.select(
            sa.func.coalesce(before.c.exit_stage, FIRST).label("key"),
            outcome.label("outcome"),
            _length(j.c.started_at, sa.func.coalesce(goal, gone), scope),
        )
        .select_from(j.outerjoin(before, previous))
        .where(*in_period(j.c.started_at, scope), *m.filtered(j, scope.filters))
    )


def _length(start: sa.ColumnElement, end: sa.ColumnElement, scope: Scope) -> sa.ColumnElement:
    until = sa.func.coalesce(end, sa.literal(scope.as_of, Instant()))
    return elapsed(start, until).label("us")


def _tables(m: Modelled, lengths: sa.Select) -> tuple[dict[str, LifeTable], Rendered]:
    base = lengths.subquery("lengths")
    table, rendered = m.ask(by_bin(base, [base.c.key]), LENGTHS)
    return {key: life_table(rows) for (key,), rows in rows_of(table).items()}, rendered
