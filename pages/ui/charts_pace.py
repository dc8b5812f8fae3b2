"""Pictures of many stages or groups at once: ranges of times, lengths, stocks, leanings and arrivals."""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt
import pandas as pd

from pages.ui.picture import (
    BEFORE,
    GRID,
    INK,
    NOW,
    QUIET,
    SERIES,
    Picture,
    Spec,
    axis,
    bare,
    filled,
    legend,
    place,
    series,
    tip,
    value_axis,
    weight,
)

MAIN, MARKS = alt.NamedData("main"), alt.NamedData("marks")
HOUR = 1 / 24
LOG_TICKS = {HOUR: "1 h", 0.25: "6 h", 1: "1 d", 3: "3 d", 7: "1 wk", 14: "2 wk", 30.4375: "1 mo", 91.3125: "3 mo"}
LOG_TICKS |= {182.625: "6 mo", 365.25: "1 yr", 730.5: "2 yr", 1826.25: "5 yr"}
AGED = ("#F3DDB0", "#E0A030", "#A86A17", "#5F3A0D")  # the amber of those still in, darker with age
FADING = ("#C4CAD2", "#B1BCCB", "#9EB0C9", "#8BA3C7", "#7897C6", "#658EC5", "#5285C4", NOW)  # old ones in grey


def _days(title: str = "") -> alt.X:
    """Days along a logarithmic axis from an hour on, with ticks at round times."""
    words = " : ".join(f"abs(datum.value - {at}) < 0.01 ? '{said}'" for at, said in LOG_TICKS.items())
    ruled = axis(grid=True, gridColor=GRID, gridOpacity=0.22, labelExpr=f"{words} : ''", title=title or None)
    ruled.values = list(LOG_TICKS)
    return alt.X("t:Q", axis=ruled, scale=alt.Scale(type="symlog", constant=0.25, nice=False))


@cache
def _ranges(height: int, n_series: int) -> Spec:
    several = n_series > 1
    base = alt.Chart(MAIN).encode(
        y=alt.Y("label:N", sort=place("position"), axis=axis(labelLimit=170, labelPadding=8, labelFontSize=13)),
        color=series(SERIES) if several else alt.value(NOW),
    )
    if several:
        base = base.encode(yOffset=alt.YOffset("series:N", sort=None))
    thick = max(4, 12 - 2 * n_series)
    tips = [
        tip("series:N"),
        tip("label:N", "Stage"),
        tip("n:Q", "Stays", ","),
        tip("said:N", "Half have left within"),
        tip("band:N", "95 % band"),
        tip("middle:N", "p25 to p75"),
        tip("most:N", "p90"),
        tip("alone:N", "Median of the ended alone"),
    ]
    tail = base.mark_rule(strokeWidth=1.6, opacity=0.55).encode(x=alt.X("t75:Q"), x2="t90:Q")
    box = base.mark_bar(height=thick, cornerRadius=2, opacity=0.35).encode(x=alt.X("t25:Q"), x2="t75:Q", tooltip=tips)
    on = base.mark_text(text="▸", fontSize=20, dx=4).encode(x=alt.X("t90:Q")).transform_filter("datum.on")
    end = base.mark_tick(thickness=1.6, size=thick, opacity=0.7).encode(x=alt.X("t90:Q")).transform_filter("!datum.on")
    known = base.transform_filter("isValid(datum.t)")
    band = known.mark_rule(strokeWidth=3).encode(x=alt.X("low:Q"), x2="high:Q")
    dot = known.mark_point(filled=True, size=90 if not several else 60, opacity=1).encode(x=_days(), tooltip=tips)
    said = known.mark_text(dy=-15, fontSize=13, fontWeight=600, color=INK).encode(
        x=alt.X("t:Q"), text="said:N", color=alt.value(INK)
    )
    naive = (
        base.transform_filter("isValid(datum.naive)")
        .mark_point(shape="circle", filled=False, size=70, strokeWidth=1.8, opacity=0.9)
        .encode(x=alt.X("naive:Q"), color=alt.value(BEFORE), tooltip=tips)
    )
    never = (
        base.transform_filter("!isValid(datum.t)")
        .mark_text(text="half not reached", align="right", dx=-4, dy=-15, fontSize=12)
        .encode(x=alt.X("t90:Q"), color=alt.value(INK), opacity=alt.value(QUIET))
    )
    limit = (
        base.transform_filter("isValid(datum.limit)")
        .mark_tick(thickness=2, size=26, color=INK)
        .encode(x=alt.X("limit:Q"), color=alt.value(INK), opacity=alt.value(0.75), tooltip=[tip("target:N", "Limit")])
    )
    layers = [tail, box, on, end, limit, band]
    layers += [naive, dot, said, never] if not several else [dot]
    return bare(alt.layer(*layers).properties(height=height))


