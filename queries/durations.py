"""Time in stage, asked: the warehouse reduces stays to life tables, a few thousand rows whatever the size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.durations import OPEN, LifeTable, Row, joined
from lifecycle.scope import Scope
from lifecycle.stages import StageModel
from lifecycle.time_in_stage import ADVANCED, BACK, Month, StageTimes, Trend
from lifecycle.volumes import periods_of
from queries.dialect import elapsed, local_floor
from queries.groups import Groups, Part
from queries.instants import in_period
from queries.modelled import Modelled
from queries.touches import microseconds
from queries.warehouse import MAX_ROWS, Rendered

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FINE = 14 * DAY  # whole hours up to here, whole days beyond
NO_TIME = -1  # the bin of what has no length at all
MOST_PERIODS = 36  # of a trend: more would be no narrow answer, and no picture
BIN = [("bin", pa.int64()), ("outcome", pa.string()), ("n", pa.int64())]


def life_tables(m: Modelled, scope: Scope, skip_zero: bool = False) -> StageTimes:
    """How long stays take that were entered in the period, by stage, and by value where a breakdown is chosen.

    A stay that is open at as_of counts as open for as long as it was seen. Lengths are in bins of whole hours up to 14
    days and of whole days beyond, reported at the lower edge. `scope.stages` narrows the stages; `skip_zero` leaves out
    stays without any length, such as bulk updates make.
    """
    here = _life_tables(m, scope, skip_zero)
    before = scope.compared
    return replace(here, comparison=_life_tables(m, before.whole, skip_zero)) if before else here


def _life_tables(m: Modelled, scope: Scope, skip_zero: bool) -> StageTimes:
    stages = chosen(m.model, scope)
    groups, n, asked = _groups(m, scope, stages)
    schema = pa.schema([("stage", pa.string()), ("part", pa.int64()), *BIN])
    tables: dict[tuple[str, str | None], LifeTable] = {}
    # Many stays are broken down stage by stage, so that no answer has more rows than a warehouse gives.
    for some in [[stage] for stage in stages] if n > MAX_ROWS else [stages]:
        parted = groups.split(lengths(m, scope, some, skip_zero))
        table, rendered = m.ask(by_bin(parted, [parted.c.stage, parted.c.part]), schema)
        asked.append(rendered)
        for (stage, part), rows in rows_of(table).items():
            tables[stage, next(iter(groups.label(part).values()), None)] = life_table(rows)
    shown = tuple(next(iter(groups.label(part).values())) for part in groups.parts)
    return StageTimes(m.model.name, m.build.id, scope, tuple(stages), tables, shown, groups.other, None, tuple(asked))


def trend(m: Modelled, scope: Scope, stage: str, skip_zero: bool = False) -> Trend:
    """Time in one stage by the month in which it was entered; of a long period by quarter or year.

    Of the whole and, where a breakdown is chosen, of each of its parts.
    """
    scope = replace(scope, stages=(stage,), grain=grain_of(scope))
    here, before = _trend(m, scope, stage, skip_zero), scope.compared
    return replace(here, comparison=_trend(m, before.whole, stage, skip_zero)) if before else here


def _trend(m: Modelled, scope: Scope, stage: str, skip_zero: bool) -> Trend:
    groups, n, asked = _groups(m, scope, [stage])
    parted = groups.split(lengths(m, scope, [stage], skip_zero))
    period = local_floor(parted.c.entered_at, scope.grain, scope.calendar)
    counted = by_bin(parted, [parted.c.part, period])
    schema = pa.schema([("part", pa.int64()), ("period", pa.date32()), *BIN])
    found: dict[tuple[Part, date], LifeTable] = {}
    # Many stays are broken down part by part, so that no answer has more rows than a warehouse gives.
    for only in groups.parts if n > MAX_ROWS else [None]:
        table, rendered = m.ask(counted if only is None else counted.where(counted.selected_columns.k0 == only), schema)
        found |= {key: life_table(rows) for key, rows in rows_of(table).items()}
        asked.append(rendered)
    periods = periods_of(scope, [period for _, period in found])

    def months(parts: Sequence[Part]) -> tuple[Month, ...]:
        own = [[found[p, day] for p in parts if (p, day) in found] for day in periods]
        return tuple(Month(day, joined(tables)) for day, tables in zip(periods, own, strict=True))

    told = {part: months([part]) for part in groups.parts}
    return Trend(scope, stage, months(groups.parts or [None]), groups.told(told), statements=tuple(asked))


def grain_of(scope: Scope) -> str:
    """Months, or the next coarser periods of which there are few; quarters where the period has no bounds."""
    if scope.start is None:
        return "quarter"
    end = scope.end or scope.calendar.day(scope.as_of)
    fits = (g for g in ("month", "quarter") if len(scope.calendar.bins(scope.start, end, g)) <= MOST_PERIODS)
    return next(fits, "year")


def chosen(model: StageModel, scope: Scope) -> list[str]:
    """The progress stages asked for, in the order of the model."""
    return [s.key for s in model.progress if not scope.stages or s.key in scope.stages]


def _groups(m: Modelled, scope: Scope, stages: list[str]) -> tuple[Groups, int, list[Rendered]]:
    """The parts of the breakdown by stays, and how many stays there are in them; none without a breakdown."""
    if not scope.by:
        return Groups(scope, {}), 0, []
    s, segment = m.stays.c, m.segment_column(m.stays, scope)
    where = [s.move != "repeat", s.stage.in_(stages), *in_period(s.entered_at, scope)]
    statement = sa.select(segment.label("segment"), sa.func.count().label("n")).group_by(segment)
    table, rendered = m.ask(
        statement.where(*where, *m.filtered(m.stays, scope.filters)),
        pa.schema([("segment", pa.string()), ("n", pa.int64())]),
    )
    sizes = {row["segment"]: row["n"] for row in table.to_pylist()}
    return Groups(scope, sizes), sum(sizes.values()), [rendered]


def lengths(m: Modelled, scope: Scope, stages: Iterable[str], skip_zero: bool = False) -> sa.Subquery:
    """Stays entered in the period: segment, stage, entered_at, us (microseconds in it by as_of), outcome."""
    s = m.stays.c
    still = sa.or_(s.exited_at.is_(None), s.exited_at > scope.as_of)
    until = sa.case((still, sa.literal(scope.as_of, s.entered_at.type)), else_=s.exited_at)
    statement = sa.select(
        m.segment_column(m.stays, scope).label("segment"),
        s.stage,
        s.entered_at,
        elapsed(s.entered_at, until).label("us"),
        outcome_of(s, m.model, scope).label("outcome"),
    ).where(s.move != "repeat", s.stage.in_(list(stages)), *in_period(s.entered_at, scope))
    if skip_zero:
        statement = statement.where(sa.or_(still, s.exited_at > s.entered_at))
    return statement.where(*m.filtered(m.stays, scope.filters)).subquery("lengths")


def outcome_of(c: sa.ColumnCollection, model: StageModel, scope: Scope) -> sa.ColumnElement:
    """How a stay had ended by as_of: advanced, went back, an exit's key, or still open."""
    cases: list[tuple[sa.ColumnElement[bool], sa.ColumnElement]] = [
        (sa.or_(c.exited_at.is_(None), c.exited_at > scope.as_of), sa.literal(OPEN)),
        *((c.next_stage == exit_.key, sa.literal(exit_.key)) for exit_ in model.exits),
    ]
    for i, stage in enumerate(model.progress):
        higher = [s.key for s in model.progress[i + 1 :]]
        if higher:
            cases.append((sa.and_(c.stage == stage.key, c.next_stage.in_(higher)), sa.literal(ADVANCED)))
    return sa.case(*cases, else_=sa.literal(BACK))


