"""A matrix of counts: each cell says how many, its shade says which share of its row they are."""

from __future__ import annotations

from functools import cache

import altair as alt
import pandas as pd

from pages.ui.picture import INK_DARK, INK_LIGHT, RAMP, Picture, Spec, axis, bare, place, tip


@cache
def _matrix(height: int) -> Spec:
    gap = alt.Scale(paddingInner=0.06)
    columns = axis(
        orient="top", labelLimit={"expr": "width / length(domain('x')) - 4"}, labelOverlap=False, labelFontSize=12
    )
    base = alt.Chart(alt.NamedData("main")).encode(
        x=alt.X("column:N", sort=place("column_position"), scale=gap, axis=columns),
        y=alt.Y(
            "row:N",
            sort=place("row_position"),
            scale=gap,
            axis=axis(labelLimit=150, labelOverlap=False, labelFontSize=12),
        ),
    )
    shades = alt.Color("share:Q", scale=alt.Scale(domain=[0, 1], range=list(RAMP)), legend=None)
    tips = [tip("row:N"), tip("column:N", "Beside"), tip("n:Q", "How many", ","), tip("share:Q", "Of the row", ".1%")]
    cells = base.mark_rect(cornerRadius=2).encode(color=shades, tooltip=tips)
    ink = alt.condition("datum.share > 0.45", alt.value(INK_LIGHT), alt.value(INK_DARK))
    figures = base.mark_text(fontSize=12).encode(text=alt.Text("n:Q", format=","), color=ink)
    return bare((cells + figures).properties(height=height))


def matrix(frame: pd.DataFrame) -> Picture:
    """Counts by two things, zeros left blank. `frame`: row, column, n, in the order in which they are to appear."""
    main = frame.assign(share=frame["n"] / frame.groupby("row", sort=False)["n"].transform("sum"))
    for name in ("row", "column"):
        main[f"{name}_position"] = main[name].map({value: i for i, value in enumerate(dict.fromkeys(frame[name]))})
    main = main[main["n"] > 0]
    rows = frame["row"].nunique()
    words = "; ".join(f"{r.row} beside {r.column}: {r.n:,}" for r in main.nlargest(8, "n").itertuples())
    return Picture(_matrix(36 + 32 * rows), {"main": main}, frame, words)
