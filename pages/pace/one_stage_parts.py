"""One stage, part by part: the curves of the breakdown's values, where they went, and how that was before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from lifecycle.durations import OPEN, LifeTable, log_rank
from lifecycle.rates import LEVEL
from lifecycle.stages import StageModel
from lifecycle.time_in_stage import StageTimes, outcomes
from lifecycle.ways_out import Gap, between_parts, since_before, told_until
from pages.pace import frames_stages, frames_time_parts
from pages.pace import frames_time as frames
from pages.pace import words_time as words
from pages.pace.choices import Choices, segment_label
from pages.ui import charts_durations as charts
from pages.ui import labels
from pages.ui.charts_funnel import changes
from pages.ui.filters import View
from pages.ui.layout import card
from pages.ui.picture import Picture
from pages.ui.spans import Span

MOST = 10  # differences that are shown
PANEL_MARKS = 240  # of one of several pictures


def beside(v: View, found: StageTimes, chosen: Choices, along: Span) -> None:
    """What became of the stays beside the compared period, and part by part."""
    model = v.modelled.model
    said = partial(words.outcome, model=model)
    if found.comparison:
        until = told_until([found.of(chosen.stage), found.comparison.of(chosen.stage)], along.end)
        differing(found, partial(since, model, chosen.stage, until), said, "before", until, "ways-before")
    tables = _tables(found, chosen.stage)
    if not tables:
        return
    by = segment_label(v)
    until = told_until(tables.values(), along.end)
    left, right = st.columns(2, gap="small")
    with left:
        card(
            _apart(found, chosen, by),
            lambda: found,
            partial(curves, chosen, along),
            caption=f"Share still in {chosen.label} after so long, by {by.lower()}, with 95 % bands",
            definition=log_rank,
            height=400,
            key="survival-parts",
        )
    with right:
        differing(found, partial(between, model, chosen.stage, until), said, "all others", until, "ways-parts")
    card(
        f"Where are they after {chosen.label}, by {by.lower()}?",
        lambda: found,
        partial(panels, model, chosen, along),
        caption="Ways out compete, so that the shares of each add up to all of its stays; colours as above. "
        "Under the axis: how many had advanced by then",
        definition=LifeTable.incidence.__doc__ or "",
        table=lambda answer: frames_time_parts.ways_table(answer, chosen.stage, model, until),
        key="whereabouts-parts",
    )


def differing(
    found: StageTimes, gaps: partial[tuple[Gap, ...]], said: Callable[[str], str], other: str, until: float, key: str
) -> None:
    """A card of how the shares that went each way by a time differ from those of others; `said`: a way in words."""
    shown = gaps(found)
    card(
        _gap_title(shown, said, other, until),
        lambda: found,
        lambda answer: changes(frames_time_parts.gaps(rows[:MOST], said)) if (rows := gaps(answer)) else None,
        caption=f"Within {labels.duration(until)} of entering, for which all can be told, against {other}; "
        "grey: chance explains it",
        definition=Gap,
        table=lambda answer: frames_time_parts.gaps(gaps(answer), said),
        empty="It takes 30 on both sides that were seen for so long.",
        key=key,
    )


def since(model: StageModel, stage: str, until: float, found: StageTimes) -> tuple[Gap, ...]:
    """Every way out beside the compared period."""
    assert found.comparison
    now, then = found.of(stage), found.comparison.of(stage)
    return since_before(now, then, [*outcomes([now, then], model), OPEN], until)


def between(model: StageModel, stage: str, until: float, found: StageTimes) -> tuple[Gap, ...]:
    """Every way out of each part beside all others."""
    tables = _tables(found, stage)
    return between_parts(tables, outcomes(list(tables.values()), model), until)


def _tables(found: StageTimes, stage: str) -> dict[str | None, LifeTable]:
    return {value: table for value in found.segments if (table := found.part(stage, value)).n}


def curves(chosen: Choices, along: Span, found: StageTimes) -> Picture | None:
    tables = {frames_stages.named(value): table for value, table in _tables(found, chosen.stage).items()}
    rows, ticks = frames.curves(tables, along), frames.at_risk(found.of(chosen.stage), along)
    risk = frames.each_at_risk(tables, along)
    return charts.survival(rows, ticks, frames.medians({}, along), risk=risk, log=chosen.log, height=360)


def panels(model: StageModel, chosen: Choices, along: Span, found: StageTimes) -> dict[str, Picture]:
    tables = _tables(found, chosen.stage)
    ways = outcomes(list(tables.values()), model)
    return {frames_stages.named(value): _panel(model, chosen, along, table, ways) for value, table in tables.items()}


def _panel(model: StageModel, chosen: Choices, along: Span, table: LifeTable, ways: Sequence[str]) -> Picture:
    rows, ends, drawn = frames.whereabouts(table, model, along, found=ways, most=PANEL_MARKS)
    colours = charts.colours(drawn, [stage.key for stage in model.exits])
    ticks = frames.advanced_by(table, along)
    return charts.whereabouts(rows, ticks, ends, colours, log=chosen.log, height=260, named=False)


def _apart(found: StageTimes, chosen: Choices, by: str) -> str:
    """Whether the values differ in this stage, and which of them are slowest and fastest."""
    tables = _tables(found, chosen.stage)
    test = log_rank(list(tables.values()))
    if test is None:
        return f"{by}: only {words.named(next(iter(tables)))} has been in {chosen.label}"
    if test.p >= LEVEL:
        return f"{by}: no difference in {chosen.label} beyond chance ({words.p_value(test.p)})"
    known = {value: half for value, t in tables.items() if t.n >= 30 and (half := t.quantile(0.5)) is not None}
    if len(known) < 2 or min(known.values()) == max(known.values()):
        return f"{by}: the values differ in {chosen.label} beyond chance ({words.p_value(test.p)})"
    slow, fast = max(known, key=lambda k: known[k]), min(known, key=lambda k: known[k])
    ends = [f"{words.named(k)} {words.told(known[k])}" for k in (slow, fast)]
    return f"Half leave {chosen.label} within: {ends[0]}, {ends[1]} ({words.p_value(test.p)})"


def _gap_title(shown: Sequence[Gap], said: Callable[[str], str], other: str, until: float) -> str:
    if not shown:
        return f"Too few to compare with {other}"
    first = shown[0]
    if not first.clear:
        return f"Nothing differs from {other} by more than chance"
    whose = f"{words.named(first.name)}: " if first.is_part else ""
    here, there = (labels.percent(share.value, 0) for share in (first.here, first.there))
    way = said(first.outcome).lower()
    return f"{whose}{here} {way} within {labels.duration(until)}, {other} {there}"
