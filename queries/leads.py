"""The leads behind every number of agreement and service: the number's own expression, as rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.agreement import LATE
from lifecycle.business import Business
from lifecycle.scope import Scope
from queries.contacts import PAGE, Records
from queries.dialect import bytewise, local_floor
from queries.handoff import handed
from queries.modelled import Modelled, one_of
from queries.service import timed
from queries.touches import place_of

HANDED_OVER = ("accepted", "rejected", "expired", "pending", *LATE)
LEAD = pa.schema(
    [
        ("entity_id", pa.string()),
        ("journey", pa.int64()),
        ("handed_at", pa.timestamp("us")),
        ("outcome", pa.string()),
        ("decided_at", pa.timestamp("us")),
        ("rejected_by", pa.string()),
        ("reason", pa.string()),
        ("score", pa.float64()),
        ("owner", pa.string()),
        ("segment", pa.string()),
    ]
)
TIMED = pa.schema(
    [
        *(LEAD.field(name) for name in ("entity_id", "journey", "handed_at", "owner", "segment", "outcome")),
        ("status", pa.string()),
        ("clock_at", pa.timestamp("us")),
        ("assigned_at", pa.timestamp("us")),
        ("touched_at", pa.timestamp("us")),
        ("waited_us", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Cell:
    """A number of the agreement page that can be clicked: leads with one of `outcomes` (decided late: in LATE).

    Narrowed to what rejected them and why (`reasons`; None among them = no reason given), to the period that starts on
    `period`, to `values` of the segment `by` (None = not set), and to those without an owner.
    """

    outcomes: tuple[str, ...]
    rejected_by: str | None = None
    reasons: tuple[str | None, ...] = ()
    period: date | None = None
    by: str | None = None
    values: tuple[str | None, ...] = ()
    ownerless: bool = False


@dataclass(frozen=True)
class Waiting:
    """A number of the service level that can be clicked: leads with one of `statuses`, or of one segment value."""

    statuses: tuple[str, ...]
    by: str | None = None
    values: tuple[str | None, ...] = ()


def leads(m: Modelled, scope: Scope, cell: Cell, page: int = 0) -> Records:
    """The leads behind a cell, latest first."""
    scope = replace(scope, by=cell.by or scope.by)
    owner = m.catalog.get("owner")
    base = handed(m, scope, [owner.column] if owner else [])
    c = base.c
    where: list[sa.ColumnElement[bool]] = [c.outcome.in_(cell.outcomes)]
    where += [c.rejected_by == cell.rejected_by] if cell.rejected_by else []
    where += [one_of(c.reason, cell.reasons)] if cell.reasons else []
    where += [one_of(c.segment, cell.values)] if cell.values else []
    if cell.period:
        where.append(local_floor(c.handed_at, scope.grain, scope.calendar) == cell.period)
    rep: sa.ColumnElement = c[owner.column] if owner else sa.cast(sa.null(), sa.Text())
    where += [rep.is_(None)] if cell.ownerless else []
    columns = [rep.label("owner") if name == "owner" else c[name] for name in LEAD.names]
    order = [c.handed_at.desc(), bytewise(c.entity_id), c.journey]
    return paged(m, sa.select(*columns).where(*where), order, LEAD, page)


def waiting(m: Modelled, scope: Scope, chosen: Waiting, business: Business | None = None, page: int = 0) -> Records:
    """The leads behind a status of the service level, those on the clock longest first, with the time they took."""
    scope = replace(scope, by=chosen.by or scope.by)
    base = timed(m, scope, business)
    c, owner = base.c, m.catalog.get("owner")
    where: list[sa.ColumnElement[bool]] = [c.status.in_(chosen.statuses)]
    where += [one_of(c.segment, chosen.values)] if chosen.values else []
    rep: sa.ColumnElement = c[owner.column] if owner else sa.cast(sa.null(), sa.Text())
    waited = sa.func.coalesce(c.touched_at_us, place_of(scope.as_of, business)) - c.clock_at_us
    given = {"owner": rep.label("owner"), "waited_us": waited.label("waited_us")}
    columns = [given[name] if name in given else c[name] for name in TIMED.names]
    return paged(m, sa.select(*columns).where(*where), [c.clock_at, bytewise(c.entity_id), c.journey], TIMED, page)


def paged(m: Modelled, statement: sa.Select, order: list[sa.ColumnElement], schema: pa.Schema, page: int) -> Records:
    """One page of a list, and how long the whole list is."""
    everything = statement.subquery("everything")
    total, counting = m.ask(sa.select(sa.func.count()).select_from(everything), pa.schema([("n", pa.int64())]))
    table, listing = m.ask(statement.order_by(*order).limit(PAGE).offset(page * PAGE), schema)
    return Records(total.column(0)[0].as_py(), table, (listing, counting))
