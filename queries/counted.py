"""The population of a funnel: one row per counted journey, with the instants at which it reached each step.

Every chart, total and drill-down of the funnel selects from this one subquery, so they can never disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from lifecycle.funnel import Steps
from lifecycle.scope import Scope
from queries.dialect import Instant, elapsed
from queries.modelled import Modelled

KEPT = ("entity_id", "journey", "n_journeys", "score", "exit_stage", "exited_at", "exit_reason")
FROM_HERE = (0, None)
MICROSECOND = timedelta(microseconds=1)


def population(m: Modelled, scope: Scope, steps: Steps) -> sa.Subquery:
    """Journeys whose first counted step falls in the period.

    Columns: entity_id, journey, segment, uneven, t1…tn (reached, null if not by as_of), s1… (side stages), own1…ownn,
    and what `fated` derives: young, furthest, fate, side1…; with the journey's exit and score.
    """
    reached = {"passed": _passed, "ordered": _attempts, "strict": _attempts, "any": _any}[scope.count](m, scope, steps)
    return fated(m, scope, steps, reached)


def seen(column: sa.ColumnElement, scope: Scope) -> sa.ColumnElement:
    """An instant, or null while it lies after as_of."""
    return sa.case((column <= scope.as_of, column))


def in_period(column: sa.ColumnElement, scope: Scope) -> list[sa.ColumnElement[bool]]:
    """Conditions that an instant lies in the period and was seen by as_of."""
    start, end = scope.instants
    out = [column <= scope.as_of]
    out += [column >= start] if start else []
    return out + ([column < end] if end else [])


def kept(m: Modelled, scope: Scope, steps: Steps) -> list[sa.ColumnElement]:
    """Columns of a journey that every way of counting carries along."""
    j = m.journeys.c
    uneven = sa.case((_uneven(m, scope, steps), 1), else_=0).label("uneven")
    return [*(j[name] for name in KEPT), m.segment_column(m.journeys, scope).label("segment"), uneven]


def _uneven(m: Modelled, scope: Scope, steps: Steps) -> sa.ColumnElement[bool]:
    """Whether another way of counting may place a journey elsewhere: it skips a counted stage or comes to it after a
    later one; under `strict` also if it repeats one, or enters another stage in between."""
    j, model = m.journeys.c, m.model
    ranks = [model.rank(s.key) for s in steps.chain]
    tests: list[sa.ColumnElement[bool]] = [j.in_order == 0] if scope.count == "strict" else []
    for stage in model.progress[min(ranks) - 1 : max(ranks)]:
        own, passed = seen(j[f"{stage.key}_at"], scope), seen(j[f"{stage.key}_passed_at"], scope)
        if stage in steps.chain:
            tests.append(sa.and_(passed.is_not(None), sa.or_(own.is_(None), own > passed)))
        elif scope.count == "strict":
            tests.append(own.is_not(None))
    return sa.or_(*tests)


def _passed(m: Modelled, scope: Scope, steps: Steps) -> sa.Subquery:
    """A step is reached at its first entry or at the first later one, whichever comes first."""
    j = m.journeys.c
    reached = [seen(j[f"{s.key}_passed_at"], scope).label(f"t{k}") for k, s in enumerate(steps.chain, 1)]
    own = [seen(j[f"{s.key}_at"], scope).label(f"own{k}") for k, s in enumerate(steps.chain, 1)]
    side = [seen(j[f"{s.key}_at"], scope).label(f"s{i}") for i, (_, s) in enumerate(steps.side, 1)]
    first = j[f"{steps.chain[0].key}_passed_at"]
    where = [*in_period(first, scope), *m.filtered(m.journeys, scope.filters)]
    columns = [*kept(m, scope, steps), *reached, *_beyond(m, scope, steps), *own, *side]
    return sa.select(*columns).where(*where).subquery("reached")


def _beyond(m: Modelled, scope: Scope, steps: Steps) -> list[sa.ColumnElement]:
    """From each step, whether the journey went on to a later and higher one at any time: what tells diverted from open.

    Under `passed` the two part only over a fact that came before its turn and implied nothing.
    """
    j, rank = m.journeys.c, m.model.rank
    out: list[sa.ColumnElement] = []
    for k, step in enumerate(steps.chain, 1):
        later = [j[f"{s.key}_passed_at"] <= scope.as_of for s in steps.chain[k:] if rank(s.key) > rank(step.key)]
        out.append(sa.case((sa.or_(sa.false(), *later), 1), else_=0).label(f"beyond{k}"))
    return out


def _any(m: Modelled, scope: Scope, steps: Steps) -> sa.Subquery:
    """Step k is reached with the k-th distinct one of the stages, whichever it is."""
    j = m.journeys.c
    firsts = [
        sa.select(
            j.entity_id, j.journey, seen(j[f"{s.key}_at"], scope).label("at"), sa.literal_column(str(k)).label("k")
        ).where(*m.filtered(m.journeys, scope.filters), j[f"{s.key}_at"] <= scope.as_of)
        for k, s in enumerate(steps.chain, 1)
    ]
    entries = sa.union_all(*firsts).subquery("firsts")
    e = entries.c
    nth = sa.func.row_number().over(partition_by=[e.entity_id, e.journey], order_by=[e["at"], e.k]).label("nth")
    numbered = sa.select(entries, nth).subquery("in_turn")
    n = numbered.c
    times = [sa.func.min(sa.case((n.nth == k, n["at"]))).label(f"t{k}") for k in range(1, len(steps.chain) + 1)]
    turned = sa.select(n.entity_id, n.journey, *times).group_by(n.entity_id, n.journey).subquery("turns")
    joined = m.journeys.join(turned, sa.and_(turned.c.entity_id == j.entity_id, turned.c.journey == j.journey))
    reached = [turned.c[f"t{k}"] for k in range(1, len(steps.chain) + 1)]
    own = [t.label(f"own{k}") for k, t in enumerate(reached, 1)]
    return (
        sa.select(*kept(m, scope, steps), *reached, *own)
        .select_from(joined)
        .where(*in_period(turned.c.t1, scope))
        .subquery("reached")
    )


def _attempts(m: Modelled, scope: Scope, steps: Steps) -> sa.Subquery:
    """The one attempt of each journey: due before young, then the furthest, then the earliest.

    Journeys whose entries are in order, each stage once, have one attempt and are read off their wide row; only the
    others are searched.
    """
    j = m.journeys.c
    n = len(steps.chain)
    searched = _in_turn(m, scope, steps) if scope.count == "ordered" else _directly(m, scope, steps)
    straight = _straight(m, scope, steps)
    s = searched.c
    window = _microseconds(scope)
    order = [_young(s.t1, scope), _furthest([s[f"t{k}"] for k in range(1, n + 1)], window).desc(), s.t1, s.seq]
    nth = sa.func.row_number().over(partition_by=[s.entity_id, s.journey], order_by=order).label("nth")
    ranked = sa.select(searched, nth).subquery("attempts")
    joined = m.journeys.join(ranked, sa.and_(ranked.c.entity_id == j.entity_id, ranked.c.journey == j.journey))
    times = [ranked.c[f"t{k}"] for k in range(1, n + 1)]
    columns = [*kept(m, scope, steps), *times, *_beyond(m, scope, steps)]
    chosen = sa.select(*columns).select_from(joined).where(ranked.c.nth == 1)
    both = sa.union_all(straight, chosen).subquery("either")
    own = [both.c[f"t{k}"].label(f"own{k}") for k in range(1, n + 1)]
    return sa.select(both, *own).subquery("reached")


def _straight(m: Modelled, scope: Scope, steps: Steps) -> sa.Select:
    """Journeys in order: a step is reached if its only entry is not before the step's before."""
    j, model = m.journeys.c, m.model
    times = [j[f"{s.key}_at"] for s in steps.chain]
    conditions: list[sa.ColumnElement[bool]] = []
    reached: list[sa.ColumnElement] = []
    for k, (stage, at) in enumerate(zip(steps.chain, times, strict=True)):
        conditions = [*conditions, at <= scope.as_of]
        if k:
            conditions = [*conditions, at >= times[k - 1]]
            low, high = model.rank(steps.chain[k - 1].key), model.rank(stage.key)
            if scope.count == "strict":  # ranks ascend, so anything in between would be of a rank in between
                between = [j[f"{other.key}_at"].is_(None) for other in model.progress[low : high - 1]]
                conditions = [*conditions, *between, sa.literal(low < high)]
        reached.append(sa.case((sa.and_(*conditions), at)).label(f"t{k + 1}"))
    where = [j.in_order == 1, *in_period(times[0], scope), *m.filtered(m.journeys, scope.filters)]
    return sa.select(*kept(m, scope, steps), *reached, *_beyond(m, scope, steps)).where(*where)


