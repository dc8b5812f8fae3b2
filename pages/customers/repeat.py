"""Who buys again, how soon, and which customers to do something about."""

from __future__ import annotations

from functools import partial
from math import ceil

import streamlit as st

from lifecycle import loyalty_words as words
from lifecycle.loyalty import AGE, AGES, Buyers, Ladder, Repeat
from lifecycle.retention_words import named
from lifecycle.rfm import GROUPS, Rfm
from pages.customers import frames_loyalty as frames
from pages.customers.behind import ENTITIES, PICK, open_customer
from pages.ui import charts, charts_loyalty
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card
from pages.ui.picture import ALL, PERIODS, Picture
from queries.contacts import PAGE
from queries.ladder import ladder
from queries.rfm import buyers, rfm

HORIZON = 730  # days of the curve


def section(v: View, found: Buyers | Failure) -> None:
    """Everything about buying again."""
    left, right = st.columns(2, gap="small")
    with left:
        card(
            "How soon they buy again" if isinstance(found, Failure) else words.second(found.times),
            lambda: found,
            curves,
            caption="Share that bought again, on another day than the first; the young count as far as they were seen",
            definition=Buyers,
            key="second-purchase",
        )
    with right:
        steps = ask(ladder, v.modelled, v.scope.whole)
        card(
            "From one purchase to a recommendation" if isinstance(steps, Failure) else words.ladder(steps),
            lambda: steps,
            lambda a: charts.steps(frames.ladder(a), height=280) if a.bought else None,
            caption=beside(steps),
            definition=Ladder,
            key="ladder",
        )
    by_cohort(v, found)
    grouped(v)


def curves(found: Buyers) -> Picture | None:
    """One curve, beside it one per segment value, or the compared period."""
    tables = {ALL: found.times} | {named(value): times for value, _, times in found.rows}
    if not found.rows and found.comparison:
        tables = dict(zip(PERIODS, (found.times, found.comparison.times), strict=True))
    rows = frames.rising(tables, HORIZON)
    if rows.empty:
        return None
    return charts_loyalty.curves(rows, unit="days since the first purchase", title="bought again")


def beside(found: Ladder | Failure) -> str:
    said = "Customers whose first purchase, by order or subscription, lies in the period; as of the data cut-off"
    if isinstance(found, Failure) or not found.promoters_once:
        return said
    return f"{said}; beside them, {found.promoters_once:,} recommend after one purchase"


def by_cohort(v: View, found: Buyers | Failure) -> None:
    """The rate at a fixed age: over time, or by segment; and every age as a table."""
    age = st.segmented_control(
        "Bought again within", AGES, default=AGE, format_func="{} days".format, key="age", bind="query-params"
    )
    line = "the dashed line is all of them" if v.scope.by else "dashed where some are still too young"
    left, right = st.columns(2, gap="small")
    with left:
        card(
            f"Who buys again within {age or AGE} days?"
            if isinstance(found, Failure)
            else words.at_age(found, int(age or AGE)),
            lambda: found,
            partial(at_age, age=int(age or AGE)),
            caption=f"By {parted(v)}. Only customers seen for as long; {line}; with 95 % intervals",
            definition=Repeat,
            empty="No customer of this period has been seen for so long.",
            key="repeat-rate",
        )
    with right:
        card(
            "How many of each cohort had bought again by each age?",
            lambda: found,
            lambda a: frames.repeat_table(a) if a.whole.n else None,
            caption="Share that bought again by then; * some of the cohort are still too young",
            definition=Repeat.rate.__doc__ or "",
            key="repeat-table",
        )


def parted(v: View) -> str:
    """What the rates stand beside each other for."""
    segment = v.modelled.catalog.get(v.scope.by) if v.scope.by else None
    return segment.label.lower() if segment else f"{v.scope.grain} of the first purchase"


def at_age(found: Buyers, age: int) -> Picture | None:
    if found.rows:
        rates = [(named(value), group.rate(age)) for value, group, _ in found.rows]
        rows, whole = frames.rate_bars(rates), found.whole.rate(age).value
        return None if rows.empty else charts_loyalty.intervals(rows, whole, style=".0%", title="bought again")
    rows = frames.repeat_trend(found, age)
    return None if rows.empty else charts.trend(rows, style=".0%", title="bought again", height=300)


def grouped(v: View) -> None:
    """Customers by recency and frequency; a cell opens its customers."""
    found = ask(rfm, v.modelled, v.scope.whole)
    left, right = st.columns([2, 3], gap="small")
    with left:
        clicked = card(
            "Recency, frequency, value" if isinstance(found, Failure) else words.groups(found),
            lambda: found,
            lambda a: charts_loyalty.groups(frames.groups(a)) if a.customers else None,
            caption=rhythm(found),
            definition=Rfm,
            empty="No order is followed by another.",
            select="group",
            key="rfm",
        )
    with right:
        card(
            "What to do about each group?",
            lambda: found,
            frames.advice,
            caption="All customers by the data cut-off, whatever the period; the most revenue first",
            definition=Rfm,
            empty="No order is followed by another.",
            key="advice",
        )
    if clicked:
        show_buyers(v, clicked[0]["recency"], clicked[0]["frequency"])


def rhythm(found: Rfm | Failure) -> str:
    if isinstance(found, Failure) or found.rhythm is None:
        return "By how long ago and how often they bought"
    r = found.rhythm
    return (
        f"Active: last order within {r.usual_days:.0f} days, as three in four come back; away: more than "
        f"{r.longest_days:.0f}, as 19 in 20 do. Pick a group to see who is in it"
    )


def show_buyers(v: View, recency: str, frequency: str) -> None:
    """The customers of one group."""
    question = partial(ask, buyers, v.modelled, v.scope.whole, recency, frequency)
    first = question(0)
    total = 0 if isinstance(first, Failure) else first.total
    pages = max(ceil(total / PAGE), 1)
    page = st.pagination(pages, key=f"buyers.page.{recency}.{frequency}") - 1 if pages > 1 else 0
    picked = card(
        f"{total:,} customers: {GROUPS[recency, frequency][0]}",
        partial(question, page),
        lambda r: frames.buyers(r, ENTITIES[v.modelled.model.entity]),
        caption=f"{GROUPS[recency, frequency][1]}. {PICK}",
        definition=buyers,
        select="buyer",
        key=f"buyers.{recency}.{frequency}.{page}",
    )
    open_customer(v, picked, "buyers")