def ranges(frame: pd.DataFrame) -> Picture:
    """How long stages take, a row each: the middle half as a bar, the median as a dot, a line to the p90.

    `frame`, in days: label, series, n, t (median), low, high, t25, t75, t90, on (it goes on beyond what was seen),
    naive, limit; in words: said, band, middle, most, alone, target.
    """
    places = {label: i for i, label in enumerate(dict.fromkeys(frame["label"]))}
    main = frame.assign(position=frame["label"].map(places))
    n = int(frame["series"].nunique())
    words = "; ".join(f"{row.label} {row.series}: {row.said}" for row in frame.head(12).itertuples())
    tall = 60 + len(places) * (58 if n == 1 else 20 + 13 * n)
    return Picture(_ranges(tall, n), {"main": main}, frame, f"How long stages take. {words}")


@cache
def _lengths(height: int, colours: tuple[str, ...], unit: str) -> Spec:
    up: dict[str, Any] = {"labelExpr": "format(abs(datum.value), ',')"}
    ruled = value_axis(",", "← still in it · ended →")
    ruled.labelExpr = up["labelExpr"]
    bars = (
        alt.Chart(MAIN)
        .mark_bar(strokeWidth=0, cornerRadius=1)
        .encode(
            x=alt.X("start:Q", axis=axis(title=unit, tickCount=8, format="~f"), scale=alt.Scale(nice=False)),
            x2="end:Q",
            y=alt.Y("low:Q", axis=ruled),
            y2="high:Q",
            color=alt.Color("name:N", sort=None, scale=alt.Scale(range=list(colours)), legend=legend()),
            tooltip=[tip("span:N", "Time in it"), tip("name:N", "How it ended"), tip("n:Q", "Stays", ",")],
        )
    )
    zero = alt.Chart(MAIN).mark_rule(color=INK, opacity=QUIET).encode(y=alt.datum(0))
    return bare((bars + zero).properties(height=height))


def lengths(frame: pd.DataFrame, colours: tuple[str, ...], unit: str, *, height: int = 300) -> Picture:
    """Lengths of stays: those that ended upwards, by how; those still open, so far, downwards.

    `frame`: start, end (in `unit`), span (in words), name, n, low, high. `colours` in order of the names.
    """
    return Picture(_lengths(height, colours, unit), {"main": frame}, frame, "Lengths of ended and of open stays")


@cache
def _paces(height: int) -> Spec:
    base = alt.Chart(MAIN).encode(x=alt.X("label:N", sort=place("position"), axis=axis(labelOverlap="greedy")))
    known = base.transform_filter("isValid(datum.value)")
    tips = [
        tip("label:N", "Entered"),
        tip("said:N", "Left within"),
        tip("band:N", "95 % band"),
        tip("note:N"),
        tip("beside_said:N", "Grey"),
    ]
    y = alt.Y("value:Q", axis=value_axis("~f", "days"), scale=alt.Scale(zero=True))
    top = alt.Chart(MARKS).mark_point(opacity=0).encode(y=alt.Y("top:Q"))  # several pictures on one scale
    grey = base.transform_filter("isValid(datum.beside)").encode(y=alt.Y("beside:Q"))
    beside = grey.mark_line(strokeWidth=1.8, color=BEFORE, opacity=0.7)
    beside += grey.mark_point(filled=True, size=22, color=BEFORE, opacity=0.7)
    line = base.mark_line(strokeWidth=1.6, opacity=0.6, color=NOW).encode(y=y)
    band = known.mark_rule(strokeWidth=7, opacity=0.25, color=NOW, strokeCap="round").encode(
        y=alt.Y("low:Q"), y2="high:Q"
    )
    on = known.transform_filter("datum.on").mark_text(text="▴", fontSize=16, dy=-4, color=NOW).encode(y=alt.Y("high:Q"))
    dot = known.mark_point(filled=True, size=75, opacity=1, color=NOW).encode(y=y, tooltip=tips)
    never = (
        base.transform_filter("!isValid(datum.value)")
        .mark_text(fontSize=11, color=INK, opacity=QUIET, angle=270, align="left")
        .encode(y=alt.datum(0), text="said:N", tooltip=tips)
    )
    return bare((top + beside + band + on + line + dot + never).properties(height=height))


def paces(frame: pd.DataFrame, *, top: float = 0.0, height: int = 250) -> Picture:
    """A time by period, with its band; where it is not reached, that is said.

    `frame`: label, value (days), low, high, on (the band has no upper end yet), said, band, note; optional beside
    (days of what it is compared with, in grey) and beside_said. `top`: how far the axis reaches at least.
    """
    main = filled(frame, beside=float("nan"), beside_said="").assign(position=range(len(frame)))
    words = "; ".join(f"{row.label}: {row.said}" for row in frame.itertuples())
    return Picture(_paces(height), {"main": main, "marks": pd.DataFrame({"top": [top]})}, frame, words)


