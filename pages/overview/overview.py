"""The state of the lifecycle in one screen."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import streamlit as st

from lifecycle.attention import Sign
from lifecycle.funnel import Funnel, StageRow
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from lifecycle.volumes import at_a_glance
from pages.overview.checks import CHECKS, figure, freshness, freshness_of
from pages.overview.headlines import HEADLINES, against, ends, followed
from pages.ui import charts, labels
from pages.ui.charts import Picture
from pages.ui.failures import Failure
from pages.ui.filters import View, view
from pages.ui.layout import card, page_header, state

PAGES = {
    "funnel": ("pages/funnel/funnel.py", "Funnel"),
    "health": ("pages/trust/health.py", "Data health"),
    "definitions": ("pages/trust/definitions.py", "Definitions"),
}
TONES = {
    "stale": ":orange[:material/schedule:]",
    "bad": ":red[:material/error:]",
    "good": ":green[:material/check_circle:]",
}
SHOWN = 5  # what fits beside the funnel; the rest is one click away


def header(v: View) -> None:
    """The page's name, and how old its data is."""
    found = freshness_of(v)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        with st.container():
            page_header("Overview", "The state of the lifecycle in one screen")
        with st.container(horizontal=True, width="content", vertical_alignment="center", gap="small"):
            st.badge(
                f"Data to {labels.instant(found.as_of)}",
                icon=":material/schedule:",
                color="orange" if freshness(v) else "gray",
                help=f"Loaded {labels.instant(found.loaded_at)}, built {labels.instant(found.built_at)}",
            )
            link("health")


def tiles(v: View) -> None:
    """The headlines side by side, and what they are compared with."""
    drawn = [tile for headline in HEADLINES for tile in headline(v)]
    grid = st.grid(min(len(drawn), 7), min_column_width=142, gap="xsmall")
    for draw in drawn:
        with grid.cell():
            draw()
    glance = at_a_glance(v.scope)
    course = f"Entries in the period, their course by finished {glance.grain}."
    st.caption(f"{course} {labels.escape(versus(v.scope.compared))}" if v.scope.compared else course)


def versus(before: Scope | None) -> str:
    """The compared period in words."""
    if before is None or before.start is None or before.end is None:
        return ""
    period = f"{labels.day(before.start)} – {labels.day(before.end - timedelta(days=1))}"
    return f"Against {period} as it stood on {labels.day(before.as_of)}."


def small_funnel(v: View) -> None:
    """The cohort of the period, stage by stage."""
    answer = followed(v)
    title = "How far they come" if isinstance(answer, Failure) else found_title(v, answer)
    card(
        title,
        lambda: answer,
        picture,
        caption="Journeys that started in the period, and the share of the stage before that came this far",
        definition=HOW,
        table=table,
        key="small-funnel",
    )


HOW = """Journeys whose first stage falls in the period, followed to the data cut-off. A stage counts when it or a later
one was entered. Those still open may yet go on, so that the shares of recent periods are shares so far."""


def found_title(v: View, answer: Funnel) -> str:
    first, goal = ends(v, answer)
    rate = goal.conversion_rate
    if not isinstance(rate, Rate) or rate.value is None:
        return f"No {first.label} entries in this period"
    return f"{labels.percent(rate.value)} of {first.label} entries have become {goal.label} so far"


def chain(answer: Funnel) -> list[StageRow]:
    return [row for row in answer.whole if not row.optional]


def picture(answer: Funnel) -> Picture | None:
    rows = chain(answer)
    steps = [row.step_conversion_rate for row in rows]
    frame = pd.DataFrame(
        {
            "label": [row.label for row in rows],
            "n": [row.entered for row in rows],
            "note": [labels.percent(step.value, 0) if step else "" for step in steps],
        }
    )
    return charts.steps(frame, height=215) if rows and rows[0].entered else None


def table(answer: Funnel) -> pd.DataFrame:
    rates = [row.step_conversion_rate for row in chain(answer)]
    return pd.DataFrame(
        {
            "stage": [row.label for row in chain(answer)],
            "entered": [row.entered for row in chain(answer)],
            "open": [row.open for row in chain(answer)],
            "left": [row.left for row in chain(answer)],
        }
        | {
            f"step_{name}": [rate.as_dict()[name] if rate else None for rate in rates]
            for name in ("numerator", "denominator", "value", "low", "high")
        }
    )


def needs_attention(v: View) -> None:
    """What the rules found, the worst first; what could not be checked is said."""
    with st.container(border=True, height="stretch", key="attention", gap="small"):
        with st.container(gap=None):
            st.markdown("##### What needs attention")
            st.caption(labels.escape(versus(against(v.scope).compared)) or "Nothing to compare with in this period")
        found: list[Sign] = []
        for check in CHECKS:
            signs = check(v)
            if isinstance(signs, Failure):
                state(signs)
            else:
                found += signs
        found.sort(key=lambda sign: sign.tone == "good")
        if not found:
            st.markdown(":material/check: Nothing: targets met, no step changed, nobody waits unusually long.")
        for sign in found[:SHOWN]:
            show(sign)
        if found[SHOWN:]:
            with st.expander(f"{len(found) - SHOWN} more"):
                for sign in found[SHOWN:]:
                    show(sign)


def show(sign: Sign) -> None:
    """One sign: what was found and by how much, the evidence, what it may mean, and where to look."""
    (_, decisive), *rest = sign.evidence
    evidence = [f"{name} {figure(value)}" for name, value in rest]
    with st.container(horizontal=True, gap="small", wrap=False):
        with st.container(gap=None):
            st.markdown(f"{TONES[sign.tone]} **{labels.escape(sign.finding)}** · {labels.escape(figure(decisive))}")
            st.caption(labels.escape(" · ".join(filter(None, [*evidence, sign.meaning]))))
        with st.container(width="content"):
            link(sign.page)


def link(page: str) -> None:
    """A way to another page, the filters kept."""
    file, label = PAGES[page]
    st.page_link(file, label=label, icon=":material/arrow_forward:", icon_position="right")


current = view()
header(current)
tiles(current)
left, right = st.columns([5, 4], gap="small")
with left:
    small_funnel(current)
with right:
    needs_attention(current)
