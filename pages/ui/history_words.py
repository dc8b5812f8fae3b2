"""One entity's history in words: what each line of it says, and how long it took."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from lifecycle.history import Happening, History, Moment, Silence, Stay, Verdict, silences
from lifecycle.stages import StageModel
from pages.ui import labels

MOVES = {
    "advance": "went on",
    "skip": "went on, over a stage",
    "regress": "went back",
    "repeat": "the same stage again",
    "exit": "left",
    "reopen": "came back",
}
ANSWERS = {  # what sales made of a lead
    "accepted": "Accepted",
    "rejected": "Rejected",
    "expired": "Never decided",
    "pending": "Not yet decided",
    "accepted_late": "Accepted, too late",
    "rejected_late": "Rejected, too late",
    "bypass": "Accepted by bypass",
    "returned": "Accepted on return",
}
TOUCHED = {
    "met": "in time",
    "missed": "too late",
    "overdue": "overdue",
    "unassigned": "overdue, never assigned",
    "not_due": "not yet due",
}
AUDITED = {
    "both": "both teams said yes",
    "marketing": "only marketing said yes",
    "sales": "only sales said yes",
    "neither": "neither team said yes",
}


def exits(model: StageModel) -> frozenset[str]:
    """The stages that end a journey."""
    return frozenset(stage.key for stage in model.exits)


def span(length: timedelta | None) -> str:
    """A length of time, in whole days from a hundred on; blank where there is none."""
    if length is None:
        return ""
    return f"{length.days:,} days" if length.days >= 100 else labels.duration(length.total_seconds())


def when(instant: datetime | None) -> str:
    """An instant in a column whose heading names the zone."""
    return "" if instant is None else f"{instant:%-d %b %Y %H:%M}"


def what(h: Happening, model: StageModel) -> str:
    """What happened, in a few words."""
    source = h.source
    if isinstance(source, Stay):
        return model.stage(source.stage).label
    match source.kind:
        case "activity":
            return (source.what or "activity").strip().capitalize() or "Activity"
        case "deal":
            return f"Deal {source.detail or 'closed'}" if h.is_end else "Deal opened"
        case "subscription":
            return "Subscription ended" if h.is_end else "Subscription began"
        case "survey":
            return f"Survey{f' ({source.what})' if source.what else ''}"
        case "referral":
            return "Referred somebody" if source.what == "made" else "Was referred"
        case "change":
            return f"{(source.what or 'column').replace('_', ' ').capitalize()} changed"
        case kind:
            return kind.capitalize()


def details(h: Happening, verdicts: Sequence[Verdict] = ()) -> str:
    """The particulars of what happened, and where it was sales' answer or its first touch."""
    source = h.source
    if isinstance(source, Stay):
        parts = [MOVES[source.move], "by a fact" if source.by_fact else "", source.reason, source.competitor]
        parts += [decided(v) for v in verdicts if (v.journey, v.decided_at) == (h.journey, h.at)][:1]
        return " · ".join(part for part in parts if part)
    match source.kind:
        case "deal":
            return " · ".join(part for part in (source.what, amount(source)) if part)
        case "referral":
            return f"{'of' if source.what == 'made' else 'by'} {source.detail or 'somebody unknown'}"
        case "audit":
            return AUDITED.get(source.detail or "", "")
        case "change":
            return f"to {source.detail}" if source.detail else "to nothing"
        case "activity":
            first = [v for v in verdicts if (v.journey, v.touched_at) == (h.journey, h.at)]
            return first_touch(first[0]) if first else ""
        case _:
            return amount(source)


def amount(moment: Moment) -> str:
    """Money, a monthly amount or a score."""
    if moment.amount is None:
        return ""
    if moment.kind == "survey":
        return f"score {moment.amount:g}"
    return f"{labels.money(moment.amount)}{' a month' if moment.kind == 'subscription' else ''}"


def lasted(h: Happening, known: History) -> str:
    """How long what began here lasted, or has lasted so far."""
    source = h.source
    if h.is_end:
        return ""
    if isinstance(source, Stay):
        open_ = source.exited_at is None
        return "" if source.move in ("repeat", "exit") else f"{span(known.length(source))}{' so far' if open_ else ''}"
    if source.kind not in ("deal", "subscription"):
        return ""
    return span(source.until - source.at) if source.until else f"{span(known.as_of - source.at)} so far"


def title(known: History, model: StageModel) -> str:
    """How far it came, and where it is."""
    now = known.now
    reached = [s.stage for s in known.stays if model.stage(s.stage).kind == "progress"]
    if now is None or not reached:
        return f"{known.entity_id} has entered no stage of this lifecycle"
    furthest, here = model.stage(max(reached, key=model.rank)).label, model.stage(now.stage).label
    if here == furthest:
        return f"{known.entity_id} came as far as {furthest}, and has been there for {span(known.length(now))}"
    return f"{known.entity_id} came as far as {furthest}, and has been {here} for {span(known.length(now))}"


def decided(verdict: Verdict) -> str:
    """What sales made of a journey, and how soon."""
    said = ANSWERS[verdict.outcome]
    return f"{said} after {span(verdict.decided_at - verdict.handed_at)}" if verdict.decided_at else said


def answer(verdict: Verdict) -> str:
    """What sales made of a journey, how soon and why; then the first touch."""
    reason = f": {verdict.reason}" if verdict.reason else ""
    return " · ".join(part for part in (f"{decided(verdict)}{reason}", first_touch(verdict)) if part)


def first_touch(verdict: Verdict) -> str:
    """The wait for the first touch, and whether it was in time."""
    if verdict.clock_at is None or verdict.status is None:
        return ""
    if verdict.touched_at is None:
        return f"no touch so far, {TOUCHED[verdict.status]}"
    wait = max(verdict.touched_at - verdict.clock_at, timedelta())
    return f"first touch after {span(wait)}, {TOUCHED[verdict.status]}"


def longest(known: History, model: StageModel) -> Silence | None:
    """The longest time in which nothing happened."""
    return next(iter(silences(known, exits(model))), None)


def between(silence: Silence) -> str:
    """From when to when a silence lasted."""
    if silence.is_open:
        return f"since {labels.day(silence.start)}, and still"
    return f"{labels.day(silence.start)} – {labels.day(silence.end)}"


def waited(verdict: Verdict) -> tuple[str, str]:
    """The wait for the first touch of a lead as a figure and a note."""
    if verdict.clock_at is None or verdict.status is None:
        return "unknown", "no activities are recorded"
    if verdict.touched_at is None:
        return "none so far", TOUCHED[verdict.status]
    return span(max(verdict.touched_at - verdict.clock_at, timedelta())), TOUCHED[verdict.status]
