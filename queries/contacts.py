"""The records behind a number, and the history of one of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.funnel import steps_of
from lifecycle.scope import Scope
from queries import counted, measures
from queries.dialect import bytewise
from queries.modelled import Modelled
from queries.warehouse import Rendered

PAGE = 500
RECORDS = pa.schema(
    [
        ("entity_id", pa.string()),
        ("journey", pa.int64()),
        ("first_at", pa.timestamp("us")),
        ("reached", pa.string()),
        ("fate", pa.string()),
        ("exit_stage", pa.string()),
        ("exit_reason", pa.string()),
        ("exited_at", pa.timestamp("us")),
        ("score", pa.float64()),
        ("segment", pa.string()),
    ]
)
TIMELINE = pa.schema(
    [
        ("journey", pa.int64()),
        ("seq", pa.int64()),
        ("stage", pa.string()),
        ("entered_at", pa.timestamp("us")),
        ("exited_at", pa.timestamp("us")),
        ("move", pa.string()),
        ("reason", pa.string()),
        ("competitor", pa.string()),
        ("actor", pa.string()),
    ]
)


@dataclass(frozen=True)
class Bar:
    """A part of the funnel that can be clicked: a stage, and of its entries all or those of one fate.

    `fate` is advanced, late, exited, diverted, open, not_due or None for all that entered; an exit can be narrowed to
    its stage and reason. `segments` narrows to values of the breakdown (None in it = not set).
    """

    stage: str
    fate: str | None = None
    exit_stage: str | None = None
    exit_reason: str | None = None
    segments: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class Records:
    """One page of records, and how many there are in all: as many as the bar says."""

    total: int
    table: pa.Table
    statements: tuple[Rendered, ...]


def records(m: Modelled, scope: Scope, bar: Bar, page: int = 0) -> Records:
    """The journeys behind a bar of the cohort funnel, latest first: the bar's own expression, as rows."""
    steps = steps_of(m.model, scope)
    base = counted.population(m, scope, steps)
    c = base.c
    place, is_side, test = next(
        (place, is_side, test)
        for (place, stage, is_side), test in zip(steps.rows, measures.belongs(base, steps), strict=True)
        if stage.key == bar.stage
    )
    where = [test]
    stopped = sa.or_(c.furthest <= place, c.fate == "not_due")
    if bar.fate == "advanced":
        where.append(sa.not_(stopped))
    elif bar.fate:
        where += [stopped, c.fate == bar.fate]
    if bar.exit_stage:
        where.append(c.exit_stage == bar.exit_stage)
    if bar.exit_reason is not None:
        where.append(c.exit_reason == bar.exit_reason)
    if bar.segments:
        named = [v for v in bar.segments if v is not None]
        tests = [c.segment.in_(named)] if named else []
        where.append(sa.or_(*tests, *([c.segment.is_(None)] if None in bar.segments else [])))
    reached = sa.case(*((c.furthest == i, s.key) for i, s in enumerate(steps.chain, 1)))
    left = c.exited_at <= scope.as_of
    columns = [
        c.entity_id,
        c.journey,
        c.t1.label("first_at"),
        reached.label("reached"),
        c.fate,
        sa.case((left, c.exit_stage)).label("exit_stage"),
        sa.case((left, c.exit_reason)).label("exit_reason"),
        sa.case((left, c.exited_at)).label("exited_at"),
        c.score,
        c.segment,
    ]
    total, _ = m.ask(
        sa.select(sa.func.count().label("n")).select_from(base).where(*where), pa.schema([("n", pa.int64())])
    )
    order = [c.t1.desc(), bytewise(c.entity_id), c.journey]
    statement = sa.select(*columns).where(*where).order_by(*order).limit(PAGE).offset(page * PAGE)
    table, rendered = m.ask(statement, RECORDS)
    return Records(total.column(0)[0].as_py(), table, (rendered,))


def timeline(m: Modelled, entity_id: str, as_of: datetime) -> tuple[pa.Table, Rendered]:
    """Every stay of one entity by as_of, in order; a stay that ended later is still open."""
    s = m.stays.c
    ended = sa.case((s.exited_at <= as_of, s.exited_at)).label("exited_at")
    columns = [ended if name == "exited_at" else s[name] for name in TIMELINE.names]
    statement = sa.select(*columns).where(s.entity_id == entity_id, s.entered_at <= as_of).order_by(s.seq)
    return m.ask(statement, TIMELINE)
