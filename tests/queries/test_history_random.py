"""Histories of random companies beside the reference: the same stays, every raw row with its fate, the same waits."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from lifecycle.evidence import Used, fates
from lifecycle.history import History
from lifecycle.scope import Scope
from lifecycle.stages import BLANKS
from queries.build import build
from queries.evidence import raw_rows
from queries.history import history
from queries.modelled import Modelled
from queries.search import named
from tests.engines import Engine
from tests.queries import handoff_oracle, reference
from tests.queries.worlds import OTHERS, World, invent

FACTS = ("orders", "subscriptions", "surveys", "referrals", "deals", "deal_stage_events")
SEEDS = 2


def told(engine: Engine, name: str, seed: int) -> tuple[World, Modelled, list[History], list[Used]]:
    """A random company without facts, the history of everybody whom a raw row names, and the fate of every such row."""
    random = Random(seed)
    world, model = invent(random), handoff_oracle.MODELS[name]
    for table in FACTS:
        world.rows.pop(table, None)
    warehouse = engine.open()
    for table, rows in world.tables().items():
        engine.put(warehouse, table, rows)
    m = Modelled(warehouse, model, build(warehouse, model, OTHERS))
    scope = Scope(model.name, m.build.as_of)
    ids = sorted({row["contact_id"] for row in world.get("stage_events") if (row["contact_id"] or "").strip(BLANKS)})
    entities = [match.entity_id for who in ids for match in named(m, scope, who).found]
    histories, rows_ = [], []
    for entity in sorted(set(entities)):
        known = history(m, scope, entity)
        own = tuple(name for p in known.people for name in (p.contact_id, *p.merged))
        found = raw_rows(m, scope, own)
        histories.append(known)
        rows_ += fates(found.events, dict(found.set_aside), known.stays, model, frozenset(own))
    warehouse.close()
    return world, m, histories, rows_


@pytest.mark.parametrize("name", ["crm", "discovery"])
@pytest.mark.parametrize("seed", range(SEEDS))
def test_histories_are_those_of_the_reference(engine: Engine, name: str, seed: int) -> None:
    world, m, histories, rows = told(engine, name, seed)
    expected = reference.derived(world, m.model, m.build.as_of)
    stays = {
        (h.entity_id, s.journey, s.seq, s.stage, s.entered_at, s.exited_at, s.move, s.reason, s.actor)
        for h in histories
        for s in h.stays
    }
    assert stays == {
        (e.entity_id, e.journey, e.seq, e.stage, e.entered_at, e.exited_at, e.move, e.reason, e.actor)
        for e in expected.entries
    }
    given = [row for row in world.get("stage_events") if (row["contact_id"] or "").strip(BLANKS)]
    assert len(rows) == len(given)
    fate, counts = Counter(row.fate for row in rows), expected.counts
    assert not fate["unbuilt"]
    assert fate["used"] + fate["repeated"] == counts["used"] + counts["repeats"]
    assert fate["ignored"] == counts["ignored"]
    problems = Counter(problem for event, problem in expected.quarantined if (event.contact_id or "").strip(BLANKS))
    assert Counter(row.problem for row in rows if row.problem) == problems
