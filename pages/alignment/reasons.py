"""Why sales rejects what it is given, and takes what it is not."""

from __future__ import annotations

import streamlit as st

from lifecycle import alignment_titles as titles
from lifecycle import alignment_words as words
from lifecycle.agreement import Again, Alignment
from pages.alignment import frames, pictures
from pages.alignment.records import show_leads
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card, undivided
from queries.agreement import alignment
from queries.bypass import evidence
from queries.leads import Cell


def rejections(v: View, found: Alignment) -> None:
    """The reasons, the most frequent first, and who came back."""
    model = v.modelled.model
    undivided(v.scope, "Reasons are those of all leads of the period")
    left, right = st.columns([3, 2], gap="small")
    with left:
        clicked = card(
            titles.most_rejected(found),
            lambda: found,
            lambda a: pictures.reasons(a, model),
            caption=f"{words.leads(model)} rejected in time, by the reason given",
            definition=alignment,
            empty="Nothing was rejected in this period.",
            select="reason",
            key="reasons",
        )
    with right:
        card(
            titles.came_back(found),
            lambda: found,
            lambda a: frames.again(a, model),
            caption="Rejected leads whose entity was handed over again by the data cut-off; the young ones still may",
            definition=Again,
            empty="Nothing was rejected in this period.",
            key="again",
        )
    if clicked:
        _behind(v, found, clicked[0]["reason"])


def _behind(v: View, found: Alignment, name: str) -> None:
    given = [r.reason for r in found.reasons]
    shown = sorted(set(given), key=given.index)[: frames.REASON_LIMIT]
    chosen = tuple(reason for reason in dict.fromkeys(given) if frames.reason_name(reason, shown) == name)
    if chosen:
        show_leads(v, v.scope.whole, Cell(("rejected",), reasons=chosen), f"rejected, {name}")


def bypasses(v: View) -> None:
    """What sets bypassed leads apart."""
    found = ask(evidence, v.modelled, v.scope.whole)
    label = {s.name: s.label for s in v.modelled.catalog.segments}

    left, right = st.columns([3, 2], gap="small")
    with left:
        card(
            "Accepted without a handoff" if isinstance(found, Failure) else titles.bypassed(found, label),
            lambda: found,
            lambda answer: pictures.traits(answer, label),
            caption="What is more frequent among these than among the leads handed over and accepted",
            definition=evidence,
            empty="Nothing sets the bypassed leads apart by more than chance.",
            key="bypass",
        )
    with right:
        card(
            "How do the numbers of the two groups differ?",
            lambda: found,
            lambda answer: frames.middles(answer, label),
            caption="Medians of the bypassed and of those handed over and accepted; n: who has the number",
            definition=evidence,
            empty="No numbers are known of them.",
            key="bypass-numbers",
        )
    if not isinstance(found, Failure) and found.n and st.toggle(f"Show the {found.n:,} bypassed leads", key="bypassed"):
        show_leads(v, v.scope.whole, Cell(("bypass",)), "accepted by bypass")
