"""Answers about the service level as frames, for charts and tables."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lifecycle.durations import LifeTable
from lifecycle.service import STATUSES, Attempts, Owned, Responses, ServiceLevel
from lifecycle.stages import StageModel
from pages.alignment.frames import named, span
from pages.alignment.frames_leads import ENTITIES, OUTCOMES, trimmed, when
from pages.ui import labels
from queries.contacts import Records

SAID = {
    "met": "touched in time",
    "missed": "touched too late",
    "overdue": "overdue",
    "unassigned": "overdue, never assigned",
    "not_due": "not yet due",
}
HORIZON_HOURS = 14 * 24


def responses(found: ServiceLevel) -> tuple[pd.DataFrame, pd.DataFrame]:
    """First touches of the whole, then of each row: bars and their rates."""
    groups: list[tuple[str, Responses]] = [("All", found.whole), *((named(r.value), r.responses) for r in found.rows)]
    bars = [{"label": name, "status": status, "n": getattr(r, status)} for name, r in groups for status in STATUSES]
    ends = [{"label": name, "rate": labels.percent(r.rate.value, 0)} for name, r in groups]
    return pd.DataFrame(bars), pd.DataFrame(ends)


def by_owner(rows: Sequence[Owned], name: str) -> pd.DataFrame:
    """The service of each owner, or of each value of the breakdown called `name`, as a table."""
    return pd.DataFrame(
        [
            {
                name: named(r.value),
                "In time": labels.percent(r.responses.rate.value),
                "95 % interval": span(r.responses.rate.interval),
                "Due": r.responses.rate.denominator,
                "Ever missed": r.responses.due,
                "Still waiting": r.responses.past_due,
                "Not yet due": r.responses.not_due,
                "Median": labels.duration(r.speed.quantile(0.5)),
                "p90": labels.duration(r.speed.quantile(0.9)),
            }
            for r in rows
        ]
    )


def waits(tables: dict[str, LifeTable]) -> pd.DataFrame:
    """Curves of waiting up to the horizon: series, hours, value, low, high, note."""
    rows = []
    for name, table in tables.items():
        start = {"series": name, "hours": 0.0, "value": 1.0, "low": 1.0, "high": 1.0, "note": f"{table.n:,} at risk"}
        points_ = [p for p in table.curve if p.seconds / 3_600 <= HORIZON_HOURS]
        rows += [start] if table.n else []
        rows += [
            {
                "series": name,
                "hours": p.seconds / 3_600,
                "value": p.survival,
                "low": p.low,
                "high": p.high,
                "note": f"{p.at_risk:,} at risk",
            }
            for p in points_
        ]
    return pd.DataFrame(rows, columns=["series", "hours", "value", "low", "high", "note"])


def attempts(found: Attempts) -> pd.DataFrame:
    """Leads by number of touches, as bars."""
    last = len(found.leads) - 1
    return pd.DataFrame(
        [
            {
                "label": f"{k} or more" if k == last else f"{k}",
                "value": n / found.n if found.n else 0.0,
                "note": f"{n:,} of {found.n:,} leads",
            }
            for k, n in found.leads
        ]
    )


def waiting(found: Records, model: StageModel) -> pd.DataFrame:
    """A page of leads on the clock, in words."""
    return trimmed(
        [
            {
                ENTITIES[model.entity]: r["entity_id"],
                "On the clock since": when(r["clock_at"]),
                "For": labels.duration(r["waited_us"] / 1e6),
                "Owner": r["owner"] or "nobody",
                "Assigned": when(r["assigned_at"]),
                "First touch": when(r["touched_at"]),
                "What became of it": OUTCOMES[r["outcome"]],
                "Service level": SAID[r["status"]],
            }
            for r in found.table.to_pylist()
        ]
    )
