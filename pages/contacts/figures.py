"""The key figures of one history, as the tiles of the contact page."""

from __future__ import annotations

from lifecycle.history import History, Stay, Verdict, spans
from lifecycle.stages import StageModel
from pages.ui import history_words as words
from pages.ui import labels
from pages.ui.slides import Figure


def of(known: History, model: StageModel) -> list[Figure]:
    """Where it is, what sales answered and how soon, how long nothing happened, and what it bought."""
    found = spans(known, words.exits(model))
    begun = f"the first began {labels.day(found[0].start)}" if found else "none has begun"
    out = [now(known, known.now, model), Figure("Journeys", labels.count(len(found)), begun)]
    out += answers(known.verdicts[-1]) if known.verdicts else []
    if silence := words.longest(known, model):
        out.append(Figure("Longest silence", words.span(silence.length), words.between(silence)))
    return [*out, *bought(known)]


def now(known: History, stay: Stay | None, model: StageModel) -> Figure:
    """The stage it is in."""
    if stay is None:
        return Figure("Now", "no stage", "it has entered none of this lifecycle")
    stage, since = model.stage(stay.stage), labels.day(stay.entered_at)
    return Figure(
        "Now", stage.label, f"since {since}, for {words.span(known.length(stay))}", definition=stage.definition
    )


def answers(last: Verdict) -> list[Figure]:
    """What sales made of the latest journey that was handed over, and the wait for its first touch."""
    after = f", after {words.span(last.decided_at - last.handed_at)}" if last.decided_at else ""
    reason = f": {last.reason}" if last.reason else ""
    wait, note = words.waited(last)
    answer = Figure("Sales’ answer", words.ANSWERS[last.outcome], f"journey {last.journey}{after}{reason}")
    return [answer, Figure("First touch", wait, note)]


def bought(known: History) -> list[Figure]:
    """The deals won and the orders, where there are any."""
    won = [m for m in known.moments if m.kind == "deal" and m.detail == "won"]
    orders = [m for m in known.moments if m.kind == "order"]
    if not won and not orders:
        return []
    amount = sum(m.amount or 0 for m in (*won, *orders))
    parts = [f"{len(n):,} {name}{'' if len(n) == 1 else 's'}" for n, name in ((won, "deal"), (orders, "order")) if n]
    return [Figure("Bought", labels.money(amount), f"by {' and '.join(parts)}")]
