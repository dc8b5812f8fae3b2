"""What the funnel's numbers say: titles and captions, silent below significance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd

from lifecycle.findings import (
    MATURE,
    Change,
    PeriodRate,
    Step,
    against_benchmarks,
    clearest,
    latest,
    most_left,
    parting,
    rate_of,
    single_steps,
    standouts,
)
from lifecycle.funnel import Funnel, Ratio, StageRow
from lifecycle.rates import Rate, difference
from lifecycle.scope import Scope, describe
from lifecycle.stages import StageModel
from pages.funnel.frames import ENTITIES, named, reason, relation
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

    That none was given is no reason; of several that are equally frequent none is named.
    """
    if found.empty:
        return "Why do they leave?"
    sizes = found.groupby("reason", sort=False)["n"].sum()
    most, share = sizes.idxmax(), labels.percent(sizes.max() / sizes.sum(), 0)
    if most == reason(None):
        return f"{share} of {sizes.sum():,} who left gave no reason"
    if (alike := int((sizes == sizes.max()).sum())) > 1:
        return f"{alike} reasons are equally frequent: {share} each of {sizes.sum():,} who left"
    return f"“{most}” is the most frequent reason: {share} of {sizes.sum():,} who left"


def stages_title(answer: Funnel) -> str:
    """Which stage falls furthest short of its benchmark; without any, from which the fewest go on."""
    rows = answer.whole
    if answer.scope.basis == "stock":
        most = max(rows, key=lambda r: r.entered)
        return f"Most of them, {most.entered:,} of {sum(r.entered for r in rows):,}, are in {most.label}"
    held = against_benchmarks(rows)
    if short := next((h for h in held if h.is_below), None):
        rate, there = labels.percent(short.rate.value), labels.percent(short.benchmark, 0)
        return f"{short.row.label} is furthest below its benchmark: {rate} come to it, {there} elsewhere"
    return "No step is below its benchmark by more than chance" if held else _fewest(rows)


def _fewest(rows: Sequence[StageRow]) -> str:
    """Which stage the fewest of the one before come to, and which may be as few."""
    known = [(r.label, r.step_conversion_rate) for r in rows if not r.optional]
    ratios = [(label, r) for label, r in known if isinstance(r, Ratio) and r.value is not None]
    if ratios:
        label, ratio = min(ratios, key=lambda pair: pair[1].value or 0.0)
        return f"{label} has the fewest entries beside the stage before: {relation(ratio)}"
    rates = sorted(
        ((label, r) for label, r in known if isinstance(r, Rate) and not r.few), key=lambda pair: pair[1].value or 0.0
    )
    if len(rates) < 2:
        return "How many come to each stage, and how soon?"
    (label, rate), (other, next_) = rates[:2]
    said = f"The fewest of the stage before come to {label}: {labels.percent(rate.value)}"
    moved = difference(next_, rate)
    return (
        said
        if moved and moved.significant
        else f"{said}; chance explains that {other} has {labels.percent(next_.value)}"
    )


def course_title(found: Sequence[PeriodRate], step: Step, scope: Scope, by: str) -> str:
    """How the last period that had its time compares with those before it; of several groups, the clearest."""
    told, grain = latest(found, arrived=1.0 if scope.window else MATURE), scope.grain
    if not told:
        return f"{step.label}: no {grain} of entry is old enough to tell"
    changed, several = [t for t in told if t.clear], len({p.segment for p in found}) > 1
    if several and not changed:
        return f"{step.label}: no {by.lower()} has changed by more than chance"
    most = max(changed or told, key=lambda t: abs(t.change))
    now, when = labels.percent(most.last.rate.value), period_name(grain, most.last.period)
    whose = f"{step.label}, {named(most.last.segment)}:" if several else step.label
    if most.before is None:
        return f"{whose} at {now} in {when}, the only {grain} that is old enough"
    before = labels.percent(most.before.value)
    if not most.clear:
        return f"{whose} has not changed by more than chance: {now} in {when}, {before} before"
    return f"{whose} {'rose' if most.change > 0 else 'fell'} to {now} in {when}, from {before} before"


def ways_title(answer: Funnel, by: str) -> str:
    """Where the way of a group parts most from that of the others."""
    found = parting({named(v): answer.of(v) for v in answer.segments}, single_steps(answer.whole))
    if found is None:
        return f"No {by.lower()} goes another way than the others by more than chance"
    step, group = found
    return (
        f"The ways part most at {step.label}: {group.name} {labels.percent(group.rate.value)}, "
        f"all others together {labels.percent(group.rest.value)}"
    )


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
