"""Where they enter, where they leave, and who goes on."""

from functools import partial

import streamlit as st

from lifecycle.anonymous import Ratios, Top
from lifecycle.findings import Step, changes, rate_of, rates_over_time, steps_to_follow
from lifecycle.funnel import Funnel
from pages.funnel import frames, words
from pages.funnel.records import drill_down
from pages.ui import charts, charts_funnel, labels
from pages.ui.data import ask, drawn, meanwhile
from pages.ui.failures import Failure
from pages.ui.filters import View, funnel_choices
from pages.ui.layout import card, page_header, rate_tile, tile, tiles
from pages.ui.picture import Picture
from queries.funnel import Trend, funnel, trend
from queries.traffic import top

QUESTION = "Where they enter, and how far they come"


def page() -> None:
    page_header("Funnel", "Where they enter, where they leave, and who goes on")
    view = funnel_choices()
    waiting = st.container()
    with meanwhile(lambda: waiting.skeleton(height=420)):
        answer = ask(funnel, view.modelled, view.scope)
    if isinstance(answer, Failure) or not any(row.entered for row in answer.whole):
        card(QUESTION, lambda: answer, lambda _: None, definition=funnel, key="waterfall")
    elif view.scope.basis == "cohort":
        of_journeys(view, answer)
    else:
        of_entries(view, answer)
    if view.modelled.model.anonymous and view.scope.basis != "stock":
        anonymous_top(view)


def of_journeys(view: View, answer: Funnel) -> None:
    """What became of the journeys that began in the period."""
    key_figures(view, answer)
    equal = st.toggle("Every stage equally tall, to compare shares", key="equal")
    clicked = card(
        words.headline(answer),
        lambda: answer,
        partial(waterfall, view, equal),
        caption=words.population(answer, view.modelled.model),
        definition=funnel,
        table=frames.tidy,
        height=420,
        select="bar",
        key="waterfall",
    )
    drill_down(view, answer, clicked)
    stage_by_stage(view, answer)
    steps = steps_to_follow(answer.whole)
    if steps:
        names = {step.label: step for step in steps}
        step = names[st.selectbox("Look closer at", list(names), key="step", width=300)]
        left, right = st.columns(2)
        with left:
            over_time(view, step)
        with right:
            why_they_leave(view, answer)
        if view.scope.by:
            by_segment(view, answer, step)
        if answer.comparison:
            against(answer)


def key_figures(view: View, answer: Funnel) -> None:
    """The whole in five numbers; a single stage has no rate."""
    first, last = answer.whole[0], [row for row in answer.whole if not row.optional][-1]
    ends = Step(first.stage, last.stage, f"{first.label} → {last.label}") if first is not last else None
    change = next((c for c in drawn(changes, answer) if c.step == ends), None)
    things = frames.ENTITIES[view.modelled.model.entity].lower()
    with tiles(5 if ends else 4):
        tile(f"Entered {first.label}", labels.count(first.entered), **words.versus(answer, things))
        if ends:
            before = f"before: {labels.percent(change.before.value)}" if change else ""
            rate_tile(ends.label, rate_of(answer.whole, ends), change.difference if change else None, compared=before)
        waiting = sum(row.open or 0 for row in answer.whole if not row.optional and row is not last)
        tile("Still open on the way", labels.count(waiting), note="neither won nor lost so far")
        tile("Won", labels.money(first.amount), note="by these journeys, up to the cut-off")
        tile(f"Cost per {last.label}", labels.money(last.cost_per_entry), note="acquisition spend of the period")


def waterfall(view: View, equal: bool, answer: Funnel) -> Picture:
    rows = answer.whole
    return charts.waterfall(frames.outcomes(rows, view.modelled.model), frames.columns(rows), relative=equal)


def stage_by_stage(view: View, answer: Funnel) -> None:
    """Everything that is known of each stage."""
    card(
        words.stages_title(answer),
        lambda: answer,
        lambda a: frames.measures(a, view.modelled.model),
        caption=words.table_caption(answer),
        definition=funnel,
        table=frames.tidy,
        key="stages-table",
    )


