"""How many columns a legend has: as few rows as its names need, so that none of them is cut."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import Any

import pandas as pd

LETTER, DRAWN = 6.7, 6.1  # pixels of a letter in a legend: what the layout reserves, and what it takes
SYMBOL, LINE, BESIDE = 16, 28, 10  # pixels before a name, also where it is that of a line, and after it
LONGEST = 24  # letters from which a name may be cut
AXIS = 32  # pixels that an axis of numbers takes at the left, where a legend does not begin
LABEL, MARGIN, WIDEST = 6.2, 20, 220  # the same of an axis with names: per letter, beside them, at most
ACROSS = "(containerSize()[0] || width * 1.125)"  # of the container where there is one: known before the layout


def choices(names: Sequence[str], symbol: int = SYMBOL) -> list[tuple[int, float]]:
    """(columns, pixels that they need), from one row on: of each number of rows the fewest columns that do."""
    letters = [min(len(name), LONGEST) for name in names]
    some = dict.fromkeys(ceil(len(letters) / rows) for rows in range(1, len(letters) + 1))
    return [(n, _needed([max(letters[i::n]) for i in range(n)], symbol)) for n in some]


def _needed(letters: Sequence[int], symbol: int) -> float:
    """The pixels of columns with so many letters; of the last one only what is drawn."""
    *before, last = letters
    return sum(LETTER * n + symbol + BESIDE for n in before) + DRAWN * last + symbol


def columns(names: Sequence[str], left: float, symbol: int = SYMBOL) -> str:
    """The expression of Vega that gives as many columns as there is room for, right of `left`."""
    some = [(n, f"{ACROSS} >= {need + left:.0f} ? {n} : ") for n, need in choices(names, symbol) if n > 1]
    return "".join(said for _, said in some) + "1"


def fitted(spec: dict[str, Any], data: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """The specification with the columns of each legend by the names that are in it."""
    if '"columns"' not in json.dumps(spec):  # quicker than to walk through it
        return spec
    labels = [x for y in _of(spec, "y") if y.get("type") == "nominal" for x in _values(data, y.get("field"))]
    longest = max(map(len, labels), default=0)
    left = min(LABEL * longest, WIDEST) + MARGIN if longest else AXIS
    return _fitted(spec, data, left)


def _fitted(part: Any, data: Mapping[str, pd.DataFrame], left: float) -> Any:
    if isinstance(part, list):
        return [_fitted(each, data, left) for each in part]
    if not isinstance(part, dict):
        return part
    if isinstance(part.get("legend"), dict) and "columns" in part["legend"]:
        names = part.get("scale", {}).get("domain") or _values(data, part.get("field"))
        symbol = LINE if part.get("field") == "series" else SYMBOL
        if names:
            return part | {"legend": part["legend"] | {"columns": {"expr": columns(names, left, symbol)}}}
    return {key: _fitted(each, data, left) for key, each in part.items()}


def _values(data: Mapping[str, pd.DataFrame], field: str | None) -> list[str]:
    """What a column holds, in whichever of the frames."""
    found = (frame[field].dropna().unique() for frame in data.values() if field in frame)
    return list(dict.fromkeys(str(value) for values in found for value in values))


def _of(part: Any, channel: str) -> Iterator[dict[str, Any]]:
    """Every encoding of a channel."""
    for each in part if isinstance(part, list) else part.values() if isinstance(part, dict) else ():
        yield from _of(each, channel)
    if isinstance(part, dict) and isinstance(part.get("encoding"), dict):
        found = part["encoding"].get(channel)
        if isinstance(found, dict):
            yield found
