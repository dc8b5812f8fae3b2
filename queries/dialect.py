"""The only file that knows how engines ask differently (`tables.py` knows how they keep what they are given).

Each construct has one meaning and a rendering per engine; statements use the constructs and never ask which engine
runs them. The first rendering (DuckDB and PostgreSQL agree on most) is the default, the others override it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from lifecycle.periods import Calendar

DUCKDB, POSTGRES, CLICKHOUSE = "duckdb", "postgresql", "clickhousedb"
EPOCH = datetime(1970, 1, 1)


class _InstantBind(FunctionElement):
    inherit_cache = True


@compiles(_InstantBind)
def _(element: _InstantBind, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.clauses, **kw)


@compiles(_InstantBind, CLICKHOUSE)
def _(element: _InstantBind, compiler: SQLCompiler, **kw: Any) -> str:
    return f"fromUnixTimestamp64Micro({compiler.process(element.clauses, **kw)})"


class Instant(TypeDecorator):
    """A naive UTC instant, exact to the microsecond in columns and in bound values."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        if value is None:
            return None
        value = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return (value - EPOCH) // (datetime.resolution) if dialect.name == CLICKHOUSE else value

    def bind_expression(self, bindvalue: sa.BindParameter) -> sa.ColumnElement:
        return _InstantBind(bindvalue)


class _Construct(FunctionElement):
    """A function of column expressions whose rendering is looked up by engine in `templates` ({0}, {1}, …)."""

    inherit_cache = True
    templates: ClassVar[dict[str, str]]


@compiles(_Construct)
def _(element: _Construct, compiler: SQLCompiler, **kw: Any) -> str:
    parts = [compiler.process(clause, **kw) for clause in element.clauses]
    template = element.templates.get(compiler.dialect.name, element.templates["default"])
    return template.format(*parts, all=", ".join(parts))


def _construct(name: str, type_: TypeEngine, default: str, **overrides: str) -> type[_Construct]:
    return type(
        name,
        (_Construct,),
        {"type": type_, "templates": {"default": default} | overrides, "inherit_cache": True, "name": name},
    )


