"""The records behind a number, and the history of one of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.funnel import steps_of
from lifecycle.privacy import masked
from lifecycle.scope import Scope
from queries import counted
from queries.contract import PERSONAL
from queries.dialect import bytewise
from queries.measures import one_of
from queries.modelled import Modelled
from queries.warehouse import Rendered

PAGE = 100
MOST_ACTIVITIES = 200
RECORDS = pa.schema(
    [
        ("entity_id", pa.string()),
        ("journey", pa.int64()),
        ("first_at", pa.timestamp("us")),
        ("reached", pa.string()),
        ("fate", pa.string()),
        ("exit_stage", pa.string()),
        ("exit_reason", pa.string()),
        ("exited_at", pa.timestamp("us")),
        ("score", pa.float64()),
        ("segment", pa.string()),
    ]
)
TIMELINE = pa.schema(
    [
        ("journey", pa.int64()),
        ("seq", pa.int64()),
        ("stage", pa.string()),
        ("entered_at", pa.timestamp("us")),
        ("exited_at", pa.timestamp("us")),
        ("move", pa.string()),
        ("reason", pa.string()),
        ("competitor", pa.string()),
        ("actor", pa.string()),
        ("contact_id", pa.string()),
    ]
)
ACTIVITIES = pa.schema(
    [("occurred_at", pa.timestamp("us")), ("kind", pa.string()), ("actor", pa.string()), ("contact_id", pa.string())]
)


@dataclass(frozen=True)
class Bar:
    """A part of the funnel that can be clicked: a stage, and of its entries all or those of one fate.

    `fate` is advanced, late, exited, diverted, open, not_due or None for all that entered. An exit can be narrowed to
    its stage and to reasons (None among them = no reason given), the whole to `segments`, values of the breakdown
    (None = not set), or with `others` to all but those.
    """

    stage: str
    fate: str | None = None
    exit_stage: str | None = None
    exit_reasons: tuple[str | None, ...] = ()
    segments: tuple[str | None, ...] = ()
    others: bool = False


@dataclass(frozen=True)
class Records:
    """One page of records, and how many there are in all: as many as the bar says."""

    total: int
    table: pa.Table
    statements: tuple[Rendered, ...]


@dataclass(frozen=True)
class History:
    """One entity: what is known of it (personal data masked unless allowed), its entries, what was done with it."""

    about: dict[str, str]
    timeline: pa.Table
    activities: pa.Table | None
    statements: tuple[Rendered, ...]


def records(m: Modelled, scope: Scope, bar: Bar, page: int = 0) -> Records:
    """The journeys behind a bar of the cohort funnel, latest first: the bar's own expression, as rows."""
    steps = steps_of(m.model, scope)
    base = counted.population(m, scope, steps)
    c = base.c
    place, test = next(
        (place, test)
        for (place, stage, _), test in zip(steps.rows, counted.belongs(base, steps), strict=True)
        if stage.key == bar.stage
    )
    where = [test]
    stopped = sa.or_(c.furthest <= place, c.fate == "not_due")
    if bar.fate == "advanced":
        where.append(sa.not_(stopped))
    elif bar.fate:
        where += [stopped, c.fate == bar.fate]
    where += [c.exit_stage == bar.exit_stage] if bar.exit_stage else []
    where += [one_of(c.exit_reason, bar.exit_reasons)] if bar.exit_reasons else []
    if bar.segments:
        inside = sa.func.coalesce(one_of(c.segment, bar.segments), sa.false())  # of a value that is not set, "no"
        where.append(sa.not_(inside) if bar.others else inside)
    reached = sa.case(*((c.furthest == i, s.key) for i, s in enumerate(steps.chain, 1)))
    left = c.exited_at <= scope.as_of
    columns = [
        c.entity_id,
        c.journey,
        c.t1.label("first_at"),
        reached.label("reached"),
        c.fate,
        sa.case((left, c.exit_stage)).label("exit_stage"),
        sa.case((left, c.exit_reason)).label("exit_reason"),
        sa.case((left, c.exited_at)).label("exited_at"),
        c.score,
        c.segment,
    ]
    total, counting = m.ask(
        sa.select(sa.func.count().label("n")).select_from(base).where(*where), pa.schema([("n", pa.int64())])
    )
    order = [c.t1.desc(), bytewise(c.entity_id), c.journey]
    statement = sa.select(*columns).where(*where).order_by(*order).limit(PAGE).offset(page * PAGE)
    table, listing = m.ask(statement, RECORDS)
    return Records(total.column(0)[0].as_py(), table, (listing, counting))


