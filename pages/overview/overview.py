"""The state of the lifecycle in one screen."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import streamlit as st

from lifecycle.attention import RULES, Sign, purchase
from lifecycle.funnel import Funnel
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from lifecycle.volumes import at_a_glance
from pages.overview import frames
from pages.overview.checks import CHECKS, figure, freshness, freshness_of, interval, short
from pages.overview.headlines import HEADLINES, Tile, against, ends, followed, volumes
from pages.ui import data, labels
from pages.ui.failures import Failure
from pages.ui.filters import View, view
from pages.ui.layout import card, page_header, state
from queries import funnel

PAGES = {
    "funnel": ("pages/funnel/funnel.py", "Funnel"),
    "alignment": ("pages/alignment/alignment.py", "Alignment"),
    "time": ("pages/pace/time_in_stage.py", "Time in stage"),
    "health": ("pages/trust/health.py", "Data health"),
    "definitions": ("pages/trust/definitions.py", "Definitions"),
}
TONES = {
    "stale": ":orange[:material/schedule:]",
    "bad": ":red[:material/error:]",
    "good": ":green[:material/check_circle:]",
}
SHOWN = 4  # what fits beside the funnel; the rest is one click away


def header(v: View) -> None:
    """The page's name, and how old its data is."""
    found = freshness_of(v)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        with st.container():
            page_header("Overview", subtitle(v))
        with st.container(horizontal=True, width="content", vertical_alignment="center", gap="small"):
            st.badge(
                f"Data to {labels.instant(found.as_of)}",
                icon=":material/schedule:",
                color="orange" if freshness(v) else "gray",
                help=f"Loaded {labels.instant(found.loaded_at)}, built {labels.instant(found.built_at)}",
            )
            link("health")


def tiles(drawn: Sequence[Tile]) -> None:
    """Headlines side by side."""
    with st.grid(max(len(drawn), 1), min_column_width=142, gap="xsmall"):
        for draw in drawn:
            draw()


def subtitle(v: View) -> str:
    """What the tiles show."""
    shown = f"Entries to each stage in the period, with their course by finished {at_a_glance(v.scope).grain}"
    return f"{shown}, {versus(v.scope.compared)}" if v.scope.compared else shown


def versus(before: Scope | None) -> str:
    """The compared period in words, seen as long after its end as the period itself."""
    if before is None or before.start is None or before.end is None:
        return ""
    period = f"{labels.day(before.start)} – {labels.day(before.end - timedelta(days=1))}"
    return f"against {period}"


def small_funnel(v: View) -> None:
    """The cohort of the period, stage by stage."""
    answer = followed(v)
    title = "How far they come" if isinstance(answer, Failure) else found_title(v, answer)
    card(
        title,
        lambda: answer,
        frames.small_funnel,
        caption="" if isinstance(answer, Failure) else still_open(answer),
        definition=funnel.funnel,
        table=frames.tidy,
        fill=True,
        key="small-funnel",
    )


def found_title(v: View, answer: Funnel) -> str:
    first, goal = ends(v, answer)
    rate = goal.conversion_rate
    if not isinstance(rate, Rate) or rate.value is None:
        return f"No {first.label} entries in this period"
    return f"{labels.percent(rate.value)} of {first.label} entries have become {goal.label} so far"


def still_open(answer: Funnel) -> str:
    """Whom the picture counts, and how many of them it is too early to judge."""
    waiting = sum(row.open or 0 for row in answer.whole[:-1] if not row.optional)
    return f"Journeys begun in the period, as a share of the stage before; {waiting:,} are still on the way"


def by_segment(v: View) -> None:
    """How the parts of the chosen breakdown do."""
    segment, model = v.around.catalog.get(v.scope.by or ""), v.modelled.model
    if segment:
        found = data.ask(funnel.counts, v.modelled, replace(v.scope, compare="none"))
        card(
            frames.apart(found, purchase(model), segment.label),
            lambda: found,
            lambda answer: frames.by_segment(answer, purchase(model)),
            caption="Of the journeys that started in the period, the share that came this far, with its 95 % interval",
            definition=funnel.funnel,
            key="by-segment",
        )


def needs_attention(v: View) -> None:
    """What the rules found, the worst first; what could not be checked is said."""
    with st.container(border=True, height="stretch", key="attention", gap="small"):
        with st.container(gap=None):
            rules = "\n".join(f"- {labels.escape(inspect.getdoc(rule))}" for rule in RULES)
            st.markdown("##### What needs attention", help=f"What is looked for\n{rules}")
            st.caption(labels.escape(f"Only what is beyond chance {versus(against(v.scope).compared)}".strip()))
        found: list[Sign] = []
        for check in CHECKS:
            signs = check(v)
            if isinstance(signs, Failure):
                state(signs)
            else:
                found += signs
        found.sort(key=lambda sign: sign.tone == "good")
        if not found:
            st.markdown(":material/check: Nothing stands out beyond chance.")
        for sign in found[:SHOWN]:
            show(sign)
        if found[SHOWN:]:
            more = st.expander(f"{len(found) - SHOWN} more", key="more-signs", on_change="rerun")
            if more.open:
                with more:
                    for sign in found[SHOWN:]:
                        show(sign)


def show(sign: Sign) -> None:
    """One sign: what was found and by how much, the evidence, what it may mean, and where to look."""
    (name, decisive), *rest = sign.evidence
    evidence = [f"{name} {interval(decisive)}".strip(), *(f"{name} {figure(value)}" for name, value in rest)]
    unbroken = labels.escape(short(decisive)).replace(" ", "\u00a0")
    headline = f"{TONES[sign.tone]} **{labels.escape(sign.finding)}** · {unbroken}"
    with st.container(gap=None):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
            st.markdown(headline, width="stretch")
            link(sign.page)
        st.caption(labels.escape(" · ".join(filter(None, [*evidence, sign.meaning]))))


def link(page: str) -> None:
    """A way to another page, the filters kept."""
    file, label = PAGES[page]
    st.page_link(file, label=label, icon=":material/arrow_forward:", icon_position="right")


current = view()
header(current)
tiles(volumes(current))
left, right = st.columns([5, 4], gap="small")
with left:
    small_funnel(current)
with right:
    needs_attention(current)
tiles([tile for headline in HEADLINES for tile in headline(current)])
by_segment(current)
