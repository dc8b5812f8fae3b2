"""What customers answer, asked: respondents by score, period and segment, as counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from math import ceil

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.csat import Contentment, Csat, scale_of
from lifecycle.nps import Nps, Recommended, Satisfaction
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from queries.ages import number, period_number
from queries.customers import belonging, required, segmented
from queries.dialect import floored, lowered, stripped
from queries.instants import in_period
from queries.modelled import Modelled
from queries.purchases import periods, top
from queries.warehouse import Rendered

NPS, CSAT = "nps", "csat"  # kinds of surveys: whether they would recommend, how satisfied they are
UNUSABLE = -1  # stands for a score outside 0 to 10
ANSWERS = pa.schema(
    [("segment", pa.string()), ("period", pa.int64()), ("newest", pa.int64()), ("score", pa.int64()), ("n", pa.int64())]
)
SCORES = pa.schema([("score", pa.int64()), ("n", pa.int64())])
ASKED = pa.schema([("asked", pa.int64()), ("answered", pa.int64())])


def surveys(m: Modelled, scope: Scope, kind: str = NPS) -> sa.Subquery:
    """Surveys of a kind: customer_id, contact_id, asked_at (or null), at (null: no answer by as_of), score.

    A table without kinds is about recommendation. Raises WarehouseError("missing_table") without surveys.
    """
    source = required(m, "surveys")
    asked = source["kind"] if source.has("kind") else sa.literal(NPS)
    at = sa.case((source["responded_at"] <= scope.as_of, source["responded_at"]))
    where = lowered(stripped(asked)) == kind
    rows = belonging(m, source, where, asked_at=source["asked_at"], at=at, score=source["score"])
    return sa.select(rows).distinct().subquery("surveys")  # what is told twice word for word was asked once


def satisfaction(m: Modelled, scope: Scope) -> Satisfaction:
    """The net promoter score of those who answered in the period, over time and by segment.

    Raises WarehouseError("missing_table") without surveys.
    """
    here = _satisfaction(m, scope)
    return replace(here, comparison=_satisfaction(m, scope.compared)) if scope.compared else here


def recommended(m: Modelled, scope: Scope) -> Recommended:
    """The net promoter score of those who answered in the period; `satisfaction` without its course and segments.

    Raises WarehouseError("missing_table") without surveys.
    """
    now, asked = _newest(m, scope.whole)
    before, also = _newest(m, scope.compared.whole) if scope.compared else (None, None)
    return Recommended(now, before, tuple(s for s in (asked, also) if s))


def _newest(m: Modelled, scope: Scope) -> tuple[Nps, Rendered]:
    """The newest answer of the period of each respondent, by score."""
    given = surveys(m, scope)
    c = segmented(m, scope, sa.select(given).where(*in_period(given.c.at, scope)).subquery("inside")).c
    ranked = sa.select(_score(c.score), _nth(c, c.contact_id).label("nth")).subquery("ranked")
    score = ranked.c.score
    statement = sa.select(score, sa.func.count().label("n")).where(ranked.c.nth == 1).group_by(score)
    table, rendered = m.ask(statement, SCORES)
    return Nps({row["score"]: row["n"] for row in table.to_pylist() if row["score"] != UNUSABLE}), rendered


def _satisfaction(m: Modelled, scope: Scope) -> Satisfaction:
    found = _told(m, scope, NPS)
    return Satisfaction(
        model=m.model.name,
        build=m.build.id,
        scope=scope,
        whole=Nps(found.whole),
        response=found.response,
        dated=m.sources["surveys"].has("asked_at"),
        trend=tuple((day, Nps(scores)) for day, scores in found.trend),
        rows=tuple((value, Nps(scores)) for value, scores in found.rows),
        unusable=found.unusable,
        statements=found.statements,
    )


def contentment(m: Modelled, scope: Scope) -> Contentment:
    """The share of satisfied answers of the period to surveys of the kind csat, over time and by segment.

    Raises WarehouseError("missing_table") without surveys.
    """
    highest, asked = _highest(m, scope)
    here = _contentment(m, scope, highest)
    other = _contentment(m, scope.compared, highest) if scope.compared else None
    return replace(here, comparison=other, statements=(*here.statements, asked))


def _contentment(m: Modelled, scope: Scope, highest: int | None) -> Contentment:
    found, scale = _told(m, scope, CSAT), scale_of(highest)
    return Contentment(
        model=m.model.name,
        build=m.build.id,
        scope=scope,
        whole=Csat(found.whole, scale),
        response=found.response,
        dated=m.sources["surveys"].has("asked_at"),
        trend=tuple((day, Csat(scores, scale)) for day, scores in found.trend),
        rows=tuple((value, Csat(scores, scale)) for value, scores in found.rows),
        unusable=found.unusable,
        statements=found.statements,
    )


def _highest(m: Modelled, scope: Scope) -> tuple[int | None, Rendered]:
    """The highest score that anybody ever gave, whatever the period and the filters: it tells the survey's scale."""
    c = surveys(m, replace(scope, as_of=m.build.as_of), CSAT).c
    highest: sa.ColumnElement = sa.cast(sa.func.max(c.score), sa.Double()).label("highest")
    statement = sa.select(highest).where(c["at"].is_not(None), c.score <= number(10))
    table, rendered = m.ask(statement, pa.schema([("highest", pa.float64())]))
    found = table.column(0)[0].as_py()
    return (None if found is None else ceil(found)), rendered


