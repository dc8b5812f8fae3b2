"""What customers did, ready to be counted: orders beside their neighbours, stretches of constant MRR, and buyers.

A build keeps all three as tables, so that questions over millions of orders are one scan without a join, with days and
months of the reporting time zone as whole numbers. Where a build is older than these tables, the same rows are worked
out when they are asked for; so are the days of another time zone.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from lifecycle.scope import Scope
from lifecycle.segments import Segment
from queries import buyers as buyers_rows
from queries import customers, placed, workbench
from queries import stretches as stretches_rows
from queries.ages import number, period_of
from queries.catalog import segment_columns
from queries.errors import WarehouseError
from queries.modelled import Modelled
from queries.tables import Kind, Small

ORDERS: dict[str, Kind] = placed.COLUMNS | placed.LOCAL
STRETCHES: dict[str, Kind] = stretches_rows.COLUMNS | stretches_rows.LOCAL
BUYERS: dict[str, Kind] = buyers_rows.COLUMNS | buyers_rows.LOCAL
TABLES = {"orders": ORDERS, "stretches": STRETCHES, "buyers": BUYERS}


def columns(kind: str, segments: tuple[Segment, ...]) -> dict[str, Kind]:
    """The columns of one of the tables: its own, and the customer's segments."""
    return TABLES[kind] | segment_columns(segments)


def orders(m: Modelled, scope: Scope) -> sa.FromClause:
    """ORDERS rows and segments. Raises WarehouseError("missing_table") without orders."""
    customers.required(m, "orders")
    kept, zone = _kept(m, "orders", scope)
    if kept is None:
        return described(m, placed.rows(m, zone).subquery("told")).subquery("orders")
    return kept if _counts_in(m, "orders", zone) else placed.rezoned(kept, zone).subquery("orders")


def stretches(m: Modelled, scope: Scope) -> sa.FromClause:
    """STRETCHES rows and segments. Raises WarehouseError("missing_table") without subscriptions."""
    customers.required(m, "subscriptions")
    kept, zone = _kept(m, "stretches", scope)
    if kept is None:
        return described(m, stretches_rows.rows(m, zone).subquery("told")).subquery("stretches")
    return kept if _counts_in(m, "stretches", zone) else stretches_rows.rezoned(kept, zone).subquery("stretches")


def buyers(m: Modelled, scope: Scope) -> sa.FromClause:
    """BUYERS rows and segments. Raises WarehouseError("missing_table") with neither orders nor subscriptions."""
    if not {"orders", "subscriptions"} & m.sources.keys():
        raise WarehouseError(
            "missing_table",
            "Neither orders nor subscriptions are in the warehouse.",
            "Load one of them: orders (order_id, ordered_at, contact_id or account_id, amount) or subscriptions "
            "(subscription_id, started_at, contact_id or account_id, ended_at, mrr).",
        )
    kept, zone = _kept(m, "buyers", scope)
    if kept is not None and _counts_in(m, "buyers", zone):
        return kept
    return described(m, _buyers(m, scope).subquery("told")).subquery("buyers")


def _buyers(m: Modelled, scope: Scope) -> sa.Select:
    return buyers_rows.rows(
        orders(m, scope) if "orders" in m.sources else None,
        stretches(m, scope) if "subscriptions" in m.sources else None,
    )


def keep(m: Modelled) -> None:
    """Make the tables of a build whose journeys are there, as far as there are sources for them."""
    zone = m.warehouse.settings.timezone
    made: dict[str, sa.FromClause | None] = {"orders": None, "stretches": None}
    if "orders" in m.sources:
        made["orders"] = _fill(m, "orders", placed.rows(m, zone), "first_at")
    if "subscriptions" in m.sources:
        made["stretches"] = _fill(m, "stretches", stretches_rows.rows(m, zone), "first_at")
    if any(table is not None for table in made.values()):
        _fill(m, "buyers", buyers_rows.rows(made["orders"], made["stretches"]), "begun_at")


def _fill(m: Modelled, kind: str, rows: sa.Select, by: str) -> sa.TableClause:
    """A table of these rows and their segments, those together that began together."""
    zone: dict[str, Kind] = {_zone(m.warehouse.settings.timezone): Small}
    own = columns(kind, m.build.segments)
    made = workbench.create(m.warehouse, m.build.table(kind), own | zone)
    unsorted = described(m, rows.subquery("told")).subquery("unsorted")
    marked = sa.select(unsorted, *(number(1).label(name) for name in zone))
    workbench.fill(m.warehouse, made, marked.order_by(unsorted.c[by]))
    return made


def _zone(timezone: str) -> str:
    """The column that says, by its name, in which time zone a table counts days."""
    return f"days in {timezone}"


def _kept(m: Modelled, kind: str, scope: Scope) -> tuple[sa.TableClause | None, str]:
    """The table of the build, where it has one with all these columns; and the time zone that is asked for."""
    name, own = m.build.table(kind), columns(kind, m.build.segments)
    there = own.keys() <= m.tables.get(name, {}).keys()
    return (workbench.table(m.warehouse, name, own) if there else None), scope.calendar.timezone


def _counts_in(m: Modelled, kind: str, zone: str) -> bool:
    return _zone(zone) in m.tables[m.build.table(kind)]


def described(m: Modelled, rows: sa.Subquery) -> sa.Select:
    """The rows with their customers' segments."""
    if not m.catalog.segments:
        return sa.select(rows)
    known = customers.known(m)
    joined = rows.outerjoin(known, known.c.entity_id == rows.c.customer_id)
    return sa.select(rows, *(known.c[s.column] for s in m.catalog.segments)).select_from(joined)


def period(c: sa.ColumnCollection, name: str, scope: Scope) -> sa.ColumnElement:
    """The number of the scope's period that holds an instant of the ledger: `at`, `previous`, `first`, `begun` …"""
    return period_of(c[f"{name}_day"], c[f"{name}_month"], scope.grain, scope.calendar)


def is_last(c: sa.ColumnCollection, end: datetime | None, scope: Scope) -> sa.ColumnElement[bool]:
    """Whether an order is its customer's last before an instant (or, without one, by as_of)."""
    seen = [c["at"] <= scope.as_of] + ([c["at"] < end] if end else [])
    nothing_more = [c.next_at.is_(None), c.next_at > scope.as_of] + ([c.next_at >= end] if end else [])
    return sa.and_(*seen, sa.or_(*nothing_more))
