"""Moves, paths, routes, comebacks and stock: told by hand, and equal to a slow count by the book on every engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle.attention import purchase
from lifecycle.durations import LifeTable
from lifecycle.moves import between_parts, transitions
from lifecycle.paths import STEPS, Walk
from lifecycle.routes import Between
from lifecycle.scope import Scope
from lifecycle.segments import Choice
from lifecycle.stages import ModelError, StageModel, parse_model
from lifecycle.stockflow import Balance, through
from queries.build import build
from queries.comebacks import comebacks
from queries.modelled import Modelled
from queries.moves import Cell, movers, moves
from queries.paths import paths
from queries.routes import between, routes
from queries.stockflow import stock_and_flow
from tests.engines import DuckDB, Engine
from tests.queries import pace_oracle as book
from tests.queries.funnels import Company, opened, some_scope
from tests.queries.worlds import MODELS, T0, invent

ON_EVERY_ENGINE = ("rolled_up", "sal_pql")  # every rule of a model is in one of them
DAY = 86_400.0

# --- told by hand -----------------------------------------------------------------------------------------------------

STORY = {  # contact → entries, days of January 2026
    "amy": "lead 1, mql 3, sql 5, customer 9",  # straight through
    "ben": "lead 1, mql 2, recycled 4, lead 10, mql 12, customer 20",  # came back, over the sql
    "cho": "lead 2, mql 4, recycled 6",  # never came back
    "dee": "lead 2, mql 3, lead 5, mql 8",  # a step back, then MQL for the second time
    "eli": "mql 5, lost 7, mql 15, lost 18",  # lost twice
    "fox": "lead 3",
    "gus": "lead 3, mql 3, sql 3",  # a bulk update
    "hal": "lost 4, lead 6",  # an exit before any progress is no journey
}
AS_OF = datetime(2026, 1, 31)
SCOPE = Scope("story", AS_OF, date(2026, 1, 1), date(2026, 2, 1))


def model() -> StageModel:
    stages = [{"key": key, "label": key.upper(), "kind": "progress"} for key in ("lead", "mql", "sql", "customer")]
    stages += [{"key": key, "label": key.capitalize(), "kind": "exit"} for key in ("lost", "recycled")]
    return parse_model({"name": "story", "label": "Story", "stages": stages}, "story")


def told(engine: Engine, story: dict[str, str]) -> Modelled:
    """A story, built."""
    warehouse = engine.open()
    rows = [
        {"contact_id": who, "stage": stage, "entered_at": datetime(2026, 1, int(day))}
        for who, entries in story.items()
        for stage, day in (entry.split() for entry in entries.split(", "))
    ]
    kinds = [("contact_id", pa.string()), ("stage", pa.string()), ("entered_at", pa.timestamp("us"))]
    engine.put(warehouse, "stage_events", pa.Table.from_pylist(rows, pa.schema(kinds)))
    contacts = pa.table({"contact_id": list(story), "size": ["big" if who < "e" else "small" for who in story]})
    engine.put(warehouse, "contacts", contacts)
    return Modelled(warehouse, model(), build(warehouse, model()))


@pytest.fixture(scope="module")
def story(engine: Engine) -> Iterator[Modelled]:
    m = told(engine, STORY)
    yield m
    m.warehouse.close()


def test_what_follows_each_stage(story: Modelled) -> None:
    found = {(t.start, t.end): (t.kind, t.n) for t in moves(story, SCOPE).whole}
    assert found == {
        ("lead", "mql"): ("advance", 7),  # amy, ben twice, cho, dee twice, gus
        ("lead", None): ("open", 2),  # fox, hal
        ("mql", "sql"): ("advance", 2),
        ("mql", "customer"): ("skip", 1),
        ("mql", "lead"): ("regress", 1),
        ("mql", "recycled"): ("recycle", 2),
        ("mql", "lost"): ("exit", 2),
        ("mql", None): ("open", 1),
        ("sql", "customer"): ("advance", 1),
        ("sql", None): ("open", 1),
        ("customer", None): ("open", 2),
        ("recycled", "lead"): ("reopen", 1),
        ("recycled", None): ("open", 1),
        ("lost", "mql"): ("reopen", 1),
        ("lost", None): ("open", 1),
    }


def test_times_are_of_those_who_made_the_move(story: Modelled) -> None:
    took = {(t.start, t.end): t.median_seconds for t in moves(story, SCOPE).whole}
    assert took["lead", "mql"] == 2 * DAY  # 2, 1, 2, 2, 1, 3, 0 days
    assert took["mql", "recycled"] == 2 * DAY
    assert took["sql", "customer"] == 4 * DAY
    assert took["lead", None] is None


def test_a_cell_opens_as_many_as_it_says(story: Modelled) -> None:
    for t in moves(story, SCOPE).whole:
        listed = movers(story, SCOPE, Cell(t.start, t.end))
        assert listed.total == listed.table.num_rows == t.n
    back = movers(story, replace(SCOPE, by="size"), Cell("mql", "recycled", ("big",)))
    assert back.table.column("entity_id").to_pylist() == ["cho", "ben"]  # the latest first


def test_seen_earlier_what_comes_later_has_not_happened(story: Modelled) -> None:
    early = moves(story, replace(SCOPE, as_of=datetime(2026, 1, 3)))
    assert {(t.start, t.end): t.n for t in early.whole} == {
        ("lead", "mql"): 4,  # amy, ben, dee, gus
        ("lead", None): 2,  # cho, fox
        ("mql", "sql"): 1,
        ("mql", None): 3,
        ("sql", None): 1,
    }


def test_the_second_visit_of_a_stage_stands_apart(story: Modelled) -> None:
    found = {(e.step, e.stage, e.visit): e.n for e in paths(story, SCOPE).entered}
    assert paths(story, SCOPE).entities == 8
    assert found[1, "lead", 1] == 7
    assert found[2, "mql", 1] == 5
    assert found[4, "mql", 2] == 1  # dee
    assert found[5, "mql", 2] == 1  # ben
    assert found[3, "mql", 2] == 1  # eli
    assert (1, "lost", 1) not in found  # hal's exit came before any progress


def test_routes_lead_to_the_goal_or_not(story: Modelled) -> None:
    found = {r.stages: r for r in routes(story, SCOPE, between(story.model)).rows}
    assert found["lead", "mql", "sql"].outcomes == {"won": 1, "open": 1}
    assert found["lead", "mql", "sql"].median_seconds == 8 * DAY
    assert found["lead", "mql"].outcomes == {"won": 1, "recycled": 2}
    assert found["lead", "mql"].median_seconds == 10 * DAY  # of ben's second journey
    assert found["mql",].outcomes == {"lost": 2}
    assert found["lead", "mql", "lead", "mql"].outcomes == {"open": 1}
    assert found["lead",].outcomes == {"open": 2}
    assert sum(r.n for r in found.values()) == 10
    from_mql = routes(story, SCOPE, between(story.model, "mql", "sql"))
    assert {r.stages: dict(r.outcomes) for r in from_mql.rows} == {
        ("mql",): {"won": 3, "recycled": 2, "lost": 2},  # ben's second came by the customer, which implies the sql
        ("mql", "lead", "mql"): {"open": 1},
    }


def test_a_goal_must_come_after_the_start(story: Modelled) -> None:
    with pytest.raises(ModelError, match="'lead' does not come after 'mql'"):
        between(story.model, "mql", "lead")
    with pytest.raises(ModelError, match="known: lead, mql, sql, customer"):
        between(story.model, None, "nowhere")


def test_who_comes_back_and_how_they_do_then(story: Modelled) -> None:
    found = comebacks(story, SCOPE)
    assert (found.returned("recycled").numerator, found.returned("recycled").denominator) == (1, 2)
    assert (found.returned("lost").numerator, found.returned("lost").denominator) == (1, 2)
    assert found.returned_within("recycled", 6) == pytest.approx(1 / 2)
    assert found.returned_within("recycled", 5) == 0
    assert found.returned_within("recycled", 60) is None  # nobody was seen so long
    assert (found.conversion().numerator, found.conversion().denominator) == (1, 8)
    assert (found.conversion("recycled").numerator, found.conversion("recycled").denominator) == (1, 1)
    assert (found.conversion("lost").numerator, found.conversion("lost").denominator) == (0, 1)


def test_start_and_in_less_out_is_end(story: Modelled) -> None:
    found = stock_and_flow(story, replace(SCOPE, start=date(2026, 1, 5), end=date(2026, 1, 19), grain="week"))
    assert found.balanced
    mql = found.of("mql")
    assert [(f.period.day, f.start, f.entered, f.left, f.end) for f in mql] == [(5, 3, 2, 4, 1), (12, 1, 2, 1, 2)]
    assert (mql[0].came, mql[0].went) == (  # eli is new, dee comes again; amy, cho, dee and eli go
        {"new": 1, "advance": 1},
        {"advance": 1, "recycle": 1, "regress": 1, "exit": 1},
    )
    assert (mql[1].came, mql[1].went) == ({"advance": 1, "reopen": 1}, {"exit": 1})  # ben; eli, back and gone


def test_a_long_way_is_told_in_full(engine: Engine) -> None:
    """Its number goes beyond what an engine's small whole numbers hold."""
    there_and_back = ", ".join(f"{'mql' if day % 2 else 'lead'} {day + 1}" for day in range(20))
    m = told(engine, {"amy": f"{there_and_back}, customer 21"})
    (route,) = routes(m, SCOPE, between(m.model)).rows
    assert (route.stages, route.is_cut, dict(route.outcomes)) == (("lead", "mql") * 10, False, {"won": 1})
    m.warehouse.close()


