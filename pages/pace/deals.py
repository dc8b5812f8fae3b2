"""The deals behind the velocity: as many as were counted, page by page; one of them opens a history."""

from __future__ import annotations

from functools import partial
from math import ceil

import streamlit as st

from lifecycle.velocity import Part
from pages.pace import frames_velocity as frames
from pages.ui.data import ask, digest
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.history_card import open_history
from pages.ui.layout import card, state
from queries.contacts import PAGE
from queries.velocity import Chosen, listed

OUTCOMES = {"open": "Open", "won": "Won", "lost": "Lost"}


def show_deals(v: View, part: Part | None) -> None:
    """The deals behind the numbers, the largest first."""
    outcome = st.selectbox(
        "Which deals are behind it?",
        list(OUTCOMES),
        None,
        OUTCOMES.__getitem__,
        "deals.outcome",
        placeholder="Choose what became of them",
        width=260,
    )
    if outcome is None and part is None:
        return
    chosen = Chosen((outcome,) if outcome else tuple(OUTCOMES), part.values if part else ())
    first = ask(listed, v.modelled, v.scope, chosen)
    if isinstance(first, Failure):
        state(first)
        return
    mark, pages = digest(chosen)[:12], max(ceil(first.total / PAGE), 1)
    page = st.pagination(pages, key=f"deals.page.{mark}") - 1 if pages > 1 else 0
    said = " ".join(filter(None, [outcome, "deals", f"of {frames.named(part.name)}" if part else ""]))
    entity = v.modelled.model.entity
    picked = card(
        f"{first.total:,} {said}",
        partial(ask, listed, v.modelled, v.scope, chosen, page),
        lambda records: frames.deals(records, entity),
        caption=f"The largest first. Pick one to see the history of its {entity}",
        definition=listed,
        select="deal",
        key=f"deals.{mark}.{page}",
    )
    if picked:
        open_history(v, str(picked[0][frames.ENTITIES[entity]]), mark)
