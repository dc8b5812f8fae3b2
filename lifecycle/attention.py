"""What needs attention: rules that turn counts into signs, each with its evidence, silent without enough of it.

A rule is a function from one subject's answer to signs. Words carry no numbers: those stand typed in the evidence, so
that every reader of a sign, on a page or at the terminal, shows the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from lifecycle import findings
from lifecycle.alignment_words import leads, span, standing_out
from lifecycle.funnel import Funnel, StageRow
from lifecycle.rates import Difference, Rate, difference
from lifecycle.service import Responses
from lifecycle.stages import Stage, StageModel
from lifecycle.time_in_stage import Change
from lifecycle.volumes import Attainment, Count
from lifecycle.where import Row

DAY = timedelta(days=1)
FEW_DAYS = 3  # below which hours are told, too

Figure = Rate | Difference | Count | datetime | timedelta | float | int | str  # a float is a share


@dataclass(frozen=True)
class Sign:
    """Something to look at: `tone` is bad, good or stale; `page` names the subject that shows more of it.

    `evidence` pairs a few words with a figure, the decisive one first; `meaning` is what it may mean or who is to ask.
    """

    tone: str
    finding: str
    evidence: tuple[tuple[str, Figure], ...]
    meaning: str
    page: str


@dataclass(frozen=True)
class Waiting:
    """How many are in a stage, and how many of them for longer than its limit."""

    stage: str
    limit_days: float
    n: int
    over: int
    statements: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Freshness:
    """How old the data is, as naive UTC: its newest event, when it was loaded and built; and what age is too old."""

    as_of: datetime
    loaded_at: datetime
    built_at: datetime
    stale_after_days: float


def purchase(model: StageModel) -> Stage:
    """The stage that the lifecycle leads up to: the first that later stages require, else the last of the chain."""
    required = {stage.requires for stage in model.progress}
    chain = model.required or model.progress
    return next((stage for stage in chain if stage.key in required), chain[-1])


def before_purchase(model: StageModel) -> list[str]:
    """The stages on the way to the purchase, by key: there waiting is waiting, and no success."""
    goal = model.rank(purchase(model).key)
    return [stage.key for stage in model.progress if model.rank(stage.key) < goal]


def stale(freshness: Freshness, now: datetime) -> list[Sign]:
    """The load is older than allowed, or what was loaded had ended that long before."""
    limit, signs = freshness.stale_after_days * DAY, []
    if now - freshness.loaded_at > limit:
        age = ("since the last load", now - freshness.loaded_at)
        signs.append(Sign("stale", "The data is old", (age, ("loaded", freshness.loaded_at)), "Load again.", "health"))
    if freshness.loaded_at - freshness.as_of > limit:
        gap = ("before it was loaded", freshness.loaded_at - freshness.as_of)
        meaning = "A source may have stopped delivering."
        evidence = (gap, ("newest event", freshness.as_of))
        signs.append(Sign("stale", "The newest event is long past", evidence, meaning, "health"))
    return signs


def missed(attainments: Sequence[Attainment]) -> list[Sign]:
    """A target that lies above the whole interval of the entries: of the latest month that is over, else of all."""
    signs = []
    for a in attainments:
        latest, whole = Count(a.entered), Count(a.whole_entered)
        if a.target and latest.interval[1] < a.target:
            which, entries, target = f"{a.month:%B %Y}", latest, a.target
        elif a.whole_target and whole.interval[1] < a.whole_target:
            which, entries, target = f"{a.n_months}-month", whole, a.whole_target
        else:
            continue
        finding = f"{a.label} missed the target"
        signs.append(Sign("bad", finding, (("", entries), (f"{which} target", round(target))), "", "funnel"))
    return signs


def changed(model: StageModel, funnel: Funnel) -> list[Sign]:
    """Steps whose rate differs from the compared period's, corrected for looking at all of them; the largest first.

    Both periods had equally long, so that what is still open weighs on both alike.
    """
    found = {(c.step.start, c.step.end): c for c in findings.changes(funnel)}
    signs = []
    for before, row in _steps(funnel):
        step = before.stage, row.stage
        change = found[step].difference if step in found and found[step].clear else None
        if change:
            fell = change.value < 0
            finding = f"{before.label} → {row.label} {'fell' if fell else 'rose'}"
            evidence = (("", change), ("now", found[step].now), ("before", found[step].before))
            meaning = _handoff(model, before, row, fell) or _answers(model.stage(before.stage))
            relative = abs(change.value) / max(found[step].now.value or 0, found[step].before.value or 0)
            signs.append((relative, Sign("bad" if fell else "good", finding, evidence, meaning, "funnel")))
    return [sign for _, sign in sorted(signs, key=lambda s: -s[0])]


def beside_benchmark(model: StageModel, funnel: Funnel) -> list[Sign]:
    """Steps below their benchmark even if everybody still open went on; and, in one sign, those above it already."""
    below, above = [], []
    for before, row in _steps(funnel):
        now, benchmark = row.step_conversion_rate, row.benchmark
        if not isinstance(now, Rate) or not now.interval or benchmark is None:
            continue
        best = Rate(min(now.numerator + (before.open or 0), now.denominator), now.denominator)
        if best.interval and best.interval[1] < benchmark:
            evidence = (("now", now), ("at most, if all who are open go on", best), ("benchmark", benchmark))
            meaning = _handoff(model, before, row, True) or _answers(model.stage(before.stage))
            finding = f"{before.label} → {row.label} is below the benchmark"
            below.append(Sign("bad", finding, evidence, meaning, "funnel"))
        elif now.interval[0] > benchmark:
            above.append((benchmark / (now.value or 1), f"{before.label} → {row.label}", now, benchmark))
    if not above:
        return below
    above.sort(key=lambda found: found[0])
    _, step, now, benchmark = above[0]
    others = [name for _, name, _, _ in above[1:]]
    also = f"So {'are' if others[1:] else 'is'} {_listed(others)}." if others else ""
    sign = Sign("good", f"{step} is above the benchmark", (("now", now), ("benchmark", benchmark)), also, "funnel")
    return [*below, sign]


def tried(funnel: Funnel) -> list[Sign]:
    """Whether those who took an optional stage went on more often than those who reached its place without it."""
    rows, signs = funnel.whole, []
    for i, side in enumerate(rows):
        before = next((r for r in reversed(rows[:i]) if not r.optional), None)
        after = next((r for r in rows[i:] if not r.optional), None)
        if not side.optional or not before or not after or side.advanced is None:
            continue
        took = Rate(side.advanced, side.entered)
        others = Rate(after.entered - side.advanced, before.entered - side.entered)
        found = difference(took, others)
        if found and found.significant:
            more = found.value > 0
            finding = f"{'More' if more else 'Fewer'} reach {after.label} by way of {side.label}"
            evidence = (("", found), ("with it", took), ("without", others))
            meaning = "They may have been keener from the start; offering it to more would tell."
            signs.append(Sign("good" if more else "bad", finding, evidence, meaning, "funnel"))
    return signs


def stall_limits(model: StageModel) -> tuple[dict[str, float], list[str]]:
    """The stages in which one can stall: those with a limit of their own, in days, and, before the purchase, those
    whose limit is what others took. Nobody stalls in the last stage."""
    goal = model.rank(purchase(model).key)
    chain = (model.required or model.progress)[:-1]
    own = {stage.key: stage.limit_days for stage in chain if stage.limit_days}
    return own, [stage.key for stage in chain if not stage.limit_days and model.rank(stage.key) < goal]


def stalled(model: StageModel, waiting: Sequence[Waiting]) -> list[Sign]:
    """One sign: the stage with the largest share beyond the limit, of those where it is significantly over half."""
    shares = [(Rate(w.over, w.n), w) for w in waiting]
    found = [(share, w) for share, w in shares if share.interval and share.interval[0] > 0.5]
    if not found:
        return []
    found.sort(key=lambda one: -(one[0].value or 0))
    share, worst = found[0]
    stage = model.stage(worst.stage)
    after = next((s for s in model.required if model.rank(s.key) > model.rank(stage.key)), None)
    between = f"They wait between {stage.owner} and {after.owner}." if after and after.owner != stage.owner else ""
    also = f"Also {_listed([model.stage(w.stage).label for _, w in found[1:]])}." if found[1:] else ""
    limit = f"{worst.limit_days:,.0f} days" if worst.limit_days >= FEW_DAYS else span(worst.limit_days * 86_400)
    finding = f"Most in {stage.label} wait for more than {limit}"
    evidence = (("of those in it now", share),)
    return [Sign("bad", finding, evidence, f"{between or _answers(stage)} {also}".strip(), "time")]


def apart(model: StageModel, rows: Sequence[Row]) -> list[Sign]:
    """The one value, of all segments, whose leads sales accepts unlike all others: beyond its 99.8 % control limits."""
    row = standing_out(rows)
    found = difference(row.acceptance, row.rest) if row else None
    if row is None or found is None:
        return []
    fewer = found.value < 0
    finding = f"Sales accepts {'fewer' if fewer else 'more'} {leads(model)} of {row.value}"
    evidence = (("", found), ("there", row.acceptance), ("all others", row.rest))
    meaning = "They are not ready, or the two teams' criteria differ." if fewer else "More like them would help both."
    return [Sign("bad" if fewer else "good", finding, evidence, meaning, "alignment")]


def slower(model: StageModel, now: Responses, before: Responses) -> list[Sign]:
    """Whether fewer or more leads than in the compared period were touched in time."""
    found = difference(now.rate, before.rate)
    if found is None or not found.significant:
        return []
    fell = found.value < 0
    finding = f"{'Fewer' if fell else 'More'} {leads(model)} are touched in time"
    evidence = (("", found), ("now", now.rate), ("before", before.rate), ("still waiting past the limit", now.past_due))
    return [Sign("bad" if fell else "good", finding, evidence, "Sales answers for the first touch.", "alignment")]


def paced(model: StageModel, moved: Sequence[Change]) -> list[Sign]:
    """Stages before the purchase that are left later or earlier than before: clear by log-rank test, corrected for
    looking at all of them, and with bands of the medians that leave each other out."""
    signs = []
    for c in moved:
        half, before = c.now.quantile(0.5), c.before.quantile(0.5)
        if not c.is_clear or not c.is_apart or half is None or before is None or c.about not in before_purchase(model):
            continue
        stage = model.stage(c.about)
        evidence = (("half leave within", timedelta(seconds=half)), ("before", timedelta(seconds=before)))
        finding = f"{stage.label} takes {'longer' if c.is_slower else 'less time'}"
        signs.append(Sign("bad" if c.is_slower else "good", finding, evidence, _answers(stage), "time"))
    return sorted(signs, key=lambda sign: sign.tone != "bad")


RULES: tuple[Callable[..., list[Sign]], ...] = (
    *(stale, missed, changed, apart, slower, beside_benchmark, tried, paced, stalled),
)


def _steps(funnel: Funnel) -> list[tuple[StageRow, StageRow]]:
    """Neighbours on the chain, optional stages left out."""
    chain = [row for row in funnel.whole if not row.optional]
    return list(pairwise(chain))


def _handoff(model: StageModel, before: StageRow, row: StageRow, fell: bool) -> str:
    """What a change at the handoff between marketing and sales may mean."""
    handoff = model.handoff
    if handoff and (before.stage, row.stage) == (handoff.from_, handoff.accepted[0]):
        if fell:
            return "Marketing's leads are not ready, or the two teams' criteria differ."
        return "Sales takes more of what marketing hands over."
    return ""


def _answers(stage: Stage) -> str:
    return f"{stage.owner.capitalize()} answers for {stage.label}." if stage.owner else ""


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