# --- by the book ------------------------------------------------------------------------------------------------------


def check(company: Company, scope: Scope, random: Random) -> None:
    """Every answer against the book."""
    m, told, derived = company.m, company.told, company.derivation
    check_moves(company, scope)
    steps = {k: n for k, n in book.steps(derived, scope, told).items() if k[0] <= STEPS}
    walked = paths(m, scope)
    assert as_steps(walked) == steps
    for part in walked.parts:
        narrow = replace(scope, filters=(*scope.filters, Choice("plan", part.values)))
        own = book.steps(derived, narrow, told)
        assert as_steps(part.answer) == {k: n for k, n in own.items() if k[0] <= STEPS}
    if scope.by:
        assert sum(part.answer.entities for part in walked.parts) == walked.entities
    check_routes(company, scope, random)
    back = comebacks(m, scope)
    returns, attempts = book.comebacks(derived, scope, told, purchase(m.model).key)
    assert {key: as_counts(table) for key, table in back.returns.items()} == returns
    assert {key: as_counts(table) for key, table in back.attempts.items()} == attempts
    for own in back.parts:
        narrow = replace(scope, filters=(*scope.filters, Choice("plan", own.values)))
        returns, attempts = book.comebacks(derived, narrow, told, purchase(m.model).key)
        assert {key: as_counts(table) for key, table in own.answer.returns.items()} == returns
        assert {key: as_counts(table) for key, table in own.answer.attempts.items()} == attempts
    if scope.by:
        assert sum(own.answer.returned().denominator for own in back.parts) == back.returned().denominator
    check_stock(company, scope)


