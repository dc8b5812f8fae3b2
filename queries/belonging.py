"""To whom a row belongs: ids of contacts and accounts, as sources write them, as the entity that moves."""

from __future__ import annotations

import sqlalchemy as sa

from queries import workbench
from queries.contract import Source
from queries.dialect import bytewise, filled
from queries.modelled import Modelled
from queries.tables import Id, Kind

TABLE = "identities"
COLUMNS: dict[str, Kind] = {"merged_id": Id, "surviving_id": Id}
LONGEST_CHAIN = 50  # merges after merges; also what stops a circle of them


def keep(m: Modelled) -> None:
    """Keep with a build from each merged id to the end of its chain, so that no question follows chains."""
    if "contact_merges" in m.sources:
        made = workbench.create(m.warehouse, m.build.table(TABLE), COLUMNS)
        workbench.fill(m.warehouse, made, sa.select(_ends(m.sources["contact_merges"])))


def folded(m: Modelled, rows: sa.Select, *names: str) -> sa.Subquery:
    """`rows` with merged ids in the columns `names` replaced by those that survived, as the build has them.

    An id merged into several follows the bytewise smallest; one in a circle stays what it was.
    """
    base, merges = rows.subquery("unfolded"), m.sources.get("contact_merges")
    if merges is None:
        return base
    kept = workbench.table(m.warehouse, m.build.table(TABLE), COLUMNS)
    ends = kept if kept.name in m.tables else _ends(merges)  # a build may be older than this table
    return _replaced(base, names, ends, "merged_id", "surviving_id").subquery("folded")


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


def at_home(m: Modelled, rows: sa.Subquery, *names: str) -> sa.Subquery:
    """`rows` with the contacts in the columns `names` replaced by their accounts, where it is accounts that move."""
    contacts = m.sources.get("contacts")
    if m.model.entity != "account" or contacts is None or not contacts.has("account_id"):
        return rows
    homes = sa.select(accounts(contacts)).cte()
    return _replaced(rows, names, homes, "contact_id", "account_id").subquery("at_home")


def _replaced(
    rows: sa.Subquery, names: tuple[str, ...], by: sa.CTE | sa.TableClause, own: str, other: str
) -> sa.Select:
    """`rows` with ids in the columns `names` that are an `own` id of `by` replaced by the `other` one, if there is."""
    source: sa.FromClause = rows
    kept: dict[str, sa.ColumnElement] = {}
    for name in names:
        found = by.alias()
        source = source.outerjoin(found, found.c[own] == rows.c[name])
        kept[name] = sa.func.coalesce(found.c[other], rows.c[name]).label(name)
    return sa.select(*(kept.get(c.name, c) for c in rows.c)).select_from(source)


def account_of(contacts: Source) -> sa.ColumnElement:
    """A contact's account; null where it has none."""
    return filled(contacts["account_id"])


def accounts(contacts: Source, *where: sa.ColumnElement[bool]) -> sa.Subquery:
    """contact_id, account_id, created_at: one row per contact; of several rows of one, the first created.

    `where` may leave out contacts, with all their rows.
    """
    created, account = contacts["created_at"], account_of(contacts)
    order = [created.asc().nulls_last(), bytewise(account).asc().nulls_last()]
    nth = sa.func.row_number().over(partition_by=contacts["contact_id"], order_by=order).label("nth")
    said = [contacts["contact_id"].label("contact_id"), account.label("account_id"), created.label("created_at")]
    c = sa.select(*said, nth).where(*where).subquery("rows").c
    return sa.select(c.contact_id, c.account_id, c.created_at).where(c.nth == 1).subquery("accounts")


def left_over(m: Modelled, contacts: Source, of: sa.Select | list[str]) -> sa.Subquery:
    """account_id, contact_id: the contacts of each of these accounts that were not merged into another."""
    c = _housed(m, contacts, of).c
    return sa.select(c.account_id, c.contact_id).where(c.contact_id == c.own_id).subquery("left_over")


def first_contacts(m: Modelled, contacts: Source, of: sa.Select | list[str]) -> sa.Subquery:
    """account_id, contact_id: the first contact of each of these accounts, the earliest created, then by id.

    One that was merged into another speaks only where no other is left, and then as the one that survived.
    """
    c = _housed(m, contacts, of).c
    merged = sa.case((c.contact_id == c.own_id, 0), else_=1)
    order = [merged, c.created_at.asc().nulls_last(), bytewise(c.own_id)]
    nth = sa.func.row_number().over(partition_by=c.account_id, order_by=order).label("nth")
    ranked = sa.select(c.account_id, c.contact_id, nth).subquery("ranked").c
    return sa.select(ranked.account_id, ranked.contact_id).where(ranked.nth == 1).subquery("first_contacts")


def _housed(m: Modelled, contacts: Source, of: sa.Select | list[str]) -> sa.Subquery:
    """The contacts of these accounts as `accounts` tells them, by the surviving id; `own_id` is the one before."""
    near = sa.select(contacts["contact_id"]).where(account_of(contacts).in_(of))  # few, so that few are ranked
    homes = accounts(contacts, contacts["contact_id"].in_(near))
    rows = sa.select(homes, homes.c.contact_id.label("own_id")).where(homes.c.account_id.in_(of))
    return folded(m, rows, "contact_id")
