"""The records behind a move: as many as its cell says, page by page; one of them opens its history."""

from __future__ import annotations

from functools import partial
from math import ceil

import streamlit as st

from pages.pace import frames_moves as frames
from pages.ui.data import ask, digest
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.history_card import open_history
from pages.ui.layout import card, state
from queries.contacts import PAGE
from queries.moves import Cell, movers


def show_movers(v: View, cell: Cell) -> None:
    """The stays behind a cell of the matrix, latest first."""
    first = ask(movers, v.modelled, v.scope, cell)
    if isinstance(first, Failure):
        state(first)
        return
    model, mark = v.modelled.model, digest(cell)[:12]
    pages = max(ceil(first.total / PAGE), 1)
    page = st.pagination(pages, key=f"movers.page.{mark}") - 1 if pages > 1 else 0
    start, end = frames.label_of(model, cell.start), frames.label_of(model, cell.end)
    picked = card(
        f"{first.total:,} stays: {start} → {end}",
        partial(ask, movers, v.modelled, v.scope, cell, page),
        lambda records: frames.movers(records, model),
        caption="The latest first. Pick one to see its history",
        definition=movers,
        select="stay",
        key=f"movers.{mark}.{page}",
    )
    if picked:
        open_history(v, str(picked[0][frames.ENTITIES[model.entity]]), mark)
