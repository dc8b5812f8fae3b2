"""Whether marketing and sales agree, asked: the warehouse counts leads by segment, period, outcome and reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.agreement import Again, Agreement, Alignment, Handed, counted, of_outcomes, reasons
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from lifecycle.volumes import periods_of
from lifecycle.where import Row, corrected, rows
from queries.dialect import local_floor
from queries.handoff import handed, handoff_of
from queries.modelled import Modelled
from queries.warehouse import Rendered

HANDED = pa.schema(
    [
        ("segment", pa.string()),
        ("period", pa.date32()),
        ("outcome", pa.string()),
        ("rejected_by", pa.string()),
        ("reason", pa.string()),
        ("n", pa.int64()),
    ]
)
AGAIN = pa.schema([("rejected_by", pa.string()), ("n", pa.int64()), ("again", pa.int64())])
PROFILE = pa.schema([("segment", pa.int64()), ("value", pa.string()), ("outcome", pa.string()), ("n", pa.int64())])


def alignment(m: Modelled, scope: Scope) -> Alignment:
    """Do marketing and sales agree: acceptance, coverage and agreement; by segment, by period, with reasons.

    A lead (journey) belongs to the period of its first handoff event. Raises WarehouseError("missing") where the model
    has no handoff.
    """
    here = _alignment(m, scope)
    return replace(here, comparison=_alignment(m, scope.compared)) if scope.compared else here


def _alignment(m: Modelled, scope: Scope) -> Alignment:
    base = handed(m, scope)
    dated = sa.select(base, local_floor(base.c.handed_at, scope.grain, scope.calendar).label("period")).subquery(
        "dated"
    )
    c = dated.c
    keys = [c.segment, c.period, c.outcome, c.rejected_by, c.reason]
    table, rendered = m.ask(sa.select(*keys, sa.func.count().label("n")).group_by(*keys), HANDED)
    found = [Handed(*row.values()) for row in table.to_pylist()]
    again, asked = _again(m, scope, base)
    deadline = handoff_of(m).decision_days is not None
    by_segment: dict[str | None, list[Handed]] = {}
    by_period: dict[date, list[Handed]] = {}
    for h in found:
        by_segment.setdefault(h.segment, []).append(h)
        assert h.period is not None
        by_period.setdefault(h.period, []).append(h)
    return Alignment(
        model=m.model.name,
        build=m.build.id,
        scope=scope,
        whole=counted(found, deadline),
        reasons=reasons(found),
        again=again,
        segments={value: counted(some, deadline) for value, some in by_segment.items()} if scope.by else None,
        trend={p: counted(by_period.get(p, ()), deadline) for p in periods_of(scope, list(by_period))},
        statements=(rendered, asked),
    )


def _again(m: Modelled, scope: Scope, base: sa.Subquery) -> tuple[tuple[Again, ...], Rendered]:
    """By what rejected them: leads rejected in time, and those of them that were handed over again by as_of."""
    c, later = base.c, m.journeys.alias("later")
    mql = later.c[f"{handoff_of(m).from_}_at"]
    last = (
        sa.select(later.c.entity_id, sa.func.max(later.c.journey).label("last_journey"))
        .where(later.c.n_journeys > 1, mql <= scope.as_of)
        .group_by(later.c.entity_id)
        .subquery("last_handed")
    )
    came_back = sa.and_(last.c.last_journey.is_not(None), last.c.last_journey > c.journey)
    n, back = sa.func.count().label("n"), sa.func.count(sa.case((came_back, 1))).label("again")
    joined = base.outerjoin(last, last.c.entity_id == c.entity_id)
    statement = sa.select(c.rejected_by, n, back).select_from(joined).where(c.outcome == "rejected")
    table, rendered = m.ask(statement.group_by(c.rejected_by), AGAIN)
    found = sorted(table.to_pylist(), key=lambda row: (-row["n"], str(row["rejected_by"])))
    return tuple(Again(row["rejected_by"], Rate(row["again"], row["n"])) for row in found), rendered


@dataclass(frozen=True)
class Profile:
    """Every segment with few values, by name: a row per value. `rows`: all of them, p corrected for as many."""

    segments: dict[str, tuple[Row, ...]]
    rows: tuple[Row, ...]
    statements: tuple[Rendered, ...]


def profile(m: Modelled, scope: Scope) -> Profile:
    """Acceptance by every value of every segment at once, beside the compared period where there is one."""
    now, asked = _outcomes_by_segment(m, scope)
    before, also = _outcomes_by_segment(m, scope.compared) if scope.compared else ({}, ())
    segments = {name: rows(name, found, before.get(name)) for name, found in now.items()}
    return Profile(segments, corrected(r for found in segments.values() for r in found), (*asked, *also))


def _outcomes_by_segment(
    m: Modelled, scope: Scope
) -> tuple[dict[str, dict[str | None, Agreement]], tuple[Rendered, ...]]:
    segments = [s for s in m.catalog.visible if s.can_break_down]
    if not segments:
        return {}, ()
    base = sa.select(handed(m, scope, [s.column for s in segments])).cte("leads").c
    parts = [
        sa.select(
            sa.literal_column(str(i), sa.BigInteger()).label("segment"), base[s.column].label("value"), base.outcome
        )
        for i, s in enumerate(segments)
    ]
    every = sa.union_all(*parts).subquery("every")
    keys = list(every.c)
    table, rendered = m.ask(sa.select(*keys, sa.func.count().label("n")).group_by(*keys), PROFILE)
    deadline = handoff_of(m).decision_days is not None
    counts: dict[int, dict[str | None, list[tuple[str, int]]]] = {}
    for place, value, outcome, n in (row.values() for row in table.to_pylist()):
        counts.setdefault(place, {}).setdefault(value, []).append((outcome, n))
    return {s.name: _agreements(counts.get(i, {}).items(), deadline) for i, s in enumerate(segments)}, (rendered,)


def _agreements(
    counts: Iterable[tuple[str | None, list[tuple[str, int]]]], deadline: bool
) -> dict[str | None, Agreement]:
    return {value: of_outcomes(found, deadline) for value, found in counts}
