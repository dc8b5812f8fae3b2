"""The funnel page shows what its answers say, in every state, and lists whom a bar stands for."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from lifecycle.findings import Change, Step, changes, rate_of, rates_over_time
from lifecycle.funnel import Funnel
from lifecycle.rates import Rate
from pages.funnel import frames, words
from pages.ui import labels
from pages.ui.filters import View
from pages.ui.picture import OUTCOMES
from queries.contacts import Bar, records
from queries.funnel import funnel, trend
from queries.settings import load_settings
from queries.traffic import top
from queries.warehouse import writing
from tests.pages.conftest import Open
from tests.pages.reading import texts

PAGE = "pages/funnel/funnel.py"
Answered = tuple[View, Funnel]


@pytest.fixture
def arrive(visit: Open) -> Open:
    """Opens the funnel page on a warehouse."""

    def run(warehouse: Path, **params: str | list[str]) -> AppTest:
        return visit(warehouse, page=PAGE, **params)

    return run


def answered(tab: AppTest) -> Answered:
    view: View = tab.session_state["_view"]
    return view, funnel(view.modelled, view.scope)


def charts(tab: AppTest) -> list[tuple[str, dict[str, list[dict[str, Any]]]]]:
    """Every chart: its words for screen readers, and its rows by data set."""
    out = []
    for chart in tab.get("vega_lite_chart"):
        sets = {d.name: pa.ipc.open_stream(d.data.data).read_all().to_pylist() for d in chart.proto.datasets}
        out.append((chart.proto.alt, sets))
    return out


def chart(tab: AppTest, words_of_it: str) -> list[dict[str, Any]]:
    """The rows of the chart whose words start so."""
    return next(sets["main"] for alt, sets in charts(tab) if alt.startswith(words_of_it))


def table(tab: AppTest, column: str) -> Any:
    """The first table that has this column."""
    return next(t.value for t in tab.dataframe if column in t.value.columns)


def test_the_bars_are_the_answer(arrive: Open, company: Path) -> None:
    tab = arrive(company, compare="previous")
    assert not tab.exception
    _, answer = answered(tab)
    drawn = {(row["stage"], row["outcome"]): row["n"] for row in chart(tab, "What became of each stage")}
    told = {
        (row.stage, key): frames.outcome(row, key)
        for row in answer.whole
        for key in frames.outcomes_of(row, answer.whole)
    }
    assert drawn == {key: n for key, n in told.items() if n}
    assert sum(n for (stage, _), n in drawn.items() if stage == "subscriber") == answer.whole[0].entered
    assert (answer.whole[-1].stage, "arrived") in drawn and (answer.whole[-1].stage, "open") not in drawn
    assert words.headline(answer) in texts(tab)
    assert f"{answer.touched:,} of them skip a stage" in texts(tab)


def test_the_tiles_sum_up_the_answer(arrive: Open, company: Path) -> None:
    tab = arrive(company, compare="previous")
    _, answer = answered(tab)
    assert answer.comparison is not None
    first, last = answer.whole[0], answer.whole[-1]
    tiles = {m.label: m for m in tab.metric}
    assert tiles["Entered Subscriber"].value == labels.count(first.entered)
    assert (
        tiles["Entered Subscriber"].delta == f"{(first.entered / answer.comparison.whole[0].entered - 1) * 100:+.1f} %"
    )
    ends = Step(first.stage, last.stage, "")
    rate = tiles["Subscriber → Evangelist"]
    assert rate.value == labels.percent(rate_of(answer.whole, ends).value)
    assert tiles["Won"].value == labels.money(first.amount)
    assert tiles["Cost per Evangelist"].value == labels.money(last.cost_per_entry)


def test_the_table_has_every_number_with_what_it_is_divided_by(arrive: Open, company: Path) -> None:
    tab = arrive(company, window="90d")
    _, answer = answered(tab)
    cells = table(tab, "MQL")
    mql = next(row for row in answer.whole if row.stage == "mql")
    column = list(cells["MQL"])
    rate, seconds = mql.step_conversion_rate, mql.seconds_from_previous
    assert rate is not None and rate.value is not None and seconds is not None and seconds.median is not None
    assert f"{rate.numerator:,} of {rate.denominator:,}" in column
    assert any(text.startswith(f"{rate.value * 100:.1f} % (") for text in column)
    assert f"{seconds.median / 86_400:,.1f} days" in column
    told = dict(zip(cells[""], column, strict=True))
    for key in ("advanced", "late", "open", "diverted", "exited"):
        n = frames.outcome(mql, key)
        assert told.get(OUTCOMES[key][0], "") == (f"{n:,}" if n else "")
    assert f"{answer.whole[0].not_due:,}" in list(cells["Subscriber"])
    assert {f"\u2003{key}" for key in ("Lost", "Recycled", "Disqualified")} <= set(cells[""])


def test_a_click_lists_exactly_whom_the_bar_counts_and_opens_a_history(arrive: Open, company: Path) -> None:
    tab = arrive(company)
    view, answer = answered(tab)
    mql = next(row for row in answer.whole if row.stage == "mql")
    tab.session_state["waterfall.chart"] = {"selection": {"bar": [{"stage": "mql", "outcome": "exited"}]}}
    tab.run()
    assert not tab.exception
    assert f"{mql.left:,} journeys of contacts" in texts(tab)
    listed = table(tab, "What became of it")
    found = records(view.modelled, view.scope, Bar("mql", "exited"))
    assert list(listed["Contact"]) == found.table["entity_id"].to_pylist()
    assert set(listed["What became of it"]) == {OUTCOMES["exited"][0]}
    grid = next(t for t in tab.dataframe if "What became of it" in t.value.columns)
    tab.session_state[grid.key] = {"selection": {"rows": [0]}}
    tab.run()
    assert not tab.exception
    assert f"{listed['Contact'][0]} came as far as" in texts(tab)
    link = next(link for link in tab.get("page_link") if link.proto.page.endswith("contact"))
    assert link.proto.query_string == f"contact={listed['Contact'][0]}"


def test_records_can_be_chosen_by_name_down_to_a_reason(arrive: Open, company: Path) -> None:
    tab = arrive(company, by="region", top="1")
    _, answer = answered(tab)
    mql = next(row for row in answer.whole if row.stage == "mql")
    exit_stage, exited = next(iter(mql.exited.items()))
    why, n = next(iter(exited.reasons.items()))
    tab.selectbox(key="records.stage.none").set_value("mql").run()
    assert f"{mql.entered:,} journeys of contacts" in texts(tab)
    tab.selectbox(key="records.fate.none.mql").set_value("exited").run()
    tab.selectbox(key="records.exit.none.mql").set_value(exit_stage).run()
    tab.selectbox(key=f"records.reason.none.mql.{exit_stage}").set_value(0).run()
    assert f"{n:,} journeys of contacts" in texts(tab)
    assert set(table(tab, "Reason")["Reason"]) == {why}
    tab.selectbox(key="records.fate.none.mql").set_value(None).run()
    tab.selectbox(key="records.segment.none.mql").set_value(1).run()
    others = next(row.entered for row in answer.of(answer.other) if row.stage == "mql")
    assert f"{others:,} journeys of contacts" in texts(tab)


def test_a_breakdown_shows_each_group_beside_the_whole(arrive: Open, company: Path) -> None:
    tab = arrive(company, by="source", top="3")
    view, answer = answered(tab)
    step = Step("subscriber", "evangelist", "Subscriber → Evangelist")
    bars = {row["label"]: row["value"] for row in chart(tab, "All:")}
    assert bars == pytest.approx(
        {"All": rate_of(answer.whole, step).value} | {v: rate_of(answer.of(v), step).value for v in answer.segments}
    )
    assert list(answer.segments)[-1] == "Other" and len(answer.segments) == 4
    small = [sets["main"] for alt, sets in charts(tab) if alt.startswith("Subscriber:")]
    assert [[row["n"] for row in panel] for panel in small] == [
        [row.entered for row in answer.of(v)] for v in answer.segments
    ]
    assert words.segment_title(answer, step, "Source") in texts(tab)
    assert words.ways_title(answer, "Source") in texts(tab)
    assert "The funnel of each source" in texts(tab)
    tab.selectbox(key="step").set_value("Lead → MQL").run()
    lead = Step("lead", "mql", "Lead → MQL")
    bars = {row["label"]: row["value"] for row in chart(tab, "All:")}
    assert bars["All"] == rate_of(answer.whole, lead).value
    assert len({row["series"] for row in chart(tab, "Share, ")}) == 4
    assert view.scope.by == "source"


def test_the_trend_is_that_of_the_answer_and_marks_what_may_still_change(arrive: Open, company: Path) -> None:
    tab = arrive(company, grain="quarter", period="all")
    view, _ = answered(tab)
    found = trend(view.modelled, view.scope).rows
    reached = {row.period: row for row in found if row.stage == "evangelist"}
    entered = {row.period: row.entered for row in found if row.stage == "subscriber"}
    drawn = chart(tab, "Share, ")
    assert len(drawn) == len(reached)
    for point in drawn:
        row = reached[point["period"].date()]
        assert point["value"] == pytest.approx(row.entered / entered[row.period])
        assert point["immature"] == row.immature
    assert drawn[-1]["immature"] and not drawn[0]["immature"]
    step = Step("subscriber", "evangelist", "Subscriber → Evangelist")
    assert words.course_title(rates_over_time(found, step), step, view.scope, "") in texts(tab)


def test_the_table_of_stages_of_a_company_is_titled_by_its_answer(arrive: Open, company: Path) -> None:
    for choice in ({}, {"basis": "period"}, {"basis": "stock"}):
        tab = arrive(company, **choice)
        assert words.stages_title(answered(tab)[1]) in texts(tab)


def test_a_comparison_shows_differences_and_claims_only_clear_ones(arrive: Open, company: Path) -> None:
    tab = arrive(company, compare="year")
    _, answer = answered(tab)
    found = changes(answer)
    drawn = chart(tab, "Changes.")
    assert [row["label"] for row in drawn] == [c.step.label for c in found]
    assert [row["verdict"] != "unsure" for row in drawn] == [c.clear for c in found]
    assert words.change_title(found) in texts(tab)


def test_the_largest_clear_change_is_told_in_percentage_points() -> None:
    step = Step("mql", "sal", "MQL → SAL")
    worse = Change(step, Rate(400, 1_000), Rate(492, 1_000), clear=True)
    assert words.change_title([worse]) == "MQL → SAL converts worse than in the other period (-9.2 pp)"
    assert words.change_title([replace(worse, clear=False)]).startswith("No step converts clearly")


@pytest.mark.parametrize("basis", ["period", "stock"])
def test_counts_alone_have_no_rates(arrive: Open, company: Path, basis: str) -> None:
    tab = arrive(company, basis=basis)
    assert not tab.exception and not tab.metric
    _, answer = answered(tab)
    drawn = next(sets["main"] for alt, sets in charts(tab) if alt.startswith("Subscriber:"))
    assert [row["n"] for row in drawn] == [row.entered for row in answer.whole]
    assert " % (" not in str(list(table(tab, "MQL")["MQL"])), "no interval"
    assert ("no conversion rates" in texts(tab)) == (basis == "period")


def test_in_any_order_rows_are_numbers_of_stages(arrive: Open, company: Path) -> None:
    tab = arrive(company, count="any", stages=["mql", "sql"])
    assert not tab.exception
    assert {row["label"] for row in chart(tab, "What became of each stage")} == {"1 of 2 stages", "2 of 2 stages"}


def test_a_lifecycle_without_a_handoff_and_its_anonymous_top(arrive: Open, company: Path) -> None:
    tab = arrive(company, model="customer_lifecycle")
    assert not tab.exception
    view, _ = answered(tab)
    (ratio,) = top(view.modelled, view.scope).ratios
    assert "Acquisition per 1,000 of Reach" in texts(tab)
    assert "different people, so no conversion rate" in texts(tab)
    drawn = [sets["main"] for alt, sets in charts(tab) if "value" in sets["main"][0]][-1]
    assert [row["value"] for row in drawn] == pytest.approx([r.value * 1000 for r in ratio.each if r.value is not None])


def test_traffic_that_cannot_be_filtered_says_so(arrive: Open, company: Path) -> None:
    tab = arrive(company, **{"model": "customer_lifecycle", "where.region": "EMEA"})
    assert not tab.exception
    assert "Traffic is not recorded by region." in texts(tab)


def test_filters_that_leave_nobody_say_so(arrive: Open, company: Path) -> None:
    tab = arrive(company, period="custom", **{"from": "1999-01-01", "to": "1999-02-01"})
    assert not tab.exception
    assert "Nothing matches the active filters in this period." in texts(tab)
    assert not tab.get("vega_lite_chart")


def test_one_stage_alone_is_a_funnel_without_steps(arrive: Open, company: Path) -> None:
    tab = arrive(company, stages="mql", window="90d")
    _, answer = answered(tab)
    assert not tab.exception
    assert answer.whole[0].not_due, "who is not due has no step to be left out of"
    assert "Look closer at" not in [s.label for s in tab.selectbox]
    assert [m.label for m in tab.metric] == ["Entered MQL", "Still open on the way", "Won", "Cost per MQL"]


def test_a_question_that_fails_leaves_the_page_standing(arrive: Open, company: Path, tmp_path: Path) -> None:
    """The journeys are gone: the cards say that, with a way out, and the filter bar is still there."""
    damaged = tmp_path / "damaged"
    shutil.copytree(company, damaged)
    with writing(load_settings(warehouse=str(damaged))) as warehouse:
        for _, name in warehouse.tables():
            if name.startswith("journeys_crm_"):
                warehouse.execute(f"DROP TABLE {name}")
    tab = arrive(damaged)
    assert not tab.exception
    assert "A table of this build is not there." in texts(tab)
    assert tab.selectbox(key="model").value == "crm"


def test_hostile_names_are_shown_as_they_are(arrive: Open, oddities: Path) -> None:
    tab = arrive(oddities, by="**bold**")
    assert not tab.exception
    _, answer = answered(tab)
    assert answer.segments
    specs = [json.loads(c.proto.spec) for c in tab.get("vega_lite_chart")]
    assert all("onerror" not in json.dumps(spec) and "javascript" not in json.dumps(spec) for spec in specs)
    tab.selectbox(key="records.stage.none").set_value(answer.whole[0].stage).run()
    assert not tab.exception


def test_what_is_exported_holds_every_segment_and_stage(arrive: Open, company: Path) -> None:
    tab = arrive(company, by="region")
    view, answer = answered(tab)
    rows = frames.tidy(answer)
    assert len(rows) == len(answer.rows)
    assert list(rows["entered"]) == [row.entered for row in answer.rows]
    assert list(rows["step_conversion_rate.numerator"].dropna()) == [
        row.step_conversion_rate.numerator for row in answer.rows if row.step_conversion_rate
    ]
    assert set(rows["segment"]) == {"", *answer.segments}
    assert funnel(view.modelled, replace(view.scope, by=None)).whole == answer.whole


def test_the_most_frequent_reason_is_named_whatever_the_exit() -> None:
    rows = [("Price", "Lost", 30), ("Wrong fit", "Lost", 20), ("Wrong fit", "Disqualified", 50)]
    found = pd.DataFrame(rows, columns=["reason", "exit", "n"])
    assert words.reasons_title(found) == "“Wrong fit” is the most frequent reason: 70 % of 100 who left"
    alike = found.assign(n=[30, 20, 10])
    assert words.reasons_title(alike) == "2 reasons are equally frequent: 50 % each of 60 who left"
    unsaid = found.assign(reason=frames.reason(None))
    assert words.reasons_title(unsaid) == "100 % of 100 who left gave no reason"
    assert words.reasons_title(found[:0]) == "Why do they leave?"
