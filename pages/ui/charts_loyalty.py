"""Pictures of loyalty: who comes back when, what they answer, what each group of customers is worth."""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt
import pandas as pd

from pages.ui.picture import (
    BEFORE,
    INK,
    NOW,
    QUIET,
    RAMP,
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
    with_legend,
)

MAIN, MARKS = alt.NamedData("main"), alt.NamedData("marks")
MOST_BANDS = 3  # more of them would hide each other
DASHES = alt.StrokeDash("dash:N", scale=alt.Scale(domain=["seen", "predicted"], range=[[1, 0], [5, 4]]), legend=None)
MOODS = {"promoter": ("Promoters", "#1F9E8B"), "passive": ("Passives", "#E0A030")}
MOODS |= {"detractor": ("Detractors", "#CB5A3C")}
CONTENT = dict(zip(("satisfied", "between", "dissatisfied"), ("Satisfied", "In between", "Dissatisfied"), strict=True))


@cache
def _curves(height: int, colours: tuple[str, ...], style: str, unit: str, title: str, share: bool, step: bool) -> Spec:
    hover = alt.selection_point(name="hover", on="pointerover", nearest=True, fields=["t"], empty=False, toggle=False)
    shape: dict[str, Any] = {"interpolate": "step-after" if step else "linear"}
    base = alt.Chart(MAIN).encode(
        x=alt.X("t:Q", axis=axis(title=unit, tickCount=8, format="~f"), scale=alt.Scale(nice=False, zero=True)),
        color=series(colours) if len(colours) > 1 else alt.value(colours[0]),
    )
    scale = alt.Scale(domain=[0, 1]) if share else alt.Scale(zero=True)
    y = alt.Y("value:Q", axis=value_axis(style, title), scale=scale)
    band = base.mark_area(opacity=0.14, **shape).encode(y=alt.Y("low:Q"), y2="high:Q")
    line = base.mark_line(**shape).encode(y=y, strokeDash=DASHES, strokeWidth=weight(len(colours), 2.4))
    tips = [tip("t:Q", unit, ",.0f"), tip("value:Q", title or "Value", style), tip("note:N")]
    dots = (
        base.mark_point(filled=True, size=60)
        .encode(
            y=y,
            opacity=alt.condition(hover, alt.value(1), alt.value(0)),
            tooltip=[tip("series:N"), *tips] if len(colours) > 1 else tips,
        )
        .add_params(hover)
    )
    marks = alt.Chart(MARKS)
    rule = marks.mark_rule(color=INK, opacity=QUIET, strokeDash=[4, 3]).encode(y=alt.Y("level:Q"))
    said = marks.mark_text(align="right", dx=-4, dy=-7, fontSize=12, color=INK).encode(
        y=alt.Y("level:Q"), x=alt.value({"expr": "width"}), text="label:N"
    )
    return bare((band + line + rule + said + dots).properties(height=height))


def curves(
    frame: pd.DataFrame,
    *,
    unit: str,
    title: str,
    style: str = ".0%",
    marks: pd.DataFrame | None = None,
    colours: tuple[str, ...] = (),
    step: bool = True,
    height: int = 280,
) -> Picture:
    """Values by age, a curve per series. `frame`: series, t, value; optional low, high (a band), note, dash.

    `marks`: level, label: lines across. `unit` names the axis of ages; shares (".0%") are drawn from 0 to 1.
    """
    main = filled(frame, low=None, high=None, note="", dash="seen")
    n = int(main["series"].nunique() or 1)
    if n > MOST_BANDS:
        main = main.assign(low=None, high=None)
    chosen = (colours or ((NOW,) if n == 1 else SERIES))[: max(n, 1)]
    lines = (
        marks if marks is not None else pd.DataFrame({"level": pd.Series(dtype=float), "label": pd.Series(dtype=str)})
    )
    last = main.groupby("series", sort=False).last()["value"]
    words = "; ".join(f"{name or title}: {value:,.2f} at the end" for name, value in last.items())
    share = style.endswith("%")
    return Picture(
        _curves(with_legend(height, n), chosen, style, unit, title, share, step),
        {"main": main, "marks": lines},
        frame,
        words,
    )


@cache
def _scores(height: int, names: tuple[str, ...]) -> Spec:
    colours = [colour for _, colour in reversed(MOODS.values())]
    base = alt.Chart(MAIN).encode(x=alt.X("score:O", axis=axis(title="score", labelOverlap=False)))
    bars = base.mark_bar(cornerRadiusTopLeft=3, cornerRadiusTopRight=3, width={"band": 0.8}).encode(
        y=alt.Y("n:Q", axis=None),
        color=alt.Color(
            "mood:N",
            scale=alt.Scale(domain=list(names), range=list(colours)),
            legend=legend(symbolType="square", offset=10),
        ),
        tooltip=[tip("score:O", "Score"), tip("n:Q", "Respondents", ","), tip("share:Q", "Share", ".1%")],
    )
    tops = base.mark_text(dy=-8, fontSize=12, fontWeight=600, color=INK).encode(
        y=alt.Y("n:Q", axis=None), text=alt.Text("n:Q", format=",")
    )
    return bare((bars + tops).properties(height=height))


def scores(frame: pd.DataFrame, *, height: int = 230) -> Picture:
    """Respondents by score. `frame`: score, mood (a key of MOODS or of CONTENT), n, share."""
    labels = {mood: label for mood, (label, _) in MOODS.items()}
    said = CONTENT if set(frame["mood"]) <= CONTENT.keys() else labels
    main = frame.assign(mood=frame["mood"].map(said))
    words = "Satisfaction, " if said is CONTENT else ""
    words += "; ".join(f"{r.score}: {r.n:,}" for r in frame.itertuples())
    return Picture(_scores(height, tuple(reversed(said.values()))), {"main": main}, frame, words)


