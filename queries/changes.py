"""Whose rows changed between two builds: a fingerprint per entity of all that its modelled rows are made from."""

from __future__ import annotations

import sqlalchemy as sa

from queries.dialect import fingerprint
from queries.entities import Entities
from queries.tables import Id

FINGERPRINT: dict[str, type] = {"entity_id": Id, "digest": int}
# A row adds so much of its fingerprint that the sum over an entity with 2²³ rows is a whole number of 64 bits, whose
# remainders cost far less than those of longer ones.
_SHARE: sa.ColumnElement = sa.literal_column(str(2**38))


def fingerprints(events: sa.FromClause, entities: Entities, past: sa.TableClause | None) -> sa.Select:
    """FINGERPRINT rows of the entities that have usable events: of these, of who they are, and of their past."""
    e, moving = events.c, entities.moving.c
    source: sa.FromClause = events
    entity: sa.ColumnElement = e.n
    said: sa.ColumnElement = e.digest
    if entities.members is not None:
        members, named = entities.members, entities.named
        source = events.join(members, members.c.n == e.n).join(named, named.c.n == e.n)
        entity, said = members.c.entity, fingerprint(e.digest, named.c.id)  # which of its contacts, after merges
    every = sa.select(entity.label("n"), said.label("digest")).select_from(source).where(e.problem.is_(None))
    told = _total(every, "told")
    known = told.join(entities.moving, moving.n == told.c.n)
    digest = told.c.digest + moving.digest
    if past is not None:
        was = sa.select(past.c.n, fingerprint(past.c.name, past.c.value, past.c.valid_from).label("digest"))
        then = _total(was, "then")
        known = known.outerjoin(then, then.c.n == told.c.n)
        digest = digest + sa.func.coalesce(then.c.digest, 0)
    return sa.select(moving.entity_id, digest.label("digest")).select_from(known)


def _total(rows: sa.Select, name: str) -> sa.Subquery:
    """Per entity one number of all its rows, whatever their order, and of how many they are."""
    c = rows.subquery(f"each_{name}").c
    total = sa.cast(sa.func.sum(sa.func.mod(c.digest, _SHARE)) + sa.func.count(), sa.BigInteger())
    return sa.select(c.n, total.label("digest")).group_by(c.n).subquery(name)


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
