"""A scope as text and back: the parameters of a link, which are also the options of the terminal.

Whatever a link says, reading it yields a valid scope: what cannot be used is dropped and told in a notice.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TypeVar
from zoneinfo import available_timezones

from lifecycle.periods import GRAINS, PRESETS, Calendar
from lifecycle.scope import BASES, COMPARISONS, COUNTS, TOP, Scope, parse_window, window_text
from lifecycle.segments import NOT_SET, Catalog, Choice, Filter, Segment, Span
from lifecycle.stages import StageModel

WHERE = "where."  # prefix of a segment filter: ?where.source=referral
MAX_VALUES = 1_000
MAX_TEXT = 4_000
FIRST_YEAR, LAST_YEAR = 1990, 2199

Params = Mapping[str, Sequence[str]]
T = TypeVar("T")


@dataclass(frozen=True)
class Surroundings:
    """What a link is read against: the model, the segments found, the calendar and the latest as_of."""

    model: StageModel
    catalog: Catalog
    calendar: Calendar
    as_of: datetime
    period: str = "last_12_months"


def read(params: Params, around: Surroundings) -> tuple[Scope, list[str]]:
    """The scope that `params` ask for, and a notice for each value that was dropped or put right. Never raises."""
    notices: list[str] = []

    def one(name: str, reading: Callable[[str], T], default: T) -> T:
        values = params.get(name) or ()
        if not values or values[-1] == "":
            return default
        try:
            return reading(clean(values[-1]))
        except ValueError as problem:
            notices.append(f"{name}: {problem}. Showing the default instead.")
            return default

    calendar = replace(around.calendar, timezone=one("timezone", among(_timezones()), around.calendar.timezone))
    as_of = one("as_of", lambda text: read_instant(text, calendar), around.as_of)
    preset = one("period", among([*PRESETS, "custom"]), "" if {"from", "to"} & set(params) else around.period)
    start, end = (None, None) if preset in ("", "custom") else calendar.preset(preset, as_of)
    if preset in ("", "custom"):
        start, end = one("from", read_day, None), one("to", read_day, None)
    if start and end and start > end:
        start, end = end, start
        notices.append("from was later than to: the two were exchanged.")
    if start and start == end:
        end = start + timedelta(days=1)
        notices.append("from and to were the same day (to is exclusive): showing that day.")
    scope = Scope(
        model=around.model.name,
        as_of=as_of,
        start=start,
        end=end,
        calendar=calendar,
        stages=one("stages", lambda text: read_stages(text, around.model), ()),
        basis=one("basis", among(BASES), "cohort"),
        count=one("count", among(COUNTS), "passed"),
        window=one("window", parse_window, None),
        filters=tuple(read_filters(params, around.catalog, notices)),
        by=one("by", lambda text: read_breakdown(text, around.catalog), None),
        top=one("top", lambda text: int(read_number(text, 1, 50)), TOP),
        compare=one("compare", among(COMPARISONS), "none"),
        grain=one("grain", among(GRAINS), "month"),
    )
    if start and end and (grain := calendar.finest(start, end, scope.grain)) != scope.grain:
        notices.append(f"grain: too many periods by {scope.grain}: showing by {grain}.")
        scope = replace(scope, grain=grain)
    return scope, notices


def write(scope: Scope) -> dict[str, list[str]]:
    """The parameters of a link that shows exactly this scope, today or in a year (dates, not presets)."""
    out = {"model": scope.model, "as_of": scope.as_of.isoformat() + "Z"}
    out |= {"from": scope.start.isoformat()} if scope.start else {}
    out |= {"to": scope.end.isoformat()} if scope.end else {}
    if not scope.start and not scope.end:
        out["period"] = "all"
    plain = Scope(model=scope.model, as_of=scope.as_of)
    for name in ("basis", "count", "by", "compare", "grain", "top"):
        if getattr(scope, name) != getattr(plain, name):
            out[name] = str(getattr(scope, name))
    out |= {"timezone": scope.calendar.timezone} if scope.calendar.timezone != "UTC" else {}
    out |= {"window": window_text(scope.window)} if scope.window else {}
    out |= {"stages": ",".join(scope.stages)} if scope.stages else {}
    link = {name: [text] for name, text in out.items()}
    for f in scope.filters:
        if isinstance(f, Choice):
            link[WHERE + f.segment] = [NOT_SET if v is None else v for v in f.values]
        else:
            low, high = ("" if bound is None else str(bound) for bound in (f.low, f.high))
            link[WHERE + f.segment] = [f"{low}..{high}"]
    return link


@cache
def _timezones() -> frozenset[str]:
    """Every zone's name; finding them reads a folder of files."""
    return frozenset(available_timezones())


def clean(text: str) -> str:
    """NFC-normalised text; ValueError for control characters, lone surrogates and texts beyond any sensible length."""
    if len(text) > MAX_TEXT:
        raise ValueError(f"longer than {MAX_TEXT:,} characters")
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in text):
        raise ValueError("contains control characters")
    return unicodedata.normalize("NFC", text)


