"""Time in stage, asked: the warehouse reduces stays to life tables, a few thousand rows whatever the size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from lifecycle.durations import OPEN, LifeTable, joined
from lifecycle.life_rows import Columns
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
    groups, most, asked = _groups(m, scope, stages)
    schema = stays_schema([("part", pa.int64())], m.model)
    tables: dict[tuple[str, str | None], LifeTable] = {}
    # Many stays are broken down stage by stage, so that no answer has more rows than a warehouse gives.
    for some in [stages] if most * len(stages) <= MAX_ROWS else [[stage] for stage in stages]:
        parted = groups.split(lengths(m, scope, some, skip_zero))
        table, rendered = m.ask(stays_by_bin(parted, [parted.c.part], m.model), schema)
        asked.append(rendered)
        for (stage, part), found in stay_tables(table, m.model).items():
            tables[stage, next(iter(groups.label(part).values()), None)] = found
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
    groups, most, asked = _groups(m, scope, [stage])
    parted = groups.split(lengths(m, scope, [stage], skip_zero))
    period = local_floor(parted.c.entered_at, scope.grain, scope.calendar)
    counted = stays_by_bin(parted, [parted.c.part, period], m.model)
    schema = stays_schema([("part", pa.int64()), ("period", pa.date32())], m.model)
    found: dict[tuple[Part, date], LifeTable] = {}
    # Many stays are broken down part by part, so that no answer has more rows than a warehouse gives.
    for only in [None] if most * MOST_PERIODS <= MAX_ROWS else groups.parts:
        table, rendered = m.ask(counted if only is None else counted.where(counted.selected_columns.k1 == only), schema)
        found |= {(part, day): own for (_, part, day), own in stay_tables(table, m.model).items()}
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
    """The parts of the breakdown by stays, and the most rows that an answer may have for one stage.

    Without a breakdown there is nothing to ask, and no answer is too long.
    """
    if not scope.by:
        return Groups(scope, {}), 0, []
    s, segment = m.stays.c, m.segment_column(m.stays, scope)
    where = [s.move != "repeat", s.stage.in_(stages), *in_period(s.entered_at, scope)]
    columns = [segment.label("segment"), sa.func.count().label("n"), sa.func.min(s.entered_at).label("since")]
    table, rendered = m.ask(
        sa.select(*columns).group_by(segment).where(*where, *m.filtered(m.stays, scope.filters)),
        pa.schema([("segment", pa.string()), ("n", pa.int64()), ("since", pa.timestamp("us"))]),
    )
    rows = table.to_pylist()
    groups = Groups(scope, {row["segment"]: row["n"] for row in rows})
    since = min((row["since"] for row in rows), default=scope.as_of)
    bins = 1 + FINE // HOUR + (scope.as_of - since) // DAY
    return groups, min(len(groups.parts) * bins, sum(row["n"] for row in rows)), [rendered]


def lengths(
    m: Modelled, scope: Scope, stages: Iterable[str], skip_zero: bool = False, also: Iterable[str] = ()
) -> sa.Subquery:
    """Stays entered in the period: segment, stage, entered_at, us (microseconds in it by as_of), went (null: open).

    `also`: further columns of theirs.
    """
    s = m.stays.c
    still = sa.or_(s.exited_at.is_(None), s.exited_at > scope.as_of)
    until = sa.case((still, sa.literal(scope.as_of, s.entered_at.type)), else_=s.exited_at)
    statement = sa.select(
        m.segment_column(m.stays, scope).label("segment"),
        s.stage,
        s.entered_at,
        elapsed(s.entered_at, until).label("us"),
        sa.case((sa.not_(still), s.next_stage)).label("went"),
        *(s[name] for name in also),
    ).where(s.move != "repeat", s.stage.in_(list(stages)), *in_period(s.entered_at, scope))
    if skip_zero:
        statement = statement.where(sa.or_(still, s.exited_at > s.entered_at))
    return statement.where(*m.filtered(m.stays, scope.filters)).subquery("lengths")


def ways(model: StageModel) -> tuple[str, ...]:
    """How a stay may have ended by as_of: still open, an exit's key, advanced or went back."""
    return (OPEN, *(exit_.key for exit_ in model.exits), ADVANCED, BACK)


def _rank(stage: sa.ColumnElement, model: StageModel) -> sa.ColumnElement:
    """A progress stage as its place in the model; null for an exit, and for none."""
    return sa.case(*((stage == s.key, sa.literal_column(str(i))) for i, s in enumerate(model.progress)))


def bin_of(us: sa.ColumnElement, open_: sa.ColumnElement[bool]) -> sa.ColumnElement:
    """The lower edge, in microseconds, of the bin that a duration lies in; NO_TIME for what ended without any."""
    return sa.case(
        (sa.and_(us == microseconds(timedelta()), sa.not_(open_)), sa.literal_column(str(NO_TIME))),
        (us < microseconds(FINE), us - sa.func.mod(us, microseconds(HOUR))),
        else_=us - sa.func.mod(us, microseconds(DAY)),
    )


