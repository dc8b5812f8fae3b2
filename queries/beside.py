"""Two models beside each other: the stages of the same entities in both, as counts."""

from __future__ import annotations

import math

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.correspondence import Cell, Correspondence
from lifecycle.scope import Scope
from lifecycle.stages import StageModel
from queries import modelled
from queries.definitions import UNITS, staying
from queries.dialect import filled, fingerprint
from queries.errors import WarehouseError
from queries.modelled import Modelled

SAMPLED = 2_000_000  # journeys: of more, a sample of the entities tells the same in time


def correspondence(m: Modelled, scope: Scope, other: StageModel, position: str) -> Correspondence:
    """Entities of two built models by their stages in each at as_of; the period does not matter.

    `position`: furthest (all stages entered so far, in any journey) or current. An entity is taken when a journey of
    it in either model matches the filters. Models of accounts and of contacts meet at contacts. Of very many entities
    one in `one_in` is taken, the same in both models. Raises WarehouseError where the other model was not built, and
    for deals beside contacts or accounts.
    """
    n = modelled.latest(m.warehouse, other)
    grains = {m.model.entity, n.model.entity}
    if "deal" in grains and len(grains) > 1:
        raise WarehouseError(
            "missing", "A model of deals cannot stand beside this one.", "Choose a model of the same entity."
        )
    unit = "contact" if len(grains) > 1 else m.model.entity
    one_in = max(1, *(math.ceil(side.build.counts["journeys"] / SAMPLED) for side in (m, n)))
    here, there = (_marks(side, scope, position, name) for side, name in ((m, "here"), (n, "there")))
    none_here, none_there = ([_number(0).label(mark.name) for mark in marks] for marks in (here, there))
    either = sa.union_all(
        _rows(m, scope, position, unit, [*here, *none_there]), _rows(n, scope, position, unit, [*none_here, *there])
    ).subquery("either")
    entities = sa.select(_sum_of(either, here).label("here"), _sum_of(either, there).label("there"))
    entities = entities.group_by(either.c.entity_id).having(sa.func.max(either.c.matches) == 1)
    if one_in > 1:
        entities = entities.where(sa.func.mod(fingerprint(either.c.entity_id), _number(one_in)) == 0)
    e = entities.subquery("entities").c
    statement = sa.select(e.here, e.there, sa.func.count().label("n")).where(e.here + e.there > 0)
    schema = pa.schema([(name, pa.int64()) for name in ("here", "there", "n")])
    table, rendered = m.ask(statement.group_by(e.here, e.there), schema)
    cells = tuple(
        Cell(_named(m.model, position, row["here"]), _named(n.model, position, row["there"]), row["n"])
        for row in table.to_pylist()
    )
    return Correspondence(position, UNITS[unit], cells, one_in, (rendered,))


def places(model: StageModel, position: str) -> list[str]:
    """The stages that a position can be at: progress alone for the furthest, exits too for the current one."""
    return [s.key for s in (model.progress if position == "furthest" else (*model.progress, *model.exits))]


def _marks(m: Modelled, scope: Scope, position: str, name: str) -> list[sa.Label]:
    """A row's stages as powers of two: each in a column of its own, or the one it is in now in a single column."""
    powers = [(key, _number(2**i)) for i, key in enumerate(places(m.model, position))]
    if position == "current":
        return [sa.case(*((m.stays.c.stage == key, power) for key, power in powers), else_=_number(0)).label(name)]
    seen = [(m.journeys.c[f"{key}_at"] <= scope.as_of, power) for key, power in powers]
    return [sa.case(entered, else_=_number(0)).label(f"{name}{i}") for i, entered in enumerate(seen)]


def _rows(m: Modelled, scope: Scope, position: str, unit: str, marks: list[sa.Label]) -> sa.Select:
    """Rows of entities of `unit` with these marks, and whether they match the filters; of one entity maybe several."""
    rows = m.journeys if position == "furthest" else m.stays
    matching = m.filtered(rows, scope.filters)
    matches = sa.case((sa.and_(*matching), _number(1)), else_=_number(0)) if matching else _number(1)
    where = staying(m, scope) if position == "current" else []
    contacts = m.sources.get("contacts")
    if m.model.entity == unit or contacts is None:  # without contacts, every contact is an account of its own
        return sa.select(rows.c.entity_id, matches.label("matches"), *marks).where(*where)
    id_ = contacts["contact_id"]
    account = sa.func.coalesce(filled(contacts["account_id"]), id_)
    where.append(id_.is_not(None))
    if merges := m.sources.get("contact_merges"):
        gone = sa.select(merges["merged_id"]).select_from(merges.table).where(merges["merged_id"].is_not(None))
        where.append(id_.not_in(gone))
    joined = contacts.table.join(rows, account == rows.c.entity_id)
    return sa.select(id_.label("entity_id"), matches.label("matches"), *marks).select_from(joined).where(*where)


def _sum_of(either: sa.Subquery, marks: list[sa.Label]) -> sa.ColumnElement:
    """All stages that any row of an entity is marked with, as one number."""
    return sum((sa.func.max(either.c[mark.name]) for mark in marks), start=_number(0))


def _number(n: int) -> sa.ColumnElement:
    return sa.literal_column(str(n), sa.BigInteger())


def _named(model: StageModel, position: str, stages: int) -> tuple[str, ...]:
    return tuple(key for i, key in enumerate(places(model, position)) if stages & 2**i)
