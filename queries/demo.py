"""The demo company: invented, simulated into an embedded warehouse of its own, every model built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pyarrow as pa

from lifecycle.simulate import simulate
from lifecycle.stages import StageModel, raw_values
from queries.build import build
from queries.cutoff import LOADS
from queries.embedded import Embedded
from queries.errors import WarehouseError
from queries.load import DEMO, LOADS_SCHEMA, loaded, require_embedded
from queries.settings import Settings

CONTACTS, SEED = 50_000, 7

Tick = Callable[[str, int, int], None]  # what is being done, done, of


def demo(
    settings: Settings,
    models: Mapping[str, StageModel],
    *,
    contacts: int = CONTACTS,
    seed: int = SEED,
    as_of: datetime | None = None,
    tick: Tick = lambda *_: None,
) -> dict[str, int]:
    """Fill the embedded warehouse with an invented company, build all models, and return the rows per table.

    `as_of` (naive UTC, default: the beginning of today) is where its history ends and when it counts as loaded.
    Raises WarehouseError where the warehouse holds a company's own data, which is never overwritten.
    """
    require_embedded(settings)
    if loaded(settings) - {DEMO}:
        what = "The warehouse holds your own data, which the demo company would replace."
        raise WarehouseError("failed", what, "Give the demo company a folder of its own: --warehouse demo.")
    today = datetime.now(UTC).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    end = as_of or today
    rows: dict[str, int] = {}
    with Embedded.writing(settings, fresh=True) as warehouse:
        done = 0
        tick("inventing contacts", 0, contacts)
        for batch in simulate(contacts, seed, as_of=end):
            for name, table in batch.items():
                warehouse.append(name, table)
                rows[name] = rows.get(name, 0) + table.num_rows
            done = min(done + batch["contacts"].num_rows, contacts)
            tick("inventing contacts", done, contacts)
        warehouse.append(LOADS, pa.Table.from_pylist([{"loaded_at": end, "table_name": DEMO}], LOADS_SCHEMA))
        known = raw_values(models.values())
        for number, model in enumerate(models.values()):
            tick("building models", number, len(models))
            build(warehouse, model, known)
        tick("building models", len(models), len(models))
    return rows
