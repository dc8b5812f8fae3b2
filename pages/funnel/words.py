"""What the funnel's numbers say: titles and captions, silent below significance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd

from lifecycle.findings import Change, Step, clearest, most_left, rate_of, standouts
from lifecycle.funnel import Funnel
from lifecycle.scope import describe
from lifecycle.stages import StageModel
from pages.funnel.frames import ENTITIES, named, reason
from pages.ui import labels


def period_name(grain: str, day: date) -> str:
    """A period as people call it, by its first day."""
    names = {
        "day": f"{day:%-d %b %Y}",
        "week": f"week of {day:%-d %b %Y}",
        "month": f"{day:%b %Y}",
        "year": f"{day:%Y}",
    }
    return names.get(grain, f"quarter from {day:%b %Y}")


def population(answer: Funnel, model: StageModel) -> str:
    """Whom the funnel counts, and how many of them the way of counting touches."""
    first = answer.whole[0]
    things = ENTITIES[model.entity].lower()
    said = (
        f"{first.entered:,} journeys of {first.entities or 0:,} {things} entered in this period; what became of each."
    )
    if answer.touched:
        how = "skip a stage or come to it out of turn"
        if answer.scope.count == "strict":
            how = "skip or repeat a stage, come to it out of turn or stop at another in between"
        said += f" {answer.touched:,} of them {how}: another way of counting may place them elsewhere."
    return said


def versus(answer: Funnel, things: str) -> dict[str, Any]:
    """Note and change of the entries for a tile."""
    first = answer.whole[0]
    note = {"note": f"by {first.entities or 0:,} {things}"}
    before = answer.comparison.whole[0].entered if answer.comparison else 0
    if not before:
        return note
    return note | {"change": labels.growth(first.entered / before - 1, 1), "compared": f"before: {before:,}"}


def compared_with(answer: Funnel) -> str:
    """Which period was compared, seen from when."""
    other = answer.comparison.scope if answer.comparison else answer.scope
    return f"Against {describe(other)[0]}, as far as it was known equally long after ({describe(other)[1]})"


def counts_title(answer: Funnel) -> str:
    return "Who is in each stage" if answer.scope.basis == "stock" else "Who entered each stage in this period"


def counts_caption(answer: Funnel) -> str:
    """What the counts of this basis cannot say."""
    if answer.scope.basis == "stock":
        return "At the cut-off, whenever they came. The period and the window play no part."
    return "Different people at each stage: ratios of counts, no conversion rates. No window applies."


def table_caption(answer: Funnel) -> str:
    if answer.scope.basis == "cohort":
        return "Rates with their 95 % interval and what lies under them; times of those who have advanced"
    return counts_caption(answer)


def headline(answer: Funnel) -> str:
    """Where most of those who left did so."""
    worst = most_left(answer.whole)
    left = sum(r.left for r in answer.whole if not r.optional)
    if worst is None:
        return "Where they enter, and how far they come: nobody has left"
    return f"The largest loss is at {worst.label}: {worst.left:,} of the {left:,} who left"


def reasons_title(found: pd.DataFrame) -> str:
    """The most frequent of the reasons, whatever the exit, and its share; `found` as `frames.reasons` gives it.

    That none was given is no reason.
    """
    if found.empty:
        return "Why they leave"
    sizes = found.groupby("reason", sort=False)["n"].sum()
    most, share = sizes.idxmax(), labels.percent(sizes.max() / sizes.sum(), 0)
    if most == reason(None):
        return f"{share} of {sizes.sum():,} who left gave no reason"
    return f"“{most}” is the most frequent reason: {share} of {sizes.sum():,} who left"


def segment_title(answer: Funnel, step: Step, by: str) -> str:
    """Which group differs from all others together; that none does, where none does."""
    found = standouts({named(v): rate_of(answer.of(v), step) for v in answer.segments})
    if not found:
        return f"{step.label}: no {by.lower()} differs clearly from the others"
    best = found[0]
    return (
        f"{step.label}: {best.name} at {labels.percent(best.rate.value)}, "
        f"all others together at {labels.percent(best.rest.value)}"
    )


def change_title(found: Sequence[Change]) -> str:
    """The largest change that chance does not explain; that there is none, where there is none."""
    most = clearest(found)
    if most is None or most.difference is None:
        return "No step converts clearly better or worse than in the other period"
    went = "better" if most.difference.value > 0 else "worse"
    return f"{most.step.label} converts {went} than in the other period ({labels.points(most.difference)})"
