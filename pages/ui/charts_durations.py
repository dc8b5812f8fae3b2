"""Pictures of time in stage: how long stays last, where they go, and who is still at risk under the axis.

Times come as the column `t`, already in the unit of the axis. Its ticks are data too (`ticks`: t, label, below), so
that numbers under the axis stand under their tick whatever the unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import altair as alt
import pandas as pd

from pages.ui.picture import (
    BEFORE,
    EXITS,
    INK,
    NOW,
    OUTCOMES,
    QUIET,
    SERIES,
    Picture,
    Spec,
    bare,
    ink_on,
    legend,
    series,
    tip,
    value_axis,
)

MAIN, TICKS, MARKS, RISK = (alt.NamedData(name) for name in ("main", "ticks", "marks", "risk"))
SHARES = [0, 0.25, 0.5, 0.75, 1]
ROOM = 0.24  # of the height of the shares, under the axis: its labels, and the numbers at risk
LINE = 0.062  # the same, of each further row of such numbers
WAYS = {"advanced": OUTCOMES["advanced"][1], "open": OUTCOMES["open"][1], "went back": OUTCOMES["diverted"][1]}


def _time(log: bool) -> alt.X:
    """Time along the axis: linear, or as its logarithm from an hour on (`t` is in days then)."""
    scale = alt.Scale(type="symlog", constant=1 / 24, nice=False) if log else alt.Scale(nice=False, zero=True)
    return alt.X("t:Q", axis=None, scale=scale)


def _share(field: str, title: str, room: float = ROOM) -> alt.Y:
    """Shares up the axis, with room under zero."""
    ruled = value_axis(".0%", title)
    ruled.values = SHARES
    return alt.Y(f"{field}:Q", axis=ruled, scale=alt.Scale(domain=[-room, 1], nice=False))


def _under(log: bool, below: str, colours: tuple[str, ...] = ()) -> alt.LayerChart:
    """Under the axis: the labels of the ticks, and a row of numbers in quiet, or one per series in its colour."""
    base = alt.Chart(TICKS).encode(x=_time(log))
    line = base.mark_tick(color=INK, opacity=QUIET, orient="vertical", thickness=1, size=6).encode(y=alt.datum(-0.012))
    said = base.mark_text(color=INK, opacity=0.8, fontSize=12).encode(y=alt.datum(-0.07), text="label:N")
    row = base.mark_text(color=INK, opacity=QUIET, fontSize=11).encode(y=alt.datum(-0.205), text="below:N")
    if colours:
        rows = alt.Chart(RISK).mark_text(fontSize=11, fontWeight=500)
        row = rows.encode(x=_time(log), y=alt.Y("y:Q"), text="below:N", color=series(colours))
    title = (
        alt.Chart(TICKS)
        .transform_filter("datum.first")
        .mark_text(color=INK, opacity=QUIET, fontSize=11, align="left", dx=-8)
        .encode(x=_time(log), y=alt.datum(-0.145), text=alt.value(below))
    )
    return line + said + row + title


@cache
def _survival(height: int, log: bool, n_series: int, against: bool, n_rows: int) -> Spec:
    colours = (NOW, BEFORE) if against else SERIES
    room = ROOM + LINE * max(0, n_rows - 1)
    hover = alt.selection_point(name="hover", on="pointerover", nearest=True, fields=["t"], empty=False, toggle=False)
    base = alt.Chart(MAIN).encode(x=_time(log))
    base = base.encode(color=series(colours) if n_series > 1 else alt.value(NOW))
    y = _share("value", "still in the stage", room)
    faint = 0.16 if n_series <= 3 else 0.1
    band = base.mark_area(opacity=faint, interpolate="step-after").encode(y=alt.Y("low:Q"), y2="high:Q")
    line = base.mark_line(strokeWidth=2.4, interpolate="step-after").encode(y=y)
    marks = alt.Chart(MARKS).encode(x=_time(log))
    drop = marks.mark_rule(color=INK, opacity=QUIET, strokeDash=[4, 3]).encode(y=alt.datum(0), y2=alt.Y2Datum(0.5))
    across = marks.mark_rule(color=INK, opacity=QUIET, strokeDash=[4, 3]).encode(y=alt.datum(0.5), x2=alt.X2Datum(0))
    dot = marks.mark_point(filled=True, size=70, color=INK, opacity=1).encode(y=alt.datum(0.5))
    late = "scale('x', datum.t) > width * 0.6"  # then there is no room to the right of the mark
    beside: dict[str, Any] = {
        "align": {"expr": f"{late} ? 'right' : 'left'"},
        "dx": {"expr": f"{late} ? -9 : 9"},
        "dy": {"expr": f"{late} ? 14 : -9"},
    }
    said = marks.mark_text(**beside, fontSize=13, fontWeight=600, color=INK).encode(y=alt.datum(0.5), text="label:N")
    dots = (
        base.mark_point(filled=True, size=60)
        .encode(
            y=y,
            opacity=alt.condition(hover, alt.value(1), alt.value(0)),
            tooltip=[tip("series:N"), tip("time:N", "After"), tip("value:Q", "Still in", ".1%"), tip("note:N")],
        )
        .add_params(hover)
    )
    under = _under(log, "at risk", colours if n_rows else ())
    tall = round(height * (1 + room) / (1 + ROOM))
    return bare((band + line + drop + across + dot + said + dots + under).properties(height=tall))


def survival(
    frame: pd.DataFrame,
    ticks: pd.DataFrame,
    marks: pd.DataFrame,
    *,
    risk: pd.DataFrame | None = None,
    log: bool = False,
    against: bool = False,
    height: int = 400,
) -> Picture:
    """The share still in a stage after so long, a curve per series, with the numbers at risk under the axis.

    `risk`: series, t, below; a row of numbers per series, instead of those that `ticks` have below.

    `frame`: series, t, time (in words), value, low, high, note. `ticks`: t, label, below. `marks`: t, label (medians).
    `against`: the second series is the compared period.
    """
    n = int(frame["series"].nunique())
    words = "; ".join(f"{row.label}" for row in marks.itertuples())
    data = {"main": frame, "ticks": ticks.assign(first=ticks.index == 0), "marks": marks}
    rows = 0
    if risk is not None:
        places = {name: i for i, name in enumerate(dict.fromkeys(frame["series"]))}
        data["risk"] = risk.assign(y=-0.205 - LINE * risk["series"].map(places))
        rows = len(places)
    spec = _survival(height, log, n, against, rows)
    return Picture(spec, data, frame, f"Share still in the stage over time. {words}")


@cache
def _whereabouts(height: int, log: bool, kinds: tuple[str, ...], named: bool) -> Spec:
    keys = legend(symbolType="square") if named else None
    hover = alt.selection_point(name="hover", on="pointerover", nearest=True, fields=["t"], empty=False, toggle=False)
    colour = alt.Color("name:N", sort=None, scale=alt.Scale(range=list(kinds)), legend=keys)
    base = alt.Chart(MAIN).encode(x=_time(log))
    areas = base.mark_area(interpolate="step-after", opacity=0.92).encode(
        y=_share("low", "of those who entered" if named else ""), y2="high:Q", color=colour
    )
    ends = (
        alt.Chart(MARKS)
        .mark_text(align="right", dx=-8, fontSize=12.5, fontWeight=600)
        .encode(x=_time(log), y=alt.Y("value:Q"), text="label:N", color=alt.Color("ink:N", scale=None))
    )
    rule = (
        base.transform_filter("datum.first")
        .mark_rule(color=INK, strokeWidth=12)
        .encode(
            y=alt.datum(0),
            y2=alt.Y2Datum(1),
            opacity=alt.condition(hover, alt.value(0.18), alt.value(0)),
            tooltip=[tip("time:N", "After"), tip("note:N")],
        )
        .add_params(hover)
    )
    return bare((areas + rule + ends + _under(log, "advanced by then" if named else "")).properties(height=height))


def whereabouts(
    frame: pd.DataFrame,
    ticks: pd.DataFrame,
    ends: pd.DataFrame,
    colours: tuple[str, ...],
    *,
    log: bool = False,
    named: bool = True,
    height: int = 400,
) -> Picture:
    """Where those who entered are after so long, stacked to all of them: gone on at the bottom, gone away on top.

    `frame`: name, t, time, low, high, note, first (it is of the first name), names from the bottom up; each has one of
    `colours`. `ticks` as in `survival`. `ends`: name, t, value, label, within the areas that have room for one.
    `named`: with a legend, and the axis and the numbers under it titled.
    """
    fills = dict(zip(frame["name"].unique(), colours, strict=True))
    marks = ends.assign(ink=[ink_on(fills[name]) for name in ends["name"]])
    data = {"main": frame, "ticks": ticks.assign(first=ticks.index == 0), "marks": marks}
    words = "; ".join(f"{row.label}" for row in ends.itertuples())
    return Picture(_whereabouts(height, log, colours, named), data, frame, f"Where they are over time. {words}")


def colours(ways: Sequence[str], exits: Sequence[str]) -> tuple[str, ...]:
    """A colour per way to leave a stage; the same exit has the same one on every page."""
    shade = {key: EXITS[i % len(EXITS)] for i, key in enumerate(exits)}
    return tuple(WAYS.get(way) or shade[way] for way in ways)
