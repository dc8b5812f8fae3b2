"""What the overview's charts draw: an answer of the funnel as frames and pictures."""

from __future__ import annotations

import pandas as pd

from lifecycle.findings import standouts
from lifecycle.funnel import Funnel, Ratio, StageRow
from lifecycle.rates import Rate
from lifecycle.segments import NOT_SET
from lifecycle.stages import Stage
from pages.ui import charts, labels
from pages.ui.failures import Failure
from pages.ui.picture import Picture


def _chain(answer: Funnel) -> list[StageRow]:
    return [row for row in answer.whole if not row.optional]


def small_funnel(answer: Funnel) -> Picture | None:
    """A column per stage; nothing where nobody entered."""
    rows = _chain(answer)
    names, steps = [row.label for row in rows], [row.step_conversion_rate for row in rows]
    frame = pd.DataFrame(
        {
            "label": names,
            "n": [row.entered for row in rows],
            "note": [_of_previous(step, before) for step, before in zip(steps, ["", *names], strict=False)],
            "short": [labels.percent(step.value, 0) if step else "" for step in steps],
        }
    )
    return charts.steps(frame) if rows and rows[0].entered else None


def _of_previous(step: Rate | Ratio | None, before: str) -> str:
    return f"{labels.percent(step.value, 0)} of {before}" if step else ""


def tidy(answer: Funnel) -> pd.DataFrame:
    """The same stages with what an export needs: counts, and rates with what lies under them."""
    rates = [row.step_conversion_rate for row in _chain(answer)]
    return pd.DataFrame(
        {
            "stage": [row.label for row in _chain(answer)],
            "entered": [row.entered for row in _chain(answer)],
            "open": [row.open for row in _chain(answer)],
            "left": [row.left for row in _chain(answer)],
        }
        | {
            f"step_{name}": [rate.as_dict()[name] if rate else None for rate in rates]
            for name in ("numerator", "denominator", "value", "low", "high")
        }
    )


def _reached(answer: Funnel, goal: Stage) -> list[tuple[str, Rate]]:
    """The share that reached `goal`, of each part of the breakdown that has anybody."""
    return [
        (f"{NOT_SET} not set" if part is None else part, rate)
        for part in answer.segments
        for row in answer.of(part)
        if row.stage == goal.key and isinstance(rate := row.conversion_rate, Rate) and rate.interval
    ]


def apart(answer: Funnel | Failure, goal: Stage, by: str) -> str:
    """Which part reaches `goal` more or less often than all others together; that none does, where none does."""
    if isinstance(answer, Failure):
        return f"To {goal.label} by {by.lower()}"
    found = standouts(dict(_reached(answer, goal)))
    if not found:
        return f"No {by.lower()} differs clearly from the others on the way to {goal.label}"
    most = found[0]
    return (
        f"{most.name}: {labels.percent(most.rate.value)} have reached {goal.label}, "
        f"{labels.percent(most.rest.value)} of all others"
    )


def by_segment(answer: Funnel, goal: Stage) -> Picture:
    """Bars of the share that reached `goal`, a bar per part of the breakdown."""
    rates = _reached(answer, goal)
    frame = pd.DataFrame(
        {
            "label": [part for part, _ in rates],
            "value": [rate.value for _, rate in rates],
            "low": [rate.as_dict()["low"] for _, rate in rates],
            "high": [rate.as_dict()["high"] for _, rate in rates],
            "note": [labels.interval(rate) for _, rate in rates],
        }
    )
    return charts.bars(frame, style=".1%", title=f"have reached {goal.label}")
