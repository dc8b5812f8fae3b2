"""Questions: what the pages ask, beside ClickHouse and pandas on the raw events, and beside a bare scan."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from lifecycle.scope import Scope
from lifecycle.segments import Choice
from queries import counted, funnel, moves
from queries.contacts import Bar, records
from queries.modelled import Modelled
from queries.warehouse import Rendered
from tests.benchmarks import clickhouse, company, frames
from tests.benchmarks.measure import MODEL, Line, alone, middle, repeated, seconds

STAGES = ("subscriber", "lead", "mql", "sql", "opportunity", "customer")  # all entered by raw events, none by facts
GOAL_CLICKHOUSE, GOAL_SCAN = 10, 3
YEAR, QUARTER = (date(2025, 8, 1), date(2026, 8, 1)), (date(2026, 4, 1), date(2026, 7, 1))


@dataclass(frozen=True)
class Question:
    """What a page asks, and the rivals' method (`kind`) that answers the same; `goal` where a goal is set for it."""

    name: str
    ask: Callable[[Modelled, Scope], Any]
    scope: Scope
    kind: str = "funnel"
    goal: bool = False


@dataclass(frozen=True)
class Taken:
    """Median seconds of one question and of its rivals; `last` are those who reached the last step, here and there."""

    ours: float
    clickhouse: float
    segmented: float
    scan: float
    last: tuple[int, int] | None


def questions(m: Modelled) -> list[Question]:
    """What the pages ask, of two regions and broken down by source, except where the name says otherwise."""
    regions = m.catalog.get("region")
    assert regions
    chosen = (Choice("region", tuple(regions.values[:2])),)
    window = timedelta(days=90)
    quarter = Scope(MODEL, m.build.as_of, *QUARTER, stages=STAGES, window=window, filters=chosen, by="source")
    year = replace(quarter, start=YEAR[0], end=YEAR[1])
    everyone = replace(quarter, start=None, end=None, filters=(), by=None)
    return [
        Question("Funnel of a quarter", funnel.counts, quarter, goal=True),
        Question("Funnel of a year", funnel.counts, year),
        Question("Funnel of all time, everyone, not broken down", funnel.counts, everyone),
        Question("Funnel of a quarter, entries in this order", funnel.counts, replace(quarter, count="ordered")),
        Question("Funnel of a quarter with people, times and money", funnel.funnel, quarter),
        Question("Funnel of a year with people, times and money", funnel.funnel, year),
        Question("Trend of a year by month", funnel.trend, year, "trend"),
        Question("Entries of a quarter", funnel.funnel, replace(quarter, basis="period"), "period"),
        Question("Stock", funnel.funnel, replace(quarter, basis="stock"), "stock"),
        Question("Moves of a year with times", moves.moves, year, "moves"),
        Question("Records behind a bar", lambda m, scope: records(m, scope, Bar("lead")), quarter, "records"),
    ]


def measure(folder: Path, repeat: int, say: Callable[[str], None]) -> list[Line]:
    """A line per question."""
    say("asking the warehouse and ClickHouse")
    taken, _ = alone(asked, folder, repeat)
    say("asking pandas")
    with_pandas, _ = alone(in_frames, folder, min(repeat, 3))
    return [_line(t, goal, name, middle(with_pandas[name])) for name, (goal, t) in taken.items()]


def _line(t: Taken, goal: bool, name: str, pandas: float) -> Line:
    faster, slower = t.clickhouse / t.ours, t.ours / t.scan
    told = (
        f"ClickHouse {seconds(t.clickhouse)} (× {faster:.1f}), with segments on each event {seconds(t.segmented)} "
        f"(× {t.segmented / t.ours:.1f}); pandas {seconds(pandas)} (× {pandas / t.ours:.0f}); "
        f"bare scan {seconds(t.scan)} (1 / {slower:.1f})"
    )
    told += f"; came to the last step: {t.last[0]:,}, in ClickHouse {t.last[1]:,}" if t.last else ""
    wanted = f"ClickHouse at least × {GOAL_CLICKHOUSE}, scan at least 1 / {GOAL_SCAN}" if goal else ""
    return Line(
        name, seconds(t.ours), told, wanted, faster >= GOAL_CLICKHOUSE and slower <= GOAL_SCAN if goal else None
    )


def in_frames(folder: Path, repeat: int) -> dict[str, list[float]]:
    """Seconds of each run of each question in pandas."""
    rival = frames.Rival(folder, company.model())
    asked = questions(company.opened(folder))
    return {q.name: repeated(partial(getattr(rival, q.kind), q.scope), repeat) for q in asked}


def asked(folder: Path, repeat: int) -> dict[str, tuple[bool, Taken]]:
    """Every question in turn, each asked of all engines before the next, so that a busy machine is busy for all."""
    m = company.opened(folder)
    rival = clickhouse.Rival(folder, m.model)
    return {q.name: (q.goal, _taken(m, rival, q, repeat)) for q in questions(m)}


def _taken(m: Modelled, rival: clickhouse.Rival, q: Question, repeat: int) -> Taken:
    answer, theirs = q.ask(m, q.scope), getattr(rival, q.kind)
    scanned = scans(m, q.scope, answer.statements)
    runs: list[Callable[[], Any]] = [
        partial(q.ask, m, q.scope),
        partial(rival.ask, theirs(q.scope, clickhouse.EVENTS)),
        partial(rival.ask, theirs(q.scope, clickhouse.SEGMENTED)),
        lambda: [m.warehouse.query(scan) for scan in scanned],
    ]
    rounds: list[list[float]] = []
    repeated(lambda: rounds.append([repeated(run, 1)[0] for run in runs]), repeat + 1)
    warm = rounds[1:] or rounds
    ours, joined, segmented, scan = (middle(list(column)) for column in zip(*warm, strict=True))
    last = (answer.whole[-1].entered, rival.ask(theirs(q.scope))) if q.kind == "funnel" else None
    return Taken(ours, joined, segmented, scan, last)


def scans(m: Modelled, scope: Scope, statements: Iterable[Rendered]) -> list[sa.Select]:
    """For each modelled table that the statements read: the values counted in the same columns of the same rows."""
    read: dict[str, set[str]] = {}
    for statement in statements:
        plan = company.rows(m, Rendered(f"EXPLAIN (FORMAT json) {statement.text}", statement.parameters))
        _collect(json.loads(plan.column(1)[0].as_py()), read)
    out = []
    for table in (m.journeys, m.stays):
        columns = next((found for name, found in read.items() if name.endswith(table.name)), set())
        where = m.filtered(table, scope.filters)
        if table is m.journeys and scope.basis == "cohort":
            where += counted.in_period(table.c[f"{STAGES[0]}_passed_at"], scope)
        if columns:
            out.append(sa.select(*(sa.func.count(table.c[name]) for name in sorted(columns))).where(*where))
    return out


def _collect(plan: list[dict[str, Any]], into: dict[str, set[str]]) -> None:
    """Columns that each table scan of a plan yields."""
    for node in plan:
        extra = node.get("extra_info", {})
        if "Table" in extra:
            columns = extra.get("Projections", [])
            into.setdefault(extra["Table"], set()).update([columns] if isinstance(columns, str) else columns)
        _collect(node.get("children", []), into)
