"""The page Moves: full, compared, empty, filtered, other lifecycles; what it draws is what was answered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from pages.pace.frames_paths import again_beside, attempt_colours
from pages.ui.charts_funnel import exit_colours
from pages.ui.picture import NOW
from queries.errors import WarehouseError
from queries.moves import moves
from queries.paths import paths
from tests.pages.conftest import Open
from tests.pages.reading import drawn, painted, texts

PAGE = "pages/pace/moves.py"
PARTS = ("From each stage", "Paths", "Routes", "Coming back", "Stock and flow")


def at(visit: Open, warehouse: Path, part: str = PARTS[0], **params: Any) -> AppTest:
    tab = visit(warehouse, moves=part, **params, page=PAGE)
    assert not tab.exception
    return tab


@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_drawn_and_survives_an_empty_period(visit: Open, company: Path, part: str) -> None:
    tab = at(visit, company, part, compare="previous", by="source")
    assert not tab.warning
    assert tab.get("vega_lite_chart")
    empty = at(visit, company, part, **{"from": "2019-01-01", "to": "2019-02-01", "period": "Custom"})
    assert not empty.warning
    assert not empty.get("vega_lite_chart")
    assert ":material/inbox:" in texts(empty)


def test_the_matrix_holds_the_answer_and_a_cell_opens_as_many(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    found = {(t.start, t.end or ""): t.n for t in moves(m, scope).whole}
    tab = visit(company, moves=PARTS[0])
    tab.session_state["matrix.chart"] = {"selection": {"cell": [{"start": "mql", "end": "recycled"}]}}
    tab = tab.switch_page(PAGE).run()
    assert {(r["start"], r["end"]): r["n"] for r in drawn(tab, "Moves.")} == found
    n = found["mql", "recycled"]
    assert f"{n:,} stays: MQL → Recycled" in texts(tab)
    (listed,) = [d.value for d in tab.dataframe if "Contact" in d.value]
    assert len(listed) == min(n, 100)


def test_the_flow_draws_everybody_who_came(visit: Open, company: Path, asked: Any) -> None:
    tab = at(visit, company, "Paths")
    first = [row for row in drawn(tab, "Paths.", "nodes") if row["step"] == 1]
    assert sum(row["n"] for row in first) == paths(*asked).entities
    assert any(row["label"] == "MQL 2" for row in drawn(tab, "Paths.", "nodes"))


def test_stock_and_flow_says_that_it_closes(visit: Open, company: Path) -> None:
    tab = at(visit, company, "Stock and flow")
    (table,) = [d.value for d in tab.dataframe]
    assert (table["At the start"] + table["In"] - table["Out"] == table["At the end"]).all()
    assert (table["At the end"] == table["Counted at the end"]).all()
    assert "and agrees to the unit" in texts(tab)


def test_one_stage_says_in_which_part_it_grew_most(visit: Open, company: Path) -> None:
    tab = at(visit, company, "Stock and flow", by="source", stage="MQL")
    (parts,) = [d.value for d in tab.dataframe if "Source" in d.value]
    most = parts[:-1].sort_values("Change").iloc[-1]
    assert f"MQL grew most in {most['Source']}: {most['Change']:+,}" in texts(tab)


def test_groups_and_periods_are_compared_where_they_are_chosen(visit: Open, company: Path) -> None:
    assert "all others" not in texts(at(visit, company))
    both = at(visit, company, by="source", compare="previous")
    assert "against before" in texts(both)
    assert "against all others" in texts(both)
    assert sum(chart.proto.alt.startswith("Changes.") for chart in both.get("vega_lite_chart")) == 2


def test_paths_of_one_value_are_drawn_and_set_beside_another(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    found = paths(m, replace(scope, by="source"))
    here, there = found.parts[:2]
    tab = at(visit, company, "Paths", by="source")
    tab = tab.selectbox(key="of").select_index(1).run()
    tab = tab.selectbox(key="beside").select_index(1).run()
    first = [row for row in drawn(tab, "Paths.", "nodes") if row["step"] == 1]
    assert sum(row["n"] for row in first) == here.answer.entities
    rows = drawn(tab, "Changes.")
    assert {(row["of"], row["other_of"]) for row in rows} == {(here.answer.entities, there.answer.entities)}


def test_a_link_holds_what_is_chosen(visit: Open, company: Path, asked: Any) -> None:
    m, scope = asked
    here, there = (part.name for part in paths(m, replace(scope, by="source")).parts[:2])
    tab = at(visit, company, "Paths", by="source", of=here, beside=there)
    assert f"The largest stream of {here}" in texts(tab)
    assert f"against {there}" in texts(tab)
    tab = at(visit, company, "Routes", to_stage="Opportunity", from_stage="MQL")
    assert "reached Opportunity" in texts(tab)
    assert tab.selectbox(key="from_stage").value == "mql"
    tab.selectbox(key="to_stage").set_value("mql").run()
    assert tab.selectbox(key="from_stage").value is None and "from_stage" not in tab.query_params
    assert "from_stage: 'MQL' is ruled out" in texts(tab) and "reached MQL" in texts(tab)
    assert "ruled out" not in texts(tab.run())
    late = at(visit, company, "Routes", to_stage="MQL", from_stage="Opportunity")
    assert "from_stage: 'Opportunity' is ruled out" in texts(late) and "from_stage" not in late.query_params
    assert "Recycled, by source" in texts(at(visit, company, "Coming back", by="source", left_by="Recycled"))
    assert "MQL, by source" in texts(at(visit, company, "Stock and flow", by="source", stage="MQL"))


@pytest.mark.parametrize(
    ("part", "key", "total"),
    [("Routes", "Journeys", 0), ("Coming back", "Left", 0), ("Stock and flow", "In", -1)],
)
def test_parts_add_up_to_the_whole(visit: Open, company: Path, part: str, key: str, total: int) -> None:
    tab = at(visit, company, part, by="source", compare="previous")
    (table,) = [d.value for d in tab.dataframe if d.value.columns[0] == "Source"]
    values = table[key].to_list()
    whole = values.pop(total)
    assert sum(values) == whole > 0
    assert table["Source"].iloc[total] == "All"


def test_routes_of_each_value_by_share_outcome_and_time(visit: Open, company: Path) -> None:
    tab = at(visit, company, "Routes", by="source")
    seen = set()
    for shown in ("share", "conversion", "time"):
        tab = tab.selectbox(key="show").select(shown).run()
        (table,) = [d.value for d in tab.dataframe if d.value.columns[0] == "Route"]
        seen.add(str(table["All"].to_list()))
    assert len(seen) == 3


@pytest.mark.parametrize("part", PARTS[1:])
def test_nothing_is_compared_unless_it_is_chosen(visit: Open, company: Path, part: str) -> None:
    plain, before = at(visit, company, part), at(visit, company, part, compare="previous")
    assert not [c for c in plain.get("vega_lite_chart") if c.proto.alt.startswith("Changes.")]
    said = {"against before", "beside the compared period"}
    assert not [words for words in said if words in texts(plain)]
    assert [words for words in said if words in texts(before)]


def test_filters_change_the_answer(visit: Open, company: Path) -> None:
    every, some = at(visit, company), at(visit, company, **{"where.source": "organic"})
    n = [sum(row["n"] for row in drawn(tab, "Moves.")) for tab in (every, some)]
    assert n[0] > n[1] > 0


@pytest.mark.parametrize("part", PARTS)
def test_a_lifecycle_without_exits_has_the_page_too(visit: Open, company: Path, part: str) -> None:
    assert not at(visit, company, part, model="customer_lifecycle").warning


def test_odd_names_are_shown_as_they_are(visit: Open, oddities: Path) -> None:
    assert not at(visit, oddities, by="**bold**").warning


def test_a_failing_question_is_told(visit: Open, company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise WarehouseError("timeout", "The question took longer than 15 seconds.", "Narrow the period.")

    broken.__module__, broken.__qualname__ = "queries.paths", "paths"
    monkeypatch.setattr("queries.paths.paths", broken)
    assert "longer than 15 seconds" in texts(at(visit, company, "Paths"))


def test_who_left_has_the_colour_of_the_exit(visit: Open, company: Path, asked: Any) -> None:
    known = exit_colours(asked[0].model)
    left = {name: known[name] for name in ("Disqualified", "Recycled", "Lost")}
    assert painted(at(visit, company, "Coming back"), "back again.") == left
    again = {f"Back after {name}": colour for name, colour in left.items()}
    assert attempt_colours(asked[0].model) == again | {"First journey": NOW}


def test_how_they_do_the_second_time_fits_half_a_page() -> None:
    full = {"Journeys": "Back after Lost", "Started": 1_030, "Customer": 14, "Share": "1.4 % (0.8–2.3)"}
    (row,) = again_beside(pd.DataFrame([full | {"Difference": "-1.1 pp (-2.0 to -0.2)"}]), "Customer").to_dict(
        "records"
    )
    assert row["Reached Customer"] == "14 of 1,030: 1.4 % (0.8–2.3)"
    assert row["Difference"] == "-1.1 pp (-2.0 to -0.2)"
