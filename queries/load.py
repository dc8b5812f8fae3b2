"""Loading: files into the contract tables of the embedded warehouse, all of them or none.

    read = loaded + duplicates + quarantined + left_out (by a mapping's `where` or `only_changes`)

Rows that cannot be read go to `load_rejects` with file, line, column, reason and digest. A load replaces a table, or
appends to it; either way a row equal to one that is there already is a duplicate, so that repeating a load changes
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import sqlalchemy as sa

from queries.batches import LoadError, Opened
from queries.contract import CONTRACT, REJECTS
from queries.cutoff import LOADS
from queries.embedded import Embedded
from queries.errors import WarehouseError
from queries.lookups import Book
from queries.mapping import Source
from queries.plans import Plan, plan
from queries.readers import open_file
from queries.settings import Settings
from queries.settling import empty, settle
from queries.staging import REJECTS_SCHEMA, Report, Staging, Tick
from queries.warehouse import open_warehouse

COUNTS = ("read", "loaded", "duplicates", "quarantined", "left_out")
LOADS_SCHEMA = pa.schema(
    [("loaded_at", pa.timestamp("us")), ("table_name", pa.string()), ("files", pa.string())]
    + [(name, pa.int64()) for name in COUNTS]
)
DEMO = "demo company"  # what `loads` calls the invented data, which never mixes with a company's own


def load(
    settings: Settings,
    sources: Iterable[tuple[str, Path, Source]],
    *,
    append: bool = False,
    tick: Tick = lambda *_: None,
) -> list[Report]:
    """Load files into contract tables as one generation, and report per table.

    `tick(table, file, done, of)` is called as files are read. The demo company is replaced whole. Raises LoadError,
    ConfigError or WarehouseError; nothing has changed then.
    """
    require_embedded(settings)
    chosen = sorted(sources, key=lambda s: list(CONTRACT).index(s[0]))
    if not chosen:
        raise LoadError("No file is given. Name one per table: --stage-events events.csv --contacts contacts.csv.")
    reports = {table: Report(table) for table, *_ in chosen}
    parts: list[_Part] = []
    lacking: list[_Part] = []
    for table, path, source in chosen:
        if source.may_lack and not path.exists():
            reports[table].notes.append(f"{table}: there is no file {path.name}")
            continue
        part = _opened(table, path, source)
        (lacking if part.plan.lacks else parts).append(part)
    if not parts:
        names = ", ".join(dict.fromkeys(path.name for _, path, _ in chosen))
        raise LoadError(f"None of the mapping's files is in {chosen[0][1].parent}: {names}. Check the folder: --files.")
    now = datetime.now(UTC).replace(tzinfo=None)
    with Embedded.writing(settings, fresh=DEMO in loaded(settings)) as warehouse:
        warehouse.append(REJECTS, REJECTS_SCHEMA.empty_table())
        for table, group in groupby(parts, key=lambda part: part.plan.table):
            if not append:
                empty(warehouse, table)
            report = reports[table]
            for part in group:
                _load(warehouse, part, report, now, tick)
            if not report.loaded + report.duplicates:
                report.notes.append(f"{table}: nothing is loaded, the mapping leaves out every row")
        for p in (part.plan for part in lacking):  # unless another source makes the same of the same file
            if p.path.name not in reports[p.table].files:
                reports[p.table].notes.append(f"{p.table}: {p.path.name} has nothing for {', '.join(p.lacks)}")
        rows = [
            {"loaded_at": now, "table_name": r.table, "files": ", ".join(r.files), **_counts(r)}
            for r in reports.values()
            if r.files
        ]
        warehouse.append(LOADS, pa.Table.from_pylist(rows, LOADS_SCHEMA))
    return list(reports.values())


@dataclass(frozen=True)
class _Part:
    """A settled source with its open file, and those of its lookups that are needed."""

    plan: Plan
    file: Opened
    looked_up: dict[str, Opened]


def _opened(table: str, path: Path, source: Source) -> _Part:
    file = open_file(path, source.encoding, source.delimiter)
    others: dict[str, Opened] = {}
    names = {*file.names}
    for name, lookup in source.lookups.items():
        if source.may_lack and (not Path(lookup.file).exists() or names.isdisjoint(lookup.by.needs)):
            continue
        others[name] = open_file(Path(lookup.file), source.encoding, source.delimiter)
        names |= {f"{name}.{column}" for column in others[name].names}
    settled = plan(table, path, source, file.names, names)
    file.require(settled.needs, "Correct the mapping.")
    for name, other in others.items():
        where = source.lookups[name].where
        conditions = where.needs if where and not source.may_lack else ()
        other.require([source.lookups[name].key, *settled.looked_up(name), *conditions], "Correct the mapping.")
    return _Part(settled, file, {name: other for name, other in others.items() if settled.looked_up(name)})


def _load(warehouse: Embedded, part: _Part, report: Report, now: datetime, tick: Tick) -> None:
    """Load one source, and note what it lacks."""
    p, lookups = part.plan, part.plan.source.lookups
    books = []
    for name, other in part.looked_up.items():
        books.append(Book(warehouse, name, lookups[name], p.looked_up(name)))
        if n := books[-1].read(other):
            report.notes.append(f"{p.table}: {n:,} rows of {other.path.name} cannot be read")
    staging = Staging(warehouse, p, books, report, now)
    staging.read(part.file, tick)
    if staging.rows:
        settle(warehouse, staging)
    else:
        staging.close()
    for book in books:
        book.close()
    if p.left_out:
        report.notes.append(f"{p.table}: {p.path.name} has nothing for {', '.join(p.left_out)}")


def require_embedded(settings: Settings) -> None:
    """WarehouseError where the configured warehouse is a server, whose tables are not ours to fill."""
    if not settings.is_embedded:
        what = "Data is loaded into the embedded warehouse only; a server's tables are read where they are."
        raise WarehouseError("failed", what, "Name a folder: --warehouse warehouse.")


def loaded(settings: Settings) -> set[str]:
    """The tables that were ever loaded into the embedded warehouse, or DEMO; empty where there is none."""
    try:
        warehouse = open_warehouse(settings)
    except WarehouseError as problem:
        if problem.kind == "missing":
            return set()
        raise
    try:
        if not any(name == LOADS for _, name in warehouse.tables()):
            return set()
        loads = sa.table(LOADS, sa.column("table_name", sa.Text()))
        return set(warehouse.query(sa.select(loads.c.table_name).distinct()).column(0).to_pylist())
    finally:
        warehouse.close()


def _counts(report: Report) -> dict[str, int]:
    return {name: getattr(report, name) for name in COUNTS}
