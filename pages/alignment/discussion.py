"""Leads to discuss: the disagreements worth talking about, ranked and reasoned."""

from __future__ import annotations

from functools import partial
from math import ceil

import streamlit as st

from lifecycle import alignment_titles as titles
from lifecycle.discussion import TOPICS, Discussion, Rules, rules
from pages.alignment import frames_leads
from pages.ui import labels
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.history_card import open_history
from pages.ui.layout import card, state, undivided
from queries.agreement import profile
from queries.contacts import PAGE
from queries.discussion import discussion
from queries.threshold import threshold


def to_discuss(v: View) -> None:
    """Choose a topic; the leads that most speaks for come first."""
    chosen = rules_of(v)
    every = ask(discussion, v.modelled, v.scope.whole, chosen)
    if isinstance(every, Failure):
        state(every)
        return
    undivided(v.scope, "The leads are those of the whole period")
    topics = [t for t in TOPICS if every.topics[t]]
    topic = st.pills("Topic", topics, format_func=lambda t: f"{TOPICS[t]} · {every.topics[t]:,}", key="topic")
    total = every.topics[topic] if topic else every.total
    pages = max(ceil(total / PAGE), 1)
    page = st.pagination(pages, key=f"discuss.page.{topic}") - 1 if pages > 1 else 0
    picked = card(
        f"{total:,} leads to discuss",
        partial(ask, discussion, v.modelled, v.scope.whole, chosen, topic, page),
        lambda found: frames_leads.discussed(found, v.modelled.model),
        caption=titles.ranked(chosen, {s.name: s.label for s in v.modelled.catalog.segments}),
        definition=Discussion,
        empty="Nothing to discuss: none of these topics has a lead of this period.",
        select="lead",
        key=f"discuss.{topic}.{page}",
    )
    if picked:
        open_history(v, str(picked[0][labels.ENTITIES[v.modelled.model.entity]]), "discuss")


def rules_of(v: View) -> Rules:
    """What makes a lead worth discussing here, from the scores and segments of the same leads."""
    scores, segments = ask(threshold, v.modelled, v.scope.whole), ask(profile, v.modelled, v.scope.whole)
    return rules(
        None if isinstance(scores, Failure) else scores, {} if isinstance(segments, Failure) else segments.segments
    )
