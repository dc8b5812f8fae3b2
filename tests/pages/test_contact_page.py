"""The contact page: found, not found, several, accounts, personal data, missing tables; what it draws is the answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from lifecycle.scope import Scope
from lifecycle.stages import shipped_models
from queries.errors import WarehouseError
from queries.history import history
from queries.modelled import Modelled, latest
from queries.settings import load_settings
from queries.warehouse import open_warehouse
from tests.pages import odd_companies, warehouses
from tests.pages.conftest import Open
from tests.pages.reading import texts

PAGE = "pages/contacts/contact.py"


def at(visit: Open, warehouse: Path, **params: Any) -> AppTest:
    tab = visit(warehouse, **params, page=PAGE)
    assert not tab.exception
    return tab


def searched(tab: AppTest, text: str) -> AppTest:
    tab = tab.text_input(key="find").set_value(text).run()
    assert not tab.exception
    return tab


def table(tab: AppTest, column: str) -> Any:
    return next(t.value for t in tab.dataframe if column in t.value.columns)


@dataclass
class Asked:
    """The demo company's builds, asked directly."""

    crm: Modelled
    scope: Scope

    def one(self) -> str:
        """The id of a contact with several journeys."""
        j = self.crm.journeys.c
        rows = self.crm.warehouse.query(self.crm.journeys.select().where(j.journey == 2).order_by(j.entity_id).limit(1))
        return str(rows["entity_id"][0])


@pytest.fixture
def asked(company: Path) -> Iterator[Asked]:
    warehouse = open_warehouse(load_settings(warehouse=str(company)))
    m = latest(warehouse, shipped_models()["crm"])
    yield Asked(m, Scope("crm", m.build.as_of))
    warehouse.close()


def test_before_a_search_the_page_says_what_to_do(visit: Open, company: Path) -> None:
    tab = at(visit, company)
    assert "Search for an id" in texts(tab)
    assert not tab.metric


def test_a_link_opens_the_whole_history_as_it_was_answered(visit: Open, company: Path, asked: Asked) -> None:
    who = asked.one()
    known, tab = history(asked.crm, asked.scope, who), at(visit, company, contact=who)
    assert f"{who} came as far as" in texts(tab)
    figures = {m.label: m.value for m in tab.metric}
    assert known.now is not None
    assert figures["Now"] == asked.crm.model.stage(known.now.stage).label
    assert figures["Journeys"] == str(max(s.journey for s in known.stays))
    lines = table(tab, "After")
    assert len(lines) == len(known.stays) + len(known.moments) + sum(m.until is not None for m in known.moments)
    chart = tab.get("vega_lite_chart")[0]
    drawn = {d.name: pa.ipc.open_stream(d.data.data).read_all() for d in chart.proto.datasets}
    stays = [s for s in known.stays if known.length(s) is not None and asked.crm.model.stage(s.stage).kind != "exit"]
    lasting = [m for m in known.moments if m.kind in ("deal", "subscription")]
    assert drawn["main"].num_rows == len(stays) + len(known.verdicts) + len(lasting)
    assert drawn["journeys"].num_rows == max(s.journey for s in known.stays)
    assert "raw rows: " in texts(tab)


def test_only_several_journeys_are_numbered(visit: Open, company: Path, asked: Asked) -> None:
    j = asked.crm.journeys.c
    once = sa.select(j.entity_id).group_by(j.entity_id).having(sa.func.max(j.journey) == 1).order_by(j.entity_id)
    single = str(asked.crm.warehouse.query(once.limit(1))["entity_id"][0])
    assert "Journey" in table(at(visit, company, contact=asked.one()), "After")
    assert "Journey" not in table(at(visit, company, contact=single), "After")


def test_a_search_opens_the_only_match(visit: Open, company: Path, asked: Asked) -> None:
    tab = searched(at(visit, company), f" {asked.one()} ")
    assert f"{asked.one()} came as far as" in texts(tab)
    assert tab.query_params["contact"] == asked.one()


def test_of_several_matches_one_is_picked(visit: Open, company: Path) -> None:
    tab = searched(at(visit, company), "c00")
    assert "contacts fit “c00”; the best 50 are listed" in texts(tab)
    assert not tab.metric
    grid = next(t for t in tab.dataframe if "Now" in t.value.columns)
    assert list(grid.value)[:3] == ["Contact", "Now", "Since"]
    assert len(grid.value.columns) <= 10, "as many as stand beside each other"
    wanted = grid.value["Contact"][3]
    tab.session_state[grid.key] = {"selection": {"rows": [3]}}
    tab = tab.run()
    assert tab.query_params["contact"] == wanted
    assert tab.metric[0].label == "Now"


def test_a_new_search_leaves_the_old_contact(visit: Open, company: Path, asked: Asked) -> None:
    tab = searched(at(visit, company, contact=asked.one()), "nobody at all")
    assert "Nothing fits “nobody at all”" in texts(tab)
    assert not tab.metric
    assert "contact" not in tab.query_params


@pytest.mark.parametrize("wanted", ["nobody", "' OR 1=1 --", "**bold**", "x" * 400])
def test_a_link_to_nobody_says_so(visit: Open, company: Path, wanted: str) -> None:
    tab = at(visit, company, contact=wanted)
    assert f"No contact “{wanted[:80]}” is known" in texts(tab)
    assert not tab.metric


