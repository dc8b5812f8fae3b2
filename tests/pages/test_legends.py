"""Legends have as few rows as their names need, and none of these is cut."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest

from pages.ui import charts, charts_service
from pages.ui.legends import LINE, choices, columns
from pages.ui.picture import Picture

WAITS = ["to the first touch", "to be assigned", "then to be touched"]


def chosen(expression: str, across: float) -> int:
    """What the expression comes to where the picture is so wide."""
    for need, n in re.findall(r">= (\d+) \? (\d+) :", expression):
        if across >= int(need):
            return int(n)
    return 1


def legends(part: Any) -> list[str]:
    found = (
        [x for each in (part.values() if isinstance(part, dict) else part) for x in legends(each)]
        if isinstance(part, dict | list)
        else []
    )
    own = [part["legend"]["columns"]["expr"]] if isinstance(part, dict) and isinstance(part.get("legend"), dict) else []
    return own + found


@pytest.mark.parametrize(("across", "n"), [(560, 3), (400, 2), (240, 1)])
def test_there_are_as_many_columns_as_find_room(across: int, n: int) -> None:
    assert chosen(columns(WAITS, 48), across) == n


def test_lines_take_more_room_than_bars() -> None:
    names = ["Rep Amber"] * 8
    assert chosen(columns(names, 32, LINE), 720) == 4
    assert chosen(columns(names, 32), 720) == 8


def test_rows_are_alike() -> None:
    assert [n for n, _ in choices(["six"] * 6)] == [6, 3, 2, 1], "never five and one"


def test_a_long_name_takes_what_it_is_cut_to() -> None:
    assert choices(["x" * 500]) == choices(["x" * 30])


def test_a_picture_looks_at_its_own_names() -> None:
    months = pd.DataFrame({"period": ["2026-01-01", "2026-02-01"], "name": ["Jan", "Feb"], "value": [1.0, 2.0]})

    def of(*names: str) -> Picture:
        return charts.trend(pd.concat([months.assign(series=name) for name in names]))

    short, long = (legends(of(*names).spec)[0] for names in (("a", "b", "c"), tuple(WAITS)))
    assert (chosen(short, 250), chosen(long, 250)) == (3, 1)


def test_the_names_of_an_axis_take_room_from_the_legend() -> None:
    def at(label: str) -> str:
        rows = pd.DataFrame({"label": [label] * 2, "status": ["met", "overdue"], "n": [3, 4]})
        return legends(charts_service.responses(rows, pd.DataFrame({"label": [label], "rate": ["43 %"]})).spec)[0]

    assert chosen(at("All"), 340) == 2
    assert chosen(at("A name of some thirty letters"), 340) == 1
