"""Leads by their score at the handoff: what another cut would have meant, and how score bands are judged."""

from __future__ import annotations

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.scope import Scope
from lifecycle.threshold import Scored, Threshold, step_of
from queries.dialect import floored
from queries.handoff import handed, handoff_of
from queries.modelled import Modelled

SCORED = pa.schema([("step", pa.int64()), ("outcome", pa.string()), ("n", pa.int64())])


def threshold(m: Modelled, scope: Scope) -> Threshold | None:
    """Acceptance, coverage and volume for every cut of the lead score, from counts by score and outcome.

    None where contacts have no lead score, or all the same.
    """
    step = _step(m)
    if step is None:
        return None
    c = with_score(m, handed(m, scope)).c
    # a hair above, since 0.29 / 0.01 is 28.999…
    number = sa.cast(floored(c.score / sa.literal(step, sa.Double()) + sa.literal(1e-9, sa.Double())), sa.BigInteger())
    stepped = sa.select(number.label("step"), c.outcome).subquery("stepped")
    statement = sa.select(stepped.c.step, stepped.c.outcome, sa.func.count().label("n"))
    table, rendered = m.ask(statement.group_by(stepped.c.step, stepped.c.outcome), SCORED)
    found = tuple(
        Scored(None if row["step"] is None else row["step"] * step, row["outcome"], row["n"])
        for row in table.to_pylist()
    )
    deadline = handoff_of(m).decision_days is not None
    return Threshold(found, step, m.warehouse.settings.score_cut, deadline, (rendered,))


def _step(m: Modelled) -> float | None:
    segment = m.catalog.get("lead_score")
    if segment is None or segment.low is None or segment.high is None:
        return None
    return step_of(float(segment.low), float(segment.high))


def with_score(m: Modelled, base: sa.Subquery) -> sa.Subquery:
    """The leads with the score that the handoff event itself recorded; where it recorded none, the contact's today.

    A score goes on changing after the handoff, so today's would tell what sales did rather than what marketing knew.
    """
    leads, s = sa.select(base).cte("leads"), m.stays.c
    c = leads.c
    same = sa.and_(s.entity_id == c.entity_id, s.journey == c.journey, s.entered_at == c.handed_at)
    then = (
        sa.select(c.entity_id, c.journey, sa.func.max(s.lead_score).label("score"))
        .select_from(leads.join(m.stays, same))
        .where(s.lead_score.is_not(None))
        .group_by(c.entity_id, c.journey)
        .subquery("score_then")
    )
    joined = leads.outerjoin(then, sa.and_(then.c.entity_id == c.entity_id, then.c.journey == c.journey))
    score = sa.func.coalesce(then.c.score, c.score).label("score")
    return (
        sa.select(*(score if column.name == "score" else column for column in c)).select_from(joined).subquery("scored")
    )
