"""Paths, asked: the warehouse numbers what each entity entered and counts the steps, never the entities."""

from __future__ import annotations

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.paths import STEPS, Entered, Paths
from lifecycle.scope import Scope
from queries.instants import in_period
from queries.modelled import Modelled

STEP = pa.schema(
    [
        ("step", pa.int64()),
        ("stage", pa.string()),
        ("visit", pa.int64()),
        ("start", pa.string()),
        ("start_visit", pa.int64()),
        ("n", pa.int64()),
    ]
)


def paths(m: Modelled, scope: Scope) -> Paths:
    """What was entered first, second, third …, by those who first came in the period, through all their journeys.

    Repeats are no steps; a stage entered again has the next visit number. Steps beyond the eighth are not followed.
    """
    j, s = m.journeys.c, m.stays.c
    came = sa.select(j.entity_id).where(
        j.journey == 1, *in_period(j.started_at, scope), *m.filtered(m.journeys, scope.filters)
    )
    entered = [s.move != "repeat", s.journey > 0, s.entered_at <= scope.as_of, s.entity_id.in_(came)]
    step = sa.func.row_number().over(partition_by=s.entity_id, order_by=s.seq).label("step")
    visit = sa.func.row_number().over(partition_by=[s.entity_id, s.stage], order_by=s.seq).label("visit")
    numbered = sa.select(s.entity_id, s.stage, s.from_stage, step, visit).where(*entered).subquery("numbered")
    c = numbered.c
    before = sa.func.lag(c.visit).over(partition_by=c.entity_id, order_by=c.step).label("start_visit")
    walked = sa.select(c.step, c.stage, c.visit, c.from_stage, before).subquery("walked")
    c = walked.c
    followed = (
        sa.select(
            c.step,
            c.stage,
            c.visit,
            sa.case((c.step > 1, c.from_stage)).label("start"),
            sa.case((c.step > 1, c.start_visit)).label("start_visit"),
        )
        .where(c.step <= STEPS)
        .subquery("followed")
    )
    keys = list(followed.c)
    table, rendered = m.ask(sa.select(*keys, sa.func.count().label("n")).group_by(*keys), STEP)
    found = tuple(Entered(**row) for row in table.to_pylist())
    return Paths(m.model.name, m.build.id, scope, found, (rendered,))
