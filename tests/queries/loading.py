"""Loading what a mapping says, and reading what came of it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from queries.load import load
from queries.mapping import from_file
from queries.settings import Settings
from queries.staging import Report
from queries.warehouse import open_warehouse


def load_mapping(settings: Settings, mapping: str, **files: str) -> list[Report]:
    """Load what a mapping says of files, each given as its text."""
    folder = settings.folder.parent
    for name, content in files.items():
        (folder / f"{name}.csv").write_text(content)
    (folder / "mapping.toml").write_text(mapping)
    reports = load(settings, from_file(folder / "mapping.toml"))
    for r in reports:
        assert r.read == r.loaded + r.duplicates + r.quarantined + r.left_out
    return reports


def rows(settings: Settings, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """These columns of a table, in an order that depends on nothing but their values."""
    warehouse = open_warehouse(settings)
    try:
        statement = sa.select(*map(sa.column, columns)).select_from(sa.table(table))
        found = [tuple(row.values()) for row in warehouse.query(statement).to_pylist()]
        return sorted(found, key=lambda row: [(value is None, str(value)) for value in row])
    finally:
        warehouse.close()
