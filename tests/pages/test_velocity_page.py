"""The page Velocity: full, compared, empty, filtered, without deals; its numbers are those of the answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from lifecycle import velocity as told
from lifecycle.pipeline import DAY, LOST, WON, Lengths, Pipeline
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from lifecycle.stages import shipped_models
from lifecycle.velocity import Part, Velocity, split
from pages.pace.frames_velocity import fastest
from pages.ui import labels
from queries.errors import WarehouseError
from queries.modelled import latest
from queries.settings import load_settings
from queries.velocity import course, velocity
from queries.warehouse import open_warehouse
from tests.pages import warehouses
from tests.pages.conftest import Open
from tests.pages.reading import drawn, texts

PAGE = "pages/pace/velocity.py"


def at(visit: Open, warehouse: Path, **params: Any) -> AppTest:
    tab = visit(warehouse, **params, page=PAGE)
    assert not tab.exception
    return tab


@pytest.fixture
def asked(company: Path) -> Any:
    """The same warehouse, asked directly."""
    warehouse = open_warehouse(load_settings(warehouse=str(company)))
    m = latest(warehouse, shipped_models()["crm"])
    scope = Scope("crm", m.build.as_of, date(2025, 4, 1), date(2026, 4, 1), compare="previous")
    yield m, scope
    warehouse.close()


def test_the_tiles_and_the_bridge_are_the_answer(visit: Open, company: Path, asked: Any) -> None:
    tab, found = at(visit, company, compare="previous", by="source"), velocity(*asked)
    now = found.now
    assert now.velocity and now.average_value and now.win_rate and now.cycle_days and found.before
    assert [m.value for m in tab.metric] == [
        labels.money(now.velocity.value),
        f"{found.whole.n:,}",
        labels.money(now.average_value.value),
        labels.percent(now.win_rate.value),
        f"{now.cycle_days.value:,.1f} days",
        labels.money(found.per_day),
    ]
    change = split(now, found.before)
    assert change
    rows = drawn(tab, "Compared period")
    assert [row["count"] for row in rows] == pytest.approx(
        [change.before, *(part for _, part in change.steps), change.now]
    )
    assert rows[0]["count"] + sum(row["count"] for row in rows[1:-1]) == pytest.approx(rows[-1]["count"])
    marks = drawn(tab, "Wins by age", "marks")
    assert [m["value"] for m in marks] == pytest.approx([now.win_rate.value])


def test_what_became_of_deals_adds_up_to_all_of_them(visit: Open, company: Path) -> None:
    rows = drawn(at(visit, company), "Wins by age")
    for days in {row["days"] for row in rows}:
        at_age = [row for row in rows if row["days"] == days]
        assert sum(row["high"] - row["low"] for row in at_age) == pytest.approx(1)


def test_without_a_comparison_the_bridge_asks_for_one(visit: Open, company: Path) -> None:
    assert "Choose a period to compare with" in texts(at(visit, company))


def test_another_age_judges_otherwise(visit: Open, company: Path) -> None:
    young, old = at(visit, company, age="14 days old"), at(visit, company, age="90 days old")
    rates = [float(tab.metric[3].value.split()[0]) for tab in (young, old)]
    assert rates[0] < rates[1]
    assert "within 14 days" in texts(young)


def test_the_deals_behind_it_are_listed(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    tab = at(visit, company)
    box = next(s for s in tab.selectbox if s.label == "Which deals are behind it?")
    tab = box.set_value("won").run()
    n = velocity(m, scope).whole.of("won")
    assert f"{n:,} won deals" in texts(tab)
    (listed,) = [d.value for d in tab.dataframe if "Deal" in d.value]
    assert len(listed) == min(n, 100)


def test_nothing_left_by_the_filters(visit: Open, company: Path) -> None:
    tab = at(visit, company, compare="previous", **{"from": "2019-01-01", "to": "2019-02-01", "period": "Custom"})
    assert not tab.warning
    assert [m.value for m in tab.metric] == ["n/a"] * 6
    assert "No deals were created" in texts(tab)


def test_filters_change_the_answer(visit: Open, company: Path) -> None:
    every, some = at(visit, company), at(visit, company, **{"where.source": "organic"})
    assert every.metric[1].value != some.metric[1].value


def test_without_deals_the_page_says_what_is_missing(visit: Open, oddities: Path) -> None:
    said = texts(at(visit, oddities))
    assert "table deals" in said
    assert "--deals FILE" in said


def test_deals_without_amounts_name_the_column(visit: Open, tmp_path: Path) -> None:
    moment = pa.timestamp("us")
    at_ = pa.array([datetime(2026, 1, 5)], moment)
    events = pa.table({"contact_id": ["a"], "stage": ["Opportunity"], "entered_at": at_})
    deals = pa.table({"deal_id": ["d"], "contact_id": ["a"], "created_at": at_, "closed_at": at_, "is_won": [True]})
    warehouse = warehouses.made(tmp_path, iter([{"stage_events": events, "deals": deals}]), ("crm",))
    assert "lacks amount" in texts(at(visit, warehouse))


def test_the_course_says_how_the_last_whole_month_stands(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    found = told.latest(course(m, replace(scope, compare="none", grain="month"), velocity(m, scope).days))
    assert found is not None
    title = f"Velocity in {found.period:%b %Y} "
    title += "is " if found.ratio.is_change else f"does not differ from the {found.n_before} months before"
    assert title in texts(at(visit, company))


def test_a_failing_course_leaves_the_rest(visit: Open, company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise WarehouseError("timeout", "The question took longer than 15 seconds.", "Narrow the period.")

    broken.__module__, broken.__qualname__ = "queries.velocity", "course"
    monkeypatch.setattr("queries.velocity.course", broken)
    tab = at(visit, company)
    assert "longer than 15 seconds" in texts(tab)
    assert len(tab.metric) == 6


def bringing(**groups: tuple[int, int]) -> Velocity:
    """Groups of deals worth ten each, by how many were won and lost on their tenth day."""
    parts = []
    for name, (won, lost) in groups.items():
        lengths = (Lengths(10.0 * DAY, WON, won, 10.0 * DAY * won), Lengths(10.0 * DAY, LOST, lost, 10.0 * DAY * lost))
        n = won + lost
        parts.append(Part(name, (name,), Pipeline(lengths, n, 10.0 * n, 100.0 * n)))
    return Velocity("crm", 1, Scope("crm", datetime(2026, 1, 1)), 30, Pipeline(), Rate(0, 0), tuple(parts))


def test_the_group_that_brings_most_is_named_where_chance_does_not_explain_it() -> None:
    assert fastest(bringing(ads=(20, 180), event=(150, 50))).startswith("“event” brings 150 a day, “ads” 20")
    assert fastest(bringing(ads=(100, 100), event=(104, 96))) == "No group brings more a day than another beyond chance"
    assert fastest(bringing(ads=(100, 100))) == "Which group brings most a day?"


def test_the_title_of_groups_is_that_of_the_answer(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    assert fastest(velocity(m, replace(scope, by="source"))) in texts(at(visit, company, by="source"))
