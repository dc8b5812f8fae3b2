"""The retention page: full, empty, filtered, without tables, failing; what it draws is what was answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from lifecycle import activity_words
from lifecycle.activity import of_book
from lifecycle.durations import LifeTable
from lifecycle.retention import PERIODS, Rules
from lifecycle.retention_words import named, side_by_side
from lifecycle.scope import Scope
from lifecycle.segments import Choice
from lifecycle.simulate import simulate
from lifecycle.stages import shipped_models
from pages.customers import frames_retention as frames
from pages.customers.curves import lasting
from pages.ui import labels, retention_text
from pages.ui.picture import ALL
from queries.activity import activity
from queries.errors import WarehouseError
from queries.modelled import Modelled, latest
from queries.mrr import mrr
from queries.ready import ready
from queries.retention import Lifetimes, lifetimes, retention
from queries.settings import load_settings
from queries.warehouse import open_warehouse
from tests.pages import warehouses
from tests.pages.conftest import Open
from tests.pages.reading import opened, texts

PAGE = "pages/customers/retention.py"
PARTS = ("Cohorts", "Curves", "Money", "Activity")
RULES = Rules(periods=PERIODS["quarter"])


def at(visit: Open, warehouse: Path, part: str = "Cohorts", **params: Any) -> AppTest:
    tab = visit(warehouse, retention=part, **params, page=PAGE)
    assert not tab.exception
    return tab


def drawn(tab: AppTest, words: str, dataset: str = "main", nth: int = 0) -> list[dict[str, Any]]:
    """The rows of the (nth) chart whose words for screen readers hold these."""
    charts = [chart for chart in tab.get("vega_lite_chart") if words in chart.proto.alt]
    assert len(charts) > nth, [chart.proto.alt for chart in tab.get("vega_lite_chart")]
    found = next(d for d in charts[nth].proto.datasets if d.name == dataset)
    rows: list[dict[str, Any]] = pa.ipc.open_stream(found.data.data).read_all().to_pylist()
    return rows


@pytest.fixture
def asked(company: Path) -> Iterator[tuple[Modelled, Scope]]:
    """The same warehouse, asked directly."""
    warehouse = open_warehouse(load_settings(warehouse=str(company)))
    m = latest(warehouse, shipped_models()["crm"])
    yield m, Scope("crm", m.build.as_of, date(2025, 4, 1), date(2026, 4, 1), grain="quarter")
    warehouse.close()


@pytest.fixture(scope="module")
def only_orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop: no subscriptions, no contacts."""
    kept = ("stage_events", "orders")
    batches = ({n: t for n, t in b.items() if n in kept} for b in simulate(400, as_of=warehouses.AS_OF))
    return warehouses.made(tmp_path_factory.mktemp("orders"), batches, ("crm",))