@cache
def _intervals(height: int, style: str, title: str) -> Spec:
    base = alt.Chart(MAIN).encode(y=alt.Y("label:N", sort=place("position"), axis=axis(labelLimit=220, labelPadding=8)))
    tips = [tip("label:N"), tip("value:Q", title, style), tip("note:N")]
    x = alt.X("value:Q", axis=value_axis(style, title), scale=alt.Scale(zero=False, nice=True))
    rule = base.mark_rule(color=NOW, strokeWidth=3, opacity=0.4).encode(x=alt.X("low:Q"), x2="high:Q")
    dot = base.mark_point(filled=True, size=110, color=NOW, opacity=1).encode(x=x, tooltip=tips)
    said = base.mark_text(dy=-11, fontSize=12, fontWeight=600, color=INK).encode(
        x=x, text=alt.Text("value:Q", format=style)
    )
    marks = alt.Chart(MARKS).mark_rule(color=INK, opacity=QUIET, strokeDash=[4, 3]).encode(x=alt.X("level:Q"))
    return bare((marks + rule + dot + said).properties(height=height))


def intervals(frame: pd.DataFrame, whole: float | None, *, style: str, title: str) -> Picture:
    """Estimates with their 95 % intervals, one per line, and a dashed line at the whole.

    `frame`: label, value, low, high, note.
    """
    main = frame.assign(position=range(len(frame)))
    marks = pd.DataFrame({"level": [] if whole is None else [whole]})
    words = "; ".join(f"{row.label}: {row.value:,.3g}" for row in frame.itertuples())
    return Picture(_intervals(60 + 40 * len(frame), style, title), {"main": main, "marks": marks}, frame, words)


@cache
def _groups(height: int) -> Spec:
    chosen = alt.selection_point(name="group", fields=["recency", "frequency"], toggle=False)
    gap = alt.Scale(paddingInner=0.03)
    base = alt.Chart(MAIN).encode(
        x=alt.X("often:N", sort=place("x"), scale=gap, axis=axis(orient="top", labelLimit=160, labelPadding=6)),
        y=alt.Y("recent:N", sort=place("y"), scale=gap, axis=axis(labelLimit=120, labelPadding=8)),
    )
    cells = (
        base.mark_rect(cornerRadius=4, cursor="pointer")
        .encode(
            color=alt.Color("share:Q", scale=alt.Scale(range=list(RAMP), domainMin=0), legend=None),
            opacity=alt.condition(chosen, alt.value(1), alt.value(0.4)),
            tooltip=[
                tip("name:N", "Group"),
                tip("customers:Q", "Customers", ","),
                tip("share:Q", "Share of revenue", ".1%"),
                tip("advice:N", "What to do"),
            ],
        )
        .add_params(chosen)
    )
    ink = alt.condition("datum.strength > 0.45", alt.value("#FFFFFF"), alt.value("#17212E"))
    lines: tuple[tuple[str, int, int, Any], ...] = (
        ("name", -17, 13, 600),
        ("said", 2, 12, 400),
        ("worth", 19, 12, 400),
    )
    texts = [
        base.mark_text(
            dy=dy, fontSize={"expr": f"bandwidth('x') > 130 ? {size} : {size - 2}"}, fontWeight=weight
        ).encode(text=f"{field}:N", color=ink)
        for field, dy, size, weight in lines
    ]
    return bare(alt.layer(cells, *texts).properties(height=height))


def groups(frame: pd.DataFrame, *, height: int = 300) -> Picture:
    """Nine groups of customers, shaded by their share of revenue; a click selects one.

    `frame`, in order: recency, frequency, recent, often (labels), name, advice, customers, share, said, worth. The
    selection is called `group` and yields recency and frequency.
    """
    places = {name: {v: i for i, v in enumerate(dict.fromkeys(frame[name]))} for name in ("recent", "often")}
    most = frame["share"].max() or 1.0
    main = frame.assign(
        x=frame["often"].map(places["often"]), y=frame["recent"].map(places["recent"]), strength=frame["share"] / most
    )
    words = "; ".join(f"{row.name}: {row.customers:,}" for row in frame.itertuples(index=False))
    return Picture(_groups(height), {"main": main}, frame, words)


@cache
def _paired(height: int, title: str) -> Spec:
    base = alt.Chart(MAIN).encode(
        x=alt.X("label:N", sort=place("position"), axis=axis(title="further purchases before", labelOverlap=False)),
        xOffset=alt.XOffset("series:N", sort=None),
    )
    bars = base.mark_bar(cornerRadiusTopLeft=3, cornerRadiusTopRight=3).encode(
        y=alt.Y("value:Q", axis=value_axis(",.1f", title)),
        color=series((BEFORE, NOW)),
        tooltip=[
            tip("series:N"),
            tip("label:N", "Further purchases before"),
            tip("value:Q", title, ",.2f"),
            tip("note:N"),
        ],
    )
    return bare(bars.properties(height=height))


def paired(frame: pd.DataFrame, *, title: str, height: int = 260) -> Picture:
    """Two columns per label: predicted beside actual. `frame`: label, series, value, note."""
    places = {label: i for i, label in enumerate(dict.fromkeys(frame["label"]))}
    words = "; ".join(f"{r.label} {r.series}: {r.value:,.2f}" for r in frame.itertuples())
    return Picture(_paired(height, title), {"main": frame.assign(position=frame["label"].map(places))}, frame, words)
