"""How the tables that the app makes are declared on each engine, and what their columns hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from queries.dialect import CLICKHOUSE, DUCKDB, POSTGRES, Instant


class Small(int):
    """The kind of a column of whole numbers below 32,768: codes and flags of working tables."""


class Number(int):
    """The kind of a column of whole numbers below 2³¹: what rows of working tables are told apart by."""


class Id(str):
    """The kind of a column of ids: texts that hardly ever repeat but side by side."""


class Unsorted(datetime):
    """The kind of a column of instants in no order, which packing hardly makes smaller."""


Kind = type | tuple[str, ...]  # what a modelled column holds: values of a Python type, or only these texts


# Column types of the tables the app creates.
_TYPES: dict[str, dict[type, str]] = {
    "default": {
        str: "text",
        datetime: "timestamp",
        Unsorted: "timestamp",
        int: "bigint",
        Small: "smallint",
        Number: "integer",
        float: "double precision",
        bool: "boolean",
    },
    CLICKHOUSE: {
        str: "Nullable(String)",
        datetime: "Nullable(DateTime64(6))",
        Unsorted: "Nullable(DateTime64(6))",
        int: "Nullable(Int64)",
        Small: "Nullable(Int16)",
        Number: "Nullable(Int32)",
        float: "Nullable(Float64)",
        bool: "Nullable(Bool)",
    },
}
_SQL_TYPES: dict[type, TypeEngine] = {
    str: sa.Text(),
    datetime: Instant(),
    Unsorted: Instant(),
    int: sa.BigInteger(),
    Small: sa.SmallInteger(),
    Number: sa.Integer(),
    float: sa.Double(),
    bool: sa.Boolean(),
}


def type_of(kind: Kind) -> TypeEngine:
    """The SQLAlchemy type of a modelled column of this kind."""
    if isinstance(kind, tuple) or kind is Id:
        return sa.Text()
    return _SQL_TYPES[kind]


def _named(dialect: sa.Dialect, kind: Kind) -> str:
    """The engine's name of a column's type. DuckDB keeps a few known texts as numbers that read and sort alike."""
    names = _TYPES.get(dialect.name, _TYPES["default"])
    if isinstance(kind, tuple) and kind and dialect.name == DUCKDB:
        texts = sorted(kind, key=str.encode)
        return f"ENUM({', '.join(_quoted(text) for text in texts)})"
    return names[str if isinstance(kind, tuple) or kind is Id else kind]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# How DuckDB keeps what stays: told what it would nearly always choose, it need not try all ways (of instants in order
# it had better choose). Ids, few texts (`tuple`), instants in no order and small numbers stay as they are: packing them
# costs more than it saves.
_PACKED: dict[Any, str] = {int: " USING COMPRESSION bitpacking", float: " USING COMPRESSION alp"}
_PACKED |= dict.fromkeys((Id, Small, tuple, Unsorted), " USING COMPRESSION uncompressed")
# Working tables need not survive their build: DuckDB keeps them out of its file, PostgreSQL out of its log.
_WORKING = {DUCKDB: "TEMP ", POSTGRES: "UNLOGGED "}


def create_table(dialect: sa.Dialect, table: sa.TableClause, kinds: Sequence[Kind], *, working: bool = False) -> str:
    """The statement that creates an empty modelled table, or a working one."""
    quote = dialect.identifier_preparer.quote_identifier
    ways = _PACKED if dialect.name == DUCKDB and not working else {}
    columns = ", ".join(
        f"{quote(c.name)} {_named(dialect, k)}{ways.get(tuple if isinstance(k, tuple) and k else k, '')}"
        for c, k in zip(table.c, kinds, strict=True)
    )
    engine = " ENGINE = MergeTree ORDER BY tuple()" if dialect.name == CLICKHOUSE else ""
    kind = _WORKING.get(dialect.name, "") if working else ""
    return f"CREATE {kind}TABLE {dialect.identifier_preparer.format_table(table)} ({columns}){engine}"


def rename_table(dialect: sa.Dialect, table: sa.TableClause, name: str) -> str:
    """The statement that gives a table another name in the same schema."""
    preparer = dialect.identifier_preparer
    return f"ALTER TABLE {preparer.format_table(table)} RENAME TO {preparer.quote(name)}"


def row_number_of(dialect: sa.Dialect) -> str | None:
    """The column in which the engine numbers the rows of a table by itself, from 0; None where it does not."""
    return "rowid" if dialect.name == DUCKDB else None


def keeps_few_texts(dialect: sa.Dialect) -> bool:
    """Whether a column is the faster for being declared with the texts that it can hold."""
    return dialect.name == DUCKDB


def note_statistics(dialect: sa.Dialect, table: sa.TableClause) -> str | None:
    """The statement after which the engine plans with the rows just written, where it does not see to that itself."""
    return f"ANALYZE {dialect.identifier_preparer.format_table(table)}" if dialect.name == POSTGRES else None


def create_schema(dialect: sa.Dialect, name: str) -> str:
    """The statement that makes sure the app's own schema (in ClickHouse: database) is there."""
    kind = "DATABASE" if dialect.name == CLICKHOUSE else "SCHEMA"
    return f"CREATE {kind} IF NOT EXISTS {dialect.identifier_preparer.quote(name)}"


class _TextAt(FunctionElement):
    """One of `texts`, by a number."""

    inherit_cache = False  # the texts are no part of the key that SQLAlchemy would make
    type = sa.Text()
    name = "text_at"

    def __init__(self, number: sa.ColumnElement, texts: Sequence[str]) -> None:
        super().__init__(number)
        self.texts = tuple(texts)


@compiles(_TextAt)
def _(element: _TextAt, compiler: SQLCompiler, **kw: Any) -> str:
    (number,) = element.clauses
    return compiler.process(sa.case(dict(enumerate(element.texts, 1)), value=number), **kw)


@compiles(_TextAt, DUCKDB)
def _(element: _TextAt, compiler: SQLCompiler, **kw: Any) -> str:
    number = compiler.process(element.clauses, **kw)
    texts = ", ".join(map(_quoted, element.texts))
    return f"CAST([{texts}] AS {_named(compiler.dialect, element.texts)}[])[{number}]"


def text_at(number: sa.ColumnElement, texts: Sequence[str]) -> sa.ColumnElement:
    """The text at a place, counted from 1, among a few; NULL where there is none.

    DuckDB gives it as the number that a column declared with these texts keeps, so that no text is made or compared.
    """
    return _TextAt(number, texts)
