"""Agreement and service level by the book, one journey at a time: slow, obvious, sharing nothing with the questions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from lifecycle.business import Business
from lifecycle.intake import survivor
from lifecycle.scope import Scope
from lifecycle.stages import StageModel, load_model, parse_model
from lifecycle.transitions import Derivation, Entry
from tests.queries import reference
from tests.queries.worlds import T0, World


def variant(name: str, **handoff: Any) -> StageModel:
    """A shipped model with another handoff, so that its limits fit into the few days of a random company."""
    definition = load_model(name).model_dump(by_alias=True)
    return parse_model(definition | {"handoff": definition["handoff"] | handoff}, name)


RETURNING = parse_model(
    {
        "name": "returning",
        "label": "Rejects by sending back",
        "ignored": ["Do not contact"],
        "stages": [
            {"key": "lead", "label": "Lead", "kind": "progress", "enters": ["Subscriber"]},
            {"key": "mql", "label": "MQL", "kind": "progress"},
            {"key": "trial", "label": "Trial", "kind": "progress", "optional": True, "enters": ["Trial started"]},
            {"key": "sql", "label": "SQL", "kind": "progress", "enters": ["Sales accepted", "Sales qualified"]},
            {
                "key": "client",
                "label": "Client",
                "kind": "progress",
                "enters": ["Closed won"],
                "enters_on": ["orders.first"],
            },
            {"key": "fan", "label": "Fan", "kind": "progress", "enters_on": ["surveys.promoter"], "requires": "client"},
            {"key": "lost", "label": "Lost", "kind": "exit", "enters": ["Closed lost"]},
            {"key": "recycled", "label": "Recycled", "kind": "exit"},
        ],
        "handoff": {
            "from": "mql",
            "accepted": ["trial", "sql"],
            "rejected": ["lead", "recycled"],
            "decision_days": 2,
            "sla_hours": 36,
            "sla_from": "assigned",
        },
    },
    "returning",
)
MODELS = {
    "crm": variant("crm", decision_days=1, sla_hours=12),
    "sal_pql": variant("sal_pql", decision_days=None),
    "discovery": variant("discovery", decision_days=2, sla_from="assigned"),
    "returning": RETURNING,
}
KINDS = ["assigned", " Assigned", "call", "E-mail ", "e-mail", "meeting", "note", None]


@dataclass
class Lead:
    """One journey with a handoff event, and what the book says of it."""

    entity: str
    journey: int
    handed_at: datetime
    mql_at: datetime | None
    outcome: str
    decided_at: datetime | None = None
    by: str | None = None
    reason: str | None = None
    score: float | None = None
    segments: dict[str, Any] = field(default_factory=dict)
    status: str = ""
    clock: datetime | None = None
    touched: datetime | None = None
    assigned: datetime | None = None
    attempts: int = 0


def invent_activities(random: Random, world: World) -> list[dict[str, Any]]:
    """Some things done with the contacts of a company, and with strangers, at round and odd instants."""
    names = [row["contact_id"] for row in world.get("contacts")] + ["stranger", None]
    moments = [T0 + timedelta(hours=random.randrange(-24, 150), microseconds=random.choice([0, 1])) for _ in range(400)]
    return [
        {"contact_id": random.choice(names), "kind": random.choice(KINDS), "occurred_at": random.choice(moments)}
        for _ in range(len(names))
    ]


def leads(derivation: Derivation, model: StageModel, scope: Scope, told: dict[tuple[str, int], dict]) -> list[Lead]:
    """Every lead whose first handoff event lies in the period."""
    handoff = model.handoff
    assert handoff
    journeys: dict[tuple[str, int], list[Entry]] = {}
    for entry in derivation.entries:
        if entry.journey and entry.entered_at <= scope.as_of:
            journeys.setdefault((entry.entity_id, entry.journey), []).append(entry)
    started_by = {(j.entity_id, j.journey): j.started_by for j in derivation.journeys}
    handed_over = {
        key for key, entries in journeys.items() if any(e.stage == handoff.from_ for e in sorted(entries, key=_seq))
    }
    start, end = scope.instants
    out = []
    for (entity, number), entries in journeys.items():
        lead = _judged(model, sorted(entries, key=_seq), scope)
        if lead is None:
            continue
        if lead.outcome == "bypass":
            if started_by[entity, number] == "fact":
                continue
            if any((entity, n) in handed_over for n in range(1, number)):
                lead.outcome = "returned"
        if (start and lead.handed_at < start) or (end and lead.handed_at >= end):
            continue
        scores = [e.lead_score for e in entries if e.entered_at == lead.handed_at and e.lead_score is not None]
        lead.segments = told[entity, number]
        lead.score = max(scores) if scores else lead.segments["score"]
        out.append(lead)
    return out


def _seq(entry: Entry) -> int:
    return entry.seq


def _judged(model: StageModel, entries: list[Entry], scope: Scope) -> Lead | None:
    handoff = model.handoff
    assert handoff
    who = (entries[0].entity_id, entries[0].journey)
    mql: Entry | None = None
    for entry in entries:
        if mql is None:
            if entry.stage == handoff.from_:
                mql = entry
            elif _accepts(model, entry):
                return Lead(*who, entry.entered_at, None, "bypass")
            continue
        late = handoff.decision_days is not None and entry.entered_at - mql.entered_at > timedelta(
            days=handoff.decision_days
        )
        suffix = "_late" if late else ""
        if _accepts(model, entry):
            return Lead(*who, mql.entered_at, mql.entered_at, f"accepted{suffix}", entry.entered_at)
        back = entry.stage in handoff.rejected and entry.move != "repeat" and entry.entered_at > mql.entered_at
        left = model.stage(entry.stage).kind == "exit"
        if (left and entry.stage in handoff.rejected) or (not left and back):
            return Lead(
                *who, mql.entered_at, mql.entered_at, f"rejected{suffix}", entry.entered_at, entry.stage, entry.reason
            )
        if left:
            break
    if mql is None:
        return None
    days = handoff.decision_days
    over = days is not None and mql.entered_at + timedelta(days=days) < scope.as_of
    return Lead(*who, mql.entered_at, mql.entered_at, "expired" if over else "pending")


def _accepts(model: StageModel, entry: Entry) -> bool:
    """An entry at or beyond an accepted stage; a fact that needs nothing before it implies nothing before it."""
    assert model.handoff
    stage = model.stage(entry.stage)
    if stage.kind != "progress":
        return False
    first = min(map(model.rank, model.handoff.accepted))
    rank = model.rank(stage.key)
    if rank < first:
        return False
    required = next((model.rank(s.key) for s in model.progress[first - 1 :] if not s.optional), rank)
    if rank <= required:
        return True
    return not (entry.by_fact and stage.enters_on and stage.requires is None)


def serve(
    found: list[Lead],
    derivation: Derivation,
    world: World,
    model: StageModel,
    scope: Scope,
    activities: list[dict[str, Any]],
    business: Business | None,
) -> list[Lead]:
    """The handed-over leads with their clock, their first touch and whether it came in time."""
    handoff = model.handoff
    assert handoff
    limit = timedelta(hours=handoff.sla_hours or 0)
    merges, contacts = reference.merges_of(world), reference.contacts_of(world)
    starts: dict[str, list[tuple[datetime, int]]] = {}
    for j in derivation.journeys:
        starts.setdefault(j.entity_id, []).append((j.started_at, j.journey))

    def entity(contact: str | None) -> str | None:
        who = survivor(contact, merges) or contact
        row = contacts.get(who) if who is not None else None
        return (row["account_id"] if row and model.entity == "account" and row["account_id"] else who) if who else None

    done: dict[tuple[str, int], list[tuple[str, datetime]]] = {}
    for row in activities:
        who, at = entity(row["contact_id"]), row["occurred_at"]
        if who in starts and at <= scope.as_of and row["kind"] is not None:
            begun = [n for start, n in sorted(starts[who]) if start <= at] or [1]
            done.setdefault((who, begun[-1]), []).append((row["kind"].strip().lower(), at))

    def counted(start: datetime, end: datetime) -> timedelta:
        return business.worked(start, end) if business else end - start

    out = []
    for lead in found:
        if lead.mql_at is None:
            continue
        here = done.get((lead.entity, lead.journey), [])
        assigned = min((at for kind, at in here if kind == "assigned"), default=None)
        lead.assigned = max(assigned, lead.mql_at) if assigned else None
        touches = [at for kind, at in here if kind in handoff.touches]
        lead.touched = min([*touches, *([lead.decided_at] if lead.decided_at else [])], default=None)
        lead.clock = (lead.assigned or lead.mql_at) if handoff.sla_from == "assigned" else lead.mql_at
        lead.attempts = sum(lead.clock <= at <= lead.clock + timedelta(days=14) for at in touches)
        if lead.touched is not None:
            lead.status = "met" if counted(lead.clock, lead.touched) <= limit else "missed"
        elif counted(lead.clock, scope.as_of) <= limit:
            lead.status = "not_due"
        else:
            lead.status = "unassigned" if handoff.sla_from == "assigned" and lead.assigned is None else "overdue"
        out.append(lead)
    return out
