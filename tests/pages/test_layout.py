"""The card and its states; a card's mishap stays in that card."""

from __future__ import annotations

import json
from pathlib import Path

from streamlit.proto.Metric_pb2 import Metric as MetricProto
from streamlit.testing.v1 import AppTest

from tests.pages.conftest import Open

GREEN, RED, GRAY = MetricProto.MetricColor.GREEN, MetricProto.MetricColor.RED, MetricProto.MetricColor.GRAY


def three_cards() -> None:
    import pandas as pd
    import streamlit as st

    from pages.ui import layout
    from pages.ui.failures import Failure

    broken = {"password": "hunter2"}
    layout.card("Broken", lambda: 1, lambda answer: broken["ann@corp.example"])
    layout.card("Missing", lambda: Failure("missing_table", "No table spend.", "Add it."), lambda answer: None)
    layout.card("Empty", lambda: 1, lambda answer: None)
    layout.card("Whole", lambda: 1, lambda answer: pd.DataFrame({"stage": ["**MQL**"], "n": [3]}))
    st.text("the page lives on")


def test_every_state_has_its_look(caplog: object) -> None:
    tab = AppTest.from_function(three_cards, default_timeout=30).run()
    assert not tab.exception
    assert "Reference" in tab.warning[0].value
    assert "No table spend" in tab.info[0].value.replace("\\", "")
    assert any("Nothing matches" in m.value for m in tab.markdown)
    assert tab.dataframe[0].value["n"].tolist() == [3]
    assert tab.text[0].value == "the page lives on"


def test_a_mishap_is_logged_by_place_and_never_by_content(caplog) -> None:  # type: ignore[no-untyped-def]
    tab = AppTest.from_function(three_cards, default_timeout=30).run()
    reference = tab.warning[0].value.replace("\\", "").split("Reference ")[1].split()[0]
    assert reference in caplog.text
    assert "KeyError" in caplog.text
    assert "ann@corp.example" not in caplog.text + str(tab.warning[0].value)


def tiles() -> None:
    from lifecycle.rates import Rate, difference
    from pages.ui import layout

    with layout.tiles(4):
        layout.tile("Leads", "1,200", change="+4.2 %", good=True, compared="vs previous")
        layout.rate_tile("Fell", Rate(400, 1000), difference(Rate(400, 1000), Rate(600, 1000)))
        layout.rate_tile("Few", Rate(2, 5), difference(Rate(2, 5), Rate(3, 5)))
        layout.rate_tile("Same", Rate(400, 1000), difference(Rate(400, 1000), Rate(4000, 10_000)))


def test_only_a_significant_change_is_coloured() -> None:
    tab = AppTest.from_function(tiles, default_timeout=30).run()
    leads, fell, few, same = tab.metric
    assert (leads.value, leads.delta) == ("1,200", "+4.2 %")
    assert (fell.value, fell.delta) == ("40.0 %", "-20.0 pp")
    assert same.delta == "+0.0 pp"
    assert same.proto.direction == same.proto.MetricDirection.NONE, "what did not move points nowhere"
    assert fell.proto.direction == fell.proto.MetricDirection.DOWN
    assert (leads.color, fell.color, few.color) == (GREEN, RED, GRAY)
    assert "400 of 1,000" in tab.caption[0].value.replace("\\", "")
    assert "few" in tab.caption[1].value


def test_every_page_runs_in_the_frame(visit: Open, company: Path) -> None:
    for page in (
        "pages/overview/overview.py",
        "pages/funnel/funnel.py",
        "pages/trust/definitions.py",
        "pages/trust/health.py",
    ):
        tab = visit(company, page=page)
        assert not tab.exception, page
        assert tab.markdown[0].value.startswith("# "), page


def long_cells() -> None:
    import pandas as pd

    from pages.ui import layout

    rows = [("28 May", "", "Lead")] * 12 + [("29 May", "left, because nobody answered for a long time", "SQL")]
    layout.card("Lines", lambda: 1, lambda _: pd.DataFrame(rows, columns=["When", "Details", "Stage"]))


def test_a_column_is_wide_enough_for_a_late_and_long_cell() -> None:
    """The grid measures the first cells alone, and would cut those that follow."""
    tab = AppTest.from_function(long_cells, default_timeout=30).run()
    widths = {
        name: said["width"] for name, said in json.loads(tab.dataframe[0].proto.columns).items() if "width" in said
    }
    assert list(widths) == ["Details"]
    assert widths["Details"] > 5 * len("left, because nobody answered for a long time")
