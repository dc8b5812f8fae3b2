"""Rows of the build before that the next one takes over: those of all entities but the changed ones."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from queries import changes, tables, workbench
from queries.builds import Build
from queries.changes import FINGERPRINT
from queries.workbench import Workbench

# Rows that are written anew lie behind all others, away from the journeys that start when theirs do. Questions of a
# period read them all, which is cheap while they are few: at most so many, or so large a share of all journeys.
APART, APART_SHARE = 100_000, 0.1


@dataclass(frozen=True)
class Carried:
    """The build `before`, the ids of entities `changed` since, and how many journeys lie apart after this one."""

    before: Build
    changed: sa.TableClause
    apart: int

    def fill(self, bench: Workbench, made: sa.TableClause, kind: str) -> None:
        """Make a new table hold the rows of the one before, without those of changed entities.

        Where nobody else reads the warehouse the old table becomes the new one, and only what changed is written. On a
        server readers are still on the old one, so that the rows are copied.
        """
        w = bench.warehouse
        old = sa.table(self.before.table(kind), *(sa.column(c.name, c.type) for c in made.c), schema=made.schema)
        if w.private and _declared(bench, old) == _declared(bench, made):
            workbench.drop(w, made)
            w.execute(tables.rename_table(w.dialect, old, made.name))
            w.execute(sa.delete(made).where(made.c.entity_id.in_(sa.select(self.changed.c.entity_id))))
            return
        beside = old.outerjoin(self.changed, self.changed.c.entity_id == old.c.entity_id)
        workbench.fill(w, made, sa.select(old).select_from(beside).where(self.changed.c.entity_id.is_(None)))


def carried(bench: Workbench, before: Build, prints: sa.TableClause) -> Carried | None:
    """What there is to take over, by the fingerprints of now; None where so much changed that all is built anew."""
    old = workbench.table(bench.warehouse, before.table("entities"), FINGERPRINT)
    changed = bench.make("changed", {"entity_id": str}, changes.changed(old, prints))
    apart = before.counts.get("apart", 0) + bench.count(changed)
    if apart > max(APART, APART_SHARE * before.counts["journeys"]):
        return None
    return Carried(before, changed, apart)


def _declared(bench: Workbench, table: sa.TableClause) -> dict[str, str]:
    """The columns of a table with the engine's types, which may name the texts that they can hold."""
    found = bench.warehouse.tables().items()
    return next(columns for (schema, name), columns in found if name == table.name)
