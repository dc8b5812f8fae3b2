"""The whole history of one contact, account or deal, asked: stays, what else happened, and what sales made of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.business import Business
from lifecycle.history import History, Moment, Stay, Verdict
from lifecycle.privacy import masked
from lifecycle.scope import Scope
from queries.contract import is_personal
from queries.dialect import bytewise
from queries.handoff import handed
from queries.members import Members, members
from queries.modelled import Modelled
from queries.moments import MOMENTS, moments
from queries.service import timed
from queries.warehouse import Rendered

MOST = 2_000  # moments, and as many stays
TIMELINE = pa.schema(
    [
        ("journey", pa.int64()),
        ("seq", pa.int64()),
        ("stage", pa.string()),
        ("entered_at", pa.timestamp("us")),
        ("exited_at", pa.timestamp("us")),
        ("move", pa.string()),
        ("by_fact", pa.int64()),
        ("reason", pa.string()),
        ("competitor", pa.string()),
        ("actor", pa.string()),
        ("contact_id", pa.string()),
    ]
)
VERDICTS = pa.schema(
    [
        ("journey", pa.int64()),
        ("outcome", pa.string()),
        *((name, pa.timestamp("us")) for name in ("handed_at", "decided_at")),
        ("rejected_by", pa.string()),
        ("reason", pa.string()),
    ]
)
CLOCK = pa.schema(
    [
        ("journey", pa.int64()),
        *((name, pa.timestamp("us")) for name in ("clock_at", "assigned_at", "touched_at")),
        ("status", pa.string()),
    ]
)
TABLES = ("activities", "deals", "orders", "subscriptions", "surveys", "referrals")  # a history is poorer without


def history(m: Modelled, scope: Scope, entity_id: str, business: Business | None = None) -> History:
    """Everything that happened to one contact, account or deal up to the cut-off, whatever the period and the filters.

    Stays as they were built; activities, deals, orders, subscriptions, surveys, referrals, audits and changed columns
    of all its contacts, merged ones too, where those tables exist; and per journey that was handed over the decision
    and the first touch, as agreement and service level count them (in working time where `business` is given). What is
    personal is masked unless the settings show it.
    """
    who = members(m, entity_id)
    stays, staying = _stays(m, entity_id, scope.as_of)
    happened, happening = _moments(m, who, scope.as_of)
    verdicts, judging = _verdicts(m, scope, entity_id, business) if m.model.handoff else ((), ())
    return History(
        entity_id=entity_id,
        as_of=scope.as_of,
        people=who.people,
        n_people=who.n_people,
        stays=stays[:MOST],
        moments=happened[:MOST][::-1],
        verdicts=verdicts,
        absent=tuple(name for name in TABLES if name not in m.sources),
        is_cut=max(len(happened), len(stays)) > MOST,
        statements=(staying, *happening, *judging, *who.statements),
    )


def _stays(m: Modelled, entity_id: str, as_of: datetime) -> tuple[tuple[Stay, ...], Rendered]:
    """Every stay of one entity by as_of, in order; a stay that ended later is still open."""
    s = m.stays.c
    ended = sa.case((s.exited_at <= as_of, s.exited_at)).label("exited_at")
    columns = [ended if name == "exited_at" else s[name] for name in TIMELINE.names]
    statement = sa.select(*columns).where(s.entity_id == entity_id, s.entered_at <= as_of)
    table, rendered = m.ask(statement.order_by(s.seq).limit(MOST + 1), TIMELINE)
    return tuple(Stay(**row | {"by_fact": bool(row["by_fact"])}) for row in table.to_pylist()), rendered


def _moments(m: Modelled, who: Members, as_of: datetime) -> tuple[tuple[Moment, ...], tuple[Rendered, ...]]:
    """What happened beside the stages by as_of, the latest first; an end that lies later is not known yet."""
    rows = moments(m.sources, who)
    if rows is None:
        return (), ()
    c = rows.subquery("happened").c
    ended = sa.case((c.until <= as_of, c.until)).label("until")
    detail = sa.case((sa.and_(c.kind == "deal", sa.or_(c.until.is_(None), c.until > as_of)), None), else_=c.detail)
    given = {"until": ended, "detail": detail.label("detail")}
    statement = sa.select(*(given.get(name, c[name]) for name in MOMENTS.names)).where(c["at"] <= as_of)
    texts = [bytewise(c[name]).desc().nulls_first() for name in ("kind", "what", "contact_id", "detail")]
    table, rendered = m.ask(statement.order_by(c["at"].desc(), *texts).limit(MOST + 1), MOMENTS)
    return tuple(_masked(m, Moment(**row)) for row in table.to_pylist()), (rendered,)


def _masked(m: Modelled, moment: Moment) -> Moment:
    """A change of a personal column without its value, unless the settings show it."""
    hidden = moment.kind == "change" and is_personal(moment.what or "", m.warehouse.settings)
    if hidden and moment.detail and not m.warehouse.settings.personal_data:
        return replace(moment, detail=masked(moment.detail))
    return moment


def _verdicts(
    m: Modelled, scope: Scope, entity_id: str, business: Business | None
) -> tuple[tuple[Verdict, ...], tuple[Rendered, ...]]:
    """What sales made of each journey: the very rows that agreement and service level count, of one entity."""
    always = replace(scope, start=None, end=None, filters=(), by=None)
    base = handed(m, always)
    statement = sa.select(*(base.c[name] for name in VERDICTS.names)).where(base.c.entity_id == entity_id)
    table, judging = m.ask(statement.order_by(base.c.journey), VERDICTS)
    if "activities" not in m.sources or not table.num_rows:
        return tuple(Verdict(**row) for row in table.to_pylist()), (judging,)
    clocked = timed(m, always, business)
    statement = sa.select(*(clocked.c[name] for name in CLOCK.names)).where(clocked.c.entity_id == entity_id)
    clock, timing = m.ask(statement, CLOCK)
    times = {row.pop("journey"): row for row in clock.to_pylist()}
    return tuple(Verdict(**row, **times.get(row["journey"], {})) for row in table.to_pylist()), (judging, timing)
