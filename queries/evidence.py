"""The raw rows that a history was made of, asked, with those that were set aside."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.intake import Event
from lifecycle.scope import Scope
from queries.dialect import bytewise
from queries.events import stage_rows
from queries.modelled import Modelled
from queries.warehouse import Rendered

MOST = 1_000  # rows of one entity
NAMES = ("contact_id", "raw", "at", "event_id", "recorded_at", "reason", "competitor", "actor", "lead_score")
INSTANTS = ("at", "recorded_at")
KINDS = {name: pa.timestamp("us") for name in INSTANTS} | {"lead_score": pa.float64()}
ROWS = pa.schema([(name, KINDS.get(name, pa.string())) for name in NAMES])
ASIDE = pa.schema([*ROWS, ("problem", pa.string())])


@dataclass(frozen=True)
class RawRows:
    """Raw stage rows in order of time, those set aside with their problem; `is_cut`: there are more."""

    events: tuple[Event, ...]
    set_aside: tuple[tuple[Event, str], ...] = ()
    is_cut: bool = False
    statements: tuple[Rendered, ...] = ()


def raw_rows(m: Modelled, scope: Scope, ids: tuple[str, ...]) -> RawRows:
    """The raw stage rows under these ids of contacts (or of one deal), and rows that share an event id with one.

    A row later than the cut-off is not seen, unless it was set aside.
    """
    staged = stage_rows(m.sources, m.model.entity).subquery("staged")
    own = sa.select(staged.c.event_id).where(staged.c.contact_id.in_(ids), staged.c.event_id.is_not(None))
    where = sa.or_(staged.c.contact_id.in_(ids), staged.c.event_id.in_(own))
    texts = [bytewise(staged.c[name]) for name in ("contact_id", "raw", "event_id")]
    order = [staged.c["at"].asc().nulls_last(), *texts]
    statement = sa.select(*(staged.c[name] for name in NAMES)).where(where).order_by(*order).limit(MOST + 1)
    table, staging = m.ask(statement, ROWS)
    q = m.quarantine.c
    statement = sa.select(*(q[name] for name in NAMES), q.problem).where(q.contact_id.in_(ids), q.fact == 0)
    aside, quarantined = m.ask(statement.order_by(q["at"], bytewise(q.raw)).limit(MOST), ASIDE)
    problems = {Event(**{n: row[n] for n in NAMES}): row["problem"] for row in aside.to_pylist()}
    events = [Event(**row) for row in table.to_pylist()[:MOST]]
    seen = tuple(e for e in events if e.at is None or e.at <= scope.as_of or e in problems)
    return RawRows(seen, tuple(problems.items()), table.num_rows > MOST, (staging, quarantined))
