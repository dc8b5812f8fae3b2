"""Pictures of moves: the matrix of where entities go from each stage."""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt
import pandas as pd

from pages.ui.picture import INK, OUTCOMES, Picture, Spec, axis, bare, ink_on, legend, place, tip

MAIN = alt.NamedData("main")
KINDS = {  # a way to move → its name, its colour
    "new": ("New", "#5AA2D6"),
    "advance": ("On to the next", OUTCOMES["advanced"][1]),
    "skip": ("On, over a stage", OUTCOMES["late"][1]),
    "regress": ("Back", OUTCOMES["diverted"][1]),
    "reopen": ("Came back", "#C2557F"),
    "recycle": ("Recycled", "#D9A08A"),
    "exit": ("Left", OUTCOMES["exited"][1]),
    "open": ("Still there", OUTCOMES["open"][1]),
    "arrived": ("Arrived", OUTCOMES["arrived"][1]),
    "out": ("Stayed out", "#7D8B99"),
    "other": ("Other", OUTCOMES["not_due"][1]),
}
NARROW = "bandwidth('x') < 54"


def colours(present: tuple[str, ...], more_room: int = 0) -> alt.Color:
    """Ways to move by colour, those that occur; `more_room`: pixels between the legend and the picture."""
    return alt.Color(
        "said:N",
        scale=shades(present),
        legend=legend(symbolType="square", symbolStrokeWidth=0, offset=10 + more_room),
    )


def shades(present: tuple[str, ...]) -> alt.Scale:
    """The colours of the ways to move that occur."""
    names, found = zip(*(KINDS[kind] for kind in present), strict=True)
    return alt.Scale(domain=list(names), range=list(found))


def present_in(kinds: pd.Series) -> tuple[str, ...]:
    found = set(kinds)
    return tuple(kind for kind in KINDS if kind in found) or ("advance",)


@cache
def _matrix(height: int, present: tuple[str, ...]) -> Spec:
    chosen = alt.selection_point(name="cell", fields=["start", "end"], toggle=False)
    gap = alt.Scale(paddingInner=0.05)
    room = {"expr": "max(46, width / length(domain('x')) - 4)"}
    columns = axis(
        orient="top",
        labelAngle={"expr": "width / length(domain('x')) < 54 ? -52 : 0"},
        labelAlign={"expr": "width / length(domain('x')) < 54 ? 'left' : 'center'"},
        labelLimit=room,
        labelOverlap=False,
        labelFontSize={"expr": "width / length(domain('x')) < 54 ? 10 : 12"},
    )
    rows = axis(labelLimit={"expr": "containerSize()[0] < 520 ? 78 : 150"}, labelOverlap=False, labelFontSize=12)
    base = alt.Chart(MAIN).encode(
        x=alt.X("column:N", sort=place("column_position"), scale=gap, axis=columns),
        y=alt.Y("row:N", sort=place("row_position"), scale=gap, axis=rows),
    )
    tips = [
        tip("row:N", "From"),
        tip("column:N", "To"),
        tip("said:N", "Move"),
        tip("n:Q", "How many", ","),
        tip("share:Q", "Of this stage", ".1%"),
        tip("took:N", "Half of them within"),
    ]
    shade = alt.Opacity("shade:Q", scale=alt.Scale(domain=[0, 1], range=[0.14, 1]), legend=None)
    cells = base.mark_rect(cornerRadius=3).encode(color=colours(present), opacity=shade, tooltip=tips)
    cells = cells.encode(
        strokeWidth=alt.condition(chosen, alt.value(2), alt.value(0), empty=False), stroke=alt.value(INK)
    ).add_params(chosen)
    ink = alt.condition("datum.shade > 0.62", alt.Color("ink:N", scale=None), alt.value(INK))
    figures: dict[str, Any] = {"fontWeight": 600, "fontSize": {"expr": f"{NARROW} ? 9 : 13"}}
    shares = base.mark_text(**figures, dy={"expr": f"{NARROW} ? 0 : -7"}).encode(text="percent:N", color=ink)
    counts = base.mark_text(fontSize=11, dy=9, opacity={"expr": f"{NARROW} ? 0 : 0.85"}).encode(
        text=alt.Text("n:Q", format=","), color=ink
    )
    return bare((cells + shares + counts).properties(height=height))


def _percent(share: float) -> str:
    """A share in few characters, which says neither none of some nor all of not quite all."""
    return "<1%" if share < 0.01 else ">99%" if 0.99 < share < 1 else f"{share:.0%}"


def matrix(frame: pd.DataFrame) -> Picture:
    """Where they went from each stage. `frame`, by rows: row, column (labels), row_position, column_position, start,
    end (keys), kind (of KINDS), n, share, took; a click selects (`cell`) and yields start and end."""
    main = frame.assign(
        said=frame["kind"].map({kind: said for kind, (said, _) in KINDS.items()}),
        shade=frame["share"].clip(0, 0.6) / 0.6,
        ink=[ink_on(KINDS[kind][1]) for kind in frame["kind"]],
        percent=[_percent(share) for share in frame["share"]],
    )
    words = "; ".join(f"{r.row} to {r.column}: {r.n:,} ({r.share:.0%})" for r in frame.nlargest(8, "n").itertuples())
    height = 90 + 44 * frame["row"].nunique()
    return Picture(_matrix(height, present_in(frame["kind"])), {"main": main}, frame, f"Moves. {words}")
