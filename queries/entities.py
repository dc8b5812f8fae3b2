"""Who moves through a model: contacts, accounts (their contacts rolled up) or deals, one numbered row each."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from lifecycle.segments import Segment
from queries.catalog import segment_columns
from queries.dialect import blank, bytewise, fingerprint
from queries.tables import Kind, Number, type_of
from queries.workbench import Workbench

ENTITY: dict[str, Kind] = {"entity_id": str, "contact_id": str, "score": float, "digest": int}


@dataclass(frozen=True)
class Entities:
    """Who moves, by number.

    `named`: `id, n` of what events name; `complete` tells that an id which is not there does not exist.
    `moving`: ENTITY columns and segments; `contact_id` is the contact who speaks for the entity, `digest` a fingerprint
    of it all. `members`: for accounts, the number `n` of each contact and the number `entity` of its account.
    """

    named: sa.FromClause
    complete: bool
    moving: sa.FromClause
    members: sa.TableClause | None = None


def contacts(people: sa.FromClause, segments: tuple[Segment, ...], complete: bool) -> Entities:
    """Contacts move by themselves."""
    c = people.c
    moving = sa.select(c.n, c.contact_id.label("entity_id"), *_known(c, segments))
    return Entities(_named(people), complete, moving.subquery("entities"))


def accounts(bench: Workbench, people: sa.FromClause, segments: tuple[Segment, ...], complete: bool) -> Entities:
    """Contacts move their account, for which its first contact speaks, merged ones after all others.

    Those without an account stand alone.
    """
    c = people.c
    account = sa.func.coalesce(c.account_id, c.contact_id)
    alone = sa.case((c.account_id.is_(None), 1), else_=0)
    order = [alone, c.merged, c.created_at.asc().nulls_last(), bytewise(c.contact_id)]
    first = sa.func.first_value(c.n).over(partition_by=account, order_by=order).label("entity")
    members = bench.make("members", {"n": Number, "entity": Number}, sa.select(c.n, first))
    moving = (
        sa.select(c.n, account.label("entity_id"), *_known(c, segments))
        .join(members, members.c.n == c.n)
        .where(members.c.entity == c.n)
    )
    return Entities(_named(people), complete, moving.subquery("entities"), members)


def deals(
    bench: Workbench, single_deals: sa.TableClause, people: sa.FromClause | None, segments: tuple[Segment, ...]
) -> Entities:
    """Deals move by themselves; their contact speaks for them."""
    d = single_deals.c
    source: sa.FromClause = single_deals
    values: list[sa.ColumnElement] = [sa.cast(sa.null(), sa.Double()).label("score")]
    told: list[sa.ColumnElement] = [d.deal_id, d.contact_id]
    if people is not None:
        source = source.outerjoin(people, people.c.contact_id == d.contact_id)
        values = [people.c.score, *(people.c[s.column] for s in segments)]
        told.append(people.c.digest)
    digest = fingerprint(*told).label("digest")
    rows = sa.select(d.deal_id.label("entity_id"), d.contact_id, digest, *values).select_from(source)
    rows = rows.where(sa.not_(blank(d.deal_id)))
    moving = bench.numbered("moving", "n", ENTITY | segment_columns(segments), rows)
    return Entities(sa.select(moving.c.entity_id.label("id"), moving.c.n).subquery("named"), True, moving)


def mentioned_deals(bench: Workbench, rows: sa.Select | sa.CompoundSelect) -> Entities:
    """Where no deals are given: those that the rows name."""
    ids = sa.select(rows.subquery().c.contact_id.label("entity_id")).distinct().subquery("ids")
    nobody = (sa.cast(sa.null(), type_of(ENTITY[name])).label(name) for name in ("contact_id", "score"))
    digest = fingerprint(ids.c.entity_id).label("digest")
    deals = sa.select(ids.c.entity_id, *nobody, digest).where(sa.not_(blank(ids.c.entity_id)))
    moving = bench.numbered("moving", "n", ENTITY, deals)
    return Entities(sa.select(moving.c.entity_id.label("id"), moving.c.n).subquery("named"), False, moving)


def _known(c: sa.ColumnCollection, segments: tuple[Segment, ...]) -> list[sa.ColumnElement]:
    return [c.contact_id, c.score, c.digest, *(c[s.column] for s in segments)]


def _named(people: sa.FromClause) -> sa.Subquery:
    return sa.select(people.c.contact_id.label("id"), people.c.n).subquery("named")