def as_steps(walk: Walk) -> dict:
    return {(e.step, e.stage, e.visit, e.start, e.start_visit): e.n for e in walk.entered}


def as_counts(table: LifeTable) -> Counter:
    counted: Counter = Counter()
    for seconds, outcome, n in table.rows:
        counted[outcome, seconds] += n
    return counted


def check_moves(company: Company, scope: Scope) -> None:
    m, answer = company.m, moves(company.m, scope)
    stays = book.stays(company.derivation, scope, company.told)
    counts = book.counts(stays, scope)
    assert answer.whole == transitions(m.model, counts, book.life_tables(stays, scope))
    assert sum(t.n for t in answer.whole) == len(stays)
    for part in answer.parts:
        own = [e for e in stays if company.told[e.entity_id, e.journey]["plan"] in part.values]
        assert {(t.start, t.end): t.n for t in part.answer} == book.counts(own, scope)
    if scope.by and stays:
        assert sum(t.n for part in answer.parts for t in part.answer) == len(stays)


def check_routes(company: Company, scope: Scope, random: Random) -> None:
    m, keys = company.m, [s.key for s in company.m.model.progress]
    place = random.randrange(1, len(keys))
    part = Between(keys[place], random.choice([None, *keys[:place]]))
    wanted = book.routes(company.derivation, m.model, scope, company.told, part)
    found = routes(m, scope, part, 10_000).rows
    assert {r.stages: dict(r.outcomes) for r in found} == {
        route: {outcome: len(times) for outcome, times in outcomes.items()} for route, outcomes in wanted.items()
    }
    assert not any(r.is_cut for r in found)
    for r in found:
        assert r.stages is not None
        assert r.median_seconds == pytest.approx(book.median(wanted[r.stages]["won"]))
    few = routes(m, scope, part, 2)
    assert few.rows[:2] == found[:2]
    assert few.total == sum(r.n for r in found)
    for own in few.parts:
        narrow = replace(scope, filters=(*scope.filters, Choice("plan", own.values)))
        wanted = book.routes(company.derivation, m.model, narrow, company.told, part)
        assert sum(r.n for r in own.answer) == sum(len(times) for route in wanted.values() for times in route.values())
        for r in own.answer:
            if r.stages is not None:
                assert dict(r.outcomes) == {outcome: len(times) for outcome, times in wanted[r.stages].items()}
                assert r.median_seconds == pytest.approx(book.median(wanted[r.stages]["won"]))
                assert r.way in few.ways
    if scope.by:
        assert sum(r.n for own in few.parts for r in own.answer) == few.total


