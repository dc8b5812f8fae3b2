"""From events to stays: one chain of window functions that walks every entity's history in order.

Each step adds what the next one needs; nothing looks at more than its own entity, so entities can be taken in parts.
The rules are those of `lifecycle.transitions`, which derives the same rows one by one.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from lifecycle.stages import StageModel
from queries.dialect import bytewise
from queries.events import EVENT, codes

STEP: dict[str, type] = {
    "entity_id": str,
    "journey": int,
    "seq": int,
    "code": int,
    "at": datetime,
    "exited_at": datetime,
    "next_code": int,
    "from_code": int,
    "repeat": int,
    "fact": int,
    "after_other": int,
    "event_id": str,
    "raw": str,
    "reason": str,
    "competitor": str,
    "actor": str,
    "lead_score": float,
    "contact_id": str,
}
_PACK = 1024  # codes stay below: a row number and a code travel through one min or max


def ordered(c: sa.ColumnCollection) -> list[sa.ColumnElement]:
    """The canonical order of an entity's events; it depends on what the rows say, never on how they arrived."""
    texts = [sa.func.coalesce(c.event_id, ""), c.raw, c.reason, c.competitor, c.actor]
    by_text = [bytewise(t).asc().nulls_first() for t in texts]
    return [c.at.asc(), c.ord.asc(), *by_text, c.lead_score.asc().nulls_first(), bytewise(c.contact_id).asc()]


def steps(events: sa.FromClause, model: StageModel) -> sa.Select:
    """Every kept event in order, as STEP columns: its journey, its stay's end, where it came from, whether it repeats.

    Left out: ignored values (they only set `after_other` on the next row) and facts whose `requires` is not met.
    """
    n = len(model.progress)
    c = events.c
    rows: sa.Subquery = sa.select(
        events, sa.func.row_number().over(partition_by=c.entity_id, order_by=ordered(c)).label("rn")
    ).subquery("numbered")
    rows = _qualified(rows, model)
    rows = _without_ignored(rows)
    rows = _journeys(rows, n)
    rows = _repeats(rows, n)
    return _stays(rows)


def _window(
    rows: sa.Subquery, value: sa.ColumnElement, frame: tuple[int | None, int | None], *also: str
) -> sa.ColumnElement:
    """`value` over the rows of the same entity (and of `also`) in canonical order."""
    partition = [rows.c.entity_id, *(rows.c[name] for name in also)]
    return value.over(partition_by=partition, order_by=rows.c.rn, rows=frame)  # type: ignore[attr-defined]


BEFORE, SO_FAR, AFTER = (None, -1), (None, 0), (1, None)


def _qualified(rows: sa.Subquery, model: StageModel) -> sa.Subquery:
    """Drops facts of a stage that `requires` another one which no earlier row has."""
    known = codes(model)
    needs = {known[key]: known[need] for key in set(model.facts.values()) if (need := model.stage(key).requires)}
    if not needs:
        return rows
    seen = {
        need: _window(rows, sa.func.max(sa.case((rows.c.code == need, 1))), BEFORE).label(f"seen_{need}")
        for need in sorted(set(needs.values()))
    }
    marked = sa.select(rows, *seen.values()).subquery("seen")
    c = marked.c
    unmet = [sa.and_(c.fact == 1, c.code == key, c[f"seen_{need}"].is_(None)) for key, need in needs.items()]
    return sa.select(*(c[col.name] for col in rows.c)).where(sa.not_(sa.or_(*unmet))).subquery("qualified")


def _without_ignored(rows: sa.Subquery) -> sa.Subquery:
    """Drops ignored values, counting them up first: a kept row is `after_other` if the count moved since the last."""
    others = _window(rows, sa.func.sum(sa.case((rows.c.code == 0, 1), else_=0)), SO_FAR).label("others")
    counted = sa.select(rows, others).subquery("counted")
    kept = sa.select(counted).where(counted.c.code != 0).subquery("kept")
    partition = {"partition_by": kept.c.entity_id, "order_by": kept.c.rn}
    return sa.select(
        kept,
        sa.func.row_number().over(**partition).label("seq"),
        sa.func.lag(kept.c.others).over(**partition).label("others_before"),
        sa.func.lag(kept.c.code).over(**partition).label("code_before"),
    ).subquery("sequence")


