"""Tiles that more than one page shows."""

from __future__ import annotations

from lifecycle.nps import Nps, change, points, told
from pages.ui import labels
from pages.ui.layout import tile


def nps_tile(nps: Nps, before: Nps | None) -> None:
    """The net promoter score with its interval and respondents, and its change where a period is compared."""
    moved = change(nps, before) if before else None
    low, high = nps.interval or (0.0, 0.0)
    few = " · few, read with care" if nps.few else ""
    tile(
        "Net promoter score",
        labels.UNDEFINED if nps.value is None else told(nps.value),
        note=f"{told(low)} to {told(high)} · n = {nps.n:,}{few}" if nps.n else "nobody answered",
        change=points(moved.value) if moved else None,
        good=moved.value > 0 if moved and moved.significant else None,
        compared="vs before" if moved else "",
        definition=Nps.value.__doc__ or "",
    )
