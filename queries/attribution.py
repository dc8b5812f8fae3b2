"""Which journey a deal belongs to: of its entity the latest that had started when the deal was created."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from queries.contract import Source
from queries.dialect import bytewise, filled, fingerprint
from queries.people import folded, owned
from queries.singles import first_of_each
from queries.tables import Id, Kind
from queries.workbench import Workbench

DEAL: dict[str, Kind] = {
    "deal_id": str,
    "contact_id": str,
    "account_id": str,
    "created_at": datetime,
    "closed_at": datetime,
    "is_won": int,
    "amount": float,
}
DEALS: dict[str, Kind] = {
    "deal_id": Id,
    "entity_id": Id,
    "journey": int,
    "created_at": datetime,
    "closed_at": datetime,
    "is_won": int,
    "amount": float,
}


def single_deals(
    bench: Workbench, deals: Source, people: sa.FromClause | None, identities: sa.TableClause | None
) -> sa.TableClause:
    """A working table of one DEAL row per deal, with its contact after merges, else its account's first.

    Of several rows of one deal the first created counts.
    """
    columns = {
        "deal_id": deals["deal_id"],
        "account_id": filled(deals["account_id"]),
        "created_at": deals["created_at"],
        "closed_at": deals["closed_at"],
        "is_won": sa.case((deals["is_won"].is_(True), 1), (deals["is_won"].is_(False), 0)),
        "amount": deals["amount"],
    }
    rows = folded(owned(deals, people, **columns).where(deals["deal_id"].is_not(None)), "contact_id", identities)

    def single(c: sa.ColumnCollection) -> tuple[list[sa.ColumnElement], list[sa.ColumnElement]]:
        values = [c[name] for name in ("created_at", "contact_id", "account_id", "closed_at", "is_won", "amount")]
        texts = [bytewise(v) if isinstance(v.type, sa.Text) else v for v in values]
        return [c.deal_id], [v.asc().nulls_last() for v in texts]

    return bench.make("deals", DEAL, first_of_each(bench, "deals", rows, lambda c: fingerprint(c.deal_id), single))


def attributed(deals: sa.TableClause, entity: str, people: sa.FromClause | None, journeys: sa.TableClause) -> sa.Select:
    """DEALS rows: each deal once, so that sums over journeys never exceed the deals; before any journey it has none.

    `deals` are DEAL rows; `entity` is what moves: contacts, accounts or deals.
    """
    d, j = deals.c, journeys.c
    source: sa.FromClause = deals
    owners: dict[str, sa.ColumnElement] = {"deal": d.deal_id, "contact": d.contact_id}
    if entity == "account" and people is not None:
        source = source.outerjoin(people, people.c.contact_id == d.contact_id)
        owners["account"] = sa.func.coalesce(d.account_id, people.c.account_id, d.contact_id)
    owned_by = sa.select(*d, owners[entity].label("entity_id")).select_from(source).subquery("owned")
    o = owned_by.c
    started = sa.and_(j.entity_id == o.entity_id, j.started_at <= o.created_at)
    latest = [j.started_at.desc(), j.journey.desc()]
    nth = sa.func.row_number().over(partition_by=o.deal_id, order_by=latest).label("nth")
    ranked = sa.select(*o, j.journey, nth).select_from(owned_by.join(journeys, started)).subquery("ranked").c
    return sa.select(*(ranked[name] for name in DEALS)).where(ranked.nth == 1)
