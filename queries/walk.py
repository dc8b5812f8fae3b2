"""From events to stays and journeys: entities are walked in parts of bounded size, each part by the same statements."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import sqlalchemy as sa

from queries import journeys, sequence, workbench
from queries.described import Described, then_rows
from queries.intake import Intake
from queries.modelled import Modelled
from queries.sequence import MOMENT, STEP
from queries.workbench import Workbench

EVENTS_AT_ONCE = 4_000_000  # about so many events are walked together, to bound memory
TIES: dict[str, type] = {"id": int, "tie": int}

Say = Callable[[str], None]


def walk(
    bench: Workbench,
    modelled: Modelled,
    intake: Intake,
    described: Described,
    past: sa.TableClause | None,
    only: sa.FromClause | None,
    say: Say,
) -> sa.TableClause:
    """Fills the stays and returns the journeys as a working table; of the entities numbered in `only`, if given."""
    model = modelled.model
    rolled_up = intake.entities.members is not None
    moments: sa.FromClause = _moments(intake, only)
    contact = None
    if rolled_up:
        contact = _contact_of_event(intake)
        moments = _account_moments(bench, modelled, intake, moments, contact, say)
    found = bench.make("journeys", journeys.journey_working(model))
    for number, part in enumerate(parts := list(_parts(bench, moments)), 1):
        say(f"stays and journeys, part {number} of {len(parts)}")
        ties = bench.make("ties", TIES, sequence.ties(part, intake.events, model, contact))
        steps = bench.make("steps", STEP, sequence.steps(part, ties, model, rolled_up))
        now = journeys.journey_rows(steps, model)
        workbench.fill(bench.warehouse, found, now)
        if past is not None and described.then is not None:
            started = sa.select(steps.c.n, steps.c.journey, sa.func.min(steps.c.at).label("started_at"))
            started = started.where(steps.c.journey > 0).group_by(steps.c.n, steps.c.journey)
            workbench.fill(
                bench.warehouse, described.then, then_rows(past, started.subquery("started"), described.segments)
            )
        workbench.fill(bench.warehouse, modelled.stays, journeys.stays(steps, intake.events, contact, described, model))
    return found


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
    columns = [(given[name] if name in given else e[name]).label(name) for name in MOMENT]
    return sa.select(*columns).select_from(source).where(*usable).subquery("moments")


def _parts(bench: Workbench, moments: sa.FromClause) -> Iterator[sa.Subquery]:
    """The moments in parts by ranges of entity numbers, each of about the same size."""
    largest = sa.select(sa.func.count().label("events"), sa.func.max(moments.c.n).label("last")).select_from(moments)
    row = bench.warehouse.query(largest).to_pylist()[0]
    n = max(1, math.ceil(row["events"] / EVENTS_AT_ONCE))
    width = math.ceil((row["last"] or 1) / n)
    for part in range(n):
        inside = sa.and_(moments.c.n > part * width, moments.c.n <= (part + 1) * width)
        yield (sa.select(moments).where(inside) if n > 1 else sa.select(moments)).subquery("part")


def _contact_of_event(intake: Intake) -> sa.Subquery:
    e, named = intake.events, intake.entities.named
    rows = sa.select(e.c.id, named.c.id.label("contact_id")).select_from(e.join(named, named.c.n == e.c.n))
    return rows.subquery("contact")


def _account_moments(
    bench: Workbench, modelled: Modelled, intake: Intake, moments: sa.FromClause, contact: sa.FromClause, say: Say
) -> sa.TableClause:
    """The moments of accounts: contacts are walked first, then their entries become their account's events."""
    model, members = modelled.model, intake.entities.members
    assert members is not None
    walked = bench.make("walked", STEP)
    for number, part in enumerate(parts := list(_parts(bench, moments)), 1):
        say(f"walking contacts, part {number} of {len(parts)}")
        ties = bench.make("ties", TIES, sequence.ties(part, intake.events, model, None))
        workbench.fill(bench.warehouse, walked, sequence.steps(part, ties, model, False))
    say("rolling contacts up to accounts")
    entered = sequence.entered_by_members(walked, members, model)
    ties = bench.make("ties", TIES, sequence.ties(entered, intake.events, model, contact))
    return bench.make("account_moments", MOMENT, sequence.account_moments(entered, ties, model))
