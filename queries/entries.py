"""The funnel on other bases: entries to each stage in the period, or who is in each stage at as_of: counts alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.funnel import Funnel, StageRow, Steps, side_by_side, steps_of
from lifecycle.scope import Scope
from queries import counted
from queries.dialect import local_floor
from queries.groups import Groups, Part
from queries.modelled import Modelled
from queries.warehouse import Rendered

COUNTS = pa.schema([("segment", pa.string()), ("place", pa.int64()), ("n", pa.int64()), ("alone", pa.int64())])
PERIODS = pa.schema([("period", pa.date32()), ("place", pa.int64()), ("n", pa.int64())])
PEOPLE = pa.schema([("part", pa.int64()), ("place", pa.int64()), ("n", pa.int64()), ("whole", pa.int64())])


def period(m: Modelled, scope: Scope) -> Funnel:
    """Entries to each stage in the period, beside entries to the stage before in the same period."""
    steps = steps_of(m.model, scope)
    return _answer(m, scope, steps, _entries(m, scope, steps))


def over_time(m: Modelled, scope: Scope) -> tuple[list[tuple[date, str, int]], Rendered]:
    """Entries per period of the scope's grain and stage, in no order; periods without entries are left out."""
    steps = steps_of(m.model, scope)
    c = _entries(m, scope, steps).c
    dated = sa.select(c.place, local_floor(c["at"], scope.grain, scope.calendar).label("period")).subquery("dated")
    statement = sa.select(dated.c.period, dated.c.place, sa.func.count().label("n"))
    table, rendered = m.ask(statement.group_by(dated.c.period, dated.c.place), PERIODS)
    keys = [stage.key for _, stage, _ in steps.rows]
    return [(row["period"], keys[row["place"]], row["n"]) for row in table.to_pylist()], rendered


def _entries(m: Modelled, scope: Scope, steps: Steps) -> sa.Subquery:
    """First entries of journeys to each stage in the period: segment, place of the row, entity_id, n_journeys, at."""
    j, suffix = m.journeys.c, "passed_at" if scope.count == "passed" else "at"
    parts = []
    for i, (_, stage, is_side) in enumerate(steps.rows):
        at = j[f"{stage.key}_{'at' if is_side else suffix}"]
        place = sa.literal_column(str(i), sa.BigInteger()).label("place")
        where = [*counted.in_period(at, scope), *m.filtered(m.journeys, scope.filters)]
        segment = m.segment_column(m.journeys, scope).label("segment")
        parts.append(sa.select(segment, place, j.entity_id, j.n_journeys, at.label("at")).where(*where))
    return sa.union_all(*parts).subquery("entries")


def stock(m: Modelled, scope: Scope) -> Funnel:
    """How many are in each stage at as_of: entered by then, not left by then. The period plays no part."""
    steps, s = steps_of(m.model, replace(scope, count="passed")), m.stays.c
    keys = {stage.key: sa.literal_column(str(i), sa.BigInteger()) for i, (_, stage, _) in enumerate(steps.rows)}
    still_in = sa.or_(s.exited_at.is_(None), s.exited_at > scope.as_of)
    where = [s.move != "repeat", s.stage.in_(list(keys)), s.entered_at <= scope.as_of, still_in]
    place = sa.case(*((s.stage == key, i) for key, i in keys.items())).label("place")
    # Whoever is in a stage is in no other: one journey each.
    one: sa.Label[int] = sa.literal_column("1", sa.BigInteger()).label("n_journeys")
    rows = sa.select(m.segment_column(m.stays, scope).label("segment"), place, s.entity_id, one)
    inside = rows.where(*where, *m.filtered(m.stays, scope.filters)).subquery("inside")
    return _answer(m, scope, steps, inside)


def _answer(m: Modelled, scope: Scope, steps: Steps, entries: sa.Subquery) -> Funnel:
    """Rows that have counts and nothing else, from entries (segment, place of the row, entity_id, n_journeys)."""
    c = entries.c
    alone = sa.func.count(sa.case((c.n_journeys == 1, 1))).label("alone")
    statement = sa.select(c.segment, c.place, sa.func.count().label("n"), alone).group_by(c.segment, c.place)
    table, rendered = m.ask(statement, COUNTS)
    found = {(row["segment"], row["place"]): row["n"] for row in table.to_pylist()}
    single = {(row["segment"], row["place"]): row["alone"] for row in table.to_pylist()}
    sizes: dict[str | None, int] = {}
    for (segment, _), count in found.items():
        sizes[segment] = sizes.get(segment, 0) + count
    groups, statements = Groups(scope, sizes), [rendered]
    several: dict[tuple[Part, int], int] = {}
    if single != found:
        several, asked = _several(m, groups.split(entries))
        statements.append(asked)
    rows: list[StageRow] = []
    for part in (None, *groups.parts):
        made = [
            StageRow(
                segment=groups.label(part),
                stage=stage.key,
                label=stage.label,
                entered=sum(found.get((v, i), 0) for v in groups.values(part)),
                optional=is_side,
                entities=sum(single.get((v, i), 0) for v in groups.values(part)) + several.get((part, i), 0),
            )
            for i, (_, stage, is_side) in enumerate(steps.rows)
        ]
        rows += side_by_side(made) if scope.basis == "period" else made
    return Funnel(m.model.name, m.build.id, scope, tuple(rows), statements=tuple(statements), other=groups.other)


def _several(m: Modelled, parted: sa.Subquery) -> tuple[dict[tuple[Part, int], int], Rendered]:
    """Distinct entities per part and row, of those with several journeys: they do not add up over the parts."""
    c = parted.c
    n, whole = sa.func.count(c.entity_id.distinct()).label("n"), sa.func.grouping(c.part).label("whole")
    statement = sa.select(c.part, c.place, n, whole).where(c.n_journeys > 1)
    of_both = sa.func.grouping_sets(sa.tuple_(c.part, c.place), sa.tuple_(c.place))
    table, rendered = m.ask(statement.group_by(of_both), PEOPLE)
    return {(None if row["whole"] else row["part"], row["place"]): row["n"] for row in table.to_pylist()}, rendered
