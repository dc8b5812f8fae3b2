"""Segments found in a warehouse: which columns of `contacts` can be filtered on, and what they hold."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from lifecycle.segments import Segment
from queries.contract import DAY, FLAG, INSTANT, NUMBER, PERSONAL, TEXT, Source
from queries.dialect import bytewise
from queries.settings import Settings
from queries.warehouse import Warehouse

MAX_VALUES = 200  # a text column with more distinct values is an identifier or free text, not a segment
STORED: dict[str, type] = {"choice": str, "flag": str, "number": float, "date": str}  # ISO dates compare as they sort


def find_segments(warehouse: Warehouse, contacts: Source, settings: Settings) -> tuple[Segment, ...]:
    """The segment columns of `contacts`, found from the schema and what the columns hold.

    Low-cardinality text and booleans become choices and flags, numbers ranges, dates periods. Personal data and
    identifiers are left out; configuration gives labels, order and hides.
    """
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


def segment_columns(segments: tuple[Segment, ...]) -> dict[str, type]:
    """The columns that these segments have in modelled tables."""
    return {s.column: STORED[s.kind] for s in segments}


def value_of(contacts: Source, segment: Segment) -> sa.ColumnElement:
    """A segment's value as the modelled tables store it."""
    kind = contacts.spec.columns.get(segment.name) or contacts.extra[segment.name]
    return _stored(contacts, segment.name, kind)


def _stored(contacts: Source, name: str, kind: str) -> sa.ColumnElement:
    raw = contacts[name] if contacts.has(name) else contacts.column(name)
    if kind == FLAG:
        return sa.case((raw.is_(True), "true"), (raw.is_(False), "false"))
    if kind in (DAY, INSTANT):
        return sa.cast(sa.cast(raw, sa.Date()), sa.Text())
    return sa.cast(raw, sa.Double()) if kind == NUMBER else sa.cast(raw, sa.Text())


def _examined(warehouse: Warehouse, contacts: Source, name: str, kind: str) -> Segment | None:
    base = sa.select(_stored(contacts, name, kind).label("value")).select_from(contacts.table).subquery()
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
