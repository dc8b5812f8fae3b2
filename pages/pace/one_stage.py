"""One stage closely: who is still in it after how long, where the others went, and how long they stayed."""

from __future__ import annotations

from functools import partial

import streamlit as st

from lifecycle.durations import LifeTable
from lifecycle.time_in_stage import StageTimes, reach
from pages.pace import frames_time as frames
from pages.pace import words_time as words
from pages.pace.choices import Choices, choices
from pages.pace.one_stage_parts import beside
from pages.ui import charts_durations as charts
from pages.ui import charts_pace, labels
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card, state, tile, tiles
from pages.ui.picture import Picture
from pages.ui.spans import Span, span
from queries.durations import life_tables


def closely(v: View) -> None:
    """The pair of pictures, and the lengths behind them."""
    chosen = choices(v)
    found = ask(life_tables, v.modelled, v.scope, chosen.skip_zero)
    if isinstance(found, Failure):
        state(found)
        return
    table = found.of(chosen.stage)
    along = axis(found, chosen)
    key_figures(table, found.comparison.of(chosen.stage) if found.comparison else None)
    left, right = st.columns(2, gap="small")
    with left:
        card(
            words.still_in(table, chosen.label),
            lambda: found,
            partial(survival, chosen, along),
            caption=f"Share still in the stage after so long, with its 95 % band. {words.open_share(table)}"
            + words.since(found, chosen.stage),
            definition=LifeTable,
            height=400,
            key="survival",
        )
    with right:
        card(
            words.went(table, chosen.label, along.end),
            lambda: found,
            partial(whereabouts, v, chosen, along),
            caption="Where they are after so long: ways out compete, so that the shares add up to all of them",
            definition=LifeTable.incidence.__doc__ or "",
            height=400,
            key="whereabouts",
        )
    beside(v, found, chosen, along)
    card(
        f"How long did they stay in {chosen.label}?",
        lambda: found,
        partial(lengths, v, chosen),
        caption="Up: ended stays by their length. Down: those still in it, by their time so far. Last bar: all longer",
        definition="Stays entered in the period by their length by as_of, in equal steps; whoever is still in the "
        "stage has not ended at that length.",
        key="lengths",
    )


def axis(found: StageTimes, chosen: Choices) -> Span:
    """One axis for both pictures, and for the compared period."""
    tables = [found.of(chosen.stage), *([found.comparison.of(chosen.stage)] if found.comparison else [])]
    return span(max(t.longest for t in tables) if chosen.log else reach(tables), chosen.log)


def key_figures(table: LifeTable, before: LifeTable | None) -> None:
    """The quantiles in large."""
    with tiles(5):
        for q, name in (
            (0.25, "A quarter left within"),
            (0.5, "Half within"),
            (0.75, "Three quarters within"),
            (0.9, "Nine in ten within"),
        ):
            note = f"95 %: {words.band(table)}" if q == 0.5 and table.n else ""
            note = f"before: {words.quantile(before, q)}" if before and before.n and q != 0.5 else note
            tile(
                name,
                words.quantile(table, q) or labels.UNDEFINED,
                note=note,
                definition=LifeTable.quantile.__doc__ or "",
            )
        share = table.censored / table.n if table.n else None
        tile("Still in it", labels.percent(share), note=f"{table.censored:,} of {table.n:,} stays")


def survival(chosen: Choices, along: Span, found: StageTimes) -> Picture | None:
    table, tables = found.of(chosen.stage), {"This period": found.of(chosen.stage)}
    if found.comparison:
        tables["Before"] = found.comparison.of(chosen.stage)
    if not table.n:
        return None
    marks = frames.medians({"": table}, along)
    rows, risk = frames.curves(tables, along), frames.at_risk(table, along)
    return charts.survival(rows, risk, marks, log=chosen.log, against=True)


def whereabouts(v: View, chosen: Choices, along: Span, found: StageTimes) -> Picture | None:
    table = found.of(chosen.stage)
    if not table.n:
        return None
    rows, ends, ways = frames.whereabouts(table, v.modelled.model, along)
    return charts.whereabouts(rows, frames.advanced_by(table, along), ends, shades(v, ways), log=chosen.log)


def lengths(v: View, chosen: Choices, found: StageTimes) -> Picture | None:
    table = found.of(chosen.stage)
    if not table.n:
        return None
    along = span(reach([table]))
    rows, ways = frames.lengths(table, v.modelled.model, along)
    return charts_pace.lengths(rows, shades(v, ways), f"{along.name} in the stage")


def shades(v: View, ways: list[str]) -> tuple[str, ...]:
    return charts.colours(ways, [stage.key for stage in v.modelled.model.exits])
