"""Pictures: built once, whatever the data; every field a specification names is in its frame."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
import vl_convert

from lifecycle.segments import Catalog, Segment
from pages.ui import charts, charts_history, charts_moves, charts_mrr, charts_retention
from pages.ui.picture import BEFORE, EXITS, INK_DARK, INK_LIGHT, NOW, SERIES, Picture, colours_of, ink_on, palette
from pages.ui.time_axis import TimeAxis
from tests.pages.test_export import OUTCOMES, STAGES

MONTHS = pd.DataFrame(
    {
        "period": pd.to_datetime(["2026-01-01", "2026-02-01", "2026-03-01"]),
        "name": ["Jan", "Feb", "Mar"],
        "value": [1.0, 2.0, 3.0],
        "immature": [False, False, True],
    }
)
GROUPS = pd.DataFrame({"label": ["a", "b"], "value": [0.5, 0.25], "low": [0.4, 0.2], "high": [0.6, 0.3]})
CELLS = pd.DataFrame({"row": ["r", "r", "s"], "column": ["0", "1", "0"], "value": [0.5, None, 0.25]})
PICTURES = {
    "waterfall": charts.waterfall(OUTCOMES, STAGES),
    "relative waterfall": charts.waterfall(OUTCOMES, STAGES, relative=True),
    "steps": charts.steps(STAGES),
    "trend": charts.trend(MONTHS),
    "trend of series": charts.trend(pd.concat([MONTHS.assign(series=s) for s in "xy"])),
    "bars": charts.bars(GROUPS),
    "bars side by side": charts.bars(pd.concat([GROUPS.assign(series=s) for s in ("now", "before")])),
    "heat": charts.heat(CELLS),
}


def layers(spec: dict[str, Any], data: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """(name of its data, encodings) of every single layer."""
    data = spec.get("data", {}).get("name", data)
    for layer in spec.get("layer", []):
        yield from layers(layer, data)
    if "encoding" in spec:
        yield data, spec["encoding"]


def fields(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("field"), str):
            yield node["field"]
        for value in node.values():
            yield from fields(value)
    elif isinstance(node, list):
        for value in node:
            yield from fields(value)


def texts_drawn(picture: Picture, width: int) -> list[str]:
    """What a picture says where it is so wide, in the order of its drawing."""
    rows = {
        name: json.loads(frame.to_json(orient="records", date_format="iso")) for name, frame in picture.data.items()
    }
    svg = vl_convert.vegalite_to_svg(picture.spec | {"width": width, "datasets": rows})
    texts = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return [text.text or "" for text in texts if text.get("opacity", "1") != "0"]


def test_a_period_between_unknown_ones_is_a_point() -> None:
    def points(*values: float | None) -> list[bool]:
        return list(charts.trend(MONTHS.assign(value=list(values))).data["main"]["alone"])

    assert points(None, 2, None) == [False, True, False]
    assert points(1, None, 3) == [True, False, True]
    assert points(1, 2, None) == [False, False, False]


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES.keys())
def test_every_field_is_in_its_frame(picture: Picture) -> None:
    found = list(layers(picture.spec))
    assert found
    for name, encoding in found:
        assert set(fields(encoding)) <= set(picture.data[name].columns)


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES.keys())
def test_pictures_can_be_read_aloud_and_name_no_ink_of_one_theme(picture: Picture) -> None:
    assert picture.alt
    text = json.dumps(picture.spec)
    assert "black" not in text
    assert '"url"' not in text
    assert '"href"' not in text


def test_other_data_reuses_the_specification() -> None:
    hostile = STAGES.assign(label=["datum['x']", "__proto__"])
    built = charts._waterfall.cache_info().misses
    again = charts.waterfall(OUTCOMES.assign(label="datum['x']", n=7), hostile)
    assert charts._waterfall.cache_info().misses == built
    assert again.spec == PICTURES["waterfall"].spec
    assert "datum['x']" not in json.dumps(again.spec)


def test_columns_of_the_waterfall_stack_to_the_stage() -> None:
    main = PICTURES["waterfall"].data["main"]
    lead = main[main["stage"] == "lead"]
    assert list(zip(lead["outcome"], lead["low"], lead["high"], strict=True)) == [
        ("advanced", 0, 40),
        ("exited", 40, 100),
    ]
    relative = PICTURES["relative waterfall"].data["main"]
    assert relative.groupby("stage")["high"].max().tolist() == [1, 1]


def test_dashes_begin_at_the_last_mature_period() -> None:
    assert PICTURES["trend"].data["main"]["joint"].tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("days", "names"),
    [
        (
            ["1996-12-02", "1996-12-09", "1996-12-16"],
            ["week of 2 Dec 1996", "week of 9 Dec 1996", "week of 16 Dec 1996"],
        ),
        (["2025-11-01", "2025-12-01"], ["Nov 2025", "Dec 2025"]),
        (["2025-01-01", "2025-04-01", "2025-07-01"], ["Q1 2025", "Q2 2025", "Q3 2025"]),
        (["2025-01-01"], ["2025"]),
    ],
)
def test_an_axis_of_time_names_every_period_once(days: list[str], names: list[str]) -> None:
    frame = pd.DataFrame({"period": days, "name": names, "value": 0.5})
    rates = charts_mrr.rates(frame.assign(series="NRR", note=""))
    for picture in (charts.trend(frame), charts.trend(pd.concat([frame.assign(series=s) for s in "xy"])), rates):
        said = texts_drawn(picture, 900)
        assert [text for text in said if text in {n.removeprefix("week of ") for n in names}] == [
            n.removeprefix("week of ") for n in names
        ]


def test_a_triangle_on_a_narrow_screen_shows_fewer_ages_with_their_rates() -> None:
    ages = range(13)
    frame = pd.DataFrame(
        {"cohort": "", "row": "all", "column": [str(a) for a in ages], "age": ages, "said": "at an age"}
    )
    frame = frame.assign(value=[1 - a / 20 for a in ages], figure=[f"{100 - 5 * a} %" for a in ages], counts="9/9")
    frame = frame.assign(retained=90, eligible=100, complete=True, weak=False, note="")
    narrow, wide = (texts_drawn(charts_retention.triangle(frame), width) for width in (230, 1200))
    assert [t for t in narrow if t.isdigit()] == ["0", "3", "6", "9", "12"]
    assert [t for t in wide if t.isdigit()] == [str(a) for a in ages]
    assert "85 %" in narrow


def test_nothing_entered_is_empty() -> None:
    nothing = charts.waterfall(OUTCOMES.assign(n=0), STAGES.assign(n=0))
    assert nothing.data["main"].empty


def test_a_value_of_a_segment_keeps_its_colour_whatever_else_is_shown() -> None:
    values = ("paid", "organic", "event", None, *(f"other {i}" for i in range(9)))
    source = Segment("source", "source", "choice", "Source", values=values)
    spend = Segment("spend", "spend", "number", "Spend")
    known = colours_of(Catalog((source, spend)))
    assert known["paid"] == SERIES[0] and known["event"] == SERIES[2] and known["not set"] == SERIES[3]

    def coloured(*names: str) -> dict[str, str]:
        drawn = charts.trend(pd.concat([MONTHS.assign(series=s) for s in names]))
        (scale,) = {
            json.dumps(encoding["color"]["scale"])
            for _, encoding in layers(drawn.spec)
            if encoding.get("color", {}).get("field") == "series"
        }
        found = json.loads(scale)
        return dict(zip(found["domain"], found["range"], strict=True))

    before = palette.set(known)
    try:
        assert coloured("event", "paid") == {"event": SERIES[2], "paid": SERIES[0]}
        assert coloured("organic", "event", "All") == {"organic": SERIES[1], "event": SERIES[2], "All": SERIES[0]}
        clash = coloured("paid", "other 5", "organic")  # the tenth value's own colour is the first one's
        assert clash["paid"] == SERIES[0] and clash["organic"] == SERIES[1] and len(set(clash.values())) == 3
    finally:
        palette.reset(before)
    plain = charts.trend(pd.concat([MONTHS.assign(series=s) for s in "xy"]))
    assert '"domain": ["x", "y"]' not in json.dumps(plain.spec)


def test_compared_periods_have_the_colours_of_now_and_before() -> None:
    drawn = charts.trend(pd.concat([MONTHS.assign(series=s) for s in ("Before", "This period")]))
    assert json.dumps({"domain": ["Before", "This period"], "range": [BEFORE, NOW]}) in json.dumps(drawn.spec)


def test_words_on_a_fill_take_the_ink_that_stands_out_more() -> None:
    darkest, _, palest = EXITS[:3]
    assert (ink_on("#000000"), ink_on(darkest), ink_on(palest), ink_on("#FFFFFF")) == (
        *(INK_LIGHT, INK_LIGHT),
        *(INK_DARK, INK_DARK),
    )


def test_a_share_says_neither_none_of_some_nor_all_of_not_quite_all() -> None:
    shares = [9 / 4_995, 4_986 / 4_995, 1.0, 0.5]
    frame = pd.DataFrame(
        {"row": "Disqualified", "column": list("abcd"), "row_position": 0, "column_position": range(4)}
    )
    drawn = charts_moves.matrix(frame.assign(start="x", end="y", kind="advance", n=1, share=shares, took=""))
    assert list(drawn.data["main"]["percent"]) == ["<1%", ">99%", "100%", "50%"]


def test_what_two_answers_say_never_meets_in_the_room_between_them() -> None:
    """The second says less where what the first says leaves no room, and all of it where there is more."""
    days = [datetime(2026, 1, day) for day in (1, 3, 20, 21, 22)]
    said = [
        "Rejected after 2.0 days: No response · first touch after 3.1 h, in time",
        "Accepted after 1.0 days: Fits well · first touch after 9.1 h, in time",
    ]
    bars = pd.DataFrame({"lane": ["Answer"] * 2, "start": days[0:4:2], "end": days[1:4:2], "colour": ["rejected"] * 2})
    bars = bars.assign(said=said, brief=["Rejected", "Accepted"], note="", **{"from": "", "to": ""})
    points = pd.DataFrame(columns=["lane", "at", "colour", "said", "note", "when"])
    journeys = pd.DataFrame(columns=["at", "said", "short"])
    silences = pd.DataFrame(columns=["start", "end", "said"])
    picture = charts_history.timeline(bars, points, ["Answer"], journeys, silences, TimeAxis(days))
    answers = {*said, "Rejected", "Accepted"}
    assert answers & set(texts_drawn(picture, 1_400)) == {said[0], "Accepted"}
    assert answers & set(texts_drawn(picture, 3_000)) == set(said)
