"""Definitions and Data health: what they draw is what was answered; full, empty, filtered, failing, hostile."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from lifecycle.health import Conservation
from lifecycle.scope import Scope
from lifecycle.segments import Choice
from lifecycle.stages import load_model, shipped_models
from pages.ui.labels import escape, listed
from queries import beside, definitions, freshness, health, modelled, workbench
from queries.build import build
from queries.contract import CONTRACT
from queries.modelled import Modelled
from queries.settings import load_settings
from queries.warehouse import open_warehouse, writing
from tests.pages.conftest import Open
from tests.pages.odd_companies import HOSTILE, bare, doubled, hostile
from tests.pages.reading import texts

HEALTH, DEFINITIONS = "pages/trust/health.py", "pages/trust/definitions.py"
PARTS = ("Stages", "Models side by side", "Why counts differ", "Metrics")
BEFORE_ALL = "2020-01-01"


def opened(folder: Path, name: str = "crm") -> Modelled:
    warehouse = open_warehouse(load_settings(warehouse=str(folder)))
    return modelled.latest(warehouse, shipped_models()[name])


def scope_of(tab: AppTest) -> Scope:
    found: Scope = tab.session_state["_view"].scope
    return found


def shown(visit: Open, warehouse: Path, page: str, **params: str | list[str]) -> AppTest:
    """The page, drawn without an exception."""
    tab = visit(warehouse, **params, page=page)
    assert not tab.exception
    return tab


def drawn(tab: AppTest) -> list[list[dict[str, Any]]]:
    """The rows of the main data set of every chart, in order."""
    charts = tab.get("vega_lite_chart")
    return [pa.ipc.open_stream(c.proto.datasets[0].data.data).read_all().to_pylist() for c in charts]


def table(tab: AppTest, column: str) -> pd.DataFrame:
    """The first table that has a column."""
    return next(frame.value for frame in tab.dataframe if column in frame.value)


def said_of_failures(tab: AppTest) -> list[str]:
    return [plain(e.value) for e in (*tab.warning, *tab.error)]


def plain(text: str) -> str:
    """A text as it shows, without the escapes."""
    return text.replace("\\", "").replace("\u2060", "")


def test_health_draws_what_was_answered(visit: Open, company: Path) -> None:
    tab = shown(visit, company, HEALTH)
    assert not said_of_failures(tab)
    m, scope = opened(company), scope_of(tab)
    books = Conservation.of(m.build.counts)
    assert tab.metric[0].value == f"{books.events:,}"
    conservation, quarantine, moves = drawn(tab)
    assert [row["count"] for row in conservation] == [n for _, n, _, _ in books.lines]
    assert [row["count"] for row in quarantine] == health.quarantined(m, scope).table.column("n").to_pylist()
    assert sum(row["count"] for row in moves) == health.moves(m, scope).total
    tables = freshness.tables(m, scope)
    assert table(tab, "Behind")["Table"].tolist() == [f.table for f in tables.found]
    assert table(tab, "Feeds")["Table"].tolist() == [f.table for f in tables.missing]
    assert len(table(tab, "Stage value")) == health.samples(m, scope).total
    assert table(tab, "Build")["Build"].tolist() == [2, 1]


def test_builds_say_what_was_left_out_of_what_customers_did(visit: Open, tmp_path: Path) -> None:
    (row,) = table(shown(visit, doubled(tmp_path), HEALTH), "Build").to_dict("records")
    assert (row["Told twice"], row["Referred themselves"]) == (3, 2)


def test_health_names_what_is_stale(visit: Open, company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFECYCLE_STALE_AFTER_DAYS", "3650")
    assert "Every table is fresh" in texts(shown(visit, company, HEALTH))
    monkeypatch.setenv("LIFECYCLE_STALE_AFTER_DAYS", "0")
    tab = shown(visit, company, HEALTH)
    m, scope = opened(company), scope_of(tab)
    stale = [f.table for f in freshness.tables(m, scope).stale]
    assert any("_" in name for name in stale)
    assert f"Stale: {listed(stale)}" in texts(tab)


def test_health_under_filters_and_an_early_cut_off(visit: Open, company: Path) -> None:
    tab = shown(visit, company, HEALTH, **{"where.source": "referral"})
    m, scope = opened(company), scope_of(tab)
    assert scope.filters == (Choice("source", ("referral",)),)
    *_, moves = drawn(tab)
    fewer = health.moves(m, scope).total
    assert sum(row["count"] for row in moves) == fewer < health.moves(m, replace(scope, filters=())).total
    early = shown(visit, company, HEALTH, as_of=BEFORE_ALL)
    assert len(drawn(early)) == 2, "the build's own counts stay; nothing moved yet"
    assert "Nothing matches the active filters" in texts(early)


@pytest.mark.parametrize("model", ["crm", "customer_lifecycle"])
def test_stage_cards_hold_the_stock(visit: Open, company: Path, model: str) -> None:
    tab = shown(visit, company, DEFINITIONS, model=model)
    m = opened(company, model)
    stock = definitions.stock(m, scope_of(tab)).n
    (bars,) = drawn(tab)
    stages = (*m.model.progress, *m.model.exits)
    assert [row["count"] for row in bars] == [stock.get(s.key, 0) for s in stages]
    text = texts(tab)
    for stage in m.model.active:
        assert stage.definition in text and stage.label in text
        assert stage.kind == "anonymous" or f"**{stock.get(stage.key, 0):,}** in it now" in text
    assert ("No handoff; lifecycles with one: Inbound" in text) == (m.model.handoff is None)


def test_two_models_side_by_side(visit: Open, company: Path) -> None:
    tab = shown(visit, company, DEFINITIONS, part="Models side by side", beside="Customer lifecycle")
    m, there = opened(company), shipped_models()["customer_lifecycle"]
    answer = beside.correspondence(m, scope_of(tab), there, "furthest")
    (cells,) = drawn(tab)
    assert sum(row["n"] for row in cells) == answer.total > 1_000
    best = tab.dataframe[0].value.set_index("CRM lifecycle")
    assert best.loc["Customer", "Best match"] == "Conversion"
    turned = shown(
        visit,
        company,
        DEFINITIONS,
        part="Models side by side",
        beside="Customer lifecycle",
        position="Current stage",
    )
    assert sum(row["n"] for row in drawn(turned)[0]) == answer.total


def test_a_model_that_was_not_built_says_so_in_its_cards(visit: Open, company: Path) -> None:
    tab = shown(visit, company, DEFINITIONS, part="Models side by side", beside="Inbound marketing")
    assert [plain(e.value) for e in tab.info] == [
        "**The model inbound has not been built.** Run: lifecycle build --model inbound"
    ] * 2


def test_the_bridge_ends_at_what_the_funnel_shows(visit: Open, company: Path) -> None:
    tab = shown(visit, company, DEFINITIONS, part="Why counts differ")
    answer = definitions.counts_of(opened(company), scope_of(tab), "mql")
    (lines,) = drawn(tab)
    assert [(row["label"], row["count"]) for row in lines] == [(line.label, line.n) for line in answer.lines]
    totals = [line.n for line in answer.lines if line.is_total]
    assert f"MQL: between {min(totals):,} and {max(totals):,} in this period" in texts(tab)
    other = shown(visit, company, DEFINITIONS, part="Why counts differ", counted="Customer")
    assert "Every entry to Customer" in [row["label"] for row in drawn(other)[0]]
    assert "And where its count is shown" in texts(other)


def test_metrics_are_the_docstrings_and_can_be_searched(visit: Open, company: Path) -> None:
    tab = shown(visit, company, DEFINITIONS, part="Metrics")
    text = texts(tab)
    assert "95 % interval (Wilson 1927)" in text
    assert "lifecycle.rates.Rate.interval" in text
    tab.text_input(key="term").set_value("kitagawa, of whom nobody spoke").run()
    assert "No definition holds this text" in texts(tab)
    tab.text_input(key="term").set_value("WILSON").run()
    assert "Interval of a rate" in texts(tab)
    assert "Conservation" not in texts(tab)


@pytest.mark.parametrize("part", PARTS)
def test_definitions_of_nobody(visit: Open, company: Path, part: str) -> None:
    tab = shown(visit, company, DEFINITIONS, part=part, as_of=BEFORE_ALL)
    assert not said_of_failures(tab)
    if part in PARTS[:2]:
        assert "Nobody matches the active filters" in texts(tab)
    if part == "Why counts differ":
        assert "Every count of MQL is 0 in this period" in texts(tab)


@pytest.mark.parametrize("page", [HEALTH, DEFINITIONS])
def test_a_failing_question_stays_in_its_card(visit: Open, company: Path, tmp_path: Path, page: str) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(company, broken)
    with writing(load_settings(warehouse=str(broken))) as warehouse:
        m = modelled.latest(warehouse, load_model("crm"))
        for table in (m.quarantine, m.stays):
            workbench.drop(warehouse, table)
    tab = shown(visit, broken, page)
    text = texts(tab)
    assert "A table of this build is not there." in text
    assert "Build again: lifecycle build." in text
    if page == HEALTH:
        assert "events are accounted for" in text
        assert any("Build" in frame.value for frame in tab.dataframe)
    else:
        assert "Not counted" in text
        assert load_model("crm").stage("mql").definition in text


def test_hostile_values_are_plain_cells(visit: Open, tmp_path: Path) -> None:
    tab = shown(visit, hostile(tmp_path / "hostile"), HEALTH)
    assert not said_of_failures(tab)
    cells = {str(value) for frame in tab.dataframe for value in frame.value.to_numpy().ravel()}
    assert set(HOSTILE) <= cells
    for text in HOSTILE:
        assert not any(text in e.value for e in (*tab.markdown, *tab.caption)), "only as a cell, never as markdown"


def test_hostile_words_of_a_model_are_escaped(visit: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quoted = [f"{word} {i}".replace('"', "") for i, word in enumerate(HOSTILE)]
    model = tmp_path / "odd.toml"
    model.write_text(
        f"""name = "odd"
