"""What stages hold, and why counts of one stage differ: asked of the modelled tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.bridge import Cell, Line, Words, bridge
from lifecycle.funnel import steps_of
from lifecycle.scope import Scope
from lifecycle.stages import Handoff
from queries import counted
from queries.handoff import accepted_at
from queries.modelled import Modelled
from queries.warehouse import Rendered

WHEN = ("own", "reached", "started")  # what a journey is told apart by, each before, in, after the period or never
UNITS = {"contact": "contacts", "account": "accounts", "deal": "deals"}  # who moves → in plural


@dataclass(frozen=True)
class Stock:
    """How many entities are in each stage at as_of, exits included, by stage key."""

    n: Mapping[str, int]
    statements: tuple[Rendered, ...]


def stock(m: Modelled, scope: Scope) -> Stock:
    """Entities by the stage they are in at as_of: entered by then and not left by then. The period does not matter."""
    s = m.stays.c
    where = [*staying(m, scope), *m.filtered(m.stays, scope.filters)]
    statement = sa.select(s.stage, sa.func.count().label("n")).where(*where).group_by(s.stage)
    table, rendered = m.ask(statement, pa.schema([("stage", pa.string()), ("n", pa.int64())]))
    return Stock({row["stage"]: row["n"] for row in table.to_pylist()}, (rendered,))


def staying(m: Modelled, scope: Scope) -> list[sa.ColumnElement[bool]]:
    """Conditions for the one stay that an entity is in at as_of."""
    s = m.stays.c
    return [s.move != "repeat", s.entered_at <= scope.as_of, sa.or_(s.exited_at.is_(None), s.exited_at > scope.as_of)]


@dataclass(frozen=True)
class Counts:
    """The counts of one stage in a period, and the steps that lead from each to the next.

    `within_limit`: of the own entries to the stage that is handed over, those whose service level's hours are not over
    at as_of, so that they are not due; None for every other stage.
    """

    stage: str
    lines: tuple[Line, ...]
    within_limit: int | None
    statements: tuple[Rendered, ...]


def counts_of(m: Modelled, scope: Scope, stage: str) -> Counts:
    """Every count of a stage in the period that a page may show, from raw entries to distinct entities.

    Counts as the funnel does where nothing is chosen there: reached at least, all stages, no window.
    """
    scope = replace(scope, basis="cohort", count="passed", window=None, stages=(), by=None)
    chosen, first = m.model.stage(stage), steps_of(m.model, scope).chain[0]
    cells, asked = _cells(m, scope, stage, first.key)
    s = m.stays.c
    every = sa.select(sa.func.count().label("entries")).where(
        s.stage == stage, *counted.in_period(s.entered_at, scope), *m.filtered(m.stays, scope.filters)
    )
    entries, entered = m.ask(every, pa.schema([("entries", pa.int64())]))
    (entities, within_limit), behind = _aside(m, scope, stage, first.key)
    words = Words(chosen.label, first.label, UNITS[m.model.entity], _handed_at(m, stage) is not None)
    lines = bridge(cells, entries.column(0)[0].as_py(), entities, words)
    return Counts(stage, lines, within_limit, (asked, entered, behind))


def _cells(m: Modelled, scope: Scope, stage: str, first: str) -> tuple[list[Cell], Rendered]:
    """Journeys by when they entered the stage, were first counted at it, and at the first stage."""
    j = m.journeys.c
    own, reached, started = j[f"{stage}_at"], j[f"{stage}_passed_at"], j[f"{first}_passed_at"]
    handoff = _handed_at(m, stage)
    early: sa.ColumnElement = sa.literal_column("0")
    if handoff:
        early = sa.case((accepted_at(m, handoff) < own, 1), else_=0)
    told = sa.select(
        _when(own, scope).label("own"),
        _when(reached, scope).label("reached"),
        _when(sa.case((started <= reached, started)), scope).label("started"),
        sa.cast(early, sa.BigInteger()).label("ahead"),
    )
    inner = told.where(reached <= scope.as_of, *m.filtered(m.journeys, scope.filters)).subquery("told")
    schema = pa.schema([*((name, pa.string()) for name in WHEN), ("ahead", pa.int64()), ("n", pa.int64())])
    table, rendered = m.ask(sa.select(inner, sa.func.count().label("n")).group_by(*inner.c), schema)
    return [Cell(**row | {"ahead": bool(row["ahead"])}) for row in table.to_pylist()], rendered


def _handed_at(m: Modelled, stage: str) -> Handoff | None:
    """The handoff from marketing to sales, if this is the stage at which it happens."""
    return m.model.handoff if m.model.handoff and m.model.handoff.from_ == stage else None


def _when(at: sa.ColumnElement, scope: Scope) -> sa.ColumnElement:
    """Where an instant lies, seen from the period: before, in, after (by as_of), or never."""
    start, end = scope.instants
    tests: list[tuple[sa.ColumnElement[bool], sa.ColumnElement]]
    tests = [(sa.or_(at.is_(None), at > scope.as_of), sa.literal_column("'never'"))]
    tests += [(at < start, sa.literal_column("'before'"))] if start else []
    tests += [(at >= end, sa.literal_column("'after'"))] if end else []
    return sa.case(*tests, else_=sa.literal_column("'in'"))


def _aside(m: Modelled, scope: Scope, stage: str, first: str) -> tuple[tuple[int, int | None], Rendered]:
    """Distinct entities of the cohort that reached the stage, and own entries that are not due yet."""
    j, handoff = m.journeys.c, _handed_at(m, stage)
    own, reached, started = j[f"{stage}_at"], j[f"{stage}_passed_at"], j[f"{first}_passed_at"]
    cohort = sa.and_(*counted.in_period(started, scope), reached >= started, reached <= scope.as_of)
    columns = [sa.func.count(sa.case((cohort, j.entity_id)).distinct()).label("entities")]
    if handoff and handoff.sla_hours is not None:
        due_from = scope.as_of - timedelta(hours=handoff.sla_hours)
        young = sa.and_(*counted.in_period(own, scope), own > due_from)
        columns.append(sa.func.count(sa.case((young, 1))).label("within_limit"))
    schema = pa.schema([(c.name, pa.int64()) for c in columns])
    table, rendered = m.ask(sa.select(*columns).where(*m.filtered(m.journeys, scope.filters)), schema)
    row = table.to_pylist()[0]
    return (row["entities"], row.get("within_limit")), rendered
