"""Whether the records obey the written criteria, asked."""

from __future__ import annotations

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.criteria import Obeyed
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from queries.modelled import Modelled
from queries.service import timed

COUNTS = ("leads", "assigned", "accepted", "accepted_touched", "rejected", "rejected_touched", "reasoned")


def obeyed(m: Modelled, scope: Scope) -> Obeyed:
    """Of the leads handed over in the period: assigned, accepted and rejected after a touch, rejected with a reason.

    A touch is an activity of the handoff's kinds; a decision alone is none here. Decisions made too late count too.
    """
    c = timed(m, scope, None).c
    accepted, rejected = (c.outcome.in_((name, f"{name}_late")) for name in ("accepted", "rejected"))
    touched = c.touch_at <= c.decided_at
    tests = (
        sa.true(),
        c.assigned_at.is_not(None),
        accepted,
        sa.and_(accepted, touched),
        rejected,
        sa.and_(rejected, touched),
        sa.and_(rejected, c.reason.is_not(None)),
    )
    sums = [sa.func.count(sa.case((test, 1))).label(name) for name, test in zip(COUNTS, tests, strict=True)]
    table, rendered = m.ask(sa.select(*sums), pa.schema([(name, pa.int64()) for name in COUNTS]))
    n = table.to_pylist()[0]
    return Obeyed(
        accepted_touched=Rate(n["accepted_touched"], n["accepted"]),
        rejected_touched=Rate(n["rejected_touched"], n["rejected"]),
        rejected_reasoned=Rate(n["reasoned"], n["rejected"]),
        assigned=Rate(n["assigned"], n["leads"]),
        statements=(rendered,),
    )
