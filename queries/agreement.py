"""The handoff, asked: what sales made of each lead that marketing handed over, and of those it took unasked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.agreement import Alignment, Handed, Row, counted, reasons
from lifecycle.scope import Scope
from lifecycle.stages import Handoff
from queries.counted import in_period, seen
from queries.dialect import elapsed, local_floor
from queries.modelled import Modelled
from queries.warehouse import Rendered

MICROSECOND = timedelta(microseconds=1)
HANDED = pa.schema(
    [
        ("segment", pa.string()),
        ("period", pa.date32()),
        ("outcome", pa.string()),
        ("rejected_by", pa.string()),
        ("reason", pa.string()),
        ("n", pa.int64()),
    ]
)


def handed(m: Modelled, scope: Scope, handoff: Handoff) -> sa.Subquery:
    """One row per journey whose first handoff event lies in the period.

    Columns: entity_id, journey, segment, score, handed_at (the first handoff event), mql_at, decided_at, outcome (see
    lifecycle.agreement), rejected_by, reason.
    """
    model, j = m.model, m.journeys.c
    first = min(handoff.accepted, key=model.rank)
    mql, accepted = seen(j[f"{handoff.from_}_at"], scope), seen(j[f"{first}_passed_at"], scope)
    exits = [key for key in handoff.rejected if model.stage(key).kind == "exit"]
    left = sa.case((sa.and_(j.exit_stage.in_(exits), j.exited_at <= scope.as_of), j.exited_at))
    source: sa.FromClause = m.journeys
    back: sa.FromClause | None = _sent_back(m, scope, handoff)
    by: sa.ColumnElement = j.exit_stage
    if back is not None:
        source = source.outerjoin(back, sa.and_(back.c.entity_id == j.entity_id, back.c.journey == j.journey))
        sooner = sa.or_(left.is_(None), back.c.back_at < left)
        by = sa.case((sa.and_(back.c.back_at.is_not(None), sooner), back.c.stage), else_=j.exit_stage)
        left = sa.case((sa.and_(back.c.back_at.is_not(None), sooner), back.c.back_at), else_=left)
    before = _earlier(m, scope, handoff)
    source = source.outerjoin(before, sa.and_(before.c.entity_id == j.entity_id, before.c.first_journey < j.journey))
    unasked = sa.and_(accepted.is_not(None), sa.or_(mql.is_(None), accepted < mql))
    base = (
        sa.select(
            j.entity_id,
            j.journey,
            j.score,
            j.exit_reason,
            m.segment_column(m.journeys, scope).label("segment"),
            mql.label("mql_at"),
            accepted.label("accepted_at"),
            sa.case((left >= mql, left)).label("rejected_at"),
            by.label("by"),
            sa.case((unasked, 1), else_=0).label("unasked"),
            before.c.first_journey,
            sa.case((unasked, accepted), else_=mql).label("handed_at"),
        )
        .select_from(source)
        .where(*m.filtered(m.journeys, scope.filters))
        .subquery("handoffs")
    )
    return _judged(base, scope, handoff)


def _judged(base: sa.Subquery, scope: Scope, handoff: Handoff) -> sa.Subquery:
    """Adds the outcome; a decision counts until its deadline, and at equal instants acceptance comes first."""
    c = base.c
    limit = timedelta(days=handoff.decision_days) if handoff.decision_days else None
    yes = sa.and_(c.accepted_at.is_not(None), sa.or_(c.rejected_at.is_(None), c.accepted_at <= c.rejected_at))
    decided = sa.case((yes, c.accepted_at), else_=c.rejected_at)
    tests: list[tuple[sa.ColumnElement[bool], str]] = [
        (sa.and_(c.unasked == 1, c.first_journey.is_not(None)), "returned"),
        (c.unasked == 1, "bypass"),
    ]
    if limit is not None:
        late = elapsed(c.mql_at, decided) > sa.literal(limit // MICROSECOND, sa.BigInteger())
        tests += [(sa.and_(yes, late), "accepted_late"), (sa.and_(c.rejected_at.is_not(None), late), "rejected_late")]
    tests += [(yes, "accepted"), (c.rejected_at.is_not(None), "rejected")]
    if limit is not None:
        tests.append((c.mql_at < scope.as_of - limit, "expired"))
    outcome = sa.case(*tests, else_="pending")
    refused = sa.and_(sa.not_(yes), c.rejected_at.is_not(None), c.unasked == 0)
    return (
        sa.select(
            c.entity_id,
            c.journey,
            c.segment,
            c.score,
            c.handed_at,
            c.mql_at,
            sa.case((c.unasked == 0, decided)).label("decided_at"),
            outcome.label("outcome"),
            sa.case((refused, c.by)).label("rejected_by"),
            sa.case((refused, c.exit_reason)).label("reason"),
        )
        .where(*in_period(c.handed_at, scope))
        .subquery("handed")
    )


def _sent_back(m: Modelled, scope: Scope, handoff: Handoff) -> sa.Subquery | None:
    """First return to a rejecting progress stage after the handoff, for models that reject by sending back."""
    lower = [key for key in handoff.rejected if m.model.stage(key).kind == "progress"]
    if not lower:
        return None
    s, j = m.stays, m.journeys
    joined = s.join(j, sa.and_(j.c.entity_id == s.c.entity_id, j.c.journey == s.c.journey))
    where = [s.c.stage.in_(lower), s.c.entered_at > j.c[f"{handoff.from_}_at"], s.c.entered_at <= scope.as_of]
    columns = [
        s.c.entity_id,
        s.c.journey,
        sa.func.min(s.c.entered_at).label("back_at"),
        sa.func.min(s.c.stage).label("stage"),
    ]
    statement = sa.select(*columns).select_from(joined).where(*where)
    return statement.group_by(s.c.entity_id, s.c.journey).subquery("sent_back")


def _earlier(m: Modelled, scope: Scope, handoff: Handoff) -> sa.Subquery:
    """For entities with several journeys, the first one that was handed over: later ones have returned."""
    j = m.journeys.c
    first = sa.func.min(j.journey).label("first_journey")
    statement = sa.select(j.entity_id, first).where(j.n_journeys > 1, j[f"{handoff.from_}_at"] <= scope.as_of)
    return statement.group_by(j.entity_id).subquery("earlier")


def alignment(m: Modelled, scope: Scope) -> Alignment:
    """Do marketing and sales agree: acceptance, coverage and agreement; by segment, by period, with reasons.

    Raises LookupError where the model has no handoff.
    """
    here = _alignment(m, scope)
    return replace(here, comparison=_alignment(m, scope.compared)) if scope.compared else here


def _alignment(m: Modelled, scope: Scope) -> Alignment:
    handoff = m.model.handoff
    if handoff is None:
        raise LookupError(f"{m.model.name} has no handoff")
    found, statement = _outcomes(m, scope, handoff)
    deadline = handoff.decision_days is not None
    by_segment: dict[str | None, list[Handed]] = {}
    by_period: dict[object, list[Handed]] = {}
    for h in found:
        by_segment.setdefault(h.segment, []).append(h)
        by_period.setdefault(h.period, []).append(h)
    rows = tuple(Row({scope.by: v}, counted(hs, deadline)) for v, hs in by_segment.items()) if scope.by else ()
    trend: Mapping[object, object] = {p: counted(by_period[p], deadline) for p in sorted(by_period, key=str)}
    return Alignment(counted(found, deadline), tuple(reasons(found)), rows, trend, None, (statement,))  # type: ignore[arg-type]


def _outcomes(m: Modelled, scope: Scope, handoff: Handoff) -> tuple[list[Handed], Rendered]:
    base = handed(m, scope, handoff)
    dated = sa.select(base, local_floor(base.c.handed_at, scope.grain, scope.calendar).label("period")).subquery(
        "dated"
    )
    c = dated.c
    keys = [c.segment, c.period, c.outcome, c.rejected_by, c.reason]
    table, rendered = m.ask(sa.select(*keys, sa.func.count().label("n")).group_by(*keys), HANDED)
    return [Handed(*row.values()) for row in table.to_pylist()], rendered
