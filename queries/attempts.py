"""Attempts at a sequence of steps, for the ways of counting that ask in which order a journey came to them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from lifecycle.funnel import Steps
from lifecycle.scope import Scope
from queries.instants import furthest, in_period, microseconds, young
from queries.modelled import Modelled

JOURNEY = ("entity_id", "journey")
FROM_HERE = (0, None)


def attempts(m: Modelled, scope: Scope, steps: Steps, carried: Sequence[sa.ColumnElement]) -> sa.Subquery:
    """The one attempt of each journey: due before young, then the furthest, then the earliest.

    Most journeys have one attempt and are read off their wide row; only the others are searched. Columns: those of the
    journey to be `carried`, and t1…tn.
    """
    tangled = _tangled(m, steps) if scope.count == "ordered" and _ascends(m, steps) else None
    searched = _in_turn(m, scope, steps, tangled) if scope.count == "ordered" else _directly(m, scope, steps)
    straight = _straight(m, scope, steps, tangled, carried)
    s, n = searched.c, len(steps.chain)
    window = microseconds(scope)
    order = [young(s.t1, scope), furthest([s[f"t{k}"] for k in range(1, n + 1)], window).desc(), s.t1, s.seq]
    nth = sa.func.row_number().over(partition_by=[s.entity_id, s.journey], order_by=order).label("nth")
    ranked = sa.select(searched, nth).subquery("attempts")
    times = [ranked.c[f"t{k}"] for k in range(1, n + 1)]
    joined = m.journeys.join(ranked, same_journey(m.journeys, ranked))
    found = sa.select(*carried, *times).select_from(joined).where(ranked.c.nth == 1)
    return sa.union_all(straight, found).subquery("reached")


def same_journey(one: sa.FromClause, other: sa.FromClause) -> sa.ColumnElement[bool]:
    """Rows of two tables that are about one journey."""
    return sa.and_(*(one.c[name] == other.c[name] for name in JOURNEY))


def _ascends(m: Modelled, steps: Steps) -> bool:
    ranks = [m.model.rank(s.key) for s in steps.chain]
    return ranks == sorted(ranks) and m.model.entity != "account"  # an account repeats a stage that lies behind it


def _tangled(m: Modelled, steps: Steps) -> sa.Subquery:
    """Journeys whose first entries do not tell all attempts of `ordered`: the first step is entered again, or a stage
    that lies behind. Other repeats come after their own first entry and before anything higher, and change nothing.
    """
    s = m.stays.c
    again = sa.and_(s.move == "repeat", sa.or_(s.stage == steps.chain[0].key, s.by_fact == 1))
    back = sa.or_(s.move == "regress", again)
    return sa.select(s.entity_id, s.journey).where(back).distinct().subquery("tangled")


def _straight(
    m: Modelled, scope: Scope, steps: Steps, tangled: sa.Subquery | None, carried: Sequence[sa.ColumnElement]
) -> sa.Select:
    """Journeys with one attempt: a step is reached if its first entry is not before the step's before."""
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
    rows: sa.FromClause = m.journeys
    once: sa.ColumnElement[bool] = j.in_order == 1
    if tangled is not None:
        rows = rows.outerjoin(tangled, same_journey(m.journeys, tangled))
        once = tangled.c.entity_id.is_(None)
    where = [once, *in_period(times[0], scope), *m.filtered(m.journeys, scope.filters)]
    return sa.select(*carried, *reached).select_from(rows).where(*where)


def _entries(m: Modelled, scope: Scope, steps: Steps, tangled: sa.Subquery | None = None) -> sa.Subquery:
    """Entries, repeats included, of the journeys that must be searched, as far as as_of shows them."""
    s, j = m.stays, m.journeys
    joined = s.join(j, same_journey(j, s))
    first = j.c[f"{steps.chain[0].key}_at"]
    where = [s.c.entered_at <= scope.as_of, *m.filtered(j, scope.filters)]
    where += [first < scope.instants[1]] if scope.instants[1] else []  # who first enters it later has no attempt
    if tangled is None:
        where.append(j.c.in_order == 0)
    else:
        joined = joined.join(tangled, same_journey(tangled, s))
    columns = [s.c[name] for name in (*JOURNEY, "seq", "stage", "entered_at", "after_other")]
    return sa.select(*columns).select_from(joined).where(*where).subquery("entries")


def _in_turn(m: Modelled, scope: Scope, steps: Steps, tangled: sa.Subquery | None) -> sa.Subquery:
    """Attempts of `ordered`: from each entry to the first step, each next step at its first entry not earlier.

    Going backwards, step k's row learns when the steps after it would be reached; as later rows can only reach them
    later, the minimum over what follows is the first.
    """
    rows: sa.Subquery = _entries(m, scope, steps, tangled)
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
    rows = _entries(m, scope, steps)
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
