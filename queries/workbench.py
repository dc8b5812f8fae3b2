"""Tables that a build makes: created with known types, filled by INSERT … SELECT, dropped when no longer needed."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from queries import dialect
from queries.warehouse import Warehouse


def table(warehouse: Warehouse, name: str, columns: Mapping[str, type]) -> sa.TableClause:
    """A modelled table by name, in the app's own schema, with typed columns."""
    return sa.table(
        name, *(sa.column(c, dialect.type_of(kind)) for c, kind in columns.items()), schema=warehouse.build_schema
    )


def create(warehouse: Warehouse, name: str, columns: Mapping[str, type]) -> sa.TableClause:
    """An empty table of these columns; one of the same name, left by a build that died, is dropped first."""
    made = table(warehouse, name, columns)
    drop(warehouse, made)
    warehouse.execute(dialect.create_table(warehouse.dialect, made, list(columns.values())))
    return made


def fill(warehouse: Warehouse, into: sa.TableClause, rows: sa.Select | sa.CompoundSelect) -> None:
    """Append the rows of a select, column by column of the same name."""
    warehouse.execute(sa.insert(into).from_select([c.name for c in rows.selected_columns], rows))


def drop(warehouse: Warehouse, made: sa.TableClause) -> None:
    warehouse.execute(f"DROP TABLE IF EXISTS {warehouse.dialect.identifier_preparer.format_table(made)}")  # type: ignore[arg-type]


def count(warehouse: Warehouse, of: sa.FromClause, *where: sa.ColumnElement[bool]) -> int:
    """Rows of a table or subquery that fulfil all conditions."""
    return warehouse.query(sa.select(sa.func.count()).select_from(of).where(*where)).column(0)[0].as_py()
