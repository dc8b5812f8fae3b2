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
from queries.groups import Groups, whole
from queries.measures import Part
from queries.modelled import Modelled
from queries.warehouse import Rendered


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
    """Per period of the first stage and per segment, how many journeys started and how many reached each stage.

    Periods without entries stay, as zeros; months sum to the whole. A period is immature while the window, or the time
    in which nine in ten of the finished journeys came from the first to the last stage, has not passed since its end.
    """
    steps = steps_of(m.model, scope)
    base = counted.population(m, scope, steps)
    outcomes, asked = _outcomes(m, steps, base)
    groups = _groups(scope, outcomes)
    parted = groups.split(base)
    dated = sa.select(parted, local_floor(parted.c.t1, scope.grain, scope.calendar).label("period")).subquery("dated")
    c, sums = dated.c, measures.summed(dated, steps)
    young = sa.cast(sa.func.sum(c.young), sa.BigInteger()).label("young")
    counts = [(name, pa.int64()) for name in ("part", "young", *(s.name for s in sums))]
    statement = sa.select(c.period, c.part, young, *sums).group_by(c.period, c.part)
    table, rendered = m.ask(statement, pa.schema([("period", pa.date32()), *counts]))
    found = {(row["period"], row["part"]): row for row in table.to_pylist()}
    start, end = _ends(scope, [period for period, _ in found])
    if start and (coarser := scope.calendar.finest(start, end, scope.grain)) != scope.grain:
        return trend(
            m, replace(scope, grain=coarser)
        )  # without bounds only the answer tells how many periods there are
    periods = scope.calendar.bins(start, end, scope.grain) if start else []
    cycle, timed = (None, ()) if scope.window else _cycle(m, steps, base)
    rows = _trend_rows(scope, steps, groups, periods, found, cycle)
    return Trend(tuple(rows), (asked, rendered, *timed))


def _cycle(m: Modelled, steps: Steps, base: sa.FromClause) -> tuple[float | None, tuple[Rendered, ...]]:
    """Seconds in which nine in ten of the finished journeys came from the first to the last stage."""
    found, asked = measures.measured(m, steps, whole(base))
    return found.get(None, measures.Measures()).cycle_p90, (asked,)


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


def _groups(scope: Scope, outcomes: list[Outcome]) -> Groups:
    sizes: dict[str | None, int] = {}
    for o in outcomes:
        sizes[o.segment] = sizes.get(o.segment, 0) + o.n
    return Groups(scope, sizes)


def _counts(m: Modelled, scope: Scope) -> Funnel:
    steps = steps_of(m.model, scope)
    outcomes, asked = _outcomes(m, steps, counted.population(m, scope, steps))
    groups = _groups(scope, outcomes)
    yard = measures.yardsticks(m, scope, steps)
    rows: list[StageRow] = []
    for part in [None, *groups.parts]:
        values = set(groups.values(part))
        for row in tally(steps, [o for o in outcomes if o.segment in values], groups.label(part)):
            rows.append(replace(row, benchmark=yard.benchmarks.get(row.stage)))
    statements = (asked, *yard.statements)
    return Funnel(m.model.name, m.build.id, scope, tuple(rows), statements=statements, other=groups.other)


def _cohort(m: Modelled, scope: Scope) -> Funnel:
    steps = steps_of(m.model, scope)
    base = counted.population(m, scope, steps)
    outcomes, asked = _outcomes(m, steps, base)
    groups = _groups(scope, outcomes)
    beside: dict[Part, measures.Measures] = {}
    money: dict[Part, list[float]] = {}
    statements = [asked]
    for parted in [whole(base), *([groups.split(base)] if scope.by else [])]:
        found, measured = measures.measured(m, steps, parted)
        won, priced = measures.amounts(m, scope, steps, parted)
        beside, money = beside | found, money | won
        statements += [measured, priced]
    spent = measures.acquisition_spend(m, scope, None)
    spent_by = measures.acquisition_spend(m, scope, scope.by) if scope.by else measures.Spend()
    yard = measures.yardsticks(m, scope, steps)
    rows: list[StageRow] = []
    for part in [None, *groups.parts]:
        label, values = groups.label(part), set(groups.values(part))
        cost = spent.total if part is None else spent_by.of(values)
        aside = beside.get(part, measures.Measures())
        for i, row in enumerate(tally(steps, [o for o in outcomes if o.segment in values], label)):
            rows.append(
                replace(
                    row,
                    entities=aside.entities[i] if aside.entities else 0,
                    skipped=aside.skipped[i] if aside.skipped else 0,
                    seconds_from_previous=aside.seconds[i] if aside.seconds else None,
                    score=aside.score[i] if aside.score else None,
                    amount=money[part][i] if part in money else (0.0 if "deals" in m.sources else None),
                    cost_per_entry=cost / row.entered if cost is not None and row.entered else None,
                    target=yard.targets.get(row.stage) if part is None else None,
                    benchmark=yard.benchmarks.get(row.stage),
                )
            )
    touched = beside.get(None, measures.Measures()).touched
    statements += [*spent.statements, *spent_by.statements, *yard.statements]
    return Funnel(
        m.model.name, m.build.id, scope, tuple(rows), touched, statements=tuple(statements), other=groups.other
    )


def _trend_rows(
    scope: Scope,
    steps: Steps,
    groups: Groups,
    periods: list[date],
    found: dict[tuple[date, Part], dict],
    cycle: float | None,
) -> list[TrendRow]:
    out = []
    for period in periods:
        ends = scope.calendar.instant(scope.calendar.step(period, scope.grain))
        young = immature(ends, scope.as_of, scope.window, cycle)
        for part in groups.parts or [None]:
            row = found.get((period, part))
            for i, (place, stage, is_side) in enumerate(steps.rows):
                n, waiting = (row[f"n{i}"], row["young"]) if row else (0, 0)
                not_due = waiting if place == 1 and not is_side else 0
                out.append(TrendRow(period, groups.label(part), stage.key, n, not_due, young))
    return out


def _ends(scope: Scope, found: list[date]) -> tuple[date | None, date]:
    """First day and day after the last: of the scope as far as it has begun, where it is open of what was found."""
    today = scope.calendar.day(scope.as_of) + timedelta(days=1)
    return scope.start or min(found, default=None), min(scope.end or today, today)
