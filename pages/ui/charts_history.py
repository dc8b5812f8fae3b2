"""Pictures of one history: stays and what else happened on lanes over time, and who took part."""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt
import pandas as pd

from pages.ui.charts_alignment import VERDICTS
from pages.ui.picture import GRID, INK, NOW, OUTCOMES, QUIET, Picture, Spec, axis, bare, legend, place, tip
from pages.ui.time_axis import TimeAxis

BARS, POINTS, JOURNEYS, SPANS, DATES = (alt.NamedData(n) for n in ("main", "points", "journeys", "spans", "dates"))
LEFT, WAITS, THERE = OUTCOMES["exited"][1], OUTCOMES["open"][1], OUTCOMES["arrived"][1]
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
COLOURS = {  # one per meaning, those of the funnel and of the alignment where they have the same one
    **{key: colour for key, (_, colour) in KINDS.items()},
    **{key: colour for key, (_, colour) in VERDICTS.items()},
    "stayed": NOW,
    "open": WAITS,
    "arrived": THERE,
    "left": LEFT,
    "repeat": OUTCOMES["late"][1],
    "returned": VERDICTS["bypass"][1],
    "won": THERE,
    "lost": LEFT,
    "paid": KINDS["subscription"][1],
}
BAND = 30  # pixels of a lane
MARGIN = 0.35  # of a lane, above the first and below the last
LETTER = 6.2  # pixels of a letter of small text
LONELY = 0.2  # share of the axis that must be empty before a mark for its text to stand there


def _x(field: str) -> alt.X:
    return alt.X(field, axis=None, scale=alt.Scale(domain=[0, 1], nice=False))


def _y() -> alt.Y:
    scale = alt.Scale(paddingOuter=MARGIN)  # below the last lane stands how long nothing happened
    lanes = axis(labelLimit=150, labelPadding=10, labelOverlap=False)
    return alt.Y("lane:N", sort=place("position"), axis=lanes, scale=scale)


def _colour() -> alt.Color:
    scale = alt.Scale(domain=list(COLOURS), range=list(COLOURS.values()))
    return alt.Color("colour:N", scale=scale, legend=None)


def _said(test: str, field: str = "said:N") -> Any:
    """Text only where there is room for it, as the picture's width tells: what is too long would narrow the picture."""
    return alt.condition(test, field, alt.value(""))


def _fits(room: str, also: int = 14, text: str = "said") -> str:
    return f"(datum.{room} * width > {LETTER} * length(datum.{text}) + {also})"


def _fits_before() -> str:
    """In front of a mark, beside what the mark before it may say there."""
    return f"(datum.before * width > {LETTER} * (length(datum.said) + datum.taken) + 28)"


def _dated() -> Any:
    """Days below the lanes, and what is cut short or silent behind them."""
    shade = alt.Chart(SPANS).mark_rect(color=GRID, opacity=0.14).encode(x=_x("low:Q"), x2="high:Q")
    hush = alt.Chart(SPANS).mark_text(
        align="center", baseline="bottom", fontSize=11, fontStyle="italic", color=INK, opacity=QUIET
    )
    hush = hush.encode(x=_x("middle:Q"), y=alt.value({"expr": "height - 4"}), text=_said(_fits("room", 2)))
    dates = alt.Chart(DATES).encode(x=_x("x:Q"))
    grid = dates.mark_rule(color=GRID, opacity=0.25)
    below: dict[str, Any] = {"baseline": "top", "fontSize": 11, "color": INK, "opacity": QUIET}
    aligned: dict[str, Any] = {"first": "left", "middle": "center", "last": "right"}
    days = [
        dates.transform_filter(f"datum.side == '{side}'")
        .mark_text(align=align, **below)
        .encode(y=alt.value({"expr": "height + 8"}), text=_said(f"datum.side != 'middle' || {_fits('room', 30)}"))
        for side, align in aligned.items()
    ]
    return alt.layer(shade, grid, *days, hush)


