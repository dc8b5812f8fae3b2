"""What the reader of Time in stage may choose beside the frame's filters: bound to the URL, under the names they have
there."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from lifecycle.attention import purchase
from lifecycle.business import Business
from lifecycle.stages import StageModel
from lifecycle.stalled import LIMITS
from pages.ui import data, labels
from pages.ui.filters import View, rule_out

AXES = {"linear": "Linear", "log": "Logarithmic"}


@dataclass(frozen=True)
class Choices:
    """Which stage is looked at, along which axis, and whether stays without any length are left out."""

    stage: str
    label: str
    log: bool
    skip_zero: bool


def choices(v: View, *, stage: bool = True, axis: bool = True) -> Choices:
    """Draw the choices; what is not drawn has its default."""
    model = v.modelled.model
    names = labels.distinct({s.key: s.label for s in model.progress})
    start = model.handoff.from_ if model.handoff else model.progress[0].key
    chosen, scale = start, "linear"
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="pace-choices"):
        if stage:
            place = list(names).index(start)
            chosen = st.selectbox(
                "Stage", list(names), place, names.__getitem__, "stage", width=220, bind="query-params"
            )
        if axis:
            scale = st.selectbox("Time", list(AXES), 0, AXES.__getitem__, "axis", width=150, bind="query-params")
        note = "Such as bulk updates make: entered and left at the same instant"
        skip = st.toggle("Leave out stays of no length", key="skip_zero", help=note, bind="query-params")
    return Choices(chosen, model.stage(chosen).label, scale == "log", skip)


def ends(v: View) -> tuple[str, str]:
    """From which stage to which later one."""
    model = v.modelled.model
    names = labels.distinct({s.key: s.label for s in model.progress})
    keys = list(names)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="pace-ends"):
        start = st.selectbox("From", keys[:-1], 0, names.__getitem__, "from_stage", width=220, bind="query-params")
        later = keys[keys.index(start) + 1 :]
        goal = purchase(model).key
        place = later.index(goal) if goal in later else len(later) - 1
        rule_out("to_stage", [names[key] for key in later], later[place])
        end = st.selectbox("To", later, place, names.__getitem__, "to_stage", width=220, bind="query-params")
    return start, end


def limits(v: View) -> tuple[str, Business | None]:
    """What counts as too long, and whether working time alone is counted."""
    declared = data.settings().working_time
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="pace-limits"):
        kind = st.selectbox(
            "Too long is longer than", list(LIMITS), 0, LIMITS.__getitem__, "limit", width=260, bind="query-params"
        )
        if declared is None:
            return kind, None
        said = f"{', '.join(d[:3].capitalize() for d in declared.days)}, {declared.timezone}"
        counted = st.toggle(f"Count working hours only ({said})", key="working_limits", bind="query-params")
    return kind, declared if counted else None


QUANTILES = {"0.5": "Half have left within", "0.9": "Nine in ten have left within"}


def quantile() -> float:
    """Which time the parts of a breakdown are compared by."""
    return float(
        st.selectbox(
            "Each value’s", list(QUANTILES), 0, QUANTILES.__getitem__, "quantile", width=260, bind="query-params"
        )
    )


def segment_label(v: View) -> str:
    """The breakdown as people call it."""
    segment = v.modelled.catalog.get(v.scope.by) if v.scope.by else None
    return segment.label if segment else "Segment"


def two_or_more(model: StageModel) -> bool:
    """Whether there is a later stage to go to."""
    return len(model.progress) > 1