# Elapsed microseconds from the first instant to the second: windows and durations are never counted boundaries.
elapsed = _construct(
    "elapsed",
    sa.BigInteger(),
    "date_diff('microsecond', {0}, {1})",
    postgresql="CAST(extract(epoch FROM ({1} - {0})) * 1000000 AS bigint)",
    clickhousedb="(toUnixTimestamp64Micro({1}) - toUnixTimestamp64Micro({0}))",
)
# An instant shifted by elapsed microseconds.
shifted = _construct(
    "shifted",
    Instant(),
    "({0} + to_microseconds({1}))",
    postgresql="({0} + {1} * interval '1 microsecond')",
    clickhousedb="fromUnixTimestamp64Micro(toUnixTimestamp64Micro({0}) + {1})",
)
# Text ordered and compared byte by byte; only PostgreSQL would otherwise ask the server's collation.
bytewise = _construct("bytewise", sa.Text(), "{0}", postgresql='({0}) COLLATE "C"')
# Text without the white space around it.
stripped = _construct(
    "stripped",
    sa.Text(),
    "trim({0}, ' ' || chr(9) || chr(10) || chr(13) || chr(11) || chr(12))",
    postgresql="btrim({0}, E' \\t\\n\\r\\v\\f')",
    clickhousedb="trim(BOTH ' \\t\\n\\r\\v\\f' FROM {0})",
)
# Text in small letters.
lowered = _construct("lowered", sa.Text(), "lower({0})", clickhousedb="lowerUTF8({0})")
# The place, from 1, at which the second text begins in the first; 0 where it is not in it.
text_position = _construct(
    "text_position", sa.Integer(), "strpos({0}, {1})", clickhousedb="toInt64(positionUTF8({0}, {1}))"
)
# The greatest whole number that is not above a number.
floored = _construct("floored", sa.Double(), "floor({0})")
# A whole number that is not negative divided by another, rounded down.
_quotient = "(({0}) // {1})"
divided = _construct("divided", sa.BigInteger(), _quotient, postgresql="(({0}) / {1})", clickhousedb="intDiv({0}, {1})")
# The natural logarithm of a number above 0.
natural_log = _construct("natural_log", sa.Double(), "ln({0})", clickhousedb="log({0})")
# A partition number's raw material and a row's fingerprint: any stable 53-bit hash, compared within one engine only.
fingerprint = _construct(
    "fingerprint",
    sa.BigInteger(),
    "CAST(mod(hash({all}), 9007199254740881) AS bigint)",
    postgresql="abs(mod(hashtextextended(CAST(ROW({all}) AS text), 0), 9007199254740881))",
    clickhousedb="toInt64(modulo(cityHash64(toString(tuple({all}))), 9007199254740881))",
)
# The whole number with one bit, the one at a place counted from 0. (ClickHouse looks at branches not taken, too.)
_shift = "(CAST(1 AS bigint) << CAST({0} AS integer))"
bit = _construct("bit", sa.BigInteger(), _shift, clickhousedb="bitShiftLeft(toInt64(1), greatest({0}, 0))")
# The bits of a whole number from a place on, as many as the last value, a power of two, has zeros.
_bits = "(({0} >> CAST({1} AS integer)) & ({2} - 1))"
_bits_there = "bitAnd(bitShiftRight({0}, greatest({1}, 0)), {2} - 1)"
bits_from = _construct("bits_from", sa.BigInteger(), _bits, clickhousedb=_bits_there)
bits_of_all = _construct("bits_of_all", sa.BigInteger(), "bit_or({0})", clickhousedb="groupBitOr({0})")  # over rows
# The smallest of several values, of those that are not NULL.
earliest = _construct("earliest", Instant(), "least({all})")
# Of a value, whose it is, an instant and a number: the last value that is not NULL in the rows of the same one before,
# by instant and number. PostgreSQL cannot pass over NULLs and takes the largest list.
_before = "OVER (PARTITION BY {1} ORDER BY {2}, {3} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
_list = "ARRAY[CAST(extract(epoch FROM {2}) * 1000000 AS bigint), {3}, {0}]"
last_known = _construct(
    "last_known",
    sa.BigInteger(),
    f"last_value({{0}} IGNORE NULLS) {_before}",
    postgresql=f"(max(CASE WHEN {{0}} IS NOT NULL THEN {_list} END) {_before})[3]",
    clickhousedb=f"anyLast({{0}}) {_before}",
)
# Of a value that grows from row to row, whose it is and the row's number: the next value that is not NULL in the rows
# of the same one after it. Engines that cannot well pass over NULLs look for the smallest.
_after = "OVER (PARTITION BY {1} ORDER BY {2} ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)"
_smallest_after = f"min({{0}}) {_after}"
next_known = _construct(
    "next_known",
    sa.BigInteger(),
    f"first_value({{0}} IGNORE NULLS) {_after}",
    postgresql=_smallest_after,
    clickhousedb=_smallest_after,
)
_at_zone = _construct(
    "at_zone",
    sa.DateTime(),
    "timezone({1}, timezone('UTC', {0}))",
    clickhousedb="toDateTime64(toString(toTimeZone({0}, {1})), 6, 'UTC')",
)
_from_local = _construct(
    "from_local",
    Instant(),
    "timezone('UTC', timezone({1}, {0}))",
    clickhousedb="toTimeZone(toDateTime64(toString({0}), 6, {1}), 'UTC')",
)
_to_utc = _construct("to_utc", Instant(), "timezone('UTC', {0})", clickhousedb="toTimeZone({0}, 'UTC')")
_truncated = {
    grain: _construct(
        f"truncated_{grain}",
        sa.Date(),
        f"CAST(date_trunc('{grain}', {{0}}) AS date)",
        clickhousedb=f"CAST(date_trunc('{grain}', {{0}}) AS Nullable(Date32))",
    )
    for grain in ("day", "week", "month", "quarter", "year")
}
_days_later = _construct(
    "days_later", sa.DateTime(), "({0} + {1} * interval '1 day')", clickhousedb="addDays({0}, {1})"
)
_months_later = _construct(
    "months_later", sa.DateTime(), "({0} + {1} * interval '1 month')", clickhousedb="addMonths({0}, {1})"
)
# Whole days from 1 January 1970 to a date.
days_since_1970 = _construct(
    "days_since_1970",
    sa.BigInteger(),
    "CAST({0} - DATE '1970-01-01' AS bigint)",
    clickhousedb="CAST(dateDiff('day', toDate32('1970-01-01'), {0}) AS Nullable(Int64))",
)
# Text as a number; NULL where it is none.
as_number = _construct(
    "as_number",
    sa.Double(),
    "try_cast({0} AS double)",
    postgresql=r"CASE WHEN {0} ~ '^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{{1,2}})?\s*$' "
    "THEN CAST({0} AS double precision) END",
    clickhousedb="toFloat64OrNull(trim(BOTH ' \\t\\n\\r' FROM {0}))",
)
_quantile = _construct(
    "quantile",
    sa.Double(),
    "quantile_cont({0}, {1})",
    postgresql="percentile_cont({1}) WITHIN GROUP (ORDER BY {0})",
    clickhousedb="quantileExactInclusiveOrNull({1})({0})",
)
_quantiles = _construct(
    "quantiles",
    sa.ARRAY(sa.Double()),
    "quantile_cont({0}, [{1}])",
    postgresql="percentile_cont(ARRAY[{1}]) WITHIN GROUP (ORDER BY {0})",
    clickhousedb="quantilesExactInclusive({1})({0})",
)


