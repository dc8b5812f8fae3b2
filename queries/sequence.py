"""From events to steps: one chain of window functions that walks every entity's history in order.

Each link adds what the next one needs; nothing looks at more than its own entity, so entities can be taken in parts.
The rules are those of `lifecycle.transitions`, which derives the same rows one by one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lifecycle.stages import StageModel
from queries.dialect import Instant, bytewise, last_known, next_known
from queries.tables import Kind, Number, Small

# An event on its way: of entity `n`; `code` as in EVENT; `behind_other`: an ignored value lies before it. Whatever else
# a moment has (what it says; of accounts `who`, the number of the contact) goes with it.
MOMENT: dict[str, Kind] = {
    "n": Number,
    "at": datetime,
    "code": Small,
    "fact": Small,
    "behind_other": Small,
    "id": Number,
}
# An entry: its journey, its stay's end, where it came from and went, whether it repeats; `tied`: it shares its entity,
# instant and place with the one before.
STEP: dict[str, Kind] = {
    "n": Number,
    "journey": Number,
    "seq": Number,
    "code": Small,
    "at": datetime,
    "exited_at": datetime,
    "next_code": Small,
    "from_code": Small,
    "repeat": Small,
    "fact": Small,
    "after_other": Small,
    "tied": Small,
}
_PACK = 1024  # codes stay below: a row number and a code travel as one number that grows from row to row
BEFORE, SO_FAR = (None, -1), (None, 0)


def place(code: sa.ColumnElement, model: StageModel) -> sa.ColumnElement:
    """Order within an instant: progress by rank, then exits, then ignored values."""
    n = len(model.progress)
    return sa.case((code == 0, n + 2), (code > n, n + 1), else_=code)


def _within_instant(code: sa.ColumnElement, ties: sa.TableClause | None, model: StageModel) -> sa.ColumnElement:
    """Order within an instant, as one small number: the fewer and narrower keys a sort has, the less it takes.

    Of one entity, instant and place there are fewer events than the millions that such a number has room for.
    """
    if ties is None:
        return place(code, model)
    room = (2**31 - 1) // (len(model.progress) + 3)
    return sa.cast(place(code, model) * sa.literal_column(str(room)) + sa.func.coalesce(ties.c.tie, 0), sa.Integer())


def ties(moments: sa.FromClause, events: sa.FromClause, model: StageModel, named: sa.FromClause) -> sa.Select:
    """The moments that share entity, instant and place with another: `id`, and `tie` by what they say, bytewise.

    `named` gives the `id` of contacts by their number `n`, for entities that several contacts move.
    """
    m, e = moments.c, events.c
    key = (m.n, m.at, place(m.code, model).label("place"))
    shared = sa.select(*key).group_by(*key).having(sa.func.count() > 1).subquery("shared")
    same = sa.and_(shared.c.n == m.n, shared.c.at == m.at, shared.c.place == place(m.code, model))
    source = moments.join(shared, same).join(events, e.id == m.id)
    texts = [sa.func.coalesce(e.event_id, ""), e.raw, e.reason, e.competitor, e.actor]
    order: list[sa.ColumnElement] = [bytewise(t).asc().nulls_first() for t in texts]
    order.append(e.lead_score.asc().nulls_first())
    if "who" in m:
        source = source.join(named, named.c.n == m.who)
        order.append(bytewise(named.c.id))
    tie = sa.func.row_number().over(partition_by=[shared.c.n, shared.c.at, shared.c.place], order_by=order)
    return sa.select(m.id, tie.label("tie")).select_from(source)


def sunk(moments: sa.FromClause, ties: sa.TableClause | None, model: StageModel, never_back: bool) -> sa.Select | None:
    """The ids of moments at or below what their journey has reached, which enter nothing; None where there cannot be.

    `never_back`: no event goes back in its journey; else only facts do not, and only who has such facts is looked at.
    """
    floors = _floors(model, never_back)
    if not floors:
        return None
    kept = sa.true() if never_back else sa.and_(moments.c.fact == 1, moments.c.code.in_(floors))
    rows: sa.FromClause = moments
    if not never_back:
        those = sa.select(moments.c.n).where(kept).distinct().subquery("those")
        rows = sa.select(moments).join(those, those.c.n == moments.c.n).subquery("theirs")
    m, ranks = rows.c, len(model.progress)
    window = _in_order(rows, ties, model)

    def last(test: sa.ColumnElement[bool]) -> sa.ColumnElement:
        return sa.func.max(sa.case((test, m.at))).over(**window, rows=BEFORE)

    told = sa.select(
        *(m[name] for name in ("id", "code", "fact")),
        last(m.code > ranks).label("last_exit"),
        *(last(sa.and_(m.code >= k, m.code <= ranks)).label(f"reached_{k}") for k in floors),
    )
    c = told.select_from(_with_ties(rows, ties)).subquery("told").c
    there = [sa.and_(c.code == k, _lasts(c[f"reached_{k}"], c.last_exit)) for k in floors]
    return sa.select(c.id).where(sa.true() if never_back else c.fact == 1, sa.or_(*there))


def _lasts(reached: sa.ColumnElement, last_exit: sa.ColumnElement) -> sa.ColumnElement[bool]:
    """Whether something was reached and no exit followed; at one instant exits follow all progress."""
    return sa.and_(reached.is_not(None), sa.or_(last_exit.is_(None), last_exit < reached))


def _floors(model: StageModel, never_back: bool) -> list[int]:
    """The ranks that are not entered again once they, or more, are reached in a journey: all, or those of facts."""
    return sorted({model.rank(s.key) for s in model.progress if never_back or s.enters_on})


def steps(
    moments: sa.FromClause,
    ties: sa.TableClause | None,
    sunk: sa.TableClause | None,
    model: StageModel,
    carried: Iterable[str],
) -> sa.Select:
    """Every entry in order, as STEP columns and those `carried` along from its moment.

    Without `ties`, those that are `tied` stand in no certain order, nor what follows from it for their entity. Left out
    are ignored values; they only set `after_other` on the next entry. Sorting is what takes the time here,
    and every level of windows sorts: there are two, one that looks back and one that numbers and looks ahead.
    """
    return _closed(_judged(_ordered(moments, ties, sunk, model), model), [*STEP, *carried])


def _in_order(moments: sa.FromClause, ties: sa.TableClause | None, model: StageModel) -> dict[str, Any]:
    """The window of an entity's moments in order."""
    m = moments.c
    return {"partition_by": m.n, "order_by": [m.at, _within_instant(m.code, ties, model)]}


