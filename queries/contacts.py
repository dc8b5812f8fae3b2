"""The records behind a number of the funnel."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.funnel import steps_of
from lifecycle.scope import Scope
from queries import counted
from queries.dialect import bytewise
from queries.modelled import Modelled, one_of
from queries.warehouse import Rendered

PAGE = 100
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


@dataclass(frozen=True)
class Bar:
    """A part of the funnel that can be clicked: a stage, and of its entries all or those of one fate.

    `fate` is advanced, late, exited, diverted, open, not_due or None for all that entered. An exit can be narrowed to
    its stage and to reasons (None among them = no reason given), the whole to `segments`, values of the breakdown
    (None = not set), or with `others` to all but those.
    """

    stage: str
    fate: str | None = None
    exit_stage: str | None = None
    exit_reasons: tuple[str | None, ...] = ()
    segments: tuple[str | None, ...] = ()
    others: bool = False


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
    place, test = next(
        (place, test)
        for (place, stage, _), test in zip(steps.rows, counted.belongs(base, steps), strict=True)
        if stage.key == bar.stage
    )
    where = [test]
    stopped = sa.or_(c.furthest <= place, c.fate == "not_due")
    if bar.fate == "advanced":
        where.append(sa.not_(stopped))
    elif bar.fate:
        where += [stopped, c.fate == bar.fate]
    where += [c.exit_stage == bar.exit_stage] if bar.exit_stage else []
    where += [one_of(c.exit_reason, bar.exit_reasons)] if bar.exit_reasons else []
    if bar.segments:
        inside = sa.func.coalesce(one_of(c.segment, bar.segments), sa.false())  # of a value that is not set, "no"
        where.append(sa.not_(inside) if bar.others else inside)
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
    total, counting = m.ask(
        sa.select(sa.func.count().label("n")).select_from(base).where(*where), pa.schema([("n", pa.int64())])
    )
    order = [c.t1.desc(), bytewise(c.entity_id), c.journey]
    statement = sa.select(*columns).where(*where).order_by(*order).limit(PAGE).offset(page * PAGE)
    table, listing = m.ask(statement, RECORDS)
    return Records(total.column(0)[0].as_py(), table, (listing, counting))