def by_bin(base: sa.Subquery, keys: list[sa.ColumnElement]) -> sa.Select:
    """What lasted, by `keys`, bin and outcome."""
    return _counted(keys, bin_of(base.c.us, base.c.outcome == OPEN), base.c.outcome)


def stays_by_bin(base: sa.Subquery, keys: list[sa.ColumnElement], model: StageModel) -> sa.Select:
    """Stays by stage, `keys` and bin, a column per way they ended: counted by where they went, and named when few."""
    counted = _counted([base.c.stage, *keys], bin_of(base.c.us, base.c.went.is_(None)), base.c.went)
    return named(counted.subquery("counted"), model)


def binned(base: sa.Subquery, also: Iterable[str]) -> sa.Subquery:
    """Stays with the bin of their length: stage, went, bin, and these columns."""
    c = base.c
    edge = bin_of(c.us, c.went.is_(None)).label("bin")
    return sa.select(c.stage, c.went, edge, *(c[name] for name in also)).subquery("binned")


def named(counted: sa.Subquery, model: StageModel) -> sa.Select:
    """What was counted by stage (k0), further keys, bin and where they went, with a column per way they ended."""
    *keys, to, _ = counted.c
    here, there = _rank(counted.c.k0, model).label("here"), _rank(to, model).label("there")
    c = sa.select(counted, here, there).subquery("placed").c
    exits = [c[to.key] == exit_.key for exit_ in model.exits]
    ended = [c[to.key].is_(None), *exits, c.there > c.here, c.there <= c.here]  # one of `ways` each
    totals = [sa.func.sum(sa.case((test, c.n), else_=0)) for test in ended]
    columns = [sa.cast(total, sa.BigInteger()).label(f"n{i}") for i, total in enumerate(totals)]
    by = [c[key.key] for key in keys]
    return sa.select(*by, *columns).group_by(*by)


def stays_schema(keys: list[tuple[str, pa.DataType]], model: StageModel) -> pa.Schema:
    """What `stays_by_bin` gives, where its keys are these."""
    counts = [(f"n{i}", pa.int64()) for i in range(len(ways(model)))]
    return pa.schema([("stage", pa.string()), *keys, ("bin", pa.int64()), *counts])


def _counted(keys: list[sa.ColumnElement], edge: sa.ColumnElement, how: sa.ColumnElement) -> sa.Select:
    """Counts by all of them. The inner query names them, as an engine may not group by an expression."""
    named = [key.label(f"k{i}") for i, key in enumerate(keys)]
    binned = sa.select(*named, edge.label("bin"), how).subquery("binned")
    return sa.select(*binned.c, sa.func.count().label("n")).group_by(*binned.c)


def tables_of(table: pa.Table) -> dict[tuple[Any, ...], LifeTable]:
    """The life tables of (bin, outcome, n) by whatever stands before them."""
    *keys, edges, outcomes, counts = table.columns
    how, names = _numbered(outcomes)
    return _split(keys, edges.to_numpy(), how, counts.to_numpy(), names)


def stay_tables(table: pa.Table, model: StageModel) -> dict[tuple[Any, ...], LifeTable]:
    """The life tables of what `stays_by_bin` gave, by stage and keys."""
    names = ways(model)
    kept, counts = table.columns[: -len(names)], np.array([c.to_numpy() for c in table.columns[-len(names) :]])
    how, row = np.nonzero(counts)
    keys = [column.take(pa.array(row)) for column in kept]
    return _split(keys[:-1], keys[-1].to_numpy(), how, counts[how, row], names)


def _split(
    keys: list[pa.ChunkedArray], edge: np.ndarray, how: np.ndarray, n: np.ndarray, names: tuple[str, ...]
) -> dict[tuple[Any, ...], LifeTable]:
    """Rows of many life tables as each of them, by its keys."""
    encoded = [_numbered(column) for column in keys]
    group = np.zeros(len(n), np.int64)
    for numbers, values in encoded:
        group = group * max(1, len(values)) + numbers
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    found = {}
    for own in np.split(order, starts[1:]) if len(order) else ():
        key = tuple(values[numbers[own[0]]] for numbers, values in encoded)
        rows = Columns(np.maximum(edge[own], 0) / 1e6, how[own], n[own], names)
        found[key] = LifeTable(rows, int(n[own][edge[own] == NO_TIME].sum()))
    return found


def _numbered(column: pa.ChunkedArray) -> tuple[np.ndarray, tuple[Any, ...]]:
    """Values by their number, and what each number stands for; null is one of them."""
    encoded = pc.dictionary_encode(column.combine_chunks(), null_encoding="encode")
    return encoded.indices.to_numpy().astype(np.int64), tuple(encoded.dictionary.to_pylist())
