"""Who has stalled: open for longer than a stage's limit, and what may still come of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from lifecycle.business import Business
from lifecycle.durations import LifeTable
from lifecycle.parts import Contrast, Part, beside_before, beside_others
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from lifecycle.time_in_stage import ADVANCED, edge

LIMITS = {"own": "The stage's own limit", "usual": "Nine in ten who advanced"}


@dataclass(frozen=True)
class Limit:
    """How long is too long in a stage: seconds of counted time, and whether it is the stage's `own` or the `usual`.

    Own limits are days of the stage model; with a business calendar they are working days, and time is counted in
    working hours. The usual one is the time within which nine in ten of those advanced who advanced by as_of.
    """

    stage: str
    seconds: float
    kind: str


@dataclass(frozen=True)
class Heap:
    """The stays of one owner (None = nobody) in one stage: how many are open, how many stalled, and their worth.

    `amount`: open deals of the stalled; `oldest_seconds`: the longest of them in counted time. None where none is.
    """

    stage: str
    owner: str | None
    n: int
    over: int
    amount: float | None
    oldest_seconds: float | None


@dataclass(frozen=True)
class Stalled:
    """Who has stalled at as_of, by stage and owner; the period plays no part. `business`: how time is counted.

    `parts`: the heaps of each part of the breakdown. The comparison is of the whole alone: who had stalled at the end
    of the compared period's time, by today's limits.
    """

    scope: Scope
    limits: tuple[Limit, ...]
    heaps: tuple[Heap, ...]
    business: Business | None
    parts: tuple[Part[tuple[Heap, ...]], ...] = ()
    comparison: Stalled | None = None
    statements: tuple[Any, ...] = ()

    def share(self, stage: str | None = None) -> Rate:
        """Stalled of those who are in the stage, or in any stage that has a limit."""
        return stalled_of(self.heaps, stage)

    @cached_property
    def contrasts(self) -> tuple[Contrast[str | None], ...]:
        """How the share that stalled, in each stage and in all of them (None), differs between a part and all others.

        95 % intervals by Newcombe (1998); what is clear is judged over all that are looked at together.
        """
        return beside_others([(part, self._shares(part.answer)) for part in self.parts], self._shares(self.heaps))

    @cached_property
    def changes(self) -> tuple[Contrast[str | None], ...]:
        """How the same shares differ from those at the end of the compared period's time.

        Whoever stands in a stage at both times counts in both, so that the intervals are too wide rather than too
        narrow.
        """
        before = self.comparison
        return beside_before(self._shares(self.heaps), self._shares(before.heaps)) if before else ()

    def _shares(self, heaps: Sequence[Heap]) -> dict[str | None, Rate]:
        return {stage: stalled_of(heaps, stage) for stage in (None, *(limit.stage for limit in self.limits))}

    @property
    def amount(self) -> float | None:
        """Open deals of all who stalled; None where no deals are known."""
        known = [h.amount for h in self.heaps if h.amount is not None]
        return sum(known) if known else None


@dataclass(frozen=True)
class StalledStay:
    """One stay that lasts too long. `chance`: of advancing, given its age; `at_risk`: how many that rests on."""

    entity_id: str
    stage: str
    owner: str | None
    entered_at: datetime
    age_seconds: float
    counted_seconds: float
    amount: float | None
    chance: float | None
    at_risk: int


@dataclass(frozen=True)
class StalledList:
    """The first of `total` stalled stays: those with most open deals, then those that stalled last."""

    total: int
    stays: tuple[StalledStay, ...]
    statements: tuple[Any, ...] = ()


def stalled_of(heaps: Iterable[Heap], stage: str | None = None) -> Rate:
    """Of those who are in the stage, or in any stage, the share that stalled."""
    own = [h for h in heaps if stage in (None, h.stage)]
    return Rate(sum(h.over for h in own), sum(h.n for h in own))


def together(heaps: Iterable[Heap]) -> tuple[Heap, ...]:
    """Heaps of several parts as one: one heap per stage and owner."""
    found: dict[tuple[str, str | None], Heap] = {}
    for heap in heaps:
        key = heap.stage, heap.owner
        found[key] = _added(found[key], heap) if key in found else heap
    return tuple(found.values())


def _added(a: Heap, b: Heap) -> Heap:
    amounts = [x.amount for x in (a, b) if x.amount is not None]
    oldest = max((x.oldest_seconds for x in (a, b) if x.oldest_seconds is not None), default=None)
    return Heap(a.stage, a.owner, a.n + b.n, a.over + b.over, sum(amounts) if amounts else None, oldest)


def prospects(table: LifeTable, age_seconds: float) -> tuple[float | None, int]:
    """The chance to advance from an age on, and how many were seen at that age; both as of the age's bin."""
    age = edge(age_seconds)
    return table.chance([ADVANCED], age), table.at(age).at_risk


def by_owner(heaps: Sequence[Heap]) -> Mapping[str | None, list[Heap]]:
    """Heaps by owner, who has most first; nobody's last among equals."""
    owners: dict[str | None, list[Heap]] = {}
    for heap in heaps:
        owners.setdefault(heap.owner, []).append(heap)
    order = sorted(owners, key=lambda o: (-sum(h.over for h in owners[o]), o is None, o or ""))
    return {owner: owners[owner] for owner in order}
