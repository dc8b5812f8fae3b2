"""Who moves: contacts with their segments, and the merges that make several ids one."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from lifecycle.segments import Segment
from queries import workbench
from queries.contract import DAY, FLAG, INSTANT, NUMBER, PERSONAL, TEXT, Source
from queries.dialect import bytewise, stripped
from queries.settings import Settings
from queries.warehouse import Warehouse

MAX_VALUES = 200  # a text column with more distinct values is an identifier or free text, not a segment
STORED = {"choice": str, "flag": str, "number": float, "date": str}  # dates as ISO text: they compare as they sort


def resolve(pairs: list[tuple[str, str]]) -> dict[str, str | None]:
    """Every merged id to the id that survives at the end of its chain; None where the chain runs into a circle.

    An id merged into several others follows the bytewise smallest, so that the answer never depends on row order.
    """
    into: dict[str, str] = {}
    for merged, surviving in sorted(pairs, key=lambda p: (p[0].encode(), p[1].encode()), reverse=True):
        into[merged] = surviving
    resolved: dict[str, str | None] = {}
    for start in into:
        chain, at = [], start
        while at in into and at not in resolved and at not in chain:
            chain.append(at)
            at = into[at]
        end = resolved[at] if at in resolved else None if at in chain else at
        resolved.update(dict.fromkeys(chain, end))
    return resolved


def identities(warehouse: Warehouse, merges: Source | None, name: str) -> sa.TableClause | None:
    """A working table `merged_id, surviving_id` (null in a circle); None where nothing was merged."""
    if merges is None:
        return None
    pair = (merges["merged_id"], merges["surviving_id"])
    rows = warehouse.query(sa.select(*pair).where(*(c.is_not(None) for c in pair)).distinct()).to_pylist()
    resolved = resolve([tuple(r.values()) for r in rows])
    made = workbench.create(warehouse, name, {"merged_id": str, "surviving_id": str})
    pairs = list(resolved.items())
    for i in range(0, len(pairs), 5_000):
        values = [{"merged_id": m, "surviving_id": s} for m, s in pairs[i : i + 5_000]]
        warehouse.execute(sa.insert(made).values(values))
    return made


def find_segments(warehouse: Warehouse, contacts: Source | None, settings: Settings) -> tuple[Segment, ...]:
    """The segment columns of `contacts`, found from the schema and what the columns hold.

    Low-cardinality text and booleans become choices and flags, numbers ranges, dates periods. Personal data and
    identifiers are left out; configuration gives labels, order and hides.
    """
    if contacts is None:
        return ()
    kinds = {n: contacts.spec.columns[n] for n in ("owner", "lead_score") if contacts.has(n)} | contacts.extra
    found = []
    for name, kind in kinds.items():
        setting = settings.segments.get(name)
        if (setting.personal if setting else False) or (PERSONAL.search(name) and not setting):
            continue
        segment = _examined(warehouse, contacts, name, kind)
        if segment:
            label = (setting.label if setting else None) or name.replace("_", " ").strip().capitalize()
            found.append(replace(segment, label=label, hidden=setting.hidden if setting else False))
    order = {name: s.order for name, s in settings.segments.items() if s.order is not None}
    found.sort(key=lambda s: order.get(s.name, len(order) + 1_000))
    return tuple(replace(s, column=f"g{i}") for i, s in enumerate(found))


def value_of(contacts: Source, name: str, kind: str) -> sa.ColumnElement:
    """A segment's value as the modelled tables store it."""
    raw = contacts[name] if contacts.has(name) else contacts.column(name)
    if kind == FLAG:
        return sa.case((raw.is_(True), "true"), (raw.is_(False), "false"))
    if kind in (DAY, INSTANT):
        return sa.cast(sa.cast(raw, sa.Date()), sa.Text())
    return sa.cast(raw, sa.Double()) if kind == NUMBER else sa.cast(raw, sa.Text())


def _examined(warehouse: Warehouse, contacts: Source, name: str, kind: str) -> Segment | None:
    value = value_of(contacts, name, kind).label("value")
    base = sa.select(value).select_from(contacts.table).subquery()
    if kind in (TEXT, FLAG):
        n = sa.func.count()
        statement = sa.select(base.c.value, n).group_by(base.c.value).order_by(n.desc(), bytewise(base.c.value))
        values = warehouse.query(statement.limit(MAX_VALUES + 1)).column(0).to_pylist()
        if len(values) > MAX_VALUES or not any(v is not None for v in values):
            return None
        return Segment(name, "", "flag" if kind == FLAG else "choice", name, tuple(values))
    low, high = warehouse.query(sa.select(sa.func.min(base.c.value), sa.func.max(base.c.value))).to_pylist()[0].values()
    if low is None:
        return None
    return Segment(name, "", "number" if kind == NUMBER else "date", name, (), low, high)


def people_columns(segments: tuple[Segment, ...]) -> dict[str, type]:
    return {"contact_id": str, "account_id": str, "created_at": str, "score": float} | {
        s.column: STORED[s.kind] for s in segments
    }


def people(warehouse: Warehouse, contacts: Source, segments: tuple[Segment, ...], name: str) -> sa.TableClause:
    """A working table of one row per contact: account, score and segments; of several rows, the first created counts."""
    columns = [
        contacts["contact_id"].label("contact_id"),
        sa.case((stripped(contacts["account_id"]) != "", contacts["account_id"])).label("account_id"),
        sa.cast(contacts["created_at"], sa.Text()).label("created_at"),
        contacts["lead_score"].label("score"),
        *(value_of(contacts, s.name, _contract_kind(contacts, s.name)).label(s.column) for s in segments),
    ]
    rows = sa.select(*columns).select_from(contacts.table).where(contacts["contact_id"].is_not(None)).subquery()
    order = [bytewise(c) if isinstance(c.type, sa.Text) else c for c in list(rows.c)[1:]]
    first = sa.func.row_number().over(partition_by=rows.c.contact_id, order_by=[c.asc().nulls_last() for c in order])
    numbered = sa.select(rows, first.label("nth")).subquery()
    made = workbench.create(warehouse, name, people_columns(segments))
    workbench.fill(warehouse, made, sa.select(*(numbered.c[c.name] for c in made.c)).where(numbered.c.nth == 1))
    return made


def _contract_kind(contacts: Source, name: str) -> str:
    return contacts.spec.columns.get(name) or contacts.extra[name]
