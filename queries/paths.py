"""Paths, asked: the warehouse numbers what each entity entered and counts the steps, never the entities."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.paths import STEPS, Entered, Paths, Walk, added, between_parts, since_before
from lifecycle.scope import Scope
from queries.groups import Part, sized
from queries.instants import in_period
from queries.modelled import Modelled

STEP = pa.schema(
    [
        ("part", pa.int64()),
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
    here, before = _paths(m, scope), scope.compared
    here = replace(here, comparison=_paths(m, before.whole)) if before else here
    return replace(here, contrasts=between_parts(here), changes=since_before(here))


def _paths(m: Modelled, scope: Scope) -> Paths:
    came = _came(m, scope)
    groups, asked = sized(m, scope, came)
    followed = _followed(m, scope, groups.split(came))
    keys = list(followed.c)
    table, rendered = m.ask(sa.select(*keys, sa.func.count().label("n")).group_by(*keys), STEP)
    rows: dict[Part, list[Entered]] = {part: [] for part in groups.parts or [None]}
    for part, *row in zip(*(column.to_pylist() for column in table.columns), strict=True):
        rows[part].append(Entered(*row))
    walks = {part: Walk(tuple(entered)) for part, entered in rows.items()}
    parts = groups.told(walks) if groups.parts else ()
    statements = (*asked, rendered)
    return Paths(added(walks.values()), m.model.name, m.build.id, scope, parts, statements=statements)


def _came(m: Modelled, scope: Scope) -> sa.Subquery:
    """Who first came in the period."""
    j = m.journeys.c
    segment = m.segment_column(m.journeys, scope).label("segment")
    where = [j.journey == 1, *in_period(j.started_at, scope), *m.filtered(m.journeys, scope.filters)]
    return sa.select(j.entity_id, segment).where(*where).subquery("came")


def _followed(m: Modelled, scope: Scope, came: sa.Subquery) -> sa.Subquery:
    """Their steps: part, step, stage, visit, and the stage before with its visit."""
    s = m.stays.c
    step = sa.func.row_number().over(partition_by=s.entity_id, order_by=s.seq).label("step")
    visit = sa.func.row_number().over(partition_by=[s.entity_id, s.stage], order_by=s.seq).label("visit")
    numbered = (
        sa.select(s.entity_id, came.c.part, s.stage, s.from_stage, step, visit)
        .select_from(m.stays.join(came, came.c.entity_id == s.entity_id))
        .where(s.move != "repeat", s.journey > 0, s.entered_at <= scope.as_of)
        .subquery("numbered")
    )
    c = numbered.c
    before = sa.func.lag(c.visit).over(partition_by=c.entity_id, order_by=c.step).label("start_visit")
    walked = sa.select(c.part, c.step, c.stage, c.visit, c.from_stage, before).subquery("walked")
    c = walked.c
    start = sa.case((c.step > 1, c.from_stage)).label("start")
    start_visit = sa.case((c.step > 1, c.start_visit)).label("start_visit")
    return sa.select(c.part, c.step, c.stage, c.visit, start, start_visit).where(c.step <= STEPS).subquery("followed")
