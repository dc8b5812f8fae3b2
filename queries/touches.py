"""What was done with whom: activities by the entity that moves, the first of each journey, and working time.

A build keeps the first assignment and the first touch of each journey as a table, so that the service level of any
period is asked without reading the activities. Where a build is older than that table, they are read.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from lifecycle.business import MONDAY, Business
from lifecycle.scope import Scope
from lifecycle.stages import normalise
from queries import workbench
from queries.belonging import accounts, folded
from queries.counted import seen
from queries.dialect import Instant, elapsed, local_time, lowered, stripped
from queries.errors import WarehouseError
from queries.modelled import Modelled
from queries.tables import Id, Kind

ASSIGNED = "assigned"  # the kind of activity by which a lead gets an owner
MICROSECOND = timedelta(microseconds=1)
TABLE = "touches"
COLUMNS: dict[str, Kind] = {"entity_id": Id, "journey": int, "assigned_at": datetime, "touch_at": datetime}


def keep(m: Modelled) -> None:
    """Make the table of a build whose journeys are there; where nothing is handed over or done, there is none."""
    if m.model.handoff is not None and "activities" in m.sources:
        made = workbench.create(m.warehouse, m.build.table(TABLE), COLUMNS)
        workbench.fill(m.warehouse, made, _firsts(m))


def firsts(m: Modelled, scope: Scope) -> sa.Subquery:
    """COLUMNS: when each journey was first assigned and first touched, as far as seen by as_of.

    Journeys without either may lack a row. Raises WarehouseError("missing_table") without activities.
    """
    kept = workbench.table(m.warehouse, m.build.table(TABLE), COLUMNS)
    there = kept.name in m.tables
    c = kept.c if there else _firsts(m).subquery("all_firsts").c
    ever = (seen(c[name], scope).label(name) for name in ("assigned_at", "touch_at"))
    return sa.select(c.entity_id, c.journey, *ever).subquery("firsts")


def _firsts(m: Modelled) -> sa.Select:
    """A journey's first assignment and first touch of the kinds that the handoff counts, whenever that was."""
    kinds = [normalise(kind) for kind in m.model.handoff.touches] if m.model.handoff else []
    done = _activities(m)
    source, own = of_journeys(m, m.journeys, done)
    j, kind, at = m.journeys.c, done.c.kind, done.c["at"]
    return (
        sa.select(
            j.entity_id,
            j.journey,
            sa.func.min(sa.case((kind == ASSIGNED, at))).label("assigned_at"),
            sa.func.min(sa.case((kind.in_(kinds), at))).label("touch_at"),
        )
        .select_from(source)
        .where(kind.in_([*kinds, ASSIGNED]), *own)
        .group_by(j.entity_id, j.journey)
    )


def activities(m: Modelled, scope: Scope) -> sa.Subquery:
    """Activities seen by as_of, with the entity they belong to: entity_id, kind (small letters), at.

    Merged contacts count for the surviving one, contacts for their account, those of a deal's contact for the deal.
    Raises WarehouseError("missing_table") where the warehouse has no activities.
    """
    return _activities(m, scope.as_of)


def _activities(m: Modelled, as_of: datetime | None = None) -> sa.Subquery:
    source = m.sources.get("activities")
    if source is None:
        raise WarehouseError(
            "missing_table",
            "The table activities is not in the warehouse (or lacks contact_id, kind or occurred_at).",
            "Load it (lifecycle load --activities FILE) or map yours in lifecycle.toml.",
        )
    rows = sa.select(
        source["contact_id"].label("contact_id"),
        lowered(stripped(source["kind"])).label("kind"),
        source["occurred_at"].label("occurred_at"),
    ).where(*([source["occurred_at"] <= as_of] if as_of else []))
    done = folded(m, rows, "contact_id")
    c = done.c
    who, joined = _mover(m, done)
    return (
        sa.select(who.label("entity_id"), c.kind, c.occurred_at.label("at")).select_from(joined).subquery("activities")
    )


