"""The funnel by the book, one journey at a time: slow, obvious, and sharing nothing with the statements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lifecycle.scope import Scope
from lifecycle.stages import Stage, StageModel
from lifecycle.transitions import Derivation, Entry


@dataclass
class Counted:
    """One counted journey: when it reached each step (None = not), how far it came, and what became of it."""

    entity: str
    journey: int
    segments: dict[str, Any]
    times: list[datetime | None]
    furthest: int
    fate: str
    exit_stage: str | None
    exit_reason: str | None
    side: dict[str, bool]
    own: dict[str, datetime]
    passed: dict[str, datetime]  # of the counted stages
    score: float | None = None

    @property
    def young(self) -> bool:
        return self.fate == "not_due"


def stages_of(model: StageModel, scope: Scope) -> tuple[list[Stage], list[tuple[int, Stage]]]:
    """The steps that are counted one after the other, and the optional stages shown beside them with their place."""
    chosen = [model.stage(k) for k in scope.stages] if scope.stages else list(model.progress)
    if scope.count != "passed":
        return [s for s in chosen if scope.stages or not s.optional], []
    chosen = [s for s in model.progress if s in chosen]
    chain, beside = [], []
    for n, stage in enumerate(chosen):
        if not stage.optional or (scope.stages and n == 0):
            chain.append(stage)
        else:
            beside.append((len(chain), stage))
    return chain, beside


def order(model: StageModel, scope: Scope) -> list[str]:
    """The stages in the order of the rows."""
    chain, beside = stages_of(model, scope)
    out: list[str] = []
    for n in range(len(chain) + 1):
        out += [s.key for place, s in beside if place == n] + [s.key for s in chain[n : n + 1]]
    return out


def count(derivation: Derivation, model: StageModel, scope: Scope, told: dict[tuple[str, int], dict]) -> list[Counted]:
    """Every journey of the scope's population. `told`: segments and score of each journey."""
    chain, beside = stages_of(model, scope)
    journeys: dict[tuple[str, int], list[Entry]] = {}
    for entry in derivation.entries:
        if entry.journey and entry.entered_at <= scope.as_of:
            journeys.setdefault((entry.entity_id, entry.journey), []).append(entry)
    out = []
    for key, entries in journeys.items():
        times = reached(entries, model, scope, chain)
        if times is None or times[0] is None or not in_period(times[0], scope):
            continue
        out.append(judge(key, entries, model, scope, chain, beside, times, told[key]))
    return out


def in_period(at: datetime, scope: Scope) -> bool:
    start, end = scope.instants
    return (start is None or start <= at) and (end is None or at < end)


def is_progress(model: StageModel, entry: Entry) -> bool:
    return model.stage(entry.stage).kind == "progress"


def own_entries(entries: Iterable[Entry], model: StageModel) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for e in entries:
        if is_progress(model, e):
            found[e.stage] = min(e.entered_at, found.get(e.stage, e.entered_at))
    return found


def implied(entries: Iterable[Entry], model: StageModel) -> dict[str, datetime]:
    """Stage to the first entry to it or to a later stage. A fact that requires nothing implies nothing."""
    found: dict[str, datetime] = {}
    for e in entries:
        if not is_progress(model, e):
            continue
        stages = [e.stage]
        if not (e.by_fact and model.stage(e.stage).requires is None):
            stages += [s.key for s in model.required if model.rank(s.key) < model.rank(e.stage)]
        for stage in stages:
            found[stage] = min(e.entered_at, found.get(stage, e.entered_at))
    return found


def reached(entries: list[Entry], model: StageModel, scope: Scope, chain: list[Stage]) -> list[datetime | None] | None:
    """When each step was reached, by the scope's way of counting."""
    if scope.count == "passed":
        passed = implied(entries, model)
        return [passed.get(s.key) for s in chain]
    if scope.count == "any":
        first = sorted(at for stage, at in own_entries(entries, model).items() if stage in {s.key for s in chain})
        return [*first, *[None] * (len(chain) - len(first))]
    attempts = []
    for i, e in enumerate(entries):
        if e.stage == chain[0].key and in_period(e.entered_at, scope):
            times = one_after_the_other(entries, i, chain) if scope.count == "ordered" else in_a_row(entries, i, chain)
            far = furthest(times, scope)
            attempts.append(((is_young(e.entered_at, scope), -far, e.entered_at, i), times))
    return min(attempts, key=lambda a: a[0])[1] if attempts else None


def one_after_the_other(entries: list[Entry], start: int, chain: list[Stage]) -> list[datetime | None]:
    """Each step at its first entry that is not before the step's before; others in between do not matter."""
    times: list[datetime | None] = [entries[start].entered_at]
    for stage in chain[1:]:
        before = times[-1]
        later = [e.entered_at for e in entries if before and e.stage == stage.key and e.entered_at >= before]
        times.append(min(later) if later else None)
    return times


