"""One entity's whole history: its stays, what else happened to it, and the waiting in between."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

# What happens beside the stages, by kind. A change of a column is bookkeeping: it breaks no silence.
KINDS = ("activity", "deal", "order", "subscription", "survey", "referral", "audit", "change")
SILENT = ("change",)


@dataclass(frozen=True)
class Stay:
    """One entry to a stage and the stay that follows; `exited_at` None: still in it, or a repeat, which has no length.

    `contact_id`: who made it, where that is not the entity itself. `by_fact`: entered by an order, a survey, …
    """

    journey: int
    seq: int
    stage: str
    entered_at: datetime
    exited_at: datetime | None
    move: str
    by_fact: bool = False
    reason: str | None = None
    competitor: str | None = None
    actor: str | None = None
    contact_id: str | None = None


@dataclass(frozen=True)
class Moment:
    """Something that happened beside the stages: of a kind of KINDS, from `at` until `until` where it lasts.

    `what`: the sort of activity, survey or referral, the stage of a deal, the name of a changed column. `detail`: won
    or lost, the other side of a referral, the new value. `amount`: money, a monthly amount, or the score of a survey.
    """

    at: datetime
    kind: str
    what: str | None = None
    detail: str | None = None
    amount: float | None = None
    until: datetime | None = None
    contact_id: str | None = None
    actor: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What sales made of one journey: `outcome` as in lifecycle.agreement, `status` as in lifecycle.service.

    `clock_at` to `touched_at` is the wait for the first touch (a touch or a decision). Without activities in the
    warehouse these and `assigned_at` are None, as is `status`.
    """

    journey: int
    outcome: str
    handed_at: datetime
    decided_at: datetime | None = None
    rejected_by: str | None = None
    reason: str | None = None
    clock_at: datetime | None = None
    assigned_at: datetime | None = None
    touched_at: datetime | None = None
    status: str | None = None


@dataclass(frozen=True)
class Person:
    """A contact of the entity: what is known of it today as column → text, and the ids that were merged into it."""

    contact_id: str
    facts: Mapping[str, str]
    merged: tuple[str, ...] = ()


@dataclass(frozen=True)
class Span:
    """One journey from its first entry to its exit; `end` None while it lasts."""

    number: int
    start: datetime
    end: datetime | None


@dataclass(frozen=True)
class Silence:
    """A time within one journey in which nothing happened; `is_open`: it still lasts at the cut-off."""

    journey: int
    start: datetime
    end: datetime
    is_open: bool

    @property
    def length(self) -> timedelta:
        return self.end - self.start


@dataclass(frozen=True)
class Happening:
    """One line of the story: an entry to a stage, or a Moment's begin or end; `after`: elapsed since the line before.

    `source` is the Stay or Moment; `is_end`: the end of a Moment that lasts. `journey` 0 lies before the first.
    """

    at: datetime
    journey: int
    source: Stay | Moment
    is_end: bool = False
    after: timedelta | None = None


@dataclass(frozen=True)
class History:
    """Everything that is known of one entity by `as_of`, in order of time.

    `people`: the contacts that it is made of, as many as are shown of `n_people`. `absent`: contract tables that the
    warehouse lacks and that would tell more. `is_cut`: only the latest moments are told.
    """

    entity_id: str
    as_of: datetime
    people: tuple[Person, ...] = ()
    n_people: int = 0
    stays: tuple[Stay, ...] = ()
    moments: tuple[Moment, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    absent: tuple[str, ...] = ()
    is_cut: bool = False
    statements: tuple[Any, ...] = ()

    @property
    def now(self) -> Stay | None:
        """The stay that the entity is in, or its last exit."""
        return next((s for s in reversed(self.stays) if s.move != "repeat"), None)

    def length(self, stay: Stay) -> timedelta | None:
        """How long a stay lasted, or has lasted by the cut-off; None for repeats, which last no time of their own."""
        return None if stay.move == "repeat" else (stay.exited_at or self.as_of) - stay.entered_at


def spans(history: History, exits: frozenset[str]) -> tuple[Span, ...]:
    """The journeys in order; `exits` are the stages that end one. Exits before any progress belong to no journey."""
    out: dict[int, Span] = {}
    for stay in history.stays:
        if stay.journey and stay.journey not in out:
            out[stay.journey] = Span(stay.journey, stay.entered_at, None)
        if stay.journey and stay.stage in exits and out[stay.journey].end is None:
            out[stay.journey] = Span(stay.journey, out[stay.journey].start, stay.entered_at)
    return tuple(out.values())


def story(history: History, exits: frozenset[str]) -> tuple[Happening, ...]:
    """Everything that happened in order of time, each with the time since what came before it.

    What is no entry belongs to the latest journey that had started by then. At one instant entries come first.
    """
    journeys = spans(history, exits)
    starts = [span.start for span in journeys]

    def journey_at(at: datetime) -> int:
        place = bisect_right(starts, at)
        return journeys[place - 1].number if place else 0

    found = [Happening(stay.entered_at, stay.journey, stay) for stay in history.stays]
    for moment in history.moments:
        found.append(Happening(moment.at, journey_at(moment.at), moment))
        if moment.until is not None:
            found.append(Happening(moment.until, journey_at(moment.until), moment, is_end=True))
    found.sort(key=lambda h: (h.at, isinstance(h.source, Moment)))  # stable: entries keep their order
    before = [None, *(h.at for h in found)]
    return tuple(
        Happening(h.at, h.journey, h.source, h.is_end, None if b is None else h.at - b)
        for h, b in zip(found, before, strict=False)
    )


def silences(history: History, exits: frozenset[str]) -> tuple[Silence, ...]:
    """The times in which nothing happened in a journey that was not over, the longest first.

    Entries, activities, deals, orders, subscriptions, surveys, referrals and audits break a silence; a changed column
    does not. A journey that lasts is silent from its last event to the cut-off.
    """
    lively = [h.at for h in story(history, exits) if not (isinstance(h.source, Moment) and h.source.kind in SILENT)]
    out = []
    for span in spans(history, exits):
        end = span.end or history.as_of
        inside = [at for at in lively if span.start <= at <= end]
        out += [Silence(span.number, a, b, False) for a, b in pairwise(inside) if b > a]
        if span.end is None and inside and history.as_of > inside[-1]:
            out.append(Silence(span.number, inside[-1], history.as_of, True))
    return tuple(sorted(out, key=lambda s: s.length, reverse=True))