def history(m: Modelled, scope: Scope, entity_id: str) -> History:
    """Everything that happened to one entity by as_of; an account's or a deal's contacts stand beside its entries."""
    stays, statement = timeline(m, entity_id, scope.as_of)
    people = [entity_id] if m.model.entity == "contact" else sorted(set(stays["contact_id"].to_pylist()) - {None})
    about, asked = _about(m, entity_id) if m.model.entity == "contact" else ({}, ())
    done, listed = _activities(m, people, scope.as_of)
    return History(about, stays, done, (statement, *asked, *listed))


def timeline(m: Modelled, entity_id: str, as_of: datetime) -> tuple[pa.Table, Rendered]:
    """Every stay of one entity by as_of, in order; a stay that ended later is still open."""
    s = m.stays.c
    ended = sa.case((s.exited_at <= as_of, s.exited_at)).label("exited_at")
    columns = [ended if name == "exited_at" else s[name] for name in TIMELINE.names]
    statement = sa.select(*columns).where(s.entity_id == entity_id, s.entered_at <= as_of).order_by(s.seq)
    return m.ask(statement, TIMELINE)


def _about(m: Modelled, contact_id: str) -> tuple[dict[str, str], tuple[Rendered, ...]]:
    """The contact's own row in words; what is personal in it is masked unless the settings show it."""
    source = m.sources.get("contacts")
    if source is None:
        return {}, ()
    settings = m.warehouse.settings
    names = [n for n in ("account_id", "owner", "lead_score") if source.has(n)] + list(source.extra)
    values = [source[n] if source.has(n) else source.column(n) for n in names]
    columns = [sa.cast(value, sa.Text()).label(f"c{i}") for i, value in enumerate(values)]
    statement = sa.select(*columns).select_from(source.table).where(source["contact_id"] == contact_id)
    order = [source["created_at"].asc().nulls_last(), *(bytewise(c).asc().nulls_last() for c in columns)]
    rows, rendered = m.ask(statement.order_by(*order).limit(1), pa.schema([(c.name, pa.string()) for c in columns]))
    if not rows.num_rows:
        return {}, (rendered,)
    about = {}
    for name, value in zip(names, rows.to_pylist()[0].values(), strict=True):
        setting = settings.segments.get(name)
        personal = setting.personal if setting else bool(PERSONAL.search(name))
        if value is not None:
            about[name] = masked(value) if personal and not settings.personal_data else value
    return about, (rendered,)


def _activities(m: Modelled, people: list[str], as_of: datetime) -> tuple[pa.Table | None, tuple[Rendered, ...]]:
    """What was done with these contacts by as_of, the newest first; None where no activities are recorded."""
    source = m.sources.get("activities")
    if source is None:
        return None, ()
    columns = [source[name].label(name) for name in ACTIVITIES.names]
    where = [source["contact_id"].in_(people), source["occurred_at"] <= as_of]
    statement = sa.select(*columns).select_from(source.table).where(*where)
    order = [source["occurred_at"].desc(), bytewise(source["kind"]), bytewise(source["contact_id"])]
    table, rendered = m.ask(statement.order_by(*order).limit(MOST_ACTIVITIES), ACTIVITIES)
    return table, (rendered,)
