"""Who is active: new, returning, resurrected, dormant by period; how often customers order."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from lifecycle.activity import Active, Activity, of_book
from lifecycle.retention import ORDERS, SUBSCRIPTIONS
from lifecycle.scope import Scope
from pages.customers import frames_mrr as frames
from pages.customers.choices import GRAINS, choose
from pages.ui import charts, charts_mrr, labels
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card
from pages.ui.picture import Picture
from queries.activity import activity, frequency
from queries.modelled import Modelled
from queries.mrr import mrr

KINDS = {ORDERS: "Orders", SUBSCRIPTIONS: "Subscriptions"}


def active(v: View) -> None:
    """Activity by period, and of orders how often."""
    known = {name: label for name, label in KINDS.items() if name in v.modelled.sources} or KINDS
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="activity-choices"):
        what = choose("Activity", "active_with", known, next(iter(known)), 150)
        grain = choose("By", "activity_grain", GRAINS, "month", 110)
        days = what == ORDERS and st.toggle("Count days with orders", False, "ordered_days", bind="query-params")
    v = replace(v, scope=replace(v.scope.whole, grain=grain))
    found = ask(activity if what == ORDERS else subscribed, v.modelled, v.scope)
    card(
        title(found),
        lambda: found,
        states,
        caption=caption(what),
        definition=Active,
        empty="Nobody was active, or no period is over.",
        key="states",
    )
    if what == ORDERS and not isinstance(found, Failure):
        left, right = st.columns(2, gap="small")
        with left:
            card(
                "Orders per active customer",
                lambda: found,
                per_customer,
                definition=Active,
                key="per-customer",
                caption="Of those who ordered in the period",
            )
        with right:
            often(v, days)


def subscribed(m: Modelled, scope: Scope) -> Activity:
    """The same of subscribers, from the book of recurring revenue."""
    book = mrr(m, replace(scope, compare="none"))
    return Activity(scope, of_book(book.periods), book.statements)


def title(found: Activity | Failure) -> str:
    """How many were active in the last period, and how many of them had been before."""
    if isinstance(found, Failure) or not found.periods:
        return "Who is active"
    last = found.periods[-1]
    name = found.scope.calendar.name(last.start_on, found.scope.grain)
    return (
        f"{last.active:,} were active in {name}: {last.new:,} new, {last.returning:,} again, "
        f"{last.resurrected:,} came back; {last.dormant:,} went dormant"
    )


def caption(what: str) -> str:
    if what == SUBSCRIPTIONS:
        return "With MRR at the end of each period, seen from its start. The diamond: active in all"
    return "Returning: ordered in the period before too. The diamond: active in all"


def states(found: Activity) -> Picture | None:
    if not any(p.active or p.dormant for p in found.periods):
        return None
    return charts_mrr.stacked(*frames.states(found.scope, found.periods), money=False)


def per_customer(found: Activity) -> Picture | None:
    rows = frames.per_customer(found.scope, found.periods)
    return None if rows.empty else charts.trend(rows, style=".2f", title="orders", height=300)


def often(v: View, days: bool) -> None:
    """How often customers ordered in the whole period."""
    counted = ask(frequency, v.modelled, v.scope)
    card(
        "How often" if isinstance(counted, Failure) or not counted.n else frames.often(counted),
        lambda: counted,
        lambda a: (
            charts.bars(
                frames.frequency(a.days if days else a.orders, a.n, "day" if days else "order"),
                style=".0%",
                title="share of buyers",
            )
            if a.n
            else None
        ),
        caption=f"In the period: {labels.count(None if isinstance(counted, Failure) else counted.n)} buyers",
        definition=frequency,
        key="often",
    )