@cache
def _stock(height: int, named: bool) -> Spec:
    keys = legend(symbolType="square") if named else None
    bars = (
        alt.Chart(MAIN)
        .mark_bar(width={"band": 0.78})
        .encode(
            x=alt.X("label:N", sort=place("position"), axis=axis(labelOverlap="greedy")),
            y=alt.Y("low:Q", axis=value_axis(",.0f", "in the stage at the end" if named else "")),
            y2="high:Q",
            color=alt.Color("age:N", sort=None, scale=alt.Scale(range=list(AGED)), legend=keys),
            tooltip=[
                tip("label:N", "End of"),
                tip("age:N", "In it for"),
                tip("n:Q", "Stays", ","),
                tip("total:Q", "Of all", ","),
            ],
        )
    )
    return bare(bars.properties(height=height))


def stock(frame: pd.DataFrame, *, named: bool = True, height: int = 300) -> Picture:
    """Who is in a stage at the end of each period, by age. `frame`: label, age, n, in order of time, then of age.

    `named`: with a legend, and the axis titled; one of several pictures has neither.
    """
    places = {label: i for i, label in enumerate(dict.fromkeys(frame["label"]))}
    main = frame.assign(position=frame["label"].map(places))
    main["high"] = main.groupby("position")["n"].cumsum()
    main["low"] = main["high"] - main["n"]
    main["total"] = main.groupby("position")["n"].transform("sum")
    return Picture(_stock(height, named), {"main": main}, frame, "Stays in the stage by age, over time")


@cache
def _leans(height: int, colour: str) -> Spec:
    base = alt.Chart(MAIN).encode(y=alt.Y("label:N", sort=place("position"), axis=axis(labelLimit=260, labelPadding=8)))
    tips = [tip("label:N"), tip("value:Q", "Of them", ".1%"), tip("others:Q", "Of all others", ".1%"), tip("note:N")]
    solid = base.mark_bar(cornerRadiusEnd=3, height={"band": 0.66}, color=colour).encode(
        x=alt.X("value:Q", axis=value_axis(".0%", "")), tooltip=tips
    )
    whisker = base.mark_rule(color=INK, opacity=0.6, strokeWidth=1.5).encode(x=alt.X("low:Q"), x2="high:Q")
    quarter = alt.Chart(MAIN).mark_rule(color=INK, opacity=QUIET, strokeDash=[4, 3]).encode(x=alt.datum(0.25))
    return bare((solid + whisker + quarter).properties(height=height))


def leans(frame: pd.DataFrame, *, slow: bool) -> Picture:
    """Who is often among the quickest (or slowest) quarter; a line marks the quarter of all.

    `frame`: label, value, low, high, others, note.
    """
    main = frame.assign(position=range(len(frame)))
    words = "; ".join(f"{row.label}: {row.value:.0%}" for row in frame.itertuples())
    return Picture(_leans(44 + 30 * len(frame), "#E0A030" if slow else NOW), {"main": main}, frame, words)


@cache
def _arrivals(height: int, unit: str, colours: tuple[str, ...]) -> Spec:
    hover = alt.selection_point(name="hover", on="pointerover", nearest=True, fields=["t"], empty=False, toggle=False)
    across = alt.X("t:Q", axis=axis(title=unit, tickCount=8, format="~f"), scale=alt.Scale(nice=False))
    base = alt.Chart(MAIN).encode(x=across, color=series(colours) if len(colours) > 1 else alt.value(NOW))
    y = alt.Y("value:Q", axis=value_axis("~%", "have arrived"), scale=alt.Scale(zero=True))
    band = base.mark_area(opacity=0.13, interpolate="step-after").encode(y=alt.Y("low:Q"), y2="high:Q")
    line = base.mark_line(interpolate="step-after").encode(y=y, strokeWidth=weight(len(colours), 2.3))
    dots = (
        base.mark_point(filled=True, size=60)
        .encode(
            y=y,
            opacity=alt.condition(hover, alt.value(1), alt.value(0)),
            tooltip=[tip("series:N"), tip("time:N", "Within"), tip("value:Q", "Have arrived", ".1%"), tip("note:N")],
        )
        .add_params(hover)
    )
    return bare((band + line + dots).properties(height=height))


def arrivals(frame: pd.DataFrame, unit: str, *, ordered: bool = False, height: int = 340) -> Picture:
    """The share that has arrived after so long, a curve per series; `ordered` ones are shades, from old to new.

    `frame`: series, t (in `unit`), time (in words), value, note; optional low, high.
    """
    names = list(dict.fromkeys(frame["series"]))
    apart = (len(FADING) - 1) / max(len(names) - 1, 1)
    some = [FADING[-1 - round(apart * i)] for i in range(len(names))][::-1] if ordered else SERIES[: len(names)]
    main = filled(frame, low=None, high=None)
    words = "; ".join(f"{name}" for name in names[:8])
    return Picture(_arrivals(height, unit, tuple(some)), {"main": main}, frame, f"Arrivals over time: {words}")
