"""Who is in each stage, who comes and who goes, period by period."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from lifecycle.stages import StageModel
from lifecycle.stockflow import Flow, StockFlow, through
from lifecycle.volumes import at_a_glance, change
from pages.pace import frames_parts
from pages.pace import frames_paths as frames
from pages.pace.choices import segment_label
from pages.ui import charts, charts_paths, labels
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card
from pages.ui.picture import Picture
from queries.stockflow import stock_and_flow


def stock(v: View) -> None:
    """Every stage over the period, then one of them period by period."""
    model = v.modelled.model
    found = ask(stock_and_flow, v.modelled, at_a_glance(v.scope))
    card(
        _title(model, found),
        lambda: found,
        lambda answer: frames.stock_table(answer, model),
        caption=_identity(found),
        definition=Flow,
        table=lambda answer: frames.stock_rows(answer, model),
        key="stock-and-flow",
    )
    if isinstance(found, Failure) or not found.rows:
        return
    if found.comparison:
        card(
            _before_title(model, found),
            lambda: found,
            lambda answer: frames_parts.stock_before(answer, model),
            caption="Who came and who went, beside the compared period; changes in brackets are explained by chance",
            definition=change,
            key="stock-before",
        )
    names = {key: model.stage(key).label for key in found.stages}
    place = len([s for s in model.progress if s.key in names]) // 2
    chosen = st.selectbox("Look at", list(names), place, names.__getitem__, "stage", width=220, bind="query-params")
    card(
        _stage_title(names[chosen], found.of(chosen)),
        lambda: found,
        lambda answer: panels(answer, chosen),
        caption=f"By {found.scope.grain}; the mark is what came less what went",
        definition=stock_and_flow,
        table=lambda answer: frames.stock_rows(answer, model),
        key="stock-stage",
    )
    if found.parts:
        each(v, found, chosen, names[chosen])


def each(v: View, found: StockFlow, stage: str, label: str) -> None:
    """One stage, part by part."""
    by = segment_label(v)
    left, right = st.columns(2, gap="small")
    with left:
        card(
            _parts_title(found, stage, label),
            lambda: found,
            lambda answer: frames_parts.stock_parts(answer, stage, by),
            caption="Each row closes, and all rows add up to the last",
            definition=stock_and_flow,
            key="stock-parts",
        )
    with right:
        card(
            f"Who is in {label}, by {by.lower()}?",
            lambda: found,
            lambda answer: charts.trend(frames_parts.stock_courses(answer, stage), height=300),
            caption=f"At the end of each {found.scope.grain}",
            definition=stock_and_flow,
            key="stock-courses",
        )


def panels(found: StockFlow, stage: str) -> Mapping[str, Picture]:
    flows, grain = found.of(stage), found.scope.grain
    bars, ends = frames.in_and_out(flows, grain)
    course = frames.stock_course(flows, grain)
    return {
        "In and out": charts_paths.in_and_out(bars, ends),
        "In it at the end of each": charts.trend(course, height=260),
    }


def _title(model: StageModel, found: StockFlow | Failure) -> str:
    """Where the most have piled up over the period, before the goal."""
    if isinstance(found, Failure) or not found.rows:
        return "Stock and flow"
    grown = {s.key: found.of(s.key)[-1].end - found.of(s.key)[0].start for s in model.progress if s.key in found.stages}
    if not grown:
        return "Stock and flow"
    most = max(grown, key=lambda key: grown[key])
    if grown[most] <= 0:
        return "No stage holds more than at the start of the period"
    return f"{model.stage(most).label} grew most: {grown[most]:+,} since the start of the period"


def _before_title(model: StageModel, found: StockFlow) -> str:
    """The stage into which clearly more or fewer came than before: the largest change."""
    assert found.comparison
    keys = [s.key for s in model.progress if s.key in found.stages and s.key in found.comparison.stages]
    pairs = {key: (through(found, key).entered, through(found.comparison, key).entered) for key in keys}
    moved = {key: moved for key, pair in pairs.items() if (moved := change(*pair)) and moved.significant}
    if not moved:
        return "Into no stage came more or fewer than before, beyond chance"
    most = max(moved, key=lambda key: abs(moved[key].value))
    now, before = pairs[most]
    return f"{model.stage(most).label}: {now:,} came in, {before:,} before ({labels.growth(moved[most].value)})"


def _parts_title(found: StockFlow, stage: str, label: str) -> str:
    """The part in which a stage has grown most over the period."""
    grown = {p.name: own.end - own.start for p in found.parts if (own := through(p.answer, stage))}
    most = max(grown, key=lambda name: grown[name])
    if grown[most] <= 0:
        return f"No part of {label} holds more than at the start of the period"
    return f"{label} grew most in {frames_parts.named(most)}: {grown[most]:+,}"


def _identity(found: StockFlow | Failure) -> str:
    if isinstance(found, Failure):
        return ""
    right = "and agrees to the unit" if found.balanced else "and does not agree: build the lifecycle again"
    return f"At the start + in − out = at the end; the last column counts the end by itself, {right}"


def _stage_title(label: str, flows: tuple[Flow, ...]) -> str:
    came, went = sum(f.entered for f in flows), sum(f.left for f in flows)
    return f"{label}: {flows[0].start:,} + {came:,} in − {went:,} out = {labels.count(flows[-1].end)}"
