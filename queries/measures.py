"""What stands beside the counts of a funnel: people, implied stages, times, scores and money, per row."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.funnel import Durations, Steps
from lifecycle.periods import add_months
from lifecycle.scope import Scope
from lifecycle.segments import Choice
from lifecycle.stages import normalise
from queries.dialect import elapsed, quantile
from queries.modelled import Modelled
from queries.warehouse import Rendered

QUANTILES = {"p25": 0.25, "median": 0.5, "p75": 0.75, "p90": 0.9}
MICRO = 1e-6
Part = int | None  # a group of a breakdown by its place, OTHERS, or None for the whole
OTHERS = -1
MAX_LINES = 10_000  # of targets and benchmarks: a company has a few hundred


def belongs(base: sa.FromClause, steps: Steps) -> list[sa.ColumnElement[bool]]:
    """For each row of the funnel, whether a journey is counted in it; the first row holds the young ones too."""
    c, out = base.c, []
    side = {stage.key: c[f"side{i}"] for i, (_, stage) in enumerate(steps.side, 1)}
    for place, stage, is_side in steps.rows:
        if is_side:
            out.append(sa.and_(side[stage.key] == 1, c.young == 0))
        else:
            out.append(sa.and_(c.furthest >= place, c.young == 0) if place > 1 else sa.true())
    return out


def summed(base: sa.FromClause, steps: Steps, what: sa.ColumnElement | None = None) -> list[sa.ColumnElement]:
    """Per row, the journeys counted in it, or the sum of a column over them."""
    one = sa.literal_column("1") if what is None else what
    kind: sa.types.TypeEngine = sa.BigInteger() if what is None else sa.Double()
    tests = belongs(base, steps)
    return [sa.cast(sa.func.sum(sa.case((t, one), else_=0)), kind).label(f"n{i}") for i, t in enumerate(tests)]


@dataclass(frozen=True)
class Measures:
    """Beside the counts of one part: one value per row."""

    entities: tuple[int, ...] = ()
    skipped: tuple[int, ...] = ()
    seconds: tuple[Durations | None, ...] = ()
    score: tuple[float | None, ...] = ()
    touched: int = 0


def measured(m: Modelled, steps: Steps, base: sa.FromClause) -> tuple[dict[Part, Measures], Rendered]:
    """Measures of each `part` of a population; distinct entities are exact (only those with several journeys cost)."""
    c, rows, tests = base.c, steps.rows, belongs(base, steps)
    side = {stage.key: c[f"s{i}"] for i, (_, stage) in enumerate(steps.side, 1)}
    columns: list[sa.ColumnElement] = [c.part]
    fields: list[tuple[str, pa.DataType]] = [("part", pa.int64())]
    for i, ((place, stage, is_side), test) in enumerate(zip(rows, tests, strict=True)):
        several = sa.case((sa.and_(test, c.n_journeys > 1), c.entity_id))
        single = sa.case((sa.and_(test, c.n_journeys == 1), 1))
        columns += [(sa.func.count(single) + sa.func.count(several.distinct())).label(f"entities{i}")]
        own, t = (side[stage.key],) * 2 if is_side else (c[f"own{place}"], c[f"t{place}"])
        missed = sa.and_(test, sa.or_(own.is_(None), own > t))
        columns += [
            sa.func.count(sa.case((missed, 1))).label(f"skipped{i}"),
            sa.func.avg(sa.case((test, c.score))).label(f"score{i}"),
        ]
        fields += [(f"entities{i}", pa.int64()), (f"skipped{i}", pa.int64()), (f"score{i}", pa.float64())]
        before = place if is_side else place - 1
        if not before:
            continue
        start = c[f"t{before}"]
        both = sa.and_(test, c.young == 0, own == t, c[f"own{before}"] == start, t >= start)
        value = sa.case((both, elapsed(start, t)))
        columns += [sa.func.count(value).label(f"n{i}"), sa.func.avg(value).label(f"mean{i}")]
        columns += [quantile(value, q).label(f"{name}{i}") for name, q in QUANTILES.items()]
        fields += [(f"n{i}", pa.int64()), *((f"{name}{i}", pa.float64()) for name in ("mean", *QUANTILES))]
    columns.append(sa.func.count(sa.case((c.uneven == 1, 1))).label("touched"))
    fields.append(("touched", pa.int64()))
    table, rendered = m.ask(sa.select(*columns).group_by(c.part), pa.schema(fields))
    return {row["part"]: _measures(row, len(rows)) for row in table.to_pylist()}, rendered


def _measures(row: dict, n: int) -> Measures:
    def seconds(i: int) -> Durations | None:
        if f"n{i}" not in row:
            return None
        values = {name: row[f"{name}{i}"] for name in ("mean", *QUANTILES)}
        return Durations(row[f"n{i}"], **{name: None if v is None else v * MICRO for name, v in values.items()})

    return Measures(
        entities=tuple(row[f"entities{i}"] for i in range(n)),
        skipped=tuple(row[f"skipped{i}"] for i in range(n)),
        seconds=tuple(seconds(i) for i in range(n)),
        score=tuple(row[f"score{i}"] for i in range(n)),
        touched=row["touched"],
    )


def cycle(m: Modelled, steps: Steps, base: sa.Subquery) -> tuple[float | None, Rendered]:
    """Seconds in which nine in ten of the finished journeys came from the first to the last stage."""
    c, last = base.c, len(steps.chain)
    finished = sa.case((sa.and_(c.furthest == last, c.young == 0), elapsed(c.t1, c[f"t{last}"])))
    table, rendered = m.ask(sa.select(quantile(finished, 0.9).label("p90")), pa.schema([("p90", pa.float64())]))
    found = table.column(0)[0].as_py()
    return None if found is None else found * MICRO, rendered


def amounts(m: Modelled, scope: Scope, steps: Steps, base: sa.FromClause) -> tuple[dict[Part, list[float]], Rendered]:
    """Money won by as_of, per row, of the journeys counted there; every deal belongs to one journey.

    A won deal without a closing instant counts from its creation.
    """
    d = m.deals.c
    joined = base.join(m.deals, sa.and_(d.entity_id == base.c.entity_id, d.journey == base.c.journey))
    won = [d.is_won == 1, sa.func.coalesce(d.closed_at, d.created_at) <= scope.as_of]
    columns = summed(base, steps, d.amount)
    schema = pa.schema([("part", pa.int64()), *((c.name, pa.float64()) for c in columns)])
    statement = sa.select(base.c.part, *columns).select_from(joined).where(*won).group_by(base.c.part)
    table, rendered = m.ask(statement, schema)
    return {row.pop("part"): list(row.values()) for row in table.to_pylist()}, rendered


@dataclass(frozen=True)
class Spend:
    """Acquisition spend of a period, by value of a segment ("" = the whole); None where no share can be told apart."""

    by_value: dict[str | None, float] | None = None
    statements: tuple[Rendered, ...] = ()

    @property
    def total(self) -> float | None:
        return None if self.by_value is None else sum(self.by_value.values())

    def of(self, values: Collection[str | None]) -> float | None:
        """Spend on some values of the segment."""
        return None if self.by_value is None else sum(self.by_value.get(v, 0.0) for v in values)


def acquisition_spend(m: Modelled, scope: Scope, by: str | None) -> Spend:
    """What was spent to acquire in the period, of the whole or per value of a segment.

    Unknown where there is no spend table, or where the breakdown or a filter names a column that spend does not have:
    then no share of it could be told apart.
    """
    spend = m.sources.get("spend")
    if spend is None or (by is not None and by not in spend.extra):
        return Spend()
    where: list[sa.ColumnElement[bool]] = [spend["purpose"] == "acquire"] if spend.has("purpose") else []
    for f in scope.filters:
        if not isinstance(f, Choice) or f.segment not in spend.extra:
            return Spend()
        where.append(one_of(spend.column(f.segment), f.values))
    where += [spend["day"] >= scope.start] if scope.start else []
    where += [spend["day"] < scope.end] if scope.end else []
    where.append(spend["day"] <= scope.calendar.day(scope.as_of))
    group = spend.column(by) if by else sa.literal_column("''")
    statement = sa.select(group.label("value"), sa.func.sum(spend["amount"]).label("amount")).select_from(spend.table)
    schema = pa.schema([("value", pa.string()), ("amount", pa.float64())])
    table, rendered = m.ask(statement.where(*where).group_by(group), schema)
    return Spend({row["value"]: row["amount"] or 0.0 for row in table.to_pylist()}, (rendered,))


def one_of(column: sa.ColumnElement, values: Sequence[str | None]) -> sa.ColumnElement[bool]:
    """Whether a column has one of these values (None = not set)."""
    named = [v for v in values if v is not None]
    tests = [column.in_(named)] if named else []
    return sa.or_(*tests, *([column.is_(None)] if None in values else []))


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
    first = scope.start.replace(day=1)
    where = [source["month"] >= first, source["month"] < scope.end]
    where += [source.column(name).is_(None) for name in source.extra]
    statement = sa.select(source["month"], source["metric"], source["value"]).select_from(source.table).where(*where)
    schema = pa.schema([("month", pa.date32()), ("metric", pa.string()), ("value", pa.float64())])
    table, rendered = m.ask(statement.limit(MAX_LINES), schema)
    aimed: dict[str, float] = {}
    for row in table.to_pylist():
        month, metric, value = row.values()
        if value is not None:
            aimed[metric] = aimed.get(metric, 0.0) + value * _share(month, scope.start, scope.end)
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
    table, rendered = m.ask(statement.limit(MAX_LINES), schema)
    pairs = [(a.key, b.key) for a, b in zip(steps.chain, steps.chain[1:], strict=False)]
    out = {}
    for row in table.to_pylist():
        a, b = (m.model.aliases.get(normalise(row[name] or "")) for name in ("from_stage", "to_stage"))
        if (a, b) in pairs and b:
            out[b] = row["rate"]
    return out, (rendered,)
