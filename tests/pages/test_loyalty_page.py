"""The loyalty page: full, empty, filtered, broken, without tables; what it draws is what was answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from lifecycle import loyalty_words as words
from lifecycle.retention_words import named
from lifecycle.scope import Scope
from lifecycle.simulate import simulate
from lifecycle.value import Aged, Historic, added
from pages.customers import frames_value
from pages.ui import loyalty_text, terminal
from pages.ui.picture import ALL
from queries.errors import WarehouseError
from queries.ladder import ladder
from queries.purchases import repeat
from queries.ready import OptionError
from queries.referrals import unasked
from queries.rfm import rfm
from queries.surveys import contentment, satisfaction
from tests.pages import warehouses
from tests.pages.conftest import Open
from tests.pages.reading import drawn, opened, texts

PAGE = "pages/customers/loyalty.py"
SHOP = ("stage_events", "orders")
PARTS = ("Repeat purchase", "Recommendation", "The loop", "Value")


def at(visit: Open, warehouse: Path, part: str = "Repeat purchase", **params: Any) -> AppTest:
    tab = visit(warehouse, loyalty=part, **params, page=PAGE)
    assert not tab.exception
    return tab


@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_drawn(visit: Open, company: Path, part: str) -> None:
    tab = at(visit, company, part, compare="previous", by="source")
    assert not tab.warning
    assert len(tab.metric) >= 4


def test_the_numbers_drawn_are_the_answer(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    bought, steps, groups = repeat(m, scope), ladder(m, scope), rfm(m, scope)
    tab = at(visit, company)
    assert tab.metric[0].value == f"{bought.whole.rate(90).value * 100:.1f} %"  # type: ignore[operator]
    assert [row["n"] for row in drawn(tab, "Bought: ")] == [steps.bought, steps.again, steps.promoters]
    cells = {(r["recency"], r["frequency"]): r["customers"] for r in drawn(tab, "New: ")}
    assert cells == {(g.recency, g.frequency): g.customers for g in groups.groups}
    answered = satisfaction(m, scope).whole
    tab = at(visit, company, "Recommendation")
    assert tab.metric[2].value == f"{answered.value:+.0f}"
    assert {row["score"]: row["n"] for row in drawn(tab, "0: ")} == {s: answered.scores.get(s, 0) for s in range(11)}


def test_satisfaction_is_drawn_where_it_is_asked(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    whole = contentment(m, scope).whole
    tab = at(visit, company, "Recommendation", by="source")
    rows = drawn(tab, "Satisfaction, ")
    assert {row["score"]: row["n"] for row in rows} == {s: whole.scores.get(s, 0) for s in range(11)}
    assert sum(row["n"] for row in rows if row["mood"] == "Satisfied") == whole.rate.numerator
    assert f"of {whole.n:,} respondents are satisfied" in texts(tab)
    assert words.satisfied_apart(contentment(m, replace(scope, by="source"))) in texts(tab)
    assert "Share satisfied by source" in texts(tab)


@pytest.fixture(scope="module")
def unpriced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop whose orders have no amounts."""
    batches = (
        {n: t.drop_columns(["amount", "margin"]) if n == "orders" else t for n, t in b.items() if n in SHOP}
        for b in simulate(400, as_of=warehouses.AS_OF)
    )
    return warehouses.made(tmp_path_factory.mktemp("unpriced"), batches, ("crm",))


def test_nothing_is_said_of_money_that_nobody_told(visit: Open, unpriced: Path) -> None:
    value = texts(at(visit, unpriced, "Value"))
    assert value.count("No order has an amount") == 2
    assert "A customer brings" not in value
    bought = at(visit, unpriced)
    assert "of all revenue" not in texts(bought)
    assert "stay away" in texts(bought) or "stayed away" in texts(bought) or "late" in texts(bought)
    assert {r["worth"] for r in drawn(bought, "New: ")} == {""}


