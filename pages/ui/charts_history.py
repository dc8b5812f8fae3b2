"""Pictures of one history: stays and what else happened on lanes over time, and who took part."""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt
import pandas as pd

from pages.ui.charts_alignment import VERDICTS
from pages.ui.picture import GRID, INK, NOW, OUTCOMES, QUIET, Picture, Spec, axis, bare, legend, place, tip

BARS, POINTS, LINES, SPANS = (alt.NamedData(name) for name in ("main", "points", "lines", "spans"))
LEFT, WAITS, THERE = OUTCOMES["exited"][1], OUTCOMES["open"][1], OUTCOMES["arrived"][1]
COLOURS = {  # one per meaning, those of the funnel and of the alignment where they have the same one
    "stayed": NOW,
    "open": WAITS,
    "arrived": THERE,
    "left": LEFT,
    "repeat": "#8DB4E2",
    "won": THERE,
    "lost": LEFT,
    "paid": "#5AA2D6",
    **{key: colour for key, (_, colour) in VERDICTS.items()},
    "returned": VERDICTS["bypass"][1],
}
KINDS = {
    "stage": ("Entered a stage", NOW),
    "activity": ("Activity", "#D08A1E"),
    "audit": ("Audit", "#7D8B99"),
    "deal": ("Deal", "#C2557F"),
    "order": ("Order", THERE),
    "subscription": ("Subscription", "#5AA2D6"),
    "survey": ("Survey", "#8064C0"),
    "referral": ("Referral", "#6E9B3A"),
    "change": ("Change", GRID),
}
COLOURS |= {key: colour for key, (_, colour) in KINDS.items() if key not in COLOURS}
BAND = 30  # pixels of a lane


def _x(field: str) -> alt.X:
    dates = axis(format="%-d %b %Y", tickCount=6, labelPadding=6, grid=True, gridColor=GRID, gridOpacity=0.22)
    return alt.X(field, axis=dates, scale=alt.Scale(nice=False, padding=8))


def _y(limit: int = 150) -> alt.Y:
    return alt.Y("lane:N", sort=place("position"), axis=axis(labelLimit=limit, labelPadding=8, labelOverlap=False))


def _colour(known: dict[str, str]) -> alt.Color:
    return alt.Color("colour:N", scale=alt.Scale(domain=list(known), range=list(known.values())), legend=None)


@cache
def _timeline(height: int) -> Spec:
    silent = alt.Chart(SPANS).encode(x=_x("start:T"), x2="end:T")
    quiet = silent.mark_rect(color=GRID, opacity=0.13)
    hush = alt.Chart(SPANS).mark_text(
        align="center", baseline="top", fontSize=12, fontStyle="italic", color=INK, opacity=QUIET
    )
    hush = hush.encode(x=_x("middle:T"), y=alt.value(4), text="said:N")
    upright = alt.Chart(LINES).encode(x=_x("at:T"))
    rules = upright.mark_rule(color=INK, opacity=0.45, strokeDash=[3, 3])
    named: dict[str, Any] = {"fontSize": 11, "color": INK, "opacity": QUIET, "baseline": "bottom"}
    heads = upright.transform_filter("!datum.last").mark_text(align="left", dx=4, **named)
    tail = upright.transform_filter("datum.last").mark_text(align="right", dx=0, **named)
    heads, tail = (layer.encode(y=alt.value(-2), text="said:N") for layer in (heads, tail))
    bars = alt.Chart(BARS).encode(y=_y())
    tips = [tip("lane:N"), tip("said:N"), tip("note:N"), tip("from:N", "From"), tip("to:N", "To")]
    drawn = bars.mark_bar(cornerRadius=3, height=14).encode(
        x=_x("start:T"), x2="end:T", color=_colour(COLOURS), tooltip=tips
    )
    starts = bars.mark_point(filled=True, size=55, opacity=1, shape="circle").encode(
        x=_x("start:T"), color=_colour(COLOURS), tooltip=tips
    )
    text: dict[str, Any] = {"fontSize": 11, "color": INK}
    after = bars.transform_filter("datum.side == 'after'").mark_text(align="left", dx=6, **text)
    before = bars.transform_filter("datum.side == 'before'").mark_text(align="right", dx=-8, **text)
    after = after.encode(x=_x("end:T"), text="said:N")
    before = before.encode(x=_x("start:T"), text="said:N")
    inside = bars.transform_filter("datum.side == 'inside'").mark_text(
        align="left", dx=8, fontSize=11, fontWeight=600, color="#FFFFFF"
    )
    inside = inside.encode(x=_x("start:T"), text="said:N")
    points = alt.Chart(POINTS).encode(y=_y(), x=_x("at:T"))
    dots = points.mark_point(filled=True, size=62, opacity=0.85).encode(
        color=_colour(COLOURS), tooltip=[tip("lane:N"), tip("note:N"), tip("when:N", "When")]
    )
    told = points.transform_filter("datum.side == 'after'").mark_text(align="left", dx=8, **text).encode(text="said:N")
    back = points.transform_filter("datum.side == 'before'").mark_text(align="right", dx=-8, **text)
    back = back.encode(text="said:N")
    layers = quiet + rules + drawn + starts + dots + inside + after + before + told + back + heads + tail + hush
    return bare(layers.properties(height=height))


