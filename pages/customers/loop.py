"""Customers who bring customers: referrals made, how the referred fare, and whom to ask."""

from __future__ import annotations

from functools import partial
from math import ceil

import streamlit as st

from lifecycle import loyalty_words as words
from lifecycle.attention import purchase
from lifecycle.referrals import Generation, Loop, Reach
from pages.customers import frames_loyalty as frames
from pages.customers.behind import ENTITIES, PICK, open_customer
from pages.ui import charts, labels
from pages.ui.charts_bridge import amounts
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card, rate_tile, state, tile, tiles, undivided
from pages.ui.picture import Picture
from queries.contacts import PAGE
from queries.referrals import loop, unasked


def section(v: View) -> None:
    """Everything about referrals."""
    found = ask(loop, v.modelled, v.scope.whole)
    if isinstance(found, Failure):
        state(found)
        return
    st.markdown(f"#### {labels.escape(words.loop(found))}")
    undivided(v.scope, "Referrals are those of all customers")
    figures(found)
    left, right = st.columns([3, 2], gap="small")
    with left:
        card(
            words.referred(found, purchase(v.modelled.model).key),
            lambda: found,
            reach,
            caption="Journeys begun in the period, the share that came so far by the data cut-off, with 95 % intervals",
            definition=Reach,
            empty="No journey begun in this period was referred.",
            key="referred",
        )
    with right:
        card(
            words.generations(found),
            lambda: found,
            lambda a: amounts(frames.generations(a)) if a.generations else None,
            caption=rings(found),
            definition=Generation,
            empty="Nobody has been referred yet.",
            key="generations",
        )
    list_unasked(v, found)


def figures(found: Loop) -> None:
    with tiles(4):
        each = f"{found.per_referrer:.1f} by each of {found.referrers:,}" if found.per_referrer else "by nobody"
        tile("Referrals in the period", labels.count(found.made), note=each, definition=Loop.__doc__ or "")
        if found.customers:
            rate_tile("Customers who have referred", found.customers, definition="Of all customers by the cut-off.")
        if found.promoters:
            rate_tile("Promoters who have referred", found.promoters, definition="Newest score 9 or 10.")
            tile("Promoters still to ask", labels.count(found.unasked), note="have referred nobody yet")


def rings(found: Loop) -> str:
    said = "Up to the data cut-off, whatever the filters. Generation 1: by somebody not referred"
    return f"{said}; {found.circular:,} were referred in a circle" if found.circular else said


def reach(found: Loop) -> Picture | None:
    rows = frames.reach(found)
    if not any(r.referred.denominator for r in found.reach):
        return None
    return charts.bars(rows, style=".0%", title="share that came so far", height=60 + 44 * len(found.reach))


def list_unasked(v: View, found: Loop) -> None:
    """Promoters who have referred nobody, the newest answers first."""
    if found.promoters is None:
        return
    pages = max(ceil((found.unasked or 0) / PAGE), 1)
    page = st.pagination(pages, key="unasked.page") - 1 if pages > 1 else 0
    picked = card(
        f"{labels.count(found.unasked)} promoters who have referred nobody yet",
        partial(ask, unasked, v.modelled, v.scope.whole, page),
        lambda r: frames.unasked(r, ENTITIES[v.modelled.model.entity]),
        caption=f"Scored 9 or 10 in the newest answer, whatever the period: ask them while they are willing. {PICK}",
        definition=unasked,
        select="promoter",
        empty="No promoter is left to ask.",
        key=f"unasked.{page}",
    )
    open_customer(v, picked, "unasked")