def _entries(m: Modelled, scope: Scope) -> sa.Subquery:
    """Entries, repeats included, of the journeys that must be searched, as far as as_of shows them."""
    s, j = m.stays, m.journeys
    joined = s.join(j, sa.and_(j.c.entity_id == s.c.entity_id, j.c.journey == s.c.journey))
    columns = [s.c[name] for name in ("entity_id", "journey", "seq", "stage", "entered_at", "after_other")]
    where = [j.c.in_order == 0, s.c.entered_at <= scope.as_of, *m.filtered(j, scope.filters)]
    return sa.select(*columns).select_from(joined).where(*where).subquery("entries")


def _in_turn(m: Modelled, scope: Scope, steps: Steps) -> sa.Subquery:
    """Attempts of `ordered`: from each entry to the first step, each next step at its first entry not earlier.

    Going backwards, step k's row learns when the steps after it would be reached; as later rows can only reach them
    later, the minimum over what follows is the first.
    """
    rows: sa.Subquery = _entries(m, scope)
    n = len(steps.chain)
    for k in range(n, 1, -1):
        c = rows.c
        here = c.stage == steps.chain[k - 1].key
        columns = [c[name] for name in ("entity_id", "journey", "seq", "stage", "entered_at")]
        for i in range(k, n + 1):
            value = c.entered_at if i == k else c[f"t{i}"]
            columns.append(
                sa.func.min(sa.case((here, value)))
                .over(partition_by=[c.entity_id, c.journey], order_by=c.entered_at, range_=FROM_HERE)
                .label(f"t{i}")
            )
        rows = sa.select(*columns).subquery(f"from_step_{k}")
    c = rows.c
    later = [c[f"t{i}"] for i in range(2, n + 1)]
    starts = [c.stage == steps.chain[0].key, *in_period(c.entered_at, scope)]
    return (
        sa.select(c.entity_id, c.journey, c.seq, c.entered_at.label("t1"), *later).where(*starts).subquery("searched")
    )


