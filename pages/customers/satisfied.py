"""How satisfied customers say they are, where surveys ask."""

from __future__ import annotations

import streamlit as st

from lifecycle import loyalty_words as words
from lifecycle.csat import SATISFIED, Contentment, Csat
from pages.customers import frames_surveys as frames
from pages.ui import charts, charts_loyalty, labels
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card
from pages.ui.picture import Picture
from queries.surveys import contentment


def satisfied(v: View) -> None:
    """Everything about satisfaction; nothing where nobody was asked."""
    found = ask(contentment, v.modelled, v.scope)
    if isinstance(found, Failure) or not found.is_asked:
        return  # without surveys at all, the cards on recommendation say so
    left, right = st.columns([3, 2], gap="small")
    with left:
        card(
            words.satisfied(found),
            lambda: found,
            lambda a: (
                charts.trend(rows, style=".0%", title="satisfied") if not (rows := frames.trend(a)).empty else None
            ),
            caption=f"Each respondent once per period; satisfied: {named(found.whole)}; with 95 % intervals",
            definition=Csat.rate.__doc__ or "",
            empty="Nobody answered in this period.",
            key="csat-trend",
        )
    with right:
        card(
            "How satisfied are they?",
            lambda: found,
            lambda a: charts_loyalty.scores(frames.scores(a.whole)) if a.whole.n else None,
            caption=answered(found),
            definition=Contentment,
            empty="Nobody answered in this period.",
            key="csat-scores",
        )
    if found.rows:
        by_segment(v, found)


def over_time(found: Contentment) -> Picture | None:
    rows = frames.trend(found)
    return None if rows.empty else charts.trend(rows, style=".0%", title="satisfied")


def named(group: Csat) -> str:
    """The scores that count as satisfied."""
    return f"{SATISFIED[group.scale]} to {group.scale} of {group.scale}"


def answered(found: Contentment) -> str:
    """How many answered of those asked, and what was left out."""
    when = "asked in the period" if found.dated else "ever asked (the table surveys has no asked_at)"
    said = f"{labels.percent(found.response.value)} answered of {found.response.denominator:,} {when}"
    return f"{said}; {found.unusable:,} answers outside 0–10 are left out" if found.unusable else said


def by_segment(v: View, found: Contentment) -> None:
    """The share satisfied of each value of the breakdown."""
    segment = v.modelled.catalog.get(v.scope.by or "")
    by = segment.label.lower() if segment else "segment"
    card(
        words.satisfied_apart(found),
        lambda: found,
        lambda a: charts_loyalty.intervals(frames.shares(a), a.whole.rate.value, style=".0%", title="satisfied"),
        caption=f"Share satisfied by {by} with 95 % intervals; the dashed line is everybody together",
        definition=Csat.rate.__doc__ or "",
        key="csat-segments",
    )
