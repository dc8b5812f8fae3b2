"""Time in stage, asked: the warehouse reduces stays to a life table, a few thousand rows whatever the size."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.durations import OPEN, LifeTable
from lifecycle.scope import Scope
from lifecycle.stages import StageModel
from queries.counted import in_period
from queries.dialect import elapsed
from queries.modelled import Modelled
from queries.warehouse import Rendered

HOUR, DAY = 3_600_000_000, 86_400_000_000  # microseconds
FINE = 14 * DAY  # whole hours up to here, whole days beyond
ADVANCED, BACK = "advanced", "went back"
LIFE = pa.schema(
    [("segment", pa.string()), ("stage", pa.string()), ("bin", pa.int64()), ("outcome", pa.string()), ("n", pa.int64())]
)


@dataclass(frozen=True)
class StageTimes:
    """The answer: a life table per (segment value, stage)."""

    tables: dict[tuple[str | None, str], LifeTable]
    statements: tuple[Rendered, ...]

    def of(self, stage: str) -> LifeTable:
        """All segments of a stage together: life tables add up."""
        return LifeTable(tuple(row for (_, key), t in self.tables.items() if key == stage for row in t.rows))


def outcome_of(c: sa.ColumnCollection, model: StageModel, scope: Scope) -> sa.ColumnElement:
    """How a stay had ended by as_of: advanced, went back, an exit's key, or still open."""
    cases: list[tuple[sa.ColumnElement[bool], sa.ColumnElement]] = [
        (sa.or_(c.exited_at.is_(None), c.exited_at > scope.as_of), sa.literal(OPEN)),
        (c.next_stage.in_([s.key for s in model.exits]), c.next_stage),
    ]
    for i, stage in enumerate(model.progress):
        higher = [s.key for s in model.progress[i + 1 :]]
        if higher:
            cases.append((sa.and_(c.stage == stage.key, c.next_stage.in_(higher)), sa.literal(ADVANCED)))
    return sa.case(*cases, else_=sa.literal(BACK))


def life_tables(m: Modelled, scope: Scope) -> StageTimes:
    """Stays entered in the period, by stage and segment: length in bins at their lower edge, and how they ended."""
    s, model = m.stays.c, m.model
    still = sa.or_(s.exited_at.is_(None), s.exited_at > scope.as_of)
    until = sa.case((still, sa.literal(scope.as_of, s.entered_at.type)), else_=s.exited_at)
    stays = (
        sa.select(
            m.segment_column(m.stays, scope).label("segment"),
            s.stage,
            elapsed(s.entered_at, until).label("us"),
            outcome_of(s, model, scope).label("outcome"),
        )
        .where(s.move != "repeat", s.stage.in_([p.key for p in model.progress]), *in_period(s.entered_at, scope))
        .where(*m.filtered(m.stays, scope.filters))
        .subquery("lengths")
    )
    c = stays.c
    hour: sa.ColumnElement = sa.literal_column(str(HOUR))
    day: sa.ColumnElement = sa.literal_column(str(DAY))
    edge = sa.case(
        (c.us < sa.literal_column(str(FINE)), c.us - sa.func.mod(c.us, hour)), else_=c.us - sa.func.mod(c.us, day)
    )
    binned = sa.select(c.segment, c.stage, edge.label("bin"), c.outcome).subquery("binned")
    keys = list(binned.c)
    table, rendered = m.ask(sa.select(*keys, sa.func.count().label("n")).group_by(*keys), LIFE)
    rows: dict[tuple[str | None, str], list[tuple[float, str, int]]] = {}
    for row in table.to_pylist():
        rows.setdefault((row["segment"], row["stage"]), []).append((row["bin"] / 1e6, row["outcome"], row["n"]))
    return StageTimes({key: LifeTable(tuple(r)) for key, r in rows.items()}, (rendered,))
