"""Whose rows changed between two builds: a fingerprint per entity of all that its modelled rows are made from."""

from __future__ import annotations

import sqlalchemy as sa

from queries.dialect import fingerprint
from queries.entities import Entities

FINGERPRINT: dict[str, type] = {"entity_id": str, "digest": int}
# What an event says, without the numbers that a build gives it.
SAID = ("raw", "code", "at", "event_id", "reason", "competitor", "actor", "lead_score")
_LARGEST: sa.ColumnElement = sa.literal_column(str(2**61 - 1))


def fingerprints(events: sa.FromClause, entities: Entities, past: sa.TableClause | None) -> sa.Select:
    """FINGERPRINT rows of the entities that have usable events: of these, of who they are, and of their past."""
    e, moving = events.c, entities.moving.c
    said = [_as_text(e[name]) for name in SAID]
    source: sa.FromClause = events
    entity: sa.ColumnElement = e.n
    if entities.members is not None:
        members, named = entities.members, entities.named
        source = events.join(members, members.c.n == e.n).join(named, named.c.n == e.n)
        entity = members.c.entity
        said.append(named.c.id)  # which of its contacts, after merges
    rows = [
        _row(entity, said, 1).select_from(source).where(e.problem.is_(None)),
        _row(moving.n, [_as_text(c) for c in moving if c.name != "n"], 0),
    ]
    if past is not None:
        rows.append(_row(past.c.n, [past.c.name, past.c.value, past.c.valid_from], 0))
    every = sa.union_all(*rows).subquery("every").c
    digest = sa.cast(sa.func.mod(sa.func.sum(every.digest), _LARGEST), sa.BigInteger())
    sums = sa.select(every.n, digest.label("digest"), sa.func.sum(every.events).label("events")).group_by(every.n)
    total = sums.subquery("sums")
    known = total.join(entities.moving, moving.n == total.c.n)
    return (
        sa.select(moving.entity_id, (total.c.digest + total.c.events).label("digest"))
        .select_from(known)
        .where(total.c.events > 0)
    )


def _row(n: sa.ColumnElement, values: list[sa.ColumnElement], events: int) -> sa.Select:
    return sa.select(n.label("n"), fingerprint(*values).label("digest"), sa.literal_column(str(events)).label("events"))


def _as_text(column: sa.ColumnElement) -> sa.ColumnElement:
    """Texts that an engine keeps as numbers are numbered by one build's values; what they say is the same in all."""
    return sa.cast(column, sa.Text()) if isinstance(column.type, sa.Text) else column


def changed(old: sa.TableClause, new: sa.TableClause) -> sa.CompoundSelect:
    """The ids of entities that are new, gone or different."""
    fresh = (
        sa.select(new.c.entity_id)
        .select_from(new.outerjoin(old, old.c.entity_id == new.c.entity_id))
        .where(sa.or_(old.c.entity_id.is_(None), old.c.digest != new.c.digest))
    )
    gone = (
        sa.select(old.c.entity_id)
        .select_from(old.outerjoin(new, new.c.entity_id == old.c.entity_id))
        .where(new.c.entity_id.is_(None))
    )
    return sa.union_all(fresh, gone)


def unchanged(rows: sa.TableClause, changed: sa.TableClause) -> sa.Select:
    """The modelled rows of all other entities, to carry over."""
    return (
        sa.select(rows)
        .select_from(rows.outerjoin(changed, changed.c.entity_id == rows.c.entity_id))
        .where(changed.c.entity_id.is_(None))
    )
