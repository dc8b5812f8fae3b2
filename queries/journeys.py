"""From stays to journeys: one wide row per journey, and both tables with their segments."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from lifecycle.segments import Segment
from lifecycle.stages import StageModel
from queries.contract import Source
from queries.events import codes
from queries.people import STORED


def stays_columns(segments: tuple[Segment, ...]) -> dict[str, type]:
    """One row per entry; repeats are kept, with move `repeat` and without an end."""
    return {
        "entity_id": str,
        "journey": int,
        "seq": int,
        "stage": str,
        "entered_at": datetime,
        "exited_at": datetime,
        "from_stage": str,
        "next_stage": str,
        "move": str,
        "by_fact": int,
        "after_other": int,
        "reason": str,
        "competitor": str,
        "actor": str,
        "lead_score": float,
        "contact_id": str,
    } | {s.column: STORED[s.kind] for s in segments}


def journeys_columns(model: StageModel, segments: tuple[Segment, ...]) -> dict[str, type]:
    """One row per journey. `score` is the contact's lead score; `n_journeys` how many journeys the entity has."""
    columns: dict[str, type] = {
        "entity_id": str,
        "journey": int,
        "started_at": datetime,
        "started_by": str,
        "exit_stage": str,
        "exited_at": datetime,
        "exit_reason": str,
        "current_stage": str,
        "furthest": str,
        "in_order": int,
        "n_journeys": int,
        "score": float,
    }
    columns |= {f"{s.key}_at": datetime for s in model.progress}
    columns |= {f"{s.key}_passed_at": datetime for s in model.progress}
    return columns | {s.column: STORED[s.kind] for s in segments}


def key_of(code: sa.ColumnElement, model: StageModel) -> sa.ColumnElement:
    """Code to stage key."""
    return sa.case(*((code == sa.literal_column(str(c)), sa.literal(key)) for key, c in codes(model).items()))


def move_of(c: sa.ColumnCollection, model: StageModel) -> sa.ColumnElement:
    """How a stage was entered: exit, reopen, regress, skip (over a stage that is not optional), advance, or repeat."""
    n = len(model.progress)
    required = [model.rank(s.key) for s in model.required]
    came_from = sa.func.coalesce(c.from_code, 0)
    below = sa.case(*((c.code == k, sum(r < k for r in required)) for k in range(1, n + 1)), else_=0)
    passed = sa.case(*((came_from == k, sum(r <= k for r in required)) for k in range(1, n + 1)), else_=0)
    return sa.case(
        (c.repeat == 1, "repeat"),
        (c.code > n, "exit"),
        (came_from > n, "reopen"),
        (c.code < came_from, "regress"),
        (below > passed, "skip"),
        else_="advance",
    )


def journey_rows(
    steps: sa.TableClause, model: StageModel, people: sa.FromClause | None, segments: tuple[Segment, ...]
) -> sa.Select:
    """The journeys of a set of steps, with the segments and the score of who moves."""
    n, c = len(model.progress), steps.c
    first = sa.and_(c.repeat == 0, c.code <= n, sa.or_(c.from_code.is_(None), c.from_code > n))
    ends = sa.and_(c.code > n, c.from_code <= n)
    last = sa.and_(c.repeat == 0, sa.or_(c.next_code.is_(None), sa.and_(c.code > n, c.next_code <= n)))
    progress = c.code <= n
    irregular = sa.or_(
        sa.and_(c.repeat == 1, progress),
        sa.and_(c.repeat == 0, progress, c.code < c.from_code, c.from_code <= n),
        sa.and_(c.after_other == 1, sa.not_(first)),
    )
    furthest = sa.func.max(sa.case((progress, c.code)))
    columns: dict[str, sa.ColumnElement] = {
        "entity_id": c.entity_id,
        "journey": c.journey,
        "started_at": sa.func.min(c.at),
        "started_by": sa.case((sa.func.min(sa.case((first, c.fact))) == 1, "fact"), else_="event"),
        "exit_code": sa.func.min(sa.case((ends, c.code))),
        "exited_at": sa.func.min(sa.case((ends, c.at))),
        "exit_reason": sa.func.min(sa.case((ends, c.reason))),
        "current_code": sa.func.min(sa.case((last, c.code))),
        "furthest_code": furthest,
        "in_order": sa.case((sa.func.sum(sa.case((irregular, 1), else_=0)) == 0, 1), else_=0),
    }
    for stage in model.progress:
        rank = model.rank(stage.key)
        columns[f"{stage.key}_at"] = sa.func.min(sa.case((c.code == rank, c.at)))
        columns[f"{stage.key}_passed_at"] = sa.func.min(sa.case((_passes(c, model, rank), c.at)))
    grouped = sa.select(*(e.label(name) for name, e in columns.items())).where(c.journey > 0)
    j = grouped.group_by(c.entity_id, c.journey).subquery("grouped")
    source: sa.FromClause = j
    if people is not None:
        source = source.outerjoin(people, people.c.entity_id == j.c.entity_id)
    out: list[sa.ColumnElement] = []
    decoded = {"exit_stage": j.c.exit_code, "current_stage": j.c.current_code, "furthest": j.c.furthest_code}
    for name in journeys_columns(model, segments):
        if name in decoded:
            value = key_of(decoded[name], model)
        elif name == "n_journeys":
            value = sa.func.count().over(partition_by=j.c.entity_id)
        elif name in j.c:
            value = j.c[name]
        else:
            value = people.c[name] if people is not None else sa.cast(sa.null(), sa.Double())
        out.append(value.label(name))
    return sa.select(*out).select_from(source)


