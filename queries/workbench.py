"""Tables that a build makes: created with known types, filled by INSERT … SELECT, dropped when no longer needed."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

import sqlalchemy as sa

from queries import tables
from queries.tables import Kind, Number
from queries.warehouse import Warehouse


class Workbench:
    """The working tables of one build, which end with it: `with Workbench(…) as bench:`."""

    def __init__(self, warehouse: Warehouse, mark: int) -> None:
        self.warehouse = warehouse
        self._mark = mark
        self._made: list[sa.TableClause] = []

    def __enter__(self) -> Workbench:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._made:
            drop(self.warehouse, self._made.pop())

    def make(
        self, what: str, columns: Mapping[str, Kind], rows: sa.Select | sa.CompoundSelect | None = None
    ) -> sa.TableClause:
        """A working table, with these rows if given; one of the same name is replaced."""
        made = table(self.warehouse, f"working_{what}_{self._mark}", columns)
        drop(self.warehouse, made)
        self._made.append(made)
        kinds = list(columns.values())
        self.warehouse.execute(tables.create_table(self.warehouse.dialect, made, kinds, working=True))
        if rows is not None:
            fill(self.warehouse, made, rows)
        return made

    def numbered(
        self, what: str, number: str, columns: Mapping[str, Kind], rows: sa.Select | sa.CompoundSelect
    ) -> sa.FromClause:
        """A working table of these rows with one column more, `number`, that tells them apart by a whole number."""
        own = tables.row_number_of(self.warehouse.dialect)
        if own is not None:  # a window over all rows would keep the engine from filling the table in parallel
            made = self.make(what, columns, rows)
            numbers = sa.cast(sa.column(own), sa.Integer()).label(number)
            return sa.select(numbers, *made.c).select_from(made).subquery(what)
        unnumbered = rows.subquery("unnumbered")
        counted = sa.select(sa.func.row_number().over().label(number), *unnumbered.c)
        return sa.select(self.make(what, {number: Number, **columns}, counted)).subquery(what)

    def count(self, of: sa.FromClause, *where: sa.ColumnElement[bool]) -> int:
        """Rows of a table or subquery that fulfil all conditions."""
        return count(self.warehouse, of, *where)


def table(warehouse: Warehouse, name: str, columns: Mapping[str, Kind]) -> sa.TableClause:
    """A modelled table by name, in the app's own schema, with typed columns."""
    return sa.table(
        name, *(sa.column(c, tables.type_of(kind)) for c, kind in columns.items()), schema=warehouse.build_schema
    )


def create(warehouse: Warehouse, name: str, columns: Mapping[str, Kind]) -> sa.TableClause:
    """An empty table of these columns; one of the same name, left by a build that died, is dropped first."""
    made = table(warehouse, name, columns)
    drop(warehouse, made)
    warehouse.execute(tables.create_table(warehouse.dialect, made, list(columns.values())))
    return made


def fill(warehouse: Warehouse, into: sa.TableClause, rows: sa.Select | sa.CompoundSelect) -> None:
    """Append the rows of a select, column by column of the same name."""
    warehouse.execute(sa.insert(into).from_select([c.name for c in rows.selected_columns], rows))
    if statement := tables.note_statistics(warehouse.dialect, into):
        warehouse.execute(statement)


def drop(warehouse: Warehouse, made: sa.TableClause) -> None:
    """Drop a table if it is there."""
    warehouse.execute(f"DROP TABLE IF EXISTS {warehouse.dialect.identifier_preparer.format_table(made)}")


def count(warehouse: Warehouse, of: sa.FromClause, *where: sa.ColumnElement[bool]) -> int:
    """Rows of a table or subquery that fulfil all conditions."""
    return warehouse.query(sa.select(sa.func.count()).select_from(of).where(*where)).column(0)[0].as_py()