def _directly(m: Modelled, scope: Scope, steps: Steps) -> sa.Subquery:
    """Attempts of `strict`: the next entries are the next steps, with no other value of any kind in between."""
    rows = _entries(m, scope)
    c = rows.c
    columns: list[sa.ColumnElement] = [c.entity_id, c.journey, c.seq, c.stage, c.entered_at]
    for k in range(2, len(steps.chain) + 1):
        for name in ("stage", "entered_at", "after_other"):
            columns.append(_ahead(c, name, k - 1).label(f"{name}{k}"))
    ahead = sa.select(*columns).subquery("ahead")
    c = ahead.c
    conditions: list[sa.ColumnElement[bool]] = []
    later = []
    for k, stage in enumerate(steps.chain[1:], 2):
        conditions = [*conditions, c[f"stage{k}"] == stage.key, c[f"after_other{k}"] == 0]
        later.append(sa.case((sa.and_(*conditions), c[f"entered_at{k}"])).label(f"t{k}"))
    starts = [c.stage == steps.chain[0].key, *in_period(c.entered_at, scope)]
    return (
        sa.select(c.entity_id, c.journey, c.seq, c.entered_at.label("t1"), *later).where(*starts).subquery("searched")
    )


def _ahead(c: sa.ColumnCollection, name: str, n: int) -> sa.ColumnElement:
    """A column of the journey's n-th next entry."""
    over = sa.func.lead(c[name], sa.literal_column(str(n))).over
    return over(partition_by=[c.entity_id, c.journey], order_by=c.seq)


