"""How files become contract tables: as a mapping file declares it, or as the terminal's options do."""

from __future__ import annotations

import difflib
import zoneinfo
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from queries.batches import LoadError
from queries.configfile import ConfigError, line_of, read_config
from queries.contract import CHANGES, CONTRACT
from queries.exports import SHIPPED, Export, mapping_file, places
from queries.expressions import Condition, Expression, condition, expression
from queries.lookups import Lookup
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
    `only_changes`: whether rows that only repeat the stage (or value) of the row before them go. `other_columns`:
    whether an open table keeps the file's further columns; `kinds` fixes what those hold. `lookups`: other files whose
    columns may be named too. `may_lack`: whether files, columns and rows may be absent, as they are from one company's
    export of a system to another's: what needs them is left out, and the report says so.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
    file: str
    columns: dict[Name, Annotated[Expression, BeforeValidator(expression)]] = {}
    where: Annotated[Condition, BeforeValidator(condition)] | None = None
    one_per: str | None = None
    order_by: str | None = None
    keep: Literal["first", "last"] = "first"
    only_changes: bool = False
    lookups: dict[Annotated[str, Field(pattern=r"^\w{1,40}$")], Lookup] = {}
    may_lack: bool = False
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


def from_file(
    path: Path, folder: Path | None = None, maps: Iterable[str] = (), **reading: str
) -> list[tuple[str, Path, Source]]:
    """The sources that a mapping file declares: contract table, data file, source; files lie in `folder` or beside it.

    The file has a table (or a list of tables) per contract table, and may have a table `export`; `maps` adds columns as
    `table.column=source column`, `reading` says what it leaves open, such as the time zone. Raises ConfigError with
    file, line, key and what is allowed, or LoadError.
    """
    values, text = read_config(path)
    export = values.pop("export", None)
    place = places(_validated(Export, export or {}, "export", path.name, text), folder or path.parent)
    mapped = _mapped(maps, values)
    out = []
    for table, declared in values.items():
        if table not in CONTRACT:
            near = difflib.get_close_matches(table, CONTRACT, 1) or list(CONTRACT)
            raise ConfigError(path.name, line_of(text, [table]), table, "is no contract table", ", ".join(near))
        for part in declared if isinstance(declared, list) else [declared]:
            given = {"may_lack": export is not None, **reading, **part} if isinstance(part, dict) else part
            source = _validated(Source, given, table, path.name, text)
            columns = {column: expression(name) for column, name in mapped.get(table, {}).items()}
            lookups = {n: x.model_copy(update={"file": str(place(x.file))}) for n, x in source.lookups.items()}
            source = source.model_copy(update={"columns": {**source.columns, **columns}, "lookups": lookups})
            try:
                _check(table, source)
            except LoadError as mistake:
                problem, _, allowed = str(mistake).partition("; allowed: ")
                line = line_of(text, [table])
                raise ConfigError(path.name, line, table, f"is wrong: {problem}", allowed) from None
            out.append((table, place(source.file), source))
    if not out:
        raise ConfigError(path.name, None, "", "declares no table", f"tables such as [stage_events] ({len(CONTRACT)})")
    return out


def chosen(
    files: Mapping[str, Iterable[Path]], maps: Iterable[str], named: str | None, folder: Path | None, **reading: str
) -> list[tuple[str, Path, Source]]:
    """All sources that the terminal names: files per table, and a mapping's (a file, or the name of a ready one).

    A column named by `maps` is that of the files given for its table, else of the mapping's. Raises ConfigError or
    LoadError.
    """
    if named is None:
        return from_options(files, maps, **reading)
    given = {table for table, paths in files.items() if paths}
    of_files = [m for m in maps if m.partition(".")[0].strip() in given]
    path = mapping_file(named)
    if folder is None and path.parent == SHIPPED:
        raise LoadError(f"Say where the export lies: --mapping {named} --files FOLDER.")
    of_mapping = [m for m in maps if m not in of_files]
    return from_options(files, of_files, **reading) + from_file(path, folder, of_mapping, **reading)


def from_options(
    files: Mapping[str, Iterable[Path]], maps: Iterable[str], **reading: str
) -> list[tuple[str, Path, Source]]:
    """The sources that the terminal names: table → files, and `table.column=source column`. Raises LoadError."""
    columns = _mapped(maps, {table for table, paths in files.items() if paths})
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


def _mapped(maps: Iterable[str], tables: Container[str]) -> dict[str, dict[str, str]]:
    """Table → column → source column, as `table.column=source column` says. LoadError for tables without files."""
    columns: dict[str, dict[str, str]] = {}
    for given in maps:
        target, equals, name = given.partition("=")
        table, dot, column = target.strip().partition(".")
        if not (equals and dot and column and name.strip()):
            raise LoadError(f"--map {given!r} is not of the form stage_events.contact_id=lead_id.")
        if table not in tables:
            known = ", ".join(t for t in CONTRACT if t in tables)
            raise LoadError(f"--map {given!r}: no file is given for {table!r}. Tables with files: {known or 'none'}.")
        columns.setdefault(table, {})[column.strip()] = name.strip()
    return columns


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
    if source.only_changes and table not in CHANGES:
        raise LoadError(f"only_changes means nothing for {table}; allowed: for {', '.join(CHANGES)}")


M = TypeVar("M", bound=BaseModel)


def _validated(kind: type[M], declared: object, table: str, file: str, text: str) -> M:
    try:
        return kind.model_validate(declared)
    except ValidationError as mistakes:
        raise _explain(mistakes.errors(include_url=False)[0], kind, table, file, text) from None


def _explain(detail: ErrorDetails, kind: type[BaseModel], table: str, file: str, text: str) -> ConfigError:
    path = [table, *(part for part in detail["loc"] if not str(part).startswith("function-"))]
    key = ".".join(map(str, path))
    if detail["type"] == "extra_forbidden":
        settings = (Lookup if "lookups" in path else kind).model_fields
        near = difflib.get_close_matches(str(path[-1]), settings, 1) or list(settings)
        return ConfigError(file, line_of(text, path), key, "is no setting", ", ".join(near))
    if detail["type"] == "missing":
        allowed = "the name of a data file" if path[-1] == "file" else "a column"
        return ConfigError(file, line_of(text, path[:-1]), key, "is missing", allowed)
    problem, _, allowed = _said(detail).partition("; allowed: ")
    allowed = allowed or "what queries/crm/README.md says"
    return ConfigError(file, line_of(text, path), key, f"is wrong: {problem}", allowed)


def _said(detail: ErrorDetails) -> str:
    """One of pydantic's errors without its prefix."""
    return detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
