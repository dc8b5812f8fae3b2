"""The key figures of the alignment page, as its tiles and the slides show them."""

from __future__ import annotations

from inspect import getdoc

from lifecycle import alignment_words as words
from lifecycle.agreement import Agreement, Alignment, PositiveAgreement, change
from lifecycle.commitment import Commitment
from lifecycle.durations import LifeTable
from lifecycle.rates import Rate
from lifecycle.service import Responses, ServiceLevel
from lifecycle.stages import StageModel
from pages.ui import labels
from pages.ui.slides import Figure

HEADLINE = {
    "acceptance": ("Acceptance", getdoc(Agreement.acceptance) or ""),
    "coverage": ("Coverage (1 − bypass)", getdoc(Agreement.coverage) or ""),
    "positive_agreement": ("Positive agreement", getdoc(PositiveAgreement) or ""),
    "decided_of_due": ("Decided of due", getdoc(Agreement.decided_of_due) or ""),
}


def headline(found: Alignment) -> list[Figure]:
    """Acceptance, coverage and agreement, and always how many of the due ones were decided."""
    before = found.comparison.whole if found.comparison else None
    return [
        _share(label, getattr(found.whole, name), getattr(before, name) if before else None, said)
        for name, (label, said) in HEADLINE.items()
    ]


def in_time(found: ServiceLevel) -> list[Figure]:
    """The share touched in time; nothing without a limit."""
    if found.limit_hours is None:
        return []
    before = found.comparison.whole.rate if found.comparison else None
    return [_share("Touched in time", found.whole.rate, before, getdoc(Responses.rate) or "")]


def delivered(model: StageModel, found: Commitment) -> list[Figure]:
    """The latest month beside its target; nothing without a target."""
    aimed = [m for m in found.months if m.target]
    if not aimed:
        return []
    last = aimed[-1]
    note = f"{labels.percent(last.attainment, 0)} of {last.target:,.0f}"
    note += f"; at this pace {last.projected:,.0f}" if last.projected is not None else ""
    return [Figure(f"{words.leads(model)} in {last.period:%B}", labels.count(last.delivered), note)]


def kept(found: ServiceLevel) -> list[Figure]:
    """Who was touched in time, and who still waits."""
    r = found.whole
    waiting = Figure("Still waiting", labels.count(r.past_due), f"past due, of {r.due:,} ever missed")
    return [*in_time(found), waiting]


def waits(found: ServiceLevel) -> list[Figure]:
    """How long it takes, and for what."""
    tables = {
        "To the first touch": (found.speed, "Median, from the clock."),
        "To be assigned": (found.system_delay, "From the handoff."),
        "Then to be touched": (found.human_delay, "Once assigned."),
    }
    return [Figure(name, half(t), ninth(t), definition=definition) for name, (t, definition) in tables.items()]


def half(table: LifeTable) -> str:
    """The median of a wait."""
    if not table.n:
        return labels.UNDEFINED
    median = table.quantile(0.5)
    return labels.duration(median) if median is not None else "not reached"


def ninth(table: LifeTable) -> str:
    """The ninth decile of a wait."""
    if not table.n:
        return "nobody waited"
    most = table.quantile(0.9)
    said = labels.duration(most) if most is not None else "not reached"
    return f"nine in ten: {said} · n = {table.n:,}"


def among(agreed: PositiveAgreement) -> str:
    """The interval, and what lies under it."""
    if agreed.interval is None:
        return "nothing to divide by"
    low, high = agreed.interval
    return f"{low * 100:.1f}–{high * 100:.1f} % · {agreed.both:,} both, {agreed.rejected + agreed.bypass:,} only one"


def _share(
    label: str, now: Rate | PositiveAgreement, before: Rate | PositiveAgreement | None, definition: str
) -> Figure:
    moved = change(now, before) if before else None
    good = moved.value > 0 if moved and moved.significant else None
    note = labels.interval(now) if isinstance(now, Rate) else among(now)
    return Figure(label, labels.percent(now.value), note, labels.points(moved), good, definition)
