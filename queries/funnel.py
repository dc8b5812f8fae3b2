"""The funnel, asked: from a scope to counts per segment, furthest stage and fate, and from them to the answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.funnel import Funnel, Outcome, StageRow, Steps, TrendRow, immature, steps_of, tally
from lifecycle.scope import Scope
from queries import counted, entries, measures
from queries.dialect import local_floor
from queries.groups import Groups, Part, sized
from queries.modelled import Modelled
from queries.spend import Spend, acquisition_spend
from queries.warehouse import Rendered
from queries.yardsticks import yardsticks


@dataclass(frozen=True)
class Trend:
    """The answer to `trend`: per period, part and stage, in order."""

    rows: tuple[TrendRow, ...]
    statements: tuple[Rendered, ...]


def funnel(m: Modelled, scope: Scope) -> Funnel:
    """How many journeys reach each stage, what becomes of the others, and the rates that follow.

    The whole, its segments, and the same for the compared period, whose as_of is shifted by the same span. Cohort:
    journeys whose first counted stage falls in the period. Period: entries to each stage in it. Stock: who is in each
    stage at as_of. Rates are shares of those that are due, with Wilson's interval.
    """
    asked = {"cohort": _cohort, "period": entries.period, "stock": entries.stock}[scope.basis]
    here = asked(m, scope)
    return replace(here, comparison=asked(m, scope.compared)) if scope.compared else here


def counts(m: Modelled, scope: Scope) -> Funnel:
    """What became of the cohort, its rates and their benchmarks: `funnel` without people, times, scores and money."""
    here = _counts(m, scope)
    return replace(here, comparison=_counts(m, scope.compared)) if scope.compared else here


def trend(m: Modelled, scope: Scope) -> Trend:
    """Per period and segment, how many journeys started and how many of them reached each stage.

    A journey belongs to the period of its first counted stage. Periods without entries stay, as zeros; months sum to
    the whole. A period is immature while the window, or the time in which nine in ten of the finished journeys came
    from the first to the last stage, has not passed since its end. On the basis `period`, entries to each stage per
    period; on `stock`, nothing.
    """
    if scope.basis != "cohort":
        return _entries_trend(m, scope) if scope.basis == "period" else Trend((), ())
    steps = steps_of(m.model, scope)
    base = counted.population(m, scope, steps)
    groups, asked = sized(m, scope, base)
    parted = groups.split(base)
    dated = sa.select(parted, local_floor(parted.c.t1, scope.grain, scope.calendar).label("period")).subquery("dated")
    c, sums = dated.c, counted.summed(dated, steps)
    young = sa.func.count(sa.case((c.young == 1, 1))).label("young")
    numbers = [(name, pa.int64()) for name in ("part", "young", *(s.name for s in sums))]
    statement = sa.select(c.period, c.part, young, *sums).group_by(c.period, c.part)
    table, rendered = m.ask(statement, pa.schema([("period", pa.date32()), *numbers]))
    found = {(row["period"], row["part"]): row for row in table.to_pylist()}
    periods, coarser = _periods(scope, [period for period, _ in found])
    if coarser:
        return trend(m, coarser)
    cycle, timed = measures.cycle(m, steps, base) if scope.window is None else (None, None)
    rows = []
    for period in periods:
        young_still = _is_immature(scope, period, cycle)
        for part in groups.parts or [None]:
            row = found.get((period, part), {})
            for i, (place, stage, is_side) in enumerate(steps.rows):
                not_due = row.get("young", 0) if place == 1 and not is_side else 0
                label = groups.label(part)
                rows.append(TrendRow(period, label, stage.key, row.get(f"n{i}", 0), not_due, young_still))
    return Trend(tuple(rows), tuple(s for s in (rendered, *asked, timed) if s))


def _entries_trend(m: Modelled, scope: Scope) -> Trend:
    """Entries to each stage per period, of whomever."""
    found, rendered = entries.over_time(m, scope)
    n = {(period, stage): n for period, stage, n in found}
    periods, coarser = _periods(scope, [period for period, *_ in found])
    if coarser:
        return trend(m, coarser)
    stages = [stage.key for _, stage, _ in steps_of(m.model, scope).rows]
    rows = [
        TrendRow(p, {}, stage, n.get((p, stage), 0), 0, _is_immature(scope, p, None))
        for p in periods
        for stage in stages
    ]
    return Trend(tuple(rows), (rendered,))


def _periods(scope: Scope, found: list[date]) -> tuple[list[date], Scope | None]:
    """Every period that has begun, of the scope or where it is open of what was found; or the scope by longer ones.

    Of a scope without bounds only the answer tells how many periods there are.
    """
    today = scope.calendar.day(scope.as_of) + timedelta(days=1)
    start, end = scope.start or min(found, default=None), min(scope.end or today, today)
    if start is None:
        return [], None
    grain = scope.calendar.finest(start, end, scope.grain)
    if grain != scope.grain:
        return [], replace(scope, grain=grain)
    return scope.calendar.bins(start, end, grain), None


def _is_immature(scope: Scope, period: date, cycle: float | None) -> bool:
    ends = scope.calendar.instant(scope.calendar.step(period, scope.grain))
    return immature(ends, scope.as_of, scope.window, cycle)


@dataclass(frozen=True)
class _Cohort:
    """A counted population: its parts, and their rows with nothing beside them."""

    steps: Steps
    groups: Groups
    rows: dict[Part, list[StageRow]]
    statement: Rendered


def _counted(m: Modelled, scope: Scope) -> _Cohort:
    steps = steps_of(m.model, scope)
    outcomes, statement = _outcomes(m, steps, counted.population(m, scope, steps))
    sizes: dict[str | None, int] = {}
    for o in outcomes:
        sizes[o.segment] = sizes.get(o.segment, 0) + o.n
    groups = Groups(scope, sizes)
    inside = {part: set(groups.values(part)) for part in (None, *groups.parts)}
    rows = {p: tally(steps, [o for o in outcomes if o.segment in inside[p]], groups.label(p)) for p in inside}
    return _Cohort(steps, groups, rows, statement)


def _outcomes(m: Modelled, steps: Steps, base: sa.Subquery) -> tuple[list[Outcome], Rendered]:
    """Counts by segment, furthest stage, fate and side stages: the one statement that the bars come from."""
    c = base.c
    exited = c.fate == "exited"
    keys = [
        c.segment,
        c.furthest,
        c.fate,
        sa.case((exited, c.exit_stage)).label("exit_stage"),
        sa.case((exited, c.exit_reason)).label("exit_reason"),
        *(c[f"side{i}"] for i in range(1, len(steps.side) + 1)),
    ]
    text = {"segment", "fate", "exit_stage", "exit_reason"}
    schema = pa.schema([*((k.name, pa.string() if k.name in text else pa.int64()) for k in keys), ("n", pa.int64())])
    inner = sa.select(*keys).subquery("told")
    statement = sa.select(inner, sa.func.count().label("n")).group_by(*inner.c)
    table, rendered = m.ask(statement, schema)
    outcomes = []
    for row in table.to_pylist():
        segment, furthest, fate, exit_stage, exit_reason, *side, n = row.values()
        outcomes.append(Outcome(segment, furthest, fate, exit_stage, exit_reason, tuple(map(bool, side)), n))
    return outcomes, rendered


def _counts(m: Modelled, scope: Scope) -> Funnel:
    cohort = _counted(m, scope)
    yard = yardsticks(m, scope, cohort.steps)
    rows = [replace(row, benchmark=yard.benchmarks.get(row.stage)) for part in cohort.rows.values() for row in part]
    statements = (cohort.statement, *yard.statements)
    return Funnel(m.model.name, m.build.id, scope, tuple(rows), statements=statements, other=cohort.groups.other)


def _cohort(m: Modelled, scope: Scope) -> Funnel:
    cohort = _counted(m, scope)
    steps, groups = cohort.steps, cohort.groups
    beside, measured = measures.measured(m, scope, steps, groups) if groups.all else ({}, ())
    spent = acquisition_spend(m, scope, None)
    spent_by = acquisition_spend(m, scope, scope.by) if scope.by else Spend()
    yard = yardsticks(m, scope, steps)
    nothing = 0.0 if "deals" in m.sources else None
    rows: list[StageRow] = []
    for part, counts_alone in cohort.rows.items():
        cost = spent.total if part is None else spent_by.of(groups.values(part))
        aside = beside.get(part, measures.Measures())
        for i, row in enumerate(counts_alone):
            rows.append(
                replace(
                    row,
                    entities=aside.entities[i] if aside.entities else 0,
                    skipped=aside.skipped[i] if aside.skipped else 0,
                    seconds_from_previous=aside.seconds[i] if aside.seconds else None,
                    score=aside.score[i] if aside.score else None,
                    amount=aside.amount[i] if aside.amount else nothing,
                    cost_per_entry=cost / row.entered if cost is not None and row.entered else None,
                    target=yard.targets.get(row.stage) if part is None else None,
                    benchmark=yard.benchmarks.get(row.stage),
                )
            )
    touched = beside.get(None, measures.Measures()).touched
    statements = (cohort.statement, *measured, *spent.statements, *spent_by.statements, *yard.statements)
    return Funnel(m.model.name, m.build.id, scope, tuple(rows), touched, statements=statements, other=groups.other)
