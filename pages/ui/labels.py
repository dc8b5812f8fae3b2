"""Words and numbers as people read them: escaping, counts, shares, durations, money, dates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import lru_cache

from lifecycle import rates
from lifecycle.rates import Difference, Rate
from lifecycle.time_in_stage import FINE

UNDEFINED = "n/a"  # nothing to divide by: neither 0 % nor 100 %
UNREACHED = "…"
MINUTE, HOUR, DAY = 60, 3_600, 86_400
ENTITIES = {"contact": "Contact", "account": "Account", "deal": "Deal"}  # who moves, as the heading of a list

_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:@^=&\"'/])")
_UNIT = re.compile(r"(?<=\d) (?=%|pp\b)|(?<=\bn) (?==)|(?<=\bn =) (?=\d)")  # these stay on one line
_REPLACED = re.compile(r":(?=[\w+\-/]+:)|[-<>=~](?=[-<>=])")  # icons, emoji, dashes and arrows


def escape(text: object) -> str:
    """`text` as markdown that shows these characters on one line: no links, images, colours, maths or icons.

    A number and its unit are kept together, and so is `n = 30`.
    """
    return _escaped(str(text))


@lru_cache(10_000)  # a page says the same some fifty times, at every rerun
def _escaped(text: str) -> str:
    line = re.sub(r"\s+", " ", text).strip()
    line = _UNIT.sub("\u00a0", line)
    line = _REPLACED.sub("\\g<0>\u2060", line)  # an invisible joiner: these are replaced after unescaping
    return _PUNCTUATION.sub(r"\\\1", line)


def unwrapped(text: str) -> str:
    """A docstring whose paragraphs are one line each; blank lines, lists and what is indented stay."""
    return re.sub(r"(?<=\S)\n(?=[^\s\-*])", " ", text)


def count(n: float | None) -> str:
    """A number of things, with thousands separated; undefined for None."""
    return UNDEFINED if n is None else f"{n:,.0f}"


def percent(share: float | None, digits: int = 1) -> str:
    """A share in 0…1 as per cent; undefined for None."""
    return UNDEFINED if share is None else f"{share * 100:.{digits}f} %"


def growth(share: float, digits: int = 0) -> str:
    """By what share of what it was something grew or shrank: `+12 %`."""
    return f"{round(share * 100, digits) or 0.0:+.{digits}f} %"  # no change is not −0


def interval(rate: Rate) -> str:
    """The 95 % interval and what lies under it, flagged where that is little: `47.1–49.3 % · n = 30,503`."""
    if rate.interval is None:
        return "nothing to divide by"
    low, high = rate.interval
    flag = " · few, read with care" if rate.few else ""
    return f"{low * 100:.1f}–{high * 100:.1f} % · {rate.numerator:,} of {rate.denominator:,}{flag}"


def points(change: Difference | None) -> str | None:
    """A difference of two rates in percentage points, with its sign; None where there is none."""
    return None if change is None else rates.points(change.value)


def between(change: Difference) -> str:
    """The 95 % interval of a difference of two rates, in percentage points: `-1.2 to +3.4`."""
    low, high = (round(end * 100, 1) or 0.0 for end in (change.low, change.high))  # nothing is not −0.0
    return f"{low:+.1f} to {high:+.1f}"


def moved(change: Difference) -> str:
    """A difference of two rates with its interval: `+1.1 pp (-1.2 to +3.4)`."""
    return f"{points(change)} ({between(change)})"


def duration(seconds: float | None) -> str:
    """Elapsed time in the largest unit that leaves a readable number: `45 s`, `3.5 h`, `13.1 days`.

    `38 days` where it is counted in whole days, as a life table does.
    """
    if seconds is None:
        return UNDEFINED
    if seconds >= FINE and seconds % DAY == 0:
        return f"{seconds / DAY:,.0f} days"
    for unit, name in ((DAY, "days"), (HOUR, "h"), (MINUTE, "min")):
        if abs(seconds) >= unit:
            return f"{seconds / unit:,.1f} {name}"
    return f"{seconds:,.0f} s"


def told(seconds: float | None) -> str:
    """A time of a life table: the first of its bins is an hour long, and told by its lower edge."""
    return "under 1 h" if seconds == 0 else duration(seconds)


def spread(low: float | None, high: float | None) -> str:
    """A band of times of a life table: `3.8–4.0 days`, with one unit where both have it; `…`: not reached."""
    ends = [UNREACHED if x is None else told(x) for x in (low, high)]
    if ends[0] == ends[1]:
        return ends[0]
    (least, unit), (most, other) = ([*x.rsplit(" ", 1), ""][:2] for x in ends)
    return f"{least}–{most} {unit}" if unit == other and low else f"{ends[0]} – {ends[1]}"


def money(amount: float | None) -> str:
    """An amount in the warehouse's own currency, shortened from ten thousand on: `9,480`, `12.4 k`, `3.1 M`."""
    if amount is None:
        return UNDEFINED
    for unit, name in ((1e9, "bn"), (1e6, "M"), (1e4, "k")):
        if abs(amount) >= unit:
            return f"{amount / (1e3 if name == 'k' else unit):,.1f} {name}"
    return f"{amount:,.0f}"


def day(value: date | datetime | None) -> str:
    """A calendar day: `28 Feb 2026`."""
    return UNDEFINED if value is None else f"{value:%-d %b %Y}"


def instant(value: datetime | None) -> str:
    """A UTC instant to the minute: `28 Feb 2026 14:05 UTC`."""
    return UNDEFINED if value is None else f"{value:%-d %b %Y %H:%M} UTC"


def distinct(labels: Mapping[str, str]) -> dict[str, str]:
    """The same labels, with the key added where two keys share one, so that a label names one key."""
    seen = list(labels.values())
    return {key: label if seen.count(label) == 1 else f"{label} ({key})" for key, label in labels.items()}


def listed(items: Iterable[str], limit: int = 3) -> str:
    """A short list for a title: the first few and how many more."""
    names = list(items)
    rest = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {rest} more" if rest > 0 else "")
