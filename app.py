"""The browser's door: page config, navigation, filter bar. `streamlit run app.py` serves it, each rerun enters main."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st

from pages.ui import charts, data, filters, labels, layout, picture, setup, turns, web
from pages.ui.failures import explain
from queries.worker import preload

HERE = Path(__file__).parent
PAGES = {  # one page, one question; a named section is a menu
    "": [
        ("pages/overview/overview.py", "Overview", ":material/monitoring:"),
        ("pages/funnel/funnel.py", "Funnel", ":material/filter_alt:"),
        ("pages/alignment/alignment.py", "Alignment", ":material/handshake:"),
    ],
    "Pace": [
        ("pages/pace/time_in_stage.py", "Time in stage", ":material/hourglass_bottom:"),
        ("pages/pace/moves.py", "Moves", ":material/alt_route:"),
        ("pages/pace/velocity.py", "Velocity", ":material/speed:"),
    ],
    "Customers": [
        ("pages/customers/retention.py", "Retention", ":material/autorenew:"),
        ("pages/customers/loyalty.py", "Loyalty", ":material/favorite:"),
    ],
    "Reference": [
        ("pages/contacts/contact.py", "Find a contact", ":material/person_search:"),
        ("pages/trust/definitions.py", "Definitions", ":material/menu_book:"),
        ("pages/trust/health.py", "Data health", ":material/health_and_safety:"),
    ],
}


def main() -> None:
    """One rerun: the frame, then the page."""
    st.set_page_config("Customer lifecycle", str(HERE / "static/icon.png"), layout="wide")
    sections = {
        section: [
            st.Page(file, title=title, icon=icon, default=file.startswith("pages/overview"))
            for file, title, icon in pages
        ]
        for section, pages in PAGES.items()
    }
    page = st.navigation(sections, position="top")
    try:
        opened = data.opened()
    except Exception as problem:
        setup.welcome(explain(problem))
        return
    try:
        with turns.drawing():
            if opened.warehouse.notice:
                st.info(labels.escape(opened.warehouse.notice), icon=":material/history:")
            view = filters.filter_bar(opened, data.settings(), data.models())
            picture.palette.set(picture.colours_of(view.around.catalog))
            page.run()
    except Exception as problem:  # here, not by Streamlit: its log would hold what the exception says
        layout.state(explain(problem))


@asynccontextmanager
async def warmed(_app: st.App) -> AsyncIterator[None]:
    """Spare the first visitor the imports and specifications, and every rerun a sweep over them."""
    with data.workers():
        logging.disable(logging.WARNING)  # that no script runs here is known
        try:
            st.navigation([st.Page(lambda: None, title="warm")])  # a deep link on a cold server finds its page
        finally:
            logging.disable(logging.NOTSET)
        charts.warm()
        preload("lifecycle", "queries", "pages/ui")
        yield


if __name__ == "__main__":
    main()
else:
    app = st.App(__file__, lifespan=warmed, middleware=web.middleware(), on_script_error=web.on_script_error)
