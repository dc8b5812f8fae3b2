"""Whether those who left come back, and how they do then."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pandas as pd
import streamlit as st

from lifecycle.comebacks import FIRST, Comebacks, between_parts, since_before
from lifecycle.findings import clearly_unequal
from lifecycle.stages import StageModel
from pages.pace import frames_parts
from pages.pace import frames_paths as frames
from pages.pace.choices import segment_label
from pages.pace.contrasts import contrasts
from pages.ui import charts_paths, labels
from pages.ui.charts_funnel import exit_colours
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card
from pages.ui.picture import Picture
from queries.comebacks import comebacks


def coming_back(v: View) -> None:
    """Two questions side by side: who is back, and what becomes of them."""
    model = v.modelled.model
    found = ask(comebacks, v.modelled, v.scope)
    left, right = st.columns(2, gap="small")
    with left:
        card(
            _back_title(model, found),
            lambda: found,
            lambda answer: _curves(frames.returns(answer, model), "back again", exit_colours(model)),
            caption="Days since they left; those not back yet count for as long as they were seen",
            definition=Comebacks.returned_within,
            table=lambda answer: frames.back_table(answer, model),
            empty="There is nothing to draw yet.",
            key="returns",
        )
    with right:
        card(
            _again_title(model, found),
            lambda: found,
            lambda answer: _curves(frames.attempts(answer, model), "reached the goal", frames.attempt_colours(model)),
            caption="Days since a journey started; who came back may start further along",
            definition=Comebacks,
            table=lambda answer: frames.again_table(answer, model),
            empty="There is nothing to draw yet.",
            key="attempts-again",
        )
    left, right = st.columns(2, gap="small")
    with left:
        card(
            "Who came back, by how they had left?",
            lambda: found,
            lambda answer: frames.back_table(answer, model),
            definition=Comebacks.returned,
            empty="Nobody left in this period.",
            key="returns-table",
        )
    with right:
        card(
            "How do they do the second time?",
            lambda: found,
            lambda answer: frames.again_beside(frames.again_table(answer, model), model.stage(answer.goal).label),
            table=lambda answer: frames.again_table(answer, model),
            definition=Comebacks.against_first,
            key="again-table",
        )

    if not isinstance(found, Failure) and model.exits:
        beside(v, found)


def beside(v: View, found: Comebacks) -> None:
    """The period beside the compared one, and the parts of the breakdown beside each other."""
    model = v.modelled.model
    goal = model.stage(found.goal).label
    told = partial(
        contrasts,
        found,
        said=partial(frames_parts.about_name, model=model, goal=goal),
        what=f"Of those who left, how many are back; of those who came back, how many reach {goal}",
        welcome=lambda _: True,
    )
    if found.comparison:
        told(since=True, definition=since_before, key="back-before")
    if not found.parts:
        return
    told(since=False, definition=between_parts, key="back-parts")
    by = segment_label(v)
    names = {key: model.stage(key).label for key in found.returns}
    chosen = st.selectbox(
        "Left by",
        list(names),
        None,
        names.__getitem__,
        "left_by",
        placeholder="Any exit",
        width=220,
        bind="query-params",
    )
    left, right = st.columns(2, gap="small")
    with left:
        card(
            f"Who is back after {names[chosen] if chosen else 'any exit'}, by {by.lower()}?",
            lambda: found,
            lambda answer: _curves(frames_parts.returns(answer, chosen), "back again"),
            caption="Days since they left; of fewer than 30 no curve is drawn",
            definition=Comebacks.returned_within,
            empty="Of no value have 30 left.",
            key="returns-parts",
        )
    with right:
        card(
            f"How do they do then, by {by.lower()}?",
            lambda: found,
            lambda answer: _curves(frames_parts.attempts(answer), "reached the goal"),
            caption=f"Days since they started again; share that reached {goal}",
            definition=Comebacks.conversion,
            empty="Of no value have 30 started again, or nobody has reached the goal.",
            key="attempts-parts",
        )
    card(
        f"Who comes back, by {by.lower()}?",
        lambda: found,
        lambda answer: frames_parts.comebacks(answer, model, by),
        caption="“chance”: it explains the difference to all others, where so many are looked at",
        definition=between_parts,
        key="back-table",
    )


def _curves(rows: pd.DataFrame, title: str, own: Mapping[str, str] | None = None) -> Picture | None:
    """The curves; none while all of them lie on the floor, or go up at once."""
    if rows.empty or not rows["value"].any() or not rows["days"].any():
        return None
    return charts_paths.curves(rows, title, own)


def _back_title(model: StageModel, found: Comebacks | Failure) -> str:
    """The exit from which most came back."""
    if isinstance(found, Failure):
        return "Do they come back?"
    rates = {key: found.returned(key) for key in found.returns}
    most = max(rates, key=lambda key: rates[key].numerator, default=None)
    if most is None:
        return "Nobody left in this period" if model.exits else "This lifecycle has no exits"
    if not rates[most].numerator:
        return "Nobody who left in this period is back yet"
    rate = rates[most]
    label = model.stage(most).label
    return f"{labels.percent(rate.value)} of {rate.denominator:,} who left by {label} are back so far"


def _again_title(model: StageModel, found: Comebacks | Failure) -> str:
    """Whether those who came back do better or worse, where chance does not explain it."""
    if isinstance(found, Failure):
        return "How do they do the second time?"
    goal = model.stage(found.goal).label
    changes = {key: found.against_first(key) for key in found.attempts if key != FIRST}
    compared = [key for key in changes if not found.conversion(key).few]
    clear = clearly_unequal([(found.conversion(key), found.conversion()) for key in compared])
    sure = {key: changes[key] for key, is_clear in zip(compared, clear, strict=True) if is_clear}
    if model.rank(found.goal) == 1:
        return f"Every journey starts with {goal}, the goal"
    if not found.conversion().denominator:
        return "No journey started in this period"
    if not changes:
        return f"Nobody came back in this period; {labels.percent(found.conversion().value)} reached {goal} so far"
    if not sure:
        return f"Chance explains whether those who came back reach {goal} more or less often"
    key = max(sure, key=lambda k: found.conversion(k).denominator)
    here, first = found.conversion(key), found.conversion()
    way = "more" if (here.value or 0) > (first.value or 0) else "less"
    return (
        f"Back after {model.stage(key).label} they reach {goal} {way} often: "
        f"{labels.percent(here.value)} against {labels.percent(first.value)} so far"
    )
