"""Frames to pictures: each specification is built once per process, every rerun swaps in its data alone.

Specifications name no colours of the page: text and rules take the page's own ink (`currentColor`), so that one picture
is right in light and dark. Fields have fixed names; a column name of the warehouse never reaches a specification.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import altair as alt
import pandas as pd

INK = "currentColor"
QUIET = 0.62  # opacity of secondary text
GRID = "#8A94A3"

# One colour per meaning on every page; blue, amber and vermilion stay apart for colour-blind readers.
OUTCOMES = {
    "advanced": ("Advanced", "#3E7CC4"),
    "late": ("Advanced late", "#8DB4E2"),
    "open": ("Still open", "#E0A030"),
    "diverted": ("Another way", "#8064C0"),
    "exited": ("Left", "#CB5A3C"),
    "not_due": ("Not yet due", "#A9B2BD"),
}
NOW, BEFORE = "#3E7CC4", "#A9B2BD"
SERIES = ["#3E7CC4", "#D08A1E", "#1F9E8B", "#C2557F", "#8064C0", "#7D8B99", "#5AA2D6", "#A3742B", "#6E9B3A"]

Spec = dict[str, Any]


@dataclass(frozen=True)
class Picture:
    """A specification, the frames it draws by name (`main` is what an export holds), and words for screen readers."""

    spec: Spec
    data: Mapping[str, pd.DataFrame]
    alt: str = ""

    @property
    def is_empty(self) -> bool:
        return self.data["main"].empty


def _bare(chart: alt.TopLevelMixin) -> Spec:
    """The specification alone: the page's theme, or the export's, comes with its own config."""
    spec: Spec = chart.to_dict()
    spec.pop("config", None)
    return spec


def _axis(**more: Any) -> alt.Axis:
    return alt.Axis(
        **{
            "title": None,
            "labelAngle": 0,
            "labelFlush": False,
            "labelBound": False,
            "labelOverlap": True,
            "ticks": False,
            "domain": False,
            "grid": False,
        }
        | more
    )


def _series(colours: list[str]) -> alt.Color:
    legend = alt.Legend(title=None, orient="top")
    return alt.Color("series:N", sort=None, scale=alt.Scale(range=colours), legend=legend)


def _order(field: str) -> alt.EncodingSortField:
    """Rows come in the order in which they are to be drawn; `field` numbers them."""
    return alt.EncodingSortField(field=field, op="min")


@cache
def _waterfall(height: int) -> Spec:
    chosen = alt.selection_point(name="bar", fields=["stage", "outcome"], toggle=False)
    domain, colours = zip(*OUTCOMES.values(), strict=True)
    x = alt.X("label:N", sort=_order("position"), axis=_axis(labelFontSize=12, labelLimit=140, labelPadding=8))
    bars = (
        alt.Chart(alt.NamedData("main"))
        .mark_bar(cornerRadius=2, width={"band": 0.62})
        .encode(
            x=x,
            y=alt.Y("low:Q", axis=None),
            y2="high:Q",
            color=alt.Color(
                "outcome_label:N",
                scale=alt.Scale(domain=list(domain), range=list(colours)),
                legend=alt.Legend(title=None, orient="top", symbolType="square", offset=12),
            ),
            opacity=alt.condition(chosen, alt.value(1), alt.value(0.28)),
            tooltip=[
                alt.Tooltip("label:N", title="Stage"),
                alt.Tooltip("outcome_label:N", title="What became of them"),
                alt.Tooltip("n:Q", title="Journeys", format=","),
                alt.Tooltip("share:Q", title="Share of the stage", format=".1%"),
                alt.Tooltip("detail:N", title="Of which"),
            ],
        )
        .add_params(chosen)
    )
    tops = alt.Chart(alt.NamedData("tops")).encode(x=x, y=alt.Y("n:Q", axis=None))
    number = tops.mark_text(dy=-8, fontSize=14, fontWeight=600, color=INK).encode(text=alt.Text("n:Q", format=","))
    share = tops.mark_text(dy=-26, fontSize=11.5, color=INK, opacity=QUIET).encode(text="note:N")
    return _bare((bars + share + number).properties(height=height).resolve_scale(x="shared", y="shared"))


def waterfall(outcomes: pd.DataFrame, stages: pd.DataFrame, *, height: int = 340) -> Picture:
    """What became of those who entered each stage, as stacked columns; a click selects one stage and outcome.

    `outcomes`: stage, label, outcome (a key of OUTCOMES), n, detail. `stages`: stage, label, n, note (the small
    line above the count), in order. The selection is called `bar` and yields stage and outcome.
    """
    order = {key: i for i, key in enumerate(OUTCOMES)}
    place = {stage: i for i, stage in enumerate(stages["stage"])}
    main = outcomes[outcomes["n"] > 0].copy()
    main["position"] = main["stage"].map(place)
    main = main.sort_values(["position", "outcome"], key=lambda c: c.map(order) if c.name == "outcome" else c)
    main["high"] = main.groupby("position")["n"].cumsum()
    main["low"] = main["high"] - main["n"]
    main["share"] = main["n"] / main.groupby("position")["n"].transform("sum")
    main["outcome_label"] = main["outcome"].map({key: label for key, (label, _) in OUTCOMES.items()})
    if "detail" not in main:
        main["detail"] = ""
    tops = stages.assign(position=range(len(stages)))
    words = "; ".join(f"{row.label}: {row.n:,}" for row in stages.itertuples())
    return Picture(_waterfall(height), {"main": main, "tops": tops}, f"What became of each stage. {words}")


@cache
def _steps(height: int) -> Spec:
    base = alt.Chart(alt.NamedData("main")).encode(
        x=alt.X("label:N", sort=_order("position"), axis=_axis(labelFontSize=12, labelLimit=120, labelPadding=8))
    )
    bar: dict[str, Any] = {"cornerRadiusTopLeft": 3, "cornerRadiusTopRight": 3, "width": {"band": 0.62}}
    ghost = base.mark_bar(**bar, color=GRID, opacity=0.18).encode(y=alt.Y("previous:Q", axis=None))
    solid = base.mark_bar(**bar, color=NOW).encode(
        y=alt.Y("n:Q", axis=None),
        tooltip=[
            alt.Tooltip("label:N", title="Stage"),
            alt.Tooltip("n:Q", format=","),
            alt.Tooltip("note:N", title=" "),
        ],
    )
    text = base.encode(y=alt.Y("top:Q", axis=None))
    number = text.mark_text(dy=-8, fontSize=13, fontWeight=600, color=INK).encode(text=alt.Text("n:Q", format=","))
    note = text.mark_text(dy=-24, fontSize=11.5, color=INK, opacity=QUIET).encode(text="note:N")
    return _bare((ghost + solid + note + number).properties(height=height))


def steps(frame: pd.DataFrame, *, height: int = 260) -> Picture:
    """The funnel in small: a column per stage, its predecessor as a shadow behind it.

    `frame`: label, n, note (such as "48 % of MQL"), in order.
    """
    main = frame.assign(position=range(len(frame)), previous=frame["n"].shift(1).fillna(frame["n"]))
    main["top"] = main[["n", "previous"]].max(axis=1)
    return Picture(_steps(height), {"main": main}, "; ".join(f"{r.label}: {r.n:,}" for r in main.itertuples()))


@cache
def _trend(height: int, style: str, title: str, by_series: bool) -> Spec:
    hover = alt.selection_point(
        name="hover", on="pointerover", nearest=True, fields=["period"], empty=False, toggle=False
    )
    colour = _series(SERIES) if by_series else alt.value(NOW)
    base = alt.Chart(alt.NamedData("main")).encode(
        x=alt.X("period:T", axis=_axis(format="%b %Y", labelOverlap="greedy", tickCount=8, labelPadding=6)),
        color=colour,
    )
    y = alt.Y(
        "value:Q",
        axis=_axis(grid=True, gridColor=GRID, gridOpacity=0.22, format=style, tickCount=4, title=title or None),
        scale=alt.Scale(zero=True),
    )
    band = base.mark_area(opacity=0.14).encode(y=alt.Y("low:Q"), y2="high:Q")
    line = base.mark_line(strokeWidth=2.2, interpolate="monotone").encode(y=y).transform_filter("!datum.immature")
    young = base.mark_line(strokeWidth=2.2, strokeDash=[3, 4], opacity=0.75).encode(y=y).transform_filter("datum.joint")
    dots = (
        base.mark_point(filled=True, size=64)
        .encode(
            y=y,
            opacity=alt.condition(hover, alt.value(1), alt.value(0)),
            tooltip=[
                alt.Tooltip("name:N", title="Period"),
                *([alt.Tooltip("series:N", title=" ")] if by_series else []),
                alt.Tooltip("value:Q", title=title or "Value", format=style),
                alt.Tooltip("note:N", title=" "),
            ],
        )
        .add_params(hover)
    )
    return _bare((band + line + young + dots).properties(height=height))


def trend(frame: pd.DataFrame, *, style: str = ",.0f", title: str = "", height: int = 240) -> Picture:
    """Values over time; immature periods, which may still change, are dashed.

    `frame`: period (naive first day), name (its label), value; optional series, low, high (a band), immature, note.
    `style` is a d3 number format (".1%" for shares).
    """
    main = frame.copy()
    for name, default in (("series", ""), ("low", None), ("high", None), ("immature", False), ("note", "")):
        if name not in main:
            main[name] = default
    main["period"] = pd.to_datetime(main["period"])
    ends = main.groupby("series", dropna=False)["immature"].shift(-1, fill_value=False)
    main["joint"] = main["immature"] | ends  # the last mature point too, so that the dashes are joined on
    first, last = (main["name"].iloc[i] if len(main) else "" for i in (0, -1))
    several = bool(main["series"].nunique() > 1)
    return Picture(_trend(height, style, title, several), {"main": main}, f"{title or 'Values'} from {first} to {last}")


@cache
def _bars(height: int, style: str, title: str, grouped: bool) -> Spec:
    chosen = alt.selection_point(name="bar", fields=["label"], toggle=False)
    base = alt.Chart(alt.NamedData("main")).encode(
        y=alt.Y("label:N", sort=_order("position"), axis=_axis(labelLimit=220, labelPadding=8))
    )
    if grouped:
        base = base.encode(yOffset=alt.YOffset("series:N", sort=None))
    x_axis = _axis(grid=True, gridColor=GRID, gridOpacity=0.22, format=style, tickCount=4, title=title or None)
    colour = _series([NOW, BEFORE, *SERIES[1:]]) if grouped else alt.value(NOW)
    solid = (
        base.mark_bar(cornerRadiusEnd=3, height={"band": 0.7})
        .encode(
            x=alt.X("value:Q", axis=x_axis),
            color=colour,
            opacity=alt.condition(chosen, alt.value(1), alt.value(0.35)),
            tooltip=[
                alt.Tooltip("label:N", title=" "),
                *([alt.Tooltip("series:N", title=" ")] if grouped else []),
                alt.Tooltip("value:Q", title=title or "Value", format=style),
                alt.Tooltip("note:N", title=" "),
            ],
        )
        .add_params(chosen)
    )
    whisker = base.mark_rule(color=INK, opacity=0.55, strokeWidth=1.4).encode(x=alt.X("low:Q"), x2="high:Q")
    return _bare((solid + whisker).properties(height=height))


def bars(frame: pd.DataFrame, *, style: str = ",.0f", title: str = "", height: int | None = None) -> Picture:
    """Horizontal bars with their intervals as whiskers; a click selects one (`bar`, yielding label).

    `frame`: label, value; optional series (bars side by side, in order), low, high, note.
    """
    main = frame.copy()
    for name, default in (("series", ""), ("low", None), ("high", None), ("note", "")):
        if name not in main:
            main[name] = default
    places = {label: i for i, label in enumerate(dict.fromkeys(main["label"]))}
    main["position"] = main["label"].map(places)
    several = int(main["series"].nunique() or 1)
    tall = height or 44 + len(places) * max(26, 16 * several)
    words = "; ".join(f"{r.label}: {r.value:,.3g}" for r in main.head(12).itertuples())
    return Picture(_bars(tall, style, title, several > 1), {"main": main}, words)


@cache
def _heat(height: int, style: str) -> Spec:
    base = alt.Chart(alt.NamedData("main")).encode(
        x=alt.X("column:N", sort=_order("column_position"), axis=_axis(orient="top", labelLimit=110)),
        y=alt.Y("row:N", sort=_order("row_position"), axis=_axis(labelLimit=180)),
    )
    ramp = ["#DCE8F5", "#A5C4E4", "#6296CA", "#2B68A6", "#103C6B"]
    cells = base.mark_rect(cornerRadius=2).encode(
        color=alt.Color("value:Q", scale=alt.Scale(range=ramp), legend=None),
        tooltip=[
            alt.Tooltip("row:N", title=" "),
            alt.Tooltip("column:N", title=" "),
            alt.Tooltip("value:Q", title="", format=style),
            alt.Tooltip("note:N", title=" "),
        ],
    )
    figures = base.mark_text(fontSize=11.5).encode(
        text=alt.Text("value:Q", format=style),
        color=alt.condition("datum.strength > 0.45", alt.value("#FFFFFF"), alt.value("#17212E")),
    )
    return _bare((cells + figures).properties(height=height))


def heat(frame: pd.DataFrame, *, style: str = ".0%", height: int | None = None) -> Picture:
    """A table of values as shaded cells; missing values stay blank.

    `frame`: row, column, value; optional note. Rows and columns appear in the order of first appearance.
    """
    main = frame.dropna(subset=["value"]).copy()
    for axis in ("row", "column"):
        main[f"{axis}_position"] = main[axis].map({v: i for i, v in enumerate(dict.fromkeys(frame[axis]))})
    low, span = main["value"].min(), main["value"].max() - main["value"].min()
    main["strength"] = (main["value"] - low) / span if span else 0.0
    if "note" not in main:
        main["note"] = ""
    tall = height or 40 + 30 * frame["row"].nunique()
    return Picture(_heat(tall, style), {"main": main}, f"{frame['row'].nunique()} rows of {style} values")


def small_multiples(frame: pd.DataFrame, panel: str, draw: Any) -> dict[str, Picture]:
    """One picture per value of column `panel`, drawn by `draw(rows of that panel)`, in order of first appearance."""
    return {str(name): draw(rows) for name, rows in frame.groupby(panel, sort=False)}


def warm() -> None:
    """Build the usual specifications before the first visitor."""
    _waterfall(340)
    _steps(260)
    for several in (False, True):
        _trend(240, ",.0f", "", several)
        _bars(200, ",.0f", "", several)