@dataclass(frozen=True)
class Told:
    """Answers of a period, respondents by score: of the whole, of each period of the grain, of each segment value."""

    whole: dict[int, int]
    trend: tuple[tuple[date, dict[int, int]], ...]
    rows: tuple[tuple[str | None, dict[int, int]], ...]
    response: Rate
    unusable: int
    statements: tuple[Rendered, ...]


def _told(m: Modelled, scope: Scope, kind: str) -> Told:
    answers, rendered = _answers(m, scope, kind)
    response, asked = _response(m, scope, kind)
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
    return Told(
        whole=_scores([pair for pairs in by_value.values() for pair in pairs]),
        trend=tuple((day, by_period.get(calendar.number(day, grain), {})) for day in shown),
        rows=tuple((v, _scores(pairs)) for v, pairs in top(scope, by_value, lambda pair: pair[1])) if scope.by else (),
        response=response,
        unusable=unusable,
        statements=(rendered, asked),
    )


def _scores(pairs: list[tuple[int, int]]) -> dict[int, int]:
    scores: dict[int, int] = {}
    for score, n in pairs:
        scores[score] = scores.get(score, 0) + n
    return scores


def _answers(m: Modelled, scope: Scope, kind: str) -> tuple[list[tuple], Rendered]:
    """Answers of the period by segment, period of the grain and score, one per respondent and period.

    `newest` tells those that are also the respondent's newest of the whole period.
    """
    given = surveys(m, scope, kind)
    period = period_number(given.c.at, scope.grain, scope.calendar).label("period")
    inside = segmented(m, scope, sa.select(given, period).where(*in_period(given.c.at, scope)).subquery("inside"))
    c = inside.c
    nth, turn = _nth(c, c.contact_id).label("nth"), _nth(c, c.contact_id, c.period).label("turn")
    ranked = sa.select(c.segment, c.period, _score(c.score), nth, turn).subquery("ranked")
    newest = sa.case((ranked.c.nth == 1, number(1)), else_=number(0)).label("newest")
    one = sa.select(ranked.c.segment, ranked.c.period, newest, ranked.c.score).where(ranked.c.turn == 1).subquery("one")
    statement = sa.select(*one.c, sa.func.count().label("n")).group_by(*one.c)
    table, rendered = m.ask(statement, ANSWERS)
    return [tuple(row.values()) for row in table.to_pylist()], rendered


def _nth(c: sa.ColumnCollection, *whose: sa.ColumnElement) -> sa.ColumnElement:
    """Each answer's place among theirs, the newest first."""
    return sa.func.row_number().over(partition_by=whose, order_by=[c.at.desc(), c.score.desc()])


def _score(given: sa.ColumnElement) -> sa.ColumnElement:
    """The score in whole points, or UNUSABLE."""
    usable = sa.and_(given >= number(0), given <= number(10))
    return sa.case((usable, sa.cast(floored(given), sa.BigInteger())), else_=number(UNUSABLE)).label("score")


def _response(m: Modelled, scope: Scope, kind: str) -> tuple[Rate, Rendered]:
    """Surveys answered of those asked: in the period where the asking is dated, else of all ever asked."""
    asked = segmented(m, scope, surveys(m, scope, kind))
    c = asked.c
    where = in_period(c.asked_at, scope) if m.sources["surveys"].has("asked_at") else []
    counts = [sa.func.count().label("asked"), sa.func.count(c.at).label("answered")]
    table, rendered = m.ask(sa.select(*counts).select_from(asked).where(*where), ASKED)
    row = table.to_pylist()[0]
    return Rate(row["answered"], row["asked"]), rendered
