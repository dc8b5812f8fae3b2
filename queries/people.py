"""Who is who: contacts with their segments, one row and one number each, and the merges that make several ids one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from lifecycle.segments import Segment
from queries.catalog import segment_columns, value_of
from queries.contract import Source
from queries.dialect import blank, bytewise, filled, fingerprint
from queries.singles import first_of_each
from queries.tables import Kind, type_of
from queries.workbench import Workbench

MERGES: dict[str, Kind] = {"merged_id": str, "surviving_id": str}
# `digest` is a fingerprint of all that the modelled rows of a contact take from here.
PEOPLE: dict[str, Kind] = {
    "contact_id": str,
    "account_id": str,
    "created_at": datetime,
    "merged": int,
    "score": float,
    "digest": int,
}


def identities(bench: Workbench, merges: Source) -> sa.TableClause:
    """A working table from each merged id to the id at the end of its chain; null where that is a circle.

    An id merged into several others follows the bytewise smallest, so that the answer never depends on row order.
    """
    merged, surviving = merges["merged_id"], merges["surviving_id"]
    into = sa.func.min(bytewise(surviving)).label("surviving_id")
    pairs = sa.select(merged.label("merged_id"), into).where(merged.is_not(None), surviving.is_not(None))
    hops = bench.make("merges_1", MERGES, pairs.group_by(merged))
    left, before, reach = bench.count(_unfinished(hops)), -1, 1
    while left and left != before:  # once no chain comes to its end any more, circles alone are left
        onward = hops.alias("onward")
        further = sa.func.coalesce(onward.c.surviving_id, hops.c.surviving_id).label("surviving_id")
        joined = hops.outerjoin(onward, onward.c.merged_id == hops.c.surviving_id)
        reach *= 2
        hops = bench.make(f"merges_{reach}", MERGES, sa.select(hops.c.merged_id, further).select_from(joined))
        left, before = bench.count(_unfinished(hops)), left
    circle = _unfinished(hops)
    end = sa.case((circle.c.merged_id.is_(None), hops.c.surviving_id)).label("surviving_id")
    known = sa.select(hops.c.merged_id, end).select_from(hops.outerjoin(circle, circle.c.merged_id == hops.c.merged_id))
    return bench.make("identities", MERGES, known)


def _unfinished(hops: sa.TableClause) -> sa.Subquery:
    """The merged ids whose chain still ends at an id that was merged itself."""
    onward = hops.alias("onward")
    return sa.select(hops.c.merged_id).join(onward, onward.c.merged_id == hops.c.surviving_id).subquery("unfinished")


def survivor(contact: sa.ColumnElement, identities: sa.TableClause) -> sa.ColumnElement:
    """The id at the end of a contact's merges, for rows outer-joined to `identities`; null in a circle."""
    return sa.case((identities.c.merged_id.is_(None), contact), else_=identities.c.surviving_id)


def folded(rows: sa.Select, column: str, identities: sa.TableClause | None) -> sa.Select:
    """`rows` with merged ids in `column` replaced by the surviving ones; ids in a circle stay what they were."""
    if identities is None:
        return rows
    base, who = rows.subquery("unfolded"), identities.alias("who")
    kept = sa.func.coalesce(who.c.surviving_id, base.c[column]).label(column)
    joined = base.outerjoin(who, who.c.merged_id == base.c[column])
    return sa.select(*(kept if c.name == column else c for c in base.c)).select_from(joined)


def people(
    bench: Workbench, contacts: Source, segments: tuple[Segment, ...], identities: sa.TableClause | None
) -> sa.FromClause:
    """A working table of one numbered row per contact: account, score, segments. Of several the first created is it.

    `merged` is 1 for those that are another contact now.
    """
    rows = sa.select(
        contacts["contact_id"].label("contact_id"),
        filled(contacts["account_id"]).label("account_id"),
        contacts["created_at"].label("created_at"),
        contacts["lead_score"].label("score"),
        *(value_of(contacts, s).label(s.column) for s in segments),
    ).where(sa.not_(blank(contacts["contact_id"])))

    def single(c: sa.ColumnCollection) -> tuple[list[sa.ColumnElement], list[sa.ColumnElement]]:
        rest = [x for x in c if x.name not in ("contact_id", "created_at")]
        order = [bytewise(x) if isinstance(x.type, sa.Text) else x for x in (c.created_at, *rest)]
        return [c.contact_id], [x.asc().nulls_last() for x in order]

    one = first_of_each(bench, "contacts", rows, lambda c: fingerprint(c.contact_id), single).subquery("one")
    digest = fingerprint(*(c for c in one.c if c.name != "created_at")).label("digest")
    source: sa.FromClause = one
    merged: sa.ColumnElement = sa.literal_column("0")
    if identities is not None:
        source = one.outerjoin(identities, identities.c.merged_id == one.c.contact_id)
        merged = sa.case((identities.c.surviving_id.is_not(None), 1), else_=0)
    told = sa.select(one, digest, merged.label("merged")).select_from(source)
    return bench.numbered("people", "n", PEOPLE | segment_columns(segments), told)


def mentioned(
    bench: Workbench, rows: Sequence[sa.Select | sa.CompoundSelect], identities: sa.TableClause | None
) -> sa.FromClause:
    """Where no contacts are given: a numbered row for everybody whom the rows name, by the surviving id."""
    named = sa.union_all(*(sa.select(r.subquery().c.contact_id) for r in rows)).subquery()
    ids = folded(sa.select(named.c.contact_id), "contact_id", identities).distinct().subquery()
    c = ids.c.contact_id
    absent = (sa.cast(sa.null(), type_of(PEOPLE[name])).label(name) for name in ("account_id", "created_at", "score"))
    itself: sa.Label = sa.literal_column("0").label("merged")
    known = sa.select(c, *absent, itself, fingerprint(c).label("digest")).where(sa.not_(blank(c)))
    return bench.numbered("people", "n", PEOPLE, known)


def first_contacts(people: sa.FromClause, accounts: sa.Select) -> sa.Subquery:
    """The first contact of each of these accounts: the earliest created, then the bytewise smallest id.

    One that was merged into another speaks only where no other is left.
    """
    order = [people.c.merged, people.c.created_at.asc().nulls_last(), bytewise(people.c.contact_id)]
    nth = sa.func.row_number().over(partition_by=people.c.account_id, order_by=order).label("nth")
    rows = sa.select(people.c.account_id, people.c.contact_id, nth).where(people.c.account_id.in_(accounts)).subquery()
    return sa.select(rows.c.account_id, rows.c.contact_id).where(rows.c.nth == 1).subquery("first_contacts")


def owned(source: Source, people: sa.FromClause | None, **columns: sa.ColumnElement) -> sa.Select:
    """`columns` of a source's rows and `contact_id`, who they belong to: their contact, else their account's first."""
    named = [c.label(name) for name, c in columns.items()]
    if people is None or not source.has("account_id"):
        return sa.select(source["contact_id"].label("contact_id"), *named).select_from(source.table)
    alone = sa.select(source["account_id"]).select_from(source.table).where(source["contact_id"].is_(None))
    first = first_contacts(people, alone)
    who = sa.func.coalesce(source["contact_id"], first.c.contact_id).label("contact_id")
    joined = source.table.outerjoin(
        first, sa.and_(first.c.account_id == source["account_id"], source["contact_id"].is_(None))
    )
    return sa.select(who, *named).select_from(joined)
