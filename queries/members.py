"""Who one entity is: the contacts it is made of, the ids merged into them, and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.history import Person
from lifecycle.privacy import masked
from queries.belonging import folded, left_over
from queries.contract import Source, is_personal
from queries.dialect import bytewise
from queries.modelled import Modelled
from queries.warehouse import Rendered

MOST_PEOPLE = 200  # contacts of one account whose history is told
OWN = ("account_id", "owner", "lead_score")  # columns of the contract that say something of a contact
ID = pa.schema([("id", pa.string())])
PAIR = pa.schema([("merged_id", pa.string()), ("surviving_id", pa.string())])


@dataclass(frozen=True)
class Members:
    """An entity's contacts and their number in all, its account and its deal where it has or is one."""

    people: tuple[Person, ...]
    n_people: int
    account_id: str | None = None
    deal_id: str | None = None
    statements: tuple[Rendered, ...] = ()

    @property
    def ids(self) -> list[str]:
        """Every id under which rows may name these contacts."""
        return [name for person in self.people for name in (person.contact_id, *person.merged)]


def members(m: Modelled, entity_id: str) -> Members:
    """The contacts of an entity: itself, those of the account (the first by id, if they are very many), or the deal's.

    What is personal is masked unless the settings show it.
    """
    if m.model.entity == "deal":
        ids, account, asked = _of_deal(m, entity_id)
    elif m.model.entity == "account" and (found := _of_account(m, entity_id))[0]:
        ids, asked = found
        account = entity_id
    else:
        ids, account, asked = [entity_id], None, ()
    shown = ids[:MOST_PEOPLE]
    merged, merging = merged_into(m, shown)
    known, telling = facts(m, shown)
    people = tuple(Person(i, known.get(i, {}), tuple(merged.get(i, ()))) for i in shown)
    deal = entity_id if m.model.entity == "deal" else None
    return Members(people, len(ids), account, deal, (*asked, *merging, *telling))


def _of_account(m: Modelled, account_id: str) -> tuple[list[str], tuple[Rendered, ...]]:
    contacts = m.sources.get("contacts")
    if contacts is None or not contacts.has("account_id"):
        return [], ()
    who = left_over(m, contacts, [account_id]).c.contact_id
    table, rendered = m.ask(sa.select(who).order_by(bytewise(who)), ID)
    return table.column("id").to_pylist(), (rendered,)


def _of_deal(m: Modelled, deal_id: str) -> tuple[list[str], str | None, tuple[Rendered, ...]]:
    deals = m.sources.get("deals")
    if deals is None:
        return [], None, ()
    statement = sa.select(deals["contact_id"], deals["account_id"]).where(deals["deal_id"] == deal_id)
    rows, rendered = m.ask(
        statement.order_by(deals["created_at"].asc().nulls_last(), bytewise(deals["contact_id"])).limit(1),
        pa.schema([("contact_id", pa.string()), ("account_id", pa.string())]),
    )
    if not rows.num_rows:
        return [], None, (rendered,)
    contact, account = rows.to_pylist()[0].values()
    gone, merging = survivors(m, [contact] if contact else [])
    return [gone.get(contact, contact)] if contact else [], account or None, (rendered, *merging)


def merged_into(m: Modelled, ids: list[str]) -> tuple[dict[str, list[str]], tuple[Rendered, ...]]:
    """Of each of these contacts, the ids whose merges end at it."""
    pairs = _merges(m)
    if pairs is None:
        return {}, ()
    p = pairs.c
    where = [p.surviving_id.in_(ids), p.merged_id != p.surviving_id]
    table, rendered = m.ask(sa.select(p.merged_id, p.surviving_id).where(*where).order_by(bytewise(p.merged_id)), PAIR)
    out: dict[str, list[str]] = {}
    for merged, surviving in zip(*(column.to_pylist() for column in table.columns), strict=True):
        out.setdefault(surviving, []).append(merged)
    return out, (rendered,)


def survivors(m: Modelled, ids: list[str]) -> tuple[dict[str, str], tuple[Rendered, ...]]:
    """Of those of these ids that were merged, the id at the end of the chain; in a circle the id itself."""
    pairs = _merges(m)
    if pairs is None or not ids:
        return {}, ()
    table, rendered = m.ask(sa.select(pairs.c.merged_id, pairs.c.surviving_id).where(pairs.c.merged_id.in_(ids)), PAIR)
    return dict(zip(*(column.to_pylist() for column in table.columns), strict=True)), (rendered,)


def _merges(m: Modelled) -> sa.Subquery | None:
    """Every merged id with the one that survived at the end of its chain."""
    merges = m.sources.get("contact_merges")
    if merges is None:
        return None
    merged = merges["merged_id"]
    twice = sa.select(merged.label("merged_id"), merged.label("surviving_id")).where(merged.is_not(None)).distinct()
    return folded(m, twice, "surviving_id")


def facts(m: Modelled, ids: list[str]) -> tuple[dict[str, dict[str, str]], tuple[Rendered, ...]]:
    """The contacts' own rows in words, of several of one the first created; what is not set is left out."""
    source = m.sources.get("contacts")
    if source is None or not ids:
        return {}, ()
    settings, names = m.warehouse.settings, _told(source)
    values = [source[n] if source.has(n) else source.column(n) for n in names]
    columns = [sa.cast(value, sa.Text()).label(f"c{i}") for i, value in enumerate(values)]
    who = source["contact_id"].label("contact_id")
    statement = sa.select(who, *columns).select_from(source.table).where(who.in_(ids))
    order = [source["created_at"].asc().nulls_last(), *(bytewise(c).asc().nulls_last() for c in columns)]
    shape = pa.schema([("contact_id", pa.string()), *((c.name, pa.string()) for c in columns)])
    table, rendered = m.ask(statement.order_by(*order), shape)
    out: dict[str, dict[str, str]] = {}
    for row in table.to_pylist():
        told = zip(names, list(row.values())[1:], strict=True)
        hidden = {n for n in names if is_personal(n, settings) and not settings.personal_data}
        out.setdefault(row["contact_id"], {n: masked(v) if n in hidden else v for n, v in told if v is not None})
    return out, (rendered,)


def _told(contacts: Source) -> list[str]:
    """The columns that say something of a contact, the contract's first."""
    return [*(n for n in ("created_at", *OWN) if contacts.has(n)), *contacts.extra]