def in_a_row(entries: list[Entry], start: int, chain: list[Stage]) -> list[datetime | None]:
    """The very next entries are the next steps, without any other value of any kind in between."""
    times: list[datetime | None] = [entries[start].entered_at]
    for n, stage in enumerate(chain[1:], 1):
        following = entries[start + n] if start + n < len(entries) else None
        fits = times[-1] is not None and following and following.stage == stage.key and not following.after_other
        times.append(following.entered_at if fits and following else None)
    return times


def is_young(start: datetime, scope: Scope) -> bool:
    return scope.window is not None and scope.as_of - start < scope.window


def furthest(times: list[datetime | None], scope: Scope) -> int:
    """The last step up to which every step was reached, not before the first and not after the window."""
    start, far = times[0], 0
    assert start is not None
    for at in times:
        if at is None or at < start or (scope.window is not None and at - start > scope.window):
            break
        far += 1
    return far


def judge(
    key: tuple[str, int],
    entries: list[Entry],
    model: StageModel,
    scope: Scope,
    chain: list[Stage],
    beside: list[tuple[int, Stage]],
    times: list[datetime | None],
    told: dict,
) -> Counted:
    start, far = times[0], furthest(times, scope)
    assert start is not None
    exit_ = next((e for e in entries if not is_progress(model, e)), None)
    passed, own = implied(entries, model), own_entries(entries, model)
    following = times[far] if far < len(chain) else None
    higher = [s for s in chain[far:] if model.rank(s.key) > model.rank(chain[far - 1].key)]
    if is_young(start, scope):
        fate = "not_due"
    elif scope.window is not None and following is not None and following - start > scope.window:
        fate = "late"
    elif exit_ is not None:
        fate = "exited"
    elif scope.count != "any" and any(s.key in passed for s in higher):
        fate = "diverted"
    else:
        fate = "open"
    side = {}
    for place, stage in beside:
        at = own.get(stage.key)
        inside = at is not None and at >= start and (scope.window is None or at - start <= scope.window)
        side[stage.key] = at is not None if place == 0 else inside and far >= place
    gone = (exit_.stage, exit_.reason) if exit_ and fate == "exited" else (None, None)
    counted = {s.key: passed[s.key] for s in chain if s.key in passed}
    return Counted(*key, told, times, far, fate, *gone, side, own, counted, told.get("score"))


# --- from journeys to the rows of the funnel --------------------------------------------------------------------------


def rows(counted: list[Counted], model: StageModel, scope: Scope) -> dict[str, dict[str, Any]]:
    """Per stage: what the answer says of it, by counting journeys one by one."""
    chain, beside = stages_of(model, scope)
    out: dict[str, dict[str, Any]] = {}
    for k, stage in enumerate(chain, 1):
        here = [c for c in counted if c.furthest >= k and not (c.young and k > 1)]
        stopped = [c for c in here if c.young or c.furthest == k]
        out[stage.key] = _row(here, stopped)
        out[stage.key] |= {
            "skipped": sum(_skipped(c, k, stage, scope) for c in here),
            "seconds": _seconds(here, k, chain, scope),
        }
    for place, stage in beside:
        here = [c for c in counted if c.side[stage.key] and not c.young]
        out[stage.key] = _row(here, [c for c in here if c.furthest <= place])
    return out


def _row(here: list[Counted], stopped: list[Counted]) -> dict[str, Any]:
    fates = Counter(c.fate for c in stopped)
    exits: dict[str, Counter] = {}
    for c in stopped:
        if c.fate == "exited" and c.exit_stage:
            exits.setdefault(c.exit_stage, Counter())[c.exit_reason] += 1
    return {
        "entered": len(here),
        "entities": len({c.entity for c in here}),
        "advanced": len(here) - len(stopped),
        **{fate: fates[fate] for fate in ("late", "open", "diverted", "not_due")},
        "exited": {stage: dict(reasons) for stage, reasons in exits.items()},
    }


def _skipped(c: Counted, k: int, stage: Stage, scope: Scope) -> bool:
    """Counted in a stage without an own entry at or before that instant."""
    at, own = c.times[k - 1], c.own.get(stage.key)
    return scope.count == "passed" and (own is None or (at is not None and own > at))


def _seconds(here: list[Counted], k: int, chain: list[Stage], scope: Scope) -> list[float]:
    """From the stage before, of those with own entries to both; an implied stage has no time of its own."""
    out = []
    for c in here:
        before, at = (c.times[k - 2], c.times[k - 1]) if k > 1 else (None, None)
        if before is None or at is None or c.young or at < before:
            continue
        if scope.count != "passed" or (c.own.get(chain[k - 2].key) == before and c.own.get(chain[k - 1].key) == at):
            out.append((at - before).total_seconds())
    return sorted(out)
