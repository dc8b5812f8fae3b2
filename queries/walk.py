"""From events to stays and journeys: entities are walked in parts of bounded size, each part by the same statements."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from lifecycle.stages import StageModel
from queries import journeys, sequence, workbench
from queries.described import Described, then_rows
from queries.intake import Intake
from queries.modelled import Modelled
from queries.sequence import MOMENT, STEP
from queries.tables import Kind, Number
from queries.workbench import Workbench

EVENTS_AT_ONCE = 4_000_000  # about so many events are walked together, to bound memory
TIES: dict[str, Kind] = {"id": Number, "tie": Number}

Say = Callable[[str], None]


@dataclass(frozen=True)
class Part:
    """The moments of the entities numbered from `first` to below `last`."""

    moments: sa.Subquery
    first: int
    last: int


def walk(
    bench: Workbench,
    modelled: Modelled,
    intake: Intake,
    described: Described,
    past: sa.TableClause | None,
    only: sa.FromClause | None,
    say: Say,
) -> None:
    """Fills the stays and the journeys; those of the entities numbered in `only`, if given."""
    model, entities = modelled.model, intake.entities
    rolled_up = entities.members is not None
    moments: sa.FromClause = _moments(intake, only)
    carried = intake.said
    if rolled_up:
        moments, carried = _account_moments(bench, modelled, intake, moments, say), intake.said | {"who": Number}
    working = journeys.journey_working(model, intake.said)
    for number, part in enumerate(parts := list(_parts(bench, moments)), 1):
        say(f"stays and journeys, part {number} of {len(parts)}")
        steps = bench.make("steps", STEP | carried)
        _step(bench, steps, part, intake, model, carried, never_back=rolled_up)
        found = bench.make("journeys", working, journeys.journey_rows(steps, model))
        here = described.between(part.first, part.last)
        if past is not None and described.then is not None:
            started = sa.select(found.c.n, found.c.journey, found.c.started_at).subquery("started")
            workbench.fill(bench.warehouse, described.then, then_rows(past, started, described.segments))
        workbench.fill(bench.warehouse, modelled.stays, journeys.stays(steps, here, model))
        workbench.fill(bench.warehouse, modelled.journeys, journeys.journeys(found, here, model))


def _step(
    bench: Workbench,
    steps: sa.TableClause,
    part: Part,
    intake: Intake,
    model: StageModel,
    carried: Mapping[str, Kind],
    *,
    never_back: bool,
) -> None:
    """Adds the steps of a part. Ties are rare and looking for them is dear, so walking tells who has some: these are
    walked again, in the order that what they say gives.
    """

    def walked(moments: sa.FromClause, ties: sa.TableClause | None) -> None:
        rows = sequence.sunk(moments, ties, model, never_back)
        sunk = None if rows is None else bench.make("sunk", {"id": Number}, rows)
        workbench.fill(bench.warehouse, steps, sequence.steps(moments, ties, sunk, model, carried))

    walked(part.moments, None)
    n = steps.c.n
    found = sa.select(n).where(steps.c.tied == 1, n >= part.first, n < part.last).distinct()
    tied = bench.make("tied", {"n": Number}, found)
    if bench.count(tied):
        bench.warehouse.execute(sa.delete(steps).where(n.in_(sa.select(tied.c.n))))
        m = part.moments
        again = sa.select(m).join(tied, tied.c.n == m.c.n).subquery("again")
        # events have the numbers of contacts, also where accounts are walked (`who`: which contact it was)
        said = intake.events if "who" in m.c else _numbered(intake.events, part.first, part.last).subquery("said")
        walked(again, bench.make("ties", TIES, sequence.ties(again, said, model, intake.entities.named)))


def _moments(intake: Intake, only: sa.FromClause | None) -> sa.Subquery:
    """The events to be walked, of contacts or deals; `only` numbers entities (for accounts: not their contacts)."""
    e, members = intake.events.c, intake.entities.members
    given: dict[str, sa.ColumnElement] = {"behind_other": sa.literal_column("0")}
    source: sa.FromClause = intake.events
    usable = [e.problem.is_(None)]
    if intake.unmet is not None:
        source = source.outerjoin(intake.unmet, intake.unmet.c.id == e.id)
        usable.append(intake.unmet.c.id.is_(None))
    if only is not None and members is not None:
        source = source.join(members, members.c.n == e.n).join(only, only.c.n == members.c.entity)
    elif only is not None:
        source = source.join(only, only.c.n == e.n)
    columns = [(given[name] if name in given else e[name]).label(name) for name in (*MOMENT, *intake.said)]
    return sa.select(*columns).select_from(source).where(*usable).subquery("moments")


def _parts(bench: Workbench, moments: sa.FromClause) -> Iterator[Part]:
    """The moments in parts by ranges of entity numbers, each of about the same size."""
    largest = sa.func.max(moments.c.n)
    size = sa.select(sa.func.count().label("events"), sa.func.coalesce(largest, 0).label("last")).select_from(moments)
    row = bench.warehouse.query(size).to_pylist()[0]
    parts = max(1, math.ceil(row["events"] / EVENTS_AT_ONCE))
    width = math.ceil((row["last"] + 1) / parts)
    for first in range(0, parts * width, width):
        inside = _numbered(moments, first, first + width) if parts > 1 else sa.select(moments)
        yield Part(inside.subquery("part"), first, first + width)


def _numbered(rows: sa.FromClause, first: int, last: int) -> sa.Select:
    return sa.select(rows).where(rows.c.n >= first, rows.c.n < last)


def _account_moments(
    bench: Workbench, modelled: Modelled, intake: Intake, moments: sa.FromClause, say: Say
) -> sa.TableClause:
    """The moments of accounts: contacts are walked first, then their entries become their account's events."""
    model, members, named = modelled.model, intake.entities.members, intake.entities.named
    assert members is not None
    carried = intake.said | {"id": Number}
    walked = bench.make("walked", STEP | carried)
    for number, part in enumerate(parts := list(_parts(bench, moments)), 1):
        say(f"walking contacts, part {number} of {len(parts)}")
        _step(bench, walked, part, intake, model, carried, never_back=False)
    say("rolling contacts up to accounts")
    entered = sequence.entered_by_members(walked, members, model)
    ties = bench.make("ties", TIES, sequence.ties(entered, intake.events, model, named))
    kinds = MOMENT | intake.said | {"who": Number}
    return bench.make("account_moments", kinds, sequence.account_moments(entered, ties, model))
