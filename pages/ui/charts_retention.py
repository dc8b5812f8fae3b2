"""Pictures of retention: the cohort triangle, and curves by age."""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt
import pandas as pd

from pages.ui.charts_matrix import INK_DARK, INK_LIGHT
from pages.ui.picture import (
    GRID,
    INK,
    NOW,
    RAMP,
    SERIES,
    Picture,
    Spec,
    axis,
    bare,
    place,
    series,
    tip,
    value_axis,
    weight,
    with_legend,
)

MAIN, BANDS = alt.NamedData("main"), alt.NamedData("bands")
WEAK = "#CB5A3C"
ROW = 38  # pixels per cohort
COLUMN, NARROW = 44, 520  # pixels that an age needs to show its rate, and below which not every age has them
FEWEST = 10  # of fewer customers a cell sets no shade for the others, and a curve goes no further
BANDED = 3  # of more curves, bands would hide each other


@cache
def _triangle(height: int, style: str) -> Spec:
    chosen = alt.selection_point(name="cell", fields=["cohort", "age"], toggle=False)
    gap = alt.Scale(paddingInner=0.05)
    every = f"ceil(datum.columns * {COLUMN} / max(width, 1))"  # on a narrow screen, each second or third age
    fitting = f"width > {NARROW} || datum.position % ({every} <= 3 ? max({every}, 1) : 3 * ceil({every} / 3)) == 0"
    base = (
        alt.Chart(MAIN)
        .transform_filter(fitting)
        .encode(
            x=alt.X(
                "column:N",
                sort=place("position"),
                scale=gap,
                axis=axis(orient="top", labelLimit=90, labelFontSize=12.5),
            ),
            y=alt.Y(
                "row:N",
                sort=place("turn"),
                scale=gap,
                axis=axis(labelLimit=190, labelFontSize=12.5, labelOverlap=False),
            ),
        )
    )
    tips = [
        tip("row:N", "Cohort"),
        tip("said:N", "Age"),
        tip("value:Q", "Measured", style),
        tip("retained:Q", "Customers", ","),
        tip("eligible:Q", "Of", ","),
        tip("note:N"),
    ]
    cells = (
        base.mark_rect(cornerRadius=2)
        .encode(
            color=alt.Color("shade:Q", scale=alt.Scale(domain=[0, 1], range=list(RAMP)), legend=None),
            opacity=alt.condition(chosen, alt.value(1), alt.value(0.45)),
            tooltip=tips,
        )
        .add_params(chosen)
    )
    young = base.mark_rect(cornerRadius=2, fillOpacity=0, stroke=INK, strokeDash=[3, 3], opacity=0.7)
    young = young.transform_filter("!datum.complete")
    weak = base.mark_rect(cornerRadius=2, fillOpacity=0, stroke=WEAK, strokeWidth=2.5).transform_filter("datum.weak")
    ink = alt.condition("datum.shade > 0.45", alt.value(INK_LIGHT), alt.value(INK_DARK))
    room, little = "bandwidth('x') > 34", "bandwidth('x') > 20 && bandwidth('x') <= 34"
    rates = base.mark_text(
        fontSize=13.5, fontWeight=600, dy={"expr": "bandwidth('x') > 58 ? -7 : 0"}, opacity={"expr": f"{room} ? 1 : 0"}
    ).encode(text="figure:N", color=ink)
    short = base.mark_text(fontSize=11.5, fontWeight=600, opacity={"expr": f"{little} ? 1 : 0"})
    short = short.encode(text="short:N", color=ink)
    counts = base.mark_text(dy=9, opacity={"expr": "bandwidth('x') > 58 ? 0.9 : 0"}).encode(
        text="counts:N",
        color=ink,
        size=alt.condition("length(datum.counts) > 9", alt.value(9.5), alt.value(11.5)),
    )
    return bare((cells + young + weak + rates + short + counts).properties(height=height))


