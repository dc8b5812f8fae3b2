"""From raw events to stays and journeys, one event at a time: slow and obvious, the measure of the statements."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Literal

from lifecycle.intake import Event, fault, nulls_first, survivor, without_duplicates
from lifecycle.stages import Stage, StageModel, normalise

Move = Literal["advance", "skip", "regress", "repeat", "exit", "reopen"]


@dataclass(frozen=True)
class Entry:
    """One entity enters one stage; with `exited_at` and `next_stage`, the stay that follows.

    `exited_at` is null while the stay is open and for repeats, which have no duration. `seq` counts an entity's entries
    from 1. `after_other`: a value that is no stage of this model lies between the entry before and this one.
    """

    entity_id: str
    journey: int
    seq: int
    stage: str
    entered_at: datetime
    exited_at: datetime | None
    next_stage: str | None
    move: Move
    reason: str | None
    competitor: str | None
    actor: str | None
    lead_score: float | None
    by_fact: bool
    after_other: bool


@dataclass(frozen=True)
class Journey:
    """One run of an entity through the model, from its first progress entry to its first exit.

    `own`: stage to its first entry. `passed`: stage to the first entry to it or to a later progress stage.
    `in_order`: each stage at most once, by rank, and nothing in between.
    """

    entity_id: str
    journey: int
    started_at: datetime
    started_by: Literal["event", "fact"]
    own: dict[str, datetime]
    passed: dict[str, datetime]
    exit_stage: str | None
    exited_at: datetime | None
    exit_reason: str | None
    current_stage: str
    furthest: str
    in_order: bool


@dataclass(frozen=True)
class Derivation:
    """Entries by entity and order, journeys, what was not used and why, and the counts that must add up."""

    entries: list[Entry]
    journeys: list[Journey]
    quarantined: list[tuple[Event, str]]
    counts: dict[str, int]


@dataclass(frozen=True)
class _Row:
    """An event out of quarantine, on its surviving contact; `stage` is None where the value is ignored."""

    contact: str
    event: Event
    at: datetime
    stage: Stage | None


@dataclass(frozen=True)
class _Step:
    """A row that enters a stage."""

    row: _Row
    stage: Stage
    after_other: bool


def derive(
    model: StageModel,
    events: Iterable[Event],
    *,
    bound: datetime,
    merges: Mapping[str, str] | None = None,
    accounts: Mapping[str, str | None] | None = None,
    contacts: AbstractSet[str] | None = None,
    others: AbstractSet[str] = frozenset(),
) -> Derivation:
    """Entries, journeys and quarantine of a history, by the rules of the stage model.

    `bound`: events later than this are quarantined. `merges`: merged contact to surviving one. `accounts`: contact to
    account, used by models of entity `account`. `contacts`: the known ids, where they are known. `others`: normalised
    raw values that other models know. `in = used + repeats + ignored + duplicates + quarantined` holds for the counts.
    """
    given = list(events)
    single = without_duplicates(given)
    known = model.aliases.keys() | model.silenced | others
    quarantined, rows, ignored = [], defaultdict(list), 0
    for event in single:
        contact = survivor(event.contact_id, merges or {})
        if reason := fault(event, survivor=contact, bound=bound, known=known, contacts=contacts):
            quarantined.append((event, reason))
        elif event.fact is not None and event.fact not in model.facts:
            ignored += 1
        else:
            key = model.facts[event.fact] if event.fact else model.aliases.get(normalise(event.raw or ""))
            ignored += key is None
            assert contact is not None and event.at is not None  # else it had a fault
            rows[contact].append(_Row(contact, event, event.at, None if key is None else model.stage(key)))

    steps = {contact: list(_steps(model, own_rows)) for contact, own_rows in rows.items()}
    entries = {contact: _entries(model, contact, own_steps) for contact, own_steps in steps.items()}
    n_steps = sum(map(len, steps.values()))
    ignored += sum(row.stage is not None for own_rows in rows.values() for row in own_rows) - n_steps
    if model.entity == "account":
        streams = _account_steps(model, steps, entries, accounts or {})
        entries = {account: _entries(model, account, stream, rolled_up=True) for account, stream in streams.items()}

    ordered = [entry for entity in sorted(entries) for entry in entries[entity]]
    used = sum(entry.move != "repeat" for entry in ordered)
    counts = {
        "in": len(given),
        "used": used,
        "repeats": n_steps - used,
        "ignored": ignored,
        "duplicates": len(given) - len(single),
        "quarantined": len(quarantined),
    }
    return Derivation(ordered, _journeys(model, ordered), quarantined, counts)


def _position(model: StageModel, row: _Row) -> tuple:
    """The place of a row in its entity's history: instant; progress by rank, exits, ignored; event id; content."""
    e, last = row.event, len(model.progress) + 1
    rank = last + 1 if row.stage is None else last if row.stage.kind == "exit" else model.rank(row.stage.key)
    return row.at, rank, e.event_id or "", nulls_first(e.fact or e.raw, e.reason, e.competitor, e.actor, e.lead_score)


