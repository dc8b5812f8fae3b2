"""Pictures of agreement: what became of the leads by month, the 2×2, the funnel plot, the threshold."""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt
import pandas as pd

from pages.ui.named_points import names
from pages.ui.picture import (
    GRID,
    INK,
    NOW,
    QUIET,
    Picture,
    Spec,
    axis,
    bare,
    ink_on,
    legend,
    place,
    series,
    tip,
    value_axis,
)

MAIN, TARGETS, LINES, MARKS = (alt.NamedData(name) for name in ("main", "targets", "lines", "marks"))
VERDICTS = {  # one colour per meaning, those of the funnel where it has the same one
    "accepted": ("Accepted", NOW),
    "rejected": ("Rejected", "#CB5A3C"),
    "expired": ("Never decided, or too late", "#8064C0"),
    "pending": ("Not yet decided", "#E0A030"),
    "bypass": ("Accepted by bypass", "#1F9E8B"),
    "neither": ("Neither", "#A9B2BD"),
}
FAR, NEAR, INSIDE = "#CB5A3C", "#E0A030", NOW  # beyond 99.8 %, beyond 95 %, within the limits


def _coloured(field: str, keys: tuple[str, ...], **more: Any) -> alt.Color:
    names, colours = zip(*(VERDICTS[key] for key in keys), strict=True)
    return alt.Color(field, scale=alt.Scale(domain=list(names), range=list(colours)), **more)


CLOSE = 0.08  # of the axis: what a number above a column takes
ROOMY = 58  # pixels of a month, from which words have room beside its number


@cache
def _months(height: int, present: tuple[str, ...], promised: bool) -> Spec:
    chosen = alt.selection_point(name="bar", fields=["label", "outcome"], toggle=False)
    x = alt.X("label:N", sort=place("position"), axis=axis(labelOverlap="parity", labelPadding=8))
    bars = (
        alt.Chart(MAIN)
        .mark_bar(width={"band": 0.66})
        .encode(
            x=x,
            y=alt.Y("low:Q", axis=value_axis(",.0f", ""), scale=alt.Scale(zero=True)),
            y2="high:Q",
            color=_coloured("verdict:N", present, legend=legend(symbolType="square", offset=22)),
            opacity=alt.condition(chosen, alt.value(1), alt.value(0.28)),
            tooltip=[
                tip("label:N", "Month"),
                tip("verdict:N", "What became of them"),
                tip("n:Q", "Leads", ","),
                tip("share:Q", "Share of the month", ".1%"),
            ],
        )
        .add_params(chosen)
    )
    goals = alt.Chart(TARGETS).encode(x=x)
    running = goals.transform_filter("isValid(datum.projected)")
    far = running.mark_bar(
        width={"band": 0.66}, fillOpacity=0, stroke=INK, strokeDash=[3, 3], strokeOpacity=0.6
    ).encode(y=alt.Y("delivered:Q"), y2="projected:Q", tooltip=[tip("label:N", "Month"), tip("said:N", "At this pace")])
    so_far = f"isValid(datum.projected) && bandwidth('x') > {ROOMY} ? ' so far' : ''"
    total = goals.mark_text(
        dy={"expr": "isValid(datum.projected) ? -25 : -9"},
        fontSize=12,
        fontWeight=600,
        color=INK,
        text={"expr": f"format(datum.delivered, ',') + ({so_far})"},
    ).encode(y=alt.Y("top:Q"))
    pace = running.mark_text(dy=-9, fontSize=12, color=INK, opacity=QUIET).encode(y=alt.Y("top:Q"), text="pace:N")
    layers = bars + far + total + pace
    if promised:
        aim = goals.mark_tick(thickness=2.5, color=INK, width={"band": 0.92}).encode(
            y=alt.Y("target:Q"), tooltip=[tip("label:N", "Month"), tip("target:Q", "Target", ","), tip("said:N", " ")]
        )
        layers = layers + aim
    return bare(layers.properties(height=height))


