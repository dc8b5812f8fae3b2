"""The anonymous top: daily counts beside entries of the same days, on every engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import pyarrow as pa
import pytest

from lifecycle.funnel import Ratio
from lifecycle.periods import Calendar
from lifecycle.scope import Scope
from lifecycle.segments import Choice
from lifecycle.stages import load_model
from queries.build import build
from queries.errors import WarehouseError
from queries.modelled import Modelled
from queries.traffic import top
from tests.engines import Engine

MODEL = load_model("inbound")
SCOPE = Scope(model="inbound", as_of=datetime(2026, 1, 5, 12), grain="day")
TRAFFIC = {
    "day": pa.array([date(2026, 1, d) for d in (1, 1, 2, 4, 5, 6)], pa.date32()),
    "source": ["ads", None, "ads", "ads", "ads", "ads"],
    "strangers": pa.array([1000.0, 500.0, 800.0, None, 100.0, 9.0]),
    "visitors": pa.array([50.0, 30.0, 40.0, 10.0, 20.0, 9.0]),
}
LEADS = {  # ann 1, bea 1, cy 2, dan 3 January; eve after the cut-off
    "contact_id": ["ann", "bea", "cy", "dan", "eve"],
    "stage": ["Lead", "MQL", "Lead", "Lead", "Lead"],
    "entered_at": pa.array([datetime(2026, 1, d, 3) for d in (1, 1, 2, 3, 9)], pa.timestamp("us")),
}
SOURCES = {"contact_id": LEADS["contact_id"], "source": ["ads", None, "ads", "ads", "ads"], "plan": ["free"] * 5}


@pytest.fixture
def m(engine: Engine) -> Iterator[Modelled]:
    warehouse = engine.open()
    for name, rows in (("stage_events", LEADS), ("contacts", SOURCES), ("traffic", TRAFFIC)):
        engine.put(warehouse, name, pa.table(rows))
    yield Modelled(warehouse, MODEL, build(warehouse, MODEL))
    warehouse.close()


def counts(m: Modelled, scope: Scope) -> dict[str, tuple[int, ...]]:
    return {level.label: level.counts for level in top(m, scope).levels}


def test_every_day_up_to_the_cut_off_has_its_counts(m: Modelled) -> None:
    found = top(m, SCOPE)
    assert found.periods == tuple(date(2026, 1, d) for d in range(1, 6))
    assert counts(m, SCOPE) == {
        "Stranger": (1500, 800, 0, 0, 100),
        "Visitor": (80, 40, 0, 10, 20),
        "Lead": (2, 1, 1, 0, 0),  # an MQL has been a lead too
    }
    visits, leads = found.ratios
    assert (visits.whole, leads.whole) == (Ratio(150, 2400), Ratio(4, 150))
    assert len(found.statements) == 2


def test_filters_period_and_grain_select_days_and_sources(m: Modelled) -> None:
    ads = replace(SCOPE, filters=(Choice("source", ("ads",)),))
    assert counts(m, ads)["Stranger"] == (1000, 800, 0, 0, 100)
    assert counts(m, ads)["Lead"] == (1, 1, 1, 0, 0)
    unknown = replace(SCOPE, filters=(Choice("source", (None,)),))
    assert counts(m, unknown)["Visitor"][0] == 30
    some = replace(SCOPE, start=date(2026, 1, 2), end=date(2026, 1, 4))
    assert counts(m, some) == {"Stranger": (800, 0), "Visitor": (40, 0), "Lead": (1, 1)}
    assert counts(m, replace(SCOPE, grain="month"))["Visitor"] == (150,)
    west = replace(SCOPE, calendar=Calendar("America/New_York"))
    assert counts(m, replace(west, start=date(2025, 12, 31)))["Lead"] == (2, 1, 1, 0, 0, 0)


def test_the_lowest_level_is_the_first_stage_that_is_counted(m: Modelled) -> None:
    chosen = replace(SCOPE, stages=("mql", "sql"), count="ordered")
    assert list(counts(m, chosen)) == ["Stranger", "Visitor", "MQL"]
    assert counts(m, chosen)["MQL"] == (1, 0, 0, 0, 0)


def test_a_filter_that_traffic_does_not_know_is_refused_by_name(m: Modelled) -> None:
    with pytest.raises(WarehouseError, match="Traffic is not recorded by plan") as problem:
        top(m, replace(SCOPE, filters=(Choice("plan", ("free",)),)))
    assert "Remove that filter" in problem.value.hint


def test_a_warehouse_without_traffic_says_how_to_add_it(engine: Engine) -> None:
    warehouse = engine.open()
    engine.put(warehouse, "stage_events", pa.table(LEADS))
    bare = Modelled(warehouse, MODEL, build(warehouse, MODEL))
    with pytest.raises(WarehouseError, match="strangers or visitors") as problem:
        top(bare, SCOPE)
    assert problem.value.kind == "missing_table" and "--traffic" in problem.value.hint
    warehouse.close()


def test_a_day_long_after_all_others_is_not_asked_for(m: Modelled) -> None:
    early = replace(SCOPE, as_of=SCOPE.as_of - timedelta(days=4))
    assert counts(m, early) == {"Stranger": (1500,), "Visitor": (80,), "Lead": (2,)}