def _mover(m: Modelled, done: sa.Subquery) -> tuple[sa.ColumnElement, sa.FromClause]:
    """Who moves through the model when something is done with a contact; of several rows of one, the first created."""
    contacts, deals = m.sources.get("contacts"), m.sources.get("deals")
    if m.model.entity == "deal" and deals is not None:
        return deals["deal_id"], done.join(deals.table, deals["contact_id"] == done.c.contact_id)
    if m.model.entity != "account" or contacts is None or not contacts.has("account_id"):
        return done.c.contact_id, done
    known = accounts(contacts)
    joined = done.outerjoin(known, known.c.contact_id == done.c.contact_id)
    return sa.func.coalesce(known.c.account_id, done.c.contact_id), joined


def of_journeys(m: Modelled, leads: sa.FromClause, done: sa.Subquery) -> tuple[sa.FromClause, list[sa.ColumnElement]]:
    """Leads joined to the activities of their journey, and the conditions that make them its own.

    An activity belongs to the latest journey that had started by then; what precedes the first belongs to it too.
    """
    c, later = leads.c, m.journeys.alias("later")
    next_ = sa.and_(later.c.journey > 1, later.c.entity_id == c.entity_id, later.c.journey == c.journey + 1)
    source = leads.outerjoin(later, next_).join(done, done.c.entity_id == c.entity_id)
    own = [
        sa.or_(c.journey == 1, done.c["at"] >= c.started_at),
        sa.or_(later.c.started_at.is_(None), done.c["at"] < later.c.started_at),
    ]
    return source, own


def on_the_clock(base: sa.Subquery, names: list[str], business: Business | None) -> sa.Subquery:
    """`base` with a column `<name>_us` per instant: its place on the clock, in microseconds of counted time.

    Differences between two places are durations: elapsed time, or working time where `business` is given.
    """
    c, zone = base.c, business.timezone if business else "UTC"
    placed = sa.select(
        base, *(elapsed(sa.literal(MONDAY, Instant()), local_time(c[n], zone)).label(f"{n}_us") for n in names)
    ).subquery("placed")
    if business is None:
        return placed
    c = placed.c
    week = microseconds(timedelta(weeks=1))
    rest = sa.select(placed, *(sa.func.mod(c[f"{n}_us"], week).label(f"{n}_rest") for n in names)).subquery("in_week")
    c = rest.c
    given = {f"{n}_us": _worked(c[f"{n}_us"], c[f"{n}_rest"], business).label(f"{n}_us") for n in names}
    return sa.select(*(given.get(column.name, c[column.name]) for column in placed.c)).subquery("worked")


def _worked(since: sa.ColumnElement, rest: sa.ColumnElement, business: Business) -> sa.ColumnElement:
    """Business.worked as an expression: whole weeks, the part of the last one, less the holidays passed."""
    week = microseconds(timedelta(weeks=1))
    weeks = sa.cast((since - rest) / week, sa.BigInteger())
    total = weeks * microseconds(business.week)
    for start, end in business.open_spans:
        total = total + _passed(rest, start, end)
    for opens, closes in business.closed_spans:
        total = total - _passed(since, opens - MONDAY, closes - MONDAY)
    return total


def _passed(at: sa.ColumnElement, start: timedelta, end: timedelta) -> sa.ColumnElement:
    low, high, most = (microseconds(span) for span in (start, end, end - start))
    return sa.case((at <= low, microseconds(timedelta())), (at >= high, most), else_=at - low)


def place_of(instant: datetime, business: Business | None) -> sa.ColumnElement:
    """The place of one instant on the clock, as `on_the_clock` counts it."""
    place = business.place(instant) if business else instant - MONDAY
    return sa.literal(place // MICROSECOND, sa.BigInteger())  # bound: as_of is another in every question


def microseconds(span: timedelta) -> sa.ColumnElement:
    """A duration as a whole number."""
    return sa.literal_column(str(span // MICROSECOND), sa.BigInteger())