def among(allowed: Sequence[str] | Mapping[str, str] | frozenset[str]) -> Callable[[str], str]:
    """A reading that accepts only the names in `allowed`."""

    def reading(text: str) -> str:
        if text not in allowed:
            known = f" (allowed: {', '.join(sorted(allowed))})" if len(allowed) <= 20 else ""
            raise ValueError(f"{text[:40]!r} is not known{known}")
        return text

    return reading


def read_day(text: str) -> date | None:
    """An ISO day such as 2026-02-28."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a day like 2026-02-28") from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"{text[:40]!r} lies outside {FIRST_YEAR}–{LAST_YEAR}")
    return day


def read_instant(text: str, calendar: Calendar) -> datetime:
    """An ISO day (its last microsecond, local) or instant (UTC unless it names an offset), as naive UTC."""
    if len(text) == 10:
        day = read_day(text)
        assert day is not None
        return calendar.instant(day + timedelta(days=1)) - timedelta(microseconds=1)
    try:
        instant = datetime.fromisoformat(text)
        instant = instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant
    except (ValueError, OverflowError):
        raise ValueError(f"{text[:40]!r} is not an instant like 2026-02-28T12:00:00") from None
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise ValueError(f"{text[:40]!r} lies outside {FIRST_YEAR}–{LAST_YEAR}")
    return instant


def read_number(text: str, low: float = -1e15, high: float = 1e15) -> float:
    """A finite decimal number within bounds."""
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a number") from None
    if not math.isfinite(number) or not low <= number <= high:
        raise ValueError(f"{text[:40]!r} is not between {low:g} and {high:g}")
    return number


def read_stages(text: str, model: StageModel) -> tuple[str, ...]:
    """Comma-separated keys of progress stages, each once, in the order given (two at the least)."""
    keys = tuple(key.strip() for key in text.split(",") if key.strip())
    known = [stage.key for stage in model.progress]
    for key in keys:
        if key not in known:
            raise ValueError(f"{key[:40]!r} is no progress stage of {model.name} (allowed: {', '.join(known)})")
    if len(set(keys)) != len(keys):
        raise ValueError("a stage is named twice")
    return keys


def read_breakdown(text: str, catalog: Catalog) -> str | None:
    """The name of a segment with few values."""
    segment = catalog.get(text)
    if segment is None or not segment.can_break_down or segment.hidden:
        allowed = ", ".join(s.name for s in catalog.visible if s.can_break_down)
        raise ValueError(f"{text[:40]!r} is no segment to break down by (allowed: {allowed or 'none found'})")
    return segment.name


def read_filters(params: Params, catalog: Catalog, notices: list[str]) -> list[Filter]:
    """One filter per `where.` parameter whose segment exists; the rest goes into `notices`."""
    out: list[Filter] = []
    for name, values in params.items():
        if not name.startswith(WHERE) or not [v for v in values if v != ""]:
            continue
        segment = catalog.get(name.removeprefix(WHERE))
        try:
            if segment is None or segment.hidden:
                allowed = ", ".join(s.name for s in catalog.visible[:30])
                raise ValueError(f"no such segment (found: {allowed or 'none'})")
            found = read_filter(segment, values, notices)
            out += [found] if found else []
        except ValueError as problem:
            notices.append(f"{name[:60]}: {problem}. The filter was dropped.")
    return sorted(out, key=lambda f: f.segment)


def read_filter(segment: Segment, values: Sequence[str], notices: list[str]) -> Filter | None:
    """The filter that these texts mean for this kind of segment; None when nothing usable is left."""
    if len(values) > MAX_VALUES:
        raise ValueError(f"more than {MAX_VALUES:,} values")
    if segment.can_break_down:
        wanted = {None if v == NOT_SET else clean(v) for v in values if v != ""}
        unknown = sorted(v or NOT_SET for v in wanted - set(segment.values))
        if unknown:
            shown = ", ".join(repr(v[:40]) for v in unknown[:5])
            notices.append(f"{WHERE}{segment.name}: {shown} does not occur and was dropped.")
        kept = sorted(wanted & set(segment.values), key=lambda v: (v is None, v or ""))
        return Choice(segment.name, tuple(kept)) if kept else None
    low, separator, high = clean(values[-1]).partition("..")
    if not separator:
        raise ValueError(f"{values[-1][:40]!r} is not a range like 10..50")
    reading: Callable[[str], float | date | None] = read_number if segment.kind == "number" else read_day
    bounds = [reading(text) if text else None for text in (low, high)]
    if bounds[0] is not None and bounds[1] is not None and bounds[0] > bounds[1]:  # type: ignore[operator]
        bounds.reverse()
        notices.append(f"{WHERE}{segment.name}: the range was put in order.")
    return Span(segment.name, bounds[0], bounds[1]) if bounds != [None, None] else None
