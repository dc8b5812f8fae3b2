"""Orders and subscriptions that can be counted: whose they are, at instants that can be true, with money in cents."""

from __future__ import annotations

import sqlalchemy as sa

from lifecycle.intake import EARLIEST, LATEST
from lifecycle.scope import Scope
from queries import customers
from queries.ages import local_numbers, number
from queries.dialect import floored
from queries.modelled import Modelled


def orders(m: Modelled) -> sa.Subquery:
    """customer_id, at, cents (0 where no amount is known), margin (cents; null where unknown)."""
    c = customers.orders(m, _always(m)).c
    rows = sa.select(c.customer_id, c["at"], cents(c.amount).label("cents"), _whole_cents(c.margin).label("margin"))
    return rows.where(_plausible(c["at"])).subquery("usable_orders")


def subscriptions(m: Modelled) -> sa.Subquery:
    """customer_id, started_at, ended_at (null: no end is known), cents of MRR; only those that last at all."""
    c = customers.subscriptions(m, _always(m)).c
    ended = sa.case((c.ended_at < LATEST, c.ended_at))
    lasting = sa.or_(ended.is_(None), ended > c.started_at)
    rows = sa.select(c.customer_id, c.started_at, ended.label("ended_at"), cents(c.mrr).label("cents"))
    return rows.where(_plausible(c.started_at), lasting).subquery("usable_subscriptions")


def first_orders(m: Modelled, zone: str) -> sa.Subquery | None:
    """customer_id and the `at`, `day` and `month` of the first order; None without orders."""
    return _firsts(orders(m), "at", zone) if "orders" in m.sources else None


def first_subscriptions(m: Modelled, zone: str) -> sa.Subquery | None:
    """customer_id and the `at`, `day` and `month` of the first subscription; None without subscriptions."""
    return _firsts(subscriptions(m), "started_at", zone) if "subscriptions" in m.sources else None


def _firsts(rows: sa.Subquery, at: str, zone: str) -> sa.Subquery:
    c = rows.c
    each = sa.select(c.customer_id, sa.func.min(c[at]).label("at")).group_by(c.customer_id).subquery("each_first").c
    day, month = local_numbers(each["at"], zone)
    return sa.select(each.customer_id, each["at"], day.label("day"), month.label("month")).subquery("firsts")


def cents(amount: sa.ColumnElement) -> sa.ColumnElement:
    """An amount of money in whole cents; 0 where it is unknown."""
    return sa.func.coalesce(_whole_cents(amount), number(0))


def _whole_cents(amount: sa.ColumnElement) -> sa.ColumnElement:
    rounded = floored(sa.cast(amount, sa.Double()) * number(100) + sa.literal_column("0.5"))
    return sa.cast(rounded, sa.BigInteger())


def _plausible(at: sa.ColumnElement) -> sa.ColumnElement[bool]:
    return sa.and_(at >= EARLIEST, at < LATEST)


def _always(m: Modelled) -> Scope:
    """No question has been asked yet: nothing is unseen."""
    return Scope(m.model.name, LATEST)
