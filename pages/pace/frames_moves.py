"""Answers about moves as frames, for charts and tables."""

from __future__ import annotations

import pandas as pd

from lifecycle.moves import Moves, Pair, Transition, kind_of
from lifecycle.stages import StageModel
from pages.pace.contrasts import named
from pages.ui import labels
from pages.ui.charts_moves import KINDS
from pages.ui.labels import ENTITIES, told
from queries.contacts import Records

STILL = "Still there"
WELCOME = ("advance", "skip", "reopen")  # moves of which more are better


def label_of(model: StageModel, key: str | None) -> str:
    return STILL if key is None else model.stage(key).label


def matrix(found: Moves, model: StageModel) -> pd.DataFrame:
    """A row per move that was made, in the order of the stages."""
    places = {key: i for i, key in enumerate([s.key for s in (*model.progress, *model.exits)])}
    return pd.DataFrame(
        [
            {
                "row": label_of(model, t.start),
                "column": label_of(model, t.end),
                "row_position": places[t.start],
                "column_position": places[t.end] if t.end else len(places),
                "start": t.start,
                "end": t.end or "",
                "kind": _drawn(model, t),
                "n": t.n,
                "of": t.share.denominator,
                "share": t.share.value,
                "took": told(t.median_seconds) if t.median_seconds is not None else "",
                "median_days": None if t.median_seconds is None else t.median_seconds / 86_400,
            }
            for t in found.whole
        ]
    )


def _drawn(model: StageModel, t: Transition) -> str:
    """As which kind a move is drawn: who stays at the end of the lifecycle, or out of it, waits for nothing."""
    if t.kind != "open":
        return t.kind
    return "arrived" if t.start == model.progress[-1].key else "out" if model.stage(t.start).kind == "exit" else "open"


def table(found: Moves, model: StageModel) -> pd.DataFrame:
    """Every move of the whole and of each part, for the CSV."""
    rows = [_row(model, "All", t) for t in found.whole]
    rows += [_row(model, named(p.name), t) for p in found.parts for t in p.answer]
    return pd.DataFrame(rows)


def _row(model: StageModel, group: str, t: Transition) -> dict[str, object]:
    low, high = t.share.interval or (None, None)
    return {
        "group": group,
        "from": label_of(model, t.start),
        "to": label_of(model, t.end),
        "move": KINDS[t.kind][0],
        "n": t.n,
        "of": t.share.denominator,
        "share": t.share.value,
        "low": low,
        "high": high,
        "median_days": None if t.median_seconds is None else t.median_seconds / 86_400,
    }


def said(pair: Pair, model: StageModel) -> str:
    """A move in words."""
    start, end = pair
    return f"{label_of(model, start)} → {label_of(model, end).lower() if end is None else label_of(model, end)}"


def is_welcome(pair: Pair, model: StageModel) -> bool:
    """Whether more of a move is better."""
    return kind_of(model, *pair) in WELCOME


def movers(found: Records, model: StageModel) -> pd.DataFrame:
    """A page of stays, in words."""
    rows = found.table.to_pylist()
    frame = pd.DataFrame(
        [
            {
                ENTITIES[model.entity]: r["entity_id"],
                "Entered": r["entered_at"],
                "Left": r["left_at"],
                "Stayed": labels.duration((r["left_at"] - r["entered_at"]).total_seconds()) if r["left_at"] else "",
                "Journey": r["journey"],
                "Segment": named(r["segment"]),
            }
            for r in rows
        ]
    )
    dropped = [c for c in ("Left", "Stayed") if len(frame) and not frame[c].astype(bool).any()]
    dropped += ["Segment"] if all(r["segment"] is None for r in rows) and rows else []
    return frame.drop(columns=dropped)
