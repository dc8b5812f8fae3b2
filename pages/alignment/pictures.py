"""Answers about agreement as pictures: what a card on the page and a slide of the meeting both show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from lifecycle.agreement import Alignment
from lifecycle.bypass import Evidence
from lifecycle.commitment import Commitment
from lifecycle.durations import LifeTable
from lifecycle.service import ServiceLevel
from lifecycle.stages import StageModel
from lifecycle.threshold import Threshold
from lifecycle.where import Row
from pages.alignment import frames, frames_service
from pages.ui import charts, charts_alignment, charts_funnel, charts_service
from pages.ui.picture import Picture

MARKS = "The mark is the target; dashed and after the arrow: at today's pace"


def months(found: Commitment) -> Picture | None:
    """What became of each month's leads, beside its target."""
    outcomes = frames.outcomes(found)
    return charts_alignment.months(outcomes, frames.promises(found)) if outcomes["n"].sum() else None


def cells(leads: str, found: Alignment) -> Picture | None:
    """The 2×2 of both teams without the cell that nobody can know."""
    rows = frames.cells(leads, found.whole)
    return charts_alignment.cells(rows) if rows["n"].sum() else None


def reasons(found: Alignment, model: StageModel) -> Picture | None:
    """Why leads were rejected."""
    rows = frames.reasons(found, model)
    return None if rows.empty else charts_funnel.reasons(rows, charts_funnel.exit_colours(model))


def traits(found: Evidence, label: Mapping[str, str]) -> Picture | None:
    """What sets bypassed leads apart."""
    rows = frames.traits(found, label)
    return None if rows.empty else charts.bars(rows, style=".0%", title="share of the group")


def plot(rows: Sequence[Row]) -> Picture | None:
    """Acceptance against volume, with the limits of chance."""
    dots, lines = frames.funnel_plot(rows)
    return None if dots.empty or lines.empty else charts_alignment.funnel_plot(dots, lines)


def cuts(chosen: float, found: Threshold) -> Picture:
    """Acceptance, coverage and volume over every cut; `chosen` and today's cut are marked."""
    marks = [{"score": chosen, "label": f"cut {chosen:g}"}]
    marks += [{"score": found.cut, "label": f"today {found.cut:g}"}] if found.cut not in (None, chosen) else []
    return charts_alignment.threshold(frames.threshold(found), pd.DataFrame(marks))


def bands(found: Threshold) -> Picture:
    """Acceptance by score band."""
    return charts.bars(frames.bands(found.bands), style=".0%", title="share accepted of the decided")


def responses(found: ServiceLevel) -> Picture | None:
    """Who is touched in time, in all and by rep."""
    rows, ends = frames_service.responses(found)
    return charts_service.responses(rows, ends) if found.whole.n else None


def waits(found: ServiceLevel) -> Picture | None:
    """Who still waits after so many hours."""
    rows = frames_service.waits(waited(found))
    limit = (
        [] if found.limit_hours is None else [{"hours": found.limit_hours, "label": f"limit {found.limit_hours:g} h"}]
    )
    return None if rows.empty else charts_service.waits(rows, pd.DataFrame(limit, columns=["hours", "label"]))


def waited(found: ServiceLevel) -> dict[str, LifeTable]:
    """The three waits, by name."""
    return {
        "to the first touch": found.speed,
        "to be assigned": found.system_delay,
        "then to be touched": found.human_delay,
    }
