"""How fresh each table of the contract is, and what a table that is not there would switch on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.scope import Scope
from queries.contract import CONTRACT, DAY, Source
from queries.dialect import Instant
from queries.errors import WarehouseError
from queries.events import EARLIEST
from queries.modelled import Modelled
from queries.warehouse import Rendered

# The column that tells how far a table reaches; tables without one (benchmarks, merges) do not age.
REACHES = {
    "stage_events": "entered_at",
    "contacts": "created_at",
    "contact_history": "valid_from",
    "activities": "occurred_at",
    "deals": "created_at",
    "deal_stage_events": "entered_at",
    "subscriptions": "started_at",
    "orders": "ordered_at",
    "surveys": "responded_at",
    "referrals": "referred_at",
    "audits": "audited_at",
    "spend": "day",
    "targets": "month",
    "traffic": "day",
}
PLANNED = ("targets",)  # made ahead for months at a time: neither fresh nor stale


@dataclass(frozen=True)
class TableFreshness:
    """One table of the contract: its rows, its newest plausible instant by as_of, and how far that lies behind.

    `lacks`: optional columns that are not there. `problem`: why it could not be read; the other tables still were.
    """

    table: str
    rows: int | None
    newest: datetime | None
    behind: timedelta | None
    stale: bool | None
    lacks: tuple[str, ...]
    problem: str = ""


@dataclass(frozen=True)
class Missing:
    """A table of the contract that is not there: what it feeds, the columns it needs, and those a namesake lacks."""

    table: str
    feeds: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    lacking: tuple[str, ...]


@dataclass(frozen=True)
class Tables:
    """The contract, table by table."""

    found: tuple[TableFreshness, ...]
    missing: tuple[Missing, ...]
    statements: tuple[Rendered, ...]

    @property
    def stale(self) -> list[TableFreshness]:
        return [f for f in self.found if f.stale]


def tables(m: Modelled, scope: Scope) -> Tables:
    """Rows and reach of every contract table; stale when more than the configured days behind as_of."""
    found, statements = [], []
    for name, source in m.sources.items():
        statement = _statement(source, scope)
        rendered = m.warehouse.render(statement)
        statements.append(rendered)
        found.append(_freshness(m, scope, name, source, statement))
    known = {key[1]: columns for key, columns in m.warehouse.tables().items()}
    return Tables(tuple(found), tuple(missing(frozenset(m.sources), known)), tuple(statements))


def missing(found: frozenset[str], known: Mapping[str, Mapping[str, str]]) -> list[Missing]:
    """Contract tables that are not among those found; `known` are all tables there are, with their columns."""
    enough = {"stage_events", "stage_dates"} if {"stage_events", "stage_dates"} & found else set()
    out = []
    for name, spec in CONTRACT.items():
        if name in found | enough:
            continue
        optional = tuple(c for c in spec.columns if c not in spec.required)
        lacking = tuple(c for c in spec.required if c not in known[name]) if name in known else ()
        out.append(Missing(name, spec.feeds, spec.required, optional, lacking))
    return out


def _statement(source: Source, scope: Scope) -> sa.Select:
    column = REACHES.get(source.spec.name)
    if column is None or not source.has(column):
        newest: sa.ColumnElement = sa.cast(sa.null(), Instant())
    else:
        at, is_day = source[column], source.spec.columns[column] == DAY
        low, high = (EARLIEST.date(), scope.calendar.day(scope.as_of)) if is_day else (EARLIEST, scope.as_of)
        newest = sa.func.max(sa.case((sa.and_(at >= low, at <= high), at)))
    return sa.select(sa.func.count().label("n"), newest.label("newest")).select_from(source.table)


def _freshness(m: Modelled, scope: Scope, name: str, source: Source, statement: sa.Select) -> TableFreshness:
    lacks = tuple(c for c in source.spec.columns if not source.has(c))
    try:
        table, _ = m.ask(statement, pa.schema([("n", pa.int64()), ("newest", pa.timestamp("us"))]))
    except WarehouseError as problem:
        if problem.kind == "superseded":
            raise
        return TableFreshness(name, None, None, None, None, lacks, str(problem))
    rows, newest = table.to_pylist()[0].values()
    if newest is None:
        return TableFreshness(name, rows, None, None, None, lacks)
    is_day = source.spec.columns[REACHES[name]] == DAY
    behind = max(scope.as_of - newest - timedelta(days=is_day), timedelta())  # a day reaches to its end
    stale = None if name in PLANNED else behind > timedelta(days=m.warehouse.settings.stale_after_days)
    return TableFreshness(name, rows, newest, behind, stale, lacks)
