"""The alignment page: full, empty, filtered, broken, oddly named; what it draws is what was answered."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from queries import agreement
from queries.agreement import alignment
from queries.commitment import commitment
from queries.errors import WarehouseError
from queries.service import service
from tests.pages import warehouses
from tests.pages.conftest import Open
from tests.pages.reading import drawn, texts

PAGE = "pages/alignment/alignment.py"
PARTS = ("Agreement", "Why", "Threshold", "Service level", "Leads to discuss", "Both definitions")


def at(visit: Open, warehouse: Path, part: str = "Agreement", **params: Any) -> AppTest:
    tab = visit(warehouse, section=part, **params, page=PAGE)
    assert not tab.exception
    return tab


@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_drawn(visit: Open, company: Path, part: str) -> None:
    tab = at(visit, company, part, compare="previous", by="source")
    assert not tab.warning
    assert "Sales accepted" in texts(tab)


def test_the_numbers_drawn_are_the_answer(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    tab, found = at(visit, company), alignment(m, scope).whole
    acceptance, coverage, agreed, decided = tab.metric
    assert acceptance.value == f"{found.acceptance.value * 100:.1f} %"  # type: ignore[operator]
    assert coverage.value == f"{found.coverage.value * 100:.1f} %"  # type: ignore[operator]
    assert agreed.value == f"{found.positive_agreement.value * 100:.1f} %"  # type: ignore[operator]
    assert decided.value == f"{found.decided_of_due.value * 100:.1f} %"  # type: ignore[operator]
    assert f"{found.accepted:,} of {found.decided:,}" in texts(tab)
    months = commitment(m, scope).months
    drawn_months = drawn(tab, "Leads.")
    assert sum(row["n"] for row in drawn_months) == sum(month.delivered for month in months) == found.delivered
    for row, month in zip(drawn(tab, "Leads.", "targets"), months, strict=True):
        assert row["delivered"] == month.delivered
        assert row["pace"] == ("" if month.projected is None else f"→ {month.projected:,.0f}")
    (said,) = [c.proto.alt for c in tab.get("vega_lite_chart") if c.proto.alt.startswith("Leads.")]
    assert months[-1].projected is not None and " so far → " in said
    cells = {row["outcome"]: row["n"] for row in drawn(tab, "Accepted: ")}
    assert cells == {"accepted": found.accepted, "rejected": found.rejected, "bypass": found.bypass}


def test_a_cell_opens_as_many_leads_as_it_says(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    tab = visit(company, section="Agreement")
    tab.session_state["cells.chart"] = {"selection": {"cell": [{"outcome": "bypass"}]}}
    tab = tab.switch_page(PAGE).run()
    n = alignment(m, scope).whole.bypass
    assert f"{n:,} contacts: accepted by bypass" in texts(tab)
    (listed,) = [d.value for d in tab.dataframe if "Contact" in d.value]
    assert len(listed) == min(n, 100)


def test_a_status_opens_its_leads(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    tab = visit(company, section="Service level")
    tab.session_state["responses.chart"] = {"selection": {"bar": [{"label": "All", "status": "missed"}]}}
    tab = tab.switch_page(PAGE).run()
    assert f"{service(m, scope).whole.missed:,} contacts: touched too late, All" in texts(tab)


def test_nothing_left_by_the_filters(visit: Open, company: Path) -> None:
    for part in PARTS:
        tab = at(visit, company, part, **{"from": "2019-01-01", "to": "2019-02-01", "period": "Custom"})
        assert not tab.warning, part
        assert "0 %" not in texts(tab)
        assert [m.value for m in tab.metric[:4]] == ["n/a"] * 4


def test_filters_change_the_answer(visit: Open, company: Path) -> None:
    every, some = at(visit, company), at(visit, company, **{"where.source": "organic"})
    assert every.metric[0].value != some.metric[0].value
    assert "source is organic" in texts(some)


@pytest.mark.parametrize("part", ["Why", "Threshold", "Leads to discuss"])
def test_parts_say_that_they_are_not_divided(visit: Open, company: Path, part: str) -> None:
    said = "neither breakdown nor comparison divides"
    for choice in ({"by": "source"}, {"compare": "previous"}):
        assert said in texts(at(visit, company, part, **choice))
    assert said not in texts(at(visit, company, part))


def test_a_lifecycle_without_a_handoff_names_those_with_one(visit: Open, company: Path) -> None:
    tab = at(visit, company, model="customer_lifecycle")
    assert "no handoff" in tab.info[0].value.replace("\\", "")
    assert "CRM lifecycle" in tab.info[0].value
    assert not tab.metric


def test_without_activities_the_service_level_says_what_is_missing(visit: Open, oddities: Path) -> None:
    tab = at(visit, oddities, "Service level")
    assert "table activities" in tab.info[0].value.replace("\\", "")


def test_odd_names_are_shown_as_they_are(visit: Open, oddities: Path) -> None:
    for part in PARTS:
        tab = at(visit, oddities, part, by="**bold**")
        assert not tab.warning, part


def test_a_failing_question_leaves_the_rest_of_the_page(
    visit: Open, company: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise WarehouseError("timeout", "The question took longer than 15 seconds.", "Narrow the period.")

    broken.__module__, broken.__qualname__ = "queries.commitment", "commitment"
    monkeypatch.setattr("pages.alignment.agreement.commitment", broken)
    tab = at(visit, company)
    assert "longer than 15 seconds" in tab.warning[0].value.replace("\\", "")
    assert len(tab.metric) == 4
    assert agreement.alignment is alignment


def test_an_audit_sample_is_shown_with_its_fourth_cell(visit: Open, tmp_path: Path) -> None:
    """The worked example, a hundredth of it in each cell: kappa 0.50, PABAK 0.86, AC1 0.92."""
    cells = {(True, True): 4, (True, False): 6, (False, True): 1, (False, False): 89}
    verdicts = [verdict for verdict, n in cells.items() for _ in range(n)]
    who = [f"c{i}" for i in range(len(verdicts))]
    audits = pa.table({"contact_id": who, "marketing": [m for m, _ in verdicts], "sales": [s for _, s in verdicts]})
    at_ = pa.array([datetime(2026, 1, 5)] * len(who), pa.timestamp("us"))
    events = pa.table({"contact_id": who, "stage": ["MQL"] * len(who), "entered_at": at_})
    warehouse = warehouses.made(tmp_path, iter([{"stage_events": events, "audits": audits}]), ("crm",))
    tab = at(visit, warehouse, "Threshold")
    assert "The audit sample, 100 records" in texts(tab)
    assert [m.value for m in tab.metric[-4:]] == ["93.0 %", "0.50", "0.86", "0.92"]


def test_one_score_alone_cannot_be_cut(visit: Open, tmp_path: Path) -> None:
    at_ = pa.array([datetime(2026, 1, 5, hour) for hour in range(3)], pa.timestamp("us"))
    events = {"contact_id": ["ann", "bob", "bob"], "stage": ["Lead", "Lead", "MQL"], "entered_at": at_}
    contacts = {"contact_id": ["ann", "bob"], "lead_score": [10.0, 50.0]}
    batch = {"stage_events": pa.table(events), "contacts": pa.table(contacts)}
    tab = at(visit, warehouses.made(tmp_path, iter([batch]), ("crm",)), "Threshold")
    assert not tab.warning
    assert "All leads here have the score 50: there is nothing to cut" in texts(tab)


def test_of_three_hundred_reps_the_busiest_are_shown_and_any_can_be_found(visit: Open, tmp_path: Path) -> None:
    who = [f"c{i:03}" for i in range(320)]
    reps = [f"Rep {max(i - 20, 0):03}" for i in range(320)]  # the first has 21 leads, all others one
    day = datetime(2026, 1, 5)
    at_ = pa.array([day] * 320, pa.timestamp("us"))
    events = pa.table({"contact_id": who, "stage": ["MQL"] * 320, "entered_at": at_})
    contacts = pa.table({"contact_id": who, "owner": reps, "note": [f"n{i}" for i in range(320)]})
    calls = pa.table({"contact_id": ["c319"], "kind": ["call"], "occurred_at": pa.array([day], pa.timestamp("us"))})
    tables = {"stage_events": events, "contacts": contacts, "activities": calls}
    warehouse = warehouses.made(tmp_path, iter([tables]), ("crm",))
    tab = at(visit, warehouse, "Service level")
    groups = {row["label"]: 0 for row in drawn(tab, "All: ", "ends")}
    assert (len(groups), list(groups)[:2], list(groups)[-1]) == (22, ["All", "Rep 000"], "280 others")
    assert sum(row["n"] for row in drawn(tab, "All: ")) == 2 * 320
    tab = tab.multiselect(key="reps").set_value(["Rep 299"]).run()
    assert not tab.exception
    assert [row["n"] for row in drawn(tab, "All: ") if row["label"] == "Rep 299"] == [1]
    tab.session_state["responses.chart"] = {"selection": {"bar": [{"label": "279 others", "status": "not_due"}]}}
    assert "279 contacts: not yet due, 279 others" in texts(tab.run())
