"""One entity's history as frames: bars and points on lanes over time, and a line per event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from lifecycle.history import History, Moment, Stay, Verdict, spans, story
from lifecycle.stages import StageModel
from pages.ui import history_words as words
from pages.ui import labels
from pages.ui.time_axis import TimeAxis

ANSWER = "Sales’ answer"
LANES = {  # kind of moment → its lane under the stages, in this order
    "activity": "Activities",
    "audit": "Audits",
    "deal": "Deals",
    "order": "Orders",
    "subscription": "Subscriptions",
    "survey": "Surveys",
    "referral": "Referrals",
    "change": "Changes",
}
LONG = timedelta(days=2)  # a silence worth shading
WIDE = 0.08  # share of the axis that it must have to be seen
BARS = ["lane", "start", "end", "colour", "said", "brief", "note", "from", "to"]
POINTS = ["lane", "at", "colour", "said", "note", "when"]


def axis(known: History) -> TimeAxis:
    """The axis of time of a history, from its first event to the cut-off."""
    ends = [end for s in known.stays if (end := s.exited_at)] + [end for m in known.moments if (end := m.until)]
    return TimeAxis([*(s.entered_at for s in known.stays), *(m.at for m in known.moments), *ends, known.as_of])


def bars(known: History, model: StageModel) -> pd.DataFrame:
    """What lasts: stays, the wait for sales' answer, deals and subscriptions."""
    rows = []
    for stay in known.stays:
        stage, length = model.stage(stay.stage), known.length(stay)
        if stage.kind == "exit" or length is None:
            continue
        last = model.progress[-1].key == stage.key
        colour = "stayed" if stay.exited_at else "arrived" if last else "open"
        said = f"{words.span(length)}{'' if stay.exited_at else ' so far'}"
        rows.append(_bar(stage.label, stay.entered_at, stay.exited_at or known.as_of, colour, said, _noted(stay)))
    rows += [_answered(verdict, known.as_of) for verdict in known.verdicts]
    for m in known.moments:
        if m.kind in ("deal", "subscription"):
            colour = (m.detail or "open") if m.kind == "deal" else "paid"
            said = " · ".join(part for part in (m.detail, words.amount(m)) if part)
            rows.append(_bar(LANES[m.kind], m.at, m.until or known.as_of, colour, said, _noted(m)))
    return pd.DataFrame(rows, columns=BARS)


def points(known: History, model: StageModel) -> pd.DataFrame:
    """What happens at an instant: exits, repeats, and moments that do not last."""
    rows = []
    for stay in known.stays:
        stage = model.stage(stay.stage)
        if stage.kind == "exit":
            rows.append(_point(stage.label, stay.entered_at, "left", stay.reason or "", _noted(stay)))
        elif stay.move == "repeat":
            rows.append(_point(stage.label, stay.entered_at, "repeat", "", _noted(stay)))
    for m in known.moments:
        if m.kind not in ("deal", "subscription"):
            said = words.amount(m) if m.kind == "survey" else ""
            rows.append(_point(LANES[m.kind], m.at, m.kind, said, _noted(m)))
    return pd.DataFrame(rows, columns=POINTS)


def _noted(source: Stay | Moment) -> str:
    """The particulars of a mark, for its tooltip."""
    if isinstance(source, Stay):
        parts = [words.MOVES[source.move], source.reason, source.competitor]
    else:
        parts = [source.what, source.detail, words.amount(source)]
    return " · ".join(part for part in (*parts, source.actor, source.contact_id) if part)


def _answered(verdict: Verdict, as_of: datetime) -> dict[str, Any]:
    """The wait for sales' answer, from the handoff to the decision or the cut-off."""
    colour = verdict.outcome.removesuffix("_late")
    end = verdict.decided_at or (verdict.handed_at if colour in ("bypass", "returned") else as_of)
    said, brief = words.answer(verdict), words.decided(verdict)
    return _bar(ANSWER, verdict.handed_at, end, colour, said, words.first_touch(verdict), brief)