def test_a_group_opens_its_customers(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    group = max(rfm(m, scope).groups, key=lambda g: g.customers)
    tab = visit(company, loyalty="Repeat purchase")
    chosen = {"recency": group.recency, "frequency": group.frequency}
    tab.session_state["rfm.chart"] = {"selection": {"group": [chosen]}}
    tab = tab.switch_page(PAGE).run()
    assert f"{group.customers:,} customers: {group.name}" in texts(tab)
    (listed,) = [d.value for d in tab.dataframe if "Days ago" in d.value]
    assert len(listed) == min(group.customers, 100)
    opened(tab, "Days ago")


def test_referrals_say_that_they_are_not_divided(visit: Open, company: Path) -> None:
    said = "neither breakdown nor comparison divides"
    assert said in texts(at(visit, company, "The loop", by="source"))
    assert said not in texts(at(visit, company, "The loop"))


def test_promoters_still_to_ask_are_listed(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    found = unasked(m, scope)
    tab = at(visit, company, "The loop")
    assert f"{found.total:,} promoters who have referred nobody yet" in texts(tab)
    listed = [d.value for d in tab.dataframe if "Score" in d.value]
    assert [len(rows) for rows in listed] == [found.table.num_rows]
    opened(tab, "Score")


def test_value_says_that_no_other_period_stands_beside_it(visit: Open, company: Path) -> None:
    said = "No other period stands beside value"
    assert said in texts(at(visit, company, "Value", compare="previous"))
    assert said not in texts(at(visit, company, "Value"))


def test_the_margin_scales_value(visit: Open, company: Path) -> None:
    half, all_ = (at(visit, company, "Value", margin=share) for share in ("50", "100"))
    (a,), (b,) = ([m.value for m in tab.metric if "rule" in m.label] for tab in (half, all_))

    def amount(text: str) -> float:
        return float(text.replace(",", "").replace(" k", "e3").replace(" M", "e6"))

    assert amount(b) == pytest.approx(2 * amount(a), rel=0.01)


@pytest.mark.parametrize("part", PARTS)
def test_nothing_left_by_the_filters(visit: Open, company: Path, part: str) -> None:
    tab = at(visit, company, part, **{"from": "2019-01-01", "to": "2019-02-01", "period": "Custom"})
    assert not tab.warning
    assert [m.value for m in tab.metric[:3]] == ["n/a", "not reached", "n/a"]


def test_filters_change_the_answer(visit: Open, company: Path) -> None:
    every, some = at(visit, company), at(visit, company, **{"where.source": "organic"})
    assert every.metric[0].value != some.metric[0].value
    assert "source is organic" in texts(some)


@pytest.mark.parametrize("part", PARTS)
def test_without_tables_the_page_says_what_is_missing(visit: Open, oddities: Path, part: str) -> None:
    tab = at(visit, oddities, part)
    needed = {"Repeat purchase": "orders", "Recommendation": "surveys", "The loop": "referrals", "Value": "orders"}
    said = " ".join(i.value.replace("\\", "") for i in tab.info)
    assert needed[part] in said
    assert "Load" in said
    assert not tab.metric


def test_a_failing_question_leaves_the_rest_of_the_page(
    visit: Open, company: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise WarehouseError("timeout", "The question took longer than 15 seconds.", "Narrow the period.")

    broken.__module__, broken.__qualname__ = "queries.ladder", "ladder"
    monkeypatch.setattr("pages.customers.repeat.ladder", broken)
    tab = at(visit, company)
    assert "longer than 15 seconds" in tab.warning[0].value.replace("\\", "")
    assert len(tab.metric) == 4


def test_the_terminal_gives_the_same_answers(asked: Any) -> None:
    m, scope = asked
    found, report = loyalty_text.ask("loyalty", m, scope, {})
    assert report["nps"]["n"] == satisfaction(m, scope).whole.n
    assert report["repeat"]["within_90_days"]["numerator"] == repeat(m, scope).whole.rate(90).numerator
    assert report["csat"]["numerator"] == contentment(m, scope).whole.rate.numerator
    assert report["missing"] == {}
    assert loyalty_text.as_table(found).row_count > 20
    worth, value = loyalty_text.ask("clv", m, scope, {"margin": "0.5", "months": "12"})
    assert value["margin"] == 0.5
    assert value["orders"]["months"] == 12
    assert loyalty_text.as_table(worth).row_count > 5
    rows = terminal.as_csv(loyalty_text.lines(value)).splitlines()
    assert rows[0] == "part,item,measure,value"
    assert f"acquisition,,new_customers,{value['acquisition']['new_customers']}" in rows
    for wrong in ({"margin": "3"}, {"months": "soon"}):
        with pytest.raises(OptionError, match=next(iter(wrong))):
            loyalty_text.ask("clv", m, scope, wrong)


def cohorts(*values: float) -> Historic:
    """Cohorts of forty by month, each having brought so much a customer in 30 days."""
    found = tuple((date(2025, 1 + i, 1), Aged(40, {0: (40, 40 * v)})) for i, v in enumerate(values))
    return Historic("crm", 1, Scope("crm", datetime(2026, 1, 1)), added([aged for _, aged in found]), (), None, found)


def test_cohorts_are_told_apart_by_their_order_alone_and_only_beyond_chance() -> None:
    """No test judges their money, and so no single one is named."""
    title = frames_value.cohorts_title
    assert title(cohorts(10, 20, 30, 40, 50), 0.5) == (
        "The later a cohort, the more it brings in its first 30 days: 5 to 25 a customer"
    )
    assert title(cohorts(50, 40, 30, 20, 10), 1.0).startswith("The later a cohort, the less it brings")
    assert title(cohorts(50, 10, 30, 40, 20), 1.0) == (
        "In their first 30 days cohorts have brought 10 to 50 a customer, with no clear trend"
    )
    assert title(cohorts(10, 20, 30, 40), 1.0).endswith("with no clear trend")  # four in order may be chance
    assert title(cohorts(10), 1.0) == "What has each cohort brought?"


def test_beside_the_parts_stands_the_whole_of_which_the_title_speaks(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    bought = repeat(m, replace(scope, by="source"))
    tab = at(visit, company, by="source")
    assert words.second(bought.times) in texts(tab)
    curves = drawn(tab, "All together: ")
    assert {row["series"] for row in curves} == {ALL, *(named(value) for value, *_ in bought.rows)}
    assert curves[-1]["series"] != ALL and curves[0]["note"] == f"{bought.times.n:,} customers"
    worth = at(visit, company, "Value", by="source", period="all")
    assert "A customer brings " in texts(worth)
    assert len({row["series"] for row in drawn(worth, "All together: ")}) > 1
