"""Which journey a deal belongs to: of its entity the latest that had started when the deal was created."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from queries.contract import Source
from queries.people import folded, owned

DEALS: dict[str, type] = {
    "deal_id": str,
    "entity_id": str,
    "journey": int,
    "created_at": datetime,
    "closed_at": datetime,
    "is_won": int,
    "amount": float,
}


def attributed(
    deals: Source,
    entity: str,
    people: sa.TableClause | None,
    identities: sa.TableClause | None,
    journeys: sa.TableClause,
) -> sa.Select:
    """DEALS rows: each deal once, so that sums over journeys never exceed the deals; earlier ones have no journey.

    `entity` is what moves: contacts (an account's deal goes to its first contact), accounts or deals.
    """
    columns = {
        "deal_id": deals["deal_id"],
        "account_id": deals["account_id"],
        "created_at": deals["created_at"],
        "closed_at": deals["closed_at"],
        "is_won": sa.case((deals["is_won"].is_(True), 1), (deals["is_won"].is_(False), 0)),
        "amount": deals["amount"],
    }
    rows = folded(owned(deals, people if entity == "contact" else None, **columns), "contact_id", identities)
    deal_rows = rows.subquery("deal_rows")
    c, source = deal_rows.c, sa.select(deal_rows)
    owner = {"deal": c.deal_id, "contact": c.contact_id, "account": sa.func.coalesce(c.account_id, c.contact_id)}[
        entity
    ]
    if entity == "account" and people is not None:
        source = source.outerjoin(people, people.c.contact_id == c.contact_id)
        owner = sa.func.coalesce(c.account_id, people.c.account_id, c.contact_id)
    owned_rows = source.add_columns(owner.label("entity_id")).subquery("owned").c
    o, j = owned_rows, journeys.c
    started = sa.and_(j.entity_id == o.entity_id, j.started_at <= o.created_at)
    latest = [j.started_at.desc(), j.journey.desc()]
    nth = sa.func.row_number().over(partition_by=o.deal_id, order_by=latest).label("nth")
    joined = sa.select(*o, j.journey, nth).join(journeys, started).subquery("ranked")
    return sa.select(*(joined.c[name] for name in DEALS)).where(joined.c.nth == 1)
