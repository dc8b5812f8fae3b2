"""The funnel, asked: from a scope to counts per segment, furthest stage and fate, and from them to the answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.funnel import (
    OTHER,
    Funnel,
    Outcome,
    StageRow,
    Steps,
    TrendRow,
    immature,
    side_by_side,
    steps_of,
    tally,
)
from lifecycle.scope import Scope
from queries import counted, measures
from queries.dialect import local_floor
from queries.measures import OTHERS, Part
from queries.modelled import Modelled
from queries.warehouse import Rendered


def funnel(m: Modelled, scope: Scope) -> Funnel:
    """The funnel of a scope: the whole, its segments, and the same for the compared period (shifted as_of)."""
    asked = {"cohort": _cohort, "period": _period, "stock": _stock}[scope.basis]
    here = asked(m, scope)
    return replace(here, comparison=asked(m, scope.compared)) if scope.compared else here


def trend(m: Modelled, scope: Scope) -> tuple[tuple[TrendRow, ...], tuple[Rendered, ...]]:
    """Per period of the first stage and per segment, how many journeys started and how many reached each stage.

    Periods without entries stay, as zeros; months sum to the whole. Immature periods are marked.
    """
    steps = steps_of(m.model, scope)
    base = counted.population(m, scope, steps)
    groups, asked = _groups(m, scope, steps, base)
    parted = groups.split(base)
    dated = sa.select(parted, local_floor(parted.c.t1, scope.grain, scope.calendar).label("period")).subquery("dated")
    c, sums = dated.c, measures.summed(dated, steps)
    young = sa.cast(sa.func.sum(c.young), sa.BigInteger()).label("young")
    counts = [(name, pa.int64()) for name in ("part", "young", *(s.name for s in sums))]
    statement = sa.select(c.period, c.part, young, *sums).group_by(c.period, c.part)
    table, rendered = m.ask(statement, pa.schema([("period", pa.date32()), *counts]))
    cycle = None
    if not scope.window:
        cycle = measures.measured(m, steps, _whole(base))[0].get(None, measures.Measures()).cycle_p90
    return tuple(_trend_rows(scope, steps, groups, table.to_pylist(), cycle)), (asked, rendered)


class _Groups:
    """The parts of a breakdown: the top values by entries, then Other. Without a breakdown, the whole alone."""

    def __init__(self, scope: Scope, outcomes: list[Outcome]) -> None:
        self.by, self.outcomes = scope.by, outcomes
        sizes: dict[str | None, int] = {}
        for o in outcomes:
            sizes[o.segment] = sizes.get(o.segment, 0) + o.n
        ranked = sorted(sizes, key=lambda v: (-sizes[v], v is None, v or ""))
        self.shown = ranked[: scope.top] if scope.by else []
        self.rest = ranked[scope.top :] if scope.by else []

    @property
    def parts(self) -> list[Part]:
        return [*range(len(self.shown)), *([OTHERS] if self.rest else [])] if self.by else []

    def label(self, part: Part) -> dict[str, str | None]:
        """`{segment: value}` of a part, `{}` of the whole."""
        if part is None or self.by is None:
            return {}
        return {self.by: OTHER if part == OTHERS else self.shown[part]}

    def of(self, part: Part) -> list[Outcome]:
        if part is None:
            return self.outcomes
        values = self.rest if part == OTHERS else [self.shown[part]]
        return [o for o in self.outcomes if o.segment in values]

    def split(self, base: sa.FromClause) -> sa.Subquery:
        """The population with the part that each row belongs to."""
        if not self.by:
            return _whole(base)
        c = base.c.segment
        cases = [(c == v if v is not None else c.is_(None), _place(i)) for i, v in enumerate(self.shown)]
        part = sa.case(*cases, else_=_place(OTHERS)) if cases else _place(OTHERS)
        return sa.select(base, part.label("part")).subquery("parted")


def _place(number: int) -> sa.ColumnElement:
    return sa.literal_column(str(number), sa.BigInteger())


def _whole(base: sa.FromClause) -> sa.Subquery:
    return sa.select(base, sa.cast(sa.null(), sa.BigInteger()).label("part")).subquery("whole")


def _groups(m: Modelled, scope: Scope, steps: Steps, base: sa.Subquery) -> tuple[_Groups, Rendered]:
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
    return _Groups(scope, outcomes), rendered


def _cohort(m: Modelled, scope: Scope) -> Funnel:
    steps = steps_of(m.model, scope)
    base = counted.population(m, scope, steps)
    groups, asked = _groups(m, scope, steps, base)
    beside: dict[Part, measures.Measures] = {}
    money: dict[Part, list[float]] = {}
    statements = [asked]
    for parted in [_whole(base), *([groups.split(base)] if scope.by else [])]:
        found, measured = measures.measured(m, steps, parted)
        won, priced = measures.amounts(m, scope, steps, parted)
        beside, money = beside | found, money | won
        statements += [measured, priced]
    spend = measures.acquisition_spend(m, scope, None) or {}
    spend_by = (measures.acquisition_spend(m, scope, scope.by) or {}) if scope.by else {}
    yard = measures.yardsticks(m, scope, steps)
    rows: list[StageRow] = []
    for part in [None, *groups.parts]:
        label = groups.label(part)
        cost = spend.get("") if part is None else None if part == OTHERS else spend_by.get(next(iter(label.values())))
        aside = beside.get(part, measures.Measures())
        for i, row in enumerate(tally(steps, groups.of(part), label)):
            implied = scope.count == "passed" and not row.optional and aside.skipped
            rows.append(
                replace(
                    row,
                    entities=aside.entities[i] if aside.entities else 0,
                    skipped=aside.skipped[i] if implied else 0,
                    seconds_from_previous=aside.seconds[i] if aside.seconds else None,
                    score=aside.score[i] if aside.score else None,
                    amount=money[part][i] if part in money else (0.0 if "deals" in m.sources else None),
                    cost_per_entry=cost / row.entered if cost is not None and row.entered else None,
                    target=yard.targets.get(row.stage) if part is None else None,
                    benchmark=yard.benchmarks.get(row.stage),
                )
            )
    touched = beside.get(None, measures.Measures()).touched
    return Funnel(m.model.name, m.build.id, scope, tuple(rows), touched, (), None, tuple(statements))


def _period(m: Modelled, scope: Scope) -> Funnel:
    """Entries to each stage in the period, beside entries to the stage before in the same period."""
    steps, j = steps_of(m.model, scope), m.journeys.c
    suffix = "passed_at" if scope.count == "passed" else "at"
    tests = []
    for _, stage, is_side in steps.rows:
        at = j[f"{stage.key}_{'at' if is_side else suffix}"]
        tests.append(sa.and_(at.is_not(None), *counted.in_period(at, scope)))
    sums = [sa.func.count(sa.case((t, 1))).label(f"n{i}") for i, t in enumerate(tests)]
    people = [sa.func.count(sa.case((t, j.entity_id)).distinct()).label(f"e{i}") for i, t in enumerate(tests)]
    segment = m.segment_column(m.journeys, scope).label("segment")
    schema = pa.schema([("segment", pa.string()), *((c.name, pa.int64()) for c in (*sums, *people))])
    where = [sa.or_(*tests), *m.filtered(m.journeys, scope.filters)]
    inner = sa.select(segment, *sums, *people).where(*where)
    table, rendered = m.ask(inner.group_by(segment), schema)
    found = {row["segment"]: [row[s.name] for s in sums] for row in table.to_pylist()}
    distinct = {row["segment"]: [row[e.name] for e in people] for row in table.to_pylist()}
    return _counts_only(m, scope, steps, found, distinct, (rendered,))


def _stock(m: Modelled, scope: Scope) -> Funnel:
    """How many are in each stage at as_of: entered by then, not left by then."""
    steps, s = steps_of(m.model, replace(scope, count="passed")), m.stays.c
    segment = m.segment_column(m.stays, scope).label("segment")
    still_in = sa.or_(s.exited_at.is_(None), s.exited_at > scope.as_of)
    where = [s.move != "repeat", s.entered_at <= scope.as_of, still_in]
    statement = sa.select(
        segment, s.stage, sa.func.count().label("n"), sa.func.count(s.entity_id.distinct()).label("e")
    )
    statement = statement.where(*where, *m.filtered(m.stays, scope.filters)).group_by(segment, s.stage)
    schema = pa.schema([("segment", pa.string()), ("stage", pa.string()), ("n", pa.int64()), ("e", pa.int64())])
    table, rendered = m.ask(statement, schema)
    place = {stage.key: i for i, (_, stage, _) in enumerate(steps.rows)}
    found: dict[str | None, list[int]] = {}
    distinct: dict[str | None, list[int]] = {}
    for row in table.to_pylist():
        for into, n in ((found, row["n"]), (distinct, row["e"])):
            counts = into.setdefault(row["segment"], [0] * len(place))
            if row["stage"] in place:
                counts[place[row["stage"]]] = n
    return _counts_only(m, scope, steps, found, distinct, (rendered,))


def _counts_only(
    m: Modelled,
    scope: Scope,
    steps: Steps,
    found: dict[str | None, list[int]],
    distinct: dict[str | None, list[int]],
    statements: tuple[Rendered, ...],
) -> Funnel:
    """Rows that have counts and nothing else: no conservation, no intervals."""
    ranked = sorted(found, key=lambda v: (-sum(found[v]), v is None, v or ""))
    top, rest = ranked[: scope.top], ranked[scope.top :]
    groups: list[tuple[dict[str, str | None], list[str | None]]] = [({}, ranked)]
    if scope.by:
        groups += [({scope.by: v}, [v]) for v in top] + ([({scope.by: OTHER}, rest)] if rest else [])
    rows: list[StageRow] = []
    for label, values in groups:
        made = []
        for i, (_, stage, is_side) in enumerate(steps.rows):
            entered = sum(found[v][i] for v in values)
            known = len(values) == 1 or not scope.by
            people = sum(distinct[v][i] for v in values) if known else None
            made.append(StageRow(label, stage.key, stage.label, entered, is_side, people))
        rows += side_by_side(made) if scope.basis == "period" else made
    return Funnel(m.model.name, m.build.id, scope, tuple(rows), None, (), None, statements)


def _trend_rows(scope: Scope, steps: Steps, groups: _Groups, found: list[dict], cycle: float | None) -> list[TrendRow]:
    periods = _periods(scope, [row["period"] for row in found])
    counts = {(row["period"], row["part"]): row for row in found}
    out = []
    for period in periods:
        ends = scope.calendar.instant(scope.calendar.step(period, scope.grain))
        young = immature(ends, scope.as_of, scope.window, cycle)
        for part in groups.parts or [None]:
            row = counts.get((period, part))
            for i, (place, stage, is_side) in enumerate(steps.rows):
                n, waiting = (row[f"n{i}"], row["young"]) if row else (0, 0)
                not_due = waiting if place == 1 and not is_side else 0
                out.append(TrendRow(period, groups.label(part), stage.key, n, not_due, young))
    return out


def _periods(scope: Scope, found: list[date]) -> list[date]:
    """Every period of the scope that has begun by as_of; without bounds, those between the first and last found."""
    today = scope.calendar.day(scope.as_of) + timedelta(days=1)
    start, end = scope.start or min(found, default=None), min(scope.end or today, today)
    if start is None:
        return []
    grain = scope.calendar.finest(start, end, scope.grain)
    return scope.calendar.bins(start, end, grain)
