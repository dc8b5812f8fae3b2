"""What a stage is held against: the company's targets for the period, and step rates seen elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.funnel import Steps
from lifecycle.periods import add_months
from lifecycle.scope import Scope
from lifecycle.stages import normalise
from queries.modelled import Modelled
from queries.warehouse import Rendered

MAX_LINES = 10_000  # of targets and benchmarks: a company has a few hundred


@dataclass(frozen=True)
class Yardsticks:
    """Entries aimed at per stage in the period, and step rates seen elsewhere per stage."""

    targets: dict[str, float] = field(default_factory=dict)
    benchmarks: dict[str, float] = field(default_factory=dict)
    statements: tuple[Rendered, ...] = ()


def yardsticks(m: Modelled, scope: Scope, steps: Steps) -> Yardsticks:
    """Targets of the whole company for the period, and benchmarks between neighbouring stages.

    A target's metric is a stage's key, or the key with `s_delivered` or `new_…s` around it; of a month that the period
    holds in part, it counts by days. Benchmark stages are keys or raw values that the model knows.
    """
    targets, aimed = _targets(m, scope, steps)
    benchmarks, seen = _benchmarks(m, steps)
    return Yardsticks(targets, benchmarks, (*aimed, *seen))


def _targets(m: Modelled, scope: Scope, steps: Steps) -> tuple[dict[str, float], tuple[Rendered, ...]]:
    source = m.sources.get("targets")
    if source is None or steps.in_turn or scope.filters or not (scope.start and scope.end):
        return {}, ()
    whole = [source.column(name).is_(None) for name in source.extra]
    statement = sa.select(source["month"], source["metric"], source["value"]).select_from(source.table).where(*whole)
    schema = pa.schema([("month", pa.date32()), ("metric", pa.string()), ("value", pa.float64())])
    table, rendered = m.once(statement.limit(MAX_LINES), schema)
    aimed: dict[str, float] = {}
    for month, metric, value in zip(*(column.to_pylist() for column in table.columns), strict=True):
        share = _share(month, scope.start, scope.end) if month is not None else 0
        if value is not None and share:
            aimed[metric] = aimed.get(metric, 0.0) + value * share
    spelled = {s.key: (s.key, f"{s.key}s", f"{s.key}s_delivered", f"new_{s.key}s") for _, s, _ in steps.rows}
    named = {key: next((n for n in names if n in aimed), None) for key, names in spelled.items()}
    return {key: aimed[name] for key, name in named.items() if name}, (rendered,)


def _share(month: date, start: date, end: date) -> float:
    """The share of a month's days that lies in `[start, end)`."""
    first = month.replace(day=1)
    after = add_months(first, 1)
    return max((min(after, end) - max(first, start)).days, 0) / (after - first).days


def _benchmarks(m: Modelled, steps: Steps) -> tuple[dict[str, float], tuple[Rendered, ...]]:
    source = m.sources.get("benchmarks")
    if source is None or steps.in_turn:
        return {}, ()
    statement = sa.select(source["from_stage"], source["to_stage"], source["rate"]).select_from(source.table)
    schema = pa.schema([("from_stage", pa.string()), ("to_stage", pa.string()), ("rate", pa.float64())])
    table, rendered = m.once(statement.limit(MAX_LINES), schema)
    pairs = [(a.key, b.key) for a, b in zip(steps.chain, steps.chain[1:], strict=False)]
    by_value: dict[str, float] = {}
    by_key: dict[str, float] = {}
    for row in table.to_pylist():
        named = row["from_stage"], row["to_stage"]
        a, b = (m.model.aliases.get(normalise(name or "")) for name in named)
        if (a, b) in pairs and b:
            (by_key if named == (a, b) else by_value)[b] = row["rate"]
    return by_value | by_key, (rendered,)  # several raw values may mean one stage: its own key speaks for it
