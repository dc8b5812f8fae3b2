"""What stands beside the counts of a funnel: people, implied stages, times, scores and money, per row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.funnel import Durations, Steps
from lifecycle.scope import Scope
from queries.attempts import same_journey
from queries.counted import belongs, population, summed
from queries.dialect import elapsed, quantile, quantiles
from queries.groups import Groups, Part
from queries.modelled import Modelled
from queries.warehouse import Rendered

QUANTILES = {"p25": 0.25, "median": 0.5, "p75": 0.75, "p90": 0.9}
MICRO = 1e-6
CARRIED = ("entity_id", "journey", "n_journeys", "score", "uneven", "reach", "young", "part")
PARTS = [("part", pa.int64()), ("whole", pa.int64())]  # `whole` is 1 in the row of the whole


@dataclass(frozen=True)
class Measures:
    """Beside the counts of one part, one value per row of the funnel; `amount` is None where there are no deals."""

    entities: tuple[int, ...] = ()
    skipped: tuple[int, ...] = ()
    seconds: tuple[Durations | None, ...] = ()
    score: tuple[float | None, ...] = ()
    amount: tuple[float | None, ...] = ()
    touched: int = 0


def measured(
    m: Modelled, scope: Scope, steps: Steps, groups: Groups
) -> tuple[dict[Part, Measures], tuple[Rendered, ...]]:
    """Measures of the whole (None) and of each part of a breakdown, of the journeys that a scope counts."""
    base = _timed(groups.split(population(m, scope, steps, own=True)), steps)
    won = amounts(m, scope) if "deals" in m.sources else None
    source = base if won is None else base.outerjoin(won, same_journey(base, won))
    columns, fields = _beside(base, steps, won)
    statement = sa.select(*columns).select_from(source)
    if scope.by:
        part = base.c.part
        statement = statement.add_columns(part, sa.func.grouping(part).label("whole")).group_by(sa.func.rollup(part))
        fields += PARTS
    table, rendered = m.ask(statement, pa.schema(fields))
    several, counted = _several(m, scope, steps, groups)
    rows = {_part(row): row for row in table.to_pylist()}
    return {part: _measures(row, several.get(part, ()), steps) for part, row in rows.items()}, (rendered, counted)


def _part(row: dict[str, Any]) -> Part:
    """The part that a row is about, the whole where there are no others."""
    return None if row.get("whole", 1) else row["part"]


def _timed(base: sa.Subquery, steps: Steps) -> sa.Subquery:
    """What is measured of each journey: per row of the funnel whether its stage was `missed`, and what it `took`."""
    c = base.c
    side = {stage.key: c[f"s{i}"] for i, (_, stage) in enumerate(steps.side, 1)}
    out: list[sa.ColumnElement] = []
    for i, ((place, stage, is_side), test) in enumerate(zip(steps.rows, belongs(base, steps), strict=True)):
        t = side[stage.key] if is_side else c[f"t{place}"]
        own = t if is_side else c.get(f"own{place}", t)
        if own is not t:
            missed = sa.and_(t.is_not(None), sa.or_(own.is_(None), own > t))
            out.append(sa.case((missed, 1), else_=0).label(f"missed{i}"))
        before = place if is_side else place - 1
        if before:
            start = c[f"t{before}"]
            both = [test, t >= start]
            both += [own == t] if own is not t else []
            both += [c[f"own{before}"] == start] if f"own{before}" in c else []
            out.append(sa.case((sa.and_(*both), elapsed(start, t))).label(f"took{i}"))
    kept = [col for col in c if col.name in CARRIED or col.name.startswith("side")]
    return sa.select(*kept, *out).subquery("timed")


def _beside(
    base: sa.Subquery, steps: Steps, won: sa.Subquery | None
) -> tuple[list[sa.ColumnElement], list[tuple[str, pa.DataType]]]:
    """The columns of `measured` but for its groups, and their types."""
    c = base.c
    made: list[tuple[str, sa.ColumnElement, pa.DataType]] = []
    uneven = [c.uneven == 1] if "uneven" in c else []
    for i, test in enumerate(belongs(base, steps)):
        made.append((f"single{i}", sa.func.count(sa.case((sa.and_(test, c.n_journeys == 1), 1))), pa.int64()))
        made.append((f"score{i}", sa.func.avg(sa.case((test, c.score))), pa.float64()))
        if f"missed{i}" in c:
            missed = c[f"missed{i}"] == 1
            uneven.append(missed)
            made.append((f"skipped{i}", sa.func.count(sa.case((sa.and_(test, missed), 1))), pa.int64()))
        if won is not None:
            amount = sa.func.coalesce(sa.func.sum(sa.case((test, won.c.amount))), 0)
            made.append((f"amount{i}", sa.cast(amount, sa.Double()), pa.float64()))
        if f"took{i}" in c:
            value = c[f"took{i}"]
            made += [(f"n{i}", sa.func.count(value), pa.int64()), (f"mean{i}", sa.func.avg(value), pa.float64())]
            made += [(f"quantiles{i}", quantiles(value, *QUANTILES.values()), pa.list_(pa.float64()))]
    made.append(("touched", sa.func.count(sa.case((sa.or_(*uneven), 1))), pa.int64()))
    return [value.label(name) for name, value, _ in made], [(name, kind) for name, _, kind in made]


def _several(m: Modelled, scope: Scope, steps: Steps, groups: Groups) -> tuple[dict[Part, tuple[int, ...]], Rendered]:
    """Distinct entities per row, of those with several journeys: the others are as many as their journeys."""
    c = groups.split(population(m, scope, steps)).c
    aside = [sa.func.max(sa.case((c.young == 0, c[f"side{i}"]), else_=0)) for i in range(1, len(steps.side) + 1)]
    furthest = [sa.func.max(c.reach).label("reach"), sa.literal_column("0").label("young")]
    furthest += [side.label(f"side{i}") for i, side in enumerate(aside, 1)]
    entities = sa.select(*furthest).where(c.n_journeys > 1).group_by(c.entity_id)
    if scope.by:
        of_both = sa.func.grouping_sets(sa.tuple_(c.entity_id, c.part), sa.tuple_(c.entity_id))
        entities = sa.select(*furthest, c.part, sa.func.grouping(c.part).label("whole"))
        entities = entities.where(c.n_journeys > 1).group_by(of_both)
    each = entities.subquery("entities")
    counts = summed(each, steps)
    fields = [(n.name, pa.int64()) for n in counts]
    statement = sa.select(*counts).select_from(each)
    if scope.by:
        statement = statement.add_columns(each.c.part, each.c.whole).group_by(each.c.part, each.c.whole)
        fields += PARTS
    table, rendered = m.ask(statement, pa.schema(fields))
    rows = {_part(row): row for row in table.to_pylist()}
    return {part: tuple(row[n.name] for n in counts) for part, row in rows.items()}, rendered


def _measures(row: dict[str, Any], several: tuple[int, ...], steps: Steps) -> Measures:
    n = len(steps.rows)

    def seconds(i: int) -> Durations | None:
        n = row.get(f"n{i}")
        if not n:
            return None if n is None else Durations(0)
        values = {"mean": row[f"mean{i}"], **dict(zip(QUANTILES, row[f"quantiles{i}"], strict=True))}
        return Durations(n, **{name: value * MICRO for name, value in values.items()})

    more = several or (0,) * n  # nobody has several
    return Measures(
        entities=tuple(row[f"single{i}"] + more[i] for i in range(n)),
        skipped=tuple(row.get(f"skipped{i}", 0) for i in range(n)),
        seconds=tuple(seconds(i) for i in range(n)),
        score=tuple(row[f"score{i}"] for i in range(n)),
        amount=tuple(row.get(f"amount{i}") for i in range(n)),
        touched=row["touched"],
    )


def cycle(m: Modelled, steps: Steps, base: sa.Subquery) -> tuple[float | None, Rendered]:
    """Seconds in which nine in ten of the finished journeys came from the first to the last stage."""
    c, last = base.c, len(steps.chain)
    finished = sa.select(quantile(elapsed(c.t1, c[f"t{last}"]), 0.9).label("p90")).where(
        c.furthest == last, c.young == 0
    )
    table, rendered = m.ask(finished, pa.schema([("p90", pa.float64())]))
    found = table.column(0)[0].as_py()
    return None if found is None else found * MICRO, rendered


def amounts(m: Modelled, scope: Scope) -> sa.Subquery:
    """Money won by as_of per journey; every deal belongs to one journey.

    A won deal without a closing instant counts from its creation.
    """
    d = m.deals.c
    won = [d.is_won == 1, sa.func.coalesce(d.closed_at, d.created_at) <= scope.as_of]
    amount = sa.func.sum(d.amount).label("amount")
    return sa.select(d.entity_id, d.journey, amount).where(*won).group_by(d.entity_id, d.journey).subquery("won")
