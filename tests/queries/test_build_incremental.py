"""A build of what changed holds the same as a build of everything."""

from __future__ import annotations

from random import Random

import pytest
import sqlalchemy as sa

from queries import carried, walk
from queries.build import build
from queries.modelled import Modelled
from queries.warehouse import Warehouse
from tests.engines import DuckDB, Engine
from tests.queries.checks import Row, check, contents, put
from tests.queries.worlds import MODELS, OTHERS, T0, World, invent, mutate


@pytest.mark.parametrize("name", MODELS)
def test_after_random_changes_an_incremental_build_equals_a_full_one(name: str):
    _holds(DuckDB(), name, rounds=3)


@pytest.mark.parametrize("name", ["crm", "rolled_up"])
def test_the_same_on_every_engine(engine: Engine, name: str):
    _holds(engine, name, rounds=1)


def _holds(engine: Engine, name: str, rounds: int) -> None:
    model, random = MODELS[name], Random(name)
    world, warehouse = invent(random, groups=25), engine.open()
    put(engine, warehouse, world)
    build(warehouse, model, OTHERS)
    for _ in range(rounds):
        world = mutate(random, world, times=6)
        put(engine, warehouse, world)
        made = build(warehouse, model, OTHERS)
        check(warehouse, world, model, made)
        incremental = contents(warehouse, model)
        build(warehouse, model, OTHERS, full=True)
        assert incremental == contents(warehouse, model)
    warehouse.close()


@pytest.mark.parametrize("name", ["crm", "rolled_up"])
def test_histories_taken_in_many_parts_equal_those_taken_whole(name: str, monkeypatch: pytest.MonkeyPatch):
    engine, world = DuckDB(), invent(Random(11), groups=60)
    warehouse = engine.open()
    put(engine, warehouse, world)
    build(warehouse, MODELS[name], OTHERS)
    whole = contents(warehouse, MODELS[name])
    monkeypatch.setattr(walk, "EVENTS_AT_ONCE", 40)
    build(warehouse, MODELS[name], OTHERS, full=True)
    assert contents(warehouse, MODELS[name]) == whole
    warehouse.close()


def test_only_entities_with_changed_rows_are_walked_again(monkeypatch: pytest.MonkeyPatch):
    engine, model, walked = DuckDB(), MODELS["crm"], []
    warehouse = engine.open()
    rows = [_entry(who, stage, day) for who in ("ann", "bob") for stage, day in (("Lead", 1), ("MQL", 3))]
    put(engine, warehouse, World({"stage_events": rows}))
    build(warehouse, model, OTHERS)
    put(engine, warehouse, World({"stage_events": [*rows, _entry("ann", "Closed won", 9)]}))
    parts = walk._parts
    monkeypatch.setattr(
        walk, "_parts", lambda bench, moments: walked.append(bench.count(moments)) or parts(bench, moments)
    )
    made = build(warehouse, model, OTHERS)
    assert walked == [3]
    assert (made.counts["used"], made.counts["journeys"]) == (5, 2)
    warehouse.close()


def test_rows_of_unchanged_entities_are_not_written_again_where_nobody_reads_them():
    engine, model = DuckDB(), MODELS["crm"]
    warehouse = engine.open()
    rows = [_entry(who, stage, day) for who in ("ann", "bob") for stage, day in (("Lead", 1), ("MQL", 3))]
    put(engine, warehouse, World({"stage_events": rows}))
    before = _places(warehouse, Modelled(warehouse, model, build(warehouse, model, OTHERS)))
    put(engine, warehouse, World({"stage_events": [*rows, _entry("ann", "Closed won", 9)]}))
    after = _places(warehouse, Modelled(warehouse, model, build(warehouse, model, OTHERS)))
    assert after["bob"] == before["bob"]
    assert not set(after["ann"]) & set(before["ann"])
    assert len(after["ann"]) == 3
    warehouse.close()


def _places(warehouse: Warehouse, found: Modelled) -> dict[str, list[int]]:
    """Where the stays of each entity lie in their table."""
    statement = sa.select(found.stays.c.entity_id, sa.column("rowid", sa.BigInteger())).order_by(sa.text("rowid"))
    places: dict[str, list[int]] = {}
    for row in warehouse.query(statement).to_pylist():
        places.setdefault(row["entity_id"], []).append(row["rowid"])
    return places


def test_once_too_many_journeys_lie_apart_all_is_built_anew(monkeypatch: pytest.MonkeyPatch):
    engine, model, apart = DuckDB(), MODELS["crm"], []
    warehouse, world = engine.open(), invent(Random(5), groups=25)
    monkeypatch.setattr(carried, "APART", 0)
    put(engine, warehouse, world)
    build(warehouse, model, OTHERS)
    for _ in range(6):
        world = mutate(Random(len(apart)), world, times=2)
        put(engine, warehouse, world)
        made = build(warehouse, model, OTHERS)
        check(warehouse, world, model, made)
        apart.append(made.counts["apart"])
    assert max(apart) > 0
    assert 0 in apart[apart.index(max(apart)) :]
    warehouse.close()


def _entry(who: str, stage: str, day: int) -> Row:
    return {"contact_id": who, "stage": stage, "entered_at": T0.replace(day=day)}
