"""From events to steps: one chain of window functions that walks every entity's history in order.

Each link adds what the next one needs; nothing looks at more than its own entity, so entities can be taken in parts.
The rules are those of `lifecycle.transitions`, which derives the same rows one by one. Only numbers travel along the
chain; what an event says otherwise is found again by its id.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from lifecycle.stages import StageModel
from queries.dialect import Kind, bytewise

# An event on its way: of entity `n`; `code` as in EVENT; `behind_other`: an ignored value lies before it.
MOMENT: dict[str, Kind] = {"n": int, "at": datetime, "code": int, "fact": int, "behind_other": int, "id": int}
# An entry: its journey, its stay's end, where it came from and went, whether it repeats. `n_journeys` of its entity.
STEP: dict[str, Kind] = {
    "n": int,
    "journey": int,
    "n_journeys": int,
    "seq": int,
    "code": int,
    "at": datetime,
    "exited_at": datetime,
    "next_code": int,
    "from_code": int,
    "repeat": int,
    "fact": int,
    "after_other": int,
    "id": int,
}
_PACK = 1024  # codes stay below: a count and a code travel through one maximum
BEFORE, SO_FAR, ALL = (None, -1), (None, 0), (None, None)
Window = tuple[int | None, int | None]


def place(code: sa.ColumnElement, model: StageModel) -> sa.ColumnElement:
    """Order within an instant: progress by rank, then exits, then ignored values."""
    n = len(model.progress)
    return sa.case((code == 0, n + 2), (code > n, n + 1), else_=code)


def ties(moments: sa.FromClause, events: sa.TableClause, model: StageModel, contact: sa.FromClause | None) -> sa.Select:
    """The moments that share entity, instant and place with another: `id`, and `tie` by what they say, bytewise.

    `contact` maps event ids to contacts (`id, contact_id`), for entities that several contacts move.
    """
    m, e = moments.c, events.c
    key = (m.n, m.at, place(m.code, model).label("place"))
    shared = sa.select(*key).group_by(*key).having(sa.func.count() > 1).subquery("shared")
    texts = [sa.func.coalesce(e.event_id, ""), e.raw, e.reason, e.competitor, e.actor]
    order = [*(bytewise(t).asc().nulls_first() for t in texts), e.lead_score.asc().nulls_first()]
    same = sa.and_(shared.c.n == m.n, shared.c.at == m.at, shared.c.place == place(m.code, model))
    source = moments.join(shared, same).join(events, e.id == m.id)
    if contact is not None:
        source = source.join(contact, contact.c.id == m.id)
        order.append(bytewise(contact.c.contact_id))
    tie = sa.func.row_number().over(partition_by=[shared.c.n, shared.c.at, shared.c.place], order_by=order)
    return sa.select(m.id, tie.label("tie")).select_from(source)


def steps(moments: sa.FromClause, ties: sa.TableClause, model: StageModel, never_back: bool) -> sa.Select:
    """Every entry in order, as STEP columns. `never_back`: no event goes back in its journey; else only facts do not.

    Left out are ignored values; they only set `after_other` on the next entry.
    """
    ranks = len(model.progress)
    rows = _ordered(moments, ties, model)
    rows = _without_ignored(rows, ranks)
    rows = _started(rows, ranks, never_back)
    rows = _repeats(rows)
    return _closed(rows)


def _over(rows: sa.Subquery, value: sa.ColumnElement, frame: Window | None = None, *also: str) -> sa.ColumnElement:
    """`value` over the rows of the same entity (and of equal `also`) in order."""
    partition = [rows.c.n, *(rows.c[name] for name in also)]
    return value.over(partition_by=partition, order_by=rows.c.rn, rows=frame)  # type: ignore[attr-defined]


def _ordered(moments: sa.FromClause, ties: sa.TableClause, model: StageModel) -> sa.Subquery:
    """Numbers the rows of every entity in order; `behind` is the code of the row before, `exits` counts exits so far."""
    m = moments.c
    window = {"partition_by": m.n, "order_by": [m.at, place(m.code, model), sa.func.coalesce(ties.c.tie, 0)]}
    exits = sa.func.sum(sa.case((m.code > len(model.progress), 1), else_=0))
    return (
        sa.select(
            moments,
            sa.func.row_number().over(**window).label("rn"),
            sa.func.lag(m.code).over(**window).label("behind"),
            exits.over(**window, rows=SO_FAR).label("exits"),
        )
        .select_from(moments.outerjoin(ties, ties.c.id == m.id))
        .subquery("ordered")
    )


def _without_ignored(rows: sa.Subquery, ranks: int) -> sa.Subquery:
    """Drops ignored values; `top` is the highest rank reached since which exit, packed."""
    kept = sa.select(rows).where(rows.c.code != 0).subquery("kept")
    c = kept.c
    return sa.select(
        kept,
        _over(kept, sa.func.row_number()).label("seq"),
        _over(kept, sa.func.lag(c.code)).label("before"),
        _over(kept, sa.func.max(sa.case((c.code <= ranks, c.exits * _PACK + c.code))), BEFORE).label("top"),
    ).subquery("sequence")


def _started(rows: sa.Subquery, ranks: int, never_back: bool) -> sa.Subquery:
    """`starts` a journey: the first progress, or progress after an exit. `sunk`: at or below what its journey reached."""
    c = rows.c
    progress = c.code <= ranks
    starts = sa.and_(progress, sa.or_(c.seq == 1, c.before > ranks))
    rises = sa.true() if never_back else c.fact == 1
    sunk = sa.and_(rises, progress, c.exits * _PACK + c.code <= c.top)
    other = sa.or_(c.behind_other == 1, sa.and_(c.rn > 1, c.behind == 0))
    return sa.select(
        rows,
        *(sa.case((x, 1), else_=0).label(n) for n, x in (("starts", starts), ("sunk", sunk), ("after_other", other))),
    ).subquery("started")


def _repeats(rows: sa.Subquery) -> sa.Subquery:
    """Numbers the journeys, and marks repeats: what is sunk, and the stage again that the entity is in."""
    entered = sa.case((rows.c.sunk == 0, rows.c.rn * _PACK + rows.c.code))
    current = _over(rows, sa.func.max(entered), BEFORE).label("current")
    numbered = sa.select(
        rows,
        _over(rows, sa.func.sum(rows.c.starts), SO_FAR).label("journey"),
        _over(rows, sa.func.sum(rows.c.starts), ALL).label("n_journeys"),
        current,
    ).subquery("journeys")
    c = numbered.c
    again = sa.and_(c.current.is_not(None), sa.func.mod(c.current, _PACK) == c.code)
    repeat = sa.case((sa.or_(c.sunk == 1, again), 1), else_=0).label("repeat")
    return sa.select(numbered, repeat).subquery("repeats")


def _closed(rows: sa.Subquery) -> sa.Select:
    """Closes every stay at the next entry that is no repeat, and tells from which stage it was entered."""
    walked = sa.select(
        rows,
        _over(rows, sa.func.lead(rows.c.code), None, "repeat").label("following"),
        _over(rows, sa.func.lead(rows.c.at), None, "repeat").label("ends_at"),
        _over(rows, sa.func.lag(rows.c.code), None, "repeat").label("preceding"),
    ).subquery("walked")
    c = walked.c
    kept = c.repeat == 0
    given = {
        "exited_at": sa.case((kept, c.ends_at)),
        "next_code": sa.case((kept, c.following)),
        "from_code": sa.case((kept, c.preceding)),
    }
    return sa.select(*(given.get(name, c.get(name)).label(name) for name in STEP))


def entered_by_members(steps: sa.TableClause, members: sa.TableClause, model: StageModel) -> sa.Subquery:
    """What contacts entered, as rows of their account: MOMENT columns, and `change`, +1 where a contact opens (its first
    progress, also after an exit), -1 where it closes.
    """
    ranks, c = len(model.progress), steps.c
    opens = sa.and_(c.code <= ranks, sa.or_(c.from_code.is_(None), c.from_code > ranks))
    closes = sa.and_(c.code > ranks, c.from_code <= ranks)
    change = sa.case((opens, 1), (closes, -1), else_=0).label("change")
    return (
        sa.select(members.c.entity.label("n"), c.at, c.code, c.fact, c.after_other.label("behind_other"), c.id, change)
        .join(members, members.c.n == c.n)
        .where(c.repeat == 0)
        .subquery("entered")
    )


def account_moments(entered: sa.FromClause, ties: sa.TableClause, model: StageModel) -> sa.Select:
    """The moments of accounts: every progress of a contact, and the exit of the last one that was open."""
    e = entered.c
    order = [e.at, place(e.code, model), sa.func.coalesce(ties.c.tie, 0)]
    still_open = sa.func.sum(e.change).over(partition_by=e.n, order_by=order, rows=SO_FAR).label("still_open")
    counted = sa.select(entered, still_open).select_from(entered.outerjoin(ties, ties.c.id == e.id)).subquery("counted")
    c = counted.c
    last = sa.and_(c.change == -1, c.still_open == 0)
    return sa.select(*(c[name] for name in MOMENT)).where(sa.or_(c.code <= len(model.progress), last))
