"""The parts of a breakdown: the top values by entries, then all others; without a breakdown, the whole alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import pyarrow as pa
import sqlalchemy as sa

from lifecycle import parts as told
from lifecycle.funnel import other_than
from lifecycle.scope import Scope
from queries.modelled import Modelled
from queries.warehouse import Rendered

A = TypeVar("A")
Part = int | None  # a group of a breakdown by its place, OTHERS, or None for the whole
OTHERS = -1


class Groups:
    """Which values of a breakdown are shown, by size, and which stand together as `other`.

    `sizes`: value of the segment (None = not set) to its entries.
    """

    def __init__(self, scope: Scope, sizes: Mapping[str | None, int]) -> None:
        self.by = scope.by
        ranked = sorted(sizes, key=lambda v: (-sizes[v], v is None, v or ""))
        self.shown = ranked[: scope.top] if scope.by else []
        self.rest = ranked[scope.top :] if scope.by else []
        self.all = ranked
        self.other = other_than(self.shown)

    @property
    def parts(self) -> list[Part]:
        """The parts of the breakdown in order; none without one."""
        return [*range(len(self.shown)), *([OTHERS] if self.rest else [])]

    def label(self, part: Part) -> dict[str, str | None]:
        """`{segment: value}` of a part, `{}` of the whole."""
        if part is None or self.by is None:
            return {}
        return {self.by: self.other if part == OTHERS else self.shown[part]}

    def values(self, part: Part) -> list[str | None]:
        """The values of the segment that a part holds."""
        return self.all if part is None else self.rest if part == OTHERS else [self.shown[part]]

    def told(self, answers: Mapping[Part, A]) -> tuple[told.Part[A], ...]:
        """The answers for the parts, with what people call them."""
        names = {part: next(iter(self.label(part).values()), None) for part in self.parts}
        return tuple(told.Part(names[part], tuple(self.values(part)), answers[part]) for part in self.parts)

    def split(self, base: sa.FromClause) -> sa.Subquery:
        """The population with the part that each row belongs to."""
        if not self.by:
            return whole(base)
        c = base.c.segment
        cases = [(c == v if v is not None else c.is_(None), _place(i)) for i, v in enumerate(self.shown)]
        part = sa.case(*cases, else_=_place(OTHERS)) if cases else _place(OTHERS)
        return sa.select(base, part.label("part")).subquery("parted")


def sized(m: Modelled, scope: Scope, base: sa.FromClause) -> tuple[Groups, tuple[Rendered, ...]]:
    """The parts of a breakdown, by how many rows of `base` each segment has; without one there is nothing to ask."""
    if not scope.by:
        return Groups(scope, {}), ()
    statement = sa.select(base.c.segment, sa.func.count().label("n")).group_by(base.c.segment)
    table, rendered = m.ask(statement, pa.schema([("segment", pa.string()), ("n", pa.int64())]))
    return Groups(scope, {row["segment"]: row["n"] for row in table.to_pylist()}), (rendered,)


def whole(base: sa.FromClause) -> sa.Subquery:
    """The population as one part."""
    return sa.select(base, sa.cast(sa.null(), sa.BigInteger()).label("part")).subquery("whole")


def _place(number: int) -> sa.ColumnElement:
    return sa.literal_column(str(number), sa.BigInteger())
