"""Rows of a file as columns of text with their lines, and what is set aside on the way."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

PROBLEMS = (pa.ArrowException, UnicodeError, EOFError, OSError)  # what reading a file may raise


class LoadError(ValueError):
    """Nothing was loaded; the message names the file, what is wrong in it and what to do."""


@dataclass(frozen=True)
class Reject:
    """A row that cannot be used: its line, the column at fault ("" = the row itself), why, and its fingerprint.

    `digest` is the SHA-256 of the row's fields joined by commas (of its text where it could not be parted), so that
    the row can be recognised without being kept.
    """

    line: int
    column: str
    reason: str
    digest: str


@dataclass(frozen=True)
class Batch:
    """Rows as columns of text (null where blank) and the line on which each begins; Parquet rows count from 1.

    `added` names the columns that are not the file's own.
    """

    columns: dict[str, pa.Array]
    lines: np.ndarray
    added: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.lines)

    def where(self, keep: np.ndarray) -> Batch:
        """The rows where `keep` is true."""
        if keep.all():
            return self
        mask = pa.array(keep)
        columns = {name: column.filter(mask) for name, column in self.columns.items()}
        return replace(self, columns=columns, lines=self.lines[keep])

    def completed(self, more: Mapping[str, pa.Array]) -> Batch:
        """The same rows with columns that come from elsewhere."""
        return replace(self, columns={**self.columns, **more}, added=self.added | more.keys())

    def exploded(self, column: str, separator: str, strip: str) -> Batch:
        """One row per part of a column's text without the characters `strip` around it; rows where it is blank go."""
        parts = pc.split_pattern(pc.utf8_trim(self.columns[column], strip), separator)
        rows = pc.list_parent_indices(parts)
        columns = {name: values.take(rows) for name, values in self.columns.items()}
        columns[column] = tidy(pc.list_flatten(parts))
        return replace(self, columns=columns, lines=self.lines[rows.to_numpy()])

    def rejects(self, bad: np.ndarray, column: str, reason: str) -> list[Reject]:
        """A reject for every row where `bad` is true."""
        rows = self.where(bad)
        own = (values for name, values in rows.columns.items() if name not in self.added)
        texts = zip(*(values.to_pylist() for values in own), strict=True)
        return [
            Reject(int(line), column, reason, digest(",".join(value or "" for value in row)))
            for line, row in zip(rows.lines, texts, strict=True)
        ]


def digest(row: str) -> str:
    return hashlib.sha256(row.encode("utf-8", "surrogatepass")).hexdigest()


def tidy(column: pa.Array) -> pa.Array:
    """Text without blanks around it, composed (NFC) so that equal texts are equal bytes; blank is null."""
    column = pc.utf8_trim_whitespace(column)
    if not pc.all(pc.string_is_ascii(column)).as_py():
        column = pc.utf8_normalize(column, "NFC")
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)


def unique(path: Path, names: Sequence[str]) -> list[str]:
    """The names; LoadError where two are the same but for case, which warehouses take for one."""
    seen: set[str] = set()
    for name in names:
        if name and name.lower() in seen:
            raise LoadError(f"{path.name} has two columns named {name!r} (case aside). Rename one of them.")
        seen.add(name.lower())
    return list(names)


@dataclass
class Opened:
    """An open file: its column names, its size in bytes, and how far `batches` has come in it."""

    path: Path
    names: list[str]
    size: int
    position: Callable[[], int]
    _batches: Callable[[], Iterator[tuple[Batch, list[Reject]]]]

    def batches(self) -> Iterator[tuple[Batch, list[Reject]]]:
        """Batches of rows, each with the rejects met on the way. Raises LoadError."""
        try:
            yield from self._batches()
        except PROBLEMS as problem:
            raise unreadable(self.path, problem) from None

    def require(self, names: Iterable[str], hint: str) -> None:
        """LoadError naming the first column that the file lacks, and those it has."""
        for name in names:
            if name not in self.names:
                near = difflib.get_close_matches(name, self.names, 1, 0.5)
                meant = f" Did you mean {near[0]!r}?" if near else ""
                known = ", ".join(self.names[:30])
                raise LoadError(f"{self.path.name} has no column {name!r}.{meant} Columns: {known}. {hint}")


def unreadable(path: Path, problem: Exception) -> LoadError:
    """Why a file cannot be read, in words."""
    name = path.name
    if isinstance(problem, FileNotFoundError):
        return LoadError(f"{name} does not exist in {path.parent.name or 'this folder'}. Check the path.")
    if isinstance(problem, UnicodeError):
        return LoadError(f"{name} cannot be read in the given encoding. Declare the right one: --encoding cp1252.")
    if isinstance(problem, pa.ArrowException):
        if "straddl" in str(problem):
            what = "has a row longer than 8 MB: a quote is opened and never closed"
            return LoadError(f"{name} {what}. Mend the quotes.")
        return LoadError(f"{name} is damaged or of another kind than its name says. Give CSV or Parquet.")
    if isinstance(problem, OSError) and problem.strerror:
        return LoadError(f"{name} cannot be read: {problem.strerror}. Check the path and its permissions.")
    return LoadError(f"{name} ends too early or is damaged. Export it again.")
