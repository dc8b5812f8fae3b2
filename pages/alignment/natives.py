"""The pictures of agreement as charts and tables that an office program draws itself, from the same frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from lifecycle.agreement import Agreement, Alignment
from lifecycle.bypass import Evidence
from lifecycle.commitment import Commitment
from lifecycle.service import ServiceLevel
from lifecycle.stages import StageModel
from lifecycle.threshold import Threshold
from pages.alignment import frames, frames_service
from pages.ui.charts_alignment import VERDICTS
from pages.ui.charts_funnel import exit_colours
from pages.ui.charts_service import STATUSES
from pages.ui.picture import BEFORE, NOW
from pages.ui.slides import Grid, Kind, Native, Series, native

SHARE = "0%"
COUNT = "#,##0"


def months(found: Commitment) -> Native:
    """What became of each month's leads, stacked, and the target as a line over them."""
    columns = _named("stacked columns", frames.outcomes(found), "label", "outcome", VERDICTS)
    targets = tuple(m.target for m in found.months)
    return replace(columns, lines=(Series("Target", "#17212E", targets),)) if any(targets) else columns


def cells(leads: str, whole: Agreement) -> Grid:
    """The 2×2 without the cell that nobody can know."""
    rows = frames.cells(leads, whole)
    known = {(r.marketing, r.sales): (f"{r.n:,}", str(r.note), VERDICTS[str(r.outcome)][1]) for r in rows.itertuples()}
    columns = tuple(dict.fromkeys(rows["sales"]))
    lines = dict.fromkeys(rows["marketing"])
    return Grid(columns, tuple((line, tuple(known.get((line, c)) for c in columns)) for line in lines))


def reasons(found: Alignment, model: StageModel) -> Native:
    """Why leads were rejected: a bar per reason, the most frequent first, parted by exit."""
    rows = frames.reasons(found, model)
    colours = {name: colour for name, colour in exit_colours(model).items() if name in set(rows["exit"])}
    size = rows.groupby("reason")["n"].transform("sum")
    ordered = rows.assign(size=size).sort_values("size", ascending=False, kind="stable")
    return native("stacked bars", ordered, "reason", "exit", "n", colours, COUNT)


def traits(found: Evidence, label: Mapping[str, str]) -> Native | None:
    """What sets bypassed leads apart, beside those handed over."""
    rows = frames.traits(found, label)
    if rows.empty:
        return None
    colours = dict(zip(dict.fromkeys(rows["series"]), (NOW, BEFORE), strict=True))
    return native("bars", rows, "label", "series", "value", colours, SHARE)


def cuts(found: Threshold) -> Native:
    """Acceptance, coverage and volume over every cut."""
    colours = {"Acceptance": NOW, "Coverage": VERDICTS["bypass"][1], "Volume": BEFORE}
    return native("curves", frames.threshold(found), "score", "series", "value", colours, SHARE)


def bands(found: Threshold) -> Native:
    """Acceptance by score band."""
    rows = frames.bands(found.bands).assign(series="Acceptance")
    return native("columns", rows, "label", "series", "value", {"Acceptance": NOW}, SHARE)


def responses(found: ServiceLevel) -> Native:
    """Who is touched in time, as shares of each group."""
    rows, _ = frames_service.responses(found)
    return _named("full bars", rows, "label", "status", STATUSES)


def _named(kind: Kind, rows: pd.DataFrame, category: str, key: str, known: Mapping[str, tuple[str, str]]) -> Native:
    """Counts whose series are keys of a table of meanings: their words and colours."""
    seen = rows.groupby(key)["n"].sum()
    colours = {name: colour for k, (name, colour) in known.items() if seen.get(k, 0)}
    named = rows.assign(**{key: rows[key].map({k: name for k, (name, _) in known.items()})})
    return native(kind, named, category, key, "n", colours, COUNT)