def months(outcomes: pd.DataFrame, promises: pd.DataFrame, *, height: int = 300) -> Picture:
    """What became of each month's leads, stacked, beside the month's target (a tick) and its projection.

    A month that still runs has two numbers: what was delivered so far, and after an arrow, over the dashes, what it
    comes to at today's pace.

    `outcomes`: label, outcome (a key of VERDICTS), n. `promises`, a row per label in order: label, delivered, target,
    projected (missing: the month is over), said. A click selects (`bar`) and yields label and outcome.
    """
    places = {label: i for i, label in enumerate(promises["label"])}
    turns = {key: i for i, key in enumerate(VERDICTS)}
    main = outcomes[outcomes["n"] > 0]
    main = main.assign(position=main["label"].map(places), turn=main["outcome"].map(turns))
    main = main.sort_values(["position", "turn"], ignore_index=True)
    main["high"] = main.groupby("position")["n"].cumsum()
    main["low"] = main["high"] - main["n"]
    main["share"] = main["n"] / main.groupby("position")["n"].transform("sum")
    main["verdict"] = main["outcome"].map({key: label for key, (label, _) in VERDICTS.items()})
    goals = promises.assign(position=range(len(promises)))
    goals["pace"] = ["" if pd.isna(n) else f"→ {n:,.0f}" for n in goals["projected"]]
    goals["top"] = goals[["delivered", "projected"]].max(axis=1)
    # a number that would stand in the target's mark stands above it
    room = CLOSE * float(goals[["top", "target"]].max().max())
    goals["top"] = goals["top"].where(~(goals["target"] - goals["top"]).between(0, room), goals["target"])
    present = tuple(key for key in VERDICTS if key in set(main["outcome"])) or ("accepted",)
    numbers = zip(goals["label"], goals["delivered"], goals["pace"], strict=True)
    words = "; ".join(f"{label}: {n:,}{f' so far {pace}' if pace else ''}" for label, n, pace in numbers)
    promised = bool(promises["target"].notna().any())
    return Picture(_months(height, present, promised), {"main": main, "targets": goals}, outcomes, f"Leads. {words}")


@cache
def _cells(height: int, present: tuple[str, ...]) -> Spec:
    chosen = alt.selection_point(name="cell", fields=["outcome"], toggle=False)
    gap = alt.Scale(paddingInner=0.05, paddingOuter=0.02)
    heading: dict[str, Any] = {"labelFontSize": 13, "labelFontWeight": 600, "labelPadding": 8, "labelLimit": 200}
    base = alt.Chart(MAIN).encode(
        x=alt.X("sales:N", sort=place("column"), scale=gap, axis=axis(orient="top", **heading)),
        y=alt.Y("marketing:N", sort=place("line"), scale=gap, axis=axis(**heading)),
    )
    tips = [tip("verdict:N"), tip("n:Q", "Leads", ","), tip("note:N")]
    boxes = (
        base.mark_rect(cornerRadius=4)
        .encode(
            color=_coloured("verdict:N", present, legend=None),
            opacity=alt.condition(chosen, alt.value(0.9), alt.value(0.7)),
            tooltip=tips,
        )
        .add_params(chosen)
    )
    words = base.encode(color=alt.Color("ink:N", scale=None), tooltip=tips)
    number = words.mark_text(fontSize=26, fontWeight=600, dy=-6).encode(text="shown:N")
    name = words.mark_text(fontSize=12, dy=20).encode(text="note:N")
    return bare((boxes + number + name).properties(height=height))


def cells(frame: pd.DataFrame, *, height: int = 260) -> Picture:
    """The 2×2 of both teams' verdicts; a click selects a cell (`cell`, yielding outcome).

    `frame`: outcome (a key of VERDICTS), marketing and sales (their verdicts in words), n, note. Rows and columns stand
    in the order of their first appearance; a cell that nobody can know is left out.
    """
    main = frame.assign(
        verdict=frame["outcome"].map({key: label for key, (label, _) in VERDICTS.items()}),
        shown=[f"{n:,}" for n in frame["n"]],
        ink=[ink_on(VERDICTS[key][1]) for key in frame["outcome"]],
    )
    for name, field in (("sales", "column"), ("marketing", "line")):
        main[field] = main[name].map({v: i for i, v in enumerate(dict.fromkeys(frame[name]))})
    present = tuple(key for key in VERDICTS if key in set(main["outcome"]))
    words = "; ".join(f"{row.verdict}: {row.shown}" for row in main.itertuples())
    return Picture(_cells(height, present), {"main": main}, frame, words)


