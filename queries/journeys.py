"""From steps to the tables that pages ask: one row per entry, and one wide row per journey, both with segments."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from lifecycle.segments import Segment
from lifecycle.stages import Stage, StageModel
from queries.catalog import segment_columns
from queries.described import Described
from queries.dialect import earliest
from queries.events import RAW, SAID, codes
from queries.tables import Id, Kind, Number, Small, Unsorted, text_at

ANY: dict[str, Kind] = {name: RAW[name] for name in SAID}
MOVES = ("advance", "skip", "regress", "repeat", "exit", "reopen")


def stays_columns(model: StageModel, segments: tuple[Segment, ...], said: Mapping[str, Kind] = ANY) -> dict[str, Kind]:
    """One row per entry; repeats are kept, with move `repeat` and without an end.

    `contact_id` is who made it, where that is not the entity itself. `said`: the kinds of values that events have.
    """
    keys = tuple(codes(model))
    columns: dict[str, Kind] = {
        "entity_id": Id,
        "journey": int,
        "seq": int,
        "stage": keys,
        "entered_at": Unsorted,
        "exited_at": Unsorted,
        "from_stage": keys,
        "next_stage": keys,
        "move": MOVES,
        "by_fact": Small,
        "after_other": Small,
        **said,
        "contact_id": str,
    }
    return columns | segment_columns(segments)


def journeys_columns(
    model: StageModel, segments: tuple[Segment, ...], said: Mapping[str, Kind] = ANY
) -> dict[str, Kind]:
    """One row per journey. `score` is the contact's lead score; `n_journeys` how many journeys the entity has."""
    keys = tuple(codes(model))
    columns: dict[str, Kind] = {
        "entity_id": Id,
        "journey": int,
        "started_at": datetime,
        "started_by": ("event", "fact"),
        "exit_stage": keys,
        "exited_at": datetime,
        "exit_reason": said["reason"],
        "current_stage": keys,
        "furthest": keys,
        "in_order": Small,
        "n_journeys": int,
        "score": float,
    }
    columns |= {f"{s.key}_at": datetime for s in model.progress}
    columns |= {f"{s.key}_passed_at": datetime for s in model.progress}
    return columns | segment_columns(segments)


def key_of(code: sa.ColumnElement, model: StageModel) -> sa.ColumnElement:
    """Code to stage key."""
    return text_at(code, tuple(codes(model)))


def move_of(c: sa.ColumnCollection, model: StageModel) -> sa.ColumnElement:
    """How a stage was entered: exit, reopen, regress, skip (over a stage that is not optional), advance, or repeat."""
    n = len(model.progress)
    came_from = sa.func.coalesce(c.from_code, 0)
    optional = [model.rank(s.key) for s in model.progress if s.optional]
    between = c.code - came_from - 1  # stages that were passed over, of which optional ones do not count
    for rank in optional:
        between = between - sa.case((sa.and_(came_from < rank, c.code > rank), 1), else_=0)
    number = sa.case(
        (c.repeat == 1, _move("repeat")),
        (c.code > n, _move("exit")),
        (came_from > n, _move("reopen")),
        (c.code < came_from, _move("regress")),
        (between > 0, _move("skip")),
        else_=_move("advance"),
    )
    return text_at(number, MOVES)


def _move(name: str) -> sa.ColumnElement:
    return sa.literal_column(str(1 + MOVES.index(name)))


def journey_rows(steps: sa.TableClause, model: StageModel) -> sa.Select:
    """The journeys of steps, as `journey_working` columns: all but who moves, with codes for stages."""
    ranks, c = len(model.progress), steps.c
    first = sa.and_(c.repeat == 0, c.code <= ranks, sa.or_(c.from_code.is_(None), c.from_code > ranks))
    ends = sa.and_(c.code > ranks, c.from_code <= ranks)
    last = sa.and_(c.repeat == 0, sa.or_(c.next_code.is_(None), sa.and_(c.code > ranks, c.next_code <= ranks)))
    progress = c.code <= ranks
    irregular = sa.or_(
        sa.and_(c.repeat == 1, progress),
        sa.and_(c.repeat == 0, progress, c.code < c.from_code, c.from_code <= ranks),
        sa.and_(c.after_other == 1, sa.not_(first)),
    )
    columns: dict[str, sa.ColumnElement] = {
        "n": c.n,
        "journey": c.journey,
        "by_fact": sa.func.min(sa.case((first, c.fact))),
        "exit_code": sa.func.min(sa.case((ends, c.code))),
        "exited_at": sa.func.min(sa.case((ends, c.at))),
        "exit_reason": sa.func.min(sa.case((ends, c.reason))),
        "current_code": sa.func.min(sa.case((last, c.code))),
        "irregular": sa.func.max(sa.case((irregular, 1), else_=0)),
    }
    for stage in model.progress:
        rank = model.rank(stage.key)
        columns[f"{stage.key}_at"] = sa.func.min(sa.case((c.code == rank, c.at)))
        if stage in silent(model):
            columns[f"implies_{rank}"] = sa.func.min(sa.case((sa.and_(c.code == rank, c.fact == 0), c.at)))
    values = (value.label(name) for name, value in columns.items())
    grouped = sa.select(*values).where(c.journey > 0).group_by(c.n, c.journey).subquery("grouped")
    entered = [grouped.c[f"{stage.key}_at"] for stage in model.progress]
    reached: list[tuple[sa.ColumnElement[bool], sa.ColumnElement]] = [
        (at.is_not(None), sa.literal_column(str(rank))) for rank, at in enumerate(entered, 1)
    ]
    told = {
        "started_at": earliest(*entered),  # a journey begins with an entry to a stage of progress
        "furthest_code": sa.case(*reversed(reached)),
    }
    return sa.select(grouped, *(value.label(name) for name, value in told.items()))


