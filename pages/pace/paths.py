"""By which paths they go: the flow step by step, and the most frequent routes of whole journeys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import streamlit as st

from lifecycle.attention import purchase
from lifecycle.parts import judged
from lifecycle.paths import Paths, Walk, between_parts, layout, since_before
from lifecycle.routes import Route, Routes, Way, reached
from lifecycle.routes import between_parts as routes_between
from lifecycle.routes import since_before as routes_since
from lifecycle.stages import StageModel
from pages.pace import frames_parts
from pages.pace import frames_paths as frames
from pages.pace.choices import segment_label
from pages.pace.contrasts import BEFORE, OTHERS, contrasts, named
from pages.pace.frames_moves import is_welcome
from pages.pace.frames_parts import SHOWN
from pages.ui import charts_paths, labels
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card, state
from pages.ui.picture import Picture
from queries import paths as asked
from queries.routes import between, routes


def flow(v: View) -> None:
    """What was entered first, second, third, by those who first came in the period; of a part where it is chosen."""
    model = v.modelled.model
    found = ask(asked.paths, v.modelled, v.scope)
    if isinstance(found, Failure):
        state(found)
        return
    here, there = _sides(v, found)
    walk = here.walk
    card(
        _flow_title(model, walk, here.name),
        lambda: found,
        lambda _: _drawn(walk, model),
        caption="Who first came in the period, through all their journeys; a number marks the second visit of a stage "
        "and later ones. What leaves a bar in no ribbon is still there",
        definition=asked.paths,
        height=600,
        key="flow",
    )
    told = partial(
        contrasts,
        found,
        said=partial(frames_parts.stream_name, model=model),
        welcome=lambda stream: stream.start is None or is_welcome((stream.start, stream.stage), model),
        what=f"Of all {model.entity}s, those that took the step",
    )
    if there:
        shown = judged(replace(c, name=here.name) for c in frames_parts.pairs(walk, there.walk, found))
        told(shown, other=there.name, definition=asked.paths, key="between-two")
        return
    if found.comparison:
        told(found.changes, other=BEFORE, definition=since_before, key="paths-before")
    if found.parts:
        told(found.contrasts, other=OTHERS, definition=between_parts, key="paths-parts")


@dataclass(frozen=True)
class Side:
    """Whose paths are drawn, or set against them."""

    name: str
    walk: Walk


def _sides(v: View, found: Paths) -> tuple[Side, Side | None]:
    """Whose paths are drawn, and whose are set against them; all and nobody without a breakdown or a comparison."""
    everyone = Side("Everyone", found)
    sides = [everyone, *(Side(named(p.name), p.answer) for p in found.parts)]
    sides += [Side("Before", found.comparison)] if found.comparison else []
    if len(sides) < 2:
        return everyone, None
    names = labels.distinct({str(i): side.name for i, side in enumerate(sides)})
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        here = st.selectbox("Paths of", list(names), 0, names.__getitem__, "paths.of", width=220)
        others = [key for key in names if key != here]
        there = st.selectbox(
            "Beside", others, None, names.__getitem__, f"paths.beside.{here}", placeholder="All others", width=220
        )
    return sides[int(here)], None if there is None else sides[int(there)]


def _drawn(found: Walk, model: StageModel) -> Picture | None:
    ribbons, nodes, rows = frames.flow(found, model)
    return charts_paths.flow(ribbons, nodes, rows) if len(ribbons) else None


def _flow_title(model: StageModel, found: Walk, whose: str) -> str:
    """The largest first step, and how many take it."""
    if not found.entities:
        return "By which paths they go"
    _, ribbons = layout(model, found)
    named = [r for r in ribbons if r.start.stage and r.end.stage and r.start.step == 1]
    if not named:
        return f"{found.entities:,} {model.entity}s came, none has moved on yet"
    most = max(named, key=lambda r: r.n)
    start, end = (frames.node_name(model, node) for node in (most.start, most.end))
    share = labels.percent(most.n / found.entities, 0)
    who = "The largest stream" if whose == "Everyone" else f"The largest stream of {whose}"
    return f"{who}: {most.n:,} of {found.entities:,} ({share}) start as {start} and go on to {end}"


def frequent(v: View) -> None:
    """The most frequent routes to the goal, how often they lead there, and how long that takes."""
    model = v.modelled.model
    start, end = _ends(model)
    found = ask(routes, v.modelled, v.scope, between(model, start, end))
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
    if isinstance(found, Failure):
        return
    goal = model.stage(end).label
    told = partial(
        contrasts,
        found,
        said=partial(frames_parts.way_name, model=model, goal=goal),
        welcome=partial(_leads_there, found),
        what=f"Share of journeys on a route (blue: for the better, by how often it leads to {goal})",
    )
    if found.comparison:
        told(found.changes, other=BEFORE, definition=routes_since, key="routes-before")
    if found.parts:
        told(found.contrasts, other=OTHERS, definition=routes_between, key="routes-parts")
        side_by_side(v, found, goal)


def _leads_there(found: Routes, way: Way) -> bool:
    """Whether more journeys on a route are more that reach the goal."""
    route = next((r for r in found.rows if r.stages is not None and r.way == way), None)
    return route is None or (route.conversion.value or 0.0) > (found.conversion.value or 0.0)


def side_by_side(v: View, found: Routes, goal: str) -> None:
    """Every part of the breakdown: how many reach the goal, and which routes they take."""
    model = v.modelled.model
    by = segment_label(v)
    card(
        f"Which {by.lower()} reaches {goal}, and by which route",
        lambda: found,
        lambda answer: frames_parts.goals(answer, model, by),
        caption="“chance”: it explains the difference. The time is the median of the route named",
        definition=reached,
        key="routes-goals",
    )
    shown = st.selectbox("Show", list(SHOWN), 0, SHOWN.__getitem__, "routes.shown", width=250)
    card(
        f"{SHOWN[shown]}, by route and {by.lower()}",
        lambda: found,
        lambda answer: frames_parts.ways(answer, model, shown),
        caption="Each column adds up to all its journeys" if shown == "share" else "",
        definition=Route,
        key=f"routes-{shown}",
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
