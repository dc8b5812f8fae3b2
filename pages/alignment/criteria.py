"""Both teams' definitions side by side, as the lifecycle states them, and whether the records obey them."""

from __future__ import annotations

import streamlit as st

from lifecycle.stages import Stage
from pages.ui import labels
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import rate_tile, state, tiles
from queries.criteria import obeyed


def side_by_side(v: View) -> None:
    """Marketing's stage beside what sales calls an acceptance and a rejection."""
    model, handoff = v.modelled.model, v.modelled.model.handoff
    assert handoff
    sides = {
        "Marketing hands over": (handoff.from_,),
        "Sales accepts": handoff.accepted,
        "Sales rejects": handoff.rejected,
    }
    for column, (title, stages) in zip(st.columns(3, gap="small"), sides.items(), strict=True):
        with column:
            st.markdown(f"##### {title}")
            for key in stages:
                stage_card(model.stage(key))
    if handoff.decision_days:
        st.caption(f"A decision counts for {handoff.decision_days:g} days; a later one leaves the lead expired.")
    checks(v)


def checks(v: View) -> None:
    """How many leads obey each criterion that records can tell."""
    found = ask(obeyed, v.modelled, v.scope.whole)
    if isinstance(found, Failure):
        state(found)
        return
    st.markdown("##### What the records say of it")
    with tiles(len(found.criteria)):
        for name, (rate, asked) in found.criteria.items():
            rate_tile(name, rate, definition=asked)
    st.caption("Only what records can tell; the rest of the criteria is for the two teams to judge.")


def stage_card(stage: Stage) -> None:
    """A stage as its team defines it."""
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{labels.escape(stage.label)}**", width="content")
            if stage.owner:
                st.badge(labels.escape(stage.owner), color="gray")
        st.markdown(labels.escape(stage.definition) or "No definition is given.")
        if stage.criteria:
            st.markdown(f"**Moves on when** {labels.escape('; '.join(stage.criteria))}")
        if stage.goal:
            st.markdown(f"**Goal** {labels.escape(stage.goal)}")
