"""Routes, asked: the stages of a journey travel as one number, so that the warehouse can count routes on any engine."""

from __future__ import annotations

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.attention import purchase
from lifecycle.durations import OPEN
from lifecycle.routes import WON, Between, Routes, base, most_steps
from lifecycle.routes import routes as told
from lifecycle.scope import Scope
from lifecycle.stages import ModelError, StageModel
from queries.attempts import same_journey
from queries.dialect import elapsed, quantile
from queries.instants import in_period, seen
from queries.modelled import Modelled

TOP = 12
ROUTE = pa.schema(
    [
        ("number", pa.int64()),
        ("steps", pa.int64()),
        ("outcome", pa.string()),
        ("n", pa.int64()),
        ("took", pa.float64()),
    ]
)


def between(model: StageModel, start: str | None = None, end: str | None = None) -> Between:
    """Which part of journeys is looked at; without `end` up to the stage that the lifecycle leads up to.

    Raises ModelError where one is no progress stage, or `end` does not come after `start`.
    """
    goal = end or purchase(model).key
    if start and model.rank(start) >= model.rank(goal):
        raise ModelError(f"{model.name}: {goal!r} does not come after {start!r}")
    model.rank(goal)
    return Between(goal, start)


def routes(m: Modelled, scope: Scope, part: Between, top: int = TOP) -> Routes:
    """The ways that journeys take to the goal, by the stages they entered before it; the most frequent by name.

    A journey belongs to the period of its start, or of its first entry to the chosen stage. It reaches the goal with
    its first entry to it or to a later stage. Repeats of a stage are no steps.
    """
    walked = _walked(m, scope, part)
    c = walked.c
    sizes = sa.select(c.number, c.steps, sa.func.count().label("n")).group_by(c.number, c.steps).subquery("sizes")
    z = sizes.c
    place = sa.func.row_number().over(order_by=[z.n.desc(), z.steps, z.number]).label("place")
    ranked = sa.select(z.number, z.steps, place).subquery("ranked")
    shown = sa.and_(ranked.c.number == c.number, ranked.c.steps == c.steps, ranked.c.place <= top)
    named = (
        sa.select(ranked.c.number, sa.func.coalesce(ranked.c.steps, 0).label("steps"), c.outcome, c.took)
        .select_from(walked.outerjoin(ranked, shown))
        .subquery("named")
    )
    n = named.c
    took = quantile(n.took, 0.5).label("took")
    statement = sa.select(n.number, n.steps, n.outcome, sa.func.count().label("n"), took)
    table, rendered = m.ask(statement.group_by(n.number, n.steps, n.outcome), ROUTE)
    found = [
        (r["number"], r["steps"], r["outcome"], r["n"], None if r["took"] is None else r["took"] / 1e6)
        for r in table.to_pylist()
    ]
    return Routes(m.model.name, m.build.id, scope, part, told(m.model, found), (rendered,))


def _walked(m: Modelled, scope: Scope, part: Between) -> sa.CTE:
    """One row per journey: number and steps of its route, outcome (won, an exit's key, open), took (to the goal)."""
    j, s, model = m.journeys.c, m.stays.c, m.model
    start = j[f"{part.start}_at"] if part.start else j.started_at
    goal = seen(j[f"{part.end}_passed_at"], scope)
    journeys = (
        sa.select(
            j.entity_id,
            j.journey,
            start.label("start_at"),
            goal.label("goal_at"),
            sa.case((seen(j.exited_at, scope).is_not(None), j.exit_stage)).label("left_by"),
        )
        .where(*in_period(start, scope), *m.filtered(m.journeys, scope.filters))
        .subquery("started")
    )
    g = journeys.c
    rank = sa.case(*((s.stage == stage.key, model.rank(stage.key)) for stage in model.progress))
    first, last = (model.rank(key) if key else 0 for key in (part.start, part.end))
    own = [
        s.move != "repeat",
        s.stage.in_([stage.key for stage in model.progress]),
        s.entered_at <= scope.as_of,
        sa.or_(s.entered_at > g.start_at, sa.and_(s.entered_at == g.start_at, rank >= first)),
        sa.or_(g.goal_at.is_(None), s.entered_at < g.goal_at, sa.and_(s.entered_at == g.goal_at, rank < last)),
    ]
    position = sa.func.row_number().over(partition_by=[s.entity_id, s.journey], order_by=s.seq).label("position")
    steps = (
        sa.select(s.entity_id, s.journey, rank.label("rank"), position)
        .select_from(m.stays.join(journeys, same_journey(m.stays, journeys)))
        .where(*own)
        .subquery("steps")
    )
    t, digits = steps.c, base(model)
    digit = sa.case(
        *((t.position == k, t.rank * sa.literal_column(str(digits ** (k - 1)), sa.BigInteger()))
          for k in range(1, most_steps(model) + 1)),
        else_=sa.literal_column("0", sa.BigInteger()),
    )  # fmt: skip
    numbers = (
        sa.select(
            t.entity_id,
            t.journey,
            sa.cast(sa.func.sum(digit), sa.BigInteger()).label("number"),
            sa.func.max(t.position).label("steps"),
        )
        .group_by(t.entity_id, t.journey)
        .subquery("numbers")
    )
    outcome = sa.case((g.goal_at.is_not(None), WON), (g.left_by.is_not(None), g.left_by), else_=OPEN)
    zero: sa.ColumnElement = sa.literal_column("0", sa.BigInteger())
    return (
        sa.select(
            sa.func.coalesce(numbers.c.number, zero).label("number"),
            sa.func.coalesce(numbers.c.steps, zero).label("steps"),
            outcome.label("outcome"),
            sa.case((g.goal_at.is_not(None), elapsed(g.start_at, g.goal_at))).label("took"),
        )
        .select_from(journeys.outerjoin(numbers, same_journey(journeys, numbers)))
        .cte("walked")
    )
