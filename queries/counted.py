"""The population of a funnel: one row per counted journey, with the instants at which it reached each step.

Every chart, total and drill-down of the funnel selects from this one subquery, so they can never disagree.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from lifecycle.funnel import Steps
from lifecycle.scope import Scope
from queries.attempts import attempts, same_journey
from queries.instants import furthest, in_period, microseconds, seen, within, young
from queries.modelled import Modelled

KEPT = ("entity_id", "journey", "n_journeys", "score", "exit_stage", "exited_at", "exit_reason")


def population(m: Modelled, scope: Scope, steps: Steps, *, own: bool = False) -> sa.Subquery:
    """Journeys whose first counted step falls in the period.

    Columns: entity_id, journey, segment, t1…tn (reached, null if not by as_of), s1… (side stages), and what `fated`
    derives: young, furthest, reach, fate, side1…; with the journey's exit and score. With `own` also own1…ownn under
    `passed`, the own entries to the steps, and else `uneven`: there, what was reached are own entries.
    """
    carried = kept(m, scope, steps, own)
    if scope.count in ("ordered", "strict"):
        return fated(scope, steps, attempts(m, scope, steps, [*carried, *_beyond(m, scope, steps)]))
    return fated(scope, steps, {"passed": _passed, "any": _any}[scope.count](m, scope, steps, carried))


def kept(m: Modelled, scope: Scope, steps: Steps, own: bool) -> list[sa.ColumnElement]:
    """Columns of a journey that every way of counting carries along."""
    j = m.journeys.c
    columns: list[sa.ColumnElement] = [
        *(j[name] for name in KEPT),
        m.segment_column(m.journeys, scope).label("segment"),
    ]
    if own and scope.count == "passed":
        columns += [j[f"{s.key}_at"].label(f"own{k}") for k, s in enumerate(steps.chain, 1)]
    elif own:
        columns.append(sa.case((_uneven(m, scope, steps), 1), else_=0).label("uneven"))
    return columns


def _uneven(m: Modelled, scope: Scope, steps: Steps) -> sa.ColumnElement[bool]:
    """Whether another way of counting may place a journey elsewhere: it skips a counted stage or comes to it after a
    later one; under `strict` also if it repeats one, or enters another stage in between."""
    j, model = m.journeys.c, m.model
    ranks = [model.rank(s.key) for s in steps.chain]
    tests: list[sa.ColumnElement[bool]] = [j.in_order == 0] if scope.count == "strict" else []
    for stage in model.progress[min(ranks) - 1 : max(ranks)]:
        own, passed = j[f"{stage.key}_at"], j[f"{stage.key}_passed_at"]
        if stage in steps.chain:
            tests.append(sa.and_(passed <= scope.as_of, sa.or_(own.is_(None), own > passed)))
        elif scope.count == "strict":
            tests.append(own <= scope.as_of)
    return sa.or_(*tests)


def _passed(m: Modelled, scope: Scope, steps: Steps, carried: Sequence[sa.ColumnElement]) -> sa.Subquery:
    """A step is reached at its first entry or at the first later one, whichever comes first."""
    j = m.journeys.c
    columns = [*carried]
    times = {f"t{k}": j[f"{s.key}_passed_at"] for k, s in enumerate(steps.chain, 1)}
    times |= {f"s{i}": j[f"{s.key}_at"] for i, (_, s) in enumerate(steps.side, 1)}
    all_seen = m.build.shows_all(scope.as_of)  # then there is nothing to look at row by row
    columns += [(at if all_seen else seen(at, scope)).label(name) for name, at in times.items()]
    columns += [] if _gapless(m, steps) else _beyond(m, scope, steps)
    where = [*in_period(j[f"{steps.chain[0].key}_passed_at"], scope), *m.filtered(m.journeys, scope.filters)]
    return sa.select(*columns).where(*where).subquery("reached")


def _gapless(m: Modelled, steps: Steps) -> bool:
    """Whether reaching a step implies all before it: then under `passed` nobody goes another way."""
    silent = [s for s in m.model.progress if s.enters_on and s.requires is None]  # its facts imply nothing before it
    return not silent and not any(s.optional for s in steps.chain)


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


def _any(m: Modelled, scope: Scope, steps: Steps, carried: Sequence[sa.ColumnElement]) -> sa.Subquery:
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
    joined = m.journeys.join(turned, same_journey(m.journeys, turned))
    reached = [turned.c[f"t{k}"] for k in range(1, len(steps.chain) + 1)]
    return sa.select(*carried, *reached).select_from(joined).where(*in_period(turned.c.t1, scope)).subquery("reached")


def fated(scope: Scope, steps: Steps, reached: sa.Subquery) -> sa.Subquery:
    """Adds young, furthest and fate: the expression that both the bars and the records behind them use.

    `reach` is the last step in which a journey is counted: the furthest, of a young one the first.
    """
    c, n = reached.c, len(steps.chain)
    times = [c[f"t{k}"] for k in range(1, n + 1)]
    window = microseconds(scope)
    placed = sa.select(reached, young(c.t1, scope).label("young"), furthest(times, window).label("furthest")).subquery(
        "placed"
    )
    p = placed.c
    tests: list[tuple[sa.ColumnElement[bool], str]] = [(p.young == 1, "not_due")]
    if scope.window and n > 1:
        tests.append((_at(p, "t", 1, n) >= p.t1, "late"))
    tests.append((p.exited_at <= scope.as_of, "exited"))
    if "beyond1" in p and n > 1:
        tests.append((_at(p, "beyond", 0, n) == 1, "diverted"))
    fate = sa.case(*tests, else_=sa.literal_column("'open'"))
    reach = sa.case((p.young == 1, 1), else_=p.furthest)
    aside = _aside(p, steps, window)
    return sa.select(placed, reach.label("reach"), fate.label("fate"), *aside).subquery("counted")


def _at(p: sa.ColumnCollection, name: str, ahead: int, n: int) -> sa.ColumnElement:
    """The column `name` of the furthest step, or of the one `ahead` of it; null from the last step on."""
    place = sa.literal_column
    return sa.case(*((p.furthest == place(str(k)), p[f"{name}{k + ahead}"]) for k in range(1, n)))


def _aside(p: sa.ColumnCollection, steps: Steps, window: sa.ColumnElement | None) -> list[sa.ColumnElement]:
    """Whether each side stage counts: entered within the window and after the stages before it, or at all if first."""
    out: list[sa.ColumnElement] = []
    for i, (place, _) in enumerate(steps.side, 1):
        entered = p[f"s{i}"]
        counts = sa.and_(within(entered, p.t1, window), p.furthest >= place) if place else entered.is_not(None)
        out.append(sa.case((counts, 1), else_=0).label(f"side{i}"))
    return out


def belongs(base: sa.FromClause, steps: Steps) -> list[sa.ColumnElement[bool]]:
    """For each row of the funnel, whether a journey is counted in it; the first row holds the young ones too."""
    c, out = base.c, []
    side = {stage.key: c[f"side{i}"] for i, (_, stage) in enumerate(steps.side, 1)}
    for place, stage, is_side in steps.rows:
        if is_side:
            out.append(sa.and_(side[stage.key] == 1, c.young == 0))
        else:
            out.append(c.reach >= sa.literal_column(str(place)) if place > 1 else sa.true())
    return out


def summed(base: sa.FromClause, steps: Steps) -> list[sa.ColumnElement]:
    """Per row, the journeys counted in it."""
    return [sa.func.count(sa.case((test, 1))).label(f"n{i}") for i, test in enumerate(belongs(base, steps))]