def _with_ties(moments: sa.FromClause, ties: sa.TableClause | None) -> sa.FromClause:
    return moments if ties is None else moments.outerjoin(ties, ties.c.id == moments.c.id)


def _ordered(
    moments: sa.FromClause, ties: sa.TableClause | None, sunk: sa.TableClause | None, model: StageModel
) -> sa.Subquery:
    """Numbers the rows of every entity in order, and tells what lies before each.

    That is the code of the row before (`behind`), and the last one that entered a stage or was in it (`current`). The
    `nth` is the number of the first with the same instant and place.
    """
    m, window, source = moments.c, _in_order(moments, ties, model), _with_ties(moments, ties)
    is_sunk: sa.ColumnElement = sa.literal_column("0")
    if sunk is not None:
        source = source.outerjoin(sunk, sunk.c.id == m.id)
        is_sunk = sa.case((sunk.c.id.is_not(None), 1), else_=0)
    entered = sa.case((sa.and_(m.code != 0, is_sunk == 0), m.code))
    return (
        sa.select(
            moments,
            is_sunk.label("sunk"),
            sa.cast(sa.func.row_number().over(**window), sa.Integer()).label("rn"),
            sa.func.lag(m.code).over(**window).label("behind"),
            sa.func.rank().over(**window).label("nth"),
            last_known(entered, m.n, *window["order_by"]).label("current"),
        )
        .select_from(source)
        .subquery("ordered")
    )


