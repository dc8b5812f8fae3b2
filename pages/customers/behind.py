"""The customers behind a cell: as many as it says, page by page; one of them opens its history."""

from __future__ import annotations

from functools import partial
from math import ceil

import streamlit as st

from lifecycle.retention import Rules
from pages.customers import frames_retention as frames
from pages.ui.data import ask, digest
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.history_card import link, open_history
from pages.ui.layout import Selected, card, state
from queries.contacts import PAGE
from queries.retention import Chosen, customers

ENTITIES = {"contact": "Contact", "account": "Account", "deal": "Contact"}
PICK = "Pick one to see its history"


def show_customers(v: View, rules: Rules, chosen: Chosen) -> None:
    """Whoever is counted in a cell, earliest start first."""
    first = ask(customers, v.modelled, v.scope, rules, chosen)
    if isinstance(first, Failure):
        state(first)
        return
    mark = digest((rules, chosen))[:12]
    pages = max(ceil(first.total / PAGE), 1)
    page = st.pagination(pages, key=f"customers.page.{mark}") - 1 if pages > 1 else 0
    segment = v.modelled.catalog.get(v.scope.by) if v.scope.by else None
    name = v.scope.calendar.name(chosen.day, v.scope.grain)
    entity = ENTITIES[v.modelled.model.entity]
    picked = card(
        f"{first.total:,} customers of {name}, active at age {chosen.age}",
        partial(ask, customers, v.modelled, v.scope, rules, chosen, page),
        lambda found: frames.customers(found, entity, segment.label if segment else None),
        caption=f"The earliest start first. {PICK}",
        definition=customers,
        select="customer",
        key=f"customers.{mark}.{page}",
    )
    open_customer(v, picked, mark)


def open_customer(v: View, picked: Selected, mark: str) -> None:
    """The history of the customer picked from a list; where deals move, the way to those of the contact."""
    for row in picked:
        who = str(row[ENTITIES[v.modelled.model.entity]])
        if v.modelled.model.entity == "deal":
            link(who, f"The deals of {who}")
        else:
            open_history(v, who, mark)
