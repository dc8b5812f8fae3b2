"""Warehouses and a headless browser tab for the tests of the pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.pages import warehouses

APP = Path(__file__).parents[2] / "app.py"
Open = Callable[..., AppTest]


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demo company with two of the six models built."""
    return warehouses.company(tmp_path_factory.mktemp("company"), 1_500, ("crm", "customer_lifecycle"))


@pytest.fixture(scope="session")
def oddities(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company whose columns and values have the oddest names."""
    return warehouses.oddities(tmp_path_factory.mktemp("oddities"))


@pytest.fixture
def visit(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens the app on a warehouse, with the parameters of a link, and runs it once."""

    def open_(warehouse: Path, **params: str | list[str]) -> AppTest:
        monkeypatch.setenv("LIFECYCLE_WAREHOUSE", str(warehouse))
        st.cache_resource.clear()
        st.cache_data.clear()
        tab = AppTest.from_file(str(APP), default_timeout=30)
        for name, value in params.items():
            tab.query_params[name] = value
        return tab.run()

    yield open_
    st.cache_resource.clear()
    st.cache_data.clear()
