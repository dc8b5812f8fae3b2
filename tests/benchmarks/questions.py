"""Questions: what the pages ask, beside ClickHouse and pandas on the raw events, and beside a bare scan."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.scope import Scope
from lifecycle.segments import Choice
from queries import counted, funnel
from queries.contacts import Bar, records
from queries.modelled import Modelled
from queries.warehouse import Rendered
from tests.benchmarks import clickhouse, company, frames
from tests.benchmarks.measure import MODEL, Line, alone, kind, middle, repeated, seconds

STAGES = ("subscriber", "lead", "mql", "sql", "opportunity", "customer")  # all entered by raw events, none by facts
GOAL_CLICKHOUSE, GOAL_SCAN = 10, 3
HEADLINE = "Funnel, a quarter"
OURS: dict[str, Callable[[Modelled, Scope], Any]] = {
    "funnel": funnel.funnel,
    "trend": funnel.trend,
    "period": funnel.funnel,
    "stock": funnel.funnel,
    "records": lambda m, scope: records(m, scope, Bar("lead")),
}
YEAR, QUARTER = (date(2025, 8, 1), date(2026, 8, 1)), (date(2026, 4, 1), date(2026, 7, 1))


@dataclass(frozen=True)
class Taken:
    """Median seconds of one question and of its rivals; `last` are those who reached the last step, here and there."""

    ours: float
    clickhouse: float
    scan: float
    bars: float | None
    segmented: float | None
    last: tuple[int, int] | None


def scopes(m: Modelled) -> dict[str, Scope]:
    """The questions by name: of two regions, broken down by source, except where the name says otherwise."""
    regions = m.catalog.get("region")
    assert regions
    base = Scope(
        MODEL, m.build.as_of, *QUARTER, stages=STAGES, window=timedelta(days=90), by="source",
        filters=(Choice("region", tuple(regions.values[:2])),),
    )  # fmt: skip
    everyone = replace(base, start=None, end=None, filters=(), by=None)
    return {
        HEADLINE: base,
        "Funnel, a year": replace(base, start=YEAR[0], end=YEAR[1]),
        "Funnel, all time, everyone": everyone,
        "Funnel in this order, a quarter": replace(base, count="ordered"),
        "Trend by month, a year": replace(base, start=YEAR[0], end=YEAR[1]),
        "Period basis, a quarter": replace(base, basis="period"),
        "Stock": replace(base, basis="stock"),
        "Records behind a bar, a quarter": base,
    }


def measure(folder: Path, repeat: int, say: Callable[[str], None]) -> list[Line]:
    say("asking the warehouse and ClickHouse")
    taken, _ = alone(asked, folder, repeat)
    say("asking pandas")
    with_pandas, _ = alone(in_frames, folder, min(repeat, 3))
    lines: list[Line] = []
    for name, t in taken.items():
        rivals = [f"ClickHouse {seconds(t.clickhouse)}"]
        rivals += [f"segments on each event {seconds(t.segmented)}"] if t.segmented else []
        rivals += [f"pandas {seconds(middle(with_pandas[name]))}", f"bare scan {seconds(t.scan)}"]
        lines.append(Line(f"{name}: whole answer", seconds(t.ours), "; ".join(rivals)))
        if t.bars:
            faster, slower = t.clickhouse / t.bars, t.bars / t.scan
            told = f"ClickHouse × {faster:.1f}, bare scan × {slower:.1f}"
            told += f"; reached the last step {t.last[0]:,}, ClickHouse {t.last[1]:,}" if t.last else ""
            goal = f"ClickHouse at least × {GOAL_CLICKHOUSE}, scan at most × {GOAL_SCAN}" if name == HEADLINE else ""
            met = faster >= GOAL_CLICKHOUSE and slower <= GOAL_SCAN if goal else None
            lines.append(Line("… its bars alone: who came how far", seconds(t.bars), told, goal, met))
    return lines


def in_frames(folder: Path, repeat: int) -> dict[str, list[float]]:
    return frames.timed(folder, company.model(), scopes(company.opened(folder)), repeat)


def asked(folder: Path, repeat: int) -> dict[str, Taken]:
    """Every question in turn, each asked of all engines before the next, so that a busy machine is busy for all."""
    m = company.opened(folder)
    rival = clickhouse.Rival(folder, m.model)
    return {name: _taken(m, rival, name, scope, repeat) for name, scope in scopes(m).items()}


def _taken(m: Modelled, rival: clickhouse.Rival, name: str, scope: Scope, repeat: int) -> Taken:
    is_funnel = kind(name) == "funnel"
    ours, theirs = partial(OURS[kind(name)], m, scope), getattr(rival, kind(name))(scope)
    statements = ours().statements
    scanned = scans(m, scope, statements[:1] if is_funnel else statements)
    runs: list[Callable[[], Any]] = [ours, partial(rival.ask, theirs), lambda: [m.warehouse.query(s) for s in scanned]]
    if is_funnel:
        runs += [partial(_run, m, statements[0]), partial(rival.ask, rival.funnel(scope, "segmented"))]
    rounds: list[list[float]] = []
    repeated(lambda: rounds.append([repeated(run, 1)[0] for run in runs]), repeat + 1)
    measured = rounds[1:] or rounds  # the first warms up
    medians = [middle(list(column)) for column in zip(*measured, strict=True)]
    last = (ours().whole[-1].entered, rival.ask(theirs)) if is_funnel else None
    return Taken(*medians[:3], *(medians[3:] or (None, None)), last)


def _run(m: Modelled, statement: Rendered) -> pa.Table:
    return m.warehouse._fetch(statement.text, statement.parameters, None)


def scans(m: Modelled, scope: Scope, statements: Iterable[Rendered]) -> list[sa.Select]:
    """For each modelled table that the statements read: the values counted in the same columns of the same rows."""
    read: dict[str, set[str]] = {}
    for statement in statements:
        plan = _run(m, replace(statement, text=f"EXPLAIN (FORMAT json) {statement.text}"))
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