def _young(start: sa.ColumnElement, scope: Scope) -> sa.ColumnElement:
    """1 where the window has not passed by as_of: t₁ > as_of − h."""
    window = _microseconds(scope)
    if window is None:
        return sa.literal_column("0")
    return sa.case((elapsed(start, sa.literal(scope.as_of, Instant())) < window, 1), else_=0)


def _microseconds(scope: Scope) -> sa.ColumnElement | None:
    return sa.literal(scope.window // MICROSECOND, sa.BigInteger()) if scope.window else None


def _within(t: sa.ColumnElement, start: sa.ColumnElement, window: sa.ColumnElement | None) -> sa.ColumnElement[bool]:
    """Reached, not before the start and not after the window: t₀ ≤ t ≤ t₀ + h."""
    reached = sa.and_(t.is_not(None), t >= start)
    return reached if window is None else sa.and_(reached, elapsed(start, t) <= window)


def _furthest(times: Sequence[sa.ColumnElement], window: sa.ColumnElement | None) -> sa.ColumnElement:
    """The last step (1…n) up to which all steps were reached within the window."""
    short: list[Any] = [
        (sa.not_(_within(t, times[0], window)), sa.literal_column(str(k))) for k, t in enumerate(times[1:], 1)
    ]
    return sa.case(*short, else_=sa.literal_column(str(len(times)))) if short else sa.literal_column("1")


def fated(m: Modelled, scope: Scope, steps: Steps, reached: sa.Subquery) -> sa.Subquery:
    """Adds young, furthest and fate: the expression that both the bars and the records behind them use."""
    c, n = reached.c, len(steps.chain)
    times = [c[f"t{k}"] for k in range(1, n + 1)]
    window = _microseconds(scope)
    placed = sa.select(
        reached, _young(c.t1, scope).label("young"), _furthest(times, window).label("furthest")
    ).subquery("placed")
    p = placed.c
    here = range(1, n)  # the steps that have a next one
    tests: list[tuple[sa.ColumnElement[bool], str]] = [(p.young == 1, "not_due")]
    if scope.window:
        tests += [(sa.and_(p.furthest == k, p[f"t{k + 1}"] >= p.t1), "late") for k in here]
    tests.append((p.exited_at <= scope.as_of, "exited"))
    tests += [(sa.and_(p.furthest == k, p[f"beyond{k}"] == 1), "diverted") for k in here if f"beyond{k}" in p]
    fate = sa.case(*tests, else_=sa.literal_column("'open'"))
    return sa.select(placed, fate.label("fate"), *_aside(p, steps, window)).subquery("counted")


def _aside(p: sa.ColumnCollection, steps: Steps, window: sa.ColumnElement | None) -> list[sa.ColumnElement]:
    """Whether each side stage counts: entered within the window and after the stages before it, or at all if first."""
    out: list[sa.ColumnElement] = []
    for i, (place, _) in enumerate(steps.side, 1):
        entered = p[f"s{i}"]
        counts = sa.and_(_within(entered, p.t1, window), p.furthest >= place) if place else entered.is_not(None)
        out.append(sa.case((counts, 1), else_=0).label(f"side{i}"))
    return out