@cache
def _timeline(height: int) -> Spec:
    begun = alt.Chart(JOURNEYS).encode(x=_x("x:Q"))
    rules = begun.mark_rule(color=INK, opacity=0.5, strokeDash=[3, 3])
    head: dict[str, Any] = {
        "fontSize": 11,
        "color": INK,
        "baseline": "bottom",
        "align": "left",
        "dx": 3,
        "opacity": QUIET,
    }
    heads = begun.mark_text(**head).encode(y=alt.value(-3), text=_said(_fits("room", 6)))
    short = begun.mark_text(**head).encode(
        y=alt.value(-3), text=_said(f"!{_fits('room', 6)} && datum.room * width > 12", "short:N")
    )
    bars = alt.Chart(BARS).encode(y=_y())
    tips = [tip("lane:N"), tip("said:N"), tip("note:N"), tip("from:N", "From"), tip("to:N", "To")]
    drawn = bars.mark_bar(cornerRadius=3, height=15).encode(x=_x("low:Q"), x2="high:Q", color=_colour(), tooltip=tips)
    starts = bars.mark_tick(orient="vertical", thickness=3, size=15).encode(
        x=_x("low:Q"), color=_colour(), tooltip=tips
    )
    text: dict[str, Any] = {"fontSize": 11, "limit": 700}
    inside, after, before = _fits("inside"), _fits("after"), _fits_before()
    brief = f"!{inside} && !{after} && !{before} && {_fits('after', text='brief')}"
    told = [
        bars.mark_text(align="left", dx=8, fontWeight=600, color="#FFFFFF", **text).encode(
            x=_x("low:Q"), text=_said(inside)
        ),
        bars.mark_text(align="left", dx=7, color=INK, **text).encode(
            x=_x("high:Q"), text=_said(f"!{inside} && {after}")
        ),
        bars.mark_text(align="right", dx=-7, color=INK, **text).encode(
            x=_x("low:Q"), text=_said(f"!{inside} && !{after} && {before}")
        ),
        bars.mark_text(align="left", dx=7, color=INK, **text).encode(x=_x("high:Q"), text=_said(brief, "brief:N")),
    ]
    points = alt.Chart(POINTS).encode(y=_y(), x=_x("x:Q"))
    dots = points.mark_point(filled=True, size=64, opacity=0.9).encode(
        color=_colour(), tooltip=[tip("lane:N"), tip("note:N"), tip("when:N", "When")]
    )
    told += [
        points.mark_text(align="left", dx=8, color=INK, **text).encode(text=_said(after)),
        points.mark_text(align="right", dx=-8, color=INK, **text).encode(text=_said(f"!{after} && {before}")),
    ]
    layers = alt.layer(_dated(), rules, drawn, starts, dots, *told, heads, short)
    return bare(layers.properties(height=height))


def timeline(
    bars: pd.DataFrame,
    points: pd.DataFrame,
    order: list[str],
    journeys: pd.DataFrame,
    silences: pd.DataFrame,
    scale: TimeAxis,
) -> Picture:
    """A history on lanes, in this order from the top: bars from start to end, points, journeys, shaded stretches.

    `bars`: lane, start, end, colour (of COLOURS), said (written where there is room), brief (where there is little),
    note, from, to. `points`: lane, at, colour, said, note, when. `journeys`: at, said, short. `silences`: start, end,
    said.
    """
    main = _placed(bars, order, scale, "start", "end")
    dots = _placed(points, order, scale, "at", "at").rename(columns={"low": "x"})
    marks = ["lane", "low", "high", "said"]
    every = pd.concat([main[marks], dots.assign(low=dots["x"], high=dots["x"])[marks]])
    main, dots = _with_room(main, every), _with_room(dots.assign(low=dots["x"], high=dots["x"]), every)
    begun = journeys.assign(x=[scale.place(at) for at in journeys["at"]])
    begun["room"] = [*begun["x"].iloc[1:], 1.0][: len(begun)] - begun["x"] if len(begun) else []
    data = {"main": main, "points": dots, "journeys": begun, **_background(silences, scale)}
    told = "; ".join(f"{lane}: {said or note}" for lane, said, note in bars[["lane", "said", "note"]].to_numpy())
    height = round(52 + BAND * (max(len(order), 1) + 2 * MARGIN))
    return Picture(_timeline(height), data, pd.concat([bars, points]), f"Timeline. {told}")


