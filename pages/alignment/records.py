"""The leads behind a number: as many as it says, page by page; one of them opens its timeline."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import ceil

import pandas as pd
import streamlit as st

from lifecycle.business import Business
from lifecycle.scope import Scope
from pages.alignment import frames_leads, frames_service
from pages.ui import labels
from pages.ui.data import ask, digest
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.history_card import open_history
from pages.ui.layout import card, state
from queries.contacts import PAGE, Records
from queries.leads import Cell, Waiting, leads, waiting


def show_leads(v: View, scope: Scope, cell: Cell, said: str) -> None:
    """The leads behind a cell of the agreement, latest first; `scope` is the one that the cell was counted in."""
    segment = v.modelled.catalog.get(cell.by) if cell.by else None
    question = partial(ask, leads, v.modelled, scope, cell)
    _paged(
        v,
        question,
        digest(cell),
        said,
        lambda r: frames_leads.leads(r, v.modelled.model, segment.label if segment else None),
    )


def show_waiting(v: View, chosen: Waiting, said: str, business: Business | None) -> None:
    """The leads behind a status of the service level, longest on the clock first."""
    question = partial(ask, waiting, v.modelled, v.scope, chosen, business)
    _paged(v, question, digest(chosen), said, lambda r: frames_service.waiting(r, v.modelled.model))


def _paged(
    v: View,
    question: Callable[..., Records | Failure],
    mark: str,
    said: str,
    draw: Callable[[Records], pd.DataFrame],
) -> None:
    first = question(0)
    if isinstance(first, Failure):
        state(first)
        return
    pages = max(ceil(first.total / PAGE), 1)
    page = st.pagination(pages, key=f"leads.page.{mark[:12]}") - 1 if pages > 1 else 0
    things = v.modelled.model.entity if first.total == 1 else f"{v.modelled.model.entity}s"
    picked = card(
        f"{first.total:,} {things}: {said}",
        partial(question, page),
        draw,
        caption="Pick one to see its history.",
        definition=leads,
        select="lead",
        key=f"leads.{mark[:12]}.{page}",
    )
    if picked:
        open_history(v, str(picked[0][labels.ENTITIES[v.modelled.model.entity]]), mark[:12])
