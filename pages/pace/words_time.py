"""Time in stage in plain words: each sentence is a rule, states its numbers with their interval, or is silent."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from lifecycle.attention import before_purchase, purchase
from lifecycle.contrast import Lean, Separation
from lifecycle.durations import OPEN, LifeTable
from lifecycle.rates import FEW, LEVEL
from lifecycle.stages import StageModel
from lifecycle.stalled import Stalled
from lifecycle.time_in_stage import ADVANCED, Change, StageTimes, slowest_stage
from pages.ui import labels
from pages.ui.labels import told


def within(seconds: float | None) -> str:
    """The same after the word `within`."""
    return "1 h" if seconds == 0 else labels.duration(seconds)


def half(table: LifeTable) -> str:
    """The median with its band, to stand after `within`: `3.9 days (3.8–4.0 days)`."""
    median = table.quantile(0.5)
    if median is None:
        return "not reached"
    limits = table.quantile_band(0.5)
    return within(median) if limits == (median, median) else f"{within(median)} ({band(table)})"


def band(table: LifeTable, q: float = 0.5) -> str:
    """The 95 % band of a quantile in words; `…` where a limit is not reached."""
    limits = table.quantile_band(q)
    return "" if limits == (None, None) else labels.spread(*limits)


def quantile(table: LifeTable, q: float) -> str:
    """A quantile in words."""
    seconds = table.quantile(q)
    return "" if not table.n else "not reached" if seconds is None else told(seconds)


def longest(found: StageTimes, model: StageModel) -> str:
    """Which stage on the way to the purchase takes longest."""
    entered = {key: table for key in found.stages if (table := found.of(key)).n}
    tables = {key: table for key, table in entered.items() if key in before_purchase(model)} or entered
    way = f" on the way to {purchase(model).label}" if len(tables) < len(entered) else ""
    never = [key for key, table in tables.items() if table.quantile(0.5) is None]
    if not tables:
        return "How long each stage takes"
    if never:
        key = max(never, key=lambda k: tables[k].n)
        share = tables[key].curve[-1].survival
        return f"{model.stage(key).label} is slowest{way}: more than half stay, {labels.percent(share, 0)} to the last"
    medians = {table.quantile(0.5) for table in tables.values()}
    if len(tables) > 1 and len(medians) == 1:
        return f"Half have left every stage within {within(medians.pop())}"
    key = slowest_stage(found, list(tables)) or next(iter(tables))
    return f"{model.stage(key).label} takes longest{way}: half have left it within {half(tables[key])}"


def apart(found: StageTimes, model: StageModel) -> str:
    """Which value of the breakdown is slowest on the way to the purchase, and where it is furthest from the fastest."""
    if found.test is None or found.test.p >= LEVEL:
        return ""
    ends = {}
    for key in before_purchase(model):
        parts = [(v, found.part(key, v)) for v in found.segments if v is not None and v != found.other]
        halves = ((t.quantile(0.5), v) for v, t in parts if t.n >= FEW)
        known = [(inf if half is None else half, v) for half, v in halves]  # not reached is slowest
        if len(known) > 1 and 0 < min(known)[0] < max(known)[0]:
            ends[key] = (max(known), min(known))
    if not ends:
        return ""
    key = max(ends, key=lambda k: ends[k][0][0] / ends[k][1][0])
    (slow, slowest), (fast, fastest) = ends[key]
    always = all(worst[1] == slowest for worst, _ in ends.values()) and len(ends) > 1
    where = "in every stage, most of all" if always else "most of all"
    return f"{slowest} is slower than {fastest} {where} in {model.stage(key).label}: {_half(slow)} against {told(fast)}"


def _half(seconds: float) -> str:
    return "half not reached" if seconds == inf else told(seconds)


def flattered(found: StageTimes, model: StageModel) -> str:
    """By how much a report that drops the waiting ones would make a stage look faster: the most of them."""
    gaps = []
    for key in before_purchase(model):
        table = found.of(key)
        median, naive = table.quantile(0.5), table.naive_median
        low, _ = table.quantile_band(0.5)
        if median and naive and low and naive < low:
            gaps.append((median / naive, key, naive, median))
    if not gaps:
        return ""
    times, key, naive, median = max(gaps)
    return (
        f"Without those still waiting, {model.stage(key).label} would seem to take {told(naive)} "
        f"instead of {labels.duration(median)}: {times:.1f} times too fast."
    )


def changed(found: Sequence[Change[str]], model: StageModel) -> list[str]:
    """Stages that became slower or faster beyond chance, and so that one can see it; the slower ones first."""
    clear = sorted((c for c in found if c.is_clear and c.is_apart), key=lambda c: not c.is_slower)
    return [
        f"{model.stage(c.about).label} has become {'slower' if c.is_slower else 'faster'}: half leave within "
        f"{quantile(c.now, 0.5)}, before {quantile(c.before, 0.5)}."
        for c in clear
    ]


def still_in(table: LifeTable, label: str) -> str:
    """The finding of a survival curve."""
    if not table.n:
        return f"Who is still in {label}"
    if table.quantile(0.5) is None:
        return f"More than half are still in {label} after {labels.duration(table.longest)}"
    return f"Half have left {label} within {half(table)}"


def went(table: LifeTable, label: str, end: float) -> str:
    """The finding of the ways out, at the end of the picture."""
    if not table.n:
        return f"Where they are after {label}"
    advanced = table.share([ADVANCED], end)
    still = table.at(end).survival
    within, left = labels.duration(min(end, table.longest)), labels.percent(1 - advanced - still, 0)
    if not advanced:
        return f"Within {within} {left} have left {label}"
    return f"Within {within} {labels.percent(advanced, 0)} have advanced, {left} left otherwise"


def open_share(table: LifeTable) -> str:
    """How many stays there are, and how many of them are still open."""
    share = labels.percent(table.censored / table.n if table.n else None, 0)
    return f"{table.n:,} stays, {table.censored:,} of them still open ({share})"


def since(found: StageTimes, stage: str) -> str:
    """Whether a stage became slower or faster than in the compared period; nothing without one."""
    change = next((c for c in found.changes if c.about == stage), None)
    if change is None:
        return ""
    way = (
        ("slower" if change.is_slower else "faster") + " than before" if change.is_clear else "as before, within chance"
    )
    return f". {way.capitalize()} (log-rank {p_value(change.p)})"


def separated(found: Sequence[Separation], name: str, label: str) -> str:
    """Whether the values of a segment differ, and between which ends."""
    one = next((s for s in found if s.segment == name), None)
    if one is None or not one.is_clear or not one.fastest or not one.slowest:
        return f"{label}: no difference beyond chance" if one else label
    fast, slow = one.fastest, one.slowest
    medians = fast[1].quantile(0.5), slow[1].quantile(0.5)
    if medians[0] is not None and medians[0] == medians[1]:
        return f"{label}: the values differ, though half leave within {within(fast[1].quantile(0.5))} in each"
    return (
        f"{named(slow[0])} takes {quantile(slow[1], 0.5)}, {named(fast[0])} {quantile(fast[1], 0.5)}"
        if quantile(slow[1], 0.5) != "not reached"
        else f"{named(slow[0])} is slowest, {named(fast[0])} fastest ({quantile(fast[1], 0.5)})"
    )


def named(value: str | None) -> str:
    return "not set" if value is None else value


def p_value(p: float) -> str:
    """A p value as people read it."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def leaning(leans: Sequence[Lean], quick: bool, title: str) -> str:
    """Who is over-represented most."""
    clear = [x for x in leans if x.is_clear and x.share > x.others]
    if not clear:
        return f"Nobody stands out among the {'quickest' if quick else 'slowest'} quarter"
    most = clear[0]
    return (
        f"{labels.percent(most.share, 0)} of {title} {'leave quickly' if quick else 'stay long'}, a quarter of all do"
    )


def waiting(found: Stalled, model: StageModel) -> str:
    """How many have stalled, and where most of them are."""
    share = found.share()
    if not share.numerator:
        return "Nobody has stalled"
    worst = max((limit.stage for limit in found.limits), key=lambda key: found.share(key).numerator)
    worth = f", with {labels.money(found.amount)} of open deals" if found.amount else ""
    return f"{share.numerator:,} have stalled{worth}; most of them in {model.stage(worst).label}"


def arrived(table: LifeTable, start: str, end: str) -> str:
    """How many arrived, and how fast the first of them did."""
    if not table.n:
        return f"From {start} to {end}"
    share = table.share([ADVANCED], table.seen)
    if not share:
        return f"Nobody has come from {start} to {end} yet"
    said = f"{labels.percent(share)} of {start} entries reach {end} within {labels.duration(table.seen)}"
    return f"{said}, half of these within {within(table.time_to([ADVANCED], share / 2))}"


def outcome(key: str, model: StageModel) -> str:
    """A way to leave a stage, in words."""
    fixed = {ADVANCED: "Advanced", OPEN: "Still in it"}
    return fixed.get(key) or (model.stage(key).label if key in {s.key for s in model.exits} else "Went back")
