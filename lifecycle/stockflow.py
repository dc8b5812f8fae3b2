"""Stock and flow: who is in each stage at the start of a period, who comes in and goes out, who is in it at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from lifecycle.moves import kind_of
from lifecycle.parts import Part
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
class Balance:
    """Every stage and period, in order. `counted`: who is in each stage at the end, counted apart."""

    rows: tuple[Flow, ...]
    counted: Mapping[str, int]

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


@dataclass(frozen=True)
class StockFlow(Balance):
    """The answer; with a breakdown also of each part, which add up to it; with a comparison, of the compared period."""

    model: str
    build: int
    scope: Scope
    parts: tuple[Part[Balance], ...] = ()
    comparison: StockFlow | None = None
    statements: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Through:
    """One stage over the whole period: `start` + `entered` − `left` = `end`."""

    start: int = 0
    entered: int = 0
    left: int = 0

    @property
    def end(self) -> int:
        return self.start + self.entered - self.left


def through(balance: Balance, stage: str) -> Through:
    """What went through a stage; nothing where nobody was ever in it."""
    own = balance.of(stage)
    return Through(own[0].start if own else 0, sum(f.entered for f in own), sum(f.left for f in own))


Moved = tuple[str, str | None, date, int]  # a stage, the other one (None: there is none), the period, n


def flows(
    model: StageModel,
    periods: Sequence[date],
    start: Mapping[str, int],
    entered: Iterable[Moved],
    left: Iterable[Moved],
) -> tuple[Flow, ...]:
    """From the stock at the start of the first period, and who entered (from) and left (to) each stage in all periods.

    An entry without `from` is the first of its entity.
    """
    came: dict[tuple[str, date], dict[str, int]] = {}
    went: dict[tuple[str, date], dict[str, int]] = {}
    for key, source, period, n in entered:
        kind = kind_of(model, source, key) if source else NEW
        into = came.setdefault((key, period), {})
        into[kind] = into.get(kind, 0) + n
    for key, end, period, n in left:
        kind, out = kind_of(model, key, end), went.setdefault((key, period), {})
        out[kind] = out.get(kind, 0) + n
    seen = {key for key, _ in (*came, *went)} | {key for key, n in start.items() if n}
    made = []
    for stage in (*model.progress, *model.exits):
        if stage.key not in seen:
            continue
        stock = start.get(stage.key, 0)
        for period in periods:
            at = stage.key, period
            flow = Flow(stage.key, period, stock, came.get(at, {}), went.get(at, {}))
            made.append(flow)
            stock = flow.end
    return tuple(made)
