"""Scope: everything a reader may vary, in one frozen value that a link, the filter bar and the terminal share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from lifecycle.periods import Calendar, add_months
from lifecycle.segments import Filter

BASES = {"cohort": "Cohort", "period": "Period", "stock": "Stock"}
COUNTS = {
    "passed": "Reached at least",
    "ordered": "In this order",
    "strict": "Directly in turn",
    "any": "In any order",
}
COMPARISONS = {"none": "Nothing", "previous": "Previous period", "year": "Same period last year"}
WINDOW_UNITS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}
TOP = 8


@dataclass(frozen=True)
class Scope:
    """What is asked: of which model, when, of whom, counted how.

    `start` and `end` are local days, half-open; None means without bound. `as_of` is a naive UTC instant: everything
    later is unseen. `stages` chooses among the model's progress stages, in their order there; empty means all.
    """

    model: str
    as_of: datetime
    start: date | None = None
    end: date | None = None
    calendar: Calendar = field(default_factory=Calendar)
    stages: tuple[str, ...] = ()
    basis: str = "cohort"
    count: str = "passed"
    window: timedelta | None = None
    filters: tuple[Filter, ...] = ()
    by: str | None = None
    top: int = TOP
    compare: str = "none"
    grain: str = "month"

    @property
    def instants(self) -> tuple[datetime | None, datetime | None]:
        """The period as naive UTC instants, half-open."""
        return (
            self.calendar.instant(self.start) if self.start else None,
            self.calendar.instant(self.end) if self.end else None,
        )

    @property
    def compared(self) -> Scope | None:
        """The scope to compare with, its as_of shifted by the same span so that both periods had equally long."""
        if self.compare == "none" or self.start is None or self.end is None:
            return None
        if self.compare == "year":
            start, end = add_months(self.start, -12), add_months(self.end, -12)
        elif self.start.day == 1 and self.end.day == 1:  # whole months compare with as many whole months
            months = (self.end.year - self.start.year) * 12 + self.end.month - self.start.month
            start, end = add_months(self.start, -months), self.start
        else:
            start, end = self.start - (self.end - self.start), self.start
        shift = self.calendar.instant(self.start) - self.calendar.instant(start)
        return replace(self, start=start, end=end, as_of=self.as_of - shift, compare="none")

    @property
    def whole(self) -> Scope:
        """The same population without the breakdown."""
        return replace(self, by=None)


def parse_window(text: str) -> timedelta | None:
    """`90d`, `15 min`, `2w` as exact elapsed time; an empty text or `none` is no window. ValueError tells the form."""
    if text.strip().lower() in ("", "none"):
        return None
    match = re.fullmatch(r"\s*(\d{1,6})\s*(s|min|h|d|w)\s*", text.lower())
    if not match or int(match[1]) == 0:
        raise ValueError(f"window {text[:40]!r} is not a whole number of s, min, h, d or w (90d, 12h, 15min)")
    return timedelta(seconds=int(match[1]) * WINDOW_UNITS[match[2]])


def window_text(window: timedelta | None) -> str:
    """The shortest text that `parse_window` reads back as the same window."""
    if window is None:
        return ""
    seconds = int(window.total_seconds())
    unit = next(u for u in ("w", "d", "h", "min", "s") if seconds % WINDOW_UNITS[u] == 0)
    return f"{seconds // WINDOW_UNITS[unit]}{unit}"


def describe(scope: Scope) -> list[str]:
    """The active choices as short plain texts, for the top of every page and every export."""
    when = "All time"
    if scope.start and scope.end:
        when = f"{scope.start:%-d %b %Y} – {scope.end - timedelta(days=1):%-d %b %Y}"
    elif scope.start or scope.end:
        when = f"from {scope.start:%-d %b %Y}" if scope.start else f"before {scope.end:%-d %b %Y}"
    out = [when, f"as of {scope.as_of:%-d %b %Y %H:%M} UTC"]
    if scope.calendar.timezone != "UTC":
        out.append(f"days in {scope.calendar.timezone}")
    if scope.compare != "none":
        out.append(f"compared with {COMPARISONS[scope.compare].lower()}")
    if scope.basis != "cohort":
        out.append(f"basis: {scope.basis}")
    if scope.count != "passed":
        out.append(f"counting: {COUNTS[scope.count].lower()}")
    if scope.window:
        out.append(f"within {window_text(scope.window)}")
    if scope.by:
        out.append(f"by {scope.by}")
    return out + [str(f) for f in scope.filters]
