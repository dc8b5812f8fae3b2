"""The calendar: local days, weeks, fiscal quarters and the periods a reader may choose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

GRAINS = ("day", "week", "month", "quarter", "year")
PRESETS = {
    "last_12_months": "Last 12 months",
    "last_90_days": "Last 90 days",
    "last_30_days": "Last 30 days",
    "this_month": "This month",
    "last_month": "Last month",
    "this_quarter": "This quarter",
    "last_quarter": "Last quarter",
    "this_year": "This year",
    "last_year": "Last year",
    "all": "All time",
}
MAX_BINS = 5_000
WEEK_OFFSETS = {"monday": 3, "sunday": 4}  # 1 January 1970 was a Thursday


def add_months(day: date, months: int) -> date:
    """Shift by calendar months; a day that the month lacks becomes its last (31 January + 1 month is 28 February)."""
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month, min(day.day, last))


@dataclass(frozen=True)
class Calendar:
    """How a company counts days: reporting time zone, first day of the week, first month of the fiscal year."""

    timezone: str = "UTC"
    week_start: str = "monday"
    fiscal_month: int = 1

    def instant(self, day: date) -> datetime:
        """Local midnight at the start of `day`, as a naive UTC instant."""
        local = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.timezone))
        return local.astimezone(UTC).replace(tzinfo=None)

    def day(self, instant: datetime) -> date:
        """The local day in which a naive UTC instant lies."""
        return instant.replace(tzinfo=UTC).astimezone(ZoneInfo(self.timezone)).date()

    def floor(self, day: date, grain: str) -> date:
        """First day of the day, week, month, fiscal quarter or fiscal year that holds `day`."""
        if grain == "day":
            return day
        if grain == "week":
            return day - timedelta(days=(day.weekday() + (1 if self.week_start == "sunday" else 0)) % 7)
        span = {"month": 1, "quarter": 3, "year": 12}[grain]
        return add_months(day.replace(day=1), -((day.month - self.fiscal_month) % span))

    def step(self, day: date, grain: str, n: int = 1) -> date:
        """`n` periods of `grain` after `day`."""
        if grain in ("day", "week"):
            return day + timedelta(days=n * (7 if grain == "week" else 1))
        return add_months(day, n * {"month": 1, "quarter": 3, "year": 12}[grain])

    def number(self, day: date, grain: str) -> int:
        """The number of the day, week, month, fiscal quarter or year that holds `day`; neighbours differ by 1."""
        if grain in ("day", "week"):
            days = (day - date(1970, 1, 1)).days
            return days if grain == "day" else (days + WEEK_OFFSETS[self.week_start]) // 7
        months = day.year * 12 + day.month - 1
        return months if grain == "month" else (months - self.fiscal_month + 1) // (3 if grain == "quarter" else 12)

    def numbered(self, number: int, grain: str) -> date:
        """The first day of the period with this number."""
        if grain in ("day", "week"):
            days = number if grain == "day" else number * 7 - WEEK_OFFSETS[self.week_start]
            return date(1970, 1, 1) + timedelta(days=days)
        months = number if grain == "month" else number * (3 if grain == "quarter" else 12) + self.fiscal_month - 1
        return date(months // 12, months % 12 + 1, 1)

    def name(self, day: date, grain: str) -> str:
        """A period as people call it, by its first day: `12 Jan 2026`, `week of 12 Jan 2026`, `Jan 2026`, `Q1 2026`."""
        if grain in ("day", "week"):
            return f"{'week of ' if grain == 'week' else ''}{day:%-d %b %Y}"
        if grain == "quarter" and self.fiscal_month == 1:
            return f"Q{(day.month + 2) // 3} {day:%Y}"
        plain = {"month": f"{day:%b %Y}", "quarter": f"quarter from {day:%b %Y}"}
        return plain.get(grain, f"{day:%Y}" if day.month == 1 else f"year from {day:%b %Y}")

    def bins(self, start: date, end: date, grain: str) -> list[date]:
        """First days of the periods that touch `[start, end)`, in order; ValueError beyond MAX_BINS."""
        out, day = [], self.floor(start, grain)
        while day < end:
            out.append(day)
            if len(out) > MAX_BINS:
                raise ValueError(f"more than {MAX_BINS:,} periods between {start} and {end}: choose a coarser grain")
            day = self.step(day, grain)
        return out

    def finest(self, start: date, end: date, grain: str) -> str:
        """`grain`, or the next coarser one whose periods between `start` and `end` number at most MAX_BINS."""
        lengths = {"day": 1, "week": 7, "month": 28, "quarter": 89, "year": 365}
        fits = [g for g in GRAINS[GRAINS.index(grain) :] if (end - start).days / lengths[g] < MAX_BINS - 2]
        return fits[0] if fits else "year"

    def preset(self, name: str, as_of: datetime) -> tuple[date | None, date | None]:
        """Half-open local days `[from, to)` of a preset, seen from `as_of`; `(None, None)` for all time."""
        today = self.day(as_of)
        tomorrow = today + timedelta(days=1)
        if name == "all":
            return None, None
        if name.endswith("_days"):
            return tomorrow - timedelta(days=int(name.split("_")[1])), tomorrow
        if name == "last_12_months":
            month = self.floor(today, "month")
            return add_months(month, -11), add_months(month, 1)
        which, grain = name.split("_")
        start = self.floor(today, grain)
        return (start, self.step(start, grain)) if which == "this" else (self.step(start, grain, -1), start)
