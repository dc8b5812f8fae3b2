"""What a mapping may say of a column: a small closed vocabulary over the columns of a file, evaluated on batches.

    "name"                                   the column of that name
    { constant = "Customer" }                the same text in every row
    { concat = ["user", { constant = "-" }, "time"] }    joined; blank where a part is blank
    { first_of = ["mobile", "phone"] }       the first that is not blank
    { case = [{ where = {…}, then = … }], else = … }     the first case whose condition holds, else blank
    { months_before = "tenure", instant = { constant = "2024-01-01Z" } }    and months_after
    { each = "merged_ids", separator = ";" } one row per part; `strip = "[]"` takes these characters from around it
    { min = … }, { max = … }                 over the rows of one key, where the table has `one_per`

A condition names columns and what they hold: `{ event = "purchase" }`, a list for any of several,
`{ event = { not = "purchase" } }` (a list here too), `{ ended = { blank = true } }`. All of it must hold. An unquoted
`true` or `false` stands for every spelling that a flag has, such as TRUE, t or 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from queries.batches import Batch
from queries.contract import INSTANT, NUMBER
from queries.parsing import FALSE, TRUE, Reading, parse

NO_INSTANT = "not an instant"  # read as one, it is rejected with the row
FORMS = "a column's name, constant, concat, first_of, case, months_before, months_after, each, min, max"


class ExpressionError(ValueError):
    """An expression or condition outside the vocabulary: what it is, and what is allowed."""


@dataclass(frozen=True)
class Expression:
    """A column made of a file's columns: which it needs, and how a batch gives its text.

    `pick` (min or max) says which of several rows with one key counts; `separator` that every part makes a row, once
    the characters `strip` around the text are gone.
    """

    needs: tuple[str, ...]
    text: Callable[[Batch, Reading], pa.Array]
    pick: str | None = None
    separator: str | None = None
    strip: str = ""


@dataclass(frozen=True)
class Condition:
    """Which rows count: per column the texts allowed (or, if `inverted`, forbidden), None being blank."""

    tests: tuple[tuple[str, frozenset[str | None], bool], ...]

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(column for column, _, _ in self.tests)

    def holds(self, batch: Batch) -> np.ndarray:
        """Per row, whether all of it holds."""
        found = np.ones(len(batch), dtype=bool)
        for column, values, inverted in self.tests:
            text = batch.columns[column]
            known = pc.is_in(text, pa.array(sorted(v for v in values if v is not None), pa.string()))
            hit = pc.or_(known, pc.is_null(text)) if None in values else pc.and_(known, pc.is_valid(text))
            found &= hit.to_numpy(zero_copy_only=False) != inverted
        return found


def condition(declared: object) -> Condition:
    """The condition that a TOML table declares. Raises ExpressionError."""
    if not isinstance(declared, Mapping) or not declared:
        raise ExpressionError(f'{_short(declared)} is no condition; allowed: a table such as {{ event = "purchase" }}')
    return Condition(tuple((column, *_test(column, wanted)) for column, wanted in declared.items()))


def _test(column: str, wanted: object) -> tuple[frozenset[str | None], bool]:
    if isinstance(wanted, Mapping):
        match dict(wanted):
            case {"blank": bool(blank), **rest} if not rest:
                return frozenset([None]), not blank
            case {"not": values, **rest} if not rest and not isinstance(values, Mapping):
                return _test(column, values)[0], True
        raise ExpressionError(f"{column}: {_short(wanted)}; allowed: a text, a list of texts, not = …, blank = true")
    values = wanted if isinstance(wanted, list) else [wanted]
    if not values or not all(isinstance(v, str | int | bool) for v in values):
        raise ExpressionError(f"{column}: {_short(wanted)}; allowed: a text, a list of texts, not = …, blank = true")
    return frozenset(spelled for v in values for spelled in _spellings(v)), False


def expression(declared: object) -> Expression:
    """The expression that a TOML value declares. Raises ExpressionError."""
    if isinstance(declared, str) and declared:
        return Expression((declared,), lambda batch, _: batch.columns[declared])
    if isinstance(declared, Mapping):
        match dict(declared):
            case {"constant": str() | int() | float() as value, **rest} if not rest:
                return _constant(_spelled(value))
            case {"concat": [_, *_] as parts, **rest} if not rest:
                return _concat([_plain(p) for p in parts])
            case {"first_of": [_, *_] as parts, **rest} if not rest:
                return _first_of([_plain(p) for p in parts])
            case {"case": [_, *_] as cases, **rest} if rest.keys() <= {"else"}:
                return _case(cases, _plain(rest["else"]) if rest else _constant(None))
            case {"months_before": months, "instant": instant, **rest} if not rest:
                return _months(_plain(months), _plain(instant), -1)
            case {"months_after": months, "instant": instant, **rest} if not rest:
                return _months(_plain(months), _plain(instant), 1)
            case {"each": str(column), "separator": str(separator), **rest} if separator and rest.keys() <= {"strip"}:
                strip = str(rest.get("strip", ""))
                return Expression((column,), lambda batch, _: batch.columns[column], separator=separator, strip=strip)
            case {"min": inner, **rest} if not rest:
                return Expression(_plain(inner).needs, _plain(inner).text, pick="min")
            case {"max": inner, **rest} if not rest:
                return Expression(_plain(inner).needs, _plain(inner).text, pick="max")
    raise ExpressionError(f"{_short(declared)} is no expression; allowed: {FORMS}")


def _plain(declared: object) -> Expression:
    inner = expression(declared)
    if inner.pick or inner.separator:
        raise ExpressionError(f"{_short(declared)} cannot stand inside another expression")
    return inner


def _constant(value: str | None) -> Expression:
    def text(batch: Batch, _: Reading) -> pa.Array:
        return pa.repeat(pa.scalar(value, pa.string()), len(batch))

    return Expression((), text)


def _concat(parts: list[Expression]) -> Expression:
    def text(batch: Batch, reading: Reading) -> pa.Array:
        return pc.binary_join_element_wise(*(p.text(batch, reading) for p in parts), "")

    return Expression(_all(parts), text)


def _first_of(parts: list[Expression]) -> Expression:
    return Expression(_all(parts), lambda batch, reading: pc.coalesce(*(p.text(batch, reading) for p in parts)))


def _case(cases: list[Any], otherwise: Expression) -> Expression:
    branches = []
    for case in cases:
        if not isinstance(case, Mapping) or case.keys() != {"where", "then"}:
            raise ExpressionError(f"{_short(case)} is no case; allowed: {{ where = {{…}}, then = … }}")
        branches.append((condition(case["where"]), _plain(case["then"])))

    def text(batch: Batch, reading: Reading) -> pa.Array:
        found = otherwise.text(batch, reading)
        for when, then in reversed(branches):
            found = pc.if_else(pa.array(when.holds(batch)), then.text(batch, reading), found)
        return found

    needs = (*_all([then for _, then in branches]), *(c for when, _ in branches for c in when.needs))
    return Expression((*needs, *otherwise.needs), text)


def _months(months: Expression, instant: Expression, sign: int) -> Expression:
    """The instant as many calendar months away; a day that the month lacks becomes its last."""

    def text(batch: Batch, reading: Reading) -> pa.Array:
        written = months.text(batch, reading)
        number, no_number = parse(written, NUMBER, Reading())
        start, no_instant = parse(instant.text(batch, reading), INSTANT, reading)
        count = number.to_numpy(zero_copy_only=False)
        sane = np.abs(count) <= 12_000  # false for NaN too
        at = start.to_numpy(zero_copy_only=False).astype("datetime64[us]")
        month = at.astype("datetime64[M]")
        into = at - month.astype("datetime64[us]")
        target = month + np.where(sane & (count == np.rint(count)), count, 0).astype(np.int64) * sign
        last = (target + 1).astype("datetime64[D]").astype("datetime64[us]") - np.timedelta64(1, "D")
        time = into % np.timedelta64(1, "D")
        moved = np.minimum(target.astype("datetime64[us]") + into, last + time)
        spelled = pc.binary_join_element_wise(pa.array(moved, pa.timestamp("us")).cast(pa.string()), "Z", "")
        wrong = no_number | no_instant | (~np.isnan(count) & (~sane | (count != np.rint(count))))
        spelled = pc.if_else(pc.is_valid(number), spelled, pa.scalar(None, pa.string()))
        return pc.if_else(pa.array(wrong), NO_INSTANT, spelled)

    return Expression((*months.needs, *instant.needs), text)


def _all(parts: list[Expression]) -> tuple[str, ...]:
    return tuple(name for part in parts for name in part.needs)


def _spelled(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _spellings(value: object) -> Iterable[str]:
    """The texts that a value in a condition stands for."""
    if not isinstance(value, bool):
        return [str(value)]
    return (spelled for word in (TRUE if value else FALSE) for spelled in (word, word.upper(), word.title()))


def _short(declared: object) -> str:
    text = str(declared)
    return text if len(text) <= 60 else text[:57] + "…"