def check_stock(company: Company, scope: Scope) -> None:
    found, told = stock_and_flow(company.m, scope), book.of_everybody(company)
    check_balance(company, found, scope, told)
    for own in found.parts:
        check_balance(company, own.answer, replace(scope, filters=(*scope.filters, Choice("plan", own.values))), told)
    for stage in found.stages if scope.by else ():
        parts = [through(own.answer, stage) for own in found.parts]
        for what in ("start", "entered", "left", "end"):
            assert sum(getattr(part, what) for part in parts) == getattr(through(found, stage), what)


def check_balance(company: Company, found: Balance, scope: Scope, told: book.Told) -> None:
    assert found.balanced
    derived = company.derivation
    came, went = book.flows(derived, scope, told)
    assert {(f.stage, f.period): f.entered for f in found.rows if f.entered} == came
    assert {(f.stage, f.period): f.left for f in found.rows if f.left} == went
    for f in found.rows:
        start = max(scope.calendar.instant(f.period), scope.instants[0] or datetime.min)
        assert f.start == book.stock(derived, scope, told, start)[f.stage]
        after = scope.calendar.instant(scope.calendar.step(f.period, scope.grain))
        if after <= min(scope.as_of, scope.instants[1] or datetime.max):
            assert f.end == book.stock(derived, scope, told, after)[f.stage]
    if not scope.end and found.rows:
        assert found.counted == book.stock(derived, scope, told, scope.as_of, with_it=True)


@pytest.mark.parametrize("name", ON_EVERY_ENGINE)
def test_a_large_random_company_is_counted_by_the_book(engine: Engine, name: str) -> None:
    random = Random(name)
    company = opened(engine, invent(random, groups=25), name)
    everything = Scope(name, T0 + timedelta(days=30), grain="day")
    for scope in (everything, replace(everything, by="plan", start=date(2024, 1, 2), as_of=T0 + timedelta(days=4))):
        check(company, scope, random)
    company.m.warehouse.close()


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from([name for name in MODELS if name != "pipeline"]), st.randoms(use_true_random=False))
def test_any_scope_of_any_company_is_counted_by_the_book(name: str, random: Random) -> None:
    company = opened(DuckDB(), invent(random, groups=5), name)
    check(company, replace(some_scope(random, company), stages=(), count="passed", window=None), random)
    company.m.warehouse.close()