label = "{quoted[0]}"
description = "{quoted[1]}"
[[stages]]
key = "lead"
label = "{quoted[3]}"
owner = "{quoted[1]}"
kind = "progress"
definition = "{quoted[0]}"
criteria = ["{quoted[2]}"]
goal = "{quoted[1]}"
enters = ["{quoted[0]}"]
[[stages]]
key = "mql"
label = "{quoted[3]}"
kind = "progress"
""",
        encoding="utf-8",
    )
    folder = bare(tmp_path / "odd")
    with writing(load_settings(warehouse=str(folder))) as warehouse:
        build(warehouse, load_model(model))
    monkeypatch.setenv("LIFECYCLE_MODELS", f'["{model}"]')
    monkeypatch.setenv("LIFECYCLE_DEFAULT_MODEL", "odd")
    for part in PARTS[:3]:
        tab = shown(visit, folder, DEFINITIONS, part=part)
        assert not said_of_failures(tab)
        for text in (quoted[0], quoted[1], quoted[3]):
            assert not any(text in e.value for e in (*tab.markdown, *tab.caption)), (part, text)
    assert escape(quoted[3]) in "".join(e.value for e in tab.markdown)


def test_odd_columns_and_a_bare_warehouse(visit: Open, oddities: Path, tmp_path: Path) -> None:
    for page in (HEALTH, DEFINITIONS):
        assert not said_of_failures(shown(visit, oddities, page))
    folder = bare(tmp_path / "bare")
    tab = shown(visit, folder, HEALTH)
    assert not said_of_failures(tab)
    assert f"{len(CONTRACT) - 2} more tables would show more" in texts(tab)
    for part in PARTS:
        assert not said_of_failures(shown(visit, folder, DEFINITIONS, part=part))
