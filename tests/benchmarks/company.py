"""The invented company on disk: its Parquet files, the warehouse loaded from them, and a build of it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lifecycle.simulate import simulate
from lifecycle.stages import StageModel, raw_values, shipped_models
from queries.build import build
from queries.embedded import Embedded
from queries.modelled import Modelled, latest
from queries.settings import Settings
from queries.warehouse import Rendered, open_warehouse, writing
from tests.benchmarks.measure import AS_OF, MODEL

INSTANT = pa.timestamp("us")
CHANGED = 0.001  # the share of contacts that moves on between two builds


def settings(folder: Path) -> Settings:
    """A warehouse in the bench folder; two generations, since at ten million contacts each takes 15 GB."""
    return Settings(warehouse=str(folder / "warehouse"), keep_generations=2, time_limit_seconds=600)  # type: ignore[arg-type]


def model() -> StageModel:
    return shipped_models()[MODEL]


def is_there(folder: Path, contacts: int) -> bool:
    """Whether the folder has the files of a company of this size from an earlier run."""
    known = folder / "raw" / "contacts.parquet"
    return known.exists() and pq.read_metadata(known).num_rows == contacts


def simulated(folder: Path, contacts: int) -> None:
    """Parquet files of every contract table, written batch by batch; they get their place when all are whole."""
    raw = folder / "unfinished"
    shutil.rmtree(raw, ignore_errors=True)
    raw.mkdir(parents=True)
    writers: dict[str, pq.ParquetWriter] = {}
    for batch in simulate(contacts, as_of=datetime.fromisoformat(AS_OF)):
        for name, table in batch.items():
            if name not in writers:
                writers[name] = pq.ParquetWriter(raw / f"{name}.parquet", table.schema, compression="zstd")
            writers[name].write_table(table)
    for writer in writers.values():
        writer.close()
    shutil.rmtree(folder / "raw", ignore_errors=True)
    raw.rename(folder / "raw")


def loaded(folder: Path) -> None:
    """A fresh warehouse holding those files."""
    with writing(settings(folder), fresh=True) as warehouse:
        assert isinstance(warehouse, Embedded)
        for name, table in _batches(folder / "raw"):
            warehouse.append(name, table)
        warehouse.append("loads", pa.table({"loaded_at": pa.array([datetime.fromisoformat(AS_OF)], INSTANT)}))


def _batches(raw: Path) -> Iterator[tuple[str, pa.Table]]:
    for file in sorted(raw.glob("*.parquet")):
        for batch in pq.ParquetFile(file).iter_batches(1_000_000):
            yield file.stem, pa.Table.from_batches([batch])


def built(folder: Path, full: bool) -> float:
    """Seconds of a build alone; the copy that it works on, and the switch to it, are in the process's own time."""
    with writing(settings(folder)) as warehouse:
        if not full:
            _move_on(warehouse, folder)
        start = time.perf_counter()
        build(warehouse, model(), raw_values(shipped_models().values()), full=full)
        return time.perf_counter() - start


def _move_on(warehouse: object, folder: Path) -> None:
    """One new entry for one contact in a thousand, recorded just before the end."""
    assert isinstance(warehouse, Embedded)
    every = pq.read_table(folder / "raw" / "contacts.parquet", columns=["contact_id"])["contact_id"]
    chosen = every.take(pa.array(range(0, len(every), round(1 / CHANGED))))
    at = datetime.fromisoformat(AS_OF) - timedelta(minutes=1)
    rows = {
        "event_id": pc.binary_join_element_wise(chosen, "moved-on", "-"),
        "contact_id": chosen,
        "stage": pa.array(["Opportunity"] * len(chosen)),
        "entered_at": pa.array([at] * len(chosen), INSTANT),
        "recorded_at": pa.array([at] * len(chosen), INSTANT),
    }
    warehouse.append("stage_events", pa.table(rows))


def opened(folder: Path) -> Modelled:
    """The newest build, open for questions."""
    return latest(open_warehouse(settings(folder)), model())


def rows(m: Modelled, rendered: Rendered) -> pa.Table:
    """All that a statement gives, also what no page may ask: more rows than an answer has, or the engine's plan."""
    assert isinstance(m.warehouse, Embedded)
    return m.warehouse._connection.cursor().execute(rendered.text, dict(rendered.parameters)).to_arrow_table()
