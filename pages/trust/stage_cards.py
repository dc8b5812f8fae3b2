"""One stage of a model as a card: what it means, who answers for it, how it is entered, how many are in it."""

from __future__ import annotations

import streamlit as st

from lifecycle.stages import Stage, StageModel
from pages.ui import labels

FACTS = {
    "orders.first": "a first order",
    "orders.repeat": "a further order",
    "subscriptions.start": "a new subscription",
    "subscriptions.renewal": "a renewed subscription",
    "surveys.promoter": "a score of 9 or 10",
    "referrals.made": "a referral",
}
LANGUAGES = {"es": "Spanish", "de": "German", "fr": "French", "pt": "Portuguese", "it": "Italian"}


def stage_card(model: StageModel, stage: Stage, n: int | None, total: int) -> None:
    """The card of one stage; `n` of `total` entities are in it, None where nobody can be counted one by one."""
    with st.container(border=True, height="stretch", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            place = f"{model.rank(stage.key)} · " if stage in model.progress else ""
            st.markdown(f"**{place}{labels.escape(stage.label)}**", width="content")
            if stage.owner:
                st.badge(labels.escape(stage.owner), color="gray")
            if stage.optional:
                st.badge("optional", color="violet", help="Never implied, and no stage is skipped by leaving it out.")
        if others := translations(stage):
            st.caption(labels.escape(others))
        st.markdown(held(stage, n, total))
        st.markdown(labels.escape(stage.definition) or "No definition is given.")
        lines = [f"**{name}** {labels.escape(text)}" for name, text in facts(model, stage) if text]
        st.markdown("  \n".join(lines))


def held(stage: Stage, n: int | None, total: int) -> str:
    """How many are in it now, with what they are a share of."""
    if n is None:
        return "Known by daily counts alone" if stage.kind == "anonymous" else "Not counted"
    share = f" · {labels.percent(n / total)} of {total:,}" if total else ""
    return f"**{n:,}** in it now{share}"


def facts(model: StageModel, stage: Stage) -> list[tuple[str, str]]:
    """What else is to be said of a stage, by name; empty texts are not shown."""
    days = stage.limit_days
    return [
        ("Moves on when", "; ".join(stage.criteria)),
        ("Goal", stage.goal),
        ("Entered by", entered_by(model, stage)),
        ("Stalled", f"after {days:g} days" if days else ""),
    ]


def entered_by(model: StageModel, stage: Stage) -> str:
    """Raw values as the CRM writes them, then the facts, with the conditions under which they count."""
    if stage.kind == "anonymous":
        return ""
    values = [f"“{raw}”" for raw in dict.fromkeys((stage.key, *stage.enters))]
    for switch, raws in stage.enters_if.items():
        values += [f"“{raw}” (switch {switch}: {'on' if model.switches[switch] else 'off'})" for raw in raws]
    after = f" after {model.stage(stage.requires).label}" if stage.requires else ""
    return ", ".join([*values, *(FACTS[fact] + after for fact in stage.enters_on)])


def translations(stage: Stage) -> str:
    """The labels in other languages, where they differ."""
    found = {LANGUAGES.get(code, code): text for code, text in stage.labels.items() if text != stage.label}
    return " · ".join(f"{language}: {text}" for language, text in found.items())


def handoff(model: StageModel) -> str:
    """The handoff from marketing to sales in a sentence; empty where there is none."""
    h = model.handoff
    if h is None:
        return ""
    accepted, rejected = (" or ".join(model.stage(key).label for key in keys) for keys in (h.accepted, h.rejected))
    said = f"{model.stage(h.from_).label} is handed over to sales; accepted as {accepted}, rejected as {rejected}"
    said += f", decided within {h.decision_days:g} days" if h.decision_days else ""
    clock = "the assignment" if h.sla_from == "assigned" else model.stage(h.from_).label
    return said + (f", first touched within {h.sla_hours:g} h of {clock}." if h.sla_hours else ".")
