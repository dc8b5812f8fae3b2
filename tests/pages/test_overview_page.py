"""The overview shows what its answers say, in every state."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from lifecycle.volumes import at_a_glance, change
from pages.ui import labels
from pages.ui.filters import View
from queries import funnel, overview
from queries.agreement import alignment
from queries.settings import load_settings
from queries.warehouse import writing
from tests.pages.conftest import Open
from tests.pages.reading import texts

STAGES = ["Subscriber", "MQL", "SQL", "Opportunity", "Customer", "Evangelist"]


def view(tab: AppTest) -> View:
    found: View = tab.session_state["_view"]
    return found


def drawn(tab: AppTest, number: int = 0) -> list[dict[str, Any]]:
    """The rows that a chart was given."""
    sets = tab.get("vega_lite_chart")[number].proto.datasets
    return list(pa.ipc.open_stream(sets[0].data.data).read_all().to_pylist())


def test_tiles_are_the_entries_of_the_period_and_the_conversion(visit: Open, company: Path) -> None:
    tab = visit(company)
    assert not tab.exception
    v = view(tab)
    volumes = overview.volumes(v.modelled, at_a_glance(v.scope))
    assert [m.label for m in tab.metric][:8] == [*STAGES, "To Customer", "Acceptance"]
    for stage, metric in zip(volumes.rows[:1] + volumes.rows[2:], tab.metric, strict=False):
        assert metric.value == labels.count(stage.entered)
        assert list(metric.proto.chart_data) == list(stage.bins[: volumes.complete])
        assert metric.delta == ""
    goal = next(r for r in funnel.funnel(v.modelled, v.scope).whole if r.stage == "customer")
    assert tab.metric[7].value == labels.percent(alignment(v.modelled, v.scope).whole.acceptance.value)
    assert tab.metric[6].value == labels.percent(goal.conversion_rate.value)  # type: ignore[union-attr]
    assert f"{goal.entered:,} of" in texts(tab)


def test_tiles_compare_where_a_comparison_is_chosen(visit: Open, company: Path) -> None:
    tab = visit(company, compare="previous")
    v = view(tab)
    found = overview.volumes(v.modelled, at_a_glance(v.scope))
    assert found.comparison is not None
    before = found.comparison.entered("subscriber")
    assert before
    now = found.rows[0].entered
    told = change(now, before)
    assert told is not None
    assert tab.metric[0].delta == f"{told.value * 100:+.0f} %"
    assert "against 1 Apr 2024 – 31 Mar 2025" in texts(tab)


def test_the_small_funnel_draws_the_cohort(visit: Open, company: Path) -> None:
    tab = visit(company)
    v = view(tab)
    rows = funnel.funnel(v.modelled, v.scope).whole
    assert [(r["label"], r["n"]) for r in drawn(tab)] == [(r.label, r.entered) for r in rows]
    assert "of Subscriber entries have become Customer so far" in texts(tab)


def test_signs_stand_with_their_evidence_and_a_way_to_more(visit: Open, company: Path) -> None:
    tab = visit(company)
    assert "The newest event is long past" in texts(tab)  # the company was loaded now, and its history ends in March
    assert f"newest event {labels.instant(view(tab).modelled.build.as_of)}" in texts(tab)
    assert "Most in MQL wait for more than 14 days" in texts(tab)
    v = view(tab)
    (waiting,) = [w for w in overview.waiting(v.modelled, v.scope) if w.stage == "mql"]
    assert f"{waiting.over:,} of {waiting.n:,}" in texts(tab)
    pages = {link.proto.page for link in tab.get("page_link")}
    assert {"alignment", "funnel", "health"} <= pages
    assert "Sales accepts fewer MQLs of Summer giveaway" in texts(tab)


def test_a_breakdown_adds_its_parts(visit: Open, company: Path) -> None:
    tab = visit(company, by="source")
    v = view(tab)
    answer = funnel.funnel(v.modelled, replace(v.scope, compare="none"))
    shares = {p: r.conversion_rate.value for p in answer.segments for r in answer.of(p) if r.stage == "customer"}  # type: ignore[union-attr]
    assert {r["label"]: r["value"] for r in drawn(tab, 1)} == shares
    assert tab.metric[0].value == visit(company).metric[0].value


@pytest.mark.parametrize("period", ["last_30_days", "all", "this_year"])
def test_every_period_is_shown(visit: Open, company: Path, period: str) -> None:
    tab = visit(company, period=period, compare="year")
    assert not tab.exception
    assert "Reference" not in texts(tab)
    assert len(tab.metric) >= 8


def test_a_model_without_a_handoff_has_its_own_goal(visit: Open, company: Path) -> None:
    tab = visit(company, model="customer_lifecycle")
    assert not tab.exception
    assert [m.label for m in tab.metric][:5] == ["Acquisition", "Conversion", "Retention", "Loyalty", "To Conversion"]
    assert "Acceptance" not in [m.label for m in tab.metric]


def test_a_period_without_anybody_says_so(visit: Open, company: Path) -> None:
    tab = visit(company, **{"from": "1995-01-01", "to": "1995-07-01", "compare": "previous", "by": "region"})
    assert not tab.exception
    assert {m.value for m in tab.metric} == {"0", labels.UNDEFINED}
    assert "No Subscriber entries in this period" in texts(tab)
    assert "Nothing matches the active filters" in texts(tab)
    assert "Reference" not in texts(tab)


def test_a_failing_question_leaves_the_rest(visit: Open, company: Path, tmp_path: Path) -> None:
    """The table of stays is gone: nothing can be said of waiting, everything else stands."""
    broken = shutil.copytree(company, tmp_path / "broken")
    with writing(load_settings(warehouse=str(broken))) as warehouse:
        for schema, table in warehouse.tables():
            if table.startswith("stays_crm"):
                warehouse.execute(f"DROP TABLE {schema}.{table}")
    tab = visit(broken)
    assert not tab.exception
    assert "A table of this build is not there." in texts(tab)
    assert len(tab.metric) >= 7
    assert drawn(tab)


def test_odd_names_are_plain_texts(visit: Open, oddities: Path) -> None:
    for by in (None, "<img src=x onerror=alert(1)>"):
        tab = visit(oddities, **({"by": by} if by else {}))
        assert not tab.exception
        assert not tab.error
        assert "Reference" not in texts(tab)
        assert len(tab.metric) >= 7
