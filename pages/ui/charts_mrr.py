"""Pictures of recurring revenue and of activity: what came and what went, period by period, and from start to end."""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt
import pandas as pd

from pages.ui.picture import (
    INK,
    QUIET,
    Picture,
    Spec,
    axis,
    bare,
    legend,
    period_axis,
    place,
    series,
    ticked,
    tip,
    value_axis,
)

MAIN, BANDS = alt.NamedData("main"), alt.NamedData("bands")
NARROW = 520  # pixels below which seven columns have no room for what is said of them
NEAR = 0.05  # shares less far apart are told apart by tenths of a per cent only
MOVES = {  # movement of recurring revenue → its colour; gains cool, losses warm
    "new": ("New", "#3E7CC4"),
    "reactivation": ("Reactivation", "#1F9E8B"),
    "expansion": ("Expansion", "#8DB4E2"),
    "contraction": ("Contraction", "#E0A030"),
    "churn": ("Churn", "#CB5A3C"),
}
STATES = {
    "new": ("New", "#3E7CC4"),
    "returning": ("Returning", "#8DB4E2"),
    "resurrected": ("Resurrected", "#1F9E8B"),
    "dormant": ("Went dormant", "#CB5A3C"),
}


@cache
def _stacked(height: int, style: str, title: str, key: tuple[tuple[str, str], ...], net: str) -> Spec:
    chosen = alt.selection_point(name="bar", fields=["period", "kind"], toggle=False)
    names, colours = zip(*key, strict=True)
    named = axis(labelOverlap="greedy", labelPadding=6, labelLimit=90, labelExpr="replace(datum.label, 'week of ', '')")
    x = alt.X("label:N", sort=place("position"), axis=named)
    bars = (
        alt.Chart(MAIN)
        .mark_bar(width={"band": 0.7})
        .encode(
            x=x,
            y=alt.Y("low:Q", axis=value_axis(style, title)),
            y2="high:Q",
            color=alt.Color(
                "said:N",
                scale=alt.Scale(domain=list(names), range=list(colours)),
                legend=legend(symbolType="square", offset=8),
            ),
            opacity=alt.condition(chosen, alt.value(1), alt.value(0.35)),
            tooltip=[
                tip("label:N", "Period"),
                tip("said:N"),
                tip("value:Q", "Amount" if net else "Customers", style),
                tip("note:N"),
            ],
        )
        .add_params(chosen)
    )
    zero = alt.Chart(BANDS).mark_rule(color=INK, opacity=QUIET).encode(y=alt.Y("zero:Q"))
    ends = alt.Chart(BANDS).encode(x=x, y=alt.Y("net:Q"))
    dots = ends.mark_point(shape="diamond", filled=True, size=70, color=INK).encode(
        tooltip=[tip("label:N", "Period"), tip("net:Q", net or "Active", style), tip("note:N")]
    )
    return bare((bars + zero + dots).properties(height=height))


def stacked(frame: pd.DataFrame, ends: pd.DataFrame, *, money: bool, height: int = 320) -> Picture:
    """What came above and what went below zero, by period, with the net as a diamond; a click selects (`bar`).

    `frame`: period (ISO), label, kind (of MOVES where `money`, else of STATES), value (losses negative), note. `ends`,
    in order: label, net, note.
    """
    kinds = MOVES if money else STATES
    main = frame[frame["value"] != 0].copy()
    main["said"] = main["kind"].map({k: label for k, (label, _) in kinds.items()})
    main["turn"] = main["kind"].map({k: i for i, k in enumerate(kinds)})
    places = {label: i for i, label in enumerate(ends["label"])}
    main["position"] = main["label"].map(places)
    main = main.sort_values(["position", "turn"], ignore_index=True)
    side = main["value"] > 0
    main["high"] = main.groupby(["position", side])["value"].cumsum()
    main["low"] = main["high"] - main["value"]
    present = tuple(kinds[k] for k in kinds if k in set(main["kind"])) or (next(iter(kinds.values())),)
    told = ends.assign(position=range(len(ends)), zero=0)
    words = "; ".join(f"{r.label}: {r.net:+,.0f}" for r in ends.itertuples())
    title = "recurring revenue" if money else "customers"
    spec = _stacked(height, "~s" if money else ",.0f", title, present, "Net change" if money else "")
    return Picture(spec, {"main": main, "bands": told}, frame, words)


