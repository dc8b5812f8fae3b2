"""Every stage at a glance: how long each takes, beside its target, beside what dropping the waiting ones would show."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lifecycle.durations import LifeTable
from lifecycle.flow import Flow
from lifecycle.time_in_stage import StageTimes
from pages.pace import frames_glance as frames
from pages.pace import words_time as words
from pages.pace.choices import choices
from pages.ui import charts_pace, labels
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card, state
from pages.ui.picture import Picture
from queries.durations import life_tables
from queries.flow import flows


def glance(v: View) -> None:
    """The picture, the table, and the check."""
    model = v.modelled.model
    chosen = choices(v, stage=False, axis=False)
    found = ask(life_tables, v.modelled, v.scope, chosen.skip_zero)
    if isinstance(found, Failure):
        state(found)
        return
    said = [*words.changed(found.changes, model), *filter(None, [words.flattered(found, model)])]
    for i, sentence in enumerate(said):
        st.markdown(f"{'' if i else '#### '}{labels.escape(sentence)}")

    def every(a: StageTimes) -> pd.DataFrame:
        return frames.every_stage(a, model, a.changes)

    card(
        words.apart(found, model) or words.longest(found, model),
        lambda: found,
        lambda a: picture(v, a),
        caption=_caption(found),
        definition=LifeTable,
        table=every,
        height=420,
        key="ranges",
    )
    card(
        "How long does each stage take?",
        lambda: found,
        lambda a: frames.fitting(every(a)) if any(t.n for t in a.tables.values()) else None,
        table=every,
        caption="By Kaplan and Meier: whoever is still in a stage counts as waiting, not as missing",
        definition=life_tables,
        key="every-stage",
    )
    means = frames.means(found)
    card(
        "Do stock, flow and times agree?",
        lambda: ask(flows, v.modelled, v.scope.whole),
        lambda a: frames.little(a, means, model) if a.rows else None,
        caption="Little’s law: stock ÷ throughput is the mean time in a stage, where as many leave as enter",
        definition=Flow.little_seconds.__doc__ or "",
        key="little",
    )


def picture(v: View, found: StageTimes) -> Picture | None:
    rows = frames.ranges(found, v.modelled.model)
    return None if rows.empty else charts_pace.ranges(rows)


def _caption(found: StageTimes) -> str:
    said = "Dot: median, with its 95 % band. Bar: the middle half. Line: to the p90; ▸ not reached yet"
    return said if found.segments else f"{said}. Ring: the median of the ended alone. Stroke: the stage’s limit"
