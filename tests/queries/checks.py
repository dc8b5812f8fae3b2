"""A build of a small company against the reference, row by row."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from lifecycle.stages import StageModel
from lifecycle.transitions import Derivation, Entry, Journey
from queries.builds import Build
from queries.modelled import Modelled, latest
from queries.warehouse import Warehouse
from tests.engines import Engine
from tests.queries import reference
from tests.queries.worlds import World

ENTRY = (
    *("journey", "stage", "entered_at", "exited_at", "next_stage", "move", "reason", "competitor", "actor"),
    *("lead_score", "by_fact", "after_other"),
)
JOURNEY = (
    "started_at",
    "started_by",
    "exit_stage",
    "exited_at",
    "exit_reason",
    "current_stage",
    "furthest",
    "in_order",
)
SEGMENTS = ("plan", "vip", "seats")
Row = dict[str, Any]


def put(engine: Engine, warehouse: Warehouse, world: World) -> None:
    """Makes the contract tables hold exactly what the company has."""
    for name, rows in world.tables().items():
        engine.put(warehouse, name, rows)


def rows_of(warehouse: Warehouse, table: sa.TableClause) -> list[Row]:
    """All rows of a modelled table, instants without a zone."""
    rows = warehouse.query(sa.select(table)).to_pylist()
    return [{k: v.replace(tzinfo=None) if isinstance(v, datetime) else v for k, v in row.items()} for row in rows]


def contents(warehouse: Warehouse, model: StageModel) -> dict[str, Counter]:
    """Every modelled table of the newest build, as a bag of rows."""
    found = latest(warehouse, model)
    tables = {"stays": found.stays, "journeys": found.journeys, "quarantine": found.quarantine, "deals": found.deals}
    return {name: Counter(tuple(r.items()) for r in rows_of(warehouse, table)) for name, table in tables.items()}


def check(warehouse: Warehouse, world: World, model: StageModel, made: Build) -> None:
    """Holds stays, journeys, quarantine, deals and counts of a build to the reference."""
    derivation = reference.derived(world, model, made.loaded_at + timedelta(hours=24))
    found = Modelled(warehouse, model, made)
    check_stays(rows_of(warehouse, found.stays), derivation.entries)
    check_journeys(rows_of(warehouse, found.journeys), made, world, model, derivation.journeys)
    check_quarantine(rows_of(warehouse, found.quarantine), derivation)
    assert {name: made.counts[name] for name in derivation.counts} == derivation.counts
    deals = {r["deal_id"]: (r["entity_id"], r["journey"]) for r in rows_of(warehouse, found.deals)}
    assert deals == reference.deals(world, model, derivation)


def check_stays(stays: list[Row], entries: list[Entry]) -> None:
    wanted = {(e.entity_id, e.seq): {name: getattr(e, name) for name in ENTRY} for e in entries}
    found = {(s["entity_id"], s["seq"]): {name: s[name] for name in ENTRY} for s in stays}
    assert len(stays) == len(found)
    assert found == wanted
    before = {(e.entity_id, e.exited_at, e.next_stage): e.stage for e in entries if e.next_stage}
    for s in stays:
        assert s["move"] == "repeat" or s["from_stage"] == before.get((s["entity_id"], s["entered_at"], s["stage"]))


def check_journeys(rows: list[Row], made: Build, world: World, model: StageModel, journeys: list[Journey]) -> None:
    n_journeys = Counter(j.entity_id for j in journeys)
    columns = {s.name: s.column for s in made.segments}
    found = {(r["entity_id"], r["journey"]): r for r in rows}
    assert len(rows) == len(found)
    assert found.keys() == {(j.entity_id, j.journey) for j in journeys}
    describe = reference.describer(world, model)
    for j in journeys:
        wanted: Row = {name: getattr(j, name) for name in JOURNEY} | {"n_journeys": n_journeys[j.entity_id]}
        wanted |= {f"{s.key}_at": j.own.get(s.key) for s in model.progress}
        wanted |= {f"{s.key}_passed_at": j.passed.get(s.key) for s in model.progress}
        told = describe(j)
        wanted |= {columns[name]: told[name] for name in SEGMENTS if name in columns} | {"score": told["score"]}
        row = found[j.entity_id, j.journey]
        assert {name: row[name] for name in wanted} == wanted


def check_quarantine(rows: list[Row], derivation: Derivation) -> None:
    found = Counter((r["contact_id"], r["raw"], r["at"], r["event_id"], r["problem"]) for r in rows)
    wanted = Counter(
        (e.contact_id, e.fact or e.raw, e.at, e.event_id or None, why) for e, why in derivation.quarantined
    )
    assert found == wanted
