"""Pictures of the service level: who is touched in time, and how long leads wait."""

from __future__ import annotations

from functools import cache

import altair as alt
import pandas as pd

from pages.ui.picture import INK, NOW, QUIET, Picture, Spec, axis, bare, legend, place, series, tip, value_axis

MAIN, ENDS, MARKS = (alt.NamedData(name) for name in ("main", "ends", "marks"))
STATUSES = {
    "met": ("Touched in time", NOW),
    "missed": ("Touched too late", "#E0A030"),
    "overdue": ("Untouched and overdue", "#CB5A3C"),
    "unassigned": ("Overdue, never assigned", "#8F3F2A"),
    "not_due": ("Not yet due", "#A9B2BD"),
}


@cache
def _responses(height: int, present: tuple[str, ...]) -> Spec:
    chosen = alt.selection_point(name="bar", fields=["label", "status"], toggle=False)
    names, colours = zip(*(STATUSES[key] for key in present), strict=True)
    y = alt.Y("label:N", sort=place("position"), axis=axis(labelLimit=180, labelPadding=8))
    bars = (
        alt.Chart(MAIN)
        .mark_bar(height={"band": 0.68})
        .encode(
            y=y,
            x=alt.X("low:Q", axis=value_axis(".0%", ""), scale=alt.Scale(domain=[0, 1])),
            x2="high:Q",
            color=alt.Color(
                "said:N",
                scale=alt.Scale(domain=list(names), range=list(colours)),
                legend=legend(symbolType="square", offset=8),
            ),
            opacity=alt.condition(chosen, alt.value(1), alt.value(0.3)),
            tooltip=[
                tip("label:N"),
                tip("said:N", "First touch"),
                tip("n:Q", "Leads", ","),
                tip("share:Q", "Share", ".1%"),
            ],
        )
        .add_params(chosen)
    )
    inside = (
        alt.Chart(ENDS)
        .mark_text(align="left", dx=6, fontSize=12, fontWeight=600, color="#FFFFFF")
        .encode(y=y, x=alt.value(0), text="rate:N")
    )
    return bare((bars + inside).properties(height=height))


def responses(frame: pd.DataFrame, ends: pd.DataFrame) -> Picture:
    """First touches as shares of each group's leads. `frame`: label, status (of STATUSES), n. `ends`: label, rate.

    The groups stand in the order of `ends`; a click selects (`bar`) and yields label and status.
    """
    places = {label: i for i, label in enumerate(ends["label"])}
    turns = {key: i for i, key in enumerate(STATUSES)}
    main = frame[frame["n"] > 0]
    main = main.assign(position=main["label"].map(places), turn=main["status"].map(turns))
    main = main.sort_values(["position", "turn"], ignore_index=True)
    main["share"] = main["n"] / main.groupby("position")["n"].transform("sum")
    main["high"] = main.groupby("position")["share"].cumsum()
    main["low"] = main["high"] - main["share"]
    main["said"] = main["status"].map({key: label for key, (label, _) in STATUSES.items()})
    present = tuple(key for key in STATUSES if key in set(main["status"])) or ("met",)
    words = "; ".join(f"{row.label}: {row.rate}" for row in ends.itertuples())
    told = ends.assign(position=range(len(ends)))
    return Picture(_responses(60 + 32 * len(ends), present), {"main": main, "ends": told}, frame, words)


@cache
def _waits(height: int, several: bool) -> Spec:
    hover = alt.selection_point(
        name="hover", on="pointerover", nearest=True, fields=["hours"], empty=False, toggle=False
    )
    ticks = value_axis("~f", "hours")
    ticks.values = [1, 6, 12, 24, 48, 96, 168, 336]
    x = alt.X("hours:Q", axis=ticks, scale=alt.Scale(type="sqrt", zero=True, nice=False))
    y = alt.Y("value:Q", axis=value_axis(".0%", "still waiting"), scale=alt.Scale(domain=[0, 1]))
    base = alt.Chart(MAIN).encode(x=x, color=series((NOW, "#D08A1E", "#1F9E8B")) if several else alt.value(NOW))
    band = base.mark_area(opacity=0.14, interpolate="step-after").encode(y=alt.Y("low:Q"), y2="high:Q")
    line = base.mark_line(strokeWidth=2.4, interpolate="step-after").encode(y=y)
    dots = (
        base.mark_point(filled=True, size=60)
        .encode(
            y=y,
            opacity=alt.condition(hover, alt.value(1), alt.value(0)),
            tooltip=[
                tip("series:N"),
                tip("hours:Q", "After hours"),
                tip("value:Q", "Still waiting", ".1%"),
                tip("note:N"),
            ],
        )
        .add_params(hover)
    )
    marks = alt.Chart(MARKS).encode(x=alt.X("hours:Q"))
    rule = marks.mark_rule(color=INK, opacity=QUIET, strokeDash=[4, 3])
    said = marks.mark_text(align="left", dx=5, baseline="top", fontSize=12, color=INK).encode(
        y=alt.value(2), text="label:N"
    )
    return bare((band + line + rule + said + dots).properties(height=height))


def waits(frame: pd.DataFrame, marks: pd.DataFrame, *, height: int = 300) -> Picture:
    """Who still waits after so many hours. `frame`: series, hours, value, low, high, note. `marks`: hours, label."""
    several = bool(frame["series"].nunique() > 1)
    return Picture(_waits(height, several), {"main": frame, "marks": marks}, frame, "Share still waiting, by hours")
