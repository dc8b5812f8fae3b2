"""Frames to pictures: each specification is built once per process, every rerun swaps in its data alone.

Fields have fixed names: a column name or a value of the warehouse never reaches a specification.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import altair as alt
import pandas as pd

from pages.ui.picture import (
    BEFORE,
    GRID,
    INK,
    NOW,
    OUTCOMES,
    QUIET,
    RAMP,
    SERIES,
    Picture,
    Spec,
    axis,
    bare,
    filled,
    legend,
    period_axis,
    place,
    series,
    ticked,
    tip,
    value_axis,
    with_legend,
)

MAIN, TOPS = alt.NamedData("main"), alt.NamedData("tops")
NARROW = "width / length(domain('x')) < 62"  # a phone
STAGE_LABELS: dict[str, Any] = {  # every stage keeps its label, aslant where there is no room
    "labelOverlap": False,
    "labelLimit": {"expr": f"{NARROW} ? 78 : width / length(domain('x')) - 6"},
    "labelFontSize": {"expr": f"{NARROW} ? 10.5 : 12"},
    "labelAngle": {"expr": f"{NARROW} ? -40 : 0"},
    "labelAlign": {"expr": f"{NARROW} ? 'right' : 'center'"},
    "labelPadding": 8,
}
WIDE = "bandwidth('x') > 118"  # room for "48 % of Opportunity" above a column


@cache
def _waterfall(height: int, present: tuple[str, ...]) -> Spec:
    chosen = alt.selection_point(name="bar", fields=["stage", "outcome"], toggle=False)
    names, colours = zip(*(OUTCOMES[key] for key in present), strict=True)
    x = alt.X("label:N", sort=place("position"), axis=axis(**STAGE_LABELS))
    bars = (
        alt.Chart(MAIN)
        .mark_bar(cornerRadius=2, width={"band": 0.62})
        .encode(
            x=x,
            y=alt.Y("low:Q", axis=None),
            y2="high:Q",
            color=alt.Color(
                "outcome_label:N",
                scale=alt.Scale(domain=list(names), range=list(colours)),
                legend=legend(symbolType="square", offset=30),
            ),
            opacity=alt.condition(chosen, alt.value(1), alt.value(0.28)),
            tooltip=[
                tip("label:N", "Stage"),
                tip("outcome_label:N", "What became of them"),
                tip("n:Q", "Journeys", ","),
                tip("share:Q", "Share of the stage", ".1%"),
                tip("detail:N", "Of which"),
            ],
        )
        .add_params(chosen)
    )
    return bare((bars + _tops(alt.Chart(TOPS).encode(x=x), "top:Q")).properties(height=height))


def _tops(base: alt.Chart, y: str) -> alt.LayerChart:
    """Above a column its count, and over that its share of the stage before: in words where there is room."""
    base = base.encode(y=alt.Y(y, axis=None))
    number = base.mark_text(
        dy=-8, fontSize={"expr": "bandwidth('x') > 62 ? 14 : 11"}, fontWeight=600, color=INK
    ).encode(text=alt.Text("n:Q", format=","))
    quiet: dict[str, Any] = {"dy": -26, "fontSize": 12, "color": INK}
    long = base.mark_text(**quiet, opacity={"expr": f"{WIDE} ? {QUIET} : 0"}).encode(text="note:N")
    short = base.mark_text(**quiet, opacity={"expr": f"{WIDE} ? 0 : {QUIET}"}).encode(text="short:N")
    return number + long + short


def waterfall(outcomes: pd.DataFrame, stages: pd.DataFrame, *, relative: bool = False, height: int = 340) -> Picture:
    """What became of those who entered each stage, as stacked columns; a click selects one stage and outcome.

    `outcomes`: stage, label, outcome (a key of OUTCOMES), n; optional detail. `stages`, in order: stage, label, n, note
    (the line above the count, "48 % of MQL") and short (the same without room, "48 %"). `relative` draws every stage
    equally tall. The selection is called `bar` and yields stage and outcome.
    """
    order = {key: i for i, key in enumerate(OUTCOMES)}
    places = {stage: i for i, stage in enumerate(stages["stage"])}
    main = filled(outcomes[outcomes["n"] > 0], detail="")
    main = main.assign(position=main["stage"].map(places), turn=main["outcome"].map(order))
    main = main.sort_values(["position", "turn"], ignore_index=True)
    whole = main.groupby("position")["n"].transform("sum")
    unit = whole if relative else 1
    main["high"] = main.groupby("position")["n"].cumsum() / unit
    main["low"] = main["high"] - main["n"] / unit
    main["share"] = main["n"] / whole
    main["outcome_label"] = main["outcome"].map({key: label for key, (label, _) in OUTCOMES.items()})
    tops = stages.assign(position=range(len(stages)), top=(stages["n"] > 0) * 1 if relative else stages["n"])
    present = tuple(key for key in OUTCOMES if key in set(main["outcome"])) or ("advanced",)
    words = "; ".join(f"{row.label}: {row.n:,}" for row in stages.itertuples())
    return Picture(
        _waterfall(height, present), {"main": main, "tops": tops}, outcomes, f"What became of each stage. {words}"
    )


@cache
def _steps(height: int) -> Spec:
    base = alt.Chart(MAIN).encode(x=alt.X("label:N", sort=place("position"), axis=axis(**STAGE_LABELS)))
    bar: dict[str, Any] = {"cornerRadiusTopLeft": 3, "cornerRadiusTopRight": 3, "width": {"band": 0.62}}
    ghost = base.mark_bar(**bar, color=GRID, opacity=0.18).encode(y=alt.Y("previous:Q", axis=None))
    tips = [tip("label:N", "Stage"), tip("n:Q", "Journeys", ","), tip("note:N")]
    solid = base.mark_bar(**bar, color=NOW).encode(y=alt.Y("n:Q", axis=None), tooltip=tips)
    return bare((ghost + solid + _tops(base, "top:Q")).properties(height=height))


def steps(stages: pd.DataFrame, *, height: int = 260) -> Picture:
    """The funnel in small: a column per stage, the stage before it as a shadow behind.

    `stages`, in order: label, n, note ("48 % of MQL") and short ("48 %").
    """
    main = stages.assign(position=range(len(stages)), previous=stages["n"].shift(1).fillna(stages["n"]))
    main["top"] = main[["n", "previous"]].max(axis=1)
    return Picture(_steps(height), {"main": main}, stages, "; ".join(f"{r.label}: {r.n:,}" for r in main.itertuples()))


@cache
def _trend(height: int, style: str, title: str, several: bool) -> Spec:
    hover = alt.selection_point(
        name="hover", on="pointerover", nearest=True, fields=["period"], empty=False, toggle=False
    )
    x = alt.X("period:T", axis=period_axis())
    base = alt.Chart(MAIN).encode(x=x, color=series(SERIES) if several else alt.value(NOW))
    y = alt.Y("value:Q", axis=value_axis(style, title), scale=alt.Scale(zero=True))
    band = base.mark_area(opacity=0.14).encode(y=alt.Y("low:Q"), y2="high:Q")
    line = base.mark_line(strokeWidth=2.4).encode(y=y).transform_filter("!datum.immature")
    young = base.mark_line(strokeWidth=2.4, strokeDash=[3, 4], opacity=0.75).encode(y=y).transform_filter("datum.joint")
    alone = base.mark_point(filled=True, size=50, opacity=1).encode(y=y).transform_filter("datum.alone")
    tips = [tip("name:N", "Period"), tip("value:Q", title or "Value", style), tip("note:N")]
    dots = (
        base.mark_point(filled=True, size=70)
        .encode(
            y=y,
            opacity=alt.condition(hover, alt.value(1), alt.value(0)),
            tooltip=[tip("series:N"), *tips] if several else tips,
        )
        .add_params(hover)
    )
    return bare((band + line + young + alone + dots).properties(height=height))


def trend(frame: pd.DataFrame, *, style: str = ",.0f", title: str = "", height: int = 240) -> Picture:
    """Values over time; immature periods, which may still change, are dashed.

    `frame`: period (naive first day), name (its label), value; optional series, low, high (a band), immature, note.
    `style` is a d3 number format (".0%" for shares).
    """
    main = filled(frame, series="", low=None, high=None, immature=False, note="")
    main["period"] = pd.to_datetime(main["period"])
    ends = main.groupby("series", dropna=False)["immature"].shift(-1, fill_value=False)
    main["joint"] = main["immature"] | ends  # the last mature point too, so that the dashes are joined on
    values = main.groupby("series", dropna=False)["value"]
    main["alone"] = main["value"].notna() & values.shift(1).isna() & values.shift(-1).isna()  # no line shows it
    first, last = (main["name"].iloc[i] if len(main) else "" for i in (0, -1))
    several = bool(main["series"].nunique() > 1)
    tall = with_legend(height, int(main["series"].nunique()))
    spec = ticked(_trend(tall, style, title, several), main["period"], main["name"])
    return Picture(spec, {"main": main}, frame, f"{title or 'Values'}, {first} to {last}")


@cache
def _bars(height: int, style: str, title: str, several: bool) -> Spec:
    chosen = alt.selection_point(name="bar", fields=["label"], toggle=False)
    base = alt.Chart(MAIN).encode(y=alt.Y("label:N", sort=place("position"), axis=axis(labelLimit=220, labelPadding=8)))
    if several:
        base = base.encode(yOffset=alt.YOffset("series:N", sort=None))
    tips = [tip("label:N"), tip("value:Q", title or "Value", style), tip("note:N")]
    solid = (
        base.mark_bar(cornerRadiusEnd=3, height={"band": 0.7})
        .encode(
            x=alt.X("value:Q", axis=value_axis(style, title)),
            color=series((NOW, BEFORE, *SERIES[1:])) if several else alt.value(NOW),
            opacity=alt.condition(chosen, alt.value(1), alt.value(0.35)),
            tooltip=[tip("series:N"), *tips] if several else tips,
        )
        .add_params(chosen)
    )
    whisker = base.mark_rule(color=INK, opacity=0.6, strokeWidth=1.5).encode(x=alt.X("low:Q"), x2="high:Q")
    return bare((solid + whisker).properties(height=height))


def bars(frame: pd.DataFrame, *, style: str = ",.0f", title: str = "", height: int | None = None) -> Picture:
    """Horizontal bars with their intervals as whiskers; a click selects one (`bar`, yielding label).

    `frame`: label, value; optional series (bars side by side: now first, before second), low, high, note.
    """
    main = filled(frame, series="", low=None, high=None, note="")
    places = {label: i for i, label in enumerate(dict.fromkeys(main["label"]))}
    main["position"] = main["label"].map(places)
    groups = int(main["series"].nunique() or 1)
    besides = 44 if groups == 1 else 84  # the axis, and the legend of several
    tall = height or besides + len(places) * max(28, 19 * groups)
    words = "; ".join(f"{row.label}: {row.value:,.3g}" for row in main.head(12).itertuples())
    return Picture(_bars(tall, style, title, groups > 1), {"main": main}, frame, words)


@cache
def _heat(height: int, style: str) -> Spec:
    gap = alt.Scale(paddingInner=0.06)
    base = alt.Chart(MAIN).encode(
        x=alt.X("column:N", sort=place("column_position"), scale=gap, axis=axis(orient="top", labelLimit=110)),
        y=alt.Y("row:N", sort=place("row_position"), scale=gap, axis=axis(labelLimit=180)),
    )
    cells = base.mark_rect(cornerRadius=2).encode(
        color=alt.Color("value:Q", scale=alt.Scale(range=list(RAMP)), legend=None),
        tooltip=[tip("row:N"), tip("column:N"), tip("value:Q", style=style), tip("note:N")],
    )
    figures = base.mark_text(fontSize=12).encode(
        text=alt.Text("value:Q", format=style),
        color=alt.condition("datum.strength > 0.45", alt.value("#FFFFFF"), alt.value("#17212E")),
    )
    return bare((cells + figures).properties(height=height))


def heat(frame: pd.DataFrame, *, style: str = ".0%", height: int | None = None) -> Picture:
    """A table of values as shaded cells; what is missing stays blank.

    `frame`: row, column, value; optional note. Rows and columns appear in the order of their first appearance.
    """
    main = filled(frame.dropna(subset=["value"]), note="")
    for name in ("row", "column"):
        main[f"{name}_position"] = main[name].map({v: i for i, v in enumerate(dict.fromkeys(frame[name]))})
    low, span = main["value"].min(), main["value"].max() - main["value"].min()
    main["strength"] = (main["value"] - low) / span if span else 0.0
    rows = frame["row"].nunique()
    return Picture(_heat(height or 40 + 32 * rows, style), {"main": main}, frame, f"{rows} rows of values")


def small_multiples(frame: pd.DataFrame, panel: str, draw: Callable[[pd.DataFrame], Picture]) -> dict[str, Picture]:
    """One picture per value of the column `panel`, in order of first appearance; `draw` gets the rows of one."""
    return {str(name): draw(rows) for name, rows in frame.groupby(panel, sort=False)}


def warm() -> None:
    """Build the usual specifications before the first visitor."""
    usual = ("advanced", "open", "exited")
    for present in (usual, (*usual, "not_due"), ("advanced", "late", "open", "exited", "not_due")):
        _waterfall(340, present)
    _steps(260)
    for several in (False, True):
        _trend(240, ",.0f", "", several)
        _bars(200, ",.0f", "", several)
