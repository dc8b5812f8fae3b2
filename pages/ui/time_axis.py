"""An axis of time on which long empty stretches are cut short, so that near events can be told apart."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, pairwise

MOST, ALL = 0.35, 0.7  # share of the axis that one stretch without an event may take, and all that are cut
CUTS = 3  # so many stretches at the most
APART = 0.12  # share of the axis between two dates written below it


@dataclass(frozen=True)
class Stretch:
    """The time between two neighbouring events, from `low` to `high` on the axis; `is_cut`: shorter than to scale."""

    start: datetime
    end: datetime
    low: float
    high: float
    is_cut: bool


class TimeAxis:
    """From 0, the first of these instants, to 1, the last: to scale but for stretches without any, cut where too long.

    All that are cut are drawn equally long; none that is shorter is drawn longer than one that is cut.
    """

    def __init__(self, instants: Iterable[datetime]) -> None:
        self._at = sorted(set(instants))
        lengths = [(b - a).total_seconds() for a, b in pairwise(self._at)]
        most = _longest_drawn(lengths)
        drawn = [min(length, most) for length in lengths]
        whole = sum(drawn) or 1.0
        self._places = [0.0, *(place / whole for place in accumulate(drawn))]
        self.stretches = tuple(
            Stretch(a, b, low, high, length > most)
            for (a, b), (low, high), length in zip(pairwise(self._at), pairwise(self._places), lengths, strict=True)
        )

    def place(self, at: datetime) -> float:
        """Where an instant stands; what lies outside stands at the edge."""
        i = bisect_right(self._at, at) - 1
        if i < 0 or not self.stretches:
            return 0.0
        if i >= len(self.stretches):
            return 1.0
        inside = self.stretches[i]
        return inside.low + (inside.high - inside.low) * ((at - inside.start) / (inside.end - inside.start))

    @property
    def dates(self) -> list[tuple[float, datetime]]:
        """Events far enough apart to write their day below the axis, the first and the last among them."""
        out: list[tuple[float, datetime]] = []
        for at in self._at[:-1]:
            if not out or (self.place(at) - out[-1][0] >= APART and self.place(at) <= 1 - APART):
                out.append((self.place(at), at))
        return [*out, *((1.0, at) for at in self._at[-1:] if self.stretches)]

    @property
    def cut(self) -> timedelta:
        """How much time is not drawn to scale."""
        return sum((s.end - s.start for s in self.stretches if s.is_cut), timedelta())


def _longest_drawn(lengths: list[float]) -> float:
    """How long the cut stretches are drawn: as few are cut as keep one to MOST of the axis, and all to ALL of it.

    None is cut where the longest few leave enough to the others.
    """
    ordered = sorted(lengths)
    whole = sum(ordered)
    if not whole or (ordered[-1] <= MOST * whole and sum(ordered[-CUTS:]) <= ALL * whole):
        return ordered[-1] if ordered else 0.0
    for slack in (False, True):  # where nothing fits, those that are cut are drawn as long as the longest that is not
        for n in range(1, min(CUTS, len(ordered) - 1) + 1):
            below, longest = sum(ordered[:-n]), ordered[-n - 1]
            drawn = below * ALL / (1 - ALL) / n
            drawn = min(drawn, below * MOST / (1 - MOST * n)) if MOST * n < 1 else drawn
            drawn = max(drawn, longest) if slack else drawn
            if longest <= drawn < ordered[-n]:
                return drawn
    return ordered[-1]
