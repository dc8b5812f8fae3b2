"""The instants of a build: when the data came in, how far events may reach, and up to when they tell the story."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from lifecycle.intake import EARLIEST, LATEST
from queries.contract import Source
from queries.dialect import Instant
from queries.warehouse import Warehouse

LOADS = "loads"  # the embedded warehouse's record of when data came in
# What happens, and when. Planned instants, such as the end of a subscription, say nothing of how far the data reach.
HAPPENED = {
    "stage_events": "entered_at",
    "deal_stage_events": "entered_at",
    "activities": "occurred_at",
    "orders": "ordered_at",
    "surveys": "responded_at",
    "referrals": "referred_at",
    "deals": "created_at",
    "subscriptions": "started_at",
}


def loaded_at(warehouse: Warehouse) -> datetime | None:
    """When data last came into the embedded warehouse; None where nothing tells."""
    tables = warehouse.tables()
    if warehouse.build_schema is not None or not any(n == LOADS and "loaded_at" in tables[s, n] for s, n in tables):
        return None
    loads = sa.table(LOADS, sa.column("loaded_at", Instant()))
    return warehouse.query(sa.select(sa.func.max(loads.c.loaded_at))).column(0)[0].as_py()


def as_of(warehouse: Warehouse, sources: Mapping[str, Source], bound: datetime) -> datetime:
    """The latest plausible instant of an event not beyond the bound; the bound itself where nothing happened."""
    found = [_latest(warehouse, s, s[at], bound) for name, at in HAPPENED.items() if (s := sources.get(name))]
    if "stage_dates" in sources and "stage_events" not in sources:
        s = sources["stage_dates"]
        found += [_latest(warehouse, s, s.column(n), bound) for n, kind in s.extra.items() if kind == "instant"]
    return max((f for f in found if f is not None), default=bound)


def watermark(warehouse: Warehouse, sources: Mapping[str, Source]) -> datetime | None:
    """The newest instant at which a stage event was recorded; None where that is not known."""
    source = sources.get("stage_events")
    if source is None or not source.has("recorded_at"):
        return None
    return _latest(warehouse, source, source["recorded_at"], LATEST)


def _latest(warehouse: Warehouse, source: Source, at: sa.ColumnElement, bound: datetime) -> datetime | None:
    inside = sa.and_(at >= EARLIEST, at <= bound)
    statement = sa.select(sa.func.max(sa.case((inside, at)))).select_from(source.table)
    return warehouse.query(statement).column(0)[0].as_py()
