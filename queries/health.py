"""What was set aside, what is out of order and what is missing: asked of a build and of its sources."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.health import suggestion
from lifecycle.privacy import masked
from lifecycle.scope import Scope
from queries import builds, counted, workbench
from queries.builds import Build
from queries.contract import REJECTS
from queries.dialect import Instant, bytewise, filled
from queries.modelled import Modelled
from queries.warehouse import Rendered

SAMPLES = 3  # of each reason
LISTED = 200  # rows of a list; more are counted, not shown


@dataclass(frozen=True)
class Found:
    """Rows of one list, and how many there are in all where the list is cut short."""

    table: pa.Table
    total: int
    statements: tuple[Rendered, ...]


def quarantined(m: Modelled, _scope: Scope) -> Found:
    """Events of the build that could not be used, by reason."""
    q = m.quarantine.c
    n = sa.func.count().label("n")
    statement = sa.select(q.problem, n).group_by(q.problem).order_by(n.desc(), bytewise(q.problem))
    table, rendered = m.ask(statement, pa.schema([("problem", pa.string()), ("n", pa.int64())]))
    return Found(table, sum(table.column("n").to_pylist()), (rendered,))


def samples(m: Modelled, _scope: Scope) -> Found:
    """A few quarantined events of each reason, as they came, the contacts masked."""
    q = m.quarantine
    order = [bytewise(q.c.raw), q.c.at, bytewise(q.c.contact_id), bytewise(q.c.event_id)]
    nth = sa.func.row_number().over(partition_by=q.c.problem, order_by=order).label("nth")
    c = sa.select(q, nth).subquery("numbered").c
    names = ("problem", "contact_id", "raw", "at", "recorded_at", "event_id")
    columns = [sa.cast(c[name], sa.Text()).label(name) for name in names]  # instants too: some no client can hold
    statement = sa.select(*columns).where(c.nth <= SAMPLES).order_by(bytewise(c.problem), c.nth)
    table, rendered = m.ask(statement, pa.schema([(name, pa.string()) for name in names]))
    ids = [masked(value) if value else value for value in table.column("contact_id").to_pylist()]
    table = table.set_column(1, "contact_id", pa.array(ids, pa.string()))
    return Found(table, table.num_rows, (rendered,))


def unknown_values(m: Modelled, _scope: Scope) -> Found:
    """Raw stage values that no stage model knows, with how often they occur and which stage they look like."""
    q = m.quarantine.c
    n, distinct = sa.func.count().label("n"), sa.func.count().over().label("distinct")
    columns = [q.raw, n, sa.func.min(q["at"]).label("first"), sa.func.max(q["at"]).label("last"), distinct]
    statement = sa.select(*columns).where(q.problem == "unknown_stage").group_by(q.raw)
    schema = pa.schema(
        [
            ("raw", pa.string()),
            ("n", pa.int64()),
            *((x, pa.timestamp("us")) for x in ("first", "last")),
            ("of", pa.int64()),
        ]
    )
    table, rendered = m.ask(statement.order_by(n.desc(), bytewise(q.raw)).limit(LISTED), schema)
    likely = [suggestion(raw, m.model) for raw in table.column("raw").to_pylist()]
    total = table.column("of")[0].as_py() if table.num_rows else 0
    return Found(table.drop_columns(["of"]).append_column("likely", pa.array(likely, pa.string())), total, (rendered,))


def rejects(m: Modelled, _scope: Scope) -> Found:
    """Rows of files that the loader could not read, by table, file, column and reason; none without a load."""
    names = ("table_name", "file", "column_name", "reason")
    numbers = [("n", pa.int64()), ("first_line", pa.int64()), ("loaded_at", pa.timestamp("us"))]
    schema = pa.schema([*((name, pa.string()) for name in names), *numbers])
    key = next((k for k in m.warehouse.tables() if k[1] == REJECTS), None)
    if key is None:
        return Found(schema.empty_table(), 0, ())
    texts = (sa.column(name, sa.Text()) for name in names)
    r = sa.table(REJECTS, *texts, sa.column("line"), sa.column("loaded_at", Instant()), schema=key[0]).c
    n = sa.func.count().label("n")
    groups = [r[name] for name in names]
    statement = sa.select(*groups, n, sa.func.min(r.line), sa.func.max(r.loaded_at)).group_by(*groups)
    table, rendered = m.ask(statement.order_by(n.desc(), *groups).limit(LISTED), schema)
    return Found(table, sum(table.column("n").to_pylist()), (rendered,))


def moves(m: Modelled, scope: Scope) -> Found:
    """Entries of the period by move (advance, skip, regress, repeat, exit, reopen) and by the stages they link."""
    s = m.stays.c
    n = sa.func.count().label("n")
    groups = [s.move, s.from_stage, s.stage]
    where = [*counted.in_period(s.entered_at, scope), *m.filtered(m.stays, scope.filters)]
    statement = sa.select(*groups, n).where(*where).group_by(*groups).order_by(n.desc(), *map(bytewise, groups))
    schema = pa.schema([*((g.name, pa.string()) for g in groups), ("n", pa.int64())])
    table, rendered = m.ask(statement, schema)
    return Found(table, sum(table.column("n").to_pylist()), (rendered,))


@dataclass(frozen=True)
class Order:
    """Journeys started in the period, and those whose stages came each once and by rank."""

    journeys: int
    in_order: int
    statements: tuple[Rendered, ...]


def order(m: Modelled, scope: Scope) -> Order:
    """How many journeys of the period run in order: each stage once, by rank, with nothing else in between."""
    j = m.journeys.c
    columns = [sa.func.count().label("journeys"), sa.func.count(sa.case((j.in_order == 1, 1))).label("in_order")]
    where = [*counted.in_period(j.started_at, scope), *m.filtered(m.journeys, scope.filters)]
    table, rendered = m.ask(sa.select(*columns).where(*where), pa.schema([(c.name, pa.int64()) for c in columns]))
    row = table.to_pylist()[0]
    return Order(row["journeys"], row["in_order"], (rendered,))


@dataclass(frozen=True)
class Meeting:
    """Who is in the list of entities and who has events: `known` counts the listed, None where there is no list.

    `silent` are listed without any event; `orphans` events of contacts that are not listed, of `strangers` of them.
    """

    known: int | None
    silent: int | None
    orphans: int
    strangers: int
    statements: tuple[Rendered, ...]


def meeting(m: Modelled, _scope: Scope) -> Meeting:
    """Whether contacts and events meet: contacts without events, events without contacts (merged contacts left out)."""
    q = m.quarantine.c
    lost = sa.select(sa.func.count().label("n"), sa.func.count(q.contact_id.distinct()).label("of"))
    table, asked = m.ask(lost.where(q.problem == "orphan"), pa.schema([("n", pa.int64()), ("of", pa.int64())]))
    orphans, strangers = table.to_pylist()[0].values()
    listed = _listed(m)
    if listed is None:
        return Meeting(None, None, orphans, strangers, (asked,))
    moved = workbench.table(m.warehouse, m.build.table("entities"), {"entity_id": str})
    zero: sa.ColumnElement = sa.literal_column("0", sa.BigInteger())
    one: sa.ColumnElement = sa.literal_column("1", sa.BigInteger())
    rows = [
        sa.select(listed.c.id.label("id"), one.label("known"), zero.label("moved")),
        sa.select(moved.c.entity_id.label("id"), zero.label("known"), one.label("moved")),
    ]
    if (merges := m.sources.get("contact_merges")) and m.model.entity == "contact":
        gone = sa.select(merges["merged_id"].label("id"), zero.label("known"), one.label("moved"))
        rows.append(gone.select_from(merges.table).where(merges["merged_id"].is_not(None)))
    e = sa.union_all(*rows).subquery("either").c
    each = sa.select(sa.func.max(e.known).label("known"), sa.func.max(e.moved).label("moved")).group_by(e.id)
    c = each.subquery("each").c
    silent = sa.func.count(sa.case((c.moved == 0, 1))).label("silent")
    statement = sa.select(sa.func.count().label("known"), silent).where(c.known == 1)
    table, rendered = m.ask(statement, pa.schema([("known", pa.int64()), ("silent", pa.int64())]))
    known, silent_ = table.to_pylist()[0].values()
    return Meeting(known, silent_, orphans, strangers, (rendered, asked))


def _listed(m: Modelled) -> sa.Subquery | None:
    """The ids of the entities that the sources list, some more than once: contacts, their accounts, or deals."""
    source = m.sources.get("deals" if m.model.entity == "deal" else "contacts")
    if source is None:
        return None
    id_ = source["deal_id" if m.model.entity == "deal" else "contact_id"]
    if m.model.entity == "account":
        id_ = sa.func.coalesce(filled(source["account_id"]), id_)
    return sa.select(id_.label("id")).select_from(source.table).where(id_.is_not(None)).subquery("listed")


@dataclass(frozen=True)
class History:
    """Recorded builds, newest first."""

    builds: tuple[Build, ...]
    statements: tuple[Rendered, ...]


def history(m: Modelled, _scope: Scope) -> History:
    """Every recorded build of every model, newest first."""
    table = builds.builds_table(m.warehouse)
    statement = sa.select(table).order_by(table.c.id.desc())
    return History(tuple(builds.history(m.warehouse)[:LISTED]), (m.warehouse.render(statement),))
