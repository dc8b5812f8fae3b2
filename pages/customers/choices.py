"""The choices that retention has of its own: how cohorts are formed, followed and measured."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from lifecycle.retention import (
    AGES,
    ANY_STAGE,
    COHORTS,
    MEASURES,
    MODES,
    ORDERS,
    PERIODS,
    RULES,
    SPLITS,
    STAGE,
    SUBSCRIPTIONS,
    Rules,
)
from pages.ui.filters import View

GRAINS = {"week": "Week", "month": "Month", "quarter": "Quarter", "year": "Year"}


def activities(v: View) -> dict[str, str]:
    """What customers can do, as far as the warehouse knows of it, by name."""
    stages = {f"{STAGE}{s.key}": f"Enters {s.label}" for s in v.modelled.model.progress}
    facts = {SUBSCRIPTIONS: "Subscription", ORDERS: "Order"}
    known = {name: label for name, label in facts.items() if name in v.modelled.sources}
    return known | {ANY_STAGE: "Enters any stage"} | stages


def rules(v: View, *, splits: bool = False) -> tuple[Rules, str]:
    """The rules that the reader chose, and the period of cohorts; with `splits` also which groups to compare."""
    known = activities(v)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="retention-choices"):
        activity = choose("Starts with", "activity", known, next(iter(known)), 165)
        again = choose("Stays with", "return_activity", {"same": "The same"} | known, "same", 165)
        grain = choose("Cohorts by", "cohort_grain", GRAINS, "quarter", 110)
        room = st.container(width="content")
    with (
        st.expander("How cohorts are followed", icon=":material/tune:", key="_following"),
        st.container(horizontal=True, vertical_alignment="bottom", gap="small"),
    ):
        cohorts = choose("Which cohorts", "cohorts", COHORTS, "all", 170)
        mode = choose("Counts as staying", "mode", MODES, "bounded", 190)
        ages = choose("Ages in", "ages", AGES, "calendar", 190)
        rule = choose("Starts", "rule", RULES, "first_time", 210)
    drawn = Rules(activity, activity if again == "same" else again, rule, mode, ages, "logo", PERIODS[grain], cohorts)
    possible = {key: MEASURES[key] for key in drawn.measures}
    there = {key: label for key, label in SPLITS.items() if key != "route" or v.modelled.model.handoff}
    with room, st.container(horizontal=True, gap="small"):
        measure = choose("Measure", "measure", possible, "logo", 190)
        split = choose("Side by side", "split", there, "segment", 170) if splits else "segment"
    return replace(drawn, measure=measure, split=split), grain


def choose(label: str, name: str, words: dict[str, str], default: str, width: int) -> str:
    """One of several choices, bound to the parameter `name` of the link."""
    keys = list(words)
    place = keys.index(default)
    chosen = st.selectbox(label, keys, place, words.__getitem__, name, bind="query-params", width=width)
    return str(chosen)