def _judged(rows: sa.Subquery, model: StageModel) -> sa.Subquery:
    """Drops ignored values. `repeat`: what is sunk, and the stage again that the entity is in; `starts` a journey:
    progress that follows none, or an exit.
    """
    c, ranks = rows.c, len(model.progress)
    starts = sa.and_(c.sunk == 0, c.code <= ranks, sa.or_(c.current.is_(None), c.current > ranks))
    other = sa.or_(c.behind_other == 1, sa.and_(c.rn > 1, c.behind == 0))
    flags = {
        "repeat": sa.or_(c.sunk == 1, sa.and_(c.current.is_not(None), c.current == c.code)),
        "after_other": other,
        "tied": c.nth < c.rn,
    }
    return (
        sa.select(rows, *(sa.case((test, 1), else_=0).label(name) for name, test in flags.items()))
        .add_columns(sa.case((starts, 1)).label("starts"))
        .where(c.code != 0)
        .subquery("judged")
    )


def _closed(rows: sa.Subquery, names: list[str]) -> sa.Select:
    """Numbers entries and journeys, and closes every stay at the next entry that is no repeat."""
    c = rows.c

    def over(value: sa.ColumnElement, frame: tuple[int | None, int | None] | None = None) -> sa.ColumnElement:
        return value.over(partition_by=c.n, order_by=c.rn, rows=frame)

    kept = c.repeat == 0
    walked = sa.select(
        rows,
        over(sa.func.row_number()).label("seq"),
        over(sa.func.count(c.starts), SO_FAR).label("journey"),
        sa.type_coerce(next_known(sa.case((kept, c.at)), c.n, c.rn), Instant()).label("ends_at"),
        next_known(sa.case((kept, sa.cast(c.rn, sa.BigInteger()) * _PACK + c.code)), c.n, c.rn).label("following"),
    ).subquery("walked")
    c = walked.c
    kept = c.repeat == 0
    given = {
        "exited_at": sa.case((kept, c.ends_at)),
        "next_code": sa.case((kept, sa.func.mod(c.following, _PACK))),
        "from_code": sa.case((kept, c.current)),
    }
    return sa.select(*((given[name] if name in given else c[name]).label(name) for name in names))


def entered_by_members(steps: sa.TableClause, members: sa.TableClause, model: StageModel) -> sa.Subquery:
    """What contacts entered, as moments of their account, `who` it was, and `change`.

    +1 where a contact opens (its first progress, also after an exit), -1 where it closes.
    """
    ranks, c = len(model.progress), steps.c
    opens = sa.and_(c.code <= ranks, sa.or_(c.from_code.is_(None), c.from_code > ranks))
    closes = sa.and_(c.code > ranks, c.from_code <= ranks)
    given = {"n": members.c.entity, "behind_other": c.after_other}
    columns = [(given[name] if name in given else c[name]).label(name) for name in MOMENT]
    columns += [c.n.label("who"), sa.case((opens, 1), (closes, -1), else_=0).label("change")]
    said = [column for column in c if column.name not in (*STEP, "id")]
    rows = sa.select(*columns, *said).join(members, members.c.n == c.n).where(c.repeat == 0)
    return rows.subquery("entered")


def account_moments(entered: sa.FromClause, ties: sa.TableClause, model: StageModel) -> sa.Select:
    """The moments of accounts: every progress of a contact, and the exit of the last one that was open."""
    e = entered.c
    order = [e.at, _within_instant(e.code, ties, model)]
    still_open = sa.func.sum(e.change).over(partition_by=e.n, order_by=order, rows=SO_FAR).label("still_open")
    counted = sa.select(entered, still_open).select_from(entered.outerjoin(ties, ties.c.id == e.id)).subquery("counted")
    c = counted.c
    last = sa.and_(c.change == -1, c.still_open == 0)
    return sa.select(*(c[column.name] for column in e if column.name != "change")).where(
        sa.or_(c.code <= len(model.progress), last)
    )
