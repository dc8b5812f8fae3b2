"""Builds on three engines hold exactly what the reference derives, row by row."""

from __future__ import annotations

from datetime import datetime
from random import Random

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle.simulate import simulate
from lifecycle.stages import load_model, shipped_models
from queries.build import build
from queries.errors import WarehouseError
from tests.engines import DuckDB, Engine
from tests.queries.checks import check, contents, put
from tests.queries.worlds import MODELS, OTHERS, SCHEMAS, T0, Row, World, invent

NAIVE = pa.timestamp("us")


@pytest.mark.parametrize("name", MODELS)
def test_random_companies_equal_the_reference(engine: Engine, name: str):
    world, warehouse = invent(Random(name), groups=150), engine.open()
    put(engine, warehouse, world)
    check(warehouse, world, MODELS[name], build(warehouse, MODELS[name], OTHERS))
    warehouse.close()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(MODELS)), st.randoms(use_true_random=False))
def test_a_small_random_company_equals_the_reference(name: str, random: Random):
    """The same on one engine, company by company, so that a difference is shown by the smallest."""
    engine, world = DuckDB(), invent(random)
    warehouse = engine.open()
    put(engine, warehouse, world)
    check(warehouse, world, MODELS[name], build(warehouse, MODELS[name], OTHERS))
    warehouse.close()


def test_the_invented_company_equals_the_reference_under_every_model(engine: Engine):
    tables: dict[str, list[pa.Table]] = {}
    for batch in simulate(1_000, seed=5, as_of=datetime(2026, 6, 30)):
        for name, rows in batch.items():
            tables.setdefault(name, []).append(rows)
    whole = {name: pa.concat_tables(parts) for name, parts in tables.items()}
    world, warehouse = World({name: rows.to_pylist() for name, rows in whole.items()}), engine.open()
    for name, rows in whole.items():
        engine.put(warehouse, name, rows)
    for model in shipped_models().values():
        check(warehouse, world, model, build(warehouse, model, OTHERS))
    warehouse.close()


def test_one_column_per_stage_says_the_same_as_one_row_per_stage(engine: Engine):
    model = load_model("inbound")
    days = [T0.replace(day=d) for d in (1, 3, 5)]
    entered = {"date_entered_lead": days[0], "mql_at": days[1], "Closed won": None}
    wide = pa.Table.from_pylist([{"contact_id": "ann", **entered}], _typed("contact_id", *entered))
    long = [{"contact_id": "ann", "stage": s, "entered_at": d} for s, d in (("Lead", days[0]), ("MQL", days[1]))]
    found = []
    for name, rows in (("stage_dates", wide), ("stage_events", World({"stage_events": long}).tables()["stage_events"])):
        warehouse = engine.open()
        engine.put(warehouse, name, rows)
        build(warehouse, model, OTHERS)
        found.append(contents(warehouse, model))
        warehouse.close()
    assert found[0] == found[1]
    assert sum(found[0]["stays"].values()) == 2


def test_a_flag_that_history_tells_need_not_stand_today(engine: Engine):
    """Nobody is a VIP any more, but somebody was when the journey started."""
    rows: dict[str, list[Row]] = {
        "stage_events": [{"contact_id": who, "stage": "Lead", "entered_at": T0.replace(day=9)} for who in "ab"],
        "contacts": [{"contact_id": who, "vip": False} for who in "ab"],
        "contact_history": [{"contact_id": "a", "column": "vip", "value": "true", "valid_from": T0.replace(day=1)}],
    }
    world = World({name: [dict.fromkeys(SCHEMAS[name]) | row for row in given] for name, given in rows.items()})
    warehouse = engine.open()
    put(engine, warehouse, world)
    built = build(warehouse, MODELS["crm"], OTHERS)
    check(warehouse, world, MODELS["crm"], built)
    (vip,) = (s for s in built.segments if s.name == "vip")
    assert set(vip.values) == {"true", "false"}
    warehouse.close()


def _typed(text: str, *instants: str) -> pa.Schema:
    return pa.schema([(text, pa.string()), *((name, NAIVE) for name in instants)])


def test_a_warehouse_without_events_says_what_to_add(engine: Engine):
    warehouse = engine.open()
    with pytest.raises(WarehouseError, match="stage_events") as told:
        build(warehouse, MODELS["crm"], OTHERS)
    assert told.value.kind == "missing_table"
    with pytest.raises(WarehouseError, match="deal_stage_events"):
        build(warehouse, MODELS["pipeline"], OTHERS)
    warehouse.close()


def test_events_alone_are_enough(engine: Engine):
    world = World({"stage_events": invent(Random(3), groups=20).rows["stage_events"]})
    warehouse = engine.open()
    put(engine, warehouse, world)
    for name in ("crm", "discovery", "rolled_up"):
        check(warehouse, world, MODELS[name], build(warehouse, MODELS[name], OTHERS))
    warehouse.close()
