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
NOTABLE = 0.05  # share of the picture's width from which a silence, or the length of a bar, is written into it
BARS = ["lane", "start", "end", "colour", "said", "note", "from", "to"]
POINTS = ["lane", "at", "colour", "said", "note", "when"]


def stays_and_more(known: History, model: StageModel) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What the timeline draws: bars and points."""
    whole = max(known.as_of - _begin(known), timedelta(seconds=1))
    bars, points = [], []
    for stay in known.stays:
        stage = model.stage(stay.stage)
        note = " · ".join(p for p in (words.MOVES[stay.move], stay.reason, stay.competitor, stay.contact_id) if p)
        if stage.kind == "exit":
            points.append(_point(stage.label, stay.entered_at, "left", stay.reason or "", note))
        elif stay.move == "repeat":
            points.append(_point(stage.label, stay.entered_at, "repeat", "", note))
        else:
            length = known.length(stay) or timedelta()
            last = model.progress[-1].key == stage.key
            colour = "stayed" if stay.exited_at else "arrived" if last else "open"
            said = f"{words.span(length)}{'' if stay.exited_at else ' so far'}"
            bars.append(_bar(stage.label, stay.entered_at, stay.exited_at or known.as_of, colour, said, note))
    bars += [_answered(verdict, known.as_of) for verdict in known.verdicts]
    for moment in known.moments:
        lane, said = LANES[moment.kind], words.amount(moment)
        note = " · ".join(p for p in (moment.what, moment.detail, said, moment.actor, moment.contact_id) if p)
        if moment.kind in ("deal", "subscription"):
            colour = moment.detail or "open" if moment.kind == "deal" else "paid"
            bars.append(_bar(lane, moment.at, moment.until or known.as_of, colour, said, note))
        else:
            points.append(_point(lane, moment.at, moment.kind, said if moment.kind == "survey" else "", note))
    for bar in bars:
        if bar["end"] - bar["start"] < NOTABLE * whole and bar["lane"] not in (ANSWER, LANES["deal"]):
            bar["said"] = ""
    return pd.DataFrame(bars, columns=BARS), pd.DataFrame(points, columns=POINTS)


def _begin(known: History) -> datetime:
    """The first instant of the picture."""
    return min([s.entered_at for s in known.stays] + [m.at for m in known.moments], default=known.as_of)


def _bar(lane: str, start: datetime, end: datetime, colour: str, said: str, note: str) -> dict[str, Any]:
    row = {"lane": lane, "start": start, "end": end, "colour": colour, "said": said, "note": note}
    return row | {"from": labels.instant(start), "to": labels.instant(end)}


def _point(lane: str, at: datetime, colour: str, said: str, note: str) -> dict[str, Any]:
    return {"lane": lane, "at": at, "colour": colour, "said": said, "note": note, "when": labels.instant(at)}


def _answered(verdict: Verdict, as_of: datetime) -> dict[str, Any]:
    """The wait for sales' answer, from the handoff to the decision or the cut-off."""
    colour = verdict.outcome.removesuffix("_late")
    end = verdict.decided_at or (verdict.handed_at if colour in ("bypass", "returned") else as_of)
    return _bar(ANSWER, verdict.handed_at, end, colour, words.answer(verdict), "")


def lanes(known: History, model: StageModel) -> list[str]:
    """The lanes from the top down: stages by rank, exits, what sales answered, then what else happened."""
    entered = {stay.stage for stay in known.stays}
    out = [s.label for s in (*model.progress, *model.exits) if s.key in entered]
    out += [ANSWER] if known.verdicts else []
    kinds = {moment.kind for moment in known.moments}
    return [*out, *(lane for kind, lane in LANES.items() if kind in kinds)]


def marks(known: History, model: StageModel) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Upright lines (at, said): where journeys begin, and the cut-off. Spans (start, end, said): the long silence."""
    found = spans(known, words.exits(model))
    lines = [{"at": s.start, "said": f"Journey {s.number}"} for s in found] if len(found) > 1 else []
    lines.append({"at": known.as_of, "said": "cut-off"})
    silence, spans_ = words.longest(known, model), []
    if silence and silence.length >= max(NOTABLE * 2 * (known.as_of - _begin(known)), timedelta(days=2)):
        said = f"nothing for {words.span(silence.length)}"
        spans_.append({"start": silence.start, "end": silence.end, "said": said})
    return pd.DataFrame(lines, columns=["at", "said"]), pd.DataFrame(spans_, columns=["start", "end", "said"])


def lines(known: History, model: StageModel) -> pd.DataFrame:
    """A line per event in order of time, with how long it was waited for."""
    rows = []
    for h in story(known, words.exits(model)):
        rows.append(
            {
                "When": labels.instant(h.at),
                "After": words.span(h.after),
                "What": words.what(h, model),
                "Details": words.details(h),
                "Lasted": words.lasted(h, known),
                "Contact": _who(h.source, known),
                "By": h.source.actor or "",
                "Journey": h.journey or "",
            }
        )
    frame = pd.DataFrame(rows)
    return frame.drop(columns=[name for name in ("Lasted", "Contact", "By") if len(frame) and not frame[name].any()])


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
            note = " · ".join(p for p in (words.what(h, model), words.details(h)) if p)
            rows.append(
                {"lane": who, "at": h.at, "colour": kind, "said": "", "note": note, "when": labels.instant(h.at)}
            )
    frame = pd.DataFrame(rows, columns=POINTS)
    busiest = list(frame["lane"].value_counts().index)
    shown = set(busiest[:most])
    return frame[frame["lane"].isin(shown)], [p.contact_id for p in known.people if p.contact_id not in shown]
