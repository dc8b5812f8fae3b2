"""Warehouses and a headless browser tab for the tests of the pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from lifecycle.scope import Scope
from lifecycle.stages import shipped_models
from pages.ui import data
from queries.modelled import Modelled, latest
from queries.settings import load_settings
from queries.warehouse import open_warehouse
from tests.pages import warehouses

APP = Path(__file__).parents[2] / "app.py"
OVERVIEW = "pages/overview/overview.py"
Open = Callable[..., AppTest]
Opening = Callable[[Callable[[], None], Path], AppTest]


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demo company with two of the six models built."""
    return warehouses.company(tmp_path_factory.mktemp("company"), 1_500, ("crm", "customer_lifecycle"))


@pytest.fixture(scope="session")
def oddities(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company whose columns and values have the oddest names."""
    return warehouses.oddities(tmp_path_factory.mktemp("oddities"))


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Points the configuration at a warehouse, with nothing cached of another."""

    def configure(warehouse: Path) -> None:
        monkeypatch.setenv("LIFECYCLE_WAREHOUSE", str(warehouse))
        forget()

    yield configure
    forget()


def forget() -> None:
    """Empty the caches of a process, as a server that starts has them."""
    st.cache_resource.clear()
    for kept in (data.settings, data.models):
        kept.cache_clear()
    for kept in (data.modelled, data._answer):
        kept.cache.clear()


@pytest.fixture
def open_(configured: Callable[[Path], None]) -> Opening:
    """Runs a script of the test's own on a warehouse."""

    def run(script: Callable[[], None], warehouse: Path) -> AppTest:
        configured(warehouse)
        return AppTest.from_function(script, default_timeout=30).run()

    return run


@pytest.fixture
def asked(company: Path) -> Iterator[tuple[Modelled, Scope]]:
    """The demo company asked directly, about a year."""
    warehouse = open_warehouse(load_settings(warehouse=str(company)))
    m = latest(warehouse, shipped_models()["crm"])
    yield m, Scope("crm", m.build.as_of, date(2025, 4, 1), date(2026, 4, 1))
    warehouse.close()


@pytest.fixture
def visit(configured: Callable[[Path], None]) -> Open:
    """Opens a page of the app on a warehouse, with the parameters of a link, and runs it once."""

    def run(warehouse: Path, page: str = OVERVIEW, **params: str | list[str]) -> AppTest:
        configured(warehouse)
        tab = AppTest.from_file(str(APP), default_timeout=30)
        for name, value in params.items():
            tab.query_params[name] = value
        return tab.switch_page(page).run()

    return run
