"""The handed-over leads: a row per journey with what sales made of it, which every number of agreement selects from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import reduce

import sqlalchemy as sa

from lifecycle.scope import Scope
from lifecycle.stages import Handoff, StageModel, shipped_models
from queries.counted import in_period, seen
from queries.dialect import elapsed
from queries.errors import WarehouseError
from queries.modelled import Modelled

MICROSECOND = timedelta(microseconds=1)


def handoff_of(m: Modelled) -> Handoff:
    """The model's handoff. Raises WarehouseError("missing") where it has none."""
    if m.model.handoff is None:
        raise WarehouseError(
            "missing",
            f"{m.model.label} has no handoff from marketing to sales.",
            f"Lifecycles with one: {', '.join(name for name, model in shipped_models().items() if model.handoff)}; "
            "in a file of your own, declare [handoff].",
        )
    return m.model.handoff


def handed(m: Modelled, scope: Scope, carried: Sequence[str] = ()) -> sa.Subquery:
    """One row per journey whose first handoff event lies in the period.

    Columns: entity_id, journey, n_journeys, started_at, segment, score, handed_at (the first handoff event), mql_at,
    decided_at, outcome (as in lifecycle.agreement), rejected_by, reason, and the segment columns named in `carried`.
    """
    mql, accepted = _events(m)
    relevant = sa.or_(sa.and_(*in_period(mql, scope)), sa.and_(*in_period(accepted, scope)))
    decided, before = _decided(m, scope, carried, [relevant]), _earlier(m, scope)
    c, b = decided.c, before.c
    unasked: list[tuple[sa.ColumnElement[bool], str]] = [
        (sa.and_(c.unasked == 1, b.first_journey.is_not(None)), "returned"),
        (c.unasked == 1, "bypass"),
    ]
    refused = sa.and_(c.no == 1, c.unasked == 0)
    by_fact = sa.and_(c.unasked == 1, c.started_by == "fact")  # who came back by a purchase bypassed nobody
    return (
        sa.select(
            *(c[name] for name in _kept(carried)),
            c.handed_at,
            c.mql_at,
            sa.case((c.unasked == 0, c.decided_at)).label("decided_at"),
            sa.case(*unasked, *_answers(m, scope, c), else_="pending").label("outcome"),
            sa.case((refused, c.rejected_by)).label("rejected_by"),
            sa.case((refused, c.reason)).label("reason"),
        )
        .select_from(decided.outerjoin(before, sa.and_(b.entity_id == c.entity_id, b.first_journey < c.journey)))
        .where(*in_period(c.handed_at, scope), sa.not_(by_fact))
        .subquery("handed")
    )


def handed_over(m: Modelled, scope: Scope, carried: Sequence[str] = ()) -> sa.Subquery:
    """The rows of `handed` that marketing handed over, with the same columns: what was neither bypass nor returned."""
    mql, accepted = _events(m)
    c = _decided(m, scope, carried, [*in_period(mql, scope), sa.or_(accepted.is_(None), accepted >= mql)]).c
    return sa.select(
        *(c[name] for name in _kept(carried)),
        c.handed_at,
        c.mql_at,
        c.decided_at,
        sa.case(*_answers(m, scope, c), else_="pending").label("outcome"),
        sa.case((c.no == 1, c.rejected_by)).label("rejected_by"),
        sa.case((c.no == 1, c.reason)).label("reason"),
    ).subquery("handed_over")


