"""Why sales rejects what it is given, and takes what it is not."""

from __future__ import annotations

import streamlit as st

from lifecycle import alignment_words as words
from lifecycle.agreement import Again, Alignment
from lifecycle.bypass import Evidence
from pages.alignment import frames
from pages.alignment.records import show_leads
from pages.ui import charts, charts_funnel
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card
from pages.ui.picture import Picture
from queries.agreement import alignment
from queries.bypass import evidence
from queries.leads import Cell


def rejections(v: View, found: Alignment) -> None:
    """The reasons, the most frequent first, and who came back."""
    model = v.modelled.model
    left, right = st.columns([3, 2], gap="small")
    with left:
        clicked = card(
            _most(found),
            lambda: found,
            lambda a: None if (rows := frames.reasons(a, model)).empty else charts_funnel.reasons(rows),
            caption=f"{words.leads(model)} rejected in time, by the reason given",
            definition=alignment,
            empty="Nothing was rejected in this period.",
            select="reason",
            key="reasons",
        )
    with right:
        card(
            _came_back(found),
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


def _most(found: Alignment) -> str:
    if not found.reasons:
        return "Why leads are rejected"
    sizes: dict[str | None, int] = {}
    for r in found.reasons:
        sizes[r.reason] = sizes.get(r.reason, 0) + r.share.numerator
    reason, n = max(sizes.items(), key=lambda item: item[1])
    name = "No reason given" if reason is None else f"“{reason}”"
    return f"{name} is the most frequent reason: {words.percent(n / found.whole.rejected)} of {found.whole.rejected:,}"


def _came_back(found: Alignment) -> str:
    best = max(found.again, key=lambda a: a.share.value or 0.0, default=None)
    if best is None or best.share.value is None or not best.share.numerator:
        return "Who was handed over again"
    total = sum(a.share.numerator for a in found.again)
    return f"{total:,} of the rejected were handed over again so far"


def bypasses(v: View) -> None:
    """What sets bypassed leads apart."""
    found = ask(evidence, v.modelled, v.scope.whole)
    label = {s.name: s.label for s in v.modelled.catalog.segments}

    def draw(answer: Evidence) -> Picture | None:
        rows = frames.traits(answer, label)
        return None if rows.empty else charts.bars(rows, style=".0%", title="share of the group")

    left, right = st.columns([3, 2], gap="small")
    with left:
        card(
            _bypassed(found, label),
            lambda: found,
            draw,
            caption="What is more frequent among leads accepted without a handoff than among those handed over",
            definition=evidence,
            empty="Nothing sets the bypassed leads apart by more than chance.",
            key="bypass",
        )
    with right:
        card(
            "Numbers of the two groups",
            lambda: found,
            lambda answer: frames.middles(answer, label),
            caption="Medians of the bypassed and of those handed over and accepted; n: who has the number",
            definition=evidence,
            empty="No numbers are known of them.",
            key="bypass-numbers",
        )
    if not isinstance(found, Failure) and found.n and st.toggle(f"Show the {found.n:,} bypassed leads", key="bypassed"):
        show_leads(v, v.scope.whole, Cell(("bypass",)), "accepted by bypass")


def _bypassed(found: Evidence | Failure, label: dict[str, str]) -> str:
    if isinstance(found, Failure):
        return "Accepted without a handoff"
    traits = [t for t in found.traits if t.differs and t.value is not None]
    if not traits:
        return f"{found.n:,} leads were accepted without a handoff"
    first = traits[0]
    share = words.percent(first.bypass.value or 0.0)
    return f"{found.n:,} accepted without a handoff: {share} have {label[first.segment].lower()} {first.value}"