def blank(text: sa.ColumnElement) -> sa.ColumnElement[bool]:
    """Whether a text is empty but for white space; NULL of NULL.

    All white space lies before "!", and a look at how a text begins costs far less than stripping it.
    """
    return sa.case((bytewise(text) >= "!", sa.false()), else_=stripped(text) == "")


def filled(text: sa.ColumnElement) -> sa.ColumnElement:
    """A text as it is; NULL where it is blank."""
    return sa.case((sa.not_(blank(text)), text))


def utc(column: sa.ColumnElement, declared: str, timezone: str | None = None) -> sa.ColumnElement:
    """A source's instant column as naive UTC; one without a zone is local time of `timezone`, UTC if none is declared.

    A local time that a clock change skips or repeats is read as the engine reads it: in DuckDB and PostgreSQL shifted
    forward, and the second of the two.
    """
    name = declared.lower()
    if "with time zone" in name or "timestamptz" in name or "'" in name:  # ClickHouse: DateTime64(6, 'Europe/Berlin')
        return _to_utc(column)
    exact = (name.startswith("timestamp") and not name.startswith("timestamp_")) or "64" in name
    naive = sa.type_coerce(column, Instant()) if exact else sa.cast(column, Instant())
    return naive if timezone in (None, "UTC") else _from_local(naive, sa.literal(timezone))


def local_time(instant: sa.ColumnElement, timezone: str) -> sa.ColumnElement:
    """A naive UTC instant as the clock on the wall shows it there."""
    return instant if timezone == "UTC" else _at_zone(instant, sa.literal(timezone))


def local_floor(instant: sa.ColumnElement, grain: str, calendar: Calendar) -> sa.ColumnElement:
    """The first local day of the period of `grain` that holds a naive UTC instant (as Calendar.floor counts it)."""
    local = local_time(instant, calendar.timezone)
    if grain == "week" and calendar.week_start == "sunday":
        monday_based = _truncated["week"](_days_later(local, sa.literal_column("1")))
        return sa.cast(_days_later(monday_based, sa.literal_column("-1")), sa.Date())
    offset = (calendar.fiscal_month - 1) % {"quarter": 3, "year": 12}.get(grain, 1)
    if offset:
        shifted_back = _truncated[grain](_months_later(local, sa.literal_column(str(-offset))))
        return sa.cast(_months_later(shifted_back, sa.literal_column(str(offset))), sa.Date())
    return _truncated[grain](local)


def quantile(value: sa.ColumnElement, q: float) -> sa.ColumnElement:
    """The q-quantile of non-null values, interpolated between neighbours (type 7); NULL over nothing."""
    return _quantile(value, sa.literal_column(repr(float(q))))


def quantiles(value: sa.ColumnElement, *qs: float) -> sa.ColumnElement:
    """Several quantiles at once, as a list: the values are gathered once. What it is over nothing differs by engine."""
    return _quantiles(value, sa.literal_column(", ".join(repr(float(q)) for q in qs)))


def columns_statement(dialect: sa.Dialect) -> sa.Select:
    """Every readable table's columns with the engine's type names, in order: schema, table, column, type."""
    c = sa.table(
        "columns",
        *(sa.column(n, sa.Text()) for n in ("table_schema", "table_name", "column_name", "data_type")),
        sa.column("ordinal_position", sa.Integer()),
        schema="information_schema",
    ).c
    hidden = ("information_schema", "INFORMATION_SCHEMA", "pg_catalog", "system")
    return (
        sa.select(c.table_schema, c.table_name, c.column_name, c.data_type)
        .where(c.table_schema.not_in(hidden))
        .order_by(c.table_schema, c.table_name, c.ordinal_position)
    )


def twice(dialect: sa.Dialect, value: sa.Label) -> sa.Select:
    """The values that occur more than once. Where nearly all differ, DuckDB sorts them in half the time of grouping."""
    seen = sa.select(value).subquery("seen")
    each = seen.c[value.name]
    if dialect.name != DUCKDB:
        return sa.select(each).group_by(each).having(sa.func.count() > 1)
    nth = sa.func.row_number().over(partition_by=each).label("nth")
    counted = sa.select(each, nth).subquery("counted").c
    return sa.select(counted[value.name]).where(counted.nth == 2)
