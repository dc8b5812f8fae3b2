"""To whom a row belongs: ids of contacts and accounts, as sources write them, as the entity that moves."""

from __future__ import annotations

import sqlalchemy as sa

from queries.contract import Source
from queries.dialect import bytewise, stripped
from queries.modelled import Modelled

LONGEST_CHAIN = 50  # merges after merges; also what stops a circle of them


def folded(m: Modelled, rows: sa.Select, *names: str) -> sa.Subquery:
    """`rows` with merged ids in the columns `names` replaced by those that survived.

    An id merged into several follows the bytewise smallest; one in a circle stays what it was.
    """
    base, merges = rows.subquery("unfolded"), m.sources.get("contact_merges")
    if merges is None:
        return base
    ends = _ends(merges)
    source: sa.FromClause = base
    kept: dict[str, sa.ColumnElement] = {}
    for name in names:
        end = ends.alias()
        source = source.outerjoin(end, end.c.merged_id == base.c[name])
        kept[name] = sa.func.coalesce(end.c.surviving_id, base.c[name]).label(name)
    return sa.select(*(kept.get(c.name, c) for c in base.c)).select_from(source).subquery("folded")


def _ends(merges: Source) -> sa.CTE:
    """From each merged id to the id at the end of its chain. Without names: a statement may need several."""
    merged, surviving = merges["merged_id"], merges["surviving_id"]
    into = sa.func.min(bytewise(surviving)).label("surviving_id")
    pairs = sa.select(merged.label("merged_id"), into).where(merged.is_not(None), surviving.is_not(None))
    hop = pairs.group_by(merged).cte()
    first = sa.select(hop.c.merged_id, hop.c.surviving_id, sa.literal_column("1").label("hops"))
    chain = first.cte(recursive=True)
    onward = hop.alias()
    chain = chain.union_all(
        sa.select(chain.c.merged_id, onward.c.surviving_id, chain.c.hops + 1)
        .join(onward, onward.c.merged_id == chain.c.surviving_id)
        .where(chain.c.hops < LONGEST_CHAIN)
    )
    end, over = chain.alias(), hop.alias()
    return (
        sa.select(end.c.merged_id, end.c.surviving_id)
        .select_from(end.outerjoin(over, over.c.merged_id == end.c.surviving_id))
        .where(over.c.merged_id.is_(None))
        .cte()
    )


def account_of(contacts: Source) -> sa.ColumnElement:
    """A contact's account; null where it has none."""
    return sa.case((stripped(contacts["account_id"]) != "", contacts["account_id"]))


def accounts(contacts: Source) -> sa.Subquery:
    """contact_id, account_id: one row per contact; of several rows of one, the first created."""
    account = account_of(contacts)
    order = [contacts["created_at"].asc().nulls_last(), bytewise(account).asc().nulls_last()]
    nth = sa.func.row_number().over(partition_by=contacts["contact_id"], order_by=order).label("nth")
    rows = sa.select(contacts["contact_id"].label("contact_id"), account.label("account_id"), nth).subquery("rows")
    return sa.select(rows.c.contact_id, rows.c.account_id).where(rows.c.nth == 1).subquery("accounts")


def first_contacts(contacts: Source, of: sa.Select) -> sa.Subquery:
    """account_id, contact_id: the first contact of each of these accounts, the earliest created, then by id."""
    account, contact = account_of(contacts), contacts["contact_id"]
    order = [contacts["created_at"].asc().nulls_last(), bytewise(contact)]
    nth = sa.func.row_number().over(partition_by=account, order_by=order).label("nth")
    rows = sa.select(account.label("account_id"), contact.label("contact_id"), nth).where(account.in_(of))
    c = rows.subquery("ranked").c
    return sa.select(c.account_id, c.contact_id).where(c.nth == 1).subquery("first_contacts")
