"""Time in stage: full, filtered, empty, broken, of several models; what it draws is what was answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from lifecycle.durations import OPEN, LifeTable
from lifecycle.scope import Scope
from lifecycle.stages import shipped_models
from lifecycle.time_in_stage import ADVANCED, DAY, StageTimes
from pages.pace.frames_glance import fitting
from pages.pace.frames_stages import named
from pages.pace.words_time import apart, band, quantile
from pages.ui import labels
from pages.ui.charts_durations import colours
from pages.ui.charts_funnel import exit_colours
from pages.ui.picture import ALL
from pages.ui.spans import span
from queries.durations import life_tables, trend
from queries.end_to_end import end_to_end
from queries.errors import WarehouseError
from queries.flow import stock_by_age
from queries.stalled import stalled, stalled_list
from tests.pages.conftest import Open
from tests.pages.reading import drawn, texts

PAGE = "pages/pace/time_in_stage.py"
PARTS = ("Every stage", "One stage", "Compared", "Trend", "Stalled", "End to end")


def at(visit: Open, warehouse: Path, part: str, **params: Any) -> AppTest:
    tab = visit(warehouse, pace=part, **params, page=PAGE)
    assert not tab.exception
    return tab


@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_drawn(visit: Open, company: Path, part: str) -> None:
    tab = at(visit, company, part, compare="previous", by="company_size")
    assert not tab.warning
    assert tab.get("vega_lite_chart") or part == "Stalled"


@pytest.mark.parametrize("part", ["One stage", "Stalled", "End to end"])
def test_a_lifecycle_without_a_handoff_has_times_too(visit: Open, company: Path, part: str) -> None:
    assert not at(visit, company, part, model="customer_lifecycle", axis="Logarithmic").warning


@pytest.mark.parametrize("part", PARTS)
def test_nothing_left_by_the_filters(visit: Open, company: Path, part: str) -> None:
    tab = at(visit, company, part, **{"from": "2019-01-01", "to": "2019-02-01", "period": "Custom"})
    assert not tab.warning, part
    assert "0 %" not in [m.value for m in tab.metric]


def test_the_glance_shows_the_answer(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    tab, found = at(visit, company, "Every stage"), life_tables(m, scope)
    rows = {row["label"]: row for row in drawn(tab, "How long")}
    for key in found.stages:
        table, row = found.of(key), rows[m.model.stage(key).label]
        median = table.quantile(0.5)
        assert (row["n"], row["t"]) == (table.n, None if median is None else median / DAY)
        assert row["naive"] == (None if table.naive_median is None else table.naive_median / DAY)
    (shown,) = [d.value for d in tab.dataframe if "Of the ended" in d.value]
    assert list(shown["Stays"]) == [found.of(key).n for key in found.stages]
    ended = [labels.told(found.of(key).naive_median) for key in found.stages]
    assert list(shown["Of the ended"]) == ended
    for key, said in zip(found.stages, shown["Median (95 %)"], strict=True):
        assert said.startswith(quantile(found.of(key), 0.5)) and band(found.of(key)) in said


def test_what_the_table_has_no_room_for_stands_beside_what_it_belongs_to() -> None:
    full = {"Stage": "MQL", "Stays": 30, "Median": "4.0 days", "95 % band": "3.8–4.1 days", "p25": "1.0 days"}
    full |= {"p75": "not reached", "p90": "not reached", "Before": "5.0 days", "Changed": "faster, p = 0.010"}
    (row,) = fitting(pd.DataFrame([full])).to_dict("records")
    assert row["Median (95 %)"] == "4.0 days (3.8–4.1 days)"
    assert row["p25 – p75"] == "1.0 days – not reached"
    assert row["Before"] == "5.0 days (now faster)"
    assert "Before" not in fitting(pd.DataFrame([full | {"Part": "web"}]))


def test_one_stage_shows_the_answer(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    tab, table = at(visit, company, "One stage", stage="SQL"), life_tables(m, scope).of("sql")
    half = table.quantile(0.5)
    assert tab.metric[1].value == labels.duration(half)
    curve = {row["t"]: row["value"] for row in drawn(tab, "Share still")}
    assert any(value == pytest.approx(table.at(half).survival) for value in curve.values())
    ticks = drawn(tab, "Share still", "ticks")
    assert ticks[0]["below"] == f"{table.n:,}"
    stack = drawn(tab, "Where they are")
    last = max(row["t"] for row in stack)
    assert max(row["high"] for row in stack if row["t"] == last) == pytest.approx(1)
    lengths = drawn(tab, "Lengths of")
    assert sum(row["n"] for row in lengths) == table.n
    assert sum(row["n"] for row in lengths if row["name"] == "Still in it") == table.censored
    assert sum(row["n"] for row in lengths if row["name"] == "Advanced") == table.ended([ADVANCED])


def test_stays_of_no_length_can_be_left_out(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    tab = at(visit, company, "One stage", skip_zero="true")
    table = life_tables(m, scope, True).of("mql")
    assert table.n < life_tables(m, scope).of("mql").n
    assert f"of {table.n:,} stays" in texts(tab)


def test_quick_and_slow_are_told_apart(visit: Open, company: Path) -> None:
    tab = at(visit, company, "Compared", by="Company size")
    assert {row["series"] for row in drawn(tab, "Share still")} >= {"1-49", "50-499", "500+"}
    slow = {row["label"]: row for row in drawn(tab, "Company size: 500+")}
    assert slow["Company size: 500+"]["value"] > 0.5  # the enterprise is half of the time among the slowest quarter
    assert "log-rank p < 0.001" in texts(tab)


def test_trend_and_stock_show_the_answer(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    tab = at(visit, company, "Trend")
    months = trend(m, scope, "mql").months
    panels = [c for c in tab.get("vega_lite_chart") if "days" in c.proto.spec]
    assert panels
    stock = stock_by_age(m, scope, "mql")
    rows = drawn(tab, "Stays in the stage")
    assert len(rows) == 4 * len(months)
    assert sum(row["n"] for row in rows if row["label"] == rows[-1]["label"]) == sum(stock.n[-1])


def test_the_stalled_are_as_many_as_the_list_says(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    tab, found = at(visit, company, "Stalled"), stalled(m, scope)
    assert [x.value for x in tab.metric] == [labels.percent(found.share(x.stage).value) for x in found.limits]
    listed = stalled_list(m, scope)
    assert f"{listed.total:,} stalled" in texts(tab)
    (heaps,) = [d.value for d in tab.dataframe if "Stalled" in d.value]
    assert sum(heaps["Stalled"]) == listed.total == found.share().numerator
    (rows,) = [d.value for d in tab.dataframe if "Chance to advance" in d.value]
    assert len(rows) == len(listed.stays)
    only = at(visit, company, "Stalled", stalled_stage="SQL")
    assert f"{found.share('sql').numerator:,} stalled in SQL" in texts(only)


def test_a_picked_owner_and_a_picked_group_leave_only_their_stalled(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    by = replace(scope, by="company_size")
    tab, part = at(visit, company, "Stalled", by="Company size"), stalled(m, by).parts[0]

    def pick(column: str) -> tuple[str, int]:
        """Tick the first row of the table with this column; its name, and how many of it have stalled."""
        grid = next(d for d in tab.dataframe if column in d.value)
        tab.session_state[grid.key] = {"selection": {"rows": [0]}}
        return grid.value.iloc[0, 0], grid.value["Stalled"][0]

    owner, theirs = pick("Longest")
    tab = tab.run()
    assert f"{theirs:,} stalled of {owner}" in texts(tab)
    listed = next(d.value for d in tab.dataframe if "Chance to advance" in d.value)
    assert set(listed["Owner"]) == {owner} and len(listed) == theirs

    group, _ = pick("In these stages")
    tab = tab.run()
    both = stalled_list(m, by, owners=(owner,), values=part.values)
    assert f"{both.total:,} stalled of {owner} of {group}" in texts(tab)
    listed = next(d.value for d in tab.dataframe if "Chance to advance" in d.value)
    assert list(listed["Contact"]) == [stay.entity_id for stay in both.stays] and 0 < both.total < theirs


def charts(tab: AppTest, field: str) -> list[Any]:
    """The charts in which a field is drawn, in order."""
    return [c for c in tab.get("vega_lite_chart") if f'"{field}"' in c.proto.spec]


def rows_of(chart: Any, name: str = "main") -> list[dict[str, Any]]:
    found = next(d for d in chart.proto.datasets if d.name == name)
    return list(pa.ipc.open_stream(found.data.data).read_all().to_pylist())


def test_the_trend_follows_the_breakdown_and_the_comparison(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    tab = at(visit, company, "Trend", by="Company size", compare="previous")
    found = trend(m, replace(scope, by="company_size", compare="previous"), "mql")
    assert found.comparison
    first, _, *drawn_parts = charts(tab, "beside")
    then = [month.table.quantile(0.5) for month in found.comparison.months]
    assert [row["beside"] for row in rows_of(first)] == [None if half is None else half / DAY for half in then]
    assert len(drawn_parts) == len(found.parts) == 4
    for chart, part in zip(drawn_parts, found.parts, strict=True):
        halves = [month.table.quantile(0.5) for month in part.answer]
        assert [row["value"] for row in rows_of(chart)] == [None if half is None else half / DAY for half in halves]
    (by_part,) = [d.value for d in tab.dataframe if "Over time" in d.value]
    assert by_part["Stays"][0] == sum(by_part["Stays"][1:])  # the parts add up to the whole
    (standing,) = [d.value for d in tab.dataframe if "In it" in d.value]
    stock = stock_by_age(m, scope, "mql")
    assert list(standing["In it"])[-1] == sum(list(standing["In it"])[:-1]) == sum(stock.n[-1])
    assert len(charts(tab, "age")) == 1 + 4


def test_the_stalled_follow_the_breakdown_and_the_comparison(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    tab = at(visit, company, "Stalled", by="Company size", compare="previous")
    found = stalled(m, replace(scope, by="company_size", compare="previous"))
    assert found.comparison and found.comparison.scope.as_of < scope.as_of
    then = found.comparison.share()
    assert f"{then.numerator:,} of {then.denominator:,}, by the same limits" in texts(tab)
    (by_part,) = [d.value for d in tab.dataframe if "In these stages" in d.value]
    assert list(by_part["Stalled"])[-1] == sum(list(by_part["Stalled"])[:-1]) == found.share().numerator
    rows = {row["label"]: row for row in drawn(tab, "Changes. 500+")}
    for contrast in found.contrasts:
        if contrast.about is None and contrast.name == "500+":
            row = rows["500+: stalled in any of these"]
            assert (row["n"], row["of"]) == (contrast.here.numerator, contrast.here.denominator)
    same = at(visit, company, "Stalled")
    assert [x.value for x in same.metric] == [x.value for x in tab.metric]  # the whole is the whole


def test_one_stage_follows_the_breakdown_and_the_comparison(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    tab = at(visit, company, "One stage", by="Company size", compare="previous")
    found = life_tables(m, replace(scope, by="company_size", compare="previous"))
    _, chart = [c for c in tab.get("vega_lite_chart") if c.proto.alt.startswith("Share still")]
    risk = rows_of(chart, "risk")
    for value in found.segments:
        table, name = found.part("mql", value), named(value)
        own = [row for row in risk if row["series"] == name]
        assert own[0]["below"] == f"{table.n:,}" and len({row["y"] for row in own}) == 1
        curve = {row["value"] for row in rows_of(chart) if row["series"] == name}
        assert len(curve) > 5 and curve <= {1.0, *(p.survival for p in table.curve)}
    whereabouts = [c for c in tab.get("vega_lite_chart") if c.proto.alt.startswith("Where they are")]
    assert len(whereabouts) == 1 + len(found.segments)
    assert [x.value for x in at(visit, company, "One stage").metric] == [x.value for x in tab.metric]
    gaps = {row["label"]: row for row in drawn(tab, "Changes. Advanced")}
    assert found.comparison and gaps["Advanced"]["other_n"] == found.comparison.of("mql").n


def test_the_way_shows_the_answer(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    tab = at(visit, company, "End to end", from_stage="Lead", to_stage="SQL")
    table = end_to_end(m, scope, "lead", "sql").of("lead")
    arrived = table.ended([ADVANCED])
    assert tab.metric[0].value == labels.percent(arrived / table.n)
    assert f"{arrived:,} of {table.n:,}" in texts(tab)
    assert drawn(tab, "Arrivals")[-1]["value"] == pytest.approx(table.share([ADVANCED], table.seen))


def test_the_way_follows_the_breakdown_and_the_comparison(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    tab = at(visit, company, "End to end", by="Company size", compare="previous", from_stage="Lead", to_stage="SQL")
    found = end_to_end(m, replace(scope, by="company_size", compare="previous"), "lead", "sql")
    whole = [row for row in drawn(tab, "Arrivals") if row["series"] == ALL]  # of whom the title speaks
    assert whole[-1]["value"] == pytest.approx(found.of("lead").share([ADVANCED], found.of("lead").seen))
    rows = {row["label"]: row for row in drawn(tab, "Changes. Arrived")}
    assert found.comparison and rows["Arrived"]["other_n"] == found.comparison.of("lead").n
    parted = [chart for chart in charts(tab, "verdict") if not chart.proto.alt.startswith("Changes. Arrived")]
    assert {row["n"] for row in rows_of(parted[0])} <= {found.part("lead", value).n for value in found.segments}


def test_an_end_that_the_start_rules_out_is_dropped(visit: Open, company: Path) -> None:
    tab = at(visit, company, "End to end", from_stage="SQL", to_stage="MQL")
    assert "to_stage: 'MQL' is ruled out" in texts(tab) and "to_stage" not in tab.query_params
    assert tab.selectbox(key="to_stage").value == "customer"


def test_filters_change_the_answer(visit: Open, company: Path) -> None:
    every = at(visit, company, "One stage")
    some = at(visit, company, "One stage", **{"where.company_size": "500+"})
    assert every.metric[1].value != some.metric[1].value


def test_odd_names_are_shown_as_they_are(visit: Open, oddities: Path) -> None:
    for part in ("Every stage", "Compared"):
        assert not at(visit, oddities, part, by="**bold**").warning, part


def test_a_failing_question_says_so(visit: Open, company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise WarehouseError("timeout", "The question took longer than 15 seconds.", "Narrow the period.")

    broken.__module__, broken.__qualname__ = "queries.flow", "flows"
    monkeypatch.setattr("pages.pace.glance.flows", broken)
    tab = at(visit, company, "Every stage")
    assert "longer than 15 seconds" in tab.warning[0].value.replace("\\", "")
    assert drawn(tab, "How long")


def test_an_axis_counts_in_the_unit_that_fits() -> None:
    assert [span(seconds).name for seconds in (60.0, 3 * DAY, 30 * DAY, 400 * DAY)] == [
        "hours",
        "hours",
        "days",
        "months",
    ]
    for end in (10.0, 5 * DAY, 119 * DAY, 121 * DAY, 9_000 * DAY):
        ticks = [seconds for seconds, _ in span(end).ticks]
        assert ticks == sorted(ticks) and ticks[-1] <= span(end).end and 2 <= len(ticks) <= 9


def test_an_exit_has_one_colour_in_every_picture() -> None:
    model = shipped_models()["crm"]
    exits = [stage.key for stage in model.exits]
    assert set(exits) == {"lost", "disqualified", "recycled"}
    assert colours(exits, exits) == tuple(exit_colours(model)[stage.label] for stage in model.exits)  # on other pages
    assert colours(["advanced", "recycled"], exits)[1] == colours(["open", "recycled", "lost"], exits)[1]
    assert len(set(colours(["advanced", "open", "went back", *exits], exits))) == 6


def test_what_half_have_not_left_is_slowest() -> None:
    quick = LifeTable(((DAY, ADVANCED, 40), (30 * DAY, OPEN, 10)))
    slow = LifeTable(((9 * DAY, ADVANCED, 30), (30 * DAY, OPEN, 20)))
    never = LifeTable(((9 * DAY, ADVANCED, 10), (30 * DAY, OPEN, 40)))
    scope = Scope("crm", datetime(2026, 1, 31), by="x")
    tables = {("mql", value): table for value, table in (("a", quick), ("b", slow), ("c", never))}
    model = shipped_models()["crm"]
    found = StageTimes("crm", 1, scope, ("mql",), tables, ("a", "b", "c"))
    assert apart(found, model) == "c is slower than a most of all in MQL: half not reached against 1.0 days"
    known = replace(found, tables={key: t for key, t in tables.items() if key[1] != "c"}, segments=("a", "b"))
    assert apart(known, model) == "b is slower than a most of all in MQL: 9.0 days against 1.0 days"
