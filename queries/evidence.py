"""The raw rows of one entity, asked: which were used, repeated, ignored, dropped as duplicates or set aside."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.evidence import Used, fates
from lifecycle.history import History
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
class Evidence:
    """Every raw row with its fate, in order of time; `is_cut`: there are more than are told."""

    rows: tuple[Used, ...]
    is_cut: bool = False
    statements: tuple[Rendered, ...] = ()


def evidence(m: Modelled, scope: Scope, known: History) -> Evidence:
    """Which raw rows the history of one contact, account or deal was made of, and what became of the others.

    Those of all its contacts, merged ones too. A row later than the cut-off is not seen, unless it was set aside.
    """
    if m.model.entity == "deal":
        ids = [known.entity_id]
    else:
        ids = [name for person in known.people for name in (person.contact_id, *person.merged)]
    staged = stage_rows(m.sources, m.model.entity).subquery("staged")
    own = sa.select(staged.c.event_id).where(staged.c.contact_id.in_(ids), staged.c.event_id.is_not(None))
    where = sa.or_(staged.c.contact_id.in_(ids), staged.c.event_id.in_(own))
    statement = sa.select(*(staged.c[name] for name in NAMES)).where(where)
    table, staging = m.ask(statement.order_by(staged.c["at"], *map(bytewise, _texts(staged.c))).limit(MOST + 1), ROWS)
    q = m.quarantine.c
    statement = sa.select(*(q[name] for name in NAMES), q.problem).where(q.contact_id.in_(ids), q.fact == 0)
    aside, quarantined = m.ask(statement.limit(MOST), ASIDE)
    problems = {Event(**{n: row[n] for n in NAMES}): row["problem"] for row in aside.to_pylist()}
    events = [Event(**row) for row in table.to_pylist()[:MOST]]
    seen = [e for e in events if e.at is None or e.at <= scope.as_of or e in problems]
    rows = fates(seen, problems, known.stays, m.model, frozenset(ids))
    return Evidence(rows, table.num_rows > MOST, (staging, quarantined))


def _texts(c: sa.ColumnCollection) -> list[sa.ColumnElement]:
    return [c[name] for name in ("contact_id", "raw", "event_id")]
