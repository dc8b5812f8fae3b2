"""How long stages take, and where they stall."""

from __future__ import annotations

import streamlit as st

from pages.pace.compared import compared
from pages.pace.glance import glance
from pages.pace.one_stage import closely
from pages.pace.over_time import over_time
from pages.pace.stalls import stalls
from pages.pace.way import way
from pages.ui.filters import view
from pages.ui.layout import page_header

PARTS = {
    "Every stage": glance,
    "One stage": closely,
    "Compared": compared,
    "Trend": over_time,
    "Stalled": stalls,
    "End to end": way,
}


def page() -> None:
    page_header("Time in stage", "How long stages take, right about those still waiting, and where they stall")
    tabs = st.tabs(list(PARTS), key="pace", bind="query-params")
    for tab, part in zip(tabs, PARTS.values(), strict=True):
        if tab.open:
            with tab:
                part(view())  # the others are not asked for


page()
