"""Which raw events can be used: duplicates dropped, merges followed, the impossible set aside with a reason."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from lifecycle.stages import BLANKS, normalise

EARLIEST, LATEST = datetime(1990, 1, 1), datetime(2200, 1, 1)  # outside, an instant is a default or a typing mistake


@dataclass(frozen=True)
class Event:
    """A raw stage value of a contact at an instant (naive UTC), or a fact such as `orders.first`."""

    contact_id: str | None
    raw: str | None
    at: datetime | None
    event_id: str | None = None
    recorded_at: datetime | None = None
    reason: str | None = None
    competitor: str | None = None
    actor: str | None = None
    lead_score: float | None = None
    fact: str | None = None


def without_duplicates(events: list[Event]) -> list[Event]:
    """One row per event id, the newest recorded, then the first by content; one of rows that are equal throughout.

    An empty event id is none. Facts are left alone: what they come from is unique already.
    """
    facts = [e for e in events if e.fact is not None]
    survivors: dict[str | Event, Event] = {}
    for event in sorted((e for e in events if e.fact is None), key=_content):
        identity = event.event_id or event
        rival = survivors.get(identity)
        if rival is None or (event.recorded_at or datetime.min) > (rival.recorded_at or datetime.min):
            survivors[identity] = event
    return [*survivors.values(), *facts]


def _content(e: Event) -> list[tuple]:
    return nulls_first(e.contact_id, e.raw, e.at, e.reason, e.competitor, e.actor, e.lead_score)


def nulls_first(*values: object) -> list[tuple]:
    """A sort key over columns that may be null, text compared by code point, which is bytewise in UTF-8."""
    return [() if value is None else (value,) for value in values]


def survivor(contact: str | None, merges: Mapping[str, str]) -> str | None:
    """The contact at the end of the merge chain; None where the chain runs into a cycle."""
    seen = set()
    while contact is not None and contact in merges:
        if contact in seen:
            return None
        seen.add(contact)
        contact = merges[contact]
    return contact


def fault(
    event: Event,
    *,
    survivor: str | None,
    bound: datetime,
    known: AbstractSet[str],
    contacts: AbstractSet[str] | None,
) -> str | None:
    """Why an event cannot be used, by the first reason that applies; None where it can.

    `survivor`: the contact after merges. `known`: normalised raw values. `contacts`: known ids, where they are known.
    """
    if not (event.contact_id or "").strip(BLANKS):
        return "no_entity"
    if event.fact is None and not normalise(event.raw or ""):
        return "no_stage"
    if event.at is None:
        return "no_instant"
    if not EARLIEST <= event.at < LATEST:
        return "implausible_instant"
    if event.at > bound:
        return "future"
    if survivor is None:
        return "merge_cycle"
    if event.fact is None and normalise(event.raw or "") not in known:
        return "unknown_stage"
    if contacts is not None and survivor not in contacts:
        return "orphan"
    return None
