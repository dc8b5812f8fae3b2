"""Velocity, asked: the warehouse counts the deals of a period by age and outcome, and sums what they are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.durations import OPEN
from lifecycle.pipeline import LOST, WON, Lengths, Pipeline, horizon, joined
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from lifecycle.velocity import Course, Part, Velocity
from lifecycle.velocity import course as judged
from lifecycle.volumes import periods_of
from queries.attempts import same_journey
from queries.contacts import Records
from queries.dialect import Instant, bytewise, elapsed, local_floor
from queries.durations import bin_of
from queries.errors import WarehouseError
from queries.groups import Groups
from queries.instants import in_period, seen
from queries.leads import paged
from queries.modelled import Modelled, one_of
from queries.warehouse import Rendered

NEEDED = ("closed_at", "is_won", "amount")
SUMS = [
    ("bin", pa.int64()),
    ("outcome", pa.string()),
    ("n", pa.int64()),
    ("us", pa.float64()),
    ("valued", pa.int64()),
    ("amount", pa.float64()),
    ("squares", pa.float64()),
]
DEALS = pa.schema(
    [
        ("deal_id", pa.string()),
        ("entity_id", pa.string()),
        ("created_at", pa.timestamp("us")),
        ("ended_at", pa.timestamp("us")),
        ("outcome", pa.string()),
        ("amount", pa.float64()),
        ("segment", pa.string()),
    ]
)


@dataclass(frozen=True)
class Chosen:
    """Deals that can be listed: of `outcomes` (won, lost, open) and, if given, of `values` of the breakdown."""

    outcomes: tuple[str, ...]
    values: tuple[str | None, ...] = ()


def velocity(m: Modelled, scope: Scope, days: int | None = None) -> Velocity:
    """Opportunities, average value, win rate and cycle of the deals created in the period, judged at an age of `days`.

    A deal belongs to the latest journey that its entity had started when it was created, with that journey's segments;
    one without a journey belongs to no lifecycle and is left out. Without `days` the age is chosen from the data; the
    compared period is judged at the same age. Raises WarehouseError("missing_table") without deals, or where they lack
    closed_at, is_won or amount.
    """
    here = _velocity(m, scope, days)
    if scope.compared is None:
        return here
    return replace(here, comparison=_velocity(m, scope.compared, here.days))


def _velocity(m: Modelled, scope: Scope, days: int | None) -> Velocity:
    base = deals(m, scope)
    by_value, rendered = _pipelines(m, base, base.c.segment, pa.string())
    groups = Groups(scope, {value: p.n for value, p in by_value.items()})
    parts = []
    for part in groups.parts:
        values = tuple(groups.values(part))
        (name,) = groups.label(part).values()
        parts.append(Part(name, values, joined(by_value[value] for value in values)))
    whole = joined(by_value.values())
    recent, counted = _recent(m, scope)
    return Velocity(
        model=m.model.name,
        build=m.build.id,
        scope=scope,
        days=days or horizon(whole),
        whole=whole,
        recent=recent,
        parts=tuple(parts),
        statements=(rendered, counted),
    )


def course(m: Modelled, scope: Scope, days: int) -> Course:
    """The same factors for the deals created in each period of the scope's grain, judged at the same age."""
    base = deals(m, scope.whole)
    period = local_floor(base.c.created_at, scope.grain, scope.calendar)
    found, rendered = _pipelines(m, base, period, pa.date32())
    periods = periods_of(scope, list(found))
    return Course(scope, days, judged(scope, days, [(p, found.get(p, Pipeline())) for p in periods]), (rendered,))


def deals(m: Modelled, scope: Scope, on: str = "created_at") -> sa.Subquery:
    """Deals of journeys that the filters keep, created (or closed) in the period: deal_id, entity_id, created_at,
    ended_at, outcome, us (age when won or lost, else at as_of or when closed without a result), amount, segment.

    A deal that is closed before it was created counts as closed at once.
    """
    _needs(m)
    d = m.deals.c
    closed = seen(d.closed_at, scope)
    outcome = sa.case(
        (sa.and_(closed.is_not(None), d.is_won == 1), WON),
        (sa.and_(closed.is_not(None), d.is_won == 0), LOST),
        else_=OPEN,
    )
    until = sa.func.coalesce(closed, sa.literal(scope.as_of, Instant()))
    age = sa.case((until < d.created_at, sa.literal_column("0")), else_=elapsed(d.created_at, until))
    return (
        sa.select(
            d.deal_id,
            d.entity_id,
            d.created_at,
            closed.label("ended_at"),
            outcome.label("outcome"),
            age.label("us"),
            d.amount,
            m.segment_column(m.journeys, scope).label("segment"),
        )
        .select_from(m.deals.join(m.journeys, same_journey(m.deals, m.journeys)))
        .where(*in_period(d[on], scope), *m.filtered(m.journeys, scope.filters))
        .subquery("deals_of_journeys")
    )


