"""Stock and flow: who is in each stage at the start of a period, who comes in and goes out, who is in it at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from lifecycle.moves import kind_of
from lifecycle.scope import Scope
from lifecycle.stages import StageModel

NEW = "new"  # the first stage of an entity's history


@dataclass(frozen=True)
class Flow:
    """One stage in one period: `start` + `entered` − `left` = `end`, to the unit.

    `came` and `went`: the same by kind of move (new: the entity's first stage). A stay of no length comes and goes.
    """

    stage: str
    period: date
    start: int
    came: Mapping[str, int]
    went: Mapping[str, int]

    @property
    def entered(self) -> int:
        return sum(self.came.values())

    @property
    def left(self) -> int:
        return sum(self.went.values())

    @property
    def end(self) -> int:
        return self.start + self.entered - self.left


@dataclass(frozen=True)
class StockFlow:
    """The answer: every stage and period, in order. `counted`: who is in each stage at the end, counted apart."""

    model: str
    build: int
    scope: Scope
    rows: tuple[Flow, ...]
    counted: Mapping[str, int]
    statements: tuple[Any, ...] = ()

    def of(self, stage: str) -> tuple[Flow, ...]:
        return tuple(row for row in self.rows if row.stage == stage)

    @property
    def stages(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.stage for row in self.rows))

    @property
    def balanced(self) -> bool:
        """Whether start + in − out of all periods gives what is counted at the end, in every stage."""
        last = {row.stage: row.end for row in self.rows}
        return all(self.counted.get(stage, 0) == end for stage, end in last.items())


def flows(
    model: StageModel,
    periods: Sequence[date],
    start: Mapping[str, int],
    moved: Iterable[tuple[str | None, str | None, date, int]],
) -> tuple[Flow, ...]:
    """From the stock at the start of the first period, and the moves (from, to, period, n) of all periods.

    A move without `from` is the first of its entity.
    """
    came: dict[tuple[str, date], dict[str, int]] = {}
    went: dict[tuple[str, date], dict[str, int]] = {}
    for source, end, period, n in moved:
        assert end is not None
        kind = kind_of(model, source, end) if source else NEW
        into = came.setdefault((end, period), {})
        into[kind] = into.get(kind, 0) + n
        if source:
            out = went.setdefault((source, period), {})
            out[kind] = out.get(kind, 0) + n
    seen = {stage for stage, _ in came} | {stage for stage, n in start.items() if n}
    made = []
    for stage in (*model.progress, *model.exits):
        if stage.key not in seen:
            continue
        stock = start.get(stage.key, 0)
        for period in periods:
            key = stage.key, period
            flow = Flow(stage.key, period, stock, came.get(key, {}), went.get(key, {}))
            made.append(flow)
            stock = flow.end
    return tuple(made)
