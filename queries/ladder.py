"""From one purchase to the next and to a recommendation, asked; and whether promoters stay longer."""

from __future__ import annotations

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.durations import OPEN, LifeTable, Row
from lifecycle.loyalty import Ladder
from lifecycle.nps import GROUPS
from lifecycle.promoters import Staying
from lifecycle.scope import Scope
from queries import ledger
from queries.ages import number, spans_between
from queries.customers import required, segmented
from queries.dialect import Instant, elapsed
from queries.instants import MICROSECOND, in_period
from queries.modelled import Modelled
from queries.purchases import DAY
from queries.referrals import referrers
from queries.surveys import surveys

YEAR = number(365 * DAY * 1_000_000)
STEPS = pa.schema([("again", pa.int64()), ("praises", pa.int64()), ("n", pa.int64())])
STAYS = pa.schema(
    [
        ("activity", pa.string()),
        ("mood", pa.string()),
        ("days", pa.int64()),
        ("outcome", pa.string()),
        ("n", pa.int64()),
    ]
)


def ladder(m: Modelled, scope: Scope) -> Ladder:
    """Customers whose first purchase lies in the period, how many bought again, how many recommend, by as_of.

    Raises WarehouseError("missing_table") with neither orders nor subscriptions.
    """
    table, praises = ledger.buyers(m, scope), _praising(m, scope)
    c, joined = table.c, table
    praise: sa.ColumnElement = number(0)
    if praises is not None:
        joined = table.outerjoin(praises, praises.c.customer_id == c.customer_id)
        praise = sa.case((praises.c.customer_id.is_not(None), number(1)), else_=number(0))
    flags = (
        sa.select(_again(c, scope).label("again"), praise.label("praises"))
        .select_from(joined)
        .where(*in_period(c.begun_at, scope), *m.filtered(table, scope.filters))
        .subquery("flags")
    )
    statement = sa.select(*flags.c, sa.func.count().label("n")).group_by(*flags.c)
    table, rendered = m.ask(statement, STEPS)
    n = {(row["again"], row["praises"]): row["n"] for row in table.to_pylist()}
    return Ladder(
        bought=sum(n.values()),
        again=n.get((1, 0), 0) + n.get((1, 1), 0),
        promoters=n.get((1, 1), 0) if praises is not None else None,
        promoters_once=n.get((0, 1), 0),
        statements=(rendered,),
    )


def _again(c: sa.ColumnCollection, scope: Scope) -> sa.ColumnElement:
    """1 for buyers who came back by as_of: with an order on a later day, to a subscription, or for a year of one."""
    lapsed = sa.case((c.lapsed_at <= scope.as_of, c.lapsed_at), else_=sa.literal(scope.as_of, Instant()))
    year = sa.and_(c.subscribed_at <= scope.as_of, elapsed(c.subscribed_at, lapsed) >= YEAR)
    return sa.case((sa.or_(c.again_at <= scope.as_of, c.resumed_at <= scope.as_of, year), number(1)), else_=number(0))


def _praising(m: Modelled, scope: Scope) -> sa.Subquery | None:
    """Who recommends by as_of: scored 9 or 10 at any time, or referred somebody; None where neither is recorded."""
    parts = []
    if "surveys" in m.sources:
        s = surveys(m, scope).c
        low, high = GROUPS["promoter"]
        parts.append(sa.select(s.customer_id).where(s["at"].is_not(None), s.score >= low, s.score <= high))
    if "referrals" in m.sources:
        parts.append(sa.select(referrers(m, scope).c.customer_id))
    if not parts:
        return None
    return sa.union(*parts).subquery("praising") if len(parts) > 1 else parts[0].distinct().subquery("praising")


