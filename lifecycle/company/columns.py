"""Arrow columns from numpy arrays: the few conversions every table needs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lifecycle.company.schemas import INSTANT, MONEY, SCHEMAS

HOUR = 3_600_000_000  # microseconds, the unit of every instant here
DAY = 24 * HOUR
NEVER = np.iinfo(np.int64).min  # stands for null among instants

Array = np.ndarray[Any, Any]


def choose(rng: np.random.Generator, shares: Sequence[float] | Array, size: int) -> Array:
    """Draw `size` positions with probability proportional to `shares`."""
    edges = np.cumsum(shares)
    return np.searchsorted(edges, rng.random(size) * edges[-1], side="right")


def labels(codes: Array, names: Sequence[str]) -> pa.Array:
    """Text column from positions in `names`; -1 is null."""
    codes = np.asarray(codes)
    index = pa.array(codes.astype(np.int32), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(index, pa.array(names, pa.string())).cast(pa.string())


def keys(prefix: str, numbers: Array, suffix: str = "") -> pa.Array:
    """Text column `prefix00042suffix` (at least five digits); negative numbers are null."""
    numbers = np.asarray(numbers, np.int64)
    digits = pc.utf8_lpad(pa.array(numbers, mask=numbers < 0).cast(pa.string()), 5, "0")
    return pc.binary_join_element_wise(prefix, digits, suffix, "")


def instants(microseconds: Array) -> pa.Array:
    """Instant column from microseconds since 1970; `NEVER` is null."""
    return pa.array(microseconds, INSTANT, mask=microseconds == NEVER)


def money(amounts: Array) -> pa.Array:
    """Money column, rounded to the cent; NaN is null."""
    return pc.round(pa.array(amounts, mask=np.isnan(amounts)), 2).cast(MONEY)


def table(name: str, columns: dict[str, Any]) -> pa.Table:
    """Contract table `name`; the columns must be exactly those of its schema."""
    return pa.table(columns).select(SCHEMAS[name].names).cast(SCHEMAS[name])
