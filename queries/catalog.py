"""Segments found in a warehouse: which columns of `contacts` can be filtered on, and what they hold."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from lifecycle.segments import Segment
from queries.contract import DAY, FLAG, INSTANT, NUMBER, TEXT, Source, is_personal
from queries.dialect import bytewise
from queries.settings import Settings
from queries.tables import Kind
from queries.warehouse import Warehouse

FLAGS = ("true", "false")
MAX_VALUES = 200  # a text column with more distinct values is an identifier or free text, not a segment
MAX_OWNERS = 5_000  # of the column that the contract declares to be a rep, however many there are


def find_segments(warehouse: Warehouse, contacts: Source, settings: Settings) -> tuple[Segment, ...]:
    """The segment columns of `contacts`, found from the schema and what the columns hold.

    Low-cardinality text and booleans become choices and flags, numbers ranges, dates periods. Personal data and
    identifiers are left out; configuration gives labels, order and hides.
    """
    kinds = {n: contacts.spec.columns[n] for n in ("owner", "lead_score") if contacts.has(n)} | contacts.extra
    found = []
    for name, kind in kinds.items():
        setting = settings.segments.get(name)
        if is_personal(name, settings):
            continue
        segment = _examined(warehouse, contacts, name, kind)
        if segment:
            label = (setting.label if setting else None) or name.replace("_", " ").strip().capitalize()
            found.append(replace(segment, label=label, hidden=setting.hidden if setting else False))
    order = {name: s.order for name, s in settings.segments.items() if s.order is not None}
    found.sort(key=lambda s: order.get(s.name, len(order) + 1_000))
    return tuple(replace(s, column=f"g{i}") for i, s in enumerate(found))


def with_history(warehouse: Warehouse, segments: tuple[Segment, ...], history: Source) -> tuple[Segment, ...]:
    """Segments with `at_start` where their past is told, and the values of that past after today's.

    Dates, and choices that had too many values, keep today's.
    """
    name, value = history["column"], history["value"]
    sizes = sa.select(name, sa.func.count(value.distinct())).group_by(name).limit(10_000)
    n_values = dict(_rows(warehouse, sizes))
    told = {s.name for s in segments if n_values.get(s.name, 0) <= _most(s.name) or s.kind == "number"}
    told &= n_values.keys()
    choices = [s.name for s in segments if s.kind == "choice" and s.name in told]
    past = sa.select(name, value).where(name.in_(choices), value.is_not(None)).distinct()
    values = sorted(_rows(warehouse, past), key=lambda row: row[1].encode())
    values += [(s.name, flag) for s in segments if s.kind == "flag" for flag in FLAGS]  # today all may be one of them
    return tuple(
        replace(s, at_start=True, values=tuple(dict.fromkeys((*s.values, *(v for n, v in values if n == s.name)))))
        if s.name in told and s.kind != "date"
        else s
        for s in segments
    )


def _most(name: str) -> int:
    """How many values a choice may have."""
    return MAX_OWNERS if name == "owner" else MAX_VALUES


def _rows(warehouse: Warehouse, statement: sa.Select) -> list[tuple]:
    return [tuple(row.values()) for row in warehouse.query(statement).to_pylist()]


def segment_columns(segments: tuple[Segment, ...]) -> dict[str, Kind]:
    """The columns that these segments have in modelled tables; dates as ISO text, which compares as it sorts."""
    kinds: dict[str, Kind] = {"number": float, "date": str}
    return {s.column: kinds.get(s.kind) or tuple(v for v in s.values if v is not None) for s in segments}


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
        values = warehouse.query(statement.limit(_most(name) + 1)).column(0).to_pylist()
        if len(values) > _most(name) or not any(v is not None for v in values):
            return None
        return Segment(name, "", "flag" if kind == FLAG else "choice", name, tuple(values))
    low, high = warehouse.query(sa.select(sa.func.min(base.c.value), sa.func.max(base.c.value))).to_pylist()[0].values()
    if low is None:
        return None
    return Segment(name, "", "number" if kind == NUMBER else "date", name, (), low, high)
