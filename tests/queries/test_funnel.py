"""The funnel's numbers: equal to a slow count by the book on every engine, and what must hold between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle.funnel import Funnel, Ratio
from lifecycle.periods import Calendar
from lifecycle.scope import COUNTS, Scope
from lifecycle.segments import Choice
from queries.contacts import PAGE, Bar, records
from queries.funnel import funnel, trend
from tests.engines import DuckDB, Engine
from tests.queries import reference
from tests.queries.funnels import Company, check, opened, restless, some_scope
from tests.queries.worlds import MODELS, T0, invent

NAMES = [name for name in MODELS if name != "pipeline"]
ON_EVERY_ENGINE = ("rolled_up", "sal_pql", "customer_lifecycle")  # every rule of a model is in one of them
FATES = ("advanced", "late", "exited", "open", "diverted", "not_due")


@pytest.fixture(scope="module")
def accounts() -> Iterator[Company]:
    """Accounts with an optional trial, facts with and without a requirement, exits, ignored values and repeats."""
    company = opened(DuckDB(), invent(Random(2), groups=150), "rolled_up")
    yield company
    company.m.warehouse.close()


# --- by the book ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ON_EVERY_ENGINE)
def test_a_large_random_company_is_counted_by_the_book(engine: Engine, name: str) -> None:
    random = Random(name)
    company = opened(engine, invent(random, groups=60), name)
    for count in COUNTS:
        check(company, replace(some_scope(random, company), count=count))
    company.m.warehouse.close()


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(NAMES), st.randoms(use_true_random=False))
def test_any_scope_of_any_company_is_counted_by_the_book(name: str, random: Random) -> None:
    company = opened(DuckDB(), invent(random, groups=6), name)
    for _ in range(2):
        check(company, some_scope(random, company))
    company.m.warehouse.close()


@pytest.mark.parametrize("seed", range(6))
def test_of_many_attempts_the_one_by_the_book_is_chosen(seed: int) -> None:
    random = Random(seed)
    company = opened(DuckDB(), restless(random), "inbound")
    for count in ("ordered", "strict"):
        for days in (1, 2):
            window = timedelta(days=days)
            scope = Scope(model="inbound", as_of=T0 + timedelta(days=6), count=count, window=window, grain="day")
            check(company, replace(scope, start=random.choice([None, date(2024, 1, 2)])))
            check(company, replace(scope, stages=("lead", "mql", "sql"), as_of=T0 + timedelta(days=3)))
    company.m.warehouse.close()


# --- what must hold between the numbers -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_numbers_conserve_everybody(accounts: Company, seed: int) -> None:
    random = Random(seed)
    scope = some_scope(random, accounts)
    answer = funnel(accounts.m, scope)
    for rows in (answer.whole, *(answer.of(value) for value in answer.segments)):
        for row in rows:
            waiting = (row.late or 0) + (row.open or 0) + (row.diverted or 0) + (row.not_due or 0)
            assert row.entered == (row.advanced or 0) + row.left + waiting
        for before, row in pairwise(r for r in rows if not r.optional):
            assert row.entered == before.advanced
            assert row.entered <= before.entered
    for i, row in enumerate(answer.whole):
        if answer.segments:
            parts = [answer.of(value)[i] for value in answer.segments]
            for name in ("entered", *(f for f in FATES if f != "exited"), "left", "skipped"):
                assert sum(getattr(part, name) for part in parts) == getattr(row, name)
        assert row.conversion_rate is None or 0 <= row.conversion_rate.numerator <= row.conversion_rate.denominator


@pytest.mark.parametrize("seed", range(6))
def test_days_sum_to_the_whole_and_belong_to_the_local_day_of_the_start(accounts: Company, seed: int) -> None:
    scope = some_scope(Random(100 + seed), accounts)
    answer, found = funnel(accounts.m, scope), trend(accounts.m, scope).rows
    for row in answer.whole:
        assert sum(t.entered for t in found if t.stage == row.stage) == row.entered
        assert sum(t.not_due for t in found if t.stage == row.stage) == (row.not_due if row is answer.whole[0] else 0)
    first = answer.whole[0] if not answer.whole[0].optional else answer.whole[1]
    days: dict[date, int] = {}
    for c in accounts.counted(scope):
        start = c.times[0]
        assert start is not None
        day = start.replace(tzinfo=UTC).astimezone(ZoneInfo(scope.calendar.timezone)).date()
        days[day] = days.get(day, 0) + 1
    told: dict[date, int] = {}
    for t in found:
        if t.stage == first.stage:
            told[t.period] = told.get(t.period, 0) + t.entered
    assert {day: n for day, n in told.items() if n} == days
    assert sorted(told) == list(told) and all(b - a == timedelta(days=1) for a, b in pairwise(told))


@pytest.mark.parametrize("seed", range(5))
def test_every_part_of_a_bar_has_as_many_records_as_it_says(accounts: Company, seed: int) -> None:
    random = Random(200 + seed)
    scope = replace(some_scope(random, accounts), by="plan", top=random.choice([1, 2]))
    answer = funnel(accounts.m, scope)
    row = random.choice([r for r in answer.whole if r.entered])
    bars = {Bar(row.stage): row.entered}
    bars |= {Bar(row.stage, fate): row.left if fate == "exited" else getattr(row, fate) for fate in FATES}
    for stage, exited in row.exited.items():
        bars[Bar(row.stage, "exited", stage)] = exited.total
        bars |= {Bar(row.stage, "exited", stage, (why,)): n for why, n in exited.reasons.items()}
    shown = [v for v in answer.segments if v != answer.other]
    for value in answer.segments:
        of_rest = value == answer.other
        bar = Bar(row.stage, segments=tuple(shown) if of_rest else (value,), others=of_rest)
        bars[bar] = next(r.entered for r in answer.of(value) if r.stage == row.stage)
    for bar, n in bars.items():
        found = records(accounts.m, scope, bar)
        assert (found.total, found.table.num_rows) == (n, min(n, PAGE)), bar


def test_pages_of_records_hold_everybody_once(accounts: Company) -> None:
    scope = Scope(model="rolled_up", as_of=T0 + timedelta(days=30))
    bar = Bar(funnel(accounts.m, scope).whole[0].stage)
    total = records(accounts.m, scope, bar).total
    pages = [records(accounts.m, scope, bar, page).table for page in range(total // PAGE + 1)]
    rows = [(r["first_at"], r["entity_id"], r["journey"]) for page in pages for r in page.to_pylist()]
    assert total > PAGE
    assert len(set(rows)) == len(rows) == total
    assert [at for at, *_ in rows] == sorted((at for at, *_ in rows), reverse=True)


SCOPE = Scope(model="rolled_up", as_of=T0 + timedelta(days=6), start=date(2024, 1, 1), end=date(2024, 1, 5))
VARIED = {
    "as_of": T0 + timedelta(days=3),
    "start": date(2024, 1, 2),
    "end": date(2024, 1, 4),
    "calendar": Calendar("America/New_York"),
    "stages": ("lead", "fan"),
    "basis": "period",
    "window": timedelta(days=1),
    "filters": (Choice("plan", ("free",)),),
    "by": "plan",
    "compare": "previous",
}


@pytest.mark.parametrize("name", VARIED)
def test_every_choice_changes_an_answer(accounts: Company, name: str) -> None:
    def said(scope: Scope) -> tuple[Any, ...]:
        answer = funnel(accounts.m, scope)
        return answer.rows, answer.comparison and answer.comparison.rows

    assert said(replace(SCOPE, **{name: VARIED[name]})) != said(SCOPE)


def test_every_way_of_counting_top_and_grain_changes_an_answer(accounts: Company) -> None:
    ways = [funnel(accounts.m, replace(SCOPE, count=count)).rows for count in COUNTS]
    assert all(a != b for i, a in enumerate(ways) for b in ways[i + 1 :])
    assert (
        funnel(accounts.m, replace(SCOPE, by="plan", top=1)).segments
        != funnel(accounts.m, replace(SCOPE, by="plan")).segments
    )
    assert trend(accounts.m, replace(SCOPE, grain="week")).rows != trend(accounts.m, replace(SCOPE, grain="day")).rows


def test_touched_are_the_journeys_that_skip_a_stage_or_come_to_it_out_of_turn(accounts: Company) -> None:
    counted = accounts.counted(SCOPE)
    uneven = [c for c in counted if any(c.own.get(s) is None or c.own[s] > at for s, at in c.passed.items())]
    assert 0 < len(uneven) < len(counted)
    assert funnel(accounts.m, SCOPE).touched == len(uneven)


# --- the other bases --------------------------------------------------------------------------------------------------


def test_period_counts_entries_of_whomever_and_its_ratios_are_no_rates(accounts: Company) -> None:
    answer = funnel(accounts.m, replace(SCOPE, basis="period", by="plan", count="ordered"))
    start, end = SCOPE.instants
    assert start and end
    for row in answer.whole:
        entries = [
            (entity, stays[0])
            for (entity, _), stays in own_entries(accounts, row.stage).items()
            if start <= stays[0] < end and stays[0] <= SCOPE.as_of
        ]
        assert row.entered == len(entries)
        assert row.entities == len({entity for entity, _ in entries})
        assert row.step_conversion_rate is None or isinstance(row.step_conversion_rate, Ratio)
        assert row.advanced is None and row.seconds_from_previous is None
        assert row.entered == sum(part.entered for part in answer.rows if part.segment and part.stage == row.stage)


def test_entries_by_period_sum_to_the_period(accounts: Company) -> None:
    scope = replace(SCOPE, basis="period", grain="day")
    found = trend(accounts.m, scope).rows
    for row in funnel(accounts.m, scope).whole:
        assert sum(t.entered for t in found if t.stage == row.stage) == row.entered
    assert len({t.period for t in found}) == 4
    assert trend(accounts.m, replace(scope, basis="stock")).rows == ()


def own_entries(company: Company, stage: str) -> dict[tuple[str, int], list[datetime]]:
    out: dict[tuple[str, int], list[datetime]] = {}
    for e in company.derivation.entries:
        if e.stage == stage and e.journey:
            out.setdefault((e.entity_id, e.journey), []).append(e.entered_at)
    return out


@pytest.mark.parametrize("days", [2, 4, 30])
def test_stock_is_who_is_in_each_stage_at_the_cut_off(accounts: Company, days: int) -> None:
    scope = replace(SCOPE, basis="stock", as_of=T0 + timedelta(days=days))
    answer = funnel(accounts.m, scope)
    for row in answer.whole:
        inside = [
            e
            for e in accounts.derivation.entries
            if e.stage == row.stage and e.move != "repeat" and e.entered_at <= scope.as_of
            if e.exited_at is None or e.exited_at > scope.as_of
        ]
        assert row.entered == len(inside)
        assert row.conversion_rate is None
    assert answer.whole == funnel(accounts.m, replace(scope, start=None, end=None)).whole


def test_the_compared_period_is_seen_equally_long_after(accounts: Company) -> None:
    scope = replace(SCOPE, start=date(2024, 1, 3), end=date(2024, 1, 5), compare="previous")
    answer = funnel(accounts.m, scope)
    assert answer.comparison is not None
    alone = replace(
        scope, start=date(2024, 1, 1), end=date(2024, 1, 3), as_of=scope.as_of - timedelta(days=2), compare="none"
    )
    assert answer.comparison.rows == funnel(accounts.m, alone).rows


def test_won_money_belongs_to_the_journeys_counted(accounts: Company) -> None:
    """Each deal to one journey, so a stage's money is that of the journeys counted in it."""
    counted = accounts.counted(SCOPE)
    of = reference.deals(accounts.world, accounts.m.model, accounts.derivation)
    won = [
        d for d in accounts.world.get("deals") if d["is_won"] and d["deal_id"] in of and d["created_at"] <= SCOPE.as_of
    ]
    rows = {row.stage: row for row in funnel(accounts.m, SCOPE).whole}
    for k, stage in enumerate(("lead", "client", "fan"), 1):
        here = {(c.entity, c.journey) for c in counted if c.furthest >= k}
        assert rows[stage].amount == pytest.approx(sum(d["amount"] for d in won if of[d["deal_id"]] in here))
    assert rows["lead"].amount


def test_every_answer_shows_the_statements_it_ran(accounts: Company) -> None:
    answer: Funnel = funnel(accounts.m, replace(SCOPE, by="plan"))
    assert len(answer.statements) >= 3
    assert all("SELECT" in s.text for s in (*answer.statements, *trend(accounts.m, SCOPE).statements))
