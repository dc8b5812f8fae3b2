"""Text as instants, days, numbers and flags: read strictly, so that what is doubtful is rejected and never guessed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from queries.contract import DAY, FLAG, INSTANT, NUMBER, TEXT

ARROW: dict[str, pa.DataType] = {
    TEXT: pa.string(),
    INSTANT: pa.timestamp("us"),
    DAY: pa.date32(),
    NUMBER: pa.float64(),
    FLAG: pa.bool_(),
}
EPOCHS = {"s": 1_000_000, "ms": 1_000, "us": 1}  # unit of a declared epoch → microseconds
LARGEST = 1e15  # no amount or score of a company reaches it: sums stay exact, and 1e308 is a slip
TRUE, FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")

_DATE = r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_TIME = r"(?:[ T](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?)"
_ZONE = r"(?:Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)"
NAIVE, ZONED = rf"^{_DATE}{_TIME}?$", rf"^{_DATE}{_TIME}{_ZONE}$"
PLAIN = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$"
COMMA = r"^[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+)(?:,\d+)?$"
FIRST = np.datetime64("0001-01-01", "us").astype(np.int64)
LAST = np.datetime64("9999-12-31T23:59:59.999999", "us").astype(np.int64)

Parsed = tuple[pa.Array, np.ndarray]  # the values, and where there was text that is none


class UndeclaredZoneError(ValueError):
    """An instant without a zone, where no zone was declared; `row` is its place in the batch."""

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row


@dataclass(frozen=True)
class Reading:
    """What a file's author must say of its values: they cannot be told by looking.

    `timezone`: of instants without one; an instant in the hour that a clock change skips is the first one after it,
    one in the hour that comes twice is the first. `epoch`: instants are numbers of this unit since 1970, UTC.
    `decimal`: the decimal mark; with a comma, points may group thousands.
    """

    timezone: str | None = None
    epoch: str | None = None
    decimal: str = "."


def parse(text: pa.Array, kind: str, reading: Reading) -> Parsed:
    """Values of a contract type; blank text is null. Raises UndeclaredZoneError."""
    return PARSERS[kind](text, reading)


def _parse_text(text: pa.Array, _: Reading) -> Parsed:
    return text, _true(pc.match_substring(text, "\0"))


def _parse_number(text: pa.Array, reading: Reading) -> Parsed:
    return _number(text, reading.decimal, LARGEST)


def _number(text: pa.Array, decimal: str, limit: float) -> Parsed:
    """Plain decimal numbers nearer to zero than `limit`."""
    good = pc.match_substring_regex(text, COMMA if decimal == "," else PLAIN)
    clean = pc.if_else(good, text, pa.scalar(None, pa.string()))
    if decimal == ",":
        clean = pc.replace_substring(pc.replace_substring(clean, ".", ""), ",", ".")
    values = pc.replace_substring_regex(clean, r"^\+", "").cast(pa.float64())
    sane = pc.less(pc.abs(values), limit)
    return pc.if_else(sane, values, pa.scalar(None, pa.float64())), _true(pc.is_valid(text)) & ~_true(sane)


def _parse_flag(text: pa.Array, _: Reading) -> Parsed:
    word = pc.utf8_lower(text)
    yes, no = pc.is_in(word, pa.array(TRUE)), pc.is_in(word, pa.array(FALSE))
    known = pc.or_(yes, no)
    return pc.if_else(known, yes, pa.scalar(None, pa.bool_())), _true(pc.is_valid(text)) & ~_true(known)


def _parse_day(text: pa.Array, _: Reading) -> Parsed:
    """A day, or the day of an instant as written; a month is its first day."""
    day = pc.replace_substring_regex(text, r"^(\d{4}-\d{2})$", r"\1-01")
    day = pc.utf8_slice_codeunits(_neat(day), 0, 10)
    values, bad = _cast(day, _true(pc.match_substring_regex(_neat(text), rf"^{_DATE}(?:$|[ T])|^\d{{4}}-\d{{2}}$")))
    return values.cast(pa.date32()), bad | (_true(pc.is_valid(text)) & ~_true(pc.is_valid(values)))


def _parse_instant(text: pa.Array, reading: Reading) -> Parsed:
    given = _true(pc.is_valid(text))
    if reading.epoch:
        unit = EPOCHS[reading.epoch]
        numbers, _ = _number(text, ".", LAST / unit)
        micros = np.rint(pc.fill_null(numbers, 0).to_numpy(zero_copy_only=False) * unit).astype(np.int64)
        return _plausible(micros, _true(pc.is_valid(numbers)), given)
    text = _neat(text)
    is_naive, is_zoned = _true(pc.match_substring_regex(text, NAIVE)), _true(pc.match_substring_regex(text, ZONED))
    naive, wrong = _cast(text, is_naive)
    local, odd = _cast(text, is_zoned, "UTC")
    if is_naive.any():
        if reading.timezone is None:
            raise UndeclaredZoneError(int(np.flatnonzero(is_naive)[0]))
        if reading.timezone != "UTC":
            naive = pc.assume_timezone(naive, reading.timezone, ambiguous="earliest", nonexistent="latest")
    micros = np.where(is_zoned & ~odd, _micros(local), _micros(naive))
    return _plausible(micros, (is_naive & ~wrong) | (is_zoned & ~odd), given)


def _neat(text: pa.Array) -> pa.Array:
    """The usual spellings of an instant as one: padded hours, `Z` for UTC, microseconds at most."""
    text = pc.replace_substring_regex(text, r"^(\d{4}-\d{2}-\d{2})[ T]+(\d):", r"\1 0\2:")
    text = pc.replace_substring_regex(text, r" ?(?:UTC|z)$", "Z")
    text = pc.replace_substring_regex(text, r"(:\d{2})[.,](\d{1,6})\d*", r"\1.\2")
    return pc.replace_substring_regex(text, r"(\d) ([+-]\d{2}:?\d{0,2}|Z)$", r"\1\2")


def _cast(text: pa.Array, fits: np.ndarray, zone: str | None = None) -> Parsed:
    """Instants from the texts that fit, null elsewhere, and which of them are on no calendar (30 February)."""
    wanted = pc.if_else(pa.array(fits), text, pa.scalar(None, pa.string()))
    unit = pa.timestamp("us", zone)
    try:
        return wanted.cast(unit), np.zeros(len(text), dtype=bool)
    except pa.ArrowInvalid:
        absent = np.array([v is not None and not _on_calendar(v) for v in wanted.to_pylist()])
        return pc.if_else(pa.array(absent), pa.scalar(None, pa.string()), wanted).cast(unit), absent


def _on_calendar(text: str) -> bool:
    try:
        datetime(int(text[:4]), int(text[5:7]), int(text[8:10]), tzinfo=UTC)
    except ValueError:
        return False
    return True


def _micros(instants: pa.Array) -> np.ndarray:
    return pc.fill_null(instants.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)


def _plausible(micros: np.ndarray, known: np.ndarray, given: np.ndarray) -> Parsed:
    known = known & (micros >= FIRST) & (micros <= LAST)
    return pa.array(micros, pa.timestamp("us"), mask=~known), given & ~known


def _true(flags: pa.Array) -> np.ndarray:
    return pc.fill_null(flags, False).to_numpy(zero_copy_only=False)


PARSERS: dict[str, Callable[[pa.Array, Reading], Parsed]] = {
    TEXT: _parse_text,
    NUMBER: _parse_number,
    FLAG: _parse_flag,
    DAY: _parse_day,
    INSTANT: _parse_instant,
}
REASONS = {
    TEXT: "a NUL character",
    NUMBER: "not a finite number below 1e15",
    FLAG: "neither true nor false",
    DAY: "not a day (2026-02-28)",
    INSTANT: "not an instant (2026-02-28 12:00:00)",
}


class Guess:
    """What a column of text holds, judged by all of its values: flags, numbers, days, or else text.

    Numbers with leading zeros or more than 15 digits are identifiers, so text.
    """

    TESTS = (
        (FLAG, r"(?i)^(?:true|false|yes|no|0|1)$"),
        (NUMBER, r"^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?$"),
        (DAY, NAIVE[:-1] + _ZONE + "?$"),
    )

    def __init__(self) -> None:
        self.possible = dict(self.TESTS)
        self.seen = False

    def look(self, text: pa.Array) -> None:
        """Take a batch of values into account."""
        self.seen = self.seen or text.null_count < len(text)
        for kind, pattern in list(self.possible.items()):
            if not pc.all(pc.match_substring_regex(text, pattern), skip_nulls=True).as_py() or (
                kind == DAY and parse(text, DAY, Reading())[1].any()
            ):
                del self.possible[kind]

    @property
    def kind(self) -> str:
        return next(iter(self.possible), TEXT) if self.seen else TEXT
