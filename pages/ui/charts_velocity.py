"""Pictures of velocity: what becomes of deals as they grow older, and the course of the factors."""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt
import pandas as pd

from pages.ui.picture import INK, INK_DARK, OUTCOMES, QUIET, Picture, Spec, axis, bare, legend, tip, value_axis

MAIN, MARKS, RULES = (alt.NamedData(name) for name in ("main", "marks", "rules"))
NUMBER = 62  # pixels of a number behind the longest interval
FATES = {
    "won": ("Won", OUTCOMES["advanced"][1]),
    "open": ("Open", OUTCOMES["open"][1]),
    "lost": ("Lost", OUTCOMES["exited"][1]),
}


@cache
def _wins(height: int) -> Spec:
    hover = alt.selection_point(
        name="hover", on="pointerover", nearest=True, fields=["days"], empty=False, toggle=False
    )
    names, shades = zip(*FATES.values(), strict=True)
    days = axis(grid=False, title="age of the deal in days", labelOverlap=True, tickCount=8)
    x = alt.X("days:Q", axis=days, scale=alt.Scale(nice=False, zero=True))
    y = alt.Y("low:Q", axis=value_axis(".0%", "of the deals"), scale=alt.Scale(domain=[0, 1]))
    colour = alt.Color(
        "said:N", scale=alt.Scale(domain=list(names), range=list(shades)), legend=legend(symbolType="square")
    )
    base = alt.Chart(MAIN).encode(x=x)
    areas = base.mark_area(interpolate="step-after", opacity=0.9).encode(y=y, y2="high:Q", color=colour)
    tips = [tip("days:Q", "Age in days", ",.0f"), tip("note:N", "Of the deals"), tip("at_risk:Q", "Still at risk", ",")]
    reader = (
        base.mark_rule(color=INK, strokeWidth=1.5)
        .encode(
            y=alt.datum(0), y2=alt.Y2Datum(1), opacity=alt.condition(hover, alt.value(0.9), alt.value(0)), tooltip=tips
        )
        .add_params(hover)
    )
    marks = alt.Chart(MARKS).encode(x="days:Q", y="value:Q")
    dot = marks.mark_point(filled=True, size=90, color="#FFFFFF", opacity=1)
    words: dict[str, Any] = {"align": "center", "fontSize": 13, "fontWeight": 600, "color": "#FFFFFF"}
    said = marks.transform_filter("datum.below").mark_text(dy=17, **words).encode(text="label:N")
    said += marks.transform_filter("!datum.below").mark_text(dy=-15, **words).encode(text="label:N")
    rules = alt.Chart(RULES).encode(y="value:Q")
    naive = rules.mark_rule(color=INK_DARK, strokeDash=[6, 4], strokeWidth=1.6)
    named = rules.mark_text(align="right", dx=-6, dy=-8, fontSize=12, color=INK_DARK).encode(
        x=alt.value({"expr": "width"}), text="label:N"
    )
    return bare((areas + naive + named + reader + dot + said).properties(height=height))


def wins(frame: pd.DataFrame, marks: pd.DataFrame, rules: pd.DataFrame, *, height: int = 270) -> Picture:
    """What has become of the deals at each age, stacked: won below, lost on top, open between.

    `frame`: days, fate (of FATES), low, high, note, at_risk. `marks`: days, value, label (the win rate), below.
    `rules`: value, label (a rate to compare with).
    """
    main = frame.assign(said=frame["fate"].map({fate: said for fate, (said, _) in FATES.items()}))
    words = "; ".join([*marks["label"], *rules["label"]])
    return Picture(_wins(height), {"main": main, "marks": marks, "rules": rules}, frame, f"Wins by age. {words}")


@cache
def _values(height: int) -> Spec:
    base = alt.Chart(MAIN).encode(y=alt.Y("label:N", sort=None, axis=axis(labelLimit=180, labelPadding=8)))
    chosen = alt.selection_point(name="bar", fields=["label"], toggle=False)
    x = alt.X(
        "value:Q",
        axis=value_axis("~s", "money per day"),
        scale=alt.Scale(zero=True, range=[0, {"expr": f"width - {NUMBER}"}]),
    )
    tips = [tip("label:N"), tip("text:N", "Velocity"), tip("note:N", "Factors")]
    span = base.mark_rule(strokeWidth=3, opacity=0.45, color=OUTCOMES["advanced"][1]).encode(x="low:Q", x2="high:Q")
    dots = (
        base.mark_point(filled=True, size=120, color=OUTCOMES["advanced"][1])
        .encode(x=x, tooltip=tips, opacity=alt.condition(chosen, alt.value(1), alt.value(0.4)))
        .add_params(chosen)
    )
    said = base.mark_text(align="left", dx=8, fontSize=12, fontWeight=600, color=INK).encode(x="high:Q", text="text:N")
    before = base.mark_tick(color=INK, opacity=QUIET, thickness=2, size=16).encode(x="before:Q")
    return bare((span + before + dots + said).properties(height=height))


def values(frame: pd.DataFrame) -> Picture:
    """Velocity with its interval, group by group; a tick marks the compared period's. A click selects (`bar`).

    `frame`, in order: label, value, low, high, before, text, note.
    """
    words = "; ".join(f"{row.label}: {row.text}" for row in frame.itertuples())
    return Picture(_values(56 + 36 * len(frame)), {"main": frame}, frame, f"Velocity by group. {words}")