@cache
def _funnel_plot(height: int) -> Spec:
    chosen = alt.selection_point(name="point", fields=["label"], toggle=False)
    x = alt.X(
        "n:Q", axis=value_axis(",.0f", "decided leads", whole=True), scale=alt.Scale(type="sqrt", zero=True, nice=True)
    )
    y = alt.Y("value:Q", axis=value_axis(".0%", ""), scale=alt.Scale(domain=[0, 1]))
    lines = alt.Chart(LINES).encode(x=x)
    outer = lines.mark_area(opacity=0.1, color=GRID).encode(y=alt.Y("low998:Q"), y2="high998:Q")
    inner = lines.mark_area(opacity=0.18, color=GRID).encode(y=alt.Y("low95:Q"), y2="high95:Q")
    middle = lines.mark_line(color=INK, opacity=0.5, strokeDash=[4, 4], strokeWidth=1.2).encode(y=alt.Y("whole:Q"))
    dots = alt.Chart(MAIN).encode(x=x, y=y)
    points = (
        dots.mark_point(filled=True, size=110, opacity=1)
        .encode(
            color=alt.Color(
                "where:N",
                scale=alt.Scale(
                    domain=["outside 99.8 %", "outside 95 %", "within the limits"], range=[FAR, NEAR, INSIDE]
                ),
                legend=legend(symbolType="circle", offset=8),
            ),
            opacity=alt.condition(chosen, alt.value(1), alt.value(0.3)),
            tooltip=[
                tip("label:N"),
                tip("value:Q", "Accepted", ".1%"),
                tip("note:N", "Of the decided"),
                tip("where:N", "Against chance"),
            ],
        )
        .add_params(chosen)
    )
    beside: dict[str, Any] = {name: {"expr": f"datum.{name}"} for name in ("dx", "dy", "align")}
    named = dots.transform_filter("isValid(datum.dx)")
    said = named.mark_text(**beside, baseline="middle", fontSize=12, color=INK).encode(text="label:N")
    return bare((outer + inner + middle + points + said).properties(height=height))


def funnel_plot(frame: pd.DataFrame, lines: pd.DataFrame, *, height: int = 320) -> Picture:
    """Rate against volume with its control limits: what lies outside differs by more than chance.

    `frame`: label, n, value, where (in words), note, named. `lines`: n, whole, low95, high95, low998, high998. A click
    selects (`point`) and yields label.
    """
    words = "; ".join(f"{row.label}: {row.value:.0%} of {row.n:,}" for row in frame.itertuples())
    main = pd.concat([frame.drop(columns="named"), names(frame)], axis=1)
    return Picture(_funnel_plot(height), {"main": main, "lines": lines}, frame, words)


@cache
def _threshold(height: int) -> Spec:
    hover = alt.selection_point(
        name="hover", on="pointerover", nearest=True, fields=["score"], empty=False, toggle=False
    )
    x = alt.X(
        "score:Q", axis=value_axis("~f", "lead score from which leads are handed over"), scale=alt.Scale(zero=False)
    )
    y = alt.Y("value:Q", axis=value_axis(".0%", ""), scale=alt.Scale(domain=[0, 1]))
    base = alt.Chart(MAIN).encode(x=x, color=series((NOW, "#1F9E8B", "#A9B2BD")))
    band = base.mark_area(opacity=0.14).encode(y=alt.Y("low:Q"), y2="high:Q")
    line = base.mark_line(strokeWidth=2.4).encode(y=y)
    dots = (
        base.mark_point(filled=True, size=60)
        .encode(
            y=y,
            opacity=alt.condition(hover, alt.value(1), alt.value(0)),
            tooltip=[tip("score:Q", "Cut"), tip("series:N"), tip("value:Q", "Share", ".1%"), tip("note:N", "Counts")],
        )
        .add_params(hover)
    )
    marks = alt.Chart(MARKS).encode(x=alt.X("score:Q"))
    rule = marks.mark_rule(color=INK, opacity=QUIET, strokeDash=[4, 3])
    said = marks.mark_text(align="left", dx=5, dy=6, baseline="top", fontSize=12, color=INK).encode(
        y=alt.value(0), text="label:N"
    )
    return bare((band + line + rule + said + dots).properties(height=height))


def threshold(frame: pd.DataFrame, marks: pd.DataFrame, *, height: int = 300) -> Picture:
    """Shares over every cut of the score. `frame`: score, series, value, low, high, note. `marks`: score, label."""
    words = "; ".join(f"{row.label}: {row.score:g}" for row in marks.itertuples())
    return Picture(_threshold(height), {"main": frame, "marks": marks}, frame, f"By cut of the lead score. {words}")
