"""The funnel's own pictures: reasons of those who left, and how step rates changed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import altair as alt
import pandas as pd

from lifecycle.stages import StageModel
from pages.ui.picture import (
    EXITS,
    GRID,
    INK,
    NOW,
    QUIET,
    Picture,
    Spec,
    axis,
    bare,
    filled,
    legend,
    place,
    tip,
    value_axis,
)

MAIN = alt.NamedData("main")
ENDS = alt.NamedData("ends")
PHONE = "containerSize()[0] < 520"
# A group and what is said of it stand on two lines, of a route two stages on each, and how far along on its own.
BROKEN = "datum.label"
for found, put in ((" as (?=[0-9])", "\\nas "), (": ", "\\n"), ("( → [^→]+) → ", "$1 →\\n")):
    BROKEN = f"replace({BROKEN}, regexp('{found}', 'g'), '{put}')"
BROKEN = f"split({BROKEN}, '\\n')"
WORSE, UNSURE = "#CB5A3C", GRID


def exit_colours(model: StageModel) -> dict[str, str]:
    """A colour for each way out by its label, the same on every page; stages that leads are sent back to come last."""
    names = [stage.label for stage in (*model.exits, *model.progress)]
    return {name: EXITS[i % len(EXITS)] for i, name in enumerate(names)}


@cache
def _reasons(height: int, exits: tuple[tuple[str, str], ...]) -> Spec:
    names, colours = zip(*exits, strict=True)
    chosen = alt.selection_point(name="reason", fields=["reason"], toggle=False)
    y = alt.Y("reason:N", sort=place("position"), axis=axis(labelLimit=190, labelPadding=8))
    bars = (
        alt.Chart(MAIN)
        .mark_bar(height={"band": 0.66})
        .encode(
            y=y,
            x=alt.X("n:Q", axis=None, stack="zero"),
            order=alt.Order("turn:Q"),
            color=alt.Color(
                "exit:N",
                scale=alt.Scale(domain=list(names), range=list(colours)),
                legend=legend(symbolType="square", offset=8),
            ),
            opacity=alt.condition(chosen, alt.value(1), alt.value(0.35)),
            tooltip=[
                tip("reason:N", "Reason"),
                tip("exit:N", "Exit"),
                tip("n:Q", "Journeys", ","),
                tip("detail:N", "Left at"),
            ],
        )
        .add_params(chosen)
    )
    total = (
        alt.Chart(ENDS)
        .mark_text(align="left", dx=6, fontSize=12, color=INK)
        .encode(y=y, x=alt.X("n:Q", axis=None), text="note:N")
    )
    return bare((bars + total).properties(height=height))


def reasons(frame: pd.DataFrame, colours: Mapping[str, str]) -> Picture:
    """Why journeys left, the most frequent reason first, each bar parted by exit.

    `frame`: reason, exit, n, detail (at which stages); the selection is called `reason` and yields reason. `colours`:
    as `exit_colours` gives them.
    """
    sizes = frame.groupby("reason", sort=False)["n"].sum().sort_values(ascending=False, kind="stable")
    places = {reason: i for i, reason in enumerate(sizes.index)}
    present = tuple((name, colour) for name, colour in colours.items() if name in set(frame["exit"]))
    turns = {name: i for i, (name, _) in enumerate(present)}
    main = frame.assign(position=frame["reason"].map(places), turn=frame["exit"].map(turns))
    main = main.sort_values(["position", "turn"], ignore_index=True)
    ends = pd.DataFrame({"reason": sizes.index, "n": sizes.to_numpy(), "position": range(len(sizes))})
    ends["note"] = [f"{n:,} · {n / sizes.sum():.0%}" for n in ends["n"]]
    words = "; ".join(f"{reason}: {n:,}" for reason, n in sizes.items())
    return Picture(
        _reasons(52 + 30 * len(sizes), present), {"main": main, "ends": ends}, frame, f"Why they left. {words}"
    )


@cache
def _changes(height: int) -> Spec:
    named = axis(
        labelLimit={"expr": f"{PHONE} ? 130 : max(190, containerSize()[0] * 0.26)"},
        labelPadding=8,
        labelExpr=f"{PHONE} ? {BROKEN} : datum.label",
    )
    base = alt.Chart(MAIN).encode(y=alt.Y("label:N", sort=place("position"), axis=named))
    colour = alt.Color(
        "verdict:N",
        scale=alt.Scale(domain=["better", "worse", "unsure"], range=[NOW, WORSE, UNSURE]),
        legend=None,
    )
    x = alt.X(
        "value:Q",
        axis=value_axis("+.0f", "percentage points (pp)"),
        scale=alt.Scale(zero=True, padding={"expr": f"{PHONE} ? 56 : 24"}),
    )
    tips = [tip("label:N", "Step"), tip("note:N", "Change"), tip("rates:N", "Rates")]
    faint = 0.3  # words may lie across it
    zero = alt.Chart(ENDS).mark_rule(color=INK, opacity=faint, strokeDash=[3, 3]).encode(x=alt.X("value:Q"))
    span = base.mark_rule(strokeWidth=3, opacity=0.55).encode(x=alt.X("low:Q"), x2="high:Q", color=colour, tooltip=tips)
    point = base.mark_point(filled=True, size=110, opacity=1).encode(x=x, color=colour, tooltip=tips)
    said = base.mark_text(dy=-13, fontSize=12, fontWeight=600, color=INK).encode(x=x, text="note:N")
    rates = base.mark_text(dy=15, fontSize=11, color=INK, opacity=QUIET).encode(x=x, text="rates:N")
    return bare((zero + span + point + said + rates).properties(height=height))


def changes(frame: pd.DataFrame) -> Picture:
    """Differences in percentage points with their intervals around zero; those that chance explains are grey.

    `frame`, in order: label, value, low, high (points), clear (chance does not explain it), note (the change in words),
    rates (both rates in words); optional welcome (whether more of it is better, which it is unless said).
    """
    main = filled(frame, welcome=True).assign(position=range(len(frame)), verdict="unsure")
    main.loc[main["clear"] & ((main["value"] > 0) == main["welcome"]), "verdict"] = "better"
    main.loc[main["clear"] & ((main["value"] > 0) != main["welcome"]), "verdict"] = "worse"
    words = "; ".join(f"{row.label}: {row.note}" for row in frame.itertuples())
    ends = pd.DataFrame({"value": [0.0]})
    return Picture(_changes(50 + 54 * len(frame)), {"main": main, "ends": ends}, frame, f"Changes. {words}")
