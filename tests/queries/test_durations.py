"""Time in stage asked of three engines: a story told by hand, and random companies counted by the book."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from random import Random

import pyarrow as pa
import pytest

from lifecycle.business import Business
from lifecycle.durations import OPEN, LifeTable
from lifecycle.flow import AGES
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from lifecycle.segments import Choice
from lifecycle.stages import ModelError, parse_model
from lifecycle.stalled import stalled_of
from lifecycle.time_in_stage import ADVANCED, BACK
from queries.build import build
from queries.contrast import by_every_segment
from queries.durations import life_tables, trend
from queries.end_to_end import cohorts, end_to_end
from queries.flow import flows, stock_by_age
from queries.modelled import Modelled
from queries.stalled import stalled, stalled_list
from tests.engines import DuckDB, Engine
from tests.queries import time_oracle as oracle
from tests.queries.funnels import Company, opened, some_scope
from tests.queries.worlds import invent

HOUR, DAY = 3_600.0, 86_400.0
MODEL = parse_model(
    {
        "name": "story",
        "label": "Story",
        "stages": [
            {"key": "lead", "label": "Lead", "kind": "progress"},
            {"key": "mql", "label": "MQL", "kind": "progress", "limit_days": 5},
            {"key": "client", "label": "Client", "kind": "progress"},
            {"key": "lost", "label": "Lost", "kind": "exit"},
        ],
    },
    "story",
)
AS_OF = datetime(2026, 1, 31)
SCOPE = Scope("story", AS_OF, date(2026, 1, 1), date(2026, 2, 1))
STORY: dict[str, tuple[str | None, list[tuple[str, str]]]] = {
    "amy": ("Rep One", [("lead", "01 00:00"), ("mql", "03 12:30"), ("client", "07 12:30")]),  # 60 h, then four days
    "ben": ("Rep One", [("lead", "01 00:00"), ("mql", "01 00:00")]),  # a bulk update: no time as a lead; still MQL
    "cho": ("Rep Two", [("lead", "01 00:00"), ("lost", "20 12:00")]),  # 19.5 days, in bins of days
    "dee": ("Rep Two", [("lead", "10 00:00"), ("mql", "11 00:00"), ("lead", "12 00:00")]),  # back, and in it since
    "eli": (None, [("mql", "30 00:00")]),  # seen for a day
    "fox": (None, [("lead", "05 00:00"), ("mql", "05 00:20"), ("lost", "06 00:00"), ("lead", "08 00:00")]),  # twice
    "gus": ("Rep Two", [("mql", "10 00:00"), ("client", "14 00:00"), ("client", "15 00:00")]),  # the repeat is no stay
    "hal": ("Rep One", [("lead", "31 00:00")]),  # entered at the cut-off: open, and not of zero length
}


def at(text: str) -> datetime:
    return datetime.strptime(f"2026-01-{text}", "%Y-%m-%d %H:%M")


def told(engine: Engine) -> Modelled:
    warehouse = engine.open()
    moments = pa.timestamp("us")
    kinds = pa.schema([("contact_id", pa.string()), ("stage", pa.string()), ("entered_at", moments)])
    events = [{"contact_id": who, "stage": s, "entered_at": at(t)} for who, (_, es) in STORY.items() for s, t in es]
    engine.put(warehouse, "stage_events", pa.Table.from_pylist(events, kinds))
    owners = [owner for owner, _ in STORY.values()]
    engine.put(warehouse, "contacts", pa.table({"contact_id": list(STORY), "owner": owners}))
    deals = {"deal_id": ["d1", "d2"], "contact_id": ["ben", "amy"], "amount": [500.0, 900.0]}
    moved = pa.table({**deals, "created_at": pa.array([at("02 00:00")] * 2, moments)})
    closed = pa.array([None, at("07 00:00")], moments)
    engine.put(warehouse, "deals", moved.append_column("closed_at", closed))
    return Modelled(warehouse, MODEL, build(warehouse, MODEL))


@pytest.fixture(scope="module")
def story(engine: Engine) -> Iterator[Modelled]:
    found = told(engine)
    yield found
    found.warehouse.close()


def rows(table: LifeTable) -> Counter[tuple[float, str]]:
    out: Counter[tuple[float, str]] = Counter()
    for seconds, how, n in table.rows:
        out[seconds, how] += n
    return out


def test_every_stay_counts_as_long_as_it_was_seen(story: Modelled) -> None:
    found = life_tables(story, SCOPE)
    assert found.stages == ("lead", "mql", "client")
    assert rows(found.of("lead")) == {
        (60 * HOUR, ADVANCED): 1,  # amy
        (0.0, ADVANCED): 2,  # ben at once, fox within twenty minutes
        (19 * DAY, "lost"): 1,  # cho
        (DAY, ADVANCED): 1,  # dee
        (19 * DAY, OPEN): 1,  # dee, back
        (23 * DAY, OPEN): 1,  # fox, back after having been lost
        (0.0, OPEN): 1,  # hal
    }
    assert found.of("lead").zero == 1  # ben alone: fox took twenty minutes
    assert rows(found.of("mql")) == {
        (4 * DAY, ADVANCED): 2,
        (30 * DAY, OPEN): 1,
        (DAY, BACK): 1,
        (DAY, OPEN): 1,
        (23 * HOUR, "lost"): 1,
    }
    assert life_tables(story, SCOPE, True).of("lead").n == found.of("lead").n - 1


def test_the_past_did_not_know_what_came_later(story: Modelled) -> None:
    early = life_tables(story, replace(SCOPE, as_of=at("04 00:00")))
    assert rows(early.of("lead")) == {(60 * HOUR, ADVANCED): 1, (0.0, ADVANCED): 1, (72 * HOUR, OPEN): 1}
    assert rows(early.of("mql")) == {(11 * HOUR, OPEN): 1, (72 * HOUR, OPEN): 1}


def test_parts_add_up_and_the_rest_stands_together(story: Modelled) -> None:
    whole, parts = life_tables(story, SCOPE), life_tables(story, replace(SCOPE, by="owner", top=2))
    assert parts.segments == ("Rep One", "Rep Two", "Other")
    for stage in whole.stages:
        assert rows(parts.of(stage)) == rows(whole.of(stage))
    assert rows(parts.part("mql", "Other")) == {(DAY, OPEN): 1, (23 * HOUR, "lost"): 1}
    assert parts.test is not None and whole.test is None


def test_the_compared_period_was_watched_for_as_long(story: Modelled) -> None:
    found = life_tables(story, replace(SCOPE, start=date(2026, 1, 10), end=date(2026, 1, 19), compare="previous"))
    assert found.comparison and found.comparison.scope.as_of == at("22 00:00")
    assert found.comparison.of("mql").n == 3  # amy, ben, fox


def test_from_a_stage_to_a_later_one(story: Modelled) -> None:
    found = end_to_end(story, SCOPE, "lead", "client")
    assert rows(found.of("lead")) == {
        (6 * DAY + 12 * HOUR, ADVANCED): 1,  # amy
        (30 * DAY, OPEN): 1,  # ben
        (19 * DAY, "lost"): 1,  # cho
        (21 * DAY, OPEN): 1,  # dee went back, and is on the way all the same
        (DAY, "lost"): 1,  # fox
        (23 * DAY, OPEN): 1,  # fox again, another journey
        (0.0, OPEN): 1,  # hal
    }
    months = cohorts(story, SCOPE, "lead", "client").months
    assert [m.period for m in months] == [date(2026, 1, 1)]
    assert rows(months[0].table) == rows(found.of("lead"))
    with pytest.raises(ModelError, match="does not come after"):
        end_to_end(story, SCOPE, "client", "lead")


def test_stock_by_age_and_the_law_of_little(story: Modelled) -> None:
    found = stock_by_age(story, SCOPE, "mql")
    assert (found.periods, found.n) == ((date(2026, 1, 1),), ((1, 0, 1, 0),))  # eli for a day, ben for thirty
    flow = {f.stage: f for f in flows(story, SCOPE).rows}["mql"]
    assert (flow.entered, flow.left, flow.at_start) == (6, 4, 0)
    spent = (4 + 30 + 1 + 1 + 4) * DAY + 23 * HOUR + 40 * 60
    assert flow.spent_seconds == pytest.approx(spent)
    assert flow.mean_stock == pytest.approx(spent / (30 * DAY))
    assert flow.little_seconds is None  # six in, four out: nothing to conclude


def test_who_stalls_and_what_they_are_worth(story: Modelled) -> None:
    found = stalled(story, SCOPE)
    assert [(x.stage, x.kind) for x in found.limits] == [("lead", "usual"), ("mql", "own")]
    assert [round(x.seconds / DAY, 4) for x in found.limits] == [pytest.approx(2.0646, abs=1e-3), 5]
    assert (found.share("mql").numerator, found.share("mql").denominator) == (1, 2)
    assert (found.share("lead").numerator, found.share("lead").denominator) == (2, 3)
    assert found.amount == 500.0
    listed = stalled_list(story, SCOPE)
    assert [(s.entity_id, s.stage, s.amount) for s in listed.stays] == [
        ("ben", "mql", 500.0),
        ("dee", "lead", None),
        ("fox", "lead", None),
    ]
    assert listed.total == found.share().numerator == 3
    assert listed.stays[0].age_seconds == 30 * DAY
    assert (listed.stays[1].chance, listed.stays[1].at_risk) == (0.0, 3)  # cho, fox and dee were seen for so long
    assert [s.entity_id for s in stalled_list(story, SCOPE, stages=("lead",), owners=(None,)).stays] == ["fox"]
    usual = {x.stage: x.kind for x in stalled(story, SCOPE, "usual").limits}
    assert usual == {"lead": "usual", "mql": "usual"}


def test_a_breakdown_and_another_period_stand_beside_the_whole(story: Modelled) -> None:
    scope = replace(SCOPE, start=date(2026, 1, 21), compare="previous")
    by = replace(scope, by="owner", top=1)
    pace = trend(story, by, "lead")
    assert [(part.name, part.values, part.answer[0].table.n) for part in pace.parts] == [
        ("Rep One", ("Rep One",), 1),  # hal
    ]
    assert pace.comparison and pace.comparison.scope.as_of == at("20 00:00") and not pace.comparison.parts
    assert [m.table.n for m in pace.comparison.months] == [2]  # dee, and dee again
    stock = stock_by_age(story, by, "mql")
    assert {part.name: part.answer[-1] for part in stock.parts} == {"Rep One": (0, 0, 1, 0), "Other": (1, 0, 0, 0)}
    assert stock.comparison and stock.comparison.n == ((0, 1, 0, 0),)  # ben for nineteen days
    found = stalled(story, by)
    assert {part.name: stalled_of(part.answer) for part in found.parts} == {
        "Rep One": Rate(1, 2),  # ben, an MQL for thirty days; hal has only just come
        "Other": Rate(2, 3),  # dee and fox; eli has only just come
    }
    assert found.comparison and found.comparison.limits == found.limits
    assert found.comparison.share() == Rate(
        4, 4
    )  # cho was lost later, and ben, dee and fox had stood for too long then, too
    assert [s.entity_id for s in stalled_list(story, by, values=("Rep Two", None)).stays] == ["dee", "fox"]


def test_limits_in_working_days(story: Modelled) -> None:
    office = Business(timezone="Europe/London")
    found = stalled(story, replace(SCOPE, as_of=at("08 08:00")), "own", office)
    mql = next(x for x in found.limits if x.stage == "mql")
    assert mql.seconds == 5 * 8 * HOUR
    # ben is an MQL since Thursday the 1st: on the eve of Thursday the 8th five working days have passed, and no more
    assert found.share("mql").numerator == 0
    later = stalled(story, replace(SCOPE, as_of=at("08 10:00")), "own", office)
    assert later.share("mql").numerator == 1
    assert stalled_list(story, later.scope, "own", office).stays[0].counted_seconds == 41 * HOUR


def test_segments_that_tell_quick_from_slow(story: Modelled) -> None:
    found = by_every_segment(story, SCOPE, "mql")
    assert set(found.tables) == {"owner"}
    assert sum(t.n for t in found.tables["owner"].values()) == life_tables(story, SCOPE).of("mql").n
    (one,) = found.separations
    assert (one.segment, one.fastest) == ("owner", None)  # no value has thirty stays
    assert found.quick.rows == found.slow.rows == ()


# --- random companies -------------------------------------------------------------------------------------------------


def check(company: Company, scope: Scope) -> None:
    """Every answer against the count by the book."""
    m, scope = company.m, replace(scope, stages=(), top=50, count="passed", window=None)
    found, counted = life_tables(m, scope), oracle.stays(company, scope)
    for stage in found.stages:
        own = [s for s in counted if s.entry.stage == stage]
        assert rows(found.of(stage)) == oracle.rows(own)
        assert found.of(stage).zero == oracle.zero(own)
        for value in found.segments:
            part = [s for s in own if s.segment == value]
            assert rows(found.part(stage, value)) == oracle.rows(part)
    keys = [s.key for s in m.model.progress]
    for start, end in pairwise(keys):
        assert rows(end_to_end(m, scope.whole, start, end).of(start)) == oracle.journeys(company, scope, start, end)
    stage = keys[len(keys) // 2]
    for name, values in by_every_segment(m, scope.whole, stage).tables.items():
        parts = life_tables(m, replace(scope, by=name, stages=(stage,)))
        assert {v: rows(t) for v, t in values.items()} == {v: rows(parts.part(stage, v)) for v in parts.segments}
    check_trend(company, scope, stage, [s for s in counted if s.entry.stage == stage])
    inside = [e for e in oracle.entries(company, scope) if e.stage == stage and not oracle.ended(e, scope.as_of)]
    ages = Counter(sum((scope.as_of - e.entered_at) >= timedelta(days=d) for d in AGES) - 1 for e in inside)
    stock = stock_by_age(m, replace(scope, start=None, end=None), stage)
    assert last(stock.n) == tuple(ages[i] for i in range(len(AGES)))
    for part in stock.parts:
        assert last(part.answer) == last(stock_by_age(m, only(scope, part.values), stage).n)
    check_flow(company, scope)
    check_stalled(company, scope)


def only(scope: Scope, values: tuple[str | None, ...]) -> Scope:
    """All time, of some values of the breakdown."""
    assert scope.by
    return replace(scope.whole, start=None, end=None, filters=(*scope.filters, Choice(scope.by, values)))


def last(n: tuple[tuple[int, ...], ...]) -> tuple[int, ...]:
    return n[-1] if n else (0,) * len(AGES)


def check_trend(company: Company, scope: Scope, stage: str, counted: list[oracle.Stay]) -> None:
    found = trend(company.m, scope, stage)

    def of(stays: list[oracle.Stay]) -> dict[date, Counter[tuple[float, str]]]:
        inside = {m.period: list[oracle.Stay]() for m in found.months}
        for stay in stays:
            day = scope.calendar.day(stay.entry.entered_at)
            inside[max(p for p in inside if p <= day)].append(stay)
        return {day: oracle.rows(own) for day, own in inside.items()}

    assert {m.period: rows(m.table) for m in found.months} == of(counted)
    for part in found.parts:
        own = [s for s in counted if s.segment in part.values]
        assert {m.period: rows(m.table) for m in part.answer} == of(own)


def check_flow(company: Company, scope: Scope) -> None:
    start, end = scope.instants
    until = min(end, scope.as_of) if end else scope.as_of
    since = start if start and start < until else until - timedelta(days=365)

    def seen(at: datetime) -> bool:
        """Of the half-open period, or before it; what happened at the very instant of as_of is seen."""
        return at <= scope.as_of and (end is None or at < end)

    every = [e for e in oracle.entries(company, scope) if seen(e.entered_at)]
    for f in flows(company.m, scope).rows:
        own = [e for e in every if e.stage == f.stage and (e.exited_at is None or e.exited_at >= since)]
        gone = [e for e in own if e.exited_at is not None and seen(e.exited_at)]
        assert f.at_start == sum(1 for e in own if e.entered_at < since)
        assert f.entered == sum(1 for e in own if e.entered_at >= since)
        assert f.left == len(gone)
        spent = sum((min(e.exited_at or until, until) - max(e.entered_at, since)).total_seconds() for e in own)
        assert f.spent_seconds == pytest.approx(spent, abs=1e-3)
        assert f.at_start + f.entered - f.left == sum(1 for e in own if e not in gone)


def check_stalled(company: Company, scope: Scope) -> None:
    found = stalled(company.m, scope)
    over = {x.stage: x.seconds for x in found.limits}
    inside = [e for e in oracle.entries(company, scope) if e.stage in over and not oracle.ended(e, scope.as_of)]
    late = [e for e in inside if (scope.as_of - e.entered_at).total_seconds() > over[e.stage]]
    assert (found.share().numerator, found.share().denominator) == (len(late), len(inside))
    for part in found.parts:
        own = [e for e in inside if company.told[e.entity_id, e.journey].get(scope.by) in part.values]
        share = stalled_of(part.answer)
        assert (share.numerator, share.denominator) == (len([e for e in own if e in late]), len(own))
        assert stalled_list(company.m, scope, values=part.values).total == share.numerator
    assert (len(found.parts) > 0) == bool(scope.by and inside)
    listed = stalled_list(company.m, scope)
    assert listed.total == len(late)
    assert sorted((s.entity_id, s.stage) for s in listed.stays) == sorted((e.entity_id, e.stage) for e in late)


@pytest.mark.parametrize("name", ["crm", "rolled_up"])
def test_a_large_random_company_is_timed_by_the_book(engine: Engine, name: str) -> None:
    random = Random(name)
    company = opened(engine, invent(random, groups=40), name)
    check(company, some_scope(random, company))
    company.m.warehouse.close()


@pytest.mark.parametrize("seed", range(4))
def test_any_scope_of_any_company_is_timed_by_the_book(seed: int) -> None:
    random = Random(seed)
    company = opened(DuckDB(), invent(random, groups=6), random.choice(["sal_pql", "inbound", "pipeline", "discovery"]))
    for _ in range(2):
        check(company, some_scope(random, company))
    company.m.warehouse.close()


def test_filters_narrow_every_answer_alike() -> None:
    company = opened(DuckDB(), invent(Random(9), groups=12), "crm")
    scope = Scope("crm", datetime(2024, 1, 30))
    plan = company.m.catalog.get("plan")
    assert plan
    parts = [replace(scope, filters=(Choice("plan", (value,)),)) for value in plan.values]
    whole, some = life_tables(company.m, scope), [life_tables(company.m, part) for part in parts]
    for stage in whole.stages:
        assert sum((rows(part.of(stage)) for part in some), Counter()) == rows(whole.of(stage))
    now = [stock_by_age(company.m, each, "lead").n[-1:] for each in (scope, *parts)]
    assert sum(sum(ages) for n in now[1:] for ages in n) == sum(sum(ages) for ages in now[0]) > 0
    company.m.warehouse.close()