def _answers(m: Modelled, scope: Scope, c: sa.ColumnCollection) -> list[tuple[sa.ColumnElement[bool], str]]:
    """What sales made of a lead that was handed over: a condition per outcome but pending, the first to hold counts."""
    yes, no, days = c.yes == 1, c.no == 1, handoff_of(m).decision_days
    if not days:
        return [(yes, "accepted"), (no, "rejected")]
    limit = timedelta(days=days)
    late = elapsed(c.mql_at, c.decided_at) > sa.literal(limit // MICROSECOND, sa.BigInteger())
    return [
        (sa.and_(yes, late), "accepted_late"),
        (sa.and_(no, late), "rejected_late"),
        (yes, "accepted"),
        (no, "rejected"),
        (c.mql_at < scope.as_of - limit, "expired"),
    ]


def _kept(carried: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(("entity_id", "journey", "n_journeys", "started_at", "segment", "score", *carried)))


def _decided(m: Modelled, scope: Scope, carried: Sequence[str], which: list[sa.ColumnElement[bool]]) -> sa.Subquery:
    """The handoff events of these journeys, and which decision came first: yes, no, decided_at.

    At equal instants the events count in the order of ranks, exits last: a return to a lower stage comes before the
    acceptance, an exit after it.
    """
    moments = _moments(m, scope, carried, which)
    c = moments.c
    sooner = sa.case((c.sent_back == 1, c.accepted_at < c.rejected_at), else_=c.accepted_at <= c.rejected_at)
    yes = sa.and_(c.accepted_at.is_not(None), sa.or_(c.rejected_at.is_(None), sooner))
    unasked = sa.and_(c.accepted_at.is_not(None), sa.or_(c.mql_at.is_(None), c.accepted_at < c.mql_at))
    return sa.select(
        moments,
        sa.case((yes, 1), else_=0).label("yes"),
        sa.case((sa.and_(sa.not_(yes), c.rejected_at.is_not(None)), 1), else_=0).label("no"),
        sa.case((yes, c.accepted_at), else_=c.rejected_at).label("decided_at"),
        sa.case((unasked, 1), else_=0).label("unasked"),
        sa.case((unasked, c.accepted_at), else_=c.mql_at).label("handed_at"),
    ).subquery("decided")


def _moments(m: Modelled, scope: Scope, carried: Sequence[str], which: list[sa.ColumnElement[bool]]) -> sa.Subquery:
    """When these journeys were handed over, accepted, rejected, and by what, as of as_of."""
    handoff, j = handoff_of(m), m.journeys.c
    mql, accepted = _events(m)
    exits = [key for key in handoff.rejected if m.model.stage(key).kind == "exit"]
    left = sa.and_(j.exit_stage.in_(exits), j.exited_at <= scope.as_of, j.exited_at >= mql)
    rejected: sa.ColumnElement = sa.case((left, j.exited_at))
    by: sa.ColumnElement = j.exit_stage
    why: sa.ColumnElement = j.exit_reason
    sent_back: sa.ColumnElement = sa.literal_column("0")
    source: sa.FromClause = m.journeys
    back = _sent_back(m, scope, handoff)
    if back is not None:
        b = back.c
        source = source.outerjoin(back, sa.and_(b.entity_id == j.entity_id, b.journey == j.journey))
        sooner = sa.and_(b.back_at.is_not(None), sa.or_(rejected.is_(None), b.back_at <= rejected))
        rejected, by = sa.case((sooner, b.back_at), else_=rejected), sa.case((sooner, b.stage), else_=by)
        why, sent_back = sa.case((sooner, b.reason), else_=why), sa.case((sooner, 1), else_=0)
    segment = m.segment_column(m.journeys, scope).label("segment")
    return (
        sa.select(
            *(segment if name == "segment" else j[name] for name in _kept(carried)),
            j.started_by,
            seen(mql, scope).label("mql_at"),
            seen(accepted, scope).label("accepted_at"),
            rejected.label("rejected_at"),
            by.label("rejected_by"),
            why.label("reason"),
            sent_back.label("sent_back"),
        )
        .select_from(source)
        .where(*which, *m.filtered(m.journeys, scope.filters))
        .subquery("moments")
    )


def _events(m: Modelled) -> tuple[sa.ColumnElement, sa.ColumnElement]:
    """When a journey was handed over, and when accepted; null where it never was."""
    handoff = handoff_of(m)
    return m.journeys.c[f"{handoff.from_}_at"], accepted_at(m, handoff)


def earliest(a: sa.ColumnElement, b: sa.ColumnElement) -> sa.ColumnElement:
    """The earlier of two instants; where one is null, the other."""
    return sa.case((sa.or_(b.is_(None), a <= b), a), else_=b)


def accepting(model: StageModel, handoff: Handoff) -> list[str]:
    """The columns of a journey whose earliest instant is the first entry at or beyond an accepted stage.

    An optional stage implies nothing, so that the first one that is not stands beside it.
    """
    first = model.rank(min(handoff.accepted, key=model.rank))
    names = []
    for stage in model.progress[first - 1 :]:
        names.append(f"{stage.key}_passed_at")
        if not stage.optional:
            break
    return names


def accepted_at(m: Modelled, handoff: Handoff) -> sa.ColumnElement:
    """When a journey first came to an accepted stage, or beyond; null where it never did."""
    columns: list[sa.ColumnElement] = [m.journeys.c[name] for name in accepting(m.model, handoff)]
    return reduce(earliest, columns)


def _sent_back(m: Modelled, scope: Scope, handoff: Handoff) -> sa.Subquery | None:
    """First return to a rejecting progress stage after the handoff, for models that reject by sending back."""
    lower = [key for key in handoff.rejected if m.model.stage(key).kind == "progress"]
    if not lower:
        return None
    s, j = m.stays.c, m.journeys.c
    joined = m.stays.join(m.journeys, sa.and_(j.entity_id == s.entity_id, j.journey == s.journey))
    nth = sa.func.row_number().over(partition_by=[s.entity_id, s.journey], order_by=s.seq).label("nth")
    where = [
        s.move != "repeat",
        s.stage.in_(lower),
        s.entered_at > j[f"{handoff.from_}_at"],
        s.entered_at <= scope.as_of,
    ]
    columns = [s.entity_id, s.journey, s.entered_at.label("back_at"), s.stage, s.reason, nth]
    returns = sa.select(*columns).select_from(joined).where(*where).subquery("returns")
    return sa.select(returns).where(returns.c.nth == 1).subquery("sent_back")


def _earlier(m: Modelled, scope: Scope) -> sa.Subquery:
    """For entities with several journeys, the first one that was handed over: later ones have returned."""
    j, (mql, _) = m.journeys.c, _events(m)
    first = sa.func.min(j.journey).label("first_journey")
    statement = sa.select(j.entity_id, first).where(j.n_journeys > 1, mql <= scope.as_of)
    return statement.group_by(j.entity_id).subquery("earlier")