def _journeys(rows: sa.Subquery, n: int) -> sa.Subquery:
    """Numbers the journeys: one starts at a progress row that is the entity's first or follows an exit."""
    c = rows.c
    first = c.seq == 1  # engines disagree on what lies before the first row: the row number does not
    starts = sa.case((sa.and_(c.code <= n, sa.or_(first, c.code_before > n)), 1), else_=0)
    others_before = sa.case((first, 0), else_=c.others_before)
    return sa.select(
        rows,
        sa.case((c.others > others_before, 1), else_=c.after_other).label("behind_other"),
        _window(rows, sa.func.sum(starts), SO_FAR).label("journey"),
    ).subquery("numbered_journeys")


def _repeats(rows: sa.Subquery, n: int) -> sa.Subquery:
    """Marks repeats: what never goes back and is not above the highest rank of its journey, or the current stage again."""
    c = rows.c
    top = _window(rows, sa.func.max(sa.case((c.code <= n, c.code))), BEFORE, "journey").label("top")
    topped = sa.select(rows, top).subquery("topped")
    c = topped.c
    sunk = sa.and_(c.rises == 1, c.code <= n, c.code <= sa.func.coalesce(c.top, 0))
    packed = sa.case((sa.not_(sunk), c.rn * _PACK + c.code))
    current = _window(topped, sa.func.max(packed), BEFORE).label("current")
    placed = sa.select(topped, sa.case((sunk, 1), else_=0).label("sunk"), current).subquery("placed")
    c = placed.c
    again = sa.and_(c.current.is_not(None), sa.func.mod(c.current, _PACK) == c.code)
    return sa.select(placed, sa.case((sa.or_(c.sunk == 1, again), 1), else_=0).label("repeat")).subquery("repeats")


def _stays(rows: sa.Subquery) -> sa.Select:
    """Closes every stay at the next row that is no repeat, and tells from which stage it was entered."""
    c = rows.c
    packed = sa.case((c.repeat == 0, c.rn * _PACK + c.code))
    walked = sa.select(
        rows,
        _window(rows, sa.func.min(packed), AFTER).label("following"),
        _window(rows, sa.func.max(packed), BEFORE).label("preceding"),
        _window(rows, sa.func.min(sa.case((c.repeat == 0, c.at))), AFTER).label("next_at"),
    ).subquery("walked")
    c = walked.c
    kept = c.repeat == 0
    given = {
        "after_other": c.behind_other,
        "exited_at": sa.case((kept, c.next_at)),
        "next_code": sa.case((sa.and_(kept, c.following.is_not(None)), sa.func.mod(c.following, _PACK))),
        "from_code": sa.case((sa.and_(kept, c.preceding.is_not(None)), sa.func.mod(c.preceding, _PACK))),
    }
    return sa.select(*(given.get(name, c.get(name)).label(name) for name in STEP))


def account_events(stays: sa.FromClause, accounts: sa.FromClause, model: StageModel) -> sa.Select:
    """The events of accounts, from their contacts' stays: progress that never goes back, and the last exit.

    Every entry of a contact counts for its account (contacts without one stand alone); an exit counts at the instant
    at which no contact of the account is in an open journey any more.
    """
    n = len(model.progress)
    c = stays.c
    entity = sa.func.coalesce(accounts.c.account_id, c.contact_id).label("entity_id")
    opens = sa.case((sa.and_(c.code <= n, sa.or_(c.from_code.is_(None), c.from_code > n)), 1), else_=0)
    closes = sa.case((sa.and_(c.code > n, c.from_code <= n), 1), else_=0)
    ord_ = sa.case((c.code > n, n + 1), else_=c.code)
    rows = (
        sa.select(*(c[name] for name in EVENT if name in STEP and name != "entity_id"))
        .add_columns(entity, ord_.label("ord"), (opens - closes).label("change"), closes.label("closes"))
        .select_from(stays.outerjoin(accounts, accounts.c.contact_id == c.contact_id))
        .where(c.repeat == 0)
        .subquery("members")
    )
    r = rows.c
    still_open = (
        sa.func.sum(r.change).over(partition_by=r.entity_id, order_by=ordered(r), rows=SO_FAR).label("still_open")
    )
    counted = sa.select(rows, still_open).subquery("counted_members")
    r = counted.c
    given = {"rises": sa.literal_column("1")}
    return sa.select(*(given.get(name, r.get(name)).label(name) for name in EVENT)).where(
        sa.or_(r.code <= n, sa.and_(r.closes == 1, r.still_open == 0))
    )
