"""One stage closely: who is still in it after how long, and where the others went."""

from __future__ import annotations

from functools import partial

import streamlit as st

from lifecycle.durations import LifeTable
from lifecycle.time_in_stage import StageTimes
from pages.pace import frames_time as frames
from pages.ui import charts_durations as charts
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card
from pages.ui.picture import Picture
from pages.ui.spans import span


def closely(v: View, found: StageTimes | Failure, stage: str, log: bool) -> None:
    """The pair of pictures, and the lengths behind them."""
    left, right = st.columns(2, gap="small")
    with left:
        card(
            "Who is still in it",
            lambda: found,
            partial(survival, stage, log),
            definition=LifeTable,
            height=360,
            key="survival",
        )
    with right:
        card(
            "Where they are after so long",
            lambda: found,
            partial(whereabouts, v, stage, log),
            definition=LifeTable,
            height=360,
            key="whereabouts",
        )


def survival(stage: str, log: bool, found: StageTimes) -> Picture | None:
    tables = {"This period": found.of(stage)}
    if found.comparison:
        tables["Before"] = found.comparison.of(stage)
    if not tables["This period"].n:
        return None
    along = span(frames.reach(list(tables.values())), log)
    return charts.survival(
        frames.curves(tables, along),
        frames.at_risk(tables["This period"], along),
        frames.medians({"": tables["This period"]}, along),
        log=log,
    )


def whereabouts(v: View, stage: str, log: bool, found: StageTimes) -> Picture | None:
    table = found.of(stage)
    if not table.n:
        return None
    along = span(frames.reach([table, *([found.comparison.of(stage)] if found.comparison else [])]), log)
    rows, ends, ways = frames.whereabouts(table, v.modelled.model, along)
    return charts.whereabouts(rows, frames.advanced_by(table, along), ends, ways, log=log)
