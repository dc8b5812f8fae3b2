"""The rows of a life table as arrays, so that many of them are counted at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Row = tuple[float, str, int]


@dataclass(frozen=True, eq=False)
class Columns(Sequence[Row]):
    """Rows (seconds, outcome, n) as arrays: `how` numbers the outcome among `names`, and n is never 0.

    Their order means nothing: a warehouse gives the same rows in another one each time.
    """

    seconds: np.ndarray
    how: np.ndarray
    n: np.ndarray
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.n)

    def __getitem__(self, place: Any) -> Any:
        return list(self)[place]

    def __iter__(self) -> Iterator[Row]:
        named = (self.names[i] for i in self.how.tolist())
        return zip(self.seconds.tolist(), named, self.n.tolist(), strict=True)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and sorted(self) == sorted(other)

    def __hash__(self) -> int:
        return hash(tuple(sorted(self)))


def columns(rows: Sequence[Row]) -> Columns:
    """Rows in any form as arrays, without those that nobody is in."""
    if isinstance(rows, Columns):
        return rows
    some = rows if all(n for *_, n in rows) else [row for row in rows if row[2]]
    seconds, outcomes, n = zip(*some, strict=True) if some else ((), (), ())
    names = tuple(dict.fromkeys(outcomes))
    numbers = {name: i for i, name in enumerate(names)}
    how = np.array([numbers[outcome] for outcome in outcomes], np.int64)
    return Columns(np.array(seconds, float), how, np.array(n, np.int64), names)


def concatenated(tables: Iterable[Columns]) -> Columns:
    """The rows of several tables, one after another."""
    tables = list(tables)
    names = tuple(dict.fromkeys(name for table in tables for name in table.names))
    if not names:
        return columns(())
    hows = [t.how if t.names == names else _renumbered(t, names) for t in tables]
    seconds, n = (np.concatenate([getattr(t, name) for t in tables]) for name in ("seconds", "n"))
    return Columns(seconds, np.concatenate(hows), n, names)


def less(whole: Columns, own: Columns) -> Columns:
    """The rows of `whole` without those of a part of it, each time and outcome once."""
    times = np.unique(whole.seconds)
    wide = len(whole.names)
    left = np.zeros(len(times) * wide, np.int64)
    for table, how, sign in ((whole, whole.how, 1), (own, _renumbered(own, whole.names), -1)):
        np.add.at(left, np.searchsorted(times, table.seconds) * wide + how, sign * table.n)
    (some,) = np.nonzero(left)
    return Columns(times[some // max(wide, 1)], some % max(wide, 1), left[some], whole.names)


def _renumbered(table: Columns, names: tuple[str, ...]) -> np.ndarray:
    return np.array([names.index(name) for name in table.names], np.int64)[table.how]
