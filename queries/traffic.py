"""The anonymous top, asked: daily counts of traffic, and entries to the first known stage in the same periods."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.anonymous import Level, Top, columns_of
from lifecycle.funnel import steps_of
from lifecycle.scope import Scope
from lifecycle.segments import Choice
from queries import counted
from queries.contract import Source
from queries.dialect import local_floor
from queries.errors import WarehouseError
from queries.modelled import Modelled, one_of
from queries.warehouse import Rendered


def top(m: Modelled, scope: Scope) -> Top:
    """Strangers, visitors and entries to the first stage per period of the scope's grain, up to as_of.

    The counts are of different people on every day: the ratios between them are no conversion rates. Raises
    WarehouseError("missing_table") where the warehouse has no traffic, or none that the filters can be applied to.
    """
    source = m.sources.get("traffic")
    columns = columns_of(m.model, [c for c in source.spec.columns if source.has(c)]) if source else {}
    if source is None or not columns:
        raise WarehouseError(
            "missing_table",
            "No daily counts of strangers or visitors are in the warehouse.",
            "Load the table traffic, one row per day (day, strangers, visitors): lifecycle load --traffic FILE.",
        )
    scope = replace(scope, count="passed")
    seen, asked = _traffic(m, scope, source, list(columns.values()))
    entered, counting = _entries(m, scope)
    label = steps_of(m.model, scope).chain[0].label
    first = scope.start or min([*seen, *entered], default=None)
    today = scope.calendar.day(scope.as_of) + timedelta(days=1)
    last = min(scope.end or today, today)
    grain = scope.calendar.finest(first, last, scope.grain) if first else scope.grain
    periods = scope.calendar.bins(first, last, grain) if first else []
    place = {day: i for i, day in enumerate(periods)}
    levels = [[0] * len(periods) for _ in range(len(columns) + 1)]
    for day in seen | entered:
        numbers = (*seen.get(day, (0,) * len(columns)), entered.get(day, 0))
        for counts, n in zip(levels, numbers, strict=True):
            counts[place[scope.calendar.floor(day, grain)]] += n
    names = (*columns, label)
    rows = tuple(Level(name, tuple(counts)) for name, counts in zip(names, levels, strict=True))
    return Top(tuple(periods), rows, (asked, counting))


def _traffic(
    m: Modelled, scope: Scope, source: Source, columns: list[str]
) -> tuple[dict[date, tuple[int, ...]], Rendered]:
    """Counts per day of the columns, summed over the segments that traffic has."""
    where = [source["day"] <= scope.calendar.day(scope.as_of)]
    where += [source["day"] >= scope.start] if scope.start else []
    where += [source["day"] < scope.end] if scope.end else []
    for f in scope.filters:
        if not isinstance(f, Choice) or f.segment not in source.extra:
            raise WarehouseError(
                "missing_table",
                f"Traffic is not recorded by {f.segment}.",
                f"Remove that filter, or add a column {f.segment} to traffic.",
            )
        where.append(one_of(source.column(f.segment), f.values))
    sums = [sa.cast(sa.func.sum(source[c]), sa.BigInteger()).label(f"n{i}") for i, c in enumerate(columns)]
    statement = sa.select(source["day"].label("day"), *sums).select_from(source.table).where(*where)
    schema = pa.schema([("day", pa.date32()), *((s.name, pa.int64()) for s in sums)])
    table, rendered = m.ask(statement.group_by(source["day"]), schema)
    return {row.pop("day"): tuple(n or 0 for n in row.values()) for row in table.to_pylist()}, rendered


def _entries(m: Modelled, scope: Scope) -> tuple[dict[date, int], Rendered]:
    """Journeys per day of their first counted stage."""
    base = counted.population(m, scope, steps_of(m.model, scope))
    day = local_floor(base.c.t1, "day", scope.calendar)
    dated = sa.select(day.label("day")).subquery("dated")
    statement = sa.select(dated.c.day, sa.func.count().label("n")).group_by(dated.c.day)
    table, rendered = m.ask(statement, pa.schema([("day", pa.date32()), ("n", pa.int64())]))
    return {row["day"]: row["n"] for row in table.to_pylist()}, rendered
