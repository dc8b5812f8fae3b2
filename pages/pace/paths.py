"""By which paths they go: the flow step by step, and the most frequent routes of whole journeys."""

from __future__ import annotations

import streamlit as st

from lifecycle.attention import purchase
from lifecycle.paths import Paths, layout
from lifecycle.routes import Route, Routes
from lifecycle.stages import StageModel
from pages.pace import frames_paths as frames
from pages.ui import charts_paths, labels
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card
from pages.ui.picture import Picture
from queries import paths as asked
from queries.routes import between, routes


def flow(v: View) -> None:
    """What was entered first, second, third, by those who first came in the period."""
    model = v.modelled.model
    found = ask(asked.paths, v.modelled, v.scope.whole)
    card(
        _flow_title(model, found),
        lambda: found,
        lambda answer: _drawn(answer, model),
        caption="Who first came in the period, through all their journeys; a number marks the second visit of a stage "
        "and later ones. What leaves a bar in no ribbon is still there",
        definition=asked.paths,
        height=600,
        key="flow",
    )


def _drawn(found: Paths, model: StageModel) -> Picture | None:
    ribbons, nodes, rows = frames.flow(found, model)
    return charts_paths.flow(ribbons, nodes, rows) if len(ribbons) else None


def _flow_title(model: StageModel, found: Paths | Failure) -> str:
    """The largest first step, and how many take it."""
    if isinstance(found, Failure) or not found.entities:
        return "By which paths they go"
    _, ribbons = layout(model, found)
    named = [r for r in ribbons if r.start.stage and r.end.stage and r.start.step == 1]
    if not named:
        return f"{found.entities:,} {model.entity}s came, none has moved on yet"
    most = max(named, key=lambda r: r.n)
    start, end = (frames.node_name(model, node) for node in (most.start, most.end))
    share = labels.percent(most.n / found.entities, 0)
    return f"The largest stream: {most.n:,} of {found.entities:,} ({share}) start as {start} and go on to {end}"


def frequent(v: View) -> None:
    """The most frequent routes to the goal, how often they lead there, and how long that takes."""
    model = v.modelled.model
    start, end = _ends(model)
    found = ask(routes, v.modelled, v.scope.whole, between(model, start, end))
    card(
        _routes_title(model, found),
        lambda: found,
        lambda answer: _bars(answer, model),
        caption="Journeys by the stages they entered before the goal; who went further took another. Times are medians",
        definition=Route.conversion.__doc__ or "",
        table=lambda answer: frames.routes(answer, model)[2],
        height=480,
        key="routes",
    )


def _ends(model: StageModel) -> tuple[str | None, str]:
    """Where routes begin and which stage is their goal, as the reader chooses."""
    names = {stage.key: stage.label for stage in model.progress}
    goal = list(names).index(purchase(model).key)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        end = st.selectbox("Goal", list(names)[1:], max(goal - 1, 0), names.__getitem__, "goal", width=200)
        before = list(names)[: list(names).index(end)]
        start = st.selectbox(
            "From", before, None, names.__getitem__, f"from.{end}", placeholder="The journey's start", width=200
        )
    return start, end


def _bars(found: Routes, model: StageModel) -> Picture | None:
    bars, ends, rows = frames.routes(found, model)
    return charts_paths.routes(bars, ends, rows) if found.total else None


def _routes_title(model: StageModel, found: Routes | Failure) -> str:
    """The route that leads to the goal most often, with what lies under it."""
    if isinstance(found, Failure) or not found.total:
        return "Which routes they take"
    goal = model.stage(found.between.end).label
    won = [r for r in found.rows if r.stages is not None and r.conversion.numerator]
    if not won:
        return f"None of {found.total:,} journeys has reached {goal} yet"
    best = max(won, key=lambda r: r.conversion.numerator)
    share = labels.percent(best.conversion.numerator / found.conversion.numerator, 0)
    return f"{share} of those who reached {goal} came by {frames.route_name(model, best)}"
