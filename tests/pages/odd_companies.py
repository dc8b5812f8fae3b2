"""Companies that have next to nothing, or call everything names."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pyarrow as pa

from lifecycle.company.schemas import SCHEMAS
from lifecycle.stages import load_model
from queries.build import build
from queries.settings import load_settings
from queries.warehouse import writing
from tests.pages import warehouses

HOSTILE = ["<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "=1+1", "**bold** :red[x]", "__proto__"]
AT = datetime(2026, 1, 5)


def bare(folder: Path) -> Path:
    """A company of one event."""
    events = pa.table({"contact_id": ["ann"], "stage": ["Lead"], "entered_at": pa.array([AT], pa.timestamp("us"))})
    return warehouses.made(folder, iter([{"stage_events": events}]), ("crm",))


def doubled(folder: Path) -> Path:
    """A company that told one order four times, and in which two of three referred themselves."""
    at = pa.array([AT] * 4, pa.timestamp("us"))
    events = pa.table({"contact_id": ["ann", "bob"], "stage": ["Lead"] * 2, "entered_at": at[:2]})
    orders = {"order_id": ["o1"] * 4, "contact_id": ["ann"] * 4, "ordered_at": at, "amount": [9.0] * 4}
    referrals = {"referrer_id": ["ann", "bob", "ann"], "referred_id": ["ann", "bob", "bob"], "referred_at": at[:3]}
    batch = {"stage_events": events, "orders": pa.table(orders), "referrals": pa.table(referrals)}
    return warehouses.made(folder, iter([batch]), ("crm",))


def empty(folder: Path) -> Path:
    """A company whose tables are all there, without a row in any."""
    with writing(load_settings(warehouse=str(folder)), fresh=True) as warehouse:
        for name, schema in SCHEMAS.items():
            warehouse.append(name, schema.empty_table())  # type: ignore[attr-defined]  # the embedded one
        for model in ("crm", "customer_lifecycle"):
            build(warehouse, load_model(model))
    return folder


def hostile(folder: Path) -> Path:
    """A company whose segments, stages, reasons, actors, ids and files are called names."""
    n = len(HOSTILE)
    entered = ["Lead", "MQL", "SQL", "Lost"]
    at = pa.array([AT.replace(hour=h) for _ in HOSTILE for h in range(len(entered))] + [AT] * n, pa.timestamp("us"))
    who = [name for name in HOSTILE for _ in entered] + HOSTILE
    events = {"contact_id": who, "stage": entered * n + HOSTILE, "entered_at": at, "reason": who, "competitor": who}
    columns = dict.fromkeys(("contact_id", "account_id", "owner", "source", *HOSTILE), HOSTILE)
    rejects = {
        "table_name": ["stage_events"] * n,
        "file": HOSTILE,
        "line": list(range(n)),
        "column_name": HOSTILE,
        "reason": HOSTILE,
        "digest": HOSTILE,
        "loaded_at": at[:n],
    }
    tables = {"stage_events": events | {"actor": who}, "contacts": columns, "load_rejects": rejects}
    batch = {name: pa.table(rows) for name, rows in tables.items()}
    return warehouses.made(folder, iter([batch]), ("crm", "customer_lifecycle", "discovery"))
