"""Stock and flow, asked: moves by period, and who is in each stage at both ends, counted apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.scope import Scope
from lifecycle.stockflow import Balance, Moved, StockFlow, flows
from lifecycle.volumes import periods_of
from queries.dialect import local_floor
from queries.groups import Groups, Part, sized
from queries.instants import in_period
from queries.modelled import Modelled
from queries.warehouse import Rendered

MOVED = pa.schema(
    [
        ("way", pa.int64()),
        ("part", pa.int64()),
        ("stage", pa.string()),
        ("other", pa.string()),
        ("period", pa.date32()),
        ("n", pa.int64()),
    ]
)
STOCK = pa.schema([("part", pa.int64()), ("stage", pa.string()), ("n", pa.int64())])
IN, OUT = 1, -1
Moves = dict[Part, dict[int, list[Moved]]]  # by way
Counted = dict[Part, dict[str, int]]  # by stage


def stock_and_flow(m: Modelled, scope: Scope) -> StockFlow:
    """Start, in, out and end of every stage, exits too, for each period of the scope's grain.

    Entries count when they happen, whoever makes them; a repeat is no entry. The last period ends with the scope or at
    as_of, the first begins with the scope: a grain that does not fit the ends is cut there. Whoever moves from one part
    of a breakdown to another, a journey later, leaves the one and enters the other.
    """
    here, before = _stock_and_flow(m, scope), scope.compared
    return replace(here, comparison=_stock_and_flow(m, before.whole)) if before else here


def _stock_and_flow(m: Modelled, scope: Scope) -> StockFlow:
    first, last = scope.instants
    groups, sizes = sized(m, scope, _stays(m, scope, _present(m, scope)))
    moved, rendered = _moved(m, scope, groups)
    start, asked = _stock(m, scope, groups, first) if first else ({}, None)
    counted, ended = _stock(m, scope, groups, last if last and last <= scope.as_of else None)
    periods = periods_of(
        scope, [period for ways in moved.values() for rows in ways.values() for _, _, period, _ in rows]
    )

    def balance(parts: Sequence[Part]) -> Balance:
        entered, left = ([row for p in parts for row in moved.get(p, {}).get(way, ())] for way in (IN, OUT))
        return Balance(flows(m.model, periods, _sum(start, parts), entered, left), _sum(counted, parts))

    whole, told = balance(groups.parts or [None]), {part: balance([part]) for part in groups.parts}
    statements = tuple(s for s in (*sizes, rendered, asked, ended) if s)
    name, build = m.model.name, m.build.id
    return StockFlow(whole.rows, whole.counted, name, build, scope, groups.told(told), statements=statements)


def _sum(counted: Counted, parts: Sequence[Part]) -> dict[str, int]:
    out: dict[str, int] = {}
    for part in parts:
        for stage, n in counted.get(part, {}).items():
            out[stage] = out.get(stage, 0) + n
    return out


def _stays(m: Modelled, scope: Scope, where: list[sa.ColumnElement[bool]]) -> sa.Subquery:
    """Stays as the filters keep them, with their segment."""
    s = m.stays.c
    columns = [s.stage, s.from_stage, s.next_stage, s.entered_at, s.exited_at]
    return (
        sa.select(*columns, m.segment_column(m.stays, scope).label("segment"))
        .where(s.move != "repeat", *where, *m.filtered(m.stays, scope.filters))
        .subquery("kept")
    )


def _present(m: Modelled, scope: Scope) -> list[sa.ColumnElement[bool]]:
    """Stays that touch the period."""
    s, (first, last) = m.stays.c, scope.instants
    out = [s.entered_at <= scope.as_of]
    out += [sa.or_(s.exited_at.is_(None), s.exited_at >= first)] if first else []
    return out + ([s.entered_at < last] if last else [])


def _moved(m: Modelled, scope: Scope, groups: Groups) -> tuple[Moves, Rendered]:
    """Entries and exits of the period, each by the stay that it begins or ends."""
    s = m.stays.c
    ways = []
    for way, at, other in ((IN, "entered_at", "from_stage"), (OUT, "exited_at", "next_stage")):
        kept = groups.split(_stays(m, scope, in_period(s[at], scope)))
        period = local_floor(kept.c[at], scope.grain, scope.calendar).label("period")
        number = sa.literal_column(str(way), sa.BigInteger()).label("way")
        moved = sa.select(number, kept.c.part, kept.c.stage, kept.c[other].label("other"), period).subquery()
        ways.append(sa.select(*moved.c, sa.func.count().label("n")).group_by(*moved.c))
    table, rendered = m.ask(sa.union_all(*ways), MOVED)
    out: Moves = {}
    for way, part, *row in zip(*(column.to_pylist() for column in table.columns), strict=True):
        out.setdefault(part, {}).setdefault(way, []).append(tuple(row))
    return out, rendered


def _stock(m: Modelled, scope: Scope, groups: Groups, instant: datetime | None) -> tuple[Counted, Rendered]:
    """Who is in each stage just before an instant; at as_of, and with it, where that is None."""
    s = m.stays.c
    if instant is None:
        inside = [s.entered_at <= scope.as_of, sa.or_(s.exited_at.is_(None), s.exited_at > scope.as_of)]
    else:
        inside = [s.entered_at < instant, sa.or_(s.exited_at.is_(None), s.exited_at >= instant)]
    kept = groups.split(_stays(m, scope, inside)).c
    statement = sa.select(kept.part, kept.stage, sa.func.count().label("n")).group_by(kept.part, kept.stage)
    table, rendered = m.ask(statement, STOCK)
    out: Counted = {}
    for row in table.to_pylist():
        out.setdefault(row["part"], {})[row["stage"]] = row["n"]
    return out, rendered