def staying(m: Modelled, scope: Scope) -> Staying:
    """Whether promoters stay longer: from each customer's first answer in the period until the subscription ends.

    Where there are orders, also until the next order. Raises WarehouseError("missing_table") without surveys, and with
    neither subscriptions nor orders.
    """
    required(m, "surveys")
    names = [name for name in ("subscriptions", "orders") if name in m.sources]
    if not names:
        required(m, "subscriptions")
    first = _first_answers(m, scope)
    parts = [{"subscriptions": _leaving, "orders": _returning}[name](m, scope, first) for name in names]
    rows = (sa.union_all(*parts) if len(parts) > 1 else parts[0]).subquery("rows")
    table, rendered = m.ask(sa.select(*rows.c, sa.func.count().label("n")).group_by(*rows.c), STAYS)
    found: dict[tuple[str, str], list[Row]] = {}
    for row in table.to_pylist():
        found.setdefault((row["activity"], row["mood"]), []).append((row["days"] * DAY, row["outcome"], row["n"]))
    tables = {
        name: {mood: LifeTable(tuple(found.get((name, mood), ()))) for mood in reversed(GROUPS)} for name in names
    }
    return Staying(tables.get("subscriptions"), tables.get("orders"), (rendered,))


def _first_answers(m: Modelled, scope: Scope) -> sa.Subquery:
    """Each customer's first answer in the period: customer_id, answered_at, mood."""
    given = segmented(m, scope, surveys(m, scope))
    c = given.c
    nth = sa.func.row_number().over(partition_by=c.customer_id, order_by=[c["at"], c.score.desc()]).label("nth")
    rows = sa.select(c.customer_id, c["at"].label("answered_at"), c.score, nth)
    rows = rows.where(*in_period(c["at"], scope), c.score >= number(0), c.score <= number(10))
    r = rows.subquery("answers").c
    mood = sa.case(
        (r.score >= GROUPS["promoter"][0], "promoter"), (r.score >= GROUPS["passive"][0], "passive"), else_="detractor"
    )
    return sa.select(r.customer_id, r.answered_at, mood.label("mood")).where(r.nth == 1).subquery("first_answers")


def _leaving(m: Modelled, scope: Scope, first: sa.Subquery) -> sa.Select:
    """Days from the answer to the end of the subscription that ran then."""
    s = ledger.stretches(m, scope).c
    gap = sa.and_(sa.or_(s.next_at.is_(None), s.next_at > s.to_at), s.to_at <= scope.as_of)
    ended = sa.func.min(sa.case((gap, s.to_at))).label("ended_at")
    runs = sa.func.max(sa.case((s.from_at <= first.c.answered_at, number(1)), else_=number(0)))
    later = sa.or_(s.to_at.is_(None), s.to_at > first.c.answered_at)
    return _lengths("subscriptions", scope, first, s, ended, later, having=runs == number(1), outcome="left")


def _returning(m: Modelled, scope: Scope, first: sa.Subquery) -> sa.Select:
    """Days from the answer to the next order, of customers who had ordered before."""
    o = ledger.orders(m, scope).c
    after = sa.and_(o.at > first.c.answered_at, o.at <= scope.as_of)
    ended = sa.func.min(sa.case((after, o.at))).label("ended_at")
    return _lengths(
        "orders",
        scope,
        first,
        o,
        ended,
        sa.true(),
        having=sa.func.min(o.first_at) <= first.c.answered_at,
        outcome="bought",
    )


def _lengths(
    activity: str,
    scope: Scope,
    first: sa.Subquery,
    rows: sa.ColumnCollection,
    ended: sa.ColumnElement,
    where: sa.ColumnElement[bool],
    *,
    having: sa.ColumnElement[bool],
    outcome: str,
) -> sa.Select:
    f = first.c
    each = (
        sa.select(f.customer_id, f.answered_at, f.mood, ended)
        .join(first, f.customer_id == rows.customer_id)
        .where(where)
        .group_by(f.customer_id, f.answered_at, f.mood)
        .having(having)
        .subquery(activity)
    )
    e = each.c
    until = sa.func.coalesce(e.ended_at, sa.literal(scope.as_of, Instant()))
    days = spans_between(e.answered_at, until, DAY * 1_000_000 * MICROSECOND).label("days")
    how = sa.case((e.ended_at.is_not(None), sa.literal(outcome)), else_=sa.literal(OPEN)).label("outcome")
    return sa.select(sa.literal(activity).label("activity"), e.mood, days, how)
