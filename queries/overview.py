"""What the overview asks beyond the funnel: entries per stage, targets of whole months, and who has waited too long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.attention import Waiting
from lifecycle.funnel import Steps, steps_of
from lifecycle.scope import Scope
from lifecycle.volumes import Attainment, Volume, Volumes, periods_of, whole_months
from queries.counted import in_period
from queries.dialect import local_floor
from queries.modelled import Modelled
from queries.stalled import limits_of
from queries.yardsticks import yardsticks

ENTRIES = pa.schema([("place", pa.int64()), ("period", pa.date32()), ("n", pa.int64())])
DAY, AGES = 86_400.0, 36_500  # seconds of a day; days that reach back before any event
STOCK = pa.schema([("stage", pa.string()), ("n", pa.int64()), ("over", pa.int64())])


def volumes(m: Modelled, scope: Scope) -> Volumes:
    """Entries to each stage of the chain in the period, by its grain; the same for the compared period.

    Counted as the funnel's basis `period` counts them: the first entry of a journey to a stage or to any later one.
    """
    here = _volumes(m, scope)
    return replace(here, comparison=_volumes(m, scope.compared)) if scope.compared else here


def attainment(m: Modelled, scope: Scope) -> tuple[Attainment, ...]:
    """Entries beside targets for the months of the period that are over; stages without a target are left out.

    Empty under filters and where no month is whole: a target is the whole company's, for a whole month.
    """
    whole = whole_months(scope)
    if whole is None or scope.filters or not whole.start or not whole.end:
        return ()
    latest = replace(whole, start=scope.calendar.step(whole.end, "month", -1))
    steps = _chain(m, whole)
    aimed, aimed_latest = (yardsticks(m, s, steps).targets for s in (whole, latest))
    if not aimed:
        return ()
    found = _volumes(m, replace(scope, grain="month"))  # and not of `whole`: of a long period, `volumes` asks just this
    months = [i for i, month in enumerate(found.periods) if whole.start <= month < whole.end]
    return tuple(
        Attainment(
            stage=row.stage,
            label=row.label,
            month=found.periods[months[-1]],
            entered=row.bins[months[-1]],
            target=aimed_latest.get(row.stage),
            n_months=len(months),
            whole_entered=sum(row.bins[i] for i in months),
            whole_target=aimed.get(row.stage),
        )
        for row in found.rows
        if row.stage in aimed
    )


def waiting(m: Modelled, scope: Scope) -> tuple[Waiting, ...]:
    """For each stage in which one can stall: how many are in it at as_of, and how many for longer than its limit.

    The limit is the stage's own; without one, before the purchase, the time in which nine in ten of those went on who
    went on by as_of. The period plays no part.
    """
    limits = {limit.stage: limit.seconds / DAY for limit in limits_of(m, scope, "own", None)[0]}
    if not limits:
        return ()
    s = m.stays.c
    late = [
        sa.and_(s.stage == stage, s.entered_at < scope.as_of - timedelta(days=min(days, AGES)))
        for stage, days in limits.items()
    ]
    over = sa.cast(sa.func.sum(sa.case((sa.or_(*late), 1), else_=0)), sa.BigInteger()).label("over")
    still_in = sa.or_(s.exited_at.is_(None), s.exited_at > scope.as_of)
    where = [s.move != "repeat", s.entered_at <= scope.as_of, still_in, *m.filtered(m.stays, scope.filters)]
    statement = sa.select(s.stage, sa.func.count().label("n"), over).where(*where).group_by(s.stage)
    table, rendered = m.ask(statement, STOCK)
    found = {row["stage"]: row for row in table.to_pylist()}
    return tuple(
        Waiting(stage, days, found[stage]["n"], found[stage]["over"], (rendered,))
        for stage, days in limits.items()
        if stage in found
    )


def _chain(m: Modelled, scope: Scope) -> Steps:
    return steps_of(m.model, replace(scope, count="passed", stages=()))


def _volumes(m: Modelled, scope: Scope) -> Volumes:
    chain = _chain(m, scope).chain
    table, rendered = m.ask(_entries(m, scope, [s.key for s in chain]), ENTRIES)
    counts: dict[tuple[int, date], int] = {(row["place"], row["period"]): row["n"] for row in table.to_pylist()}
    periods = periods_of(scope, [period for _, period in counts])
    rows = tuple(
        Volume(stage.key, stage.label, tuple(counts.get((place, period), 0) for period in periods))
        for place, stage in enumerate(chain)
    )
    return Volumes(scope, tuple(periods), rows, None, (rendered,))


def _entries(m: Modelled, scope: Scope, stages: Sequence[str]) -> sa.Select:
    """One row per stage and period that had entries."""
    parts = []
    for place, stage in enumerate(stages):
        reached = m.journeys.c[f"{stage}_passed_at"]
        period = local_floor(reached, scope.grain, scope.calendar).label("period")
        number = sa.literal_column(str(place), sa.BigInteger()).label("place")
        parts.append(
            sa.select(number, period).where(*in_period(reached, scope), *m.filtered(m.journeys, scope.filters))
        )
    dated = (sa.union_all(*parts) if len(parts) > 1 else parts[0]).subquery("entries")
    return sa.select(dated.c.place, dated.c.period, sa.func.count().label("n")).group_by(dated.c.place, dated.c.period)
