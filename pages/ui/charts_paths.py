"""Pictures of paths: the flow through a lifecycle, the most frequent routes, curves over time, stock and flow."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import altair as alt
import pandas as pd

from pages.ui.charts_moves import KINDS, colours, present_in, shades
from pages.ui.picture import (
    INK,
    OUTCOMES,
    QUIET,
    SERIES,
    Picture,
    Spec,
    axis,
    bare,
    legend,
    place,
    tip,
    value_axis,
)
from pages.ui.picture import series as coloured

MAIN, NODES, ENDS = (alt.NamedData(name) for name in ("main", "nodes", "ends"))
FATES = {
    "won": ("Reached the goal", OUTCOMES["advanced"][1]),
    "left": ("Left", OUTCOMES["exited"][1]),
    "open": ("Still on the way", OUTCOMES["open"][1]),
}
PHONE = "containerSize()[0] < 520"
PARTS = "split(datum.label, ' → ')"
# A route on two or three lines, two stages on each, with the middle of them where that of one line would be.
BROKEN = (
    f"length({PARTS}) < 3 ? datum.label : length({PARTS}) < 5 ? [{{0}} + ' →', {{1}}] : "
    "[{0} + ' →', {1} + ' →', {2}]"
).format(*(f"join(slice({PARTS}, {i}, {end}), ' → ')" for i, end in ((0, 2), (2, 4), (4, 99))))
RAISED = [{"test": f"{PHONE} && length({PARTS}) > {n}", "value": up} for n, up in ((4, -12), (2, -6))]
BANDS = 4  # curves whose bands can be told apart
ROOM = 118  # pixels a column needs for its labels


@cache
def _flow(height: int, present: tuple[str, ...], columns: int) -> Spec:
    room = f"max(3, min({columns}, floor(width / {ROOM})))"
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domainMin=0.94, domainMax={"expr": f"{room} + 0.72"}, nice=False))
    y = alt.Y("low:Q", axis=None, scale=alt.Scale(nice=False, zero=False))
    ribbons = (
        alt.Chart(MAIN)
        .transform_filter(f"datum.reaches <= {room}")
        .mark_area(interpolate="monotone", opacity=0.5, strokeWidth=0.6, clip=True)
        .encode(
            x=x,
            y=y,
            y2="high:Q",
            detail="ribbon:N",
            color=colours(present, more_room=22),
            stroke=alt.Stroke("said:N", scale=shades(present), legend=None),
            tooltip=[
                tip("start:N", "From"),
                tip("end:N", "To"),
                tip("said:N", "Move"),
                tip("n:Q", "How many", ","),
                tip("share:Q", "Of all", ".1%"),
            ],
        )
    )
    nodes = alt.Chart(NODES).transform_filter(f"datum.step <= {room}")
    tips = [
        tip("label:N", "Stage"),
        tip("n:Q", "Entered", ","),
        tip("share:Q", "Of all", ".1%"),
        tip("stayed:Q", "Still there", ","),
    ]
    bars = nodes.mark_rect(cornerRadius=1).encode(
        x=alt.X("left:Q"),
        x2="right:Q",
        y=alt.Y("low:Q"),
        y2="high:Q",
        color=alt.value(INK),
        opacity=alt.value(0.72),
        tooltip=tips,
    )
    at = nodes.encode(x=alt.X("right:Q"), y=alt.Y("middle:Q"))
    limit = {"expr": f"width / ({room} + 0.8) - 16"}
    named = at.mark_text(align="left", dx=5, dy=-6, fontSize=12, fontWeight=600, color=INK, limit=limit).encode(
        text="label:N"
    )
    counted = at.mark_text(align="left", dx=5, dy=7, fontSize=11, color=INK, opacity=0.85, limit=limit).encode(
        text="note:N"
    )
    heads = (
        alt.Chart(ENDS)
        .transform_filter(f"datum.step <= {room}")
        .mark_text(align="left", baseline="bottom", fontSize=11, color=INK, opacity=QUIET, dy=-16)
        .encode(x=alt.X("x:Q"), y=alt.Y("y:Q"), text="label:N")
    )
    return bare((ribbons + bars + named + counted + heads).properties(height=height))


def flow(ribbons: pd.DataFrame, nodes: pd.DataFrame, rows: pd.DataFrame) -> Picture:
    """Who went where, step by step, as ribbons between stages; narrow screens show the first steps.

    `ribbons`: ribbon, x, low, high, reaches (the column it ends in), start, end, kind (of KINDS, or other), n, share;
    a row per point. `nodes`: step, left, right, low, high, label, note, n, share, stayed. `rows`: for the export.
    """
    said = {kind: name for kind, (name, _) in KINDS.items()}
    main = ribbons.assign(said=ribbons["kind"].map(said))
    drawn = nodes.assign(middle=(nodes["low"] + nodes["high"]) / 2)
    columns = int(nodes["step"].max())
    heads = pd.DataFrame(
        [
            {"step": step, "x": step - 0.03, "y": float(nodes["high"].max()), "label": _ordinal(step)}
            for step in range(1, columns + 1)
        ]
    )
    biggest = rows.nlargest(8, "n")
    words = "; ".join(f"{r.start} to {r.end}: {r.n:,}" for r in biggest.itertuples())
    data = {"main": main, "nodes": drawn, "ends": heads}
    return Picture(_flow(560, present_in(main["kind"]), columns), data, rows, f"Paths. {words}")


def _ordinal(step: int) -> str:
    return {1: "1st stage", 2: "2nd", 3: "3rd"}.get(step, f"{step}th")


@cache
def _routes(height: int) -> Spec:
    names, shades = zip(*FATES.values(), strict=True)
    lines = axis(
        labelLimit={"expr": "containerSize()[0] * 0.42"},
        labelPadding=8,
        labelOverlap=False,
        labelFontSize={"expr": f"{PHONE} ? 11 : 12"},
        labelLineHeight=12,
        labelExpr=f"{PHONE} ? {BROKEN} : datum.label",
        labelOffset={"condition": RAISED, "value": 0},
    )
    y = alt.Y("label:N", sort=place("position"), axis=lines)
    scale = alt.Scale(nice=False, zero=True, range=[0, {"expr": "max(60, width - 210)"}])
    bars = (
        alt.Chart(MAIN)
        .mark_bar(height={"band": 0.64})
        .encode(
            y=y,
            x=alt.X("low:Q", axis=None, scale=scale),
            x2="high:Q",
            color=alt.Color(
                "said:N",
                scale=alt.Scale(domain=list(names), range=list(shades)),
                legend=legend(symbolType="square", offset=8),
            ),
            tooltip=[
                tip("label:N", "Route"),
                tip("said:N", "What became of them"),
                tip("n:Q", "Journeys", ","),
                tip("share:Q", "Of this route", ".1%"),
            ],
        )
    )
    ends = alt.Chart(ENDS).encode(y=y, x=alt.X("n:Q", axis=None, scale=scale))
    count = ends.mark_text(align="left", dx=6, dy=-7, fontSize=12, fontWeight=600, color=INK).encode(text="count:N")
    note = ends.mark_text(align="left", dx=6, dy=7, fontSize=11, color=INK, opacity=QUIET).encode(text="note:N")
    return bare((bars + count + note).properties(height=height))


def routes(frame: pd.DataFrame, ends: pd.DataFrame, rows: pd.DataFrame) -> Picture:
    """The most frequent routes, each parted by what became of the journeys. `frame`: label, fate (of FATES), n, by
    route in order. `ends`: label, n, count, note. `rows`: for the export."""
    places = {label: i for i, label in enumerate(ends["label"])}
    main = frame[frame["n"] > 0].assign(said=frame["fate"].map({f: said for f, (said, _) in FATES.items()}))
    main = main.assign(position=main["label"].map(places))
    main["share"] = main["n"] / main.groupby("position")["n"].transform("sum")
    main["high"] = main.groupby("position")["n"].cumsum()
    main["low"] = main["high"] - main["n"]
    words = "; ".join(f"{row.label}: {row.count}" for row in ends.itertuples(index=False))
    data = {"main": main, "ends": ends.assign(position=range(len(ends)))}
    return Picture(_routes(60 + 40 * len(ends)), data, rows, f"Routes. {words}")


@cache
def _curves(height: int, title: str, series: int, own: tuple[str, ...]) -> Spec:
    hover = alt.selection_point(
        name="hover", on="pointerover", nearest=True, fields=["days"], empty=False, toggle=False
    )
    days = axis(title="days", tickCount=8, labelOverlap=True)
    base = alt.Chart(MAIN).encode(
        x=alt.X("days:Q", axis=days, scale=alt.Scale(nice=False, zero=True)),
        color=alt.value((own or SERIES)[0]) if series == 1 else coloured(own or SERIES),
    )
    y = alt.Y("value:Q", axis=value_axis(".0%", title), scale=alt.Scale(zero=True))
    band = base.mark_area(opacity=0.13, interpolate="step-after").encode(y=alt.Y("low:Q"), y2="high:Q")
    line = base.mark_line(strokeWidth=2.4, interpolate="step-after").encode(y=y)
    tips = [tip("series:N"), tip("days:Q", "After days", ",.0f"), tip("value:Q", "So many", ".1%"), tip("note:N")]
    dots = (
        base.mark_point(filled=True, size=60)
        .encode(y=y, opacity=alt.condition(hover, alt.value(1), alt.value(0)), tooltip=tips)
        .add_params(hover)
    )
    layers = [line, dots] if series > BANDS else [band, line, dots]
    return bare(alt.layer(*layers).properties(height=height))


def curves(frame: pd.DataFrame, title: str, own: Mapping[str, str] | None = None, *, height: int = 280) -> Picture:
    """Shares that grow with time, a curve per series. `frame`: series, days, value, low, high, note.

    `own`: the colour of each series, where they have colours of their own on every page.
    """
    colours = tuple(own[name] for name in frame["series"].unique()) if own else ()
    series = int(frame["series"].nunique())
    height += 26 * series if series > BANDS else 0  # room for a legend of many lines
    last = frame.groupby("series", sort=False).last()
    words = "; ".join(f"{name}: {row.value:.1%} after {row.days:,.0f} days" for name, row in last.iterrows())
    return Picture(_curves(height, title, series, colours), {"main": frame}, frame, f"{title}. {words}")


@cache
def _in_and_out(height: int, present: tuple[str, ...]) -> Spec:
    months = axis(labelOverlap="greedy", labelPadding=6)
    bars = (
        alt.Chart(MAIN)
        .mark_bar(width={"band": 0.7})
        .encode(
            x=alt.X("name:N", sort=place("position"), axis=months),
            y=alt.Y("low:Q", axis=value_axis("~s", "out  ·  in", whole=True)),
            y2="high:Q",
            color=colours(present),
            tooltip=[
                tip("name:N", "Period"),
                tip("way:N", "Way"),
                tip("said:N", "Move"),
                tip("n:Q", "How many", ","),
            ],
        )
    )
    zero = alt.Chart(ENDS).mark_rule(color=INK, opacity=QUIET).encode(y=alt.datum(0))
    net = (
        alt.Chart(ENDS)
        .mark_tick(color=INK, thickness=2.5, width={"band": 0.5})
        .encode(
            x=alt.X("name:N", sort=place("position")),
            y="net:Q",
            tooltip=[tip("name:N", "Period"), tip("net:Q", "In less out", "+,")],
        )
    )
    return bare((bars + zero + net).properties(height=height))


def in_and_out(frame: pd.DataFrame, ends: pd.DataFrame, *, height: int = 260) -> Picture:
    """Who came (up) and went (down) in each period, by kind of move; a tick marks the difference.

    `frame`: name, position, way (in, out), kind (of KINDS, or new), n. `ends`: name, position, net.
    """
    order = {kind: i for i, kind in enumerate(KINDS)}
    main = frame[frame["n"] > 0].assign(turn=frame["kind"].map(order)).sort_values(["position", "way", "turn"])
    signed = (main["n"] * main["way"].map({"in": 1, "out": -1})).astype(int)  # where nobody moved, no type is told
    main["high"] = signed.groupby([main["position"], main["way"]]).cumsum()
    main["low"] = main["high"] - signed
    main["said"] = main["kind"].map({kind: said for kind, (said, _) in KINDS.items()})
    words = f"In and out, {len(ends)} periods; {frame.loc[frame['way'] == 'in', 'n'].sum():,} came"
    return Picture(_in_and_out(height, present_in(main["kind"])), {"main": main, "ends": ends}, frame, words)