@cache
def _bridge(height: int) -> Spec:
    colours = {"Start and end": "#7D8B99"} | dict(MOVES.values())
    narrow = f"width < {NARROW}"  # a phone: labels lean, and every second figure stands higher
    leaning: dict[str, Any] = {
        "labelAngle": {"expr": f"{narrow} ? -38 : 0"},
        "labelAlign": {"expr": f"{narrow} ? 'right' : 'center'"},
        "labelFontSize": {"expr": f"{narrow} ? 10.5 : 12"},
    }
    x = alt.X(
        "label:N", sort=place("position"), axis=axis(labelOverlap=False, labelPadding=8, labelLimit=140, **leaning)
    )
    base = alt.Chart(MAIN).encode(x=x)
    bars = base.mark_bar(cornerRadius=2, width={"band": 0.62}).encode(
        y=alt.Y("low:Q", axis=value_axis("~s", "")),
        y2="high:Q",
        color=alt.Color("kind:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())), legend=None),
        tooltip=[tip("label:N"), tip("said:N", "Amount"), tip("note:N")],
    )
    above, size = f"{narrow} && datum.position % 2 ? -21 : -8", f"{narrow} ? 10 : 13"
    figures = base.mark_text(dy={"expr": above}, fontSize={"expr": size}, fontWeight=600, color=INK).encode(
        y=alt.Y("top:Q"), text="figure:N"
    )
    return bare((bars + figures).properties(height=height))


def bridge(frame: pd.DataFrame, *, height: int = 300) -> Picture:
    """From start to end in steps that add up. `frame`, in order: label, kind (a label of MOVES, or "Start and end"),
    low, high, figure (short), said (to the cent), note."""
    main = frame.assign(position=range(len(frame)), top=frame[["low", "high"]].max(axis=1))
    words = "; ".join(f"{r.label}: {r.said}" for r in frame.itertuples())
    return Picture(_bridge(height), {"main": main}, frame, words)


@cache
def _rates(height: int, style: str) -> Spec:
    hover = alt.selection_point(
        name="hover", on="pointerover", nearest=True, fields=["period"], empty=False, toggle=False
    )
    x = alt.X("period:T", axis=period_axis())
    base = alt.Chart(MAIN).encode(x=x, color=series(("#3E7CC4", "#D08A1E")))
    y = alt.Y("value:Q", axis=value_axis(style, "of the start"), scale=alt.Scale(zero=False, padding=12))
    tips = [tip("series:N"), tip("name:N", "Period"), tip("value:Q", "Kept", ".1%"), tip("note:N")]
    line = base.mark_line(strokeWidth=2.4).encode(y=y)
    dots = base.mark_point(filled=True, size=60).encode(y=y, tooltip=tips).add_params(hover)
    whole = alt.Chart(BANDS).mark_rule(color=INK, opacity=QUIET, strokeDash=[4, 3]).encode(y=alt.Y("whole:Q"))
    return bare((whole + line + dots).properties(height=height))


def rates(frame: pd.DataFrame, *, height: int = 240) -> Picture:
    """NRR and GRR over time around 100 %. `frame`: period (naive first day), name, series, value, note."""
    main = frame.assign(period=pd.to_datetime(frame["period"]))
    last = frame.groupby("series", sort=False).tail(1)
    words = "; ".join(f"{r.series} {r.name}: {r.value:.1%}" for r in last.itertuples(index=False))
    style = ".0%" if main["value"].max() - main["value"].min() > NEAR else ".1%"
    spec = ticked(_rates(height, style), main["period"], main["name"])
    return Picture(spec, {"main": main, "bands": pd.DataFrame({"whole": [1.0]})}, frame, words)
