"""Files of the kinds that can be loaded, opened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from queries.batches import PROBLEMS, Batch, Opened, Reject, tidy, unique, unreadable
from queries.csvfile import open_csv

ROWS = 100_000  # rows of a Parquet file read together
PARQUET = (".parquet", ".pq")


def open_file(path: Path, encoding: str = "utf-8", delimiter: str | None = None) -> Opened:
    """A CSV (also .gz, .bz2, .zst) or Parquet file. Raises LoadError where it cannot be read at all."""
    try:
        if path.suffix.lower() in PARQUET:
            return _parquet(path)
        return open_csv(path, encoding, delimiter)
    except PROBLEMS as problem:
        raise unreadable(path, problem) from None


def _parquet(path: Path) -> Opened:
    file = pq.ParquetFile(path)
    names = unique(path, [f.name for f in file.schema_arrow if not pa.types.is_nested(f.type)])
    seen = 0

    def batches() -> Iterator[tuple[Batch, list[Reject]]]:
        nonlocal seen
        with file:
            for record in file.iter_batches(ROWS, columns=names):
                texts = {name: tidy(_as_text(record.column(name))) for name in names}
                yield Batch(texts, np.arange(seen + 1, seen + record.num_rows + 1)), []
                seen += record.num_rows

    return Opened(path, names, file.metadata.num_rows, lambda: seen, batches)


def _as_text(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz and "UTC"), safe=False)
    return column.cast(pa.string())
