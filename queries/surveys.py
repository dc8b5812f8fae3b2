"""Whether customers would recommend, asked: respondents by score, period and segment, as counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.nps import Nps, Satisfaction
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from queries.ages import number, period_number
from queries.customers import belonging, required, segmented
from queries.dialect import floored, lowered, stripped
from queries.instants import in_period
from queries.modelled import Modelled
from queries.purchases import periods, top
from queries.warehouse import Rendered

NPS = "nps"  # the kind of survey that asks for recommendation
UNUSABLE = -1  # stands for a score outside 0 to 10
ANSWERS = pa.schema(
    [("segment", pa.string()), ("period", pa.int64()), ("newest", pa.int64()), ("score", pa.int64()), ("n", pa.int64())]
)
ASKED = pa.schema([("asked", pa.int64()), ("answered", pa.int64())])


def surveys(m: Modelled, scope: Scope) -> sa.Subquery:
    """Surveys on recommendation: customer_id, contact_id, asked_at (or null), at (null: no answer by as_of), score.

    Raises WarehouseError("missing_table") without surveys.
    """
    source = required(m, "surveys")
    where = [lowered(stripped(source["kind"])) == NPS] if source.has("kind") else []
    at = sa.case((source["responded_at"] <= scope.as_of, source["responded_at"]))
    return belonging(m, source, *where, asked_at=source["asked_at"], at=at, score=source["score"])


def satisfaction(m: Modelled, scope: Scope) -> Satisfaction:
    """The net promoter score of those who answered in the period, over time and by segment.

    Raises WarehouseError("missing_table") without surveys.
    """
    here = _satisfaction(m, scope)
    return replace(here, comparison=_satisfaction(m, scope.compared)) if scope.compared else here


def _satisfaction(m: Modelled, scope: Scope) -> Satisfaction:
    answers, rendered = _answers(m, scope)
    response, asked = _response(m, scope)
    calendar, grain = scope.calendar, scope.grain
    by_period: dict[int, dict[int, int]] = {}
    by_value: dict[str | None, list[tuple[int, int]]] = {}
    unusable = 0
    for segment, period, newest, score, n in answers:
        if score == UNUSABLE:
            unusable += n if newest else 0
            continue
        scores = by_period.setdefault(period, {})
        scores[score] = scores.get(score, 0) + n
        if newest:
            by_value.setdefault(segment, []).append((score, n))
    shown: list[date] = periods(scope, [calendar.numbered(p, grain) for p in by_period])
    return Satisfaction(
        model=m.model.name,
        build=m.build.id,
        scope=scope,
        whole=_nps([pair for pairs in by_value.values() for pair in pairs]),
        response=response,
        dated=m.sources["surveys"].has("asked_at"),
        trend=tuple((day, Nps(by_period.get(calendar.number(day, grain), {}))) for day in shown),
        rows=tuple((v, _nps(pairs)) for v, pairs in top(scope, by_value, lambda pair: pair[1])) if scope.by else (),
        unusable=unusable,
        statements=(rendered, asked),
    )


def _nps(pairs: list[tuple[int, int]]) -> Nps:
    scores: dict[int, int] = {}
    for score, n in pairs:
        scores[score] = scores.get(score, 0) + n
    return Nps(scores)


def _answers(m: Modelled, scope: Scope) -> tuple[list[tuple], Rendered]:
    """Answers of the period by segment, period of the grain and score, one per respondent and period.

    `newest` tells those that are also the respondent's newest of the whole period.
    """
    given = surveys(m, scope)
    period = period_number(given.c.at, scope.grain, scope.calendar).label("period")
    inside = segmented(m, scope, sa.select(given, period).where(*in_period(given.c.at, scope)).subquery("inside"))
    c = inside.c
    late = [c.at.desc(), c.score.desc()]
    nth = sa.func.row_number().over(partition_by=c.contact_id, order_by=late).label("nth")
    turn = sa.func.row_number().over(partition_by=[c.contact_id, c.period], order_by=late).label("turn")
    usable = sa.and_(c.score >= number(0), c.score <= number(10))
    score = sa.case((usable, sa.cast(floored(c.score), sa.BigInteger())), else_=number(UNUSABLE)).label("score")
    ranked = sa.select(c.segment, c.period, score, nth, turn).subquery("ranked")
    newest = sa.case((ranked.c.nth == 1, number(1)), else_=number(0)).label("newest")
    one = sa.select(ranked.c.segment, ranked.c.period, newest, ranked.c.score).where(ranked.c.turn == 1).subquery("one")
    statement = sa.select(*one.c, sa.func.count().label("n")).group_by(*one.c)
    table, rendered = m.ask(statement, ANSWERS)
    return [tuple(row.values()) for row in table.to_pylist()], rendered


def _response(m: Modelled, scope: Scope) -> tuple[Rate, Rendered]:
    """Surveys answered of those asked: in the period where the asking is dated, else of all ever asked."""
    asked = segmented(m, scope, surveys(m, scope))
    c = asked.c
    where = in_period(c.asked_at, scope) if m.sources["surveys"].has("asked_at") else []
    counts = [sa.func.count().label("asked"), sa.func.count(c.at).label("answered")]
    table, rendered = m.ask(sa.select(*counts).select_from(asked).where(*where), ASKED)
    row = table.to_pylist()[0]
    return Rate(row["answered"], row["asked"]), rendered
