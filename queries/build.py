"""The build: raw rows → events → stays → journeys, in new tables that one inserted row makes current."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from lifecycle.segments import Segment
from lifecycle.stages import StageModel
from queries import builds, events, journeys, people, sequence, workbench
from queries.builds import Build
from queries.contract import REJECTS, Source
from queries.dialect import Instant, bucket, bytewise, create_schema, fingerprint
from queries.errors import WarehouseError
from queries.modelled import DEALS, Modelled, sources_of
from queries.warehouse import Warehouse

EVENTS_AT_ONCE = 4_000_000  # sequencing takes entities in parts of about this many events, to bound memory
KEEP = 2  # builds of a model whose tables stay: readers may still be on the one before
LOADS = "loads"  # the embedded warehouse's record of when data came in
ENTITY: dict[str, type] = {"entity_id": str, "digest": int}

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
    if warehouse.build_schema:
        warehouse.execute(create_schema(warehouse.dialect, warehouse.build_schema))
    return _Builder(warehouse, model, others, say).run(full)


@dataclass
class _Builder:
    warehouse: Warehouse
    model: StageModel
    others: frozenset[str]
    say: Say
    made: list[sa.TableClause] = field(default_factory=list)

    def run(self, full: bool) -> Build:
        started = _now()
        self.sources = sources_of(self.warehouse)
        self._require()
        self._ensure_builds()
        loaded_at = self._loaded_at() or started
        bound = loaded_at + timedelta(hours=self.warehouse.settings.tolerance_hours)
        self.say("finding segments")
        contacts = self.sources.get("contacts")
        segments = people.find_segments(self.warehouse, contacts, self.warehouse.settings)
        past = builds.history(self.warehouse)
        build = Build(
            id=1 + max((b.id for b in past), default=0),
            model=self.model.name,
            digest=self.model.digest,
            started=started,
            finished=started,
            loaded_at=loaded_at,
            as_of=self._as_of(bound),
            watermark=self._newest("recorded_at"),
            counts={},
            segments=self._with_history(segments),
            fingerprint=self._fingerprint(),
        )
        self.modelled = Modelled(self.warehouse, self.model, build)
        try:
            counts = self._tables(build, bound, None if full else _comparable(past, build))
        finally:
            for table in self.made:
                workbench.drop(self.warehouse, table)
        build = Build(**vars(build) | {"counts": counts, "finished": _now()})
        builds.record(self.warehouse, build)
        self._prune([b for b in past if b.model == build.model])
        return build

    def _tables(self, build: Build, bound: datetime, before: Build | None) -> dict[str, int]:
        who = self._people(build)
        stream, counts = self._events(build, bound, who)
        counts |= self._entities(build, stream, who, before)
        w, model = self.warehouse, self.model
        changed = self._changed(build, before)
        for kind, table in (("stays", self.modelled.stays), ("journeys", self.modelled.journeys)):
            workbench.create(w, table.name, {c.name: t for c, t in zip(table.c, self._types(kind, build), strict=True)})
        unsorted = self._working("unsorted", journeys.journeys_columns(model, build.segments))
        todo = (
            stream
            if changed is None
            else sa.select(stream).join(changed, changed.c.entity_id == stream.c.entity_id).subquery()
        )
        total = workbench.count(w, todo)
        parts = max(1, math.ceil(total / EVENTS_AT_ONCE))
        segments_of = self._segments_of(who, build)
        for part in range(parts):
            self.say(f"stays and journeys, part {part + 1} of {parts}")
            chunk = todo if parts == 1 else sa.select(todo).where(bucket(todo.c.entity_id, part, parts)).subquery()
            steps = self._working("steps", sequence.STEP)
            workbench.fill(w, steps, sequence.steps(chunk, model))
            now = self._working("now", journeys.journeys_columns(model, build.segments))
            workbench.fill(w, now, journeys.journey_rows(steps, model, segments_of, build.segments))
            now = self._as_they_were(now, build, who)
            workbench.fill(w, self.modelled.stays, journeys.stay_rows(steps, now, model, build.segments))
            workbench.fill(w, unsorted, sa.select(now))
        if before is not None and changed is not None:
            self._keep(before, changed, unsorted)
        self.say("sorting journeys by their start")
        workbench.fill(
            w,
            self.modelled.journeys,
            sa.select(unsorted).order_by(unsorted.c.started_at, bytewise(unsorted.c.entity_id)),
        )
        self._deals(who)
        return self._counted(counts)

    # --- what goes in -------------------------------------------------------------------------------------------

    def _require(self) -> None:
        needed = ("deal_stage_events",) if self.model.entity == "deal" else ("stage_events", "stage_dates")
        if not any(name in self.sources for name in needed):
            raise WarehouseError(
                "missing_table",
                f"The table {needed[0]} is not in the warehouse (or lacks contact_id, stage or entered_at).",
                f"Load it (lifecycle load --{needed[0].replace('_', '-')} FILE) or map yours in lifecycle.toml.",
            )

    def _ensure_builds(self) -> None:
        table = builds.builds_table(self.warehouse)
        if not {(table.schema, table.name), ("main", table.name)} & set(self.warehouse.tables()):
            workbench.create(self.warehouse, table.name, builds.COLUMNS)

    def _loaded_at(self) -> datetime | None:
        tables = self.warehouse.tables()
        schema = next((s for s, name in tables if name == LOADS and "loaded_at" in tables[s, name]), None)
        if self.warehouse.build_schema is not None or schema is None:
            return None
        loads = sa.table(LOADS, sa.column("loaded_at", Instant()))
        return self.warehouse.query(sa.select(sa.func.max(loads.c.loaded_at))).column(0)[0].as_py()

    def _newest(self, column: str) -> datetime | None:
        source = self.sources.get("stage_events")
        if source is None or not source.has(column):
            return None
        return self._latest(source, source[column], events.LATEST)

    def _as_of(self, bound: datetime) -> datetime:
        """The latest event instant that is not implausible and not beyond the bound; planned instants never count."""
        instants = {
            "stage_events": "entered_at",
            "deal_stage_events": "entered_at",
            "activities": "occurred_at",
            "orders": "ordered_at",
            "surveys": "responded_at",
            "referrals": "referred_at",
            "deals": "created_at",
            "subscriptions": "started_at",
        }
        found = [self._latest(s, s[c], bound) for name, c in instants.items() if (s := self.sources.get(name))]
        if "stage_dates" in self.sources and "stage_events" not in self.sources:
            s = self.sources["stage_dates"]
            found += [self._latest(s, s.column(n), bound) for n, kind in s.extra.items() if kind == "instant"]
        return max((f for f in found if f is not None), default=bound)

    def _latest(self, source: Source, at: sa.ColumnElement, bound: datetime) -> datetime | None:
        inside = sa.and_(at >= events.EARLIEST, at <= bound)
        statement = sa.select(sa.func.max(sa.case((inside, at)))).select_from(source.table)
        return self.warehouse.query(statement).column(0)[0].as_py()

    def _fingerprint(self) -> str:
        """Which contract tables there are, with which columns."""
        text = repr(sorted((name, sorted(s.declared.items())) for name, s in self.sources.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _with_history(self, segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
        past = self.sources.get("contact_history")
        if past is None:
            return segments
        names = self.warehouse.query(sa.select(past["column"]).distinct().limit(10_000)).column(0).to_pylist()
        return tuple(Segment(**vars(s) | {"at_start": s.name in names and s.kind != "date"}) for s in segments)

    # --- who, and what was said of them ---------------------------------------------------------------------------

    def _people(self, build: Build) -> sa.TableClause | None:
        contacts = self.sources.get("contacts")
        if contacts is None:
            return None
        self.say("reading contacts")
        name = self._name("people")
        table = people.people(self.warehouse, contacts, build.segments, name)
        self.made.append(table)
        return table

    def _events(
        self, build: Build, bound: datetime, who: sa.TableClause | None
    ) -> tuple[sa.TableClause, dict[str, int]]:
        """The usable events in a working table, the others in quarantine; what was counted on the way."""
        w, model = self.warehouse, self.model
        self.say("classifying events")
        staged = sa.union_all(*events.stage_rows(self.sources, model.entity)).subquery("staged")
        source = self.sources.get("stage_events")
        repeated = None
        if model.entity != "deal" and source is not None and source.has("event_id"):
            repeated = self._own(events.doubles(w, staged, self._name("doubles")))
        facts = events.fact_rows(self.sources, model, who, bound)
        once = events.deduplicated(staged, repeated).subquery("once")
        rows = sa.union_all(sa.select(once), *facts).subquery("rows")
        code = events.code_of(w, model, self.others, staged, rows)
        merges = people.identities(w, self.sources.get("contact_merges"), self._name("merges"))
        merges = self._own(merges) if merges is not None else None
        coded = sa.select(rows, code.label("code")).subquery("coded")
        judged = events.classified(coded, bound, None if model.entity == "deal" else merges, self._known(who))
        all_rows = self._working("judged", events.RAW | {"entity_id": str, "code": int, "problem": str})
        workbench.fill(w, all_rows, sa.select(judged))
        quarantine = workbench.create(w, self.modelled.quarantine.name, events.QUARANTINE)
        bad = sa.select(*(all_rows.c[n] for n in events.QUARANTINE)).where(all_rows.c.problem.is_not(None))
        workbench.fill(w, quarantine, bad)
        usable = self._working("events", events.EVENT)
        workbench.fill(w, usable, events.usable(all_rows, len(model.progress)))
        n_in = workbench.count(w, staged) + (workbench.count(w, sa.union_all(*facts).subquery()) if facts else 0)
        rejected = self._rejected()
        counts = {
            "in": n_in + rejected,
            "duplicates": n_in - workbench.count(w, all_rows),
            "quarantined": workbench.count(w, quarantine) + rejected,
            "usable": workbench.count(w, usable),
            "rejected": rejected,
        }
        counts["ignored"] = workbench.count(w, usable, usable.c.code == 0)
        if model.entity == "account":
            usable = self._accounts(usable, who, counts)
        return usable, counts

    def _known(self, who: sa.TableClause | None) -> sa.FromClause | None:
        if self.model.entity != "deal":
            return sa.select(who.c.contact_id.label("known_id")).subquery("known") if who is not None else None
        deals = self.sources.get("deals")
        return sa.select(deals["deal_id"].label("known_id")).distinct().subquery("known") if deals else None

    def _rejected(self) -> int:
        """Stage rows that the loader could not read at all."""
        key = next((k for k in self.warehouse.tables() if k[1] == REJECTS), None)
        if key is None or self.model.entity == "deal":
            return 0
        rejects = sa.table(REJECTS, sa.column("table_name", sa.Text()), schema=key[0])
        return workbench.count(self.warehouse, rejects, rejects.c.table_name == "stage_events")

    def _accounts(self, usable: sa.TableClause, who: sa.TableClause | None, counts: dict[str, int]) -> sa.TableClause:
        """The events of accounts: contacts are walked first, then their entries become their account's events."""
        w = self.warehouse
        walked = self._working("walked", sequence.STEP)
        renamed = sa.select(
            *(usable.c["entity_id" if c.name == "contact_id" else c.name].label(c.name) for c in usable.c)
        ).subquery()
        workbench.fill(w, walked, sequence.steps(renamed, self.model))
        accounts = (
            who
            if who is not None
            else sa.select(walked.c.contact_id, sa.null().label("account_id")).where(sa.false()).subquery()
        )
        counts["walked"] = workbench.count(w, walked)
        rolled = self._working("account_events", events.EVENT)
        workbench.fill(w, rolled, sequence.account_events(walked, accounts, self.model))
        return rolled

    # --- whose rows changed -----------------------------------------------------------------------------------------

    def _entities(
        self, build: Build, stream: sa.TableClause, who: sa.TableClause | None, before: Build | None
    ) -> dict[str, int]:
        """A fingerprint per entity of everything its rows are made from: events, segments, their history."""
        self.say("fingerprinting entities")
        rows = [sa.select(stream.c.entity_id, fingerprint(*stream.c).label("digest"))]
        segments_of = self._segments_of(who, build)
        if segments_of is not None:
            rows.append(sa.select(segments_of.c.entity_id, fingerprint(*segments_of.c).label("digest")))
        past, contacts_of = self.sources.get("contact_history"), self._contacts_of(who)
        if past is not None:
            row = fingerprint(past["contact_id"], past["column"], past["value"], past["valid_from"]).label("digest")
            if contacts_of is None:
                rows.append(sa.select(past["contact_id"], row).select_from(past.table))
            else:
                joined = past.table.join(contacts_of, contacts_of.c.contact_id == past["contact_id"])
                rows.append(sa.select(contacts_of.c.entity_id, row).select_from(joined))
        every = sa.union_all(*rows).subquery("every")
        digest = sa.cast(sa.func.mod(sa.func.sum(every.c.digest), sa.literal_column(str(2**61 - 1))), sa.BigInteger())
        entities = workbench.create(self.warehouse, build.table("entities"), ENTITY)
        present = sa.select(stream.c.entity_id).distinct().subquery("present")
        statement = (
            sa.select(every.c.entity_id, (digest + sa.func.count()).label("digest"))
            .join(present, present.c.entity_id == every.c.entity_id)
            .group_by(every.c.entity_id)
        )
        workbench.fill(self.warehouse, entities, statement)
        self.entities = entities
        return {}

    def _changed(self, build: Build, before: Build | None) -> sa.TableClause | None:
        """A working table of entities that are new, gone or different since `before`; None for a full build."""
        if before is None:
            return None
        old, new = workbench.table(self.warehouse, before.table("entities"), ENTITY), self.entities
        fresh = (
            sa.select(new.c.entity_id)
            .select_from(new.outerjoin(old, old.c.entity_id == new.c.entity_id))
            .where(sa.or_(old.c.entity_id.is_(None), old.c.digest != new.c.digest))
        )
        gone = (
            sa.select(old.c.entity_id)
            .select_from(old.outerjoin(new, old.c.entity_id == new.c.entity_id))
            .where(new.c.entity_id.is_(None))
        )
        changed = self._working("changed", {"entity_id": str})
        workbench.fill(self.warehouse, changed, sa.union_all(fresh, gone))
        return changed

    def _keep(self, before: Build, changed: sa.TableClause, unsorted: sa.TableClause) -> None:
        """Carries the rows of unchanged entities over from the build before."""
        old = Modelled(self.warehouse, self.model, before)
        for source, into in ((old.stays, self.modelled.stays), (old.journeys, unsorted)):
            kept = (
                sa.select(source)
                .select_from(source.outerjoin(changed, changed.c.entity_id == source.c.entity_id))
                .where(changed.c.entity_id.is_(None))
            )
            workbench.fill(self.warehouse, into, kept)

    # --- segments, deals, counts ------------------------------------------------------------------------------------

    def _contacts_of(self, who: sa.TableClause | None) -> sa.FromClause | None:
        """Entity → the contact that speaks for it; None where the entity is the contact."""
        if self.model.entity == "account" and who is not None:
            first = events.first_contacts(who).subquery()
            alone = sa.select(who.c.contact_id.label("entity_id"), who.c.contact_id).where(who.c.account_id.is_(None))
            return sa.union_all(sa.select(first.c.account_id.label("entity_id"), first.c.contact_id), alone).subquery(
                "contacts_of"
            )
        deals = self.sources.get("deals")
        if self.model.entity == "deal" and deals is not None:
            return (
                sa.select(deals["deal_id"].label("entity_id"), deals["contact_id"].label("contact_id"))
                .distinct()
                .subquery("contacts_of")
            )
        return None

    def _segments_of(self, who: sa.TableClause | None, build: Build) -> sa.Subquery | None:
        """Entity → score and segments, as of today."""
        if who is None:
            return None
        values = [who.c.score, *(who.c[s.column] for s in build.segments)]
        contacts_of = self._contacts_of(who)
        if contacts_of is None:
            return sa.select(who.c.contact_id.label("entity_id"), *values).subquery("segments_of")
        joined = contacts_of.join(who, who.c.contact_id == contacts_of.c.contact_id)
        return sa.select(contacts_of.c.entity_id, *values).select_from(joined).subquery("segments_of")

    def _as_they_were(self, now: sa.TableClause, build: Build, who: sa.TableClause | None) -> sa.TableClause:
        past = self.sources.get("contact_history")
        if past is None or not any(s.at_start for s in build.segments):
            return now
        then = self._working("then", journeys.journeys_columns(self.model, build.segments))
        told = tuple(s for s in build.segments if s.at_start)
        workbench.fill(self.warehouse, then, journeys.at_start(now, past, told, self._contacts_of(who)))
        return then

    def _deals(self, who: sa.TableClause | None) -> None:
        """Each deal with its journey: the latest of its entity that had started when the deal was created."""
        table = workbench.create(self.warehouse, self.modelled.deals.name, DEALS)
        deals, j = self.sources.get("deals"), self.modelled.journeys
        if deals is None:
            return
        entity: sa.ColumnElement = deals["deal_id"]
        source: sa.FromClause = deals.table
        if self.model.entity != "deal":
            entity = events.owner(deals, who)
            if self.model.entity == "account" and who is not None:
                source = source.outerjoin(who, who.c.contact_id == deals["contact_id"])
                entity = sa.func.coalesce(deals["account_id"], who.c.account_id, deals["contact_id"])
        rows = (
            sa.select(
                deals["deal_id"].label("deal_id"),
                entity.label("entity_id"),
                deals["created_at"].label("created_at"),
                deals["closed_at"].label("closed_at"),
                sa.case((deals["is_won"].is_(True), 1), (deals["is_won"].is_(False), 0)).label("is_won"),
                deals["amount"].label("amount"),
            )
            .select_from(source)
            .subquery("deal_rows")
        )
        c = rows.c
        nth = sa.func.row_number().over(partition_by=c.deal_id, order_by=[j.c.started_at.desc(), j.c.journey.desc()])
        joined = rows.join(j, sa.and_(j.c.entity_id == c.entity_id, j.c.started_at <= c.created_at))
        ranked = sa.select(rows, j.c.journey, nth.label("nth")).select_from(joined).subquery("ranked")
        workbench.fill(self.warehouse, table, sa.select(*(ranked.c[n] for n in DEALS)).where(ranked.c.nth == 1))

    def _counted(self, counts: dict[str, int]) -> dict[str, int]:
        """Closes the books: in = used + repeats + ignored + duplicates + quarantined."""
        stays = self.modelled.stays
        kept = workbench.count(self.warehouse, stays)
        used = workbench.count(self.warehouse, stays, stays.c.move != "repeat")
        entered = counts.pop("walked", kept)  # for accounts: what their contacts entered
        counts["ignored"] += counts.pop("usable") - counts["ignored"] - entered  # facts whose condition was not met
        counts |= {
            "used": used,
            "repeats": entered - used,
            "journeys": workbench.count(self.warehouse, self.modelled.journeys),
        }
        if counts["in"] != sum(counts[k] for k in ("used", "repeats", "ignored", "duplicates", "quarantined")):
            raise WarehouseError(
                "failed", "The build lost or doubled events.", "Nothing was switched; please report it."
            )
        return counts

    def _prune(self, past: list[Build]) -> None:
        for old in past[KEEP - 1 :]:
            for kind in ("stays", "journeys", "quarantine", "deals", "entities"):
                workbench.drop(self.warehouse, workbench.table(self.warehouse, old.table(kind), {}))

    def _types(self, kind: str, build: Build) -> list[type]:
        columns = (
            journeys.stays_columns(build.segments)
            if kind == "stays"
            else journeys.journeys_columns(self.model, build.segments)
        )
        return list(columns.values())

    def _name(self, what: str) -> str:
        return f"working_{what}_{self.modelled.build.id}"

    def _working(self, what: str, columns: dict[str, type]) -> sa.TableClause:
        return self._own(workbench.create(self.warehouse, self._name(what), columns))

    def _own(self, table: sa.TableClause) -> sa.TableClause:
        self.made.append(table)
        return table


def _comparable(past: list[Build], build: Build) -> Build | None:
    """The build that unchanged rows can be carried over from: same definition, same tables, same segments."""
    for old in past:
        if old.model == build.model:
            shape = [(s.name, s.column, s.kind, s.at_start) for s in old.segments]
            same = old.digest == build.digest and old.fingerprint == build.fingerprint
            return old if same and shape == [(s.name, s.column, s.kind, s.at_start) for s in build.segments] else None
    return None


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
