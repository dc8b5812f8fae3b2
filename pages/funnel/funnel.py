"""Where they enter, where they leave, and who goes on."""

from functools import partial

import pandas as pd

from lifecycle.funnel import Funnel
from pages.ui import charts, labels
from pages.ui.data import ask
from pages.ui.filters import funnel_choices
from pages.ui.layout import card, page_header
from pages.ui.picture import OUTCOMES, Picture
from queries.funnel import funnel


def waterfall(answer: Funnel) -> Picture | None:
    if answer.scope.basis != "cohort" or answer.scope.count == "any":
        return None
    rows = answer.whole
    outcomes = [
        {
            "stage": r.stage,
            "label": r.label,
            "outcome": outcome,
            "n": r.left if outcome == "exited" else getattr(r, outcome) or 0,
            "detail": labels.listed(f"{stage} {e.total:,}" for stage, e in r.exited.items())
            if outcome == "exited"
            else "",
        }
        for r in rows
        for outcome in OUTCOMES
    ]
    stages = [
        {
            "stage": r.stage,
            "label": r.label,
            "n": r.entered,
            "note": f"{labels.percent(r.step_conversion_rate.value, 0)} of previous" if r.step_conversion_rate else "",
            "short": labels.percent(r.step_conversion_rate.value, 0) if r.step_conversion_rate else "",
        }
        for r in rows
    ]
    return charts.waterfall(pd.DataFrame(outcomes), pd.DataFrame(stages)) if any(r.entered for r in rows) else None


page_header("Funnel", "Where they enter, where they leave, and who goes on")
view = funnel_choices()
card(
    "Where they leave",
    partial(ask, funnel, view.modelled, view.scope),
    waterfall,
    caption="What became of everyone who entered a stage, up to the data cut-off",
    definition=funnel,
    select="bar",
)
