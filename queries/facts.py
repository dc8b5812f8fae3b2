"""Facts that enter stages: first and repeat orders, subscriptions and renewals, promoters, referrals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from lifecycle.intake import EARLIEST, LATEST
from queries.contract import Source
from queries.dialect import Instant, bytewise, lowered, shifted, stripped
from queries.people import folded, owned

YEAR: sa.ColumnElement = sa.literal_column(str(365 * 86_400 * 1_000_000))  # in microseconds


def fact_rows(
    wanted: Mapping[str, str],
    sources: Mapping[str, Source],
    people: sa.FromClause | None,
    identities: sa.TableClause | None,
    bound: datetime,
) -> dict[str, list[sa.Select]]:
    """The rows of every wanted fact, as selects of `contact_id, at, event_id`; facts of absent tables have none.

    First and repeat, start and renewal are told apart by the order of a contact's usable rows, after merges.
    """
    rows: dict[str, list[sa.Select]] = {}
    if "orders" in sources:
        order = _numbered(sources["orders"], "ordered_at", "order_id", people, identities, bound)
        rows["orders.first"] = [_picked(order, order.at, order.nth == 1)]
        rows["orders.repeat"] = [_picked(order, order.at, order.nth > 1)]
    if "subscriptions" in sources:
        subscription = _numbered(sources["subscriptions"], "started_at", "subscription_id", people, identities, bound)
        rows["subscriptions.start"] = [_picked(subscription, subscription.at)]
        rows["subscriptions.renewal"] = _renewals(subscription, bound)
    if "surveys" in sources:
        s = sources["surveys"]
        scored = [lowered(stripped(s["kind"])) == "nps"] if s.has("kind") else []
        scored += [s["score"] >= 9, s["responded_at"].is_not(None)]
        rows["surveys.promoter"] = [_row(s["contact_id"], s["responded_at"]).select_from(s.table).where(*scored)]
    if "referrals" in sources:
        s = sources["referrals"]
        rows["referrals.made"] = [_row(s["referrer_id"], s["referred_at"], s["referred_id"]).select_from(s.table)]
    return {fact: selects for fact, selects in rows.items() if fact in wanted}


def _row(who: sa.ColumnElement, at: sa.ColumnElement, key: sa.ColumnElement | None = None) -> sa.Select:
    key = sa.cast(sa.null(), sa.Text()) if key is None else key
    return sa.select(who.label("contact_id"), at.label("at"), key.label("event_id"))


def _numbered(
    s: Source, at: str, key: str, people: sa.FromClause | None, identities: sa.TableClause | None, bound: datetime
) -> sa.ColumnCollection:
    """The rows of a source in its owners' order: `nth` counts usable instants first, so that none else is first."""
    further = {"ended_at": s["ended_at"]} if s.spec.name == "subscriptions" else {}
    rows = owned(s, people, at=s[at], event_id=s[key], **further)
    owner = rows.selected_columns["contact_id"].label("owner")
    c = folded(rows.add_columns(owner), "owner", identities).subquery(s.spec.name).c
    unusable = sa.case((_usable(c.at, bound), 0), else_=1)
    order = [unusable, c.at.asc().nulls_last(), bytewise(c.event_id)]
    nth = sa.func.row_number().over(partition_by=c.owner, order_by=order).label("nth")
    return sa.select(*c, nth).subquery(f"numbered_{s.spec.name}").c


def _usable(at: sa.ColumnElement, bound: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(at >= EARLIEST, at < LATEST, at <= sa.literal(bound, Instant()))


def _picked(c: sa.ColumnCollection, at: sa.ColumnElement, *where: sa.ColumnElement[bool]) -> sa.Select:
    return _row(c.contact_id, at, c.event_id).where(*where)


def _renewals(c: sa.ColumnCollection, bound: datetime) -> list[sa.Select]:
    """A renewal is a later subscription of the same customer, or a full year of one."""
    anniversary = shifted(sa.case((_usable(c.at, bound), c.at)), YEAR)  # far instants would overflow
    lasted = sa.or_(c.ended_at.is_(None), c.ended_at >= anniversary)
    return [_picked(c, c.at, c.nth > 1), _picked(c, anniversary, lasted, _usable(anniversary, bound))]
