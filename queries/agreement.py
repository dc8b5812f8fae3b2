"""Whether marketing and sales agree, asked: the warehouse counts leads by segment, period, outcome and reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.agreement import Agreement, Alignment, Handed, counted, handed_again, of_outcomes, reasons
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
        ("again", pa.int64()),
        ("n", pa.int64()),
    ]
)
PROFILE = pa.schema([("segment", pa.int64()), ("value", pa.string()), ("outcome", pa.string()), ("n", pa.int64())])


def alignment(m: Modelled, scope: Scope) -> Alignment:
    """Do marketing and sales agree: acceptance, coverage and agreement; by segment, by period, with reasons.

    A lead (journey) belongs to the period of its first handoff event. Raises WarehouseError("missing") where the model
    has no handoff.
    """
    here = _alignment(m, scope)
    return replace(here, comparison=_alignment(m, scope.compared)) if scope.compared else here


def _alignment(m: Modelled, scope: Scope) -> Alignment:
    base, last = handed(m, scope), _last_handed(m, scope)
    period = local_floor(base.c.handed_at, scope.grain, scope.calendar).label("period")
    came_back = sa.and_(base.c.outcome == "rejected", last.c.last_journey > base.c.journey)
    dated = (
        sa.select(base, period, sa.case((came_back, 1), else_=0).label("again"))
        .select_from(base.outerjoin(last, last.c.entity_id == base.c.entity_id))
        .subquery("dated")
    )
    keys = [dated.c[name] for name in HANDED.names[:-1]]
    table, rendered = m.ask(sa.select(*keys, sa.func.count().label("n")).group_by(*keys), HANDED)
    found = [Handed(**row) for row in table.to_pylist()]
    deadline = handoff_of(m).decision_days is not None
    by_segment: dict[str | None, list[Handed]] = {}
    by_period: dict[date, list[Handed]] = {}
    for h in found:
        by_segment.setdefault(h.segment, []).append(h)
        by_period.setdefault(h.period, []).append(h)
    return Alignment(
        model=m.model.name,
        build=m.build.id,
        scope=scope,
        whole=counted(found, deadline),
        reasons=reasons(found),
        again=handed_again(found),
        segments={value: counted(some, deadline) for value, some in by_segment.items()} if scope.by else None,
        trend={p: counted(by_period.get(p, ()), deadline) for p in periods_of(scope, list(by_period))},
        statements=(rendered,),
    )


def _last_handed(m: Modelled, scope: Scope) -> sa.Subquery:
    """For entities with several journeys, the last one that was handed over by as_of."""
    j = m.journeys.alias("later").c
    last = sa.func.max(j.journey).label("last_journey")
    statement = sa.select(j.entity_id, last).where(j.n_journeys > 1, j[f"{handoff_of(m).from_}_at"] <= scope.as_of)
    return statement.group_by(j.entity_id).subquery("last_handed")


@dataclass(frozen=True)
class Profile:
    """Every segment with few values, by name: a row per value. `rows`: all of them, p corrected for as many.

    `whole`: all leads together, and `before`, those of the compared period where there is one.
    """

    segments: dict[str, tuple[Row, ...]]
    rows: tuple[Row, ...]
    whole: Agreement
    before: Agreement | None
    statements: tuple[Rendered, ...]


def profile(m: Modelled, scope: Scope) -> Profile:
    """Acceptance by every value of every segment at once, beside the compared period where there is one."""
    whole, now, asked = _outcomes_by_segment(m, scope)
    before, earlier, also = _outcomes_by_segment(m, scope.compared) if scope.compared else (None, {}, ())
    segments = {name: rows(name, found, earlier.get(name)) for name, found in now.items()}
    every = corrected(r for found in segments.values() for r in found)
    return Profile(segments, every, whole, before, (*asked, *also))


def _outcomes_by_segment(
    m: Modelled, scope: Scope
) -> tuple[Agreement, dict[str, dict[str | None, Agreement]], tuple[Rendered, ...]]:
    """The agreement of all, and of each value of each segment."""
    segments = [s for s in m.catalog.visible if s.can_break_down]
    base = sa.select(handed(m, scope, [s.column for s in segments])).cte("leads").c
    nothing = sa.cast(sa.null(), sa.Text())
    parts = [
        sa.select(sa.literal_column(str(i), sa.BigInteger()).label("segment"), value.label("value"), base.outcome)
        for i, value in enumerate([nothing, *(base[s.column] for s in segments)])
    ]
    every = sa.union_all(*parts).subquery("every")
    keys = list(every.c)
    table, rendered = m.ask(sa.select(*keys, sa.func.count().label("n")).group_by(*keys), PROFILE)
    deadline = handoff_of(m).decision_days is not None
    counts: dict[int, dict[str | None, list[tuple[str, int]]]] = {}
    for place, value, outcome, n in (row.values() for row in table.to_pylist()):
        counts.setdefault(place, {}).setdefault(value, []).append((outcome, n))
    found = {s.name: _agreements(counts.get(i, {}).items(), deadline) for i, s in enumerate(segments, 1)}
    return of_outcomes(counts.get(0, {}).get(None, ()), deadline), found, (rendered,)


def _agreements(
    counts: Iterable[tuple[str | None, list[tuple[str, int]]]], deadline: bool
) -> dict[str | None, Agreement]:
    return {value: of_outcomes(found, deadline) for value, found in counts}
