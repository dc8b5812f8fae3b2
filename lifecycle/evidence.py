"""Which raw rows a history was made of: what became of each, as one can read it in the build."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lifecycle.history import Stay
from lifecycle.intake import Event, without_duplicates
from lifecycle.stages import StageModel, normalise

FATES = ("used", "repeated", "ignored", "duplicate", "quarantined", "unbuilt")


@dataclass(frozen=True)
class Used:
    """A raw row and what became of it: one of FATES; the `stage` that it names, the `problem` that set it aside.

    used: an entry. repeated: it says the stage that was entered already. ignored: no stage of this model. duplicate: of
    another row. quarantined: unusable. unbuilt: written after the build.
    """

    event: Event
    fate: str
    stage: str | None = None
    problem: str | None = None


def fates(
    rows: Sequence[Event],
    set_aside: Mapping[Event, str],
    stays: Iterable[Stay],
    model: StageModel,
    ids: frozenset[str],
) -> tuple[Used, ...]:
    """What became of the rows of these contacts (`ids`), in order of time; those without an instant come last.

    `rows` also holds rows of others that share an event id with one of theirs, since of one id a single row survives.
    `set_aside`: quarantined rows and their problem. A row is used or repeated as the stay says that was built of it: of
    the same stage at the same instant; in an account, what brings it no further has no stay of its own.
    """
    built = Counter((s.stage, s.entered_at, s.move == "repeat") for s in stays if not s.by_fact)
    left = Counter(without_duplicates(list(rows)))
    out = []
    for event in sorted(rows, key=_place):
        if event.contact_id in ids:
            out.append(_fate(event, left, set_aside, built, model))
    return tuple(out)


def _fate(
    event: Event,
    left: Counter[Event],
    set_aside: Mapping[Event, str],
    built: Counter[tuple[str, datetime, bool]],
    model: StageModel,
) -> Used:
    if not left[event]:
        return Used(event, "duplicate")
    left[event] -= 1
    if event in set_aside:
        return Used(event, "quarantined", problem=set_aside[event])
    stage = model.aliases.get(normalise(event.raw or ""))
    if stage is None or event.at is None:
        return Used(event, "ignored")
    for is_repeat, fate in ((False, "used"), (True, "repeated")):
        if built[stage, event.at, is_repeat]:
            built[stage, event.at, is_repeat] -= 1
            return Used(event, fate, stage)
    return Used(event, "repeated" if model.entity == "account" else "unbuilt", stage)


def _place(event: Event) -> tuple[bool, datetime, str]:
    return event.at is None, event.at or datetime.max, event.event_id or ""
