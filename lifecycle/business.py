"""Working time: which hours count when a limit is measured in a company's own working days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONDAY = datetime(1989, 12, 25)  # weeks are counted from it; no build accepts instants of before 1990


@dataclass(frozen=True)
class Business:
    """Working days by name, their hours as minutes after local midnight (half-open), days off, and the time zone.

    One calendar for all limits. Hours are those of the clock on the wall: a night in which the clocks change counts as
    any other, since nobody works then.
    """

    days: tuple[str, ...] = WEEKDAYS[:5]
    opens: int = 9 * 60
    closes: int = 17 * 60
    holidays: tuple[date, ...] = ()
    timezone: str = "UTC"

    @property
    def open_spans(self) -> tuple[tuple[timedelta, timedelta], ...]:
        """Working time of a week, as spans after the start of Monday."""
        hours = timedelta(minutes=self.opens), timedelta(minutes=self.closes)
        return tuple(
            (timedelta(i) + hours[0], timedelta(i) + hours[1]) for i, d in enumerate(WEEKDAYS) if d in self.days
        )

    @property
    def closed_spans(self) -> tuple[tuple[datetime, datetime], ...]:
        """Working time that holidays take away, as local instants; a holiday on a free day takes nothing."""
        off = [
            datetime(h.year, h.month, h.day) for h in sorted(set(self.holidays)) if WEEKDAYS[h.weekday()] in self.days
        ]
        hours = timedelta(minutes=self.opens), timedelta(minutes=self.closes)
        return tuple((day + hours[0], day + hours[1]) for day in off)

    @property
    def week(self) -> timedelta:
        """Working time of a week without holidays."""
        return sum((end - start for start, end in self.open_spans), timedelta())

    def worked(self, start: datetime, end: datetime) -> timedelta:
        """Working time between two naive UTC instants; negative where `end` is the earlier one."""
        return self.place(end) - self.place(start)

    def place(self, instant: datetime) -> timedelta:
        """Working time from MONDAY to a naive UTC instant: whole weeks, the part of the last, less holidays passed."""
        local = instant.replace(tzinfo=UTC).astimezone(ZoneInfo(self.timezone)).replace(tzinfo=None)
        weeks, rest = divmod(local - MONDAY, timedelta(weeks=1))
        begun = sum((_passed(rest, start, end) for start, end in self.open_spans), timedelta())
        off = sum((_passed(local - MONDAY, a - MONDAY, b - MONDAY) for a, b in self.closed_spans), timedelta())
        return weeks * self.week + begun - off


def _passed(at: timedelta, start: timedelta, end: timedelta) -> timedelta:
    """How much of a span has passed by then."""
    return min(max(at - start, timedelta()), end - start)