def journey_working(model: StageModel, said: Mapping[str, Kind]) -> dict[str, Kind]:
    """The columns of `journey_rows`, where events say values of these kinds."""
    columns: dict[str, Kind] = {
        "n": Number,
        "journey": Number,
        "started_at": datetime,
        "by_fact": Small,
        "exit_code": Small,
        "exited_at": datetime,
        "exit_reason": said["reason"],
        "current_code": Small,
        "furthest_code": Small,
        "irregular": Small,
    }
    columns |= {f"{s.key}_at": datetime for s in model.progress}
    return columns | {f"implies_{model.rank(s.key)}": datetime for s in silent(model)}


def last_journeys(rows: sa.TableClause) -> sa.Subquery:
    """Of those who have several journeys: `n`, and how many (`n_journeys`)."""
    c = rows.c
    last = sa.func.max(c.journey).label("n_journeys")
    return sa.select(c.n, last).where(c.journey > 1).group_by(c.n).subquery("last_journeys")


def silent(model: StageModel) -> list[Stage]:
    """Stages whose facts need nothing before them, and so imply nothing before them either; their other entries do."""
    return [s for s in model.progress if s.enters_on and s.requires is None]


def _passed_at(c: sa.ColumnCollection, model: StageModel, rank: int) -> sa.ColumnElement:
    """The first entry that counts for a rank: its own, or, unless it is optional, any later one that implies it."""
    own = c[f"{model.progress[rank - 1].key}_at"]
    if model.progress[rank - 1].optional or rank == len(model.progress):
        return own
    later = enumerate(model.progress[rank:], rank + 1)
    return earliest(own, *(c[f"implies_{r}" if s in silent(model) else f"{s.key}_at"] for r, s in later))


def journeys(rows: sa.TableClause, people: Described, model: StageModel) -> sa.Select:
    """Journeys as the pages see them: stages by key, and who moves, with segments.

    Those that start together lie together: a question of a period reads only a few of them. They are sorted before
    anything is joined to them or told of them, while their rows are narrow.
    """
    last = last_journeys(rows)
    by_start = sa.select(rows).order_by(rows.c.started_at).subquery("by_start")
    c = by_start.c
    source, known = people.of(c, by_start)
    source = source.outerjoin(last, last.c.n == c.n)
    known["n_journeys"] = sa.func.coalesce(last.c.n_journeys, 1)
    known |= {f"{s.key}_passed_at": _passed_at(c, model, rank) for rank, s in enumerate(model.progress, 1)}
    known |= {
        "started_by": sa.case((c.by_fact == 1, "fact"), else_="event"),
        "exit_stage": key_of(c.exit_code, model),
        "current_stage": key_of(c.current_code, model),
        "furthest": key_of(c.furthest_code, model),
        "in_order": 1 - c.irregular,
    }
    names = journeys_columns(model, people.segments)
    return sa.select(*((known[n] if n in known else c[n]).label(n) for n in names)).select_from(source)


def stays(steps: sa.TableClause, people: Described, model: StageModel) -> sa.Select:
    """Stays as the pages see them: stages by key, how they were entered, and who moves, with segments."""
    c = steps.c
    source, known = people.of(c, steps)
    if model.entity == "contact":
        known["contact_id"] = sa.cast(sa.null(), sa.Text())
    if "who" in c:
        named = people.entities.named.alias("who")
        source, known["contact_id"] = source.join(named, named.c.n == c.who), named.c.id
    known |= {
        "stage": key_of(c.code, model),
        "entered_at": c.at,
        "from_stage": key_of(c.from_code, model),
        "next_stage": key_of(c.next_code, model),
        "move": move_of(c, model),
        "by_fact": c.fact,
    }
    names = stays_columns(model, people.segments)
    return sa.select(*((known[n] if n in known else c[n]).label(n) for n in names)).select_from(source)
