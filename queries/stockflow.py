"""Stock and flow, asked: moves by period, and who is in each stage at both ends, counted apart."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.scope import Scope
from lifecycle.stockflow import StockFlow, flows
from lifecycle.volumes import periods_of
from queries.dialect import local_floor
from queries.instants import in_period
from queries.modelled import Modelled
from queries.warehouse import Rendered

MOVED = pa.schema([("source", pa.string()), ("stage", pa.string()), ("period", pa.date32()), ("n", pa.int64())])
STOCK = pa.schema([("stage", pa.string()), ("n", pa.int64())])


def stock_and_flow(m: Modelled, scope: Scope) -> StockFlow:
    """Start, in, out and end of every stage, exits too, for each period of the scope's grain.

    Entries count when they happen, whoever makes them; a repeat is no entry. The last period ends with the scope or at
    as_of, the first begins with the scope: a grain that does not fit the ends is cut there.
    """
    s = m.stays.c
    period = local_floor(s.entered_at, scope.grain, scope.calendar).label("period")
    where = [s.move != "repeat", *in_period(s.entered_at, scope), *m.filtered(m.stays, scope.filters)]
    moved = sa.select(s.from_stage.label("source"), s.stage, period).where(*where).subquery("moved")
    statement = sa.select(*moved.c, sa.func.count().label("n")).group_by(*moved.c)
    table, rendered = m.ask(statement, MOVED)
    rows = [(r["source"], r["stage"], r["period"], r["n"]) for r in table.to_pylist()]
    first, last = scope.instants
    start, asked = _stock(m, scope, first) if first else ({}, None)
    end = last if last and last <= scope.as_of else None
    counted, ended = _stock(m, scope, end)
    periods = periods_of(scope, [r[2] for r in rows])
    made = flows(m.model, periods, start, rows)
    return StockFlow(m.model.name, m.build.id, scope, made, counted, tuple(r for r in (rendered, asked, ended) if r))


def _stock(m: Modelled, scope: Scope, instant: datetime | None) -> tuple[dict[str, int], Rendered]:
    """Who is in each stage just before an instant; at as_of, and with it, where that is None."""
    s = m.stays.c
    if instant is None:
        inside = [s.entered_at <= scope.as_of, sa.or_(s.exited_at.is_(None), s.exited_at > scope.as_of)]
    else:
        inside = [s.entered_at < instant, sa.or_(s.exited_at.is_(None), s.exited_at >= instant)]
    where = [s.move != "repeat", *inside, *m.filtered(m.stays, scope.filters)]
    table, rendered = m.ask(sa.select(s.stage, sa.func.count().label("n")).where(*where).group_by(s.stage), STOCK)
    return {row["stage"]: row["n"] for row in table.to_pylist()}, rendered
