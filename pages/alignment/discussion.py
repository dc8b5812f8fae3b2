"""Leads to discuss: the disagreements worth talking about, ranked and reasoned."""

from __future__ import annotations

from functools import partial
from math import ceil

import streamlit as st

from lifecycle.discussion import TOPICS, Discussion, Rules, alike
from lifecycle.threshold import BAND
from pages.alignment import frames_leads
from pages.alignment.records import open_history
from pages.ui import labels
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card, state
from queries.agreement import profile
from queries.contacts import PAGE
from queries.discussion import discussion
from queries.threshold import threshold


def to_discuss(v: View) -> None:
    """Choose a topic; the leads that most speaks for come first."""
    rules = rules_of(v)
    every = ask(discussion, v.modelled, v.scope.whole, rules)
    if isinstance(every, Failure):
        state(every)
        return
    topics = [t for t in TOPICS if every.topics[t]]
    topic = st.pills("Topic", topics, format_func=lambda t: f"{TOPICS[t]} · {every.topics[t]:,}", key="topic")
    total = every.topics[topic] if topic else every.total
    pages = max(ceil(total / PAGE), 1)
    page = st.pagination(pages, key=f"discuss.page.{topic}") - 1 if pages > 1 else 0
    picked = card(
        f"{total:,} leads to discuss",
        partial(ask, discussion, v.modelled, v.scope.whole, rules, topic, page),
        lambda found: frames_leads.discussed(found, v.modelled.model),
        caption=said(v, rules),
        definition=Discussion,
        empty="Nothing to discuss: the teams agree on every lead of this period.",
        select="lead",
        key=f"discuss.{topic}.{page}",
    )
    open_history(v, picked, "discuss")


def rules_of(v: View) -> Rules:
    """What makes a lead worth discussing here, from the scores and segments of the same leads."""
    scores, segments = ask(threshold, v.modelled, v.scope.whole), ask(profile, v.modelled, v.scope.whole)
    like = () if isinstance(segments, Failure) else alike(segments.segments, ["owner"])
    if isinstance(scores, Failure) or scores is None:
        return Rules(None, like)
    return Rules(scores.high, like, scores.step * BAND)


def said(v: View, rules: Rules) -> str:
    """The rules in words."""
    parts = ["Most topics first, then the highest score"]
    if rules.high_score is not None:
        parts.append(f"a high score is {rules.high_score:g} or more, as only a quarter of the accepted have")
    if rules.alike:
        label = " and ".join(s.label.lower() for name in rules.alike if (s := v.modelled.catalog.get(name)))
        parts.append(f"like leads share {label}{' and score band' if rules.band else ''}")
    return "; ".join(parts) + f". As of {labels.instant(v.scope.as_of)}"
