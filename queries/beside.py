"""Two models beside each other: the stages of the same entities in both, as counts."""

from __future__ import annotations

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.correspondence import Cell, Correspondence
from lifecycle.scope import Scope
from lifecycle.stages import StageModel
from queries import modelled
from queries.definitions import UNITS, staying
from queries.dialect import stripped
from queries.errors import WarehouseError
from queries.modelled import Modelled


def correspondence(m: Modelled, scope: Scope, other: StageModel, position: str) -> Correspondence:
    """Entities of two built models by their stages in each at as_of; the period does not matter.

    `position`: furthest (all stages entered so far, in any journey) or current. An entity is taken when a journey of
    it in either model matches the filters. Models of accounts and of contacts meet at contacts. Raises WarehouseError
    where the other model was not built, and for deals beside contacts or accounts.
    """
    n = modelled.latest(m.warehouse, other)
    grains = {m.model.entity, n.model.entity}
    if "deal" in grains and len(grains) > 1:
        raise WarehouseError(
            "missing", "A model of deals cannot stand beside this one.", "Choose a model of the same entity."
        )
    unit = "contact" if len(grains) > 1 else m.model.entity
    sides = [_stages(side, scope, position, unit) for side in (m, n)]
    here, there = (side.c for side in sides)
    zero = sa.literal_column("0", sa.BigInteger())
    c = (
        sa.union_all(
            sa.select(here.entity_id, here.stages.label("here"), zero.label("there"), here.matches),
            sa.select(there.entity_id, zero.label("here"), there.stages.label("there"), there.matches),
        )
        .subquery("in_either")
        .c
    )
    entities = (
        sa.select(sa.func.max(c.here).label("here"), sa.func.max(c.there).label("there"))
        .group_by(c.entity_id)
        .having(sa.func.max(c.matches) == 1, sa.func.max(c.here) + sa.func.max(c.there) > zero)
        .subquery("entities")
    )
    e = entities.c
    statement = sa.select(e.here, e.there, sa.func.count().label("n")).group_by(e.here, e.there)
    table, rendered = m.ask(statement, pa.schema([(name, pa.int64()) for name in ("here", "there", "n")]))
    cells = tuple(
        Cell(_named(m.model, position, row["here"]), _named(n.model, position, row["there"]), row["n"])
        for row in table.to_pylist()
    )
    return Correspondence(position, UNITS[unit], cells, (rendered,))


def places(model: StageModel, position: str) -> list[str]:
    """The stages that a position can be at: progress alone for the furthest, exits too for the current one."""
    return [s.key for s in (model.progress if position == "furthest" else (*model.progress, *model.exits))]


def _stages(m: Modelled, scope: Scope, position: str, unit: str) -> sa.Subquery:
    """Per entity of `unit`, its stages as a sum of powers of two, and whether a journey of it matches the filters."""
    table = m.journeys if position == "furthest" else m.stays
    keys, c = places(m.model, position), table.c
    zero: sa.ColumnElement = sa.literal_column("0", sa.BigInteger())
    matching = m.filtered(table, scope.filters)
    matches = sa.func.max(sa.case((sa.and_(*matching), 1), else_=0)) if matching else sa.literal_column("1")
    if position == "furthest":
        entered = [sa.case((c[f"{key}_at"] <= scope.as_of, _power(i)), else_=zero) for i, key in enumerate(keys)]
        flags = [sa.func.max(e) for e in entered]
        stages = sum(flags[1:], flags[0])
        grouped = sa.select(c.entity_id, stages.label("stages"), matches.label("matches")).group_by(c.entity_id)
    else:
        stages = sa.func.max(sa.case(*((c.stage == key, _power(i)) for i, key in enumerate(keys)), else_=zero))
        grouped = sa.select(c.entity_id, stages.label("stages"), matches.label("matches"))
        grouped = grouped.where(*staying(m, scope)).group_by(c.entity_id)
    rows = grouped.subquery(f"stages_{m.build.id}")
    contacts = m.sources.get("contacts")
    if m.model.entity == unit or contacts is None:  # without contacts, every contact is an account of its own
        return rows
    account = sa.case((stripped(contacts["account_id"]) != "", contacts["account_id"]), else_=contacts["contact_id"])
    people = sa.select(contacts["contact_id"].label("contact_id"), sa.func.min(account).label("account_id"))
    people = people.select_from(contacts.table).where(contacts["contact_id"].is_not(None))
    if merges := m.sources.get("contact_merges"):
        gone = sa.select(merges["merged_id"]).select_from(merges.table).where(merges["merged_id"].is_not(None))
        people = people.where(contacts["contact_id"].not_in(gone))
    who = people.group_by(contacts["contact_id"]).subquery("people")
    joined = rows.join(who, who.c.account_id == rows.c.entity_id)
    columns = [who.c.contact_id.label("entity_id"), rows.c.stages, rows.c.matches]
    return sa.select(*columns).select_from(joined).subquery(f"contacts_{m.build.id}")


def _power(i: int) -> sa.ColumnElement:
    return sa.literal_column(str(2**i), sa.BigInteger())


def _named(model: StageModel, position: str, stages: int) -> tuple[str, ...]:
    return tuple(key for i, key in enumerate(places(model, position)) if stages & 2**i)