def test_a_link_with_control_characters_says_so(visit: Open, company: Path) -> None:
    assert "contains control characters" in texts(at(visit, company, contact="a\x00b"))
    assert "contains control characters" in texts(searched(at(visit, company), "a\x07b"))


def test_names_are_neither_shown_nor_searched_without_permission(visit: Open, company: Path) -> None:
    tab = searched(at(visit, company), "Testa Person")
    assert "Names and e-mail addresses are masked" in texts(tab)
    assert "Nothing fits" in texts(tab)
    tab = at(visit, company, contact="c00001")
    facts = dict(table(tab, "Value").to_numpy())
    assert (facts["Name"][:4], facts["Email"]) == ("T***", "p***@example.com")


def test_names_are_shown_and_searched_with_permission(
    visit: Open, company: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIFECYCLE_PERSONAL_DATA", "true")
    tab = searched(at(visit, company), "person00001@")
    assert dict(table(tab, "Value").to_numpy())["Name"] == "Testa Person 00001"
    assert tab.query_params["contact"] == "c00001"  # the id, never what was searched for
    assert "person00001" not in str(dict(tab.query_params))


def people(folder: Path) -> Path:
    """An account of two contacts, one of them under an id that is an e-mail address; nothing was done with them."""
    stamp = pa.array([datetime(2026, 1, d) for d in (5, 6, 9)], pa.timestamp("us"))
    who = ["ann@corp.example", "bob", "bob"]
    events = pa.table({"contact_id": who, "stage": ["Lead", "Lead", "Marketing qualified"], "entered_at": stamp})
    contacts = pa.table({"contact_id": ["ann@corp.example", "bob"], "account_id": ["acme", "acme"]})
    return warehouses.made(folder, iter([{"stage_events": events, "contacts": contacts}]), ("crm", "discovery"))


def test_an_account_tells_who_took_part(visit: Open, tmp_path: Path) -> None:
    tab = at(visit, people(tmp_path), contact="bob", model="discovery")
    assert "bob belongs to account acme" in texts(tab)
    assert "2 of 2 contacts took part" in texts(tab)
    assert set(table(tab, "After")["Contact"]) == {"ann@corp.example", "bob"}
    assert list(table(tab, "It says")["What became of it"]) == ["used", "repeated", "used"]


def test_what_is_the_same_of_all_contacts_is_said_once(visit: Open, tmp_path: Path) -> None:
    stamp = pa.array([datetime(2026, 1, d) for d in (5, 6)], pa.timestamp("us"))
    who = ["ann", "bob"]
    events = pa.table({"contact_id": who, "stage": ["Lead", "Lead"], "entered_at": stamp})
    known = {"account_id": ["acme", "acme"], "region": ["EMEA", "EMEA"], "source": ["event", "webinar"]}
    tables = {"stage_events": events, "contacts": pa.table({"contact_id": who, **known})}
    tab = at(visit, warehouses.made(tmp_path, iter([tables]), ("discovery",)), contact="acme", model="discovery")
    assert "The same of all: region EMEA." in texts(tab)
    assert list(table(tab, "Source").columns) == ["Contact", "Source"]


def test_without_activities_the_page_says_so_and_tells_the_rest(visit: Open, tmp_path: Path) -> None:
    tab = at(visit, people(tmp_path), contact="bob")
    assert "not in the warehouse: activities, deals, orders, subscriptions, surveys, referrals" in texts(tab)
    assert {m.label: m.value for m in tab.metric}["First touch"] == "unknown"
    assert "2 raw rows: 2 used" in texts(tab)


def test_an_account_s_id_offers_its_contacts_where_these_move(visit: Open, tmp_path: Path) -> None:
    tab = at(visit, people(tmp_path), contact="acme")
    assert "2 contacts fit “acme”" in texts(tab)
    assert list(table(tab, "Now")["Contact"]) == ["ann@corp.example", "bob"]


def test_an_id_that_is_an_e_mail_address_stays_out_of_the_link(visit: Open, tmp_path: Path) -> None:
    tab = searched(at(visit, people(tmp_path)), "ann@")
    assert "ann@corp.example came as far as Lead" in texts(tab)
    assert "contact" not in tab.query_params


def test_odd_ids_are_shown_as_they_are(visit: Open, tmp_path: Path) -> None:
    warehouse = odd_companies.hostile(tmp_path)
    for wanted in odd_companies.HOSTILE:
        tab = at(visit, warehouse, contact=wanted)
        assert not tab.warning
        assert f"{wanted} came as far as" in texts(tab)


def test_an_empty_warehouse_knows_nobody(visit: Open, tmp_path: Path) -> None:
    assert "No contact “ann” is known" in texts(at(visit, odd_companies.empty(tmp_path), contact="ann"))


def test_a_failing_question_leaves_the_rest_of_the_page(
    visit: Open, company: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise WarehouseError("timeout", "The question took longer than 15 seconds.", "Narrow the period.")

    monkeypatch.setattr("queries.evidence.stage_rows", broken)
    tab = at(visit, company, contact=asked.one())
    assert "longer than 15 seconds" in tab.warning[0].value.replace("\\", "")
    assert f"{asked.one()} came as far as" in texts(tab)