@pytest.fixture(scope="module")
def neither(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company that records no purchases."""
    batches = ({"stage_events": b["stage_events"]} for b in simulate(200, as_of=warehouses.AS_OF))
    return warehouses.made(tmp_path_factory.mktemp("neither"), batches, ("crm",))


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A list of sixty subscribers begun in twelve months; the half that left is dated on the day of the list."""
    starts = [datetime(2025, 1 + i % 12, 1 + i // 12) for i in range(60)]
    names = [f"c{i}" for i in range(60)]
    ends = [datetime(2026, 1, 1) if i % 2 else None for i in range(60)]
    batch = {
        "stage_events": pa.table({"contact_id": names, "stage": ["Lead"] * 60, "entered_at": starts}),
        "subscriptions": pa.table(
            {
                "subscription_id": names,
                "contact_id": names,
                "started_at": starts,
                "ended_at": pa.array(ends, pa.timestamp("us")),
                "mrr": [10.0] * 60,
            }
        ),
        "orders": pa.table({"order_id": names, "contact_id": names, "ordered_at": starts, "amount": [5.0] * 60}),
    }
    return warehouses.made(tmp_path_factory.mktemp("listed"), iter([batch]), ("crm",))


def test_a_list_that_dates_all_who_left_on_one_day_is_told(visit: Open, listed: Path) -> None:
    """On every part that reads the ends, and on none that does not; no cohort is called weak for it."""
    shown = {"as_of": "2026-01-05", "period": "all"}
    for part, activity_ in (("Cohorts", "Subscription"), ("Curves", "Subscription"), ("Money", ""), ("Activity", "")):
        choice = {"activity": activity_} if activity_ else {"active_with": "Subscriptions"}
        (notice,) = at(visit, listed, part, **shown, **choice).warning
        assert "All 30 who left did so on one day, 1 Jan 2026" in notice.value.replace("\\", "")
        assert "in 6 different months" in notice.value
    tab = at(visit, listed, cohort_grain="Month", **shown)
    assert "All 30 who left are dated 1 Jan 2026" in texts(tab) and "stay less:" not in texts(tab)
    assert not any(row["weak"] for row in drawn(tab, "rows of cohorts"))
    assert not at(visit, listed, activity="Order", **shown).warning
    assert not at(visit, listed, "Activity", active_with="Orders", **shown).warning
    assert not at(visit, listed, as_of="2025-12-31", period="all").warning


def test_the_report_tells_it_too(listed: Path, asked: Any) -> None:
    with ready(load_settings(warehouse=str(listed)), shipped_models()["crm"], shipped_models()) as m:
        answer, found = retention_text.ask("retention", m, Scope("crm", datetime(2026, 1, 5)), {})
    told = found["left_on_one_day"]
    assert (told["day"], told["left"], told["left_then"], told["months_of_start"]) == ("2026-01-01", 30, 30, 6)
    assert str(retention_text.as_table(answer).caption) == told["notice"]
    answer, found = retention_text.ask("retention", *asked, {})
    assert found["left_on_one_day"] is None and not retention_text.as_table(answer).caption


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("model", ["crm", "customer_lifecycle"])
def test_every_part_is_drawn(visit: Open, company: Path, part: str, model: str) -> None:
    tab = at(visit, company, part, model=model, compare="previous", by="source")
    assert not tab.warning
    assert tab.get("vega_lite_chart")


def test_the_cells_drawn_are_the_answer(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    found = retention(m, scope, RULES)
    rows = drawn(at(visit, company), "rows of cohorts")
    cells = {(r["cohort"], r["age"]): (r["retained"], r["eligible"]) for r in rows}
    expected = {
        (c.start.isoformat(), x.age): (x.retained, x.eligible) for c in found.whole.cohorts for x in c.cells if x
    }
    expected |= {("", x.age): (x.retained, x.eligible) for x in found.whole.pooled if x}
    assert cells == expected
    assert {r["row"] for r in rows} == {frames.ALL} | {
        f"{scope.calendar.name(c.start, 'quarter')} · {c.size:,}" for c in found.whole.cohorts if c.size
    }


def test_a_cell_opens_its_customers_and_a_customer_the_history(visit: Open, company: Path) -> None:
    tab = at(visit, company)
    cell = next(r for r in drawn(tab, "rows of cohorts") if r["cohort"] and r["age"] > 0 and r["retained"])
    tab.session_state["triangle.chart"] = {"selection": {"cell": [{"cohort": cell["cohort"], "age": cell["age"]}]}}
    tab.run()
    assert f"{cell['retained']:,} customers of " in texts(tab)
    opened(tab, "Active since")


def test_the_customer_behind_a_movement_opens_its_history(visit: Open, company: Path) -> None:
    opened(at(visit, company, "Money"), "Movement", 1)


def test_the_group_whose_revenue_grew_most_is_named(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    found = mrr(m, replace(scope, by="source", grain="month"))
    gains = {named(value): periods[-1].end - periods[0].start for value, periods in found.segments}
    best = max(gains, key=gains.__getitem__)
    assert gains[best] > 0
    said = f"Recurring revenue grew most in “{best}”: +{labels.money(gains[best] / 100)}"
    assert said in texts(at(visit, company, "Money", by="source"))


def test_groups_and_periods_stand_beside_each_other(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    asked_of = replace(scope, by="source", compare="previous", grain="quarter")
    found = retention(m, asked_of, replace(RULES, activity="orders", return_activity="orders"))
    tab = at(visit, company, by="source", compare="previous", activity="Order")
    named = [(value or "not set", t) for value, t in found.segments]
    assert side_by_side(found, named) in texts(tab)
    rows = drawn(tab, "rows of cohorts", nth=1)
    assert any(row["row"].startswith("This period ·") for row in rows), {row["row"] for row in rows}
    value, largest = found.segments[0]
    mine = [(r["age"], r["retained"]) for r in rows if r["row"] == f"{value} · {largest.size:,}"]
    assert mine == [(x.age, x.retained) for x in largest.pooled if x and x.eligible >= 10]
    assert "Mature cohorts of each together" not in texts(at(visit, company))
    few = texts(at(visit, company, by="source", **{"where.source": "organic"}))  # nowhere are there ten
    assert "No two of them are old and large enough to compare" in few
    assert "could not be worked out" not in few


def test_lifetimes_of_groups_stand_beside_those_of_all_of_whom_the_title_speaks(
    visit: Open, company: Path, asked: Any
) -> None:
    m, scope = asked
    found = lifetimes(m, replace(scope, by="source"), RULES)
    tab = at(visit, company, "Curves", by="source", cohort_grain="Quarter")
    assert lasting(found) in texts(tab)
    rows = drawn(tab, f"{ALL}: ")
    assert rows[0]["series"] == ALL and rows[0]["note"] == f"{found.whole.n:,} at risk"
    assert len({row["series"] for row in rows}) == 1 + sum(bool(t.n) for _, t in found.segments)


def test_choices_and_filters_change_what_is_drawn(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    tab = at(
        visit,
        company,
        activity="Order",
        cohort_grain="Month",
        mode="Active then or later",
        **{"where.source": "organic"},
    )
    rules = replace(RULES, activity="orders", return_activity="orders", mode="rolling", periods=PERIODS["month"])
    asked_of = replace(scope, grain="month", filters=(Choice("source", ("organic",)),))
    found = retention(m, asked_of, rules)
    cells = {(r["cohort"], r["age"]): r["retained"] for r in drawn(tab, "rows of cohorts") if r["cohort"]}
    assert cells == {(c.start.isoformat(), x.age): x.retained for c in found.whole.cohorts for x in c.cells if x}


@pytest.mark.parametrize("what", ["Orders", "Subscriptions"])
def test_activity_is_told_by_group_and_beside_the_period_before(
    visit: Open, company: Path, asked: Any, what: str
) -> None:
    m, scope = asked
    scope = replace(scope, by="source", compare="previous", grain="month")
    found = activity(m, scope) if what == "Orders" else of_book(mrr(m, scope))
    tab = at(visit, company, "Activity", by="source", compare="previous", active_with=what)
    rows = drawn(tab, "active, ")
    got = {(r["series"], r["name"]): r["value"] for r in rows}
    name = scope.calendar.name
    assert got == {
        (value or "not set", name(p.start_on, "month")): p.active for value, ps in found.segments for p in ps
    }
    assert activity_words.groups(found) in texts(tab)
    assert activity_words.earlier(found) in texts(tab)
    bars = drawn(tab, "Went dormant: ")
    assert {r["series"]: r["value"] for r in bars if r["label"] == "New"} == {
        "now": sum(p.new for p in found.periods),
        "before": sum(p.new for p in found.comparison.periods) if found.comparison else None,
    }
    assert "add up to all" not in texts(at(visit, company, "Activity", active_with=what))


def test_the_waterfall_ends_where_its_steps_lead(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    periods = mrr(m, replace(scope, grain="month")).periods
    tab = at(visit, company, "Money")
    steps = drawn(tab, "Start, ")
    assert [s["high"] for s in steps[:1] + steps[-1:]] == [periods[0].start / 100, periods[-1].end / 100]
    assert round(steps[0]["high"] + sum(s["high"] - s["low"] for s in steps[1:-1]), 2) == steps[-1]["high"]
    grew, known = sum((p.nrr or 0) > 1 for p in periods), sum(p.nrr is not None for p in periods)
    assert f"Without new customers the book grew in {grew} of {known} months" in texts(tab)
    rates = drawn(tab, "NRR ")
    assert [r["value"] for r in rates if r["series"] == "NRR"] == [p.nrr for p in periods if p.nrr is not None]


def test_nobody_in_the_filters_is_said(visit: Open, company: Path) -> None:
    for part in PARTS:
        tab = at(visit, company, part, **{"from": "2019-01-01", "to": "2019-02-01", "cohorts": "Those of the period"})
        assert not tab.warning
    nobody = at(visit, company, as_of="2019-01-01")
    assert "Nobody has started by then" in texts(nobody)


def test_a_shop_without_subscriptions_follows_orders(visit: Open, only_orders: Path) -> None:
    assert "order again" in texts(at(visit, only_orders)) or "stay less" in texts(at(visit, only_orders))
    assert "subscriptions is not in the warehouse" in texts(at(visit, only_orders, "Money"))
    assert "were active in" in texts(at(visit, only_orders, "Activity"))


def test_without_purchases_stages_are_followed_and_the_rest_says_what_is_missing(visit: Open, neither: Path) -> None:
    assert drawn(at(visit, neither), "rows of cohorts")
    for part, table in (("Money", "subscriptions"), ("Activity", "orders")):
        assert f"The table {table} is not in the warehouse" in texts(at(visit, neither, part))


def test_a_failing_question_is_told_in_its_card(visit: Open, company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise WarehouseError("timeout", "The question took longer than 30 seconds.", "Narrow the period.")

    monkeypatch.setattr("queries.retention._retention", fail)
    monkeypatch.setattr("queries.mrr._mrr", fail)
    for part in ("Cohorts", "Money"):
        assert "took longer" in texts(at(visit, company, part))


def test_odd_names_are_shown_as_they_are(visit: Open, oddities: Path) -> None:
    tab = at(visit, oddities, activity="Enters any stage", by="**bold**")
    assert drawn(tab, "rows of cohorts")


def test_a_median_is_told_as_far_as_ten_customers_reach() -> None:
    """Of 40 subscribers 36 are seen for ten days only; that the two others left later says nothing of half of them."""
    day = 86_400.0
    early = [(10 * day, "open", 36), (20 * day, "left", 2), (30 * day, "left", 2)]
    assert lasting(Lifetimes(LifeTable(tuple(early)), ())).startswith(
        "More than half stay as long as ten were followed"
    )
    assert frames.lifetimes(Lifetimes(LifeTable(tuple(early)), ()))["age"].tolist() == [0.0]
    many = [(10 * day, "open", 6), (20 * day, "left", 20), (30 * day, "open", 14)]
    assert lasting(Lifetimes(LifeTable(tuple(many)), ())).startswith("Half have left after 20 days")
