"""What is known of who moves: today's score and segments, and segments as they were when a journey started."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from lifecycle.segments import Segment
from queries.catalog import segment_columns
from queries.contract import Source
from queries.dialect import as_number, bytewise
from queries.entities import Entities
from queries.tables import Kind, Number
from queries.workbench import Workbench

PAST: dict[str, Kind] = {"n": Number, "name": str, "value": str, "valid_from": datetime}


@dataclass(frozen=True)
class Described:
    """Entities with the segments of a build; `then` holds, for journeys whose contact has a history, what it tells."""

    entities: Entities
    segments: tuple[Segment, ...]
    then: sa.TableClause | None

    def between(self, first: int, last: int) -> Described:
        """Those whose number is from `first` to below `last`: what is joined with a part need not be larger than it."""
        e = self.entities.moving
        moving = sa.select(e).where(e.c.n >= first, e.c.n < last).subquery("entities")
        return replace(self, entities=replace(self.entities, moving=moving))

    def of(self, rows: sa.ColumnCollection, source: sa.FromClause) -> tuple[sa.FromClause, dict[str, sa.ColumnElement]]:
        """`source`, whose `rows` have an entity's number `n` and `journey`, joined with who moves; columns by name."""
        e = self.entities.moving
        source = source.join(e, e.c.n == rows.n)
        columns: dict[str, sa.ColumnElement] = {c.name: c for c in e.c if c.name != "n"}
        if self.then is not None:
            t = self.then.c
            source = source.outerjoin(self.then, sa.and_(t.n == rows.n, t.journey == rows.journey))
            for s in self.segments:
                if s.at_start:
                    columns[s.column] = sa.case((t[f"told_{s.column}"] > 0, t[s.column]), else_=e.c[s.column])
        return source, columns


def past(bench: Workbench, history: Source, entities: Entities) -> sa.TableClause:
    """A working table of what is known of the past of those who speak for entities."""
    e = entities.moving
    rows = sa.select(
        e.c.n,
        history["column"].label("name"),
        history["value"].label("value"),
        history["valid_from"].label("valid_from"),
    ).select_from(history.table.join(e, e.c.contact_id == history["contact_id"]))
    return bench.make("past", PAST, rows)


def then_columns(segments: tuple[Segment, ...]) -> dict[str, Kind]:
    """The columns of `then_rows`: per segment its value at the journey's start, and whether the history tells it."""
    told = tuple(s for s in segments if s.at_start)
    columns: dict[str, Kind] = {"n": Number, "journey": Number}
    return columns | segment_columns(told) | {f"told_{s.column}": int for s in told}


def then_rows(past: sa.TableClause, journeys: sa.FromClause, segments: tuple[Segment, ...]) -> sa.Select:
    """One row per journey of whose start the history tells: of each segment the newest value valid by then."""
    p, j = past.c, journeys.c
    newest = [p.valid_from.desc(), bytewise(p.value).asc().nulls_last()]
    nth = sa.func.row_number().over(partition_by=[j.n, j.journey, p.name], order_by=newest).label("nth")
    by_then = sa.and_(p.n == j.n, p.valid_from <= j.started_at)
    ranked = (
        sa.select(j.n, j.journey, p.name, p.value, nth).select_from(past.join(journeys, by_then)).subquery("ranked")
    )
    c = ranked.c
    columns: dict[str, sa.ColumnElement] = {"n": c.n, "journey": c.journey}
    for s in (s for s in segments if s.at_start):
        kinds = {"number": as_number(c.value), "flag": _flag(c.value)}
        named = c.name == s.name
        columns[s.column] = sa.func.max(sa.case((named, kinds.get(s.kind, c.value))))
        columns[f"told_{s.column}"] = sa.func.sum(sa.case((named, 1), else_=0))
    rows = sa.select(*(columns[name].label(name) for name in then_columns(segments)))
    return rows.where(c.nth == 1).group_by(c.n, c.journey)


def _flag(text: sa.ColumnElement) -> sa.ColumnElement:
    said = sa.func.lower(text)
    return sa.case((said.in_(("true", "t", "yes", "1")), "true"), (said.in_(("false", "f", "no", "0")), "false"))
