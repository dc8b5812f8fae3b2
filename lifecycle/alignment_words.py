"""Agreement in plain words: each sentence is a rule, states its numbers with their interval, or is silent."""

from __future__ import annotations

from collections.abc import Iterable

from lifecycle.agreement import Alignment, PositiveAgreement, change
from lifecycle.commitment import Commitment, Month
from lifecycle.durations import LifeTable
from lifecycle.rates import Rate, difference, points
from lifecycle.service import ServiceLevel
from lifecycle.stages import StageModel
from lifecycle.time_in_stage import FINE
from lifecycle.where import Row

BEFORE = {"previous": "in the period before", "year": "in the same period of the year before"}
MOSTLY = 0.5  # a segment that makes up this share of a change is named for it


def percent(share: float) -> str:
    """A share in whole per cent."""
    return f"{share * 100:.0f} %"


def among(rate: Rate | PositiveAgreement) -> str:
    """What lies under a rate: `312 of 760, 38–45 %`."""
    low, high = rate.interval or (0.0, 0.0)
    return f"{rate.numerator:,} of {rate.denominator:,}, {low * 100:.0f}–{high * 100:.0f} %"


def leads(model: StageModel) -> str:
    """What marketing hands over, in the model's own word: `MQLs`."""
    assert model.handoff
    return f"{model.stage(model.handoff.from_).label}s"


def headline(model: StageModel, found: Alignment, rows: Iterable[Row] = ()) -> str:
    """How much sales accepted of what it decided; by how much that changed, where the change is no chance, and where.

    `rows`: of all segments, with the compared period's, so that the one that makes up the change can be named.
    """
    rate = found.whole.acceptance
    if not found.whole.delivered:
        return f"No {leads(model)} were handed over in this period."
    if rate.value is None:
        return f"Sales decided none of the {found.whole.delivered:,} {leads(model)} so far."
    said = f"Sales accepted {percent(rate.value)} of the {leads(model)} it decided ({among(rate)})"
    if found.comparison is None:
        return f"{said}."
    moved = change(rate, found.comparison.whole.acceptance)
    if moved is None or not moved.significant:
        return f"{said}."
    way = f"{'more' if moved.value > 0 else 'less'} than {BEFORE[found.scope.compare]} ({points(moved.value)})"
    row = responsible(rows, moved.value)
    return f"{said}, {way}{f', mostly in {place(row)}' if row else ''}."


def place(row: Row) -> str:
    """A value of a segment as it is named in a sentence."""
    return f"{row.value or 'not set'} ({row.segment.replace('_', ' ')})"


def responsible(rows: Iterable[Row], moved: float) -> Row | None:
    """The named value that makes up most of a change of acceptance, by mix and rate together; None if none does."""
    parts = [(((r.mix or 0.0) + (r.rate or 0.0)) / moved, r) for r in rows if r.value is not None]
    share, row = max(parts, key=lambda part: part[0], default=(0.0, None))
    return row if share >= MOSTLY else None


def standing_out(rows: Iterable[Row]) -> Row | None:
    """The named value whose acceptance lies furthest beyond its 99.8 % control limits, and differs from the rest."""
    furthest = sorted((r for r in rows if r.value is not None and r.differs), key=lambda r: -abs(r.distance))
    return next((r for r in furthest if r.outside == "99.8"), None)  # limits take longer than all else here


def exception(rows: Iterable[Row]) -> str | None:
    """Which value stands out, and what all others have; None where nothing differs by more than chance."""
    row = standing_out(rows)
    if row is None or row.acceptance.value is None or row.rest.value is None:
        return None
    here = f"{percent(row.acceptance.value)} accepted ({among(row.acceptance)})"
    return f"{place(row)} stands out: {here}; all others have {percent(row.rest.value)}."


def ignored(model: StageModel, found: Alignment) -> str | None:
    """How many due leads were not decided in time; None where all were."""
    rate = found.whole.decided_of_due
    if rate.value is None or rate.numerator == rate.denominator:
        return None
    missed = Rate(rate.denominator - rate.numerator, rate.denominator)
    assert missed.value is not None
    return f"{percent(missed.value)} of the {leads(model)} due were not decided in time ({among(missed)})."


def readiness(found: Alignment) -> str | None:
    """What it means that sales rejects more than it accepts; None unless the whole interval says so."""
    interval = found.whole.acceptance.interval
    if interval is None or interval[1] >= 0.5:
        return None
    return "Sales rejects more than it accepts: these leads are not ready, or the two teams' criteria differ."


def sentences(model: StageModel, found: Alignment, rows: Iterable[Row] = ()) -> list[str]:
    """All that the rules say, the most important first."""
    rows = list(rows)
    said = [headline(model, found, rows), exception(rows), ignored(model, found), readiness(found)]
    return [sentence for sentence in said if sentence]


def punctual(model: StageModel, found: ServiceLevel) -> str:
    """How many leads were touched in time."""
    rate = found.whole.rate
    if found.limit_hours is None:
        return "The lifecycle sets no limit for the first touch"
    if rate.value is None:
        return f"No {leads(model)} were due for a first touch"
    hours = f"{found.limit_hours:g} {'working hours' if found.business else 'hours'}"
    return f"{percent(rate.value)} of the {leads(model)} were touched within {hours}"


def speed(table: LifeTable) -> str:
    """The median and the ninth decile of a wait, those still waiting included."""
    half, most = table.quantile(0.5), table.quantile(0.9)
    if not table.n:
        return "Nobody waited for a first touch"
    if half is None:
        return "Fewer than half have been reached so far"
    said = f"Half are reached within {span(half)}"
    return (
        f"{said}, nine in ten within {span(most)}" if most is not None else f"{said}; nine in ten are not reached yet"
    )


def owners(found: ServiceLevel) -> str | None:
    """Who responds in time most and least often, of those with enough leads; None where chance explains the gap.

    Under a breakdown by anything but the owner, whose leads are.
    """
    rows = [r for r in found.rows if r.value is not None and not r.responses.rate.few]
    if len(rows) < 2:
        return None
    rows.sort(key=lambda r: r.responses.rate.value or 0.0)
    least, most = rows[0], rows[-1]
    gap = difference(most.responses.rate, least.responses.rate)
    if gap is None or not gap.significant:
        return None
    low, high = (percent(r.responses.rate.value or 0.0) for r in (least, most))
    if found.by == "owner":
        return f"{most.value} responds in time for {high}, {least.value} for {low}"
    return f"{most.value}: {high} touched in time, {least.value}: {low}"


def span(seconds: float) -> str:
    """A duration as a life table gives it, at the lower edge of its bin of hours or days."""
    hours = seconds / 3_600
    if hours <= 48:
        return "an hour" if hours < 1 else f"{hours:.0f} h"
    return f"{hours / 24:.{0 if seconds >= FINE else 1}f} days"


def promised(model: StageModel, found: Commitment) -> str:
    """The latest month beside its target, projected where it is still running."""
    aimed = [m for m in found.months if m.target]
    if not aimed:
        return f"{leads(model)} delivered by month"
    return _month(model, aimed[-1])


def _month(model: StageModel, month: Month) -> str:
    name, target = f"{month.period:%B %Y}", month.target or 0
    if month.projected is not None:
        pace = "ahead of" if month.projected >= target else "behind"
        far = f"{month.delivered:,} {leads(model)} so far in {name}"
        return f"{far}: at this pace {month.projected:,.0f}, {pace} the {target:,.0f} promised"
    met = "met" if month.delivered >= target else "missed"
    return f"{name} {met} its target: {month.delivered:,} of {target:,.0f} {leads(model)}"
