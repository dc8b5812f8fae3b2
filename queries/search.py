"""Finding one contact, account or deal by its id or, where the settings show personal data, by what is personal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.links import clean
from lifecycle.scope import Scope
from queries import workbench
from queries.belonging import account_of, first_contacts, left_over
from queries.contract import TEXT, Source, is_personal
from queries.dialect import blank, bytewise, lowered, text_position
from queries.members import facts, survivors
from queries.modelled import Modelled
from queries.warehouse import Rendered

MOST = 50  # matches that are listed
SHORTEST = 2  # characters of a search, below which everything would match
IDS = pa.schema([("id", pa.string()), ("place", pa.int64()), ("total", pa.int64())])
STATE = pa.schema(
    [("entity_id", pa.string()), ("journey", pa.int64()), ("stage", pa.string()), ("entered_at", pa.timestamp("us"))]
)
FIRSTS = pa.schema([("account_id", pa.string()), ("contact_id", pa.string()), ("n", pa.int64())])
LOST = ("orphan", "merge_cycle")  # why rows name nobody who is known; their ids can be found all the same

Fits = Callable[[sa.ColumnElement], sa.ColumnElement]


@dataclass(frozen=True)
class Match:
    """An entity that fits: the stage it is in at the cut-off, since when, and in which journey; None without any.

    `about`: what is known of its first contact. `n_people`: how many contacts it has. `merged_into`: it is another now.
    """

    entity_id: str
    about: tuple[tuple[str, str], ...] = ()
    n_people: int = 1
    stage: str | None = None
    since: datetime | None = None
    journey: int | None = None
    merged_into: str | None = None


@dataclass(frozen=True)
class Matches:
    """The best matches, and how many there are in all."""

    found: tuple[Match, ...]
    total: int
    statements: tuple[Rendered, ...] = ()


def find(m: Modelled, scope: Scope, text: str) -> Matches:
    """Entities whose id holds `text`, or that of a contact, an account or, where personal data is shown, a name,
    e-mail address or telephone number of a contact. Equal ids come first, then those that begin so.

    Case and surrounding blanks do not matter. Nothing matches a text of fewer than two characters.
    """
    wanted = clean(text).strip().lower()
    if len(wanted) < SHORTEST:
        return Matches((), 0)
    hits = _hits(m, lambda column: text_position(lowered(column), sa.literal(wanted)))
    best = sa.func.min(hits.c.place).label("place")
    each = sa.select(hits.c.id, best).where(hits.c.place > 0).group_by(hits.c.id).subquery("each").c
    exact = sa.case((lowered(each.id) == wanted, 0), else_=1)
    statement = sa.select(each.id, each.place, sa.func.count().over().label("total"))
    table, rendered = m.ask(statement.order_by(exact, each.place, bytewise(each.id)).limit(MOST), IDS)
    ids = table.column("id").to_pylist()
    matches, asked = _described(m, scope, ids)
    return Matches(matches, table.column("total")[0].as_py() if ids else 0, (rendered, *asked))


def named(m: Modelled, scope: Scope, entity_id: str) -> Matches:
    """What exactly this id stands for: an entity; of a merged contact the one that survived; of a contact its account
    or its deals; of an account its contacts, where these move by themselves. Nothing where the id is unknown.
    """
    gone, merging = survivors(m, [entity_id]) if m.model.entity != "deal" else ({}, ())
    wanted = gone.get(entity_id, entity_id)
    hits = _hits(m, lambda column: sa.case((column == wanted, 1), else_=0))
    exact = sa.case((hits.c.id == wanted, 0), else_=1).label("place")
    distinct = sa.select(hits.c.id, exact).where(hits.c.place == 1).distinct().subquery("each").c
    statement = sa.select(distinct.id, distinct.place, sa.func.count().over().label("total"))
    table, rendered = m.ask(statement.order_by(distinct.place, bytewise(distinct.id)).limit(MOST), IDS)
    ids = table.column("id").to_pylist()
    own = [wanted] if wanted in ids else ids
    matches, asked = _described(m, scope, own)
    total = table.column("total")[0].as_py() if len(own) > 1 else len(own)
    return Matches(matches, total, (*merging, rendered, *asked))


def _hits(m: Modelled, fits: Fits) -> sa.Subquery:
    """The ids of entities with the place at which what was asked for stands in one of their columns; 0: in none."""
    model, sources = m.model, m.sources
    moved = workbench.table(m.warehouse, m.build.table("entities"), {"entity_id": str}).c.entity_id
    q = m.quarantine.c
    parts = [_part(moved, fits(moved))]
    contacts, deals = sources.get("contacts"), sources.get("deals")
    lost = q.problem.in_(LOST) if contacts is not None or deals is not None else q.problem.is_not(None)
    parts.append(_part(q.contact_id, fits(q.contact_id)).where(lost, sa.not_(blank(q.contact_id))))
    if model.entity == "deal" and deals is not None:
        columns = [deals["deal_id"], deals["contact_id"], deals["account_id"]]
        parts.append(_part(deals["deal_id"], _first(fits, columns)).select_from(deals.table))
    elif model.entity != "deal" and contacts is not None:
        contact = contacts["contact_id"]
        id_ = sa.func.coalesce(account_of(contacts), contact) if model.entity == "account" else contact
        columns = [contact, account_of(contacts), *_personal(m, contacts)]
        parts.append(_part(id_, _first(fits, columns)).select_from(contacts.table))
    if model.entity != "deal" and (merges := sources.get("contact_merges")):
        parts.append(_part(merges["merged_id"], fits(merges["merged_id"])).select_from(merges.table))
    every = sa.union_all(*parts).subquery("every")
    return sa.select(every).where(every.c.id.is_not(None)).subquery("hits")


def _part(id_: sa.ColumnElement, place: sa.ColumnElement) -> sa.Select:
    return sa.select(id_.label("id"), sa.cast(place, sa.BigInteger()).label("place"))


def _first(fits: Fits, columns: list[sa.ColumnElement]) -> sa.ColumnElement:
    """The place in the first of these columns that fits at all."""
    return sa.case(*((fits(column) > 0, fits(column)) for column in columns), else_=0)


def _personal(m: Modelled, contacts: Source) -> list[sa.ColumnElement]:
    """The personal columns of contacts that may be searched: none where they are masked."""
    settings = m.warehouse.settings
    names = [name for name, kind in contacts.extra.items() if kind == TEXT and is_personal(name, settings)]
    return [contacts.column(name) for name in names] if settings.personal_data else []


def _described(m: Modelled, scope: Scope, ids: list[str]) -> tuple[tuple[Match, ...], tuple[Rendered, ...]]:
    """These entities in the order given, with what is known of them and where they are."""
    if not ids:
        return (), ()
    s = m.stays.c
    nth = sa.func.row_number().over(partition_by=s.entity_id, order_by=s.seq.desc()).label("nth")
    entered = sa.select(s.entity_id, s.journey, s.stage, s.entered_at, nth).where(
        s.entity_id.in_(ids), s.move != "repeat", s.entered_at <= scope.as_of
    )
    c = entered.subquery("entered").c
    table, rendered = m.ask(sa.select(*(c[name] for name in STATE.names)).where(c.nth == 1), STATE)
    state = {row["entity_id"]: row for row in table.to_pylist()}
    gone, merging = survivors(m, ids) if m.model.entity != "deal" else ({}, ())
    firsts, joining = _firsts(m, ids)
    known, telling = facts(m, list({contact for contact, _ in firsts.values()}))
    out = []
    for id_ in ids:
        contact, n = firsts.get(id_, (id_, 1))
        at = state.get(id_, {})
        match = Match(id_, tuple(known.get(contact, {}).items()), n, at.get("stage"), at.get("entered_at"))
        out.append(replace(match, journey=at.get("journey"), merged_into=gone.get(id_)))
    return tuple(out), (rendered, *merging, *joining, *telling)


def _firsts(m: Modelled, ids: list[str]) -> tuple[dict[str, tuple[str, int]], tuple[Rendered, ...]]:
    """Of each entity a contact that speaks for it, and how many it has, those that were merged into others left out."""
    alone = {id_: (id_, 1) for id_ in ids}
    contacts = m.sources.get("contacts")
    if m.model.entity != "account" or contacts is None or not contacts.has("account_id"):
        return alone if m.model.entity != "deal" else {}, ()
    c = left_over(m, contacts, ids).c
    size = sa.select(c.account_id, sa.func.count().label("n")).group_by(c.account_id).subquery("sizes")
    first = first_contacts(m, contacts, ids)
    statement = sa.select(first, size.c.n).select_from(first.outerjoin(size, size.c.account_id == first.c.account_id))
    table, rendered = m.ask(statement, FIRSTS)
    found = {row["account_id"]: (row["contact_id"], row["n"] or 1) for row in table.to_pylist()}  # 1: itself alone
    return alone | found, (rendered,)
