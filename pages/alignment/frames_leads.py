"""Lists of leads as frames: in words, one row per lead."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd

from lifecycle.discussion import Discussion
from lifecycle.stages import StageModel
from pages.alignment.frames import named
from pages.ui import labels
from pages.ui.labels import ENTITIES
from queries.contacts import Records

OUTCOMES = {
    "accepted": "accepted",
    "rejected": "rejected",
    "expired": "never decided",
    "pending": "not yet decided",
    "accepted_late": "accepted, too late",
    "rejected_late": "rejected, too late",
    "bypass": "accepted by bypass",
    "returned": "accepted on return",
}
WHY = {
    "high_score": "high score",
    "bypass": "bypass",
    "expired": "undecided in time",
    "others_accept": "others accept {yes:,} of {decided:,} like it",
    "sent_back_twice": "sent back twice",
}


def when(instant: datetime | None) -> str:
    """An instant as people read it; blank where there is none."""
    return "" if instant is None else labels.instant(instant)


def trimmed(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """A list without the columns that say nothing in any of its rows."""
    names = [name for name in (rows[0] if rows else {}) if any(row[name] not in ("", None) for row in rows)]
    return pd.DataFrame(rows, columns=names)


def leads(found: Records, model: StageModel, segment: str | None = None) -> pd.DataFrame:
    """A page of leads in words."""
    label = {s.key: s.label for s in model.active}
    rows = []
    for r in found.table.to_pylist():
        shown = {
            ENTITIES[model.entity]: r["entity_id"],
            "Handed over": labels.instant(r["handed_at"]),
            "What became of it": OUTCOMES[r["outcome"]],
            "Decided": when(r["decided_at"]),
            "Rejected by": label.get(r["rejected_by"], ""),
            "Reason": r["reason"] or "",
            "Lead score": r["score"],
            "Owner": r["owner"] or "nobody",
        }
        rows.append(shown | ({segment: named(r["segment"])} if segment else {}))
    return trimmed(rows)


def discussed(found: Discussion, model: StageModel) -> pd.DataFrame:
    """A page of the leads to discuss: what makes each one worth it."""
    label = {s.key: s.label for s in model.active}
    rows = []
    for x in found.leads:
        yes, decided = x.others or (0, 0)
        why = [WHY[t].format(yes=yes, decided=decided) for t in x.topics]
        rows.append(
            {
                ENTITIES[model.entity]: x.entity_id,
                "Why": ", ".join(why),
                "Lead score": x.score,
                "Handed over": labels.instant(x.handed_at),
                "What became of it": OUTCOMES[x.outcome],
                "Rejected by": label.get(x.rejected_by or "", ""),
                "Reason": x.reason or "",
                "Owner": x.owner or "nobody",
            }
        )
    return trimmed(rows)