def _needs(m: Modelled) -> None:
    source = m.sources.get("deals")
    if source is None:
        raise WarehouseError(
            "missing_table",
            "The table deals is not in the warehouse (or lacks deal_id or created_at).",
            f"It needs {', '.join(NEEDED)} too. Load it (lifecycle load --deals FILE) or map yours in lifecycle.toml.",
        )
    lacking = [column for column in NEEDED if not source.has(column)]
    if lacking:
        raise WarehouseError(
            "missing_table",
            f"The table deals lacks {' and '.join(lacking)}.",
            f"Velocity is read from {', '.join(NEEDED)}: load or map the missing columns in lifecycle.toml.",
        )


def _pipelines(
    m: Modelled, base: sa.Subquery, key: sa.ColumnElement, kind: pa.DataType
) -> tuple[dict[Any, Pipeline], Rendered]:
    """The deals by a key, reduced to bins of age."""
    c = base.c
    edge = bin_of(c.us, c.outcome == OPEN).label("bin")
    b = sa.select(key.label("key"), edge, c.outcome, c.us, c.amount).subquery("binned").c
    zero: sa.ColumnElement = sa.literal_column("0")
    number: sa.ColumnElement = sa.cast(b.amount, sa.Double())
    statement = sa.select(
        b.key,
        b.bin,
        b.outcome,
        sa.func.count().label("n"),
        sa.func.sum(sa.cast(b.us, sa.Double())).label("us"),
        sa.func.count(b.amount).label("valued"),
        sa.func.coalesce(sa.func.sum(number), zero).label("amount"),
        sa.func.coalesce(sa.func.sum(number * number), zero).label("squares"),
    ).group_by(b.key, b.bin, b.outcome)
    table, rendered = m.ask(statement, pa.schema([("key", kind), *SUMS]))
    found: dict[Any, list[Mapping[str, Any]]] = {}
    for row in table.to_pylist():
        found.setdefault(row["key"], []).append(row)
    return {value: _pipeline(rows) for value, rows in found.items()}, rendered


def _pipeline(rows: Sequence[Mapping[str, Any]]) -> Pipeline:
    lengths = tuple(Lengths(max(r["bin"], 0) / 1e6, r["outcome"], r["n"], r["us"] / 1e6) for r in rows)
    valued, amount, squares = (sum(r[name] for r in rows) for name in ("valued", "amount", "squares"))
    return joined([Pipeline(lengths, valued, amount, squares)])  # what took no time at all joins the first bin


def _recent(m: Modelled, scope: Scope) -> tuple[Rate, Rendered]:
    """Won of won and lost, of the deals closed in the period, whenever they were created."""
    c = deals(m, scope.whole, "closed_at").c
    statement = sa.select(c.outcome, sa.func.count().label("n")).group_by(c.outcome)
    table, rendered = m.ask(statement, pa.schema([("outcome", pa.string()), ("n", pa.int64())]))
    n = {row["outcome"]: row["n"] for row in table.to_pylist()}
    return Rate(n.get(WON, 0), n.get(WON, 0) + n.get(LOST, 0)), rendered


def listed(m: Modelled, scope: Scope, chosen: Chosen, page: int = 0) -> Records:
    """The deals behind a number, the largest first: as many as it says."""
    base = deals(m, scope)
    c = base.c
    where: list[sa.ColumnElement[bool]] = [c.outcome.in_(chosen.outcomes)]
    where += [one_of(c.segment, chosen.values)] if chosen.values else []
    order = [c.amount.desc().nulls_last(), c.created_at.desc(), bytewise(c.deal_id)]
    return paged(m, sa.select(*(c[name] for name in DEALS.names)).where(*where), order, DEALS, page)
