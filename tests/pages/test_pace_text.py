"""Moves and velocity in the terminal: the pages' numbers, under documented names, as JSON can hold them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from lifecycle.scope import Scope
from lifecycle.stages import ModelError, shipped_models
from pages.ui import durations_text
from pages.ui.pace_text import as_table, ask
from queries.flow import stock_by_age
from queries.modelled import Modelled, latest
from queries.moves import moves
from queries.ready import OptionError
from queries.settings import load_settings
from queries.stalled import stalled
from queries.velocity import velocity
from queries.warehouse import open_warehouse


@pytest.fixture(scope="module")
def m(company: Path) -> Iterator[Modelled]:
    warehouse = open_warehouse(load_settings(warehouse=str(company)))
    yield latest(warehouse, shipped_models()["crm"])
    warehouse.close()


@pytest.fixture
def scope(m: Modelled) -> Scope:
    return Scope("crm", m.build.as_of, date(2025, 4, 1), date(2026, 4, 1), by="source", compare="previous")


def test_moves_are_those_of_the_page(m: Modelled, scope: Scope) -> None:
    answer, told = ask("moves", m, scope, {"from_stage": "mql", "to_stage": "opportunity"})
    found = moves(m, scope)
    whole = [row for row in told["rows"] if not row["segment"]]
    assert [(r["from"], r["to"], r["n"]) for r in whole] == [(t.start, t.end, t.n) for t in found.whole]
    parted: dict[tuple[str, str | None], int] = {}
    for row in told["rows"]:
        if row["segment"]:
            parted[row["from"], row["to"]] = parted.get((row["from"], row["to"]), 0) + row["n"]
    assert parted == {(t.start, t.end): t.n for t in found.whole}
    assert (told["from_stage"], told["to_stage"]) == ("mql", "opportunity")
    whole, parts = ([r for r in told["routes"] if bool(r["segment"]) is parted] for parted in (False, True))
    assert sum(r["n"] for r in whole) == sum(r["n"] for r in parts) == whole[0]["share"]["denominator"]
    assert told["stock_and_flow"]["balanced"]
    for what in ("in", "out"):
        rows = told["stock_and_flow"]["rows"]
        assert sum(r[what] for r in rows if r["segment"]) == sum(r[what] for r in rows if not r["segment"])
    assert told["stock_and_flow"]["before"]
    for name in ("differences", "routes_differences", "returns_differences"):
        assert {bool(c["segment"]) for c in told[name]} == {True, False}
    for name, key in (("returns", "exit"), ("second_time", "after_exit")):
        whole, parts = ([r for r in told[name] if bool(r["segment"]) is parted] for parted in (False, True))
        assert sum(r["denominator"] for r in whole) == sum(r["denominator"] for r in parts)
        assert {r[key] for r in parts} <= {r[key] for r in whole}
    assert "SELECT" in told["statement"]
    json.loads(json.dumps(told, allow_nan=False))
    assert as_table(answer).row_count == len(told["rows"])


def test_time_in_stage_is_that_of_the_page(m: Modelled, scope: Scope) -> None:
    _, told = durations_text.ask("time-in-stage", m, scope, {})
    waiting, stock = stalled(m, scope), stock_by_age(m, scope, "mql")
    whole, parts = ([r for r in told["stalled"]["rows"] if bool(r["segment"]) is parted] for parted in (False, True))
    assert sum(r["numerator"] for r in whole) == sum(r["numerator"] for r in parts) == waiting.share().numerator
    assert waiting.comparison
    before = told["stalled"]["before"]
    assert sum(r["denominator"] for r in before) == waiting.comparison.share().denominator
    rows = [r for r in told["stock_by_age"] if r["stage"] == "mql" and not r["segment"]]
    assert [tuple(r["days"].values()) for r in rows] == [*stock.n]
    months = [r for r in told["trend"] if r["stage"] == "mql"]
    whole, parts = ([r for r in months if bool(r["segment"]) is parted] for parted in (False, True))
    n = next(r["n"] for r in durations_text.ask("", m, scope.whole, {})[1]["rows"] if r["stage"] == "mql")
    assert sum(r["n"] for r in whole) == sum(r["n"] for r in parts) == n
    assert {r["before"]["period"][:4] for r in whole} == {"2024", "2025"} and not any("before" in r for r in parts)
    for name in ("ways_differences", "stock_differences"):
        assert {r["stage"] for r in told[name]} <= {s.key for s in m.model.progress}
    assert {bool(r["segment"]) for r in told["ways_differences"]} == {True, False}
    json.loads(json.dumps(told, allow_nan=False))


def test_arrivals_are_those_of_the_page(m: Modelled, scope: Scope) -> None:
    found, told = durations_text.ask("time-in-stage", m, scope, {"from_stage": "mql", "to_stage": "sql"})
    whole, *parts = told["arrivals"]
    assert whole["segment"] == {} and [p["segment"]["source"] for p in parts] == [*found.segments]
    for name in ("n", "arrived", "left", "on_the_way"):
        assert whole[name] == sum(p[name] for p in parts) == sum(c[name] for c in told["cohorts"]) > 0
    assert whole["n"] == whole["arrived"] + whole["left"] + whole["on_the_way"]
    assert whole["share"] == found.of("mql").share(["advanced"], whole["within_seconds"])
    assert 0 < whole["p50"] < whole["p90"] <= whole["within_seconds"]
    (before,) = (r for r in told["ways_differences"] if not r["segment"])
    assert found.comparison
    assert (before["here"]["n"], before["there"]["n"]) == (whole["n"], found.comparison.of("mql").n)
    beside = {r["segment"]["source"]: r for r in told["ways_differences"] if r["segment"]}
    assert beside and {r["outcome"] for r in (before, *beside.values())} == {"advanced"}
    sizes = {p["segment"]["source"]: p["n"] for p in parts}
    assert all((r["here"]["n"], r["there"]["n"]) == (sizes[v], whole["n"] - sizes[v]) for v, r in beside.items())
    json.loads(json.dumps(told, allow_nan=False))


def test_velocity_is_that_of_the_page(m: Modelled, scope: Scope) -> None:
    answer, told = ask("velocity", m, scope, {"age": "60"})
    found = velocity(m, scope, 60)
    assert found.now.velocity
    assert told["judged_at_days"] == 60
    assert told["rows"][0]["velocity"]["value"] == found.now.velocity.value
    assert sum(r["opportunities"]["value"] for r in told["rows"][1:]) == found.whole.n
    change = told["change"]
    assert change["before"] + sum(change["steps"].values()) == pytest.approx(change["now"])
    rates = [point["value"] for point in told["win_rate_by_age"]]
    assert rates == sorted(rates)
    assert rates[-1] == told["rows"][0]["win_rate"]["value"]
    assert sum(r["opportunities"]["value"] for r in told["trend"] if r["opportunities"]) == found.whole.n
    json.loads(json.dumps(told, allow_nan=False))
    assert as_table(answer).row_count == len(told["rows"])


def test_options_that_mean_nothing_are_refused(m: Modelled, scope: Scope) -> None:
    with pytest.raises(ModelError, match="does not come after"):
        ask("moves", m, scope, {"from_stage": "customer", "to_stage": "mql"})
    for age in ("x", "0", "-3", "99999"):
        with pytest.raises(OptionError, match="whole number of days"):
            ask("velocity", m, scope, {"age": age})