def timeline(
    bars: pd.DataFrame, points: pd.DataFrame, order: list[str], lines: pd.DataFrame, silences: pd.DataFrame
) -> Picture:
    """A history on lanes, in this order from the top: bars from start to end, points, upright lines, a long silence.

    `bars`: lane, start, end, colour (of COLOURS), said (written at the bar), note, from, to. `points`: lane, at,
    colour, said, note, when. `lines`: at, said, the last of them at the right edge. `silences`: start, end, said.
    """
    places = {lane: i for i, lane in enumerate(order)}
    first = min([*bars["start"], *points["at"], *lines["at"]])
    width = max((lines["at"].iloc[-1] - first).total_seconds(), 1.0)

    def share(at: pd.Series) -> pd.Series:
        return (pd.to_datetime(at) - first).dt.total_seconds() / width

    main = bars.assign(position=bars["lane"].map(places), side="")
    if len(main):
        room = share(main["end"]) - share(main["start"])
        main.loc[room > 0.3, "side"] = "inside"
        main.loc[(room <= 0.3) & (share(main["end"]) <= 0.62), "side"] = "after"
        main.loc[(room <= 0.3) & (share(main["end"]) > 0.62), "side"] = "before"
    dots = points.assign(position=points["lane"].map(places), side="after")
    if len(dots):
        dots.loc[share(dots["at"]) > 0.75, "side"] = "before"
    edges = lines.assign(last=[i == len(lines) - 1 for i in range(len(lines))])
    middles = [a + (b - a) / 2 for a, b in zip(silences["start"], silences["end"], strict=True)]
    spans = silences.assign(middle=middles)
    told = [f"{lane}: {said or note}" for lane, said, note in bars[["lane", "said", "note"]].to_numpy()]
    height = 44 + BAND * max(len(order), 1)
    data = {"main": main, "points": dots, "lines": edges, "spans": spans}
    return Picture(_timeline(height), data, pd.concat([bars, points]), f"Timeline. {'; '.join(told)}")


@cache
def _took_part(height: int, present: tuple[str, ...]) -> Spec:
    names, colours = zip(*(KINDS[key] for key in present), strict=True)
    dots = (
        alt.Chart(BARS)
        .mark_point(filled=True, size=80, opacity=0.8)
        .encode(
            x=_x("at:T"),
            y=_y(),
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=list(names), range=list(colours)),
                legend=legend(symbolType="circle", offset=8),
            ),
            tooltip=[tip("lane:N", "Contact"), tip("note:N"), tip("when:N", "When")],
        )
    )
    return bare(dots.properties(height=height))


def took_part(points: pd.DataFrame) -> Picture:
    """Who did what: a lane per contact as they appear. `points`: lane, at, colour (of KINDS), note, when."""
    places = {lane: i for i, lane in enumerate(dict.fromkeys(points["lane"]))}
    main = points.assign(
        position=points["lane"].map(places), kind=points["colour"].map({k: n for k, (n, _) in KINDS.items()})
    )
    present = tuple(key for key in KINDS if key in set(points["colour"])) or ("stage",)
    counts = points["lane"].value_counts(sort=False)
    words = "; ".join(f"{lane}: {n}" for lane, n in counts.items())
    return Picture(_took_part(64 + BAND * max(len(places), 1), present), {"main": main}, points, f"Events. {words}")