def bin_of(us: sa.ColumnElement, open_: sa.ColumnElement[bool]) -> sa.ColumnElement:
    """The lower edge, in microseconds, of the bin that a duration lies in; NO_TIME for what ended without any."""
    return sa.case(
        (sa.and_(us == microseconds(timedelta()), sa.not_(open_)), sa.literal_column(str(NO_TIME))),
        (us < microseconds(FINE), us - sa.func.mod(us, microseconds(HOUR))),
        else_=us - sa.func.mod(us, microseconds(DAY)),
    )


def by_bin(base: sa.Subquery, keys: list[sa.ColumnElement]) -> sa.Select:
    """Stays by `keys`, bin and outcome. The inner query names them, as an engine may not group by an expression."""
    named = [key.label(f"k{i}") for i, key in enumerate(keys)]
    edge = bin_of(base.c.us, base.c.outcome == OPEN).label("bin")
    binned = sa.select(*named, edge, base.c.outcome).subquery("binned")
    return sa.select(*binned.c, sa.func.count().label("n")).group_by(*binned.c)


def rows_of(table: pa.Table) -> dict[tuple[Any, ...], list[tuple[int, str, int]]]:
    """(bin, outcome, n) by whatever stands before them."""
    out: dict[tuple[Any, ...], list[tuple[int, str, int]]] = {}
    for *key, edge, outcome, n in zip(*(column.to_pylist() for column in table.columns), strict=True):
        out.setdefault(tuple(key), []).append((edge, outcome, n))
    return out


def life_table(rows: Iterable[tuple[int, str, int]]) -> LifeTable:
    """A life table of (bin, outcome, n)."""
    binned: dict[tuple[float, str], int] = {}
    zero = 0
    for edge, outcome, n in rows:
        zero += n if edge == NO_TIME else 0
        key = max(edge, 0) / 1e6, outcome
        binned[key] = binned.get(key, 0) + n
    made: tuple[Row, ...] = tuple((seconds, outcome, n) for (seconds, outcome), n in binned.items())
    return LifeTable(made, zero)
