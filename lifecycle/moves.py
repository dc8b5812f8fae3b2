"""Where entities go from each stage: transitions with their shares and times, and how groups differ in them.

Every stay that began in the period counts, those still going on at as_of as *still there*, so that the shares of a
stage's stays add up to one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lifecycle.durations import OPEN, LifeTable, Row
from lifecycle.parts import Contrast, Part, beside_before, beside_others
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from lifecycle.stages import StageModel

KINDS = ("advance", "skip", "regress", "recycle", "exit", "reopen", "open")

Pair = tuple[str, str | None]  # a stage, and the next one; None: still there
Counts = Mapping[Pair, int]  # stays


def kind_of(model: StageModel, start: str, end: str | None) -> str:
    """How a move from one stage to another is classified; `open` where nothing has followed.

    *advance*: to a higher stage. *skip*: over at least one stage that is not optional. *regress*: to a lower one.
    *exit*: out of the lifecycle; *recycle* where the exit, by its key or a raw value that enters it, is named after
    recycling: the lead goes back to marketing. *reopen*: from an exit to a stage.
    """
    if end is None:
        return OPEN
    last = model.stage(end)
    if last.kind == "exit":
        return "recycle" if any(raw.startswith("recycl") for raw in last.raw_values()) else "exit"
    if model.stage(start).kind == "exit":
        return "reopen"
    here, there = model.rank(start), model.rank(end)
    if there < here:
        return "regress"
    return "advance" if all(s.optional for s in model.progress[here : there - 1]) else "skip"


@dataclass(frozen=True)
class Transition:
    """Of the stays in `start` that began in the period, those that `end` followed (None: still there at as_of).

    `share`: of all these stays. `median_seconds`: the time by which half of those had gone that way who have or, by the
    curve, would have gone by the longest time seen; it comes from the cumulative incidence (Aalen and Johansen 1978),
    so that young stays do not make it short. None for those still there.
    """

    start: str
    end: str | None
    kind: str
    share: Rate
    median_seconds: float | None = None

    @property
    def n(self) -> int:
        return self.share.numerator


@dataclass(frozen=True)
class Moves:
    """The answer: transitions of the whole by stage and, with a breakdown, of each part.

    With a comparison, those of the compared period. `contrasts`: what sets parts apart; `changes`: what has changed
    since the compared period.
    """

    model: str
    build: int
    scope: Scope
    whole: tuple[Transition, ...]
    parts: tuple[Part[tuple[Transition, ...]], ...] = ()
    comparison: Moves | None = None
    contrasts: tuple[Contrast[Pair], ...] = ()
    changes: tuple[Contrast[Pair], ...] = ()
    statements: tuple[Any, ...] = ()

    def n(self, stage: str | None = None) -> int:
        """Stays that began in the period, of one stage or of all."""
        return sum(t.n for t in self.whole if stage in (None, t.start))

    def of_kind(self, *kinds: str) -> int:
        return sum(t.n for t in self.whole if t.kind in kinds)

    def share_of(self, *kinds: str) -> Rate:
        """Of the moves that were made, those of these kinds; stays still going on have made none."""
        return Rate(self.of_kind(*kinds), self.n() - self.of_kind(OPEN))


def ordered(model: StageModel, counts: Counts) -> list[Pair]:
    """The pairs by the order of their stages, progress before exits; still there last."""
    place = {s.key: i for i, s in enumerate((*model.progress, *model.exits))}
    return sorted(counts, key=lambda pair: (place[pair[0]], place.get(pair[1] or "", len(place))))


def transitions(
    model: StageModel, counts: Counts, tables: Mapping[str, LifeTable] | None = None
) -> tuple[Transition, ...]:
    """Transitions from the stays per pair; `tables`: per stage the life table by next stage, for the times."""
    of: dict[str, int] = {}
    for (start, _), n in counts.items():
        of[start] = of.get(start, 0) + n
    made = []
    for start, end in ordered(model, counts):
        table = tables.get(start) if tables else None
        median = time_of(table, end) if table and end else None
        made.append(Transition(start, end, kind_of(model, start, end), Rate(counts[start, end], of[start]), median))
    return tuple(made)


def time_of(table: LifeTable, outcome: str, q: float = 0.5) -> float | None:
    """The time by which a share `q` of those who leave by `outcome`, as far as the curve goes, had left that way."""
    steps = table.incidence.get(outcome, ())
    return table.time_to([outcome], steps[-1][1] * q) if steps else None


def life_tables(rows: Iterable[tuple[str, str | None, float, int]]) -> dict[str, LifeTable]:
    """Per stage, from (stage, next stage, seconds, n)."""
    found: dict[str, list[Row]] = {}
    for stage, following, seconds, n in rows:
        found.setdefault(stage, []).append((seconds, following or OPEN, n))
    return {stage: LifeTable(tuple(lengths)) for stage, lengths in found.items()}


def between_parts(found: Moves) -> tuple[Contrast[Pair], ...]:
    """How often each move is made in each part of the breakdown, beside all the others together; the clearest first."""
    pairs = [(t.start, t.end) for t in found.whole]
    return beside_others([(part, _shares(part.answer, pairs)) for part in found.parts], _shares(found.whole, pairs))


def since_before(found: Moves) -> tuple[Contrast[Pair], ...]:
    """How often each move is made, beside the compared period seen equally long; the clearest first."""
    if found.comparison is None:
        return ()
    pairs = [(t.start, t.end) for t in found.whole]
    return beside_before(_shares(found.whole, pairs), _shares(found.comparison.whole, pairs))


def _shares(found: Sequence[Transition], pairs: Sequence[Pair]) -> dict[Pair, Rate]:
    """How often each of these moves is made, of the stays in its stage; also of those that nobody made."""
    made = {(t.start, t.end): t.share for t in found}
    stays = {t.start: t.share.denominator for t in found}
    return {pair: made.get(pair, Rate(0, stays.get(pair[0], 0))) for pair in pairs}
