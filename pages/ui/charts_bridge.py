"""Counts as horizontal bars with their numbers, and bridges: totals with the steps that lead from one to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import altair as alt
import pandas as pd

from pages.ui.picture import INK, NOW, QUIET, Picture, Spec, axis, bare, place, tip

MORE, FEWER = "#1F9E8B", "#CB5A3C"
ROW, NUMBER = 30, 64  # pixels of one line, and of the number at the end of the longest bar
# In a narrow card a long label stands on two lines, the first of at most so many letters.
LETTERS = 21
IS_BROKEN = f"containerSize()[0] < 520 && length(datum.label) > {LETTERS} && indexof(datum.label, ' ') > 0"
BROKEN = (
    f"{IS_BROKEN} ? split(replace(datum.label, regexp('^(.{{1,{LETTERS}}}) (.+)$'), '$1\\n$2'), '\\n') : datum.label"
)
COLUMNS = ["label", "count", "low", "high", "kind", "text", "why", "position"]


@cache
def _bridge(height: int) -> Spec:
    limit = {"expr": "containerSize()[0] * 0.42"}  # of labels: of the card, as the plot's own width depends on them
    middle = {"condition": {"test": IS_BROKEN, "value": -6.5}, "value": 0}  # else the first line is in the middle
    lines = axis(
        labelLimit=limit,
        labelPadding=8,
        labelOverlap=False,
        labelFontSize=12,
        labelLineHeight=12.5,
        labelExpr=BROKEN,
        labelOffset=middle,
    )
    base = alt.Chart(alt.NamedData("main")).encode(y=alt.Y("label:N", sort=place("position"), axis=lines))
    kinds = alt.Scale(domain=["total", "more", "fewer"], range=[NOW, MORE, FEWER])
    solid = base.mark_bar(cornerRadius=2, height={"band": 0.66}).encode(
        x=alt.X("low:Q", axis=None, scale=alt.Scale(zero=True, nice=False, range=[0, {"expr": f"width - {NUMBER}"}])),
        x2="high:Q",
        color=alt.Color("kind:N", scale=kinds, legend=None),
        tooltip=[tip("label:N"), tip("text:N", "Count"), tip("why:N", "Why")],
    )
    end = base.encode(x="high:Q", text="text:N")
    totals = end.mark_text(align="left", dx=6, color=INK, fontSize=13, fontWeight=600)
    steps = end.mark_text(align="left", dx=6, color=INK, fontSize=12, opacity=QUIET)
    totals, steps = totals.transform_filter("datum.kind == 'total'"), steps.transform_filter("datum.kind != 'total'")
    return bare((solid + totals + steps).properties(height=height))


def bridge(lines: Sequence[tuple[str, float, bool, str]], say: Callable[[float], str] = "{:,}".format) -> Picture:
    """Totals and signed steps from top to bottom. `lines`: label, count, whether it is a total, why. `say`: a count in
    words, without its sign."""
    rows: list[dict[str, object]] = []
    level = 0.0
    for position, (label, n, is_total, why) in enumerate(lines):
        before, level = (0.0, n) if is_total else (level, level + n)
        text = say(n) if is_total else f"{'−' if n < 0 else '+'}{say(abs(n))}"
        kind = "total" if is_total else "more" if n > 0 else "fewer"
        ends = sorted((before, level))
        rows.append(dict(zip(COLUMNS, (label, n, *ends, kind, text, why, position), strict=True)))
    main = pd.DataFrame(rows, columns=COLUMNS)
    words = "; ".join(f"{row['label']}: {row['text']}" for row in rows)
    return Picture(_bridge(ROW * max(len(rows), 1)), {"main": main}, main[["label", "count", "why"]], words)


def amounts(rows: Sequence[tuple[str, int, str]]) -> Picture:
    """Counts side by side, each with its number. `rows`: label, count, a note for the tooltip."""
    return bridge([(label, n, True, note) for label, n, note in rows])
