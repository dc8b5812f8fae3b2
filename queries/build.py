"""The build: raw rows → events → stays → journeys, in new tables that one inserted row makes current."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from lifecycle.segments import Segment
from lifecycle.stages import StageModel
from queries import belonging, builds, changes, cutoff, described, folding, journeys, ledger, touches, workbench
from queries.attribution import DEALS, attributed
from queries.builds import Build
from queries.carried import carried
from queries.catalog import find_segments, with_history
from queries.changes import FINGERPRINT
from queries.contract import Source
from queries.described import Described
from queries.errors import WarehouseError
from queries.events import QUARANTINE
from queries.intake import Intake, take_in
from queries.modelled import Modelled, sources_of
from queries.tables import create_schema
from queries.walk import walk
from queries.warehouse import Warehouse
from queries.workbench import Workbench

KEEP = 2  # builds of a model whose tables stay on a server: readers may still be on the one before
KINDS = ("stays", "journeys", "quarantine", "deals", "entities", belonging.TABLE, touches.TABLE, *ledger.TABLES)

Say = Callable[[str], None]


def build(
    warehouse: Warehouse,
    model: StageModel,
    others: frozenset[str] = frozenset(),
    *,
    full: bool = False,
    say: Say = lambda _: None,
) -> Build:
    """Build `model` and make it current; `others` are the raw values that only other models know.

    Rebuilds only the entities whose source rows changed since the last build of the same definition, unless `full`;
    both give the same tables. Raises WarehouseError("missing_table") naming the table and columns to add.
    """
    started = _now()
    if warehouse.build_schema:
        warehouse.execute(create_schema(warehouse.dialect, warehouse.build_schema))
    sources = sources_of(warehouse)
    _require(model, sources)
    past = _recorded(warehouse)
    loaded_at = cutoff.loaded_at(warehouse) or started
    bound = loaded_at + timedelta(hours=warehouse.settings.tolerance_hours)
    say("finding segments")
    made = Build(
        id=1 + max((b.id for b in past), default=0),
        model=model.name,
        digest=model.digest,
        started=started,
        finished=started,
        loaded_at=loaded_at,
        as_of=cutoff.as_of(warehouse, sources, bound),
        watermark=cutoff.watermark(warehouse, sources),
        counts={},
        segments=_segments(warehouse, model, sources),
        fingerprint=_fingerprint(sources),
    )
    before = None if full else _comparable(past, made)
    try:
        with Workbench(warehouse, made.id) as bench:
            counts = _tables(bench, Modelled(warehouse, model, made), sources, others, bound, before, say)
    except BaseException:
        _drop(warehouse, made)
        raise
    made = replace(made, counts=counts, finished=_now())
    builds.record(warehouse, made)
    for old in [b for b in past if b.model == model.name][0 if warehouse.private else KEEP - 1 :]:
        _drop(warehouse, old)
    return made


def _tables(
    bench: Workbench,
    modelled: Modelled,
    sources: Mapping[str, Source],
    others: frozenset[str],
    bound: datetime,
    before: Build | None,
    say: Say,
) -> dict[str, int]:
    """Makes and fills the tables of a build; returns its counts."""
    w, model, made = bench.warehouse, modelled.model, modelled.build
    say("classifying events")
    belonging.keep(modelled.reading(sources))
    sources, left_out = folding.folded(bench, modelled.reading(sources))
    intake = take_in(bench, model, sources, made.segments, others, bound)
    e = intake.events
    quarantine = workbench.create(w, modelled.quarantine.name, QUARANTINE)
    workbench.fill(w, quarantine, sa.select(*(e.c[name] for name in QUARANTINE)).where(e.c.problem.is_not(None)))

    say("looking for changes")
    past = described.past(bench, sources["contact_history"], intake.entities) if "contact_history" in sources else None
    prints = changes.fingerprints(e, intake.entities, past)
    kept = only = None
    if before is not None:
        now = bench.make("prints", FINGERPRINT, prints)
        kept, prints = carried(bench, before, now), sa.select(now)
    if kept is not None:
        moving = intake.entities.moving
        only = sa.select(moving.c.n).join(kept.changed, kept.changed.c.entity_id == moving.c.entity_id).subquery("only")
        prints = prints.join(kept.changed, kept.changed.c.entity_id == now.c.entity_id)
    then = None
    if past is not None and any(s.at_start for s in made.segments):
        then = bench.make("then", described.then_columns(made.segments))
    known = Described(intake.entities, made.segments, then)
    for kind, columns in (
        ("entities", FINGERPRINT),
        ("stays", journeys.stays_columns(model, made.segments, intake.said)),
        ("journeys", journeys.journeys_columns(model, made.segments, intake.said)),
    ):
        table = workbench.create(w, made.table(kind), columns)
        if kept is not None:
            kept.fill(bench, table, kind)
    workbench.fill(w, workbench.table(w, made.table("entities"), FINGERPRINT), prints)
    walk(bench, modelled, intake, known, past, only, say)
    deals = workbench.create(w, modelled.deals.name, DEALS)
    if intake.deals is not None:
        workbench.fill(w, deals, attributed(intake.deals, model.entity, intake.people, modelled.journeys))
    say("following customers")
    read = modelled.reading(sources)
    ledger.keep(read)
    touches.keep(read)
    return _counted(bench, modelled, intake) | {"apart": 0 if kept is None else kept.apart} | left_out


def _counted(bench: Workbench, modelled: Modelled, intake: Intake) -> dict[str, int]:
    """Closes the books: in = used + repeats + ignored + duplicates + quarantined."""
    stays, counts = modelled.stays, dict(intake.counts)
    used, entered = bench.count(stays, stays.c.move != "repeat"), counts.pop("entered")
    counts |= {"used": used, "repeats": entered - used, "journeys": bench.count(modelled.journeys)}
    counts["later"] = bench.count(stays, stays.c.entered_at > modelled.build.as_of)
    balanced = counts["in"] == sum(counts[k] for k in ("used", "repeats", "ignored", "duplicates", "quarantined"))
    whole = modelled.model.entity == "account" or bench.count(stays) == entered  # an account takes not every entry
    if not balanced or not whole or used > entered:
        raise WarehouseError("failed", "The build lost or doubled events.", "Nothing was switched; please report it.")
    return counts


def _require(model: StageModel, sources: Mapping[str, Source]) -> None:
    needed = ("deal_stage_events",) if model.entity == "deal" else ("stage_events", "stage_dates")
    if not any(name in sources for name in needed):
        columns = "deal_id, stage or entered_at" if model.entity == "deal" else "contact_id, stage or entered_at"
        raise WarehouseError(
            "missing_table",
            f"The table {needed[0]} is not in the warehouse (or lacks {columns}).",
            f"Load it (lifecycle load --{needed[0].replace('_', '-')} FILE) or map yours in lifecycle.toml.",
        )


def _recorded(warehouse: Warehouse) -> list[Build]:
    """The builds so far; the table of builds is made where it is not there yet."""
    table = builds.builds_table(warehouse)
    if not {(table.schema, table.name), ("main", table.name)} & set(warehouse.tables()):
        workbench.create(warehouse, table.name, builds.COLUMNS)
    return builds.history(warehouse)


def _segments(warehouse: Warehouse, model: StageModel, sources: Mapping[str, Source]) -> tuple[Segment, ...]:
    """The segments of who moves; `at_start` where their history is told. Deals have those of their contact."""
    if "contacts" not in sources or (model.entity == "deal" and "deals" not in sources):
        return ()
    segments = find_segments(warehouse, sources["contacts"], warehouse.settings)
    history = sources.get("contact_history")
    return segments if history is None else with_history(warehouse, segments, history)


def _fingerprint(sources: Mapping[str, Source]) -> str:
    """Which contract tables there are, with which columns."""
    text = repr(sorted((name, sorted(s.declared.items())) for name, s in sources.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _comparable(past: list[Build], made: Build) -> Build | None:
    """The build that unchanged rows can be carried over from: same definition, same tables, same segments."""

    def shape(build: Build) -> list[tuple[str, str, str, bool]]:
        return [(s.name, s.column, s.kind, s.at_start) for s in build.segments]

    old = next((b for b in past if b.model == made.model), None)
    same = old is not None and (old.digest, old.fingerprint) == (made.digest, made.fingerprint)
    return old if old is not None and same and shape(old) == shape(made) else None


def _drop(warehouse: Warehouse, build: Build) -> None:
    for kind in KINDS:
        workbench.drop(warehouse, workbench.table(warehouse, build.table(kind), {}))


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
