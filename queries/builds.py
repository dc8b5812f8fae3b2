"""Builds: what was built when, from what, with which counts. A row here is the switch that makes a build current."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

import sqlalchemy as sa

from lifecycle.segments import Catalog, Segment
from lifecycle.stages import StageModel
from queries import tables
from queries.errors import WarehouseError
from queries.warehouse import Warehouse

COLUMNS: dict[str, type] = {
    "id": int,
    "model": str,
    "digest": str,
    "started": datetime,
    "finished": datetime,
    "loaded_at": datetime,
    "as_of": datetime,
    "watermark": datetime,
    "counts": str,
    "segments": str,
    "fingerprint": str,
}


@dataclass(frozen=True)
class Build:
    """One finished build of one model. `counts` obeys in = used + repeats + ignored + duplicates + quarantined.

    Beside these, counts has journeys, `apart` (how many of them lie away from those that start together) and `later`
    (entries after `as_of`). `as_of` is the data cut-off, `loaded_at` the instant of loading, `watermark` the newest
    recorded instant seen; `fingerprint` tells which source tables there were, with their columns.
    """

    id: int
    model: str
    digest: str
    started: datetime
    finished: datetime
    loaded_at: datetime
    as_of: datetime
    watermark: datetime | None
    counts: Mapping[str, int]
    segments: tuple[Segment, ...] = field(default=())
    fingerprint: str = ""

    @property
    def catalog(self) -> Catalog:
        return Catalog(self.segments)

    def shows_all(self, as_of: datetime) -> bool:
        """Whether nobody entered a stage after `as_of`, so that no entry need be hidden from questions."""
        return as_of >= self.as_of and self.counts.get("later") == 0

    def table(self, kind: str) -> str:
        """The name of one of its tables (stays, journeys, identities …), of at most 63 characters."""
        return f"{kind}_{self.model[:30]}_{self.digest}_{self.id}"


def builds_table(warehouse: Warehouse) -> sa.TableClause:
    columns = [sa.column(name, tables.type_of(kind)) for name, kind in COLUMNS.items()]
    return sa.table("builds", *columns, schema=warehouse.build_schema)


def history(warehouse: Warehouse, model: str | None = None) -> list[Build]:
    """All recorded builds, newest first; of one model if named. Empty where nothing was ever built."""
    table = builds_table(warehouse)
    statement = sa.select(table).order_by(table.c.id.desc())
    if model is not None:
        statement = statement.where(table.c.model == model)
    try:
        rows = warehouse.query(statement).to_pylist()
    except WarehouseError as problem:
        if problem.kind == "missing_table":
            return []
        raise
    return [_build(row) for row in rows]


def latest(warehouse: Warehouse, model: StageModel) -> Build:
    """The newest build of exactly this definition. Raises WarehouseError("missing") where there is none."""
    for build in history(warehouse, model.name):
        if build.digest == model.digest:
            return build
    raise WarehouseError(
        "missing", f"The model {model.name} has not been built.", f"Run: lifecycle build --model {model.name}"
    )


def newest(warehouse: Warehouse) -> str:
    """A token that changes with every finished build."""
    table = builds_table(warehouse)
    try:
        return str(warehouse.query(sa.select(sa.func.max(table.c.id))).column(0)[0].as_py())
    except WarehouseError as problem:
        if problem.kind == "missing_table":
            return ""
        raise


def record(warehouse: Warehouse, build: Build) -> None:
    """Make a build current: one inserted row."""
    row = asdict(build) | {
        "counts": json.dumps(dict(build.counts)),
        "segments": json.dumps([asdict(s) for s in build.segments]),
    }
    warehouse.execute(sa.insert(builds_table(warehouse)).values(row))


def _build(row: dict) -> Build:
    def segment(d: dict) -> Segment:
        return Segment(**d | {"values": tuple(d["values"])})

    return Build(
        **row
        | {"counts": json.loads(row["counts"]), "segments": tuple(segment(d) for d in json.loads(row["segments"]))}
    )
