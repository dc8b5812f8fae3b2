"""Small embedded warehouses for tests of what people see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from lifecycle.simulate import simulate
from lifecycle.stages import raw_values, shipped_models
from queries.build import build
from queries.settings import load_settings
from queries.warehouse import writing

AS_OF = datetime(2026, 3, 1, 12)


def made(folder: Path, batches: Iterator[Mapping[str, pa.Table]], models: tuple[str, ...]) -> Path:
    """An embedded warehouse in `folder` that holds these contract tables and the builds of these models."""
    known = shipped_models()
    with writing(load_settings(warehouse=str(folder)), fresh=True) as warehouse:
        for batch in batches:
            for name, rows in batch.items():
                if rows.num_rows:
                    warehouse.append(name, rows)  # type: ignore[attr-defined]  # the embedded one, by its settings
        for name in models:
            build(warehouse, known[name], raw_values(m for key, m in known.items() if key != name), full=True)
    return folder


def company(folder: Path, contacts: int, models: tuple[str, ...]) -> Path:
    """The demo company, small."""
    return made(folder, simulate(contacts, as_of=AS_OF), models)


ODD = [
    "a.b[0]",
    "datum['x']",
    "__proto__",
    "where.",
    "q&r=s#t?u",
    "a b",
    "A B",
    "ärger ñ 漢字 🎈",
    "**bold**",
    ":red[x]",
    "[x](javascript:alert(1))",
    "<img src=x onerror=alert(1)>",
    "'; drop table contacts; --",
    "100%",
    "model",
    "from",
    "embed",
    "$x$",
    "a\\b",
    "x" * 63,
]


def oddities(folder: Path) -> Path:
    """A company with forty oddly named columns, whose values are no better."""
    n = 60
    columns: dict[str, list[object]] = {"contact_id": [f"c{i}" for i in range(n)]}
    for j, name in enumerate([*ODD, *(f"plain {i}" for i in range(20))]):
        columns[name] = [None if i % 7 == 0 else ODD[(i + j) % 3] for i in range(n)]
    start = datetime(2026, 1, 1)
    events = pa.table(
        {
            "contact_id": [f"c{i}" for i in range(n) for _ in range(2)],
            "stage": ["Lead", "MQL"] * n,
            "entered_at": pa.array(
                [start.replace(day=1 + i % 28, hour=h) for i in range(n) for h in (1, 2)], pa.timestamp("us")
            ),
        }
    )
    return made(folder, iter([{"contacts": pa.table(columns), "stage_events": events}]), ("crm",))