def _passes(c: sa.ColumnCollection, model: StageModel, rank: int) -> sa.ColumnElement[bool]:
    """Entries that count for a rank: its own, and for a stage that is not optional any later one that implies it."""
    own = c.code == rank
    if model.progress[rank - 1].optional:
        return own
    silent = [model.rank(s.key) for s in model.progress[rank:] if s.enters_on and s.requires is None]
    later = sa.and_(c.code > rank, c.code <= len(model.progress))
    if silent:  # a fact that needs nothing before it implies nothing before it either
        later = sa.and_(later, sa.not_(sa.and_(c.fact == 1, c.code.in_(silent))))
    return sa.or_(own, later)


def stay_rows(
    steps: sa.TableClause, journeys: sa.FromClause, model: StageModel, segments: tuple[Segment, ...]
) -> sa.Select:
    """The stays of a set of steps, with the segments of their journey."""
    c, j = steps.c, journeys.c
    given: dict[str, sa.ColumnElement] = {
        "stage": key_of(c.code, model),
        "entered_at": c.at,
        "from_stage": key_of(c.from_code, model),
        "next_stage": key_of(c.next_code, model),
        "move": move_of(c, model),
        "by_fact": c.fact,
    }
    columns = []
    for name in stays_columns(segments):
        value = given[name] if name in given else c[name] if name in c else j[name]
        columns.append(value.label(name))
    source = steps.outerjoin(journeys, sa.and_(j.entity_id == c.entity_id, j.journey == c.journey))
    return sa.select(*columns).select_from(source)


def at_start(
    journeys: sa.Subquery, past: Source, segments: tuple[Segment, ...], contacts_of: sa.FromClause | None
) -> sa.Select:
    """Journeys with segment values as they were when the journey started, where the history tells; else today's.

    `contacts_of` maps an entity to the contact whose history counts (null: the entity is the contact).
    """
    j, result = journeys.c, journeys
    names = {s.name: s for s in segments if s.kind in ("choice", "flag", "number")}
    replaced: dict[str, sa.ColumnElement] = {}
    source: sa.FromClause = result
    for name, segment in names.items():
        who = j.entity_id if contacts_of is None else contacts_of.c.contact_id
        base = (
            sa.select(j.entity_id, j.journey, past["value"].label("value"))
            .select_from(
                result.join(past.table, sa.and_(past["contact_id"] == who, past["valid_from"] <= j.started_at))
                if contacts_of is None
                else result.join(contacts_of, contacts_of.c.entity_id == j.entity_id).join(
                    past.table, sa.and_(past["contact_id"] == who, past["valid_from"] <= j.started_at)
                )
            )
            .where(past["column"] == name)
        )
        nth = sa.func.row_number().over(
            partition_by=[j.entity_id, j.journey], order_by=[past["valid_from"].desc(), past["value"].asc()]
        )
        ranked = base.add_columns(nth.label("nth")).subquery()
        newest = sa.select(ranked).where(ranked.c.nth == 1).subquery(f"was_{segment.column}")
        source = source.outerjoin(newest, sa.and_(newest.c.entity_id == j.entity_id, newest.c.journey == j.journey))
        was = newest.c.value if segment.kind != "number" else sa.cast(newest.c.value, sa.Double())
        replaced[segment.column] = sa.func.coalesce(was, j[segment.column])
    return sa.select(*(replaced.get(c.name, c).label(c.name) for c in j)).select_from(source)