def triangle(frame: pd.DataFrame, *, style: str = ".0%") -> Picture:
    """Cohorts by age as shaded cells; dashed where some are too young, framed where they stay less than others.

    `frame`: cohort (ISO day, empty for all together), row and column (labels, in order), age, said (the age in words),
    value, figure and counts (texts of the cell), retained, eligible, complete, weak, note. A click selects (`cell`).
    """
    main = frame.copy()
    for name, number in (("row", "turn"), ("column", "position")):
        main[number] = main[name].map({value: i for i, value in enumerate(dict.fromkeys(frame[name]))})
    later = main[(main["age"] > 0) & (main["eligible"] >= FEWEST)]
    low, high = (later["value"].min(), later["value"].max()) if len(later) else (0.0, 1.0)
    main["shade"] = ((main["value"] - low) / (high - low)).clip(0, 1) if high > low else 0.5
    main["columns"] = main["position"].max() + 1
    figures = main["figure"].str.removesuffix("\u00a0%").str.removesuffix(" %")
    main["short"] = figures.where(
        figures.str.len() <= 3, ""
    )  # a rate without its sign, where that is all there is room for
    rows = frame["row"].nunique()
    words = f"{rows} rows of cohorts; " + "; ".join(
        f"{r.row} {r.said}: {r.figure}" for r in frame[frame["cohort"] == ""].head(12).itertuples()
    )
    return Picture(_triangle(34 + ROW * rows, style), {"main": main}, frame, words)


@cache
def _curves(height: int, style: str, title: str, age: str, n: int, steps: bool) -> Spec:
    hover = alt.selection_point(name="hover", on="pointerover", nearest=True, fields=["age"], empty=False, toggle=False)
    x = alt.X("age:Q", axis=axis(title=age, tickMinStep=1, tickCount=12, format="d"), scale=alt.Scale(nice=False))
    y = alt.Y("value:Q", axis=value_axis(style, title), scale=alt.Scale(zero=True))
    course: Any = "step-after" if steps else "linear"
    thin = (
        alt.Chart(BANDS)
        .mark_line(strokeWidth=1.2)
        .encode(x=x, y=y, detail="cohort:N", color=alt.value(GRID), opacity=alt.value(0.55))
        .transform_filter("!datum.weak")
    )
    weak = (
        alt.Chart(BANDS)
        .mark_line(strokeWidth=2)
        .encode(x=x, y=y, detail="cohort:N", color=alt.value(WEAK), tooltip=[tip("cohort:N", "Cohort")])
        .transform_filter("datum.weak")
    )
    base = alt.Chart(MAIN).encode(x=x, color=series(SERIES) if n > 1 else alt.value(NOW))
    band = base.mark_area(opacity=0.14 if n <= BANDED else 0, interpolate=course).encode(y=alt.Y("low:Q"), y2="high:Q")
    line = base.mark_line(interpolate=course).encode(y=y, strokeWidth=weight(n, 2.6))
    dots = (
        base.mark_point(filled=True, size=60)
        .encode(
            y=y,
            opacity=alt.condition(hover, alt.value(1), alt.value(0)),
            tooltip=[tip("series:N"), tip("said:N", "Age"), tip("value:Q", title or "Value", style), tip("note:N")],
        )
        .add_params(hover)
    )
    return bare((thin + weak + band + line + dots).properties(height=height))


def curves(
    frame: pd.DataFrame,
    cohorts: pd.DataFrame | None = None,
    *,
    style: str,
    title: str,
    age: str,
    steps: bool = False,
    height: int = 300,
) -> Picture:
    """Values by age with their bands. `frame`: series, age, said, value, low, high, note.

    `cohorts` (cohort, age, value, weak): thin lines behind, those that stay less in red. `age`: the axis in words.
    `steps`: values fall at instants and stay in between.
    """
    behind = cohorts if cohorts is not None else pd.DataFrame(columns=["cohort", "age", "value", "weak"])
    n = int(frame["series"].nunique())
    last = frame.groupby("series", sort=False).tail(1)
    words = "; ".join(f"{r.series}: {r.value:.3g} at {r.said}" for r in last.itertuples())
    spec = _curves(with_legend(height, n), style, title, age, n, steps)
    return Picture(spec, {"main": frame, "bands": behind}, frame, words)
