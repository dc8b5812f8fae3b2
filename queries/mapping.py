"""How files become contract tables: as a mapping file declares it, or as the terminal's options do."""

from __future__ import annotations

import difflib
import zoneinfo
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from queries.batches import LoadError
from queries.configfile import ConfigError, line_of, read_config
from queries.contract import CONTRACT
from queries.expressions import Condition, Expression, condition, expression
from queries.parsing import Reading


def _zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = difflib.get_close_matches(name, zoneinfo.available_timezones(), 1)
        raise ValueError(f"no time zone; allowed: {near[0] if near else 'names such as Europe/Berlin'}") from None
    return name


def _encoding(name: str) -> str:
    try:
        "".encode(name)
    except (LookupError, ValueError):
        raise ValueError("no encoding; allowed: utf-8, cp1252, latin-1, utf-16 and others that Python knows") from None
    return name


Zone = Annotated[str, AfterValidator(_zone)]
Encoding = Annotated[str, AfterValidator(_encoding)]
Name = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f\"`]{1,128}$")]


class Source(BaseModel):
    """One file for one contract table: what its values mean, which rows count, and what its columns become.

    `columns`: contract column → expression; what is not named here is taken by its own name. `one_per`: the column of
    which the table has one row per value, the first in `order_by` (else in the file), or the `last`.
    `other_columns`: whether an open table keeps the file's further columns; `kinds` fixes what those hold.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
    file: str
    columns: dict[Name, Annotated[Expression, BeforeValidator(expression)]] = {}
    where: Annotated[Condition, BeforeValidator(condition)] | None = None
    one_per: str | None = None
    order_by: str | None = None
    keep: Literal["first", "last"] = "first"
    other_columns: bool = False
    kinds: dict[Name, Literal["text", "number", "flag", "day", "instant"]] = {}
    timezone: Zone | None = None
    epoch: Literal["s", "ms", "us"] | None = None
    decimal: Literal[".", ","] = "."
    encoding: Encoding = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None

    @property
    def reading(self) -> Reading:
        return Reading(self.timezone, self.epoch, self.decimal)


@dataclass(frozen=True)
class Plan:
    """A source settled against the columns of its file: every target column with its kind and expression.

    `unused` are the file's columns that go nowhere. A kind of None is to be told from the values.
    """

    table: str
    path: Path
    source: Source
    columns: Mapping[str, Expression]
    kinds: Mapping[str, str | None]
    unused: tuple[str, ...] = field(default=())


def from_file(path: Path, folder: Path | None = None, **reading: str) -> list[tuple[str, Path, Source]]:
    """The sources that a mapping file declares: contract table, data file, source; files lie in `folder` or beside it.

    The file has a table (or a list of tables) per contract table; `reading` says what it leaves open, such as the time
    zone. Raises ConfigError with file, line, key and what is allowed.
    """
    values, text = read_config(path)
    out = []
    for table, declared in values.items():
        if table not in CONTRACT:
            near = difflib.get_close_matches(table, CONTRACT, 1) or list(CONTRACT)
            raise ConfigError(path.name, line_of(text, [table]), table, "is no contract table", ", ".join(near))
        for part in declared if isinstance(declared, list) else [declared]:
            try:
                source = Source.model_validate({**reading, **part} if isinstance(part, dict) else part)
                _check(table, source)
            except ValidationError as mistakes:
                raise _explain(mistakes.errors(include_url=False)[0], table, path.name, text) from None
            except LoadError as mistake:
                problem, _, allowed = str(mistake).partition("; allowed: ")
                line = line_of(text, [table])
                raise ConfigError(path.name, line, table, f"is wrong: {problem}", allowed) from None
            out.append((table, (folder or path.parent) / source.file, source))
    if not out:
        raise ConfigError(path.name, None, "", "declares no table", f"tables such as [stage_events] ({len(CONTRACT)})")
    return out


def from_options(
    files: Mapping[str, Iterable[Path]], maps: Iterable[str], **reading: str
) -> list[tuple[str, Path, Source]]:
    """The sources that the terminal names: table → files, and `table.column=source column`. Raises LoadError."""
    columns: dict[str, dict[str, str]] = {}
    for given in maps:
        target, equals, name = given.partition("=")
        table, dot, column = target.strip().partition(".")
        if not (equals and dot and column and name.strip()):
            raise LoadError(f"--map {given!r} is not of the form stage_events.contact_id=lead_id.")
        if not files.get(table):
            known = ", ".join(t for t, f in files.items() if f)
            raise LoadError(f"--map {given!r}: no file is given for {table!r}. Tables with files: {known or 'none'}.")
        columns.setdefault(table, {})[column.strip()] = name.strip()
    out = []
    for table, paths in files.items():
        for path in paths:
            try:
                declared = {"file": str(path), "columns": columns.get(table, {}), "other_columns": True, **reading}
                source = Source.model_validate(declared)
            except ValidationError as mistakes:
                first = mistakes.errors(include_url=False)[0]
                raise LoadError(f"--{first['loc'][0]} {first['input']!r}: {_said(first)}.") from None
            _check(table, source)
            out.append((table, path, source))
    return out


def _check(table: str, source: Source) -> None:
    """LoadError for what a source says that its table cannot have."""
    spec = CONTRACT[table]
    for column in source.columns:
        if column not in spec.columns and not spec.open:
            near = difflib.get_close_matches(column, spec.columns, 1) or list(spec.columns)
            raise LoadError(f"{table} has no column {column!r}; allowed: {', '.join(near)}")
    for column in filter(None, (source.one_per, source.order_by)):
        if column not in spec.columns and column not in source.columns:
            raise LoadError(f"one_per or order_by names {column!r}; allowed: a column of {table}")
    picks = [c for c, e in source.columns.items() if e.pick]
    if picks and not source.one_per:
        raise LoadError(f"{picks[0]} takes min or max without one_per; allowed: one_per = the key column")
    if (source.order_by or source.keep == "last") and not source.one_per:
        raise LoadError("order_by and keep mean nothing without one_per; allowed: one_per = the key column")


def plan(table: str, path: Path, source: Source, names: list[str]) -> Plan:
    """Settle a source against the column names of its file. Raises LoadError naming the first column that lacks."""
    spec = CONTRACT[table]
    columns = dict(source.columns)
    taken = {name for e in columns.values() for name in e.needs} | set(source.where.needs if source.where else ())
    for name in spec.columns:
        if name not in columns and name in names and name not in taken:
            columns[name] = expression(name)
    needs = {name for e in columns.values() for name in e.needs}
    free = [n for n in names if n not in needs and n not in taken and n not in columns]
    if spec.open and source.other_columns:
        columns |= {name: expression(name) for name in free}
        free = []
    for name in spec.required:
        if name not in columns:
            near = difflib.get_close_matches(name, names, 1, 0.5)
            hint = f"--map {table}.{name}={near[0].strip() if near else 'COLUMN'}"
            raise LoadError(
                f"{path.name} has no column {name!r}, which {table} needs. Say which of its columns holds it ({hint}): "
                f"{', '.join(names[:30])}."
            )
    for name in (*filter(None, (source.one_per, source.order_by)), *source.kinds):
        if name not in columns:
            raise LoadError(f"{path.name}: one_per, order_by and kinds name {name!r}, which {table} does not get.")
    kinds = {c: source.kinds.get(c) or spec.columns.get(c) for c in columns}
    return Plan(table, path, source, columns, kinds, tuple(free))


def needed(p: Plan) -> list[str]:
    """The columns of the file that a plan reads."""
    where = p.source.where.needs if p.source.where else ()
    return list(dict.fromkeys([*where, *(name for e in p.columns.values() for name in e.needs)]))


def _explain(detail: ErrorDetails, table: str, file: str, text: str) -> ConfigError:
    path = [table, *(part for part in detail["loc"] if not str(part).startswith("function-"))]
    key = ".".join(map(str, path))
    if detail["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(path[-1]), Source.model_fields, 1) or list(Source.model_fields)
        return ConfigError(file, line_of(text, path), key, "is no setting", ", ".join(near))
    if detail["type"] == "missing":
        return ConfigError(file, line_of(text, [table]), key, "is missing", "the name of a data file")
    problem, _, allowed = _said(detail).partition("; allowed: ")
    return ConfigError(file, line_of(text, path), key, f"is wrong: {problem}", allowed or "see the mapping vocabulary")


def _said(detail: ErrorDetails) -> str:
    """One of pydantic's errors without its prefix."""
    return detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
