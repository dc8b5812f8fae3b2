"""CSV files: read in blocks of text, every row with its line; rows of a wrong length and wrong bytes are set aside."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from queries.batches import Batch, LoadError, Opened, Reject, digest, tidy, unique

BLOCK = 8 << 20  # bytes of text parsed together: bounds memory, and the longest row
DELIMITERS = ",;\t|"
COMPRESSED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}


class _Counting(io.RawIOBase):
    """The bytes of a file as text blocks are read from it.

    `quotes` counts quotes: an odd number tells of a value that is never closed. `ends` says how far in the file each
    read came, since blocks are read some way ahead of the rows that are given out.
    """

    def __init__(self, raw: BinaryIO, path: Path) -> None:
        self.raw, self.stream, self.quotes, self.ends = raw, _stream(raw, path), 0, [0]

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data: bytes = self.stream.read(size)
        self.quotes += data.count(b'"')
        self.ends.append(self.raw.tell())
        return data


def _stream(raw: BinaryIO, path: Path) -> Any:
    kind = COMPRESSED.get(path.suffix.lower())
    return pa.CompressedInputStream(pa.PythonFile(raw), kind) if kind else raw


def _header(path: Path, encoding: str, delimiter: str | None) -> tuple[list[str], str]:
    """The column names and the delimiter: the declared one, or the commonest of four in the first line."""
    with path.open("rb") as raw:
        first = _stream(raw, path).read(1 << 20)
    text = first.decode(encoding, "ignore").removeprefix("\ufeff")
    line = text.partition("\n")[0]
    delimiter = delimiter or max(DELIMITERS, key=line.count)
    names = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    if not any(name.strip() for name in names):
        raise LoadError(f"{path.name} has no column names in its first line. Give a CSV with a header, or Parquet.")
    return [name.strip() for name in names], delimiter


def open_csv(path: Path, encoding: str, delimiter: str | None) -> Opened:
    """An open CSV file, compressed or not."""
    names, delimiter = _header(path, encoding, delimiter)
    unique(path, names)
    raw = path.open("rb")
    stream = _Counting(raw, path)
    ragged: list[Any] = []  # filled ahead of the rows that are given out
    given = 0

    def set_aside(row: Any) -> str:
        ragged.append(row)
        return "skip"

    keys = [f"c{i}" for i in range(len(names))]
    reader = pacsv.open_csv(
        pa.PythonFile(stream, mode="r"),
        read_options=pacsv.ReadOptions(
            block_size=BLOCK, use_threads=False, encoding=encoding, column_names=keys, skip_rows=0
        ),
        parse_options=pacsv.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=set_aside
        ),
        convert_options=pacsv.ConvertOptions(column_types=dict.fromkeys(keys, pa.binary()), strings_can_be_null=False),
    )
    named = [(i, name) for i, name in enumerate(names) if name]

    def batches() -> Iterator[tuple[Batch, list[Reject]]]:
        nonlocal given
        numbering = _Numbering()
        with raw:
            for record in reader:
                given += 1
                yield numbered(record.columns, numbering)
            if stream.quotes % 2 and numbering.breaks:
                what = "a quote is opened and never closed, so that the lines after it are no rows"
                raise LoadError(f"{path.name}, line {numbering.last}: {what}. Mend that line.")

    def numbered(columns: list[pa.Array], numbering: _Numbering) -> tuple[Batch, list[Reject]]:
        lines, bad = numbering.place(columns, ragged)
        why = f"fields where the header has {len(names)}"
        rejects = [Reject(line, "", f"{row.actual_columns} {why}", digest(row.text)) for row, line in bad]
        return _texts(columns, named, lines, rejects), rejects

    def position() -> int:
        return stream.ends[min(given, len(stream.ends) - 1)]

    return Opened(path, [n for _, n in named], path.stat().st_size, position, batches)


class _Numbering:
    """From rows, some of them ragged, to the lines of the file: values may hold line breaks of their own."""

    def __init__(self) -> None:
        self.row, self.line = 0, 1  # of the next row; rows are counted from 1, the header being the first
        self.last, self.breaks = 1, 0  # where the last row begins, and the line breaks inside it

    def place(self, columns: list[pa.Array], ragged: list[Any]) -> tuple[np.ndarray, list[tuple[Any, int]]]:
        """The line of each good row, and with theirs the ragged ones before and directly after them, taken out."""
        n, k = len(columns[0]), 0
        while k < len(ragged) and ragged[k].number - self.row - 1 - k <= n:
            k += 1
        here, ragged[:k] = ragged[:k], []
        numbers = np.array([r.number for r in here], dtype=np.int64)
        total = n + k
        is_bad = np.zeros(total, dtype=bool)
        is_bad[numbers - self.row - 1] = True
        breaks = np.zeros(total, dtype=np.int64)
        for column in columns:
            if pc.any(pc.match_substring(column, "\n")).as_py():
                breaks[~is_bad] += pc.count_substring(column, "\n").to_numpy(zero_copy_only=False)
        breaks[is_bad] = [r.text.count("\n") for r in here]
        ends = self.line + np.cumsum(breaks + 1)
        lines = ends - breaks - 1
        if total:
            self.row, self.line = self.row + total, int(ends[-1])
            self.last, self.breaks = int(lines[-1]), int(breaks[-1])
        return lines[~is_bad], list(zip(here, lines[is_bad].tolist(), strict=True))


def _texts(columns: list[pa.Array], named: list[tuple[int, str]], lines: np.ndarray, rejects: list[Reject]) -> Batch:
    """Decoded, trimmed, composed text; lines without any value are no rows, and bytes that are no text are rejected."""
    decoded, wrong = {}, np.zeros(len(lines), dtype=bool)
    for i, name in named:
        try:
            column = columns[i].cast(pa.string())
        except pa.ArrowInvalid:
            values = columns[i].to_pylist()
            bad = np.array([not _is_text(v) for v in values])
            for k in np.flatnonzero(bad & ~wrong):
                row = b",".join(c[int(k)].as_py() for c in columns)
                reason = "bytes that are not in the declared encoding"
                rejects.append(Reject(int(lines[k]), name, reason, hashlib.sha256(row).hexdigest()))
            wrong |= bad
            column = pa.array([v.decode("utf-8", "ignore") for v in values], pa.string())
        decoded[name] = tidy(column)
    batch = Batch(decoded, lines)
    header = lines == 1
    empty = np.ones(len(lines), dtype=bool)
    for column in decoded.values():
        empty &= column.is_null().to_numpy(zero_copy_only=False)
    return batch.where(~(wrong | header | empty))


def _is_text(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
