"""Values from another file: the columns of the row that has the same key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from pydantic import BaseModel, BeforeValidator, ConfigDict

from queries import workbench
from queries.batches import Batch, Opened
from queries.embedded import Embedded
from queries.expressions import Condition, Expression, condition, expression
from queries.parsing import Reading
from queries.warehouse import MAX_ROWS

READ, WANTED = "load_lookup_read", "load_lookup_wanted"
KEY, NTH = "lookup key", "place in the file"


class Lookup(BaseModel):
    """Another file, whose columns a source may name as `lookup.column` wherever it may name its own.

    Its row is the one whose column `key` has the text that `by`, an expression over the source's columns, gives. Of
    several such rows the first in the file counts (with `keep`, the last); without any, its columns are blank. Rows
    that do not fulfil `where` are not looked at.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
    file: str
    key: str
    by: Annotated[Expression, BeforeValidator(expression)]
    where: Annotated[Condition, BeforeValidator(condition)] | None = None
    keep: Literal["first", "last"] = "first"


class Book:
    """A lookup's file by key, as a working table of the warehouse: its memory is the warehouse's, whatever its size."""

    def __init__(self, warehouse: Embedded, name: str, lookup: Lookup, columns: list[str]) -> None:
        self.warehouse, self.lookup = warehouse, lookup
        self.named = {f"{name}.{column}": column for column in columns}
        self.schema = pa.schema([(c, pa.string()) for c in (KEY, *self.named)])
        self.table = _texts(f"load_lookup_{name}", self.schema.names)

    def read(self, file: Opened) -> int:
        """Keep one row per key; how many rows could not be read. Raises LoadError."""
        lookup, seen, unreadable = self.lookup, 0, 0
        self.warehouse.append(READ, self.schema.append(pa.field(NTH, pa.int64())).empty_table())
        for batch, rejects in file.batches():
            unreadable += len(rejects)
            if lookup.where:
                absent = dict.fromkeys(set(lookup.where.needs) - set(file.names), pa.nulls(len(batch), pa.string()))
                batch = batch.completed(absent)
                batch = batch.where(lookup.where.holds(batch))
            named = {name: batch.columns[column] for name, column in self.named.items()}
            places = pa.array(range(seen, seen + len(batch)), pa.int64())
            self.warehouse.append(READ, pa.table({KEY: batch.columns[lookup.key], **named, NTH: places}))
            seen += len(batch)
        rows = _texts(READ, self.schema.names, sa.column(NTH, sa.BigInteger()))
        order = rows.c[NTH].desc() if lookup.keep == "last" else rows.c[NTH].asc()
        nth = sa.func.row_number().over(partition_by=rows.c[KEY], order_by=order).label("nth")
        ranked = sa.select(rows, nth).where(rows.c[KEY].is_not(None)).subquery()
        self.warehouse.append(self.table.name, self.schema.empty_table())
        once = sa.select(*(ranked.c[c.name] for c in self.table.c)).where(ranked.c.nth == 1)
        workbench.fill(self.warehouse, self.table, once)
        workbench.drop(self.warehouse, rows)
        return unreadable

    def completed(self, batch: Batch, reading: Reading) -> Batch:
        """The rows with the columns of theirs."""
        keys = self.lookup.by.text(batch, reading)
        wanted = pc.unique(keys).drop_null()
        parts = [self._rows(wanted[start : start + MAX_ROWS]) for start in range(0, len(wanted), MAX_ROWS)]
        found = pa.concat_tables([self.schema.empty_table(), *parts])
        places = pc.index_in(keys, value_set=_flat(found, KEY))
        return batch.completed({name: pc.take(_flat(found, name), places) for name in self.named})

    def close(self) -> None:
        workbench.drop(self.warehouse, self.table)

    def _rows(self, keys: pa.Array) -> pa.Table:
        self.warehouse.append(WANTED, pa.table({KEY: keys}))
        wanted = _texts(WANTED, [KEY])
        joined = self.table.join(wanted, wanted.c[KEY] == self.table.c[KEY])
        found = self.warehouse.query(sa.select(*self.table.c).select_from(joined), self.schema)
        workbench.drop(self.warehouse, wanted)
        return found


def _texts(table: str, columns: Iterable[str], *further: sa.ColumnClause) -> sa.TableClause:
    return sa.table(table, *(sa.column(c, sa.Text()) for c in columns), *further)


def _flat(table: pa.Table, name: str) -> pa.Array:
    """A column in one piece."""
    return pa.concat_arrays([pa.array([], pa.string()), *table.column(name).chunks])
