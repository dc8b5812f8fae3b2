"""Who is active: new, returning, resurrected, dormant by period; how often customers order."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from lifecycle.activity import Active, Activity, of_book
from lifecycle.activity_words import each, earlier, finding, groups, parts
from lifecycle.retention import ORDERS, SUBSCRIPTIONS
from lifecycle.scope import Scope
from pages.customers import frames_mrr as frames
from pages.customers import one_day
from pages.customers.choices import GRAINS, choose
from pages.ui import charts, charts_mrr, labels
from pages.ui.data import ask, drawn
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card
from pages.ui.picture import Picture
from queries.activity import activity, frequency
from queries.leaving import leaving
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
    v = replace(v, scope=replace(v.scope, grain=grain))
    if what == SUBSCRIPTIONS:
        one_day.notice(ask(leaving, v.modelled, v.scope))
    found = ask(activity if what == ORDERS else subscribed, v.modelled, v.scope)
    card(
        "Who is active" if isinstance(found, Failure) else drawn(finding, found),
        lambda: found,
        states,
        caption=caption(what),
        definition=Active,
        empty="Nobody was active, or no period is over.",
        key="states",
    )
    if not isinstance(found, Failure) and found.segments:
        by_group(v, found)
    if not isinstance(found, Failure) and found.comparison:
        compared(v, found)
    if what == ORDERS and not isinstance(found, Failure):
        left, right = st.columns(2, gap="small")
        with left:
            card(
                each(found),
                lambda: found,
                per_customer,
                definition=Active,
                key="per-customer",
                caption="Of those who ordered in the period",
            )
        with right:
            often(v, days)


def by_group(v: View, found: Activity) -> None:
    """Groups of the breakdown beside each other: who of those that were active comes again, and how many are."""
    grain, by = v.scope.grain, v.modelled.catalog.get(v.scope.by or "")
    left, right = st.columns(2, gap="small")
    with left:
        card(
            groups(found),
            lambda: found,
            lambda a: trend(frames.kept(a), ".0%", "active again"),
            caption=f"Of those active in the {grain} before, where there were ten or more",
            definition=Active.kept.__doc__ or "",
            empty="Nowhere were ten customers of a group active before.",
            key="kept-groups",
        )
    with right:
        card(
            parts(found),
            lambda: found,
            lambda a: trend(frames.numbers(a), ",.0f", "active"),
            caption=f"Active in each {grain}, by {by.label.lower() if by else 'group'}; the groups add up to all",
            definition=Active,
            table=frames.groups,
            key="active-groups",
        )


def compared(v: View, found: Activity) -> None:
    """The period beside the one it is compared with."""
    card(
        earlier(found),
        lambda: found,
        lambda a: beside_before(a, v.scope.grain),
        caption=f"Both periods seen equally long; a customer counts in every {v.scope.grain}. "
        f"Came again: returning, of those active the {v.scope.grain} before",
        definition=Active,
        key="active-compared",
    )


def beside_before(found: Activity, grain: str) -> Picture | None:
    rows = frames.sums(found)
    return charts.bars(rows, title=f"customers, added up over {grain}s") if rows["value"].any() else None


def subscribed(m: Modelled, scope: Scope) -> Activity:
    """The same of subscribers, from the book of recurring revenue."""
    return of_book(mrr(m, scope))


def trend(rows: pd.DataFrame, style: str, title: str) -> Picture | None:
    return None if rows.empty else charts.trend(rows, style=style, title=title, height=300)


def caption(what: str) -> str:
    if what == SUBSCRIPTIONS:
        return "With MRR at the end of each period, seen from its start. The diamond: active in all"
    return "Returning: ordered in the period before too. The diamond: active in all"


def states(found: Activity) -> Picture | None:
    if not any(p.active or p.dormant for p in found.periods):
        return None
    return charts_mrr.stacked(*frames.states(found.scope, found.periods), money=False)


def per_customer(found: Activity) -> Picture | None:
    return trend(frames.per_customer(found.scope, found.periods), ".2f", "orders")


def often(v: View, days: bool) -> None:
    """How often customers ordered in the whole period."""
    counted = ask(frequency, v.modelled, replace(v.scope.whole, compare="none"))
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
