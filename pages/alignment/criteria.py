"""Both teams' definitions side by side, as the lifecycle states them."""

from __future__ import annotations

import streamlit as st

from lifecycle.stages import Stage, StageModel
from pages.ui import labels


def side_by_side(model: StageModel) -> None:
    """Marketing's stage beside what sales calls an acceptance and a rejection."""
    handoff = model.handoff
    assert handoff
    left, middle, right = st.columns(3, gap="small")
    with left:
        st.markdown("##### Marketing hands over")
        _card(model.stage(handoff.from_))
    with middle:
        st.markdown("##### Sales accepts")
        for key in handoff.accepted:
            _card(model.stage(key))
    with right:
        st.markdown("##### Sales rejects")
        for key in handoff.rejected:
            _card(model.stage(key))
    if handoff.decision_days:
        st.caption(f"A decision counts for {handoff.decision_days:g} days; a later one leaves the lead expired.")


def _card(stage: Stage) -> None:
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
