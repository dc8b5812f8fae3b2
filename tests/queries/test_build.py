"""Builds on three engines hold exactly what the reference derives, row by row."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle.stages import StageModel
from lifecycle.transitions import Derivation
from queries import modelled
from queries.build import build
from queries.builds import Build
from queries.modelled import Modelled
from queries.warehouse import Warehouse
from tests.engines import Engine
from tests.queries import reference
from tests.queries.worlds import MODELS, OTHERS, World, invent, mutate

sa_all = "entity_id journey seq stage entered_at exited_at next_stage move reason competitor actor lead_score by_fact"


def put(engine: Engine, warehouse: Warehouse, world: World) -> None:
    for name, rows in world.tables().items():
        engine.put(warehouse, name, rows)


def rows_of(warehouse: Warehouse, table: Any) -> list[dict[str, Any]]:
    """All rows of a modelled table, with instants as Python has them."""
    return [{k: _plain(v) for k, v in row.items()} for row in warehouse.query(table.select()).to_pylist()]


def _plain(value: Any) -> Any:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def check(warehouse: Warehouse, world: World, model: StageModel, made: Build) -> None:
    """The modelled tables of a build against the reference."""
    bound = made.loaded_at + timedelta(hours=24)
    derivation = reference.derived(world, model, bound)
    found = Modelled(warehouse, model, made)
    check_stays(rows_of(warehouse, found.stays), derivation)
    check_journeys(rows_of(warehouse, found.journeys), made, world, model, derivation)
    problems = Counter((r["contact_id"], r["raw"], r["at"], r["problem"]) for r in rows_of(warehouse, found.quarantine))
    assert problems == Counter((e.contact_id, e.fact or e.raw, e.at, why) for e, why in derivation.quarantined)
    assert {k: made.counts[k] for k in derivation.counts} == derivation.counts
    deals = {r["deal_id"]: (r["entity_id"], r["journey"]) for r in rows_of(warehouse, found.deals)}
    assert deals == reference.deals(world, model, derivation)


def check_stays(stays: list[dict[str, Any]], derivation: Derivation) -> None:
    names = [*sa_all.split(), "after_other"]
    found = sorted(([s[n] for n in names] for s in stays), key=lambda s: (s[0], s[2]))
    wanted = sorted(([getattr(e, n) for n in names] for e in derivation.entries), key=lambda s: (s[0], s[2]))
    assert found == wanted


def check_journeys(
    journeys: list[dict[str, Any]], made: Build, world: World, model: StageModel, derivation: Derivation
) -> None:
    wanted = {}
    numbers = Counter(j.entity_id for j in derivation.journeys)
    columns = {s.name: s.column for s in made.segments}
    for j in derivation.journeys:
        row: dict[str, Any] = {
            name: getattr(j, name)
            for name in ("started_at", "started_by", "exit_stage", "exited_at", "exit_reason", "current_stage")
        }
        row |= {"furthest": j.furthest, "in_order": j.in_order, "n_journeys": numbers[j.entity_id]}
        for stage in model.progress:
            row[f"{stage.key}_at"] = j.own.get(stage.key)
            row[f"{stage.key}_passed_at"] = j.passed.get(stage.key)
        told = reference.segments(world, model, j)
        row |= {columns[name]: told[name] for name in ("plan", "vip", "seats") if name in columns}
        wanted[j.entity_id, j.journey] = row | {"score": told["score"]}
    found = {(j["entity_id"], j["journey"]): j for j in journeys}
    assert found.keys() == wanted.keys()
    assert len(journeys) == len(found)
    for key, row in wanted.items():
        assert {name: found[key][name] for name in row} == row


@pytest.mark.parametrize("name", MODELS)
def test_many_random_companies_equal_the_reference(engine: Engine, name: str):
    for seed in range(3):
        world = invent(Random(seed), groups=120)
        warehouse = engine.open()
        put(engine, warehouse, world)
        check(warehouse, world, MODELS[name], build(warehouse, MODELS[name], OTHERS))
        warehouse.close()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(MODELS)), st.randoms(use_true_random=False))
def test_a_random_company_equals_the_reference(engine: Engine, name: str, random: Random):
    world = invent(random)
    warehouse = engine.open()
    put(engine, warehouse, world)
    check(warehouse, world, MODELS[name], build(warehouse, MODELS[name], OTHERS))
    warehouse.close()


def tables(warehouse: Warehouse, model: StageModel) -> dict[str, Counter]:
    found = modelled.latest(warehouse, model)
    kinds = {"stays": found.stays, "journeys": found.journeys, "quarantine": found.quarantine, "deals": found.deals}
    return {kind: Counter(tuple(r.items()) for r in rows_of(warehouse, t)) for kind, t in kinds.items()}


@pytest.mark.parametrize("name", MODELS)
def test_an_incremental_build_equals_a_full_one(engine: Engine, name: str):
    model, random = MODELS[name], Random(name)
    for _ in range(4):
        world = invent(random, groups=10)
        warehouse = engine.open()
        put(engine, warehouse, world)
        build(warehouse, model, OTHERS)
        for _ in range(3):
            world = mutate(random, world)
            put(engine, warehouse, world)
            build(warehouse, model, OTHERS)
            incremental = tables(warehouse, model)
            made = build(warehouse, model, OTHERS, full=True)
            assert incremental == tables(warehouse, model)
            check(warehouse, world, model, made)
        warehouse.close()
