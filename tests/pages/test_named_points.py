"""Names of points stand beside their own point and cover no other."""

from __future__ import annotations

import pandas as pd

from pages.ui.named_points import SIDES, names

LAST = (1.0, 0.1, "")


def placed(*points: tuple[float, float, str]) -> list[str | None]:
    """The side of each name, for points at such a share of the axis and of the height; one lies at the axis' end."""
    frame = pd.DataFrame(
        [(x**2 * 10_000, y, name, True) for x, y, name in (*points, LAST)], columns=["n", "value", "label", "named"]
    )
    sides = {place: side for side, place in SIDES.items()}
    return [sides.get(tuple(row)) for row in names(frame).itertuples(index=False)][:-1]


def test_alone_a_name_stands_to_the_right() -> None:
    assert placed((0.5, 0.5, "Reference stories")) == ["right"]


def test_a_name_gives_way_to_a_point_and_to_the_edge() -> None:
    assert placed((0.5, 0.5, "Reference stories"), (0.6, 0.52, "x"))[0] == "left"
    assert placed((0.5, 0.5, "Reference stories"), (0.6, 0.48, "x"), (0.4, 0.48, "x"))[0] == "above"
    assert placed((0.5, 0.99, "Reference stories"), (0.6, 0.99, "x"), (0.4, 0.99, "x"))[0] == "below"
    assert placed((1, 0.5, "not set")) == ["left"]


def test_a_name_gives_way_to_an_earlier_name() -> None:
    assert placed((0.5, 0.5, "one"), (0.5, 0.44, "two")) == ["right", "left"]


def test_in_a_crowd_a_name_is_left_out() -> None:
    crowd = [(0.3 + 0.03 * i, 0.3 + 0.05 * j, "") for i in range(12) for j in range(8)]
    assert placed((0.45, 0.5, "Reference stories"), *crowd)[0] is None


def test_only_what_is_to_be_named_is() -> None:
    frame = pd.DataFrame({"n": [1, 10], "value": [0.5, 0.5], "label": ["a", "b"], "named": [False, False]})
    assert names(frame).isna().all(axis=None)