def over_time(view: View, step: Step) -> None:
    name = partial(words.period_name, view.scope.grain)

    def draw(found: Trend) -> Picture:
        rows = frames.over_time(found, step, name)
        return charts.trend(rows, style=frames.digits(rows), title="Share", height=300)

    found = ask(trend, view.modelled, view.scope)
    segment = view.modelled.catalog.get(view.scope.by or "")
    title = f"{step.label} by {view.scope.grain} of entry"
    if not isinstance(found, Failure):
        rates = rates_over_time(found.rows, step)
        title = words.course_title(rates, step, view.scope, segment.label if segment else "")
    card(
        title,
        lambda: found,
        draw,
        caption=f"By {view.scope.grain} of entry; dashed: not all had the time to get there yet",
        definition=trend,
        fill=True,
        key="trend",
    )


def why_they_leave(view: View, answer: Funnel) -> None:
    model = view.modelled.model

    def draw(a: Funnel) -> Picture | None:
        found = frames.reasons(a.whole, model)
        return None if found.empty else charts_funnel.reasons(found, charts_funnel.exit_colours(model))

    card(
        drawn(lambda a: words.reasons_title(frames.reasons(a.whole, model)), answer),
        lambda: answer,
        draw,
        caption="Reasons given with the exit, at whatever stage",
        definition=funnel,
        empty="Nobody has left.",
        key="reasons",
    )


def by_segment(view: View, answer: Funnel, step: Step) -> None:
    """How the groups of the breakdown differ: one rate, then the whole way of each."""
    segment = view.modelled.catalog.get(view.scope.by or "")
    label = segment.label if segment else ""
    card(
        words.segment_title(answer, step, label),
        lambda: answer,
        lambda a: charts.bars(rows := frames.by_segment(a, step), style=frames.digits(rows), title="Share"),
        caption=f"By {label.lower()}, each with its 95 % interval",
        definition=funnel,
        table=frames.tidy,
        key="segments",
    )
    card(
        words.ways_title(answer, label),
        lambda: answer,
        lambda a: {frames.named(v): charts.steps(frames.columns(a.of(v)), height=190) for v in a.segments},
        caption=f"The funnel of each {label.lower()}; above each stage its share of the one before",
        definition=funnel,
        table=frames.tidy,
        key="multiples",
    )


def against(answer: Funnel) -> None:
    """What changed since the compared period."""
    card(
        words.change_title(drawn(changes, answer)),
        lambda: answer,
        lambda a: charts_funnel.changes(frames.differences(drawn(changes, a))),
        caption=words.compared_with(answer),
        definition=changes,
        key="changes",
    )


def of_entries(view: View, answer: Funnel) -> None:
    """Counts alone: who entered each stage in the period, or who is in it."""
    card(
        words.counts_title(answer),
        lambda: answer,
        lambda a: charts.steps(frames.columns(a.whole), height=340),
        caption=words.counts_caption(answer),
        definition=funnel,
        table=frames.tidy,
        key="entries",
    )
    stage_by_stage(view, answer)
    if view.scope.basis == "period":
        names, name = frames.stage_labels(answer.whole), partial(words.period_name, view.scope.grain)
        card(
            f"How do entries move, {view.scope.grain} by {view.scope.grain}?",
            partial(ask, trend, view.modelled, view.scope.whole),
            lambda found: charts.trend(frames.entries_over_time(found, names, name), title="Entries", height=300),
            definition=trend,
            key="trend",
        )
    segment = view.modelled.catalog.get(view.scope.by or "")
    if segment:
        card(
            f"How many of each {segment.label.lower()} are in each stage?"
            if view.scope.basis == "stock"
            else f"How many of each {segment.label.lower()} entered each stage?",
            lambda: answer,
            lambda a: {frames.named(v): charts.steps(frames.columns(a.of(v)), height=190) for v in a.segments},
            definition=funnel,
            table=frames.tidy,
            key="multiples",
        )


def anonymous_top(view: View) -> None:
    """Before anybody is known: ratios of daily counts."""
    found = ask(top, view.modelled, view.scope)
    if isinstance(found, Failure):
        card("Before anybody is known", lambda: found, lambda _: None, key="anonymous")
        return
    name = partial(words.period_name, view.scope.grain)

    def draw(ratio: Ratios, answer: Top) -> Picture:
        return charts.trend(frames.anonymous(answer, ratio, name), style=",.3~r", height=200)

    for column, ratio in zip(st.columns(len(found.ratios)), found.ratios, strict=True):
        with column:
            card(
                f"{ratio.lower.label} per 1,000 of {ratio.upper.label}",
                lambda: found,
                partial(draw, ratio),
                caption="A ratio of the counts of the same days: different people, so no conversion rate",
                definition=top,
                key=f"anonymous.{ratio.upper.label}",
            )


page()
