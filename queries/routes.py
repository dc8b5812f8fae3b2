"""Routes, asked: the stages of a journey travel as one number, so that the warehouse can count routes on any engine."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.attention import purchase
from lifecycle.durations import OPEN
from lifecycle.parts import Part
from lifecycle.routes import WON, Between, Route, Routes, base, between_parts, most_steps, since_before
from lifecycle.routes import routes as told
from lifecycle.scope import Scope
from lifecycle.stages import ModelError, StageModel
from queries.attempts import same_journey
from queries.dialect import elapsed, quantile
from queries.groups import sized, whole
from queries.instants import in_period, seen
from queries.modelled import Modelled
from queries.warehouse import Rendered

TOP = 12
ROUTE = pa.schema(
    [
        ("part", pa.int64()),
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
    its first entry to it or to a later stage. Repeats of a stage are no steps. Parts of a breakdown, and the compared
    period, are counted by the same routes.
    """
    found, rendered = _ranked(m, scope.whole, part, top)
    here = Routes(m.model.name, m.build.id, scope, part, told(m.model, (row[1:] for row in found)))
    shown = {(number, steps) for _, number, steps, *_ in found if number is not None}
    parts, asked = _parts(m, scope, part, shown)
    before, also = _before(m, scope, part, shown)
    here = replace(here, parts=parts, comparison=before, statements=(rendered, *asked, *also))
    return replace(here, contrasts=between_parts(here), changes=since_before(here))


Found = tuple[int | None, int | None, int, str, int, float | None]  # part, number, steps, outcome, n, median seconds
Shown = Collection[tuple[int, int]]  # number and steps of the routes that have a name


def _ranked(m: Modelled, scope: Scope, part: Between, top: int) -> tuple[list[Found], Rendered]:
    """All journeys by route, the most frequent ones by name."""
    walked = whole(_walked(m, scope, part))
    c = walked.c
    sizes = sa.select(c.number, c.steps, sa.func.count().label("n")).group_by(c.number, c.steps).subquery("sizes")
    z = sizes.c
    place = sa.func.row_number().over(order_by=[z.n.desc(), z.steps, z.number]).label("place")
    ranked = sa.select(z.number, z.steps, place).subquery("ranked")
    shown = sa.and_(ranked.c.number == c.number, ranked.c.steps == c.steps, ranked.c.place <= top)
    named = (
        sa.select(c.part, ranked.c.number, sa.func.coalesce(ranked.c.steps, 0).label("steps"), c.outcome, c.took)
        .select_from(walked.outerjoin(ranked, shown))
        .subquery("named")
    )
    return _counted(m, named)


def _parts(
    m: Modelled, scope: Scope, part: Between, shown: Shown
) -> tuple[tuple[Part[tuple[Route, ...]], ...], tuple[Rendered, ...]]:
    """The same routes in each part of the breakdown."""
    groups, asked = sized(m, scope, _started(m, scope, part))
    if not groups.parts:
        return (), asked
    found, rendered = _counted(m, _by_name(groups.split(_walked(m, scope, part)), shown))
    rows = {key: told(m.model, (row[1:] for row in found if row[0] == key)) for key in groups.parts}
    return groups.told(rows), (*asked, rendered)


def _before(m: Modelled, scope: Scope, part: Between, shown: Shown) -> tuple[Routes | None, tuple[Rendered, ...]]:
    """The same routes in the compared period."""
    if scope.compared is None:
        return None, ()
    before = scope.compared.whole
    found, rendered = _counted(m, _by_name(whole(_walked(m, before, part)), shown))
    rows = told(m.model, (row[1:] for row in found))
    return Routes(m.model.name, m.build.id, before, part, rows, statements=(rendered,)), (rendered,)


def _by_name(walked: sa.Subquery, shown: Shown) -> sa.Subquery:
    """Journeys by the routes that have a name; the others have none."""
    c = walked.c
    known = sa.or_(sa.false(), *(sa.and_(c.number == number, c.steps == steps) for number, steps in sorted(shown)))
    named = sa.case((known, c.number)).label("number"), sa.case((known, c.steps), else_=0).label("steps")
    return sa.select(c.part, *named, c.outcome, c.took).subquery("named")


def _counted(m: Modelled, named: sa.Subquery) -> tuple[list[Found], Rendered]:
    n = named.c
    keys = [n.part, n.number, n.steps, n.outcome]
    took = quantile(n.took, 0.5).label("took")
    table, rendered = m.ask(sa.select(*keys, sa.func.count().label("n"), took).group_by(*keys), ROUTE)
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    return [(*key, None if us is None else us / 1e6) for *key, us in rows], rendered


def _started(m: Modelled, scope: Scope, part: Between) -> sa.Subquery:
    """Journeys of the period: segment, start_at, goal_at, left_by."""
    j = m.journeys.c
    start = j[f"{part.start}_at"] if part.start else j.started_at
    return (
        sa.select(
            j.entity_id,
            j.journey,
            m.segment_column(m.journeys, scope).label("segment"),
            start.label("start_at"),
            seen(j[f"{part.end}_passed_at"], scope).label("goal_at"),
            sa.case((seen(j.exited_at, scope).is_not(None), j.exit_stage)).label("left_by"),
        )
        .where(*in_period(start, scope), *m.filtered(m.journeys, scope.filters))
        .subquery("started")
    )


def _walked(m: Modelled, scope: Scope, part: Between) -> sa.CTE:
    """One row per journey: segment, number and steps of its route, outcome (won, an exit's key, open), took (to the
    goal)."""
    s, model = m.stays.c, m.model
    journeys = _started(m, scope, part)
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
        sa.select(s.entity_id, s.journey, sa.cast(rank, sa.BigInteger()).label("rank"), position)
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
            g.segment,
            sa.func.coalesce(numbers.c.number, zero).label("number"),
            sa.func.coalesce(numbers.c.steps, zero).label("steps"),
            outcome.label("outcome"),
            sa.case((g.goal_at.is_not(None), elapsed(g.start_at, g.goal_at))).label("took"),
        )
        .select_from(journeys.outerjoin(numbers, same_journey(journeys, numbers)))
        .cte("walked")
    )