# --- what must hold between the numbers -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large() -> Iterator[Company]:
    company = opened(DuckDB(), invent(Random(7), groups=200), "sal_pql")
    yield company
    company.m.warehouse.close()


def test_differences_are_of_the_groups_that_are_shown(large: Company) -> None:
    scope = Scope("sal_pql", T0 + timedelta(days=30), by="plan")
    found = moves(large.m, scope)
    whole = {(t.start, t.end): t.share for t in found.whole}
    for c in between_parts(found):
        assert c.here.numerator + c.there.numerator == whole[c.about].numerator
        assert c.here.denominator + c.there.denominator == whole[c.about].denominator
        assert min(c.here.denominator, c.there.denominator) >= 30
    assert between_parts(found)


def test_a_comparison_is_seen_as_long_after(large: Company) -> None:
    scope = Scope("sal_pql", T0 + timedelta(days=4), date(2024, 1, 3), date(2024, 1, 5), compare="previous")
    found = moves(large.m, scope)
    before = moves(
        large.m,
        replace(scope, start=date(2024, 1, 1), end=date(2024, 1, 3), as_of=T0 + timedelta(days=2), compare="none"),
    )
    assert found.comparison is not None
    assert found.comparison.whole == before.whole
    assert found.changes


def test_every_comparison_is_seen_as_long_after(large: Company) -> None:
    """The compared period has its as_of shifted by the same span, and no parts."""
    m, goal = large.m, between(large.m.model)
    scope = Scope("sal_pql", T0 + timedelta(days=4), date(2024, 1, 3), date(2024, 1, 5), by="plan", compare="previous")
    ends = {"start": date(2024, 1, 1), "end": date(2024, 1, 3), "as_of": T0 + timedelta(days=2)}
    then = replace(scope.whole, **ends, compare="none")
    walked, back, stock = (question(m, scope).comparison for question in (paths, comebacks, stock_and_flow))
    assert walked is not None and back is not None and stock is not None
    assert (as_steps(walked), walked.parts) == (as_steps(paths(m, then)), ())
    assert (back.returns, back.attempts) == ((wanted := comebacks(m, then)).returns, wanted.attempts)
    assert (stock.rows, stock.counted) == ((filled := stock_and_flow(m, then)).rows, filled.counted)
    found = routes(m, scope, goal)
    taken = {r.way: r.outcomes for r in routes(m, then, goal, 10_000).rows}
    assert found.comparison is not None
    assert found.comparison.total == routes(m, then, goal).total
    assert {r.way: r.outcomes for r in found.comparison.rows if r.stages is not None} == {
        way: taken[way] for way in found.ways if way in taken
    }


@pytest.mark.parametrize("question", [paths, partial(routes, part=Between("customer"))])
def test_differences_are_of_the_parts_and_periods_that_are_shown(large: Company, question: Any) -> None:
    everything = Scope("sal_pql", T0 + timedelta(days=30), by="plan")
    days = replace(everything, as_of=T0 + timedelta(days=4), start=date(2024, 1, 3), end=date(2024, 1, 5), by=None)
    found, moved = question(large.m, everything), question(large.m, replace(days, compare="previous"))
    assert found.contrasts
    assert moved.changes
    for c in (*found.contrasts, *moved.changes):
        assert not (c.here.few or c.there.few)
        assert not c.clear or c.difference.significant
    assert {c.values for c in found.contrasts} == {part.values for part in found.parts}
    assert not any(c.values for c in moved.changes)
    for about in {c.about for c in found.contrasts}:
        both = [(c.here.numerator + c.there.numerator) for c in found.contrasts if c.about == about]
        assert len(set(both)) == 1  # a part and all the others are everybody
    plain = question(large.m, days)
    assert not (plain.parts or plain.contrasts or plain.changes or plain.comparison)
