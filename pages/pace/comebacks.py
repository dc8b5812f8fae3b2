"""Whether those who left come back, and how they do then."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lifecycle.comebacks import FIRST, Comebacks
from lifecycle.findings import clearly_unequal
from lifecycle.stages import StageModel
from pages.pace import frames_paths as frames
from pages.ui import charts_paths, labels
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card
from pages.ui.picture import Picture
from queries.comebacks import comebacks


def coming_back(v: View) -> None:
    """Two questions side by side: who is back, and what becomes of them."""
    model = v.modelled.model
    found = ask(comebacks, v.modelled, v.scope.whole)
    left, right = st.columns(2, gap="small")
    with left:
        card(
            _back_title(model, found),
            lambda: found,
            lambda answer: _curves(frames.returns(answer, model), "back again"),
            caption="Days since they left; those not back yet count for as long as they were seen",
            definition=Comebacks.returned_within,
            table=lambda answer: frames.back_table(answer, model),
            empty="Nobody left in this period.",
            key="returns",
        )
    with right:
        card(
            _again_title(model, found),
            lambda: found,
            lambda answer: _curves(frames.attempts(answer, model), "reached the goal"),
            caption="Days since a journey started; who came back may start further along",
            definition=Comebacks,
            table=lambda answer: frames.again_table(answer, model),
            empty="No journey of this period has reached the goal yet.",
            key="attempts-again",
        )
    left, right = st.columns(2, gap="small")
    with left:
        card(
            "Who came back, by how they had left",
            lambda: found,
            lambda answer: frames.back_table(answer, model),
            definition=Comebacks.returned,
            key="returns-table",
        )
    with right:
        card(
            "How they do the second time",
            lambda: found,
            lambda answer: frames.again_table(answer, model),
            definition=Comebacks.against_first,
            key="again-table",
        )


def _curves(rows: pd.DataFrame, title: str) -> Picture | None:
    return None if rows.empty else charts_paths.curves(rows, title)


def _back_title(model: StageModel, found: Comebacks | Failure) -> str:
    """The exit from which most came back."""
    if isinstance(found, Failure):
        return "Do they come back?"
    rates = {key: found.returned(key) for key in found.returns}
    most = max(rates, key=lambda key: rates[key].numerator, default=None)
    if most is None or not rates[most].numerator:
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
    if not changes:
        return f"Nobody came back in this period; {labels.percent(found.conversion().value)} reached {goal} so far"
    if not sure:
        return f"Chance explains whether those who came back reach {goal} more or less often"
    key = max(sure, key=lambda k: found.conversion(k).denominator)
    here, first = found.conversion(key), found.conversion()
    way = "more" if (here.value or 0) > (first.value or 0) else "less"
    return (
        f"Back after {model.stage(key).label} they reach {goal} {way} often: "
        f"{labels.percent(here.value)} against {labels.percent(first.value)}"
    )