def _bar(
    lane: str, start: datetime, end: datetime, colour: str, said: str, note: str, brief: str = ""
) -> dict[str, Any]:
    row = {"lane": lane, "start": start, "end": end, "colour": colour, "said": said, "brief": brief, "note": note}
    return row | {"from": labels.instant(start), "to": labels.instant(end)}


def _point(lane: str, at: datetime, colour: str, said: str, note: str) -> dict[str, Any]:
    return {"lane": lane, "at": at, "colour": colour, "said": said, "note": note, "when": labels.instant(at)}


def lanes(known: History, model: StageModel) -> list[str]:
    """The lanes from the top down: stages by rank, exits, what sales answered, then what else happened."""
    entered = {stay.stage for stay in known.stays}
    out = [s.label for s in (*model.progress, *model.exits) if s.key in entered]
    out += [ANSWER] if known.verdicts else []
    kinds = {moment.kind for moment in known.moments}
    return [*out, *(lane for kind, lane in LANES.items() if kind in kinds)]


def journeys(known: History, model: StageModel) -> pd.DataFrame:
    """Where each of several journeys begins: at, said, and short where there is no room."""
    found = spans(known, words.exits(model))
    rows = [(s.start, f"Journey {s.number}", f"{s.number}") for s in found] if len(found) > 1 else []
    return pd.DataFrame(rows, columns=["at", "said", "short"])


def silences(known: History, model: StageModel, scale: TimeAxis) -> pd.DataFrame:
    """The stretches that are shaded: the longest silence, and those that are cut short: start, end, said."""
    longest = words.longest(known, model)
    rows = []
    for s in scale.stretches:
        is_longest = (
            longest is not None and (s.start, s.end) == (longest.start, longest.end) and s.end - s.start >= LONG
        )
        if s.is_cut or (is_longest and s.high - s.low >= WIDE):
            rows.append(
                (
                    s.start,
                    s.end,
                    f"{words.span(s.end - s.start)} of silence" if is_longest else words.span(s.end - s.start),
                )
            )
    return pd.DataFrame(rows, columns=["start", "end", "said"])


def lines(known: History, model: StageModel) -> pd.DataFrame:
    """A line per event in order of time, with how long it was waited for; a single journey is not numbered."""
    rows = []
    for h in story(known, words.exits(model)):
        rows.append(
            {
                "When (UTC)": words.when(h.at),
                "What": words.what(h, model),
                "Details": words.details(h, known.verdicts),
                "After": words.span(h.after),
                "Lasted": words.lasted(h, known),
                "Journey": h.journey or "",
                "Contact": _who(h.source, known),
                "By": h.source.actor or "",
            }
        )
    frame = pd.DataFrame(rows)
    silent = [name for name in ("Lasted", "Contact", "By") if len(frame) and not frame[name].any()]
    alone = ["Journey"] if len(frame) and set(frame["Journey"]) <= {1, ""} else []
    return frame.drop(columns=silent + alone)


def _who(source: Stay | Moment, known: History) -> str:
    """The contact, where the entity has several."""
    return (source.contact_id or "") if known.n_people > 1 else ""


def took_part(known: History, model: StageModel, most: int) -> tuple[pd.DataFrame, Sequence[str]]:
    """Who of the entity did what: a point per event on a lane per contact, the busiest `most`; and the others' ids."""
    names = {name: p.contact_id for p in known.people for name in (p.contact_id, *p.merged)}
    rows = []
    for h in story(known, words.exits(model)):
        who = names.get(h.source.contact_id or "")
        if who and not h.is_end and not (isinstance(h.source, Moment) and h.source.kind == "change"):
            kind = "stage" if isinstance(h.source, Stay) else h.source.kind
            note = " · ".join(part for part in (words.what(h, model), words.details(h, known.verdicts)) if part)
            rows.append(_point(who, h.at, kind, "", note))
    frame = pd.DataFrame(rows, columns=POINTS)
    shown = set(list(frame["lane"].value_counts().index)[:most])
    return frame[frame["lane"].isin(shown)], [p.contact_id for p in known.people if p.contact_id not in shown]
