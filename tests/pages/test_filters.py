"""The filter bar: whatever a link or a widget says, the page shows a valid view and tells what it dropped."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lifecycle.scope import Scope
from lifecycle.segments import Choice, Span
from tests.pages.conftest import Open

ARRIVALS = [
    ("period", "last_90_days", "2 Dec 2025 – 1 Mar 2026"),
    ("period", "Last 90 days", "2 Dec 2025 – 1 Mar 2026"),
    ("period", "all", "All time"),
    ("from", "2025-02-01", "from 1 Feb 2025"),
    ("as_of", "2025-12-31", "as of 31 Dec 2025 23:59 UTC"),
    ("timezone", "Pacific/Apia", "days in Pacific/Apia"),
    ("compare", "year", "compared with same period last year"),
    ("by", "source", "by source"),
    ("where.source", "referral", "source is referral"),
    ("where.lead_score", "40..60", "lead_score from 40.0 to 60.0"),
    ("where.lead_score", ["40", "60"], "lead_score from 40.0 to 60.0"),
]
BAD = [
    ("model", "__class__"),
    ("period", "tomorrow"),
    ("period", "Nothing"),
    ("from", "2026-02-30"),
    ("from", "0000-00-00"),
    ("to", "9999-12-31"),
    ("to", "infinity"),
    ("as_of", "NaN"),
    ("as_of", "1e309"),
    ("timezone", "Mars/Olympus"),
    ("compare", "'; drop table contacts; --"),
    ("by", "e-mail"),
    ("by", "lead_score"),
    ("basis", "stage;SELECT 1"),
    ("count", "-1"),
    ("window", "forever"),
    ("window", "0d"),
    ("grain", "\x00"),
    ("stages", "mql,nope"),
    ("top", "1e9"),
    ("where.source", "x' OR 1=1 --"),
    ("where.lead_score", "high"),
    ("where.lead_score", "NaN..5"),
    ("where.nothing", "x"),
]


def scope(tab: AppTest) -> Scope:
    return tab.session_state["_view"].scope


def line(tab: AppTest) -> str:
    """The active filters as a reader sees them."""
    return tab.caption[0].value.replace("\\", "")


def bar_open(tab: AppTest) -> AppTest:
    """The same tab with all of the bar shown."""
    tab.session_state["_more"] = True
    return tab.run()


def notices(tab: AppTest) -> str:
    return " ".join(w.value for w in tab.warning).replace("\\", "")


@pytest.mark.parametrize(("name", "value", "said"), ARRIVALS, ids=lambda v: str(v)[:24])
def test_a_link_is_understood_and_said(visit: Open, company: Path, name: str, value: str, said: str) -> None:
    tab = visit(company, **{name: value})
    assert not tab.exception
    assert not tab.warning
    assert said in line(tab)


@pytest.mark.parametrize(("name", "value"), BAD, ids=lambda v: str(v)[:24])
def test_a_bad_value_is_dropped_with_a_notice(visit: Open, company: Path, name: str, value: str) -> None:
    tab = visit(company, **{name: value})
    plain = visit(company)
    assert not tab.exception
    assert name in notices(tab)
    assert scope(tab) == scope(plain)
    assert not plain.warning
    tab.run()
    assert not tab.warning, "said once"


def test_a_reversed_period_is_put_in_order(visit: Open, company: Path) -> None:
    tab = visit(company, **{"from": "2026-01-01", "to": "2025-01-01"})
    assert (scope(tab).start, scope(tab).end) == (date(2025, 1, 1), date(2026, 1, 1))
    assert "exchanged" in notices(tab)


def test_a_link_of_the_terminal_and_one_of_the_bar_mean_the_same(visit: Open, company: Path) -> None:
    terminal = visit(company, period="last_90_days", by="source", compare="previous", top="3")
    bar = visit(company, period="Last 90 days", by="Source", compare="Previous period", top="3")
    assert scope(terminal) == scope(bar)


def test_a_closed_bar_draws_what_is_used_alone(visit: Open, company: Path) -> None:
    def drawn(tab: AppTest) -> set[str]:
        return {w.key for kind in (tab.multiselect, tab.slider, tab.text_input, tab.number_input) for w in kind}

    tab = visit(company)
    assert not drawn(tab)
    every = drawn(bar_open(tab))
    assert {"where.source", "where.region", "where.lead_score", "as_of", "top"} <= every
    tab.multiselect(key="where.source").set_value(["referral"])
    tab.slider(key="where.lead_score").set_value((10.0, 90.0))
    tab.run()
    assert drawn(tab) == every
    tab.session_state["_more"] = False
    assert drawn(tab.run()) == {"where.source", "where.lead_score"}
    assert drawn(tab.run()) == {"where.source", "where.lead_score"}
    assert scope(tab).filters == (Span("lead_score", 10.0, 90.0), Choice("source", ("referral",)))
    tab.multiselect(key="where.source").set_value([]).run()
    assert drawn(tab) == {"where.lead_score"}
    assert drawn(visit(company, **{"where.region": "EMEA", "top": "3"})) == {"where.region", "top"}


def test_widgets_make_the_scope(visit: Open, company: Path) -> None:
    tab = bar_open(visit(company))
    tab.selectbox(key="period").set_value("last_90_days")
    tab.selectbox(key="by").set_value("region")
    tab.multiselect(key="where.source").set_value(["referral", "organic"])
    tab.slider(key="where.lead_score").set_value((10.0, 90.0))
    tab.text_input(key="as_of").set_value("2026-02-01T10:30")
    tab.run()
    assert not tab.exception
    found = scope(tab)
    assert found.by == "region"
    assert found.as_of == datetime(2026, 2, 1, 10, 30)
    assert found.filters == (Span("lead_score", 10.0, 90.0), Choice("source", ("organic", "referral")))
    assert found.end == date(2026, 2, 2), "presets are seen from as_of"


def test_a_mistyped_instant_is_told_until_it_is_right(visit: Open, company: Path) -> None:
    tab = bar_open(visit(company))
    tab.text_input(key="as_of").set_value("31 February").run()
    assert "as_of" in notices(tab)
    tab.run()
    assert "as_of" in notices(tab)
    tab.text_input(key="as_of").set_value("2026-02-01").run()
    assert not tab.warning


def test_custom_starts_from_the_period_that_was_shown(visit: Open, company: Path) -> None:
    tab = visit(company, period="last_month")
    shown = scope(tab)
    tab.selectbox(key="period").set_value("custom").run()
    assert (scope(tab).start, scope(tab).end) == (shown.start, shown.end)
    tab.date_input(key="to").set_value(date(2026, 2, 15)).run()
    assert scope(tab).end == date(2026, 2, 15)


def test_reset_returns_everything_but_the_lifecycle(visit: Open, company: Path) -> None:
    tab = visit(
        company,
        **{"model": "customer_lifecycle", "period": "all", "by": "source", "where.source": "referral", "top": "3"},
    )
    tab.button(key="_reset").click().run()
    plain = visit(company, model="customer_lifecycle")
    assert scope(tab) == scope(plain)
    assert scope(tab).model == "customer_lifecycle"


def test_filters_stay_over_a_change_of_page_and_of_model(visit: Open, company: Path) -> None:
    tab = visit(company, **{"where.source": "referral", "by": "region"})
    for page in ("pages/trust/health.py", "pages/trust/definitions.py", "pages/funnel/funnel.py"):
        tab.switch_page(page).run()
        assert not tab.exception
        assert "source is referral" in line(tab)
    tab.selectbox(key="model").set_value("customer_lifecycle").run()
    assert "source is referral" in line(tab)
    assert "by region" in line(tab)


def test_funnel_choices_are_said_with_the_others(visit: Open, company: Path) -> None:
    tab = visit(company, window="90d", basis="stock", stages="lead,mql", grain="week", count="strict")
    assert scope(tab).window is None, "elsewhere they do not count"
    tab = visit(company, by="source", page="pages/funnel/funnel.py")
    tab.selectbox(key="window").set_value("30d")
    tab.selectbox(key="basis").set_value("stock")
    tab.multiselect(key="stages").set_value(["mql", "sql"]).run()
    assert not tab.exception
    assert scope(tab).stages == ("mql", "sql")
    assert all(said in line(tab) for said in ("within 30d", "basis: stock", "by source"))


def test_a_model_that_is_not_built_says_so_and_leaves_the_others(visit: Open, company: Path) -> None:
    tab = visit(company, model="inbound")
    assert not tab.exception
    assert "has not been built" in tab.info[0].value
    tab.selectbox(key="model").set_value("crm").run()
    assert not tab.info
    assert "CRM lifecycle" in line(tab)


def test_without_a_warehouse_the_page_says_what_to_do(visit: Open, tmp_path: Path) -> None:
    tab = visit(tmp_path / "nothing")
    assert not tab.exception
    assert any("There is no data yet" in text.value for text in tab.markdown)
    assert any("lifecycle load --stage-events" in code.value for code in tab.code)


def test_forty_oddly_named_columns_can_be_filtered(visit: Open, oddities: Path) -> None:
    tab = visit(oddities)
    assert not tab.exception
    segments = tab.session_state["_view"].around.catalog.visible
    assert len(segments) >= 40
    for group in (segments[i : i + 4] for i in range(0, len(segments), 4)):
        values = {s.name: next(v for v in s.values if v is not None) for s in group}
        tab = visit(oddities, **{f"where.{name}": value for name, value in values.items()}, by=group[0].name)
        assert not tab.exception
        assert not tab.warning
        assert set(scope(tab).filters) == {Choice(name, (value,)) for name, value in values.items()}
        assert scope(tab).by == group[0].name
