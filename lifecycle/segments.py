"""Segments: the columns by which entities can be filtered and broken down."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

NOT_SET = "∅"  # how a link and the terminal write "no value"


@dataclass(frozen=True)
class Segment:
    """One column found in the warehouse: its name there, its column in the modelled tables, and what it holds.

    `kind` is choice, flag, number or date. `values` are the choices by falling frequency (None = not set);
    `low` and `high` bound numbers and dates. `at_start` tells that values are those at journey start, else today's.
    """

    name: str
    column: str
    kind: str
    label: str
    values: tuple[str | None, ...] = ()
    low: float | str | None = None
    high: float | str | None = None
    at_start: bool = False
    hidden: bool = False

    @property
    def can_break_down(self) -> bool:
        """Only segments with a handful of values make groups; numbers, dates and identifiers do not."""
        return self.kind in ("choice", "flag")


@dataclass(frozen=True)
class Choice:
    """Keep entities whose segment has one of `values` (None = not set)."""

    segment: str
    values: tuple[str | None, ...]

    def __str__(self) -> str:
        return f"{self.segment} is {' or '.join(v if v is not None else 'not set' for v in self.values)}"


@dataclass(frozen=True)
class Span:
    """Keep entities whose segment lies in `[low, high]`, both included; None = open."""

    segment: str
    low: float | date | None = None
    high: float | date | None = None

    def __str__(self) -> str:
        low = "…" if self.low is None else f"{self.low}"
        high = "…" if self.high is None else f"{self.high}"
        return f"{self.segment} from {low} to {high}"


Filter = Choice | Span


@dataclass(frozen=True)
class Catalog:
    """The segments that a build offers, looked up by name: a name from a link is never used unless it is here."""

    segments: tuple[Segment, ...] = field(default=())

    def get(self, name: str) -> Segment | None:
        return next((s for s in self.segments if s.name == name), None)

    @property
    def visible(self) -> tuple[Segment, ...]:
        return tuple(s for s in self.segments if not s.hidden)
