"""By which paths they go: the flow step by step, and the most frequent routes of whole journeys."""

from __future__ import annotations

from functools import partial

import streamlit as st

from lifecycle.attention import purchase
from lifecycle.parts import Contrast, judged
from lifecycle.paths import Paths, Stream, Walk, between_parts, layout, shares, since_before
from lifecycle.routes import Route, Routes, Way, reached
from lifecycle.routes import between_parts as routes_between
from lifecycle.routes import since_before as routes_since
from lifecycle.stages import StageModel
from pages.pace import frames_parts
from pages.pace import frames_paths as frames
from pages.pace.choices import segment_label, two_or_more
from pages.pace.contrasts import contrasts, named, show
from pages.pace.frames_parts import SHOWN
from pages.ui import charts_paths, labels
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View, rule_out
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
    here, there = _sides(found)
    card(
        _flow_title(model, side(found, here), _name(found, here)),
        lambda: found,
        partial(_drawn, model, here),
        caption="Who first came in the period, through all their journeys; a number marks the second visit of a stage "
        "and later ones. What leaves a bar in no ribbon is still there",
        definition=asked.paths,
        height=600,
        key="flow",
    )
    said, welcome = partial(frames_parts.stream_name, model), partial(frames_parts.leads_on, model)
    what = f"Of all {model.entity}s, those that took the step"
    if there is not None:
        show(
            found,
            partial(beside, here, there),
            said,
            what=what,
            key=f"paths-{here}-{there}",
            other=_name(found, there),
            definition=asked.paths,
            welcome=welcome,
        )
        return
    told = partial(contrasts, found, said, what=what, welcome=welcome)
    if found.comparison:
        told(since=True, definition=since_before, key="paths-before")
    if found.parts:
        told(since=False, definition=between_parts, key="paths-parts")


EVERYONE, BEFORE = -2, -1  # whose paths are drawn, or the part of that place


def side(found: Paths, which: int) -> Walk:
    """Whose paths are drawn."""
    if which == EVERYONE:
        return found
    return found.parts[which].answer if which != BEFORE or found.comparison is None else found.comparison


def _name(found: Paths, which: int) -> str:
    return {EVERYONE: "Everyone", BEFORE: "Before"}.get(which) or named(found.parts[which].name)


def beside(here: int, there: int, found: Paths) -> tuple[Contrast[Stream], ...]:
    """How the paths of two sides differ."""
    now, then = (shares(side(found, which), found) for which in (here, there))
    return judged(Contrast(stream, rate, then[stream], _name(found, here), ("",)) for stream, rate in now.items())


def _sides(found: Paths) -> tuple[int, int | None]:
    """Whose paths are drawn, and whose are set beside them: everyone's, without a breakdown or a comparison."""
    sides = [EVERYONE, *range(len(found.parts)), *([BEFORE] if found.comparison else [])]
    if len(sides) < 2:
        return EVERYONE, None
    names = labels.distinct({str(which): _name(found, which) for which in sides})
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        here = st.selectbox("Paths of", list(names), 0, names.__getitem__, "of", width=220, bind="query-params")
        rest = [key for key in names if key != here]
        there = st.selectbox(
            "Beside",
            rest,
            None,
            names.__getitem__,
            "beside",
            placeholder="All others",
            width=220,
            bind="query-params",
        )
    return int(here), None if there is None else int(there)


def _drawn(model: StageModel, which: int, found: Paths) -> Picture | None:
    ribbons, nodes, rows = frames.flow(side(found, which), model)
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
    if not two_or_more(model):
        st.info("This lifecycle has a single stage.", icon=":material/route:")
        return
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
        said=partial(frames_parts.way_name, model, goal),
        welcome=partial(_leads_there, tuple(r.way for r in found.rows if r.stages is not None and _is_good(found, r))),
        what=f"Share of journeys on a route (blue: for the better, by how often it leads to {goal})",
    )
    if found.comparison:
        told(since=True, definition=routes_since, key="routes-before")
    if found.parts:
        told(since=False, definition=routes_between, key="routes-parts")
        side_by_side(v, found, goal)


def _is_good(found: Routes, route: Route) -> bool:
    return (route.conversion.value or 0.0) > (found.conversion.value or 0.0)


def _leads_there(good: tuple[tuple[str, ...], ...], way: Way) -> bool:
    """Whether more journeys on a route are more that reach the goal."""
    return way is None or way in good


def side_by_side(v: View, found: Routes, goal: str) -> None:
    """Every part of the breakdown: how many reach the goal, and which routes they take."""
    model = v.modelled.model
    by = segment_label(v)
    card(
        f"Which {by.lower()} reaches {goal}, and by which route?",
        lambda: found,
        lambda answer: frames_parts.goals(answer, model, by),
        caption="“chance”: it explains the difference. The time is the median of the route named",
        definition=reached,
        key="routes-goals",
    )
    shown = st.selectbox("Show", list(SHOWN), 0, SHOWN.__getitem__, "show", width=250, bind="query-params")
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
    names = labels.distinct({stage.key: stage.label for stage in model.progress})
    goal = list(names).index(purchase(model).key)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        place = max(goal - 1, 0)
        end = st.selectbox(
            "Goal", list(names)[1:], place, names.__getitem__, "to_stage", width=200, bind="query-params"
        )
        earlier = list(names)[: list(names).index(end)]
        rule_out("from_stage", [names[key] for key in earlier], None)
        start = st.selectbox(
            "From",
            earlier,
            None,
            names.__getitem__,
            "from_stage",
            placeholder="The journey's start",
            width=200,
            bind="query-params",
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
    if sum(r.conversion.numerator for r in won) < found.conversion.numerator / 2:
        return f"No route stands out: most who reached {goal} came by one that few others took"
    share = labels.percent(best.conversion.numerator / found.conversion.numerator, 0)
    return f"{share} of those who reached {goal} came by {frames.route_name(model, best)}"
