"""How long stages take, and where they stall."""

from __future__ import annotations

import streamlit as st

from pages.pace import one_stage
from pages.ui.data import ask
from pages.ui.filters import View, view
from pages.ui.layout import page_header
from queries.durations import life_tables

PARTS = ("Every stage", "One stage", "Compared", "Trend", "Stalled", "End to end")


def page() -> None:
    page_header("Time in stage", "How long stages take, those still waiting included")
    v = view()
    tabs = dict(zip(PARTS, st.tabs(PARTS, key="pace", bind="query-params"), strict=True))
    for name, tab in tabs.items():
        if tab.open:
            with tab:
                part(v, name)


def part(v: View, name: str) -> None:
    """One part of the page; the others are not asked for."""
    found = ask(life_tables, v.modelled, v.scope.whole, False)
    match name:
        case "One stage":
            one_stage.closely(v, found, "mql", False)


page()