def _placed(frame: pd.DataFrame, order: list[str], scale: TimeAxis, start: str, end: str) -> pd.DataFrame:
    places = {lane: i for i, lane in enumerate(order)}
    low, high = ([scale.place(at) for at in frame[name]] for name in (start, end))
    return frame.assign(position=frame["lane"].map(places), low=low, high=high)


def _with_room(frame: pd.DataFrame, every: pd.DataFrame) -> pd.DataFrame:
    """How much room there is for text: in a bar before another begins, and on both sides until the next one.

    `taken`: letters that the mark before may write into the room in front.
    """
    rooms = []
    for lane, low, high in zip(frame["lane"], frame["low"], frame["high"], strict=True):
        near = every[every["lane"] == lane]
        later, earlier = near["low"][near["low"] > low], near["high"][near["high"] < low]
        covered = ((near["low"] <= high) & (near["high"] > high)).any()
        inside = min([high, *later]) - low
        after = 0.0 if covered else min([1.0, *near["low"][near["low"] > high]]) - high
        begins_in = ((near["low"] < low) & (near["high"] >= low)).any()
        before = 0.0 if begins_in else low - max([0.0, *earlier])
        said = near["said"][near["high"] == max(earlier)] if len(earlier) else []
        taken = max((len(text) for text in said), default=0)
        rooms.append((inside, after, before if before > LONELY else 0.0, taken))
    names = ("inside", "after", "before", "taken")
    return frame.assign(**{name: [room[i] for room in rooms] for i, name in enumerate(names)})


def _background(silences: pd.DataFrame, scale: TimeAxis) -> dict[str, pd.DataFrame]:
    low, high = ([scale.place(at) for at in silences[name]] for name in ("start", "end"))
    spans = silences.assign(low=low, high=high)
    spans = spans.assign(middle=(spans["low"] + spans["high"]) / 2, room=spans["high"] - spans["low"])
    dates = scale.dates
    rows = []
    for i, (x, at) in enumerate(dates):
        near = min((abs(x - other) for other, _ in dates if other != x), default=1.0)
        rows.append((x, f"{at:%-d %b %Y}", _side(i, len(dates)), near))
    return {"spans": spans, "dates": pd.DataFrame(rows, columns=["x", "said", "side", "room"])}


def _side(i: int, n: int) -> str:
    return "first" if i == 0 else "last" if i == n - 1 else "middle"


@cache
def _took_part(height: int, present: tuple[str, ...]) -> Spec:
    names, colours = zip(*(KINDS[key] for key in present), strict=True)
    dots = (
        alt.Chart(BARS)
        .mark_point(filled=True, size=80, opacity=0.8)
        .encode(
            x=_x("x:Q"),
            y=_y(),
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=list(names), range=list(colours)),
                legend=legend(symbolType="circle", offset=8),
            ),
            tooltip=[tip("lane:N", "Contact"), tip("note:N"), tip("when:N", "When")],
        )
    )
    return bare(alt.layer(_dated(), dots).properties(height=height))


def took_part(points: pd.DataFrame, silences: pd.DataFrame, scale: TimeAxis) -> Picture:
    """Who did what: a lane per contact as they appear. `points`: lane, at, colour (of KINDS), note, when."""
    kinds = points["colour"].map({key: name for key, (name, _) in KINDS.items()})
    main = _placed(points.assign(kind=kinds), list(dict.fromkeys(points["lane"])), scale, "at", "at")
    present = tuple(key for key in KINDS if key in set(points["colour"])) or ("stage",)
    counts = points["lane"].value_counts(sort=False)
    words = "; ".join(f"{lane}: {n}" for lane, n in counts.items())
    data = {"main": main.assign(x=main["low"]), **_background(silences, scale)}
    return Picture(
        _took_part(round(70 + BAND * (max(len(counts), 1) + 2 * MARGIN)), present), data, points, f"Events. {words}"
    )
