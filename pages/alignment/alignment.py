"""Do marketing and sales agree, and does each keep its promise?"""

from __future__ import annotations

import streamlit as st

from lifecycle import alignment_words as words
from lifecycle.agreement import Alignment
from pages.alignment import agreement, discussion, figures, reasons, service, threshold
from pages.alignment.criteria import side_by_side
from pages.alignment.deck import deck
from pages.ui import data, labels, present
from pages.ui.failures import Failure
from pages.ui.filters import View, view
from pages.ui.layout import figure_tile, page_header, state, tiles
from pages.ui.places import presented
from queries.agreement import Profile

PARTS = ("Agreement", "Why", "Threshold", "Service level", "Leads to discuss", "Both definitions")


def page() -> None:
    v, slide = view(), presented()
    if slide is not None and v.modelled.model.handoff:
        present.show(deck(v.modelled, v.scope, data.ask), slide)
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        page_header("Alignment", "Do marketing and sales agree, and does each keep its promise?")
        if v.modelled.model.handoff:
            present.buttons(deck.__module__, v)
    if v.modelled.model.handoff is None:
        no_handoff(v)
        return
    found, profile = agreement.answers(v)
    if isinstance(found, Failure):
        state(found)
        return
    said(v, found, profile)
    headline(found)
    tabs = dict(zip(PARTS, st.tabs(PARTS, key="section", bind="query-params"), strict=True))
    for name, tab in tabs.items():
        if tab.open:
            with tab:
                part(v, name, found, profile)


def part(v: View, name: str, found: Alignment, profile: Profile | Failure) -> None:
    """One part of the page; the others are not asked for."""
    match name:
        case "Agreement":
            agreement.what_became(v, found)
            agreement.where(v, profile)
        case "Why":
            reasons.rejections(v, found)
            reasons.bypasses(v)
        case "Threshold":
            threshold.cuts(v)
            threshold.audited(v)
        case "Service level":
            service.response(v)
        case "Leads to discuss":
            discussion.to_discuss(v)
        case "Both definitions":
            side_by_side(v)


def no_handoff(v: View) -> None:
    """A lifecycle in which nothing is handed over has nothing to agree on."""
    others = [f"“{m.label}”" for m in data.models().values() if m.handoff]
    st.info(
        f"**{labels.escape(v.modelled.model.label)} has no handoff from marketing to sales.** "
        f"Lifecycles with one: {labels.escape(', '.join(others))}. Choose one of them above.",
        icon=":material/handshake:",
    )


def said(v: View, found: Alignment, profile: Profile | Failure) -> None:
    """The findings in plain words, the first one large."""
    rows = () if isinstance(profile, Failure) else profile.rows
    first, *rest = words.sentences(v.modelled.model, found, rows)
    with st.container(gap="xsmall"):
        st.markdown(f"#### {labels.escape(first)}")
        for sentence in rest:
            st.markdown(labels.escape(sentence))


def headline(found: Alignment) -> None:
    """Acceptance, coverage and agreement, and always how many of the due ones were decided."""
    with tiles(4):
        for figure in figures.headline(found):
            figure_tile(figure)


page()
