"""Whether a deployment is in order: configuration, connection, freshness, conservation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lifecycle.health import Conservation
from lifecycle.stages import StageModel
from queries import builds
from queries.builds import Build
from queries.contract import CONTRACT
from queries.cutoff import loaded_at
from queries.errors import WarehouseError
from queries.modelled import sources_of
from queries.settings import Settings
from queries.warehouse import Warehouse, open_warehouse


@dataclass(frozen=True)
class Check:
    """One thing looked at: whether it is in order, what was seen, and what to do where it is not."""

    name: str
    is_good: bool
    seen: str
    hint: str = ""


def checks(settings: Settings, known: Mapping[str, StageModel], now: datetime) -> Iterator[Check]:
    """What is in order and what is not, from the configuration to the last builds; `now` is naive UTC."""
    where = "embedded" if settings.is_embedded else "a server"
    yield Check("configuration", True, f"{len(known)} stage models, warehouse {where}, days in {settings.timezone}")
    try:
        warehouse = open_warehouse(settings)
        found = sources_of(warehouse)
    except WarehouseError as problem:
        yield Check("connection", False, problem.message, problem.hint)
        return
    try:
        yield Check("connection", warehouse.notice is None, warehouse.notice or "The warehouse answers.")
        events = {"stage_events", "stage_dates", "deal_stage_events"} & found.keys()
        names = ", ".join(name for name in CONTRACT if name in found) or "none of the contract's."
        yield Check("tables", bool(events), names, "Load stage_events: lifecycle load --stage-events FILE.")
        yield from _builds(warehouse, settings, known, now)
    finally:
        warehouse.close()


def _builds(
    warehouse: Warehouse, settings: Settings, known: Mapping[str, StageModel], now: datetime
) -> Iterator[Check]:
    newest: dict[str, Build] = {}
    for build in builds.history(warehouse):
        newest.setdefault(build.model, build)
    if not newest:
        yield Check("builds", False, "No model has been built.", "Run: lifecycle build.")
        return
    loaded = loaded_at(warehouse)
    for name, build in newest.items():
        if name in known and known[name].digest != build.digest:
            yield Check(f"build of {name}", False, "Its definition has changed since.", "Run: lifecycle build.")
        elif loaded is not None and loaded > build.loaded_at:
            yield Check(f"build of {name}", False, "Data was loaded since.", "Run: lifecycle build.")
        books = Conservation.of(build.counts)
        seen = f"{books.events:,} events = {books.used:,} used + {books.repeats:,} repeats + {books.ignored:,} ignored"
        seen += f" + {books.duplicates:,} duplicates + {books.quarantined:,} quarantined"
        yield Check(f"conservation of {name}", books.is_kept, seen, "Run: lifecycle build --full.")
    as_of = max(build.as_of for build in newest.values())
    age = now - as_of
    yield Check(
        "freshness",
        age <= timedelta(days=settings.stale_after_days),
        f"data up to {as_of:%Y-%m-%d %H:%M} UTC, {max(age.days, 0):,} days ago.",
        f"Load newer data; more than {settings.stale_after_days:g} days counts as stale (stale_after_days).",
    )
