"""Moves, asked: the warehouse counts the stays of a period by stage, next stage and length."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pyarrow as pa
import sqlalchemy as sa

from lifecycle import moves as told
from lifecycle.moves import Moves, Transition, between_parts, since_before
from lifecycle.parts import Part
from lifecycle.scope import Scope
from queries.contacts import Records
from queries.dialect import Instant, bytewise, elapsed
from queries.durations import bin_of
from queries.groups import Groups
from queries.instants import in_period, seen
from queries.leads import paged
from queries.modelled import Modelled, one_of
from queries.warehouse import Rendered

LENGTHS = pa.schema([("stage", pa.string()), ("following", pa.string()), ("bin", pa.int64()), ("n", pa.int64())])
COUNTS = pa.schema([("segment", pa.string()), ("stage", pa.string()), ("following", pa.string()), ("n", pa.int64())])
MOVERS = pa.schema(
    [
        ("entity_id", pa.string()),
        ("journey", pa.int64()),
        ("entered_at", pa.timestamp("us")),
        ("left_at", pa.timestamp("us")),
        ("reason", pa.string()),
        ("segment", pa.string()),
    ]
)


@dataclass(frozen=True)
class Cell:
    """A move that can be clicked: stays in `start` that `end` followed (None: still there), of `values` of the
    breakdown if given (None among them = not set)."""

    start: str
    end: str | None
    values: tuple[str | None, ...] = ()


def moves(m: Modelled, scope: Scope) -> Moves:
    """Where entities went from each stage that they entered in the period, as far as seen by as_of.

    Of a stay that ended later the next stage is unknown: it is still there. Exits are stages too: what follows them is
    a reopening. Repeats are no stays.
    """
    here, before = _moves(m, scope), scope.compared
    here = replace(here, comparison=_moves(m, before.whole)) if before else here
    return replace(here, contrasts=between_parts(here), changes=since_before(here))


def _moves(m: Modelled, scope: Scope) -> Moves:
    c = stays(m, scope).c
    until = sa.func.coalesce(c.left_at, sa.literal(scope.as_of, Instant()))
    lengths = sa.select(c.stage, c.following, bin_of(elapsed(c.entered_at, until), c.left_at.is_(None)).label("bin"))
    table, rendered = m.ask(_counted(lengths.subquery("lengths")), LENGTHS)
    rows = [(r["stage"], r["following"], max(r["bin"], 0) / 1e6, r["n"]) for r in table.to_pylist()]
    counts: dict[tuple[str, str | None], int] = {}
    for stage, following, _, n in rows:
        counts[stage, following] = counts.get((stage, following), 0) + n
    parts, asked = _parts(m, scope) if scope.by else ((), ())
    whole = told.transitions(m.model, counts, told.life_tables(rows))
    return Moves(m.model.name, m.build.id, scope, whole, parts, statements=(rendered, *asked))


def _parts(m: Modelled, scope: Scope) -> tuple[tuple[Part[tuple[Transition, ...]], ...], tuple[Rendered, ...]]:
    """The transitions of each part of the breakdown."""
    c = stays(m, scope).c
    table, rendered = m.ask(_counted(sa.select(c.segment, c.stage, c.following).subquery("parted")), COUNTS)
    found: dict[str | None, dict[tuple[str, str | None], int]] = {}
    for row in table.to_pylist():
        found.setdefault(row["segment"], {})[row["stage"], row["following"]] = row["n"]
    groups = Groups(scope, {value: sum(counts.values()) for value, counts in found.items()})
    counts: dict[int | None, dict[tuple[str, str | None], int]] = {part: {} for part in groups.parts}
    for part, own in counts.items():
        for value in groups.values(part):
            for pair, n in found[value].items():
                own[pair] = own.get(pair, 0) + n
    return groups.told({part: told.transitions(m.model, own) for part, own in counts.items()}), (rendered,)


def stays(m: Modelled, scope: Scope) -> sa.Subquery:
    """Stays that began in the period: entity_id, journey, stage, entered_at, left_at and following (null while open),
    the reason of what followed, and segment."""
    s = m.stays.c
    left = seen(s.exited_at, scope)
    return (
        sa.select(
            s.entity_id,
            s.journey,
            s.stage,
            s.entered_at,
            left.label("left_at"),
            sa.case((left.is_not(None), s.next_stage)).label("following"),
            s.reason,
            m.segment_column(m.stays, scope).label("segment"),
        )
        .where(s.move != "repeat", s.journey > 0, *in_period(s.entered_at, scope))
        .where(*m.filtered(m.stays, scope.filters))
        .subquery("stays_begun")
    )


def _counted(rows: sa.Subquery) -> sa.Select:
    return sa.select(*rows.c, sa.func.count().label("n")).group_by(*rows.c)


def movers(m: Modelled, scope: Scope, cell: Cell, page: int = 0) -> Records:
    """The stays behind a move, latest first: the matrix's own expression, as rows."""
    base = stays(m, scope)
    c = base.c
    where = [c.stage == cell.start, c.following.is_(None) if cell.end is None else c.following == cell.end]
    where += [one_of(c.segment, cell.values)] if cell.values else []
    order = [c.entered_at.desc(), bytewise(c.entity_id), c.journey]
    return paged(m, sa.select(*(c[name] for name in MOVERS.names)).where(*where), order, MOVERS, page)
