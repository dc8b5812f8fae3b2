"""Where do they go from each stage, by which paths, and do they come back?"""

from __future__ import annotations

from functools import partial

import streamlit as st

from lifecycle.moves import Moves, Transition, between_parts, since_before
from lifecycle.stages import StageModel
from pages.pace import comebacks, paths, stockflow
from pages.pace import frames_moves as frames
from pages.pace.contrasts import contrasts
from pages.pace.movers import show_movers
from pages.ui import charts_moves, labels
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View, view
from pages.ui.layout import card, page_header
from queries.moves import Cell, moves

PARTS = ("From each stage", "Paths", "Routes", "Coming back", "Stock and flow")


def page() -> None:
    page_header("Moves", "Where do they go from each stage, by which paths, and do they come back?")
    v = view()
    for name, tab in zip(PARTS, st.tabs(PARTS, key="moves", bind="query-params"), strict=True):
        if tab.open:
            with tab:
                part(v, name)


def part(v: View, name: str) -> None:
    """One part of the page; the others are not asked for."""
    match name:
        case "From each stage":
            found = ask(moves, v.modelled, v.scope)
            matrix(v, found)
            if not isinstance(found, Failure):
                differences(v, found)
        case "Paths":
            paths.flow(v)
        case "Routes":
            paths.frequent(v)
        case "Coming back":
            comebacks.coming_back(v)
        case "Stock and flow":
            stockflow.stock(v)


def matrix(v: View, found: Moves | Failure) -> None:
    """What followed each stage; a cell opens its records."""
    model = v.modelled.model
    clicked = card(
        title(model, found),
        lambda: found,
        lambda answer: charts_moves.matrix(frames.matrix(answer, model)) if answer.whole else None,
        caption="Of the stays that began in the period, what followed; a row adds up to 100 %. Exits are stages too",
        definition=Transition,
        table=lambda answer: frames.table(answer, model),
        select="cell",
        key="matrix",
    )
    if clicked:
        show_movers(v, Cell(clicked[0]["start"], clicked[0]["end"] or None))


def title(model: StageModel, found: Moves | Failure) -> str:
    """The stage from which the largest share leaves the lifecycle."""
    if isinstance(found, Failure) or not found.whole:
        return "What follows each stage"
    back = found.share_of("regress", "recycle", "reopen")
    if back.value is None:
        return "Nobody has moved on yet"
    if not back.numerator:
        return f"None of {back.denominator:,} moves leads back"
    return (
        f"{labels.percent(back.value)} of {back.denominator:,} moves lead back: a step, out to recycling, or in again"
    )


def differences(v: View, found: Moves) -> None:
    """Where groups, or the compared period, go another way."""
    model = v.modelled.model
    told = partial(
        contrasts,
        found,
        said=partial(frames.said, model=model),
        welcome=partial(frames.is_welcome, model=model),
        what="Share of the stage's stays that went this way",
    )
    if found.comparison:
        told(since=True, definition=since_before, key="since-before")
    if found.parts:
        told(since=False, definition=between_parts, key="between-parts")


page()
