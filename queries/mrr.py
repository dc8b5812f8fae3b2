"""Recurring revenue, asked: how the book changed from one first instant to the next, and whose changes were largest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.mrr import Book, Change, Period, periods_of
from lifecycle.scope import Scope
from queries import ledger
from queries.ages import number
from queries.cohorts import MICROSECOND
from queries.contacts import Records
from queries.dialect import bytewise
from queries.groups import Groups
from queries.modelled import Modelled
from queries.neighbours import following, previous

MOST_MOVERS = 100
CHANGES = pa.schema(
    [
        ("segment", pa.string()),
        ("period", pa.int64()),
        ("movement", pa.string()),
        ("n", pa.int64()),
        ("cents", pa.int64()),
    ]
)
MOVERS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("period", pa.int64()),
        ("movement", pa.string()),
        ("cents", pa.int64()),
        ("before", pa.int64()),
        ("after", pa.int64()),
        ("segment", pa.string()),
    ]
)


def mrr(m: Modelled, scope: Scope) -> Book:
    """The movements of recurring revenue by period. Raises WarehouseError("missing_table") without subscriptions."""
    here = _mrr(m, scope)
    return replace(here, comparison=_mrr(m, scope.compared)) if scope.compared else here


def _mrr(m: Modelled, scope: Scope) -> Book:
    c = movements(m, scope).c
    keys = [c.segment, c.period, c.movement]
    total = sa.cast(sa.func.sum(c.cents), sa.BigInteger()).label("cents")
    table, rendered = m.ask(sa.select(*keys, sa.func.count().label("n"), total).group_by(*keys), CHANGES)
    changes = [Change(*row.values()) for row in table.to_pylist()]
    numbers = over(scope, [change.period for change in changes])
    sizes: dict[str | None, int] = {}
    for change in changes:
        sizes[change.segment] = sizes.get(change.segment, 0) + abs(change.cents)
    groups = Groups(scope, sizes)

    def of(values: list[str | None]) -> tuple[Period, ...]:
        inside = set(values)
        return periods_of(scope, numbers, (change for change in changes if change.segment in inside))

    segments = tuple((groups.label(p)[groups.by or ""], of(groups.values(p))) for p in groups.parts)
    whole = periods_of(scope, numbers, changes)
    return Book(m.model.name, m.build.id, scope, whole, segments, statements=(rendered,))


def over(scope: Scope, found: list[int]) -> range:
    """The numbers of the periods that the scope's period touches and that are over at as_of."""
    calendar, grain = scope.calendar, scope.grain
    last = _now(scope) - 1
    first = calendar.number(scope.start, grain) if scope.start else min(found, default=last + 1)
    if scope.end:
        last = min(last, calendar.number(scope.end - timedelta(days=1), grain))
    return range(first, max(first, last + 1))


def movements(m: Modelled, scope: Scope) -> sa.Subquery:
    """One row per customer and period in which its MRR changed: customer_id, segment, period, movement, cents, before,
    after. Only what is different between two first instants is a change; what came and went between them is none."""
    table = ledger.stretches(m, scope)
    c, now = table.c, number(_now(scope))
    begins = ledger.period(c, "before", scope) + number(1)
    lasts = sa.func.coalesce(sa.case((c.to_at <= scope.as_of, ledger.period(c, "until", scope))), now)
    segment = m.segment_column(table, scope).label("segment")
    rows = sa.select(c.customer_id, segment, c.cents, begins.label("begins"), lasts.label("lasts"))
    seen = rows.where(c.from_at <= scope.as_of, c.cents > 0, *m.filtered(table, scope.filters)).subquery("seen")
    held = sa.select(seen).where(seen.c.begins <= seen.c.lasts, seen.c.begins <= now).subquery("held")
    h = held.c
    beside = sa.select(
        *h,
        previous(h.cents, h.customer_id, h.begins).label("before"),
        previous(h.lasts, h.customer_id, h.begins).label("until"),
        following(h.begins, h.customer_id, h.begins).label("next"),
    ).cte("beside")  # once, for what came and for what left
    b = beside.c
    gapless = b.until == b.begins - number(1)
    what = sa.case(
        (b.until.is_(None), "new"),
        (sa.not_(gapless), "reactivation"),
        (b.cents > b.before, "expansion"),
        (b.cents < b.before, "contraction"),
        else_="none",
    )
    before = sa.case((gapless, b.before), else_=number(0))
    came = sa.select(
        b.customer_id,
        b.segment,
        (b.begins - number(1)).label("period"),
        what.label("movement"),
        (b.cents - before).label("cents"),
        before.label("before"),
        b.cents.label("after"),
    )
    left = sa.select(
        b.customer_id,
        b.segment,
        b.lasts.label("period"),
        sa.literal("churn").label("movement"),
        (-b.cents).label("cents"),
        b.cents.label("before"),
        number(0).label("after"),
    ).where(b.lasts < now, sa.or_(b.next.is_(None), b.next > b.lasts + number(1)))
    every = sa.union_all(came, left).subquery("every")
    return sa.select(every).where(every.c.movement != "none").subquery("movements")


def movers(m: Modelled, scope: Scope, movement: str | None = None, period: int | None = None) -> Records:
    """The largest changes of single customers in the periods shown, at most a hundred; `total` counts all of them."""
    c = movements(m, scope).c
    numbers = over(scope, [])
    where = [c.period <= number(numbers.stop - 1)]
    where += [c.period >= number(numbers.start)] if scope.start else []
    where += [c.movement == movement] if movement else []
    where += [c.period == number(period)] if period is not None else []
    n, counting = m.ask(sa.select(sa.func.count().label("n")).where(*where), pa.schema([("n", pa.int64())]))
    size = sa.case((c.cents < 0, -c.cents), else_=c.cents)
    columns = [c[name] for name in MOVERS.names]
    rows = sa.select(*columns).where(*where).order_by(size.desc(), bytewise(c.customer_id), c.period)
    table, listing = m.ask(rows.limit(MOST_MOVERS), MOVERS)
    return Records(n.column(0)[0].as_py(), table, (listing, counting))


def _now(scope: Scope) -> int:
    """The number of the period in which what is unseen begins: of it, only the first instant may be known."""
    return scope.calendar.number(scope.calendar.day(scope.as_of + MICROSECOND), scope.grain)
