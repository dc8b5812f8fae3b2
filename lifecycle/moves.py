"""Where entities go from each stage: transitions with their shares and times, and how groups differ in them.

Every stay that began in the period counts, those still going on at as_of as *still there*, so that the shares of a
stage's stays add up to one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lifecycle.durations import OPEN, LifeTable, Row
from lifecycle.findings import clearly_unequal
from lifecycle.rates import FEW, Difference, Rate, difference
from lifecycle.scope import Scope
from lifecycle.stages import StageModel

KINDS = ("advance", "skip", "regress", "recycle", "exit", "reopen", "open")

Counts = Mapping[tuple[str, str | None], int]  # (stage, the next one; None: still there) → stays


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
class Part:
    """The transitions of one value of the breakdown (`name`: as people read it; `values`: those it holds)."""

    name: str | None
    values: tuple[str | None, ...]
    transitions: tuple[Transition, ...]


@dataclass(frozen=True)
class Moves:
    """The answer: transitions of the whole by stage and, with a breakdown, of each part; `other`: the part of the rest.

    With a comparison, the same of the compared period.
    """

    model: str
    build: int
    scope: Scope
    whole: tuple[Transition, ...]
    parts: tuple[Part, ...] = ()
    comparison: Moves | None = None
    statements: tuple[Any, ...] = ()

    def n(self, stage: str | None = None) -> int:
        """Stays that began in the period, of one stage or of all."""
        return sum(t.n for t in self.whole if stage in (None, t.start))

    def of_kind(self, *kinds: str) -> int:
        return sum(t.n for t in self.whole if t.kind in kinds)

    def share_of(self, *kinds: str) -> Rate:
        """Of the moves that were made, those of these kinds; stays still going on have made none."""
        return Rate(self.of_kind(*kinds), self.n() - self.of_kind(OPEN))


def ordered(model: StageModel, counts: Counts) -> list[tuple[str, str | None]]:
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


@dataclass(frozen=True)
class Contrast:
    """One move in one group beside all others, or in the period beside the compared one.

    `clear`: chance does not explain the difference, judged over all moves and groups that are looked at together (95 %
    interval by Newcombe 1998; p values by Benjamini and Hochberg 1995).
    """

    name: str | None
    values: tuple[str | None, ...]
    start: str
    end: str | None
    kind: str
    here: Rate
    there: Rate
    clear: bool = False
    difference: Difference | None = field(default=None)


def between_parts(found: Moves) -> tuple[Contrast, ...]:
    """How often each move is made in each part of the breakdown, beside all the others together; the clearest first."""
    total = {(t.start, t.end): t for t in found.whole}
    pairs = []
    for part in found.parts:
        own = {(t.start, t.end): t.share for t in part.transitions}
        stays = {t.start: t.share.denominator for t in part.transitions}
        for key, t in total.items():
            here = own.get(key, Rate(0, stays.get(t.start, 0)))
            rest = Rate(t.share.numerator - here.numerator, t.share.denominator - here.denominator)
            pairs.append((part.name, part.values, t, here, rest))
    return _judged(pairs)


def since_before(found: Moves) -> tuple[Contrast, ...]:
    """How often each move is made, beside the compared period seen equally long; the clearest first."""
    before = found.comparison
    if before is None:
        return ()
    then = {(t.start, t.end): t.share for t in before.whole}
    stays = {t.start: t.share.denominator for t in before.whole}
    now = {(t.start, t.end): t for t in found.whole}
    pairs = [(None, (), t, t.share, then.get(key, Rate(0, stays.get(t.start, 0)))) for key, t in now.items()]
    return _judged(pairs)


def _judged(
    pairs: Sequence[tuple[str | None, tuple[str | None, ...], Transition, Rate, Rate]],
) -> tuple[Contrast, ...]:
    """Those with at least 30 stays on both sides, the clear ones first, each by the size of its difference."""
    kept = [pair for pair in pairs if min(pair[3].denominator, pair[4].denominator) >= FEW]
    clear = clearly_unequal([(here, there) for *_, here, there in kept])
    made = [
        Contrast(name, values, t.start, t.end, t.kind, here, there, is_clear, difference(here, there))
        for (name, values, t, here, there), is_clear in zip(kept, clear, strict=True)
    ]
    return tuple(sorted(made, key=lambda c: (not c.clear, -abs(c.difference.value) if c.difference else 0.0)))
