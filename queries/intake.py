"""Raw rows taken in: classified events of numbered entities, what cannot be used in quarantine, everything counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from lifecycle.segments import Segment
from lifecycle.stages import StageModel
from queries import entities, events, facts, people
from queries.attribution import single_deals
from queries.contract import REJECTS, Source
from queries.entities import Entities
from queries.tables import Kind, Number
from queries.workbench import Workbench

Rows = sa.Select | sa.CompoundSelect


@dataclass(frozen=True)
class Intake:
    """`events` as EVENT columns and `id`, `unmet` the ids of facts whose condition is not met, and who is who.

    `said` tells what kinds of values the events have beside their stages.

    `counts` has in, ignored, duplicates, quarantined, rejected (those of quarantine that the loader could not read) and
    entered: the events that are left to enter stages.
    """

    events: sa.FromClause
    said: dict[str, Kind]
    unmet: sa.TableClause | None
    entities: Entities
    people: sa.FromClause | None
    deals: sa.TableClause | None
    counts: dict[str, int]


def take_in(
    bench: Workbench,
    model: StageModel,
    sources: Mapping[str, Source],
    segments: tuple[Segment, ...],
    others: frozenset[str],
    bound: datetime,
) -> Intake:
    """The events of a model's entities; `others`: raw values that only other models know, `bound`: the last instant."""
    identities = people.identities(bench, sources["contact_merges"]) if "contact_merges" in sources else None
    known = people.people(bench, sources["contacts"], segments, identities) if "contacts" in sources else None
    deals = single_deals(bench, sources["deals"], known, identities) if "deals" in sources else None
    staged = events.stage_rows(sources, model.entity)
    happened: list[tuple[str, int, sa.Select]] = []
    if model.entity == "deal":
        if deals is not None:
            moving = entities.deals(bench, deals, known, segments)
        else:
            moving = entities.mentioned_deals(bench, staged)
    else:
        code = events.codes(model)
        for fact, found in facts.fact_rows(model.facts, sources, known, identities, bound).items():
            happened += [(fact, code[model.facts[fact]], r) for r in found]
        complete = known is not None
        if known is None:
            known = people.mentioned(bench, [staged, *(r for _, _, r in happened)], identities)
        if model.entity == "account":
            moving = entities.accounts(bench, known, segments, complete)
        else:
            moving = entities.contacts(known, segments, complete)
    meanings = events.meanings(bench, model, others, staged)
    rows = events.coded(events.without_duplicates(bench, staged), meanings, happened)
    merges = None if model.entity == "deal" else identities
    said = events.said(bench, staged)
    classified = events.classified(rows, moving.named, merges, bound, orphans=moving.complete)
    raw = events.few(bench, staged, "raw", *(fact for fact, *_ in happened))
    made = bench.numbered("events", "id", events.EVENT | said | {"raw": raw}, classified)
    unmet = _unmet(bench, model, made)
    rejected = _rejected(bench) if model.entity != "deal" else 0
    counts = _counts(bench, made, bench.count(staged.subquery("staged")), rejected)
    if unmet is not None:
        n_unmet = bench.count(unmet)
        counts |= {"ignored": counts["ignored"] + n_unmet, "entered": counts["entered"] - n_unmet}
    return Intake(made, said, unmet, moving, known, deals, counts)


def _unmet(bench: Workbench, model: StageModel, made: sa.FromClause) -> sa.TableClause | None:
    """The ids of facts before every entry to the stage that they require; at one instant the lower stage is first."""
    code = events.codes(model)
    needs = {code[key]: code[need] for key in set(model.facts.values()) if (need := model.stage(key).requires)}
    if not needs:
        return None
    e = made.c
    usable = e.problem.is_(None)
    firsts = sa.select(e.n, e.code, sa.func.min(e.at).label("at")).where(
        usable, e.code.in_(sorted(set(needs.values())))
    )
    first = bench.make("firsts", {"n": Number, "code": int, "at": datetime}, firsts.group_by(e.n, e.code))
    selects = []
    for fact_code, needed in sorted(needs.items()):
        before = sa.and_(first.c.n == e.n, first.c.code == needed, first.c.at <= e.at)
        rows = sa.select(e.id).select_from(made.outerjoin(first, before))
        selects.append(rows.where(usable, e.fact == 1, e.code == fact_code, first.c.n.is_(None)))
    return bench.make("unmet", {"id": Number}, sa.union_all(*selects))


def _rejected(bench: Workbench) -> int:
    """Stage rows that the loader could not read at all."""
    key = next((k for k in bench.warehouse.tables() if k[1] == REJECTS), None)
    if key is None:
        return 0
    rejects = sa.table(REJECTS, sa.column("table_name", sa.Text()), schema=key[0])
    return bench.count(rejects, rejects.c.table_name == "stage_events")


def _counts(bench: Workbench, made: sa.FromClause, n_staged: int, rejected: int) -> dict[str, int]:
    e = made.c
    fate = sa.case((e.problem.is_not(None), "quarantined"), (e.code == 0, "ignored"), else_="entered")
    sorts = sa.select(e.fact.label("fact"), fate.label("fate")).subquery("sorts").c
    statement = sa.select(sorts.fact, sorts.fate, sa.func.count().label("n")).group_by(sorts.fact, sorts.fate)
    rows = bench.warehouse.query(statement).to_pylist()
    counts = {fate: sum(r["n"] for r in rows if r["fate"] == fate) for fate in ("quarantined", "ignored", "entered")}
    facts_, kept = (sum(r["n"] for r in rows if r["fact"] == is_fact) for is_fact in (1, 0))
    counts |= {"in": n_staged + facts_ + rejected, "duplicates": n_staged - kept, "rejected": rejected}
    counts["quarantined"] += rejected
    return counts