def _steps(model: StageModel, rows: list[_Row]) -> Iterator[_Step]:
    """The rows of a contact that enter a stage, in order: without ignored values and facts that came too early."""
    seen, after_other = set(), False
    for row in sorted(rows, key=lambda r: _position(model, r)):
        if row.stage is None:
            after_other = True
        elif not (row.event.fact and row.stage.requires and row.stage.requires not in seen):
            seen.add(row.stage.key)
            yield _Step(row, row.stage, after_other)
            after_other = False


def _entries(model: StageModel, entity: str, steps: list[_Step], rolled_up: bool = False) -> list[Entry]:
    """The entries of one entity. Facts never regress, and neither does any step of an account (`rolled_up`)."""
    entries: list[Entry] = []
    current: Stage | None = None
    journey = reached = 0
    for seq, step in enumerate(steps, start=1):
        e, stage = step.row.event, step.stage
        by_fact = e.fact is not None
        if stage.kind == "progress" and (current is None or current.kind == "exit"):
            journey, reached = journey + 1, 0
        move = _move(model, current, stage, reached if by_fact or rolled_up else 0)
        attributes = (e.reason, e.competitor, e.actor, e.lead_score)
        place = (entity, journey, seq, stage.key, step.row.at, None, None)
        entries.append(Entry(*place, move, *attributes, by_fact, step.after_other))
        if move != "repeat":
            current = stage
        if stage.kind == "progress":
            reached = max(reached, model.rank(stage.key))
    return _closed(entries)


def _move(model: StageModel, current: Stage | None, stage: Stage, floor: int) -> Move:
    """How `stage` is entered from `current`; a rank up to `floor` was reached already and is not entered again."""
    if stage == current:
        return "repeat"
    if stage.kind == "exit":
        return "exit"
    if current is not None and current.kind == "exit":
        return "reopen"
    here, there = (0 if current is None else model.rank(current.key)), model.rank(stage.key)
    if there <= floor:
        return "repeat"
    if there < here:
        return "regress"
    between = model.progress[here : there - 1]
    return "advance" if all(s.optional for s in between) else "skip"


def _closed(entries: list[Entry]) -> list[Entry]:
    """The entries of one entity with the end of each stay: the next entry that is no repeat."""
    closed, following = [], None
    for entry in reversed(entries):
        if entry.move != "repeat":
            if following is not None:
                entry = replace(entry, exited_at=following.entered_at, next_stage=following.stage)
            following = entry
        closed.append(entry)
    return closed[::-1]


def _account_steps(
    model: StageModel,
    steps: Mapping[str, list[_Step]],
    entries: Mapping[str, list[Entry]],
    accounts: Mapping[str, str | None],
) -> dict[str, list[_Step]]:
    """What the entries of its contacts mean for an account: every progress entry, and the exit of the last one open."""
    moving = [
        (step, entry)
        for contact in steps
        for step, entry in zip(steps[contact], entries[contact], strict=True)
        if entry.move != "repeat"
    ]
    moving.sort(key=lambda pair: (_position(model, pair[0].row), pair[0].row.contact, pair[1].seq))
    streams: dict[str, list[_Step]] = defaultdict(list)
    still_open: dict[str, set[str]] = defaultdict(set)
    for step, _ in moving:
        contact = step.row.contact
        account = accounts.get(contact) or contact
        was_open = contact in still_open[account]
        if step.stage.kind == "progress":
            still_open[account].add(contact)
        else:
            still_open[account].discard(contact)
        if step.stage.kind == "progress" or (was_open and not still_open[account]):
            streams[account].append(step)
    return streams


def _journeys(model: StageModel, entries: list[Entry]) -> list[Journey]:
    """The journeys of ordered entries; journey 0, exits before any progress, is none."""
    groups = groupby(entries, key=lambda e: (e.entity_id, e.journey))
    return [_journey(model, list(group)) for (_, journey), group in groups if journey > 0]


def _journey(model: StageModel, entries: list[Entry]) -> Journey:
    first = entries[0]
    progress = [e for e in entries if model.stage(e.stage).kind == "progress"]
    ranks = [model.rank(e.stage) for e in progress]
    own: dict[str, datetime] = {}
    passed: dict[str, datetime] = {}
    for entry, rank in zip(progress, ranks, strict=True):
        own.setdefault(entry.stage, entry.entered_at)
        passed.setdefault(entry.stage, entry.entered_at)
        if not (entry.by_fact and model.stage(entry.stage).requires is None):
            for earlier in model.progress[: rank - 1]:
                if not earlier.optional:
                    passed.setdefault(earlier.key, entry.entered_at)
    exit_ = next((e for e in entries if model.stage(e.stage).kind == "exit"), None)
    return Journey(
        entity_id=first.entity_id,
        journey=first.journey,
        started_at=first.entered_at,
        started_by="fact" if first.by_fact else "event",
        own=own,
        passed=passed,
        exit_stage=None if exit_ is None else exit_.stage,
        exited_at=None if exit_ is None else exit_.entered_at,
        exit_reason=None if exit_ is None else exit_.reason,
        current_stage=[e.stage for e in entries if e.move != "repeat"][-1],
        furthest=model.progress[max(ranks) - 1].key,
        in_order=ranks == sorted(set(ranks)) and not any(e.after_other for e in entries[1:]),
    )
