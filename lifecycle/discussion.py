"""Leads to discuss: disagreements that are worth an argument, and what makes each one so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lifecycle.threshold import BAND, Threshold
from lifecycle.where import Row

TOPICS = {  # in the order of presentation
    "high_score": "Rejected with a high score",
    "bypass": "Accepted by bypass",
    "expired": "Never decided, or too late",
    "others_accept": "Rejected where other reps accept",
    "sent_back_twice": "Sent back twice",
}
PEERS = 10  # so many like leads must others have decided,
USUALLY = (2, 3)  # and accepted this share of them


@dataclass(frozen=True)
class Rules:
    """What makes a lead worth discussing. `high_score`: from this score on a rejection is one (None: no scores).

    `alike`: the segments whose values like leads share, beside their score band of `band` points; empty: no likeness.
    """

    high_score: float | None = None
    alike: tuple[str, ...] = ()
    band: float | None = None


@dataclass(frozen=True)
class Lead:
    """One lead with the topics that it belongs to, the most first; `others`: (accepted, decided) of like leads by
    other reps."""

    entity_id: str
    journey: int
    handed_at: datetime
    outcome: str
    decided_at: datetime | None
    rejected_by: str | None
    reason: str | None
    score: float | None
    owner: str | None
    topics: tuple[str, ...]
    others: tuple[int, int] | None = None


@dataclass(frozen=True)
class Discussion:
    """The answer: how many leads each topic has, how many leads there are in all, and one page of them, ranked.

    The rank: the most topics first, then the highest score, then the latest.
    """

    total: int
    topics: Mapping[str, int]
    leads: tuple[Lead, ...] = ()
    rules: Rules = field(default_factory=Rules)
    statements: tuple[Any, ...] = ()


def alike(segments: Mapping[str, Iterable[Row]], besides: Iterable[str]) -> tuple[str, ...]:
    """The segment that parts accepted from rejected leads best, as like leads must share its value; `besides` are out.

    The best: whose values' contributions are largest in sum; none where no value differs from the rest.
    """
    out, left_out = {}, set(besides)
    for name, rows in segments.items():
        found = [r for r in rows if r.differs and r.contribution is not None]
        if found and name not in left_out:
            out[name] = sum(abs(r.contribution or 0.0) for r in found)
    return (max(out, key=lambda name: out[name]),) if out else ()


def rules(scores: Threshold | None, segments: Mapping[str, Iterable[Row]]) -> Rules:
    """What makes a lead worth discussing here, from the scores and segments of the same leads; reps are not alike."""
    like = alike(segments, ["owner"])
    return Rules(None, like) if scores is None else Rules(scores.high, like, scores.step * BAND)
