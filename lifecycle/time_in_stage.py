"""Time in stage: the answers, a life table per stage and per part of a breakdown, and what sets stages apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Generic, TypeVar

from lifecycle.durations import LifeTable, Test, joined, log_rank
from lifecycle.parts import Part
from lifecycle.rates import LEVEL, Rate, adjusted
from lifecycle.scope import Scope
from lifecycle.stages import StageModel

ADVANCED, BACK = "advanced", "went back"  # ways to leave a stage, beside the exits, which have their own keys
HOUR, DAY = 3_600.0, 86_400.0
FINE, YEAR = 14 * DAY, 365 * DAY  # life tables tell whole hours up to FINE, whole days beyond
S = TypeVar("S")


@dataclass(frozen=True)
class StageTimes:
    """The stays that were entered in the period, by stage and by part of the breakdown.

    `tables`: (stage, value of the breakdown, None without one) → life table. `segments`: the values in order of size,
    `other` last where there are more. `model`, `build`: whose answer it is. The comparison is of the whole alone.
    `start` and `end`: of an answer from stage to stage, where the time runs from and to; it then has one life table per
    value, under the stage it starts from.
    """

    model: str
    build: int
    scope: Scope
    stages: tuple[str, ...]
    tables: Mapping[tuple[str, str | None], LifeTable]
    segments: tuple[str | None, ...] = ()
    other: str = ""
    comparison: StageTimes | None = None
    statements: tuple[Any, ...] = ()
    start: str | None = None
    end: str | None = None

    def of(self, stage: str) -> LifeTable:
        """All parts of a stage together."""
        return self._wholes.get(stage, LifeTable(()))

    @cached_property
    def _wholes(self) -> dict[str, LifeTable]:
        return {
            stage: joined(table for (key, _), table in self.tables.items() if key == stage)
            for stage in {key for key, _ in self.tables}
        }

    def part(self, stage: str, value: str | None) -> LifeTable:
        """One part of a stage; empty where nobody of it entered."""
        return self.tables.get((stage, value), LifeTable(()))

    def parts(self, stage: str) -> list[LifeTable]:
        """The parts of a stage, in order."""
        return [self.part(stage, value) for value in self.segments]

    @cached_property
    def test(self) -> Test | None:
        """Whether the parts of the breakdown leave at different rates, stage by stage (stratified log-rank)."""
        return log_rank(*(self.parts(stage) for stage in self.stages)) if self.segments else None

    @cached_property
    def changes(self) -> tuple[Change[str], ...]:
        """How the pace of each stage differs from the compared period's, which was watched for equally long."""
        if self.comparison is None:
            return ()
        return changes({stage: (self.of(stage), self.comparison.of(stage)) for stage in self.stages})


def edge(seconds: float) -> float:
    """The lower edge of the bin of a duration: whole hours up to 14 days, whole days beyond."""
    width = HOUR if seconds < FINE else DAY
    return seconds // width * width


def slowest_stage(found: StageTimes, stages: Sequence[str]) -> str | None:
    """Of these stages the one with the longest median; those that half have not left yet cannot be ranked."""
    medians = {stage: half for stage in stages if (half := found.of(stage).quantile(0.5)) is not None}
    return max(medians, key=lambda stage: medians[stage]) if medians else None


def horizon(table: LifeTable) -> float:
    """How far the mean looks, in seconds: a year, or the longest stay seen where that is less."""
    return min(YEAR, table.longest)


def reach(tables: Sequence[LifeTable]) -> float:
    """How far to look, in seconds: to where nine in ten have left, and no long tail that squeezes the rest."""
    ends = []
    for table in tables:
        known = [(table.quantile(q), times) for q, times in ((0.9, 1.1), (0.75, 4.0), (0.5, 12.0))]
        ends.append(min([table.longest, *(seconds * times for seconds, times in known if seconds)]))
    furthest = max(ends, default=0.0)
    return -(-furthest // DAY) * DAY if furthest > 2 * DAY else furthest


def left_by_exit(table: LifeTable, model: StageModel) -> Rate:
    """Of the stays, those that ended in an exit by as_of."""
    return Rate(table.ended([stage.key for stage in model.exits]), table.n)


def outcomes(tables: Sequence[LifeTable], model: StageModel) -> list[str]:
    """The ways of leaving that occur, in the order of the model: advanced, went back, then the exits."""
    found = {outcome for table in tables for outcome in table.outcomes}
    return [key for key in (ADVANCED, BACK, *(stage.key for stage in model.exits)) if key in found]


@dataclass(frozen=True)
class Change(Generic[S]):
    """The pace of a stage, or of one of its months, now and before: medians, and the log-rank test.

    `p` is corrected over all that are looked at together. `is_slower` tells the direction: by the medians, else by the
    means up to the shorter of the two horizons.
    """

    about: S
    now: LifeTable
    before: LifeTable
    p: float

    @property
    def is_clear(self) -> bool:
        return self.p < LEVEL

    @property
    def is_apart(self) -> bool:
        """Whether the bands of the two medians leave each other out: a difference that one can see."""
        (low, high), (low_before, high_before) = self.now.quantile_band(0.5), self.before.quantile_band(0.5)
        return _exceeds(low, high_before) or _exceeds(low_before, high)

    @property
    def is_slower(self) -> bool:
        medians = self.now.quantile(0.5), self.before.quantile(0.5)
        if medians[0] is not None and medians[1] is not None and medians[0] != medians[1]:
            return medians[0] > medians[1]
        common = min(horizon(self.now), horizon(self.before))
        return self.now.restricted_mean(common) > self.before.restricted_mean(common)


def changes(pairs: Mapping[S, tuple[LifeTable, LifeTable]]) -> tuple[Change[S], ...]:
    """How paces differ between now and before; those that nobody entered on one side are left out."""
    tests = {about: test for about, pair in pairs.items() if (test := log_rank(pair))}
    p_values = adjusted([test.p for test in tests.values()])
    return tuple(Change(about, *pairs[about], p) for about, p in zip(tests, p_values, strict=True))


def _exceeds(low: float | None, high: float | None) -> bool:
    """Whether a lower limit lies above an upper one; an upper limit that is not reached lies above all."""
    return high is not None and (low is None or low > high)


@dataclass(frozen=True)
class Month:
    """The stays entered in one period: `period` is its first local day."""

    period: date
    table: LifeTable


@dataclass(frozen=True)
class Trend:
    """Time in one stage by period of entry, in order; periods in which nobody entered have empty tables.

    The comparison is of the whole alone; its periods follow each other as those here do.
    """

    scope: Scope
    stage: str
    months: tuple[Month, ...]
    parts: tuple[Part[tuple[Month, ...]], ...] = ()
    comparison: Trend | None = None
    statements: tuple[Any, ...] = ()

    @cached_property
    def changes(self) -> tuple[Change[date], ...]:
        """Each period beside the one in the same place before, watched for equally long (log-rank, corrected)."""
        then = self.comparison.months if self.comparison else ()
        return changes({m.period: (m.table, b.table) for m, b in zip(self.months, then, strict=False)})

    @cached_property
    def drifts(self) -> tuple[float | None, ...]:
        """Per part, p of its pace being the same in all periods (log-rank, corrected over the parts); None: no test."""
        tests = [log_rank([m.table for m in part.answer]) for part in self.parts]
        p_values = iter(adjusted([test.p for test in tests if test]))
        return tuple(next(p_values) if test else None for test in tests)
