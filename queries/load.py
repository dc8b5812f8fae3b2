"""Loading: files into the contract tables of the embedded warehouse, all of them or none.

    read = loaded + duplicates + quarantined + left_out (by a mapping's `where`)

Rows that cannot be read go to `load_rejects` with file, line, column, reason and digest. A load replaces a table, or
appends to it; either way a row equal to one that is there already is a duplicate, so that repeating a load changes
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
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
from queries.mapping import Plan, Source, needed, plan
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
    plans = []
    for table, path, source in chosen:
        file = open_file(path, source.encoding, source.delimiter)
        plans.append((_settled(table, path, source, file), file))
    now = datetime.now(UTC).replace(tzinfo=None)
    reports = []
    with Embedded.writing(settings, fresh=DEMO in loaded(settings)) as warehouse:
        warehouse.append(REJECTS, REJECTS_SCHEMA.empty_table())
        for table, parts in groupby(plans, key=lambda part: part[0].table):
            report = Report(table)
            if not append:
                empty(warehouse, table)
            for p, file in parts:
                staging = Staging(warehouse, p, report, now)
                staging.read(file, tick)
                settle(warehouse, staging)
            reports.append(report)
        rows = [{"loaded_at": now, "table_name": r.table, "files": ", ".join(r.files), **_counts(r)} for r in reports]
        warehouse.append(LOADS, pa.Table.from_pylist(rows, LOADS_SCHEMA))
    return reports


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


def _settled(table: str, path: Path, source: Source, file: Opened) -> Plan:
    settled = plan(table, path, source, file.names)
    file.require(needed(settled), "Correct the mapping.")
    return settled


def _counts(report: Report) -> dict[str, int]:
    return {name: getattr(report, name) for name in COUNTS}
