"""Cohorts, recurring revenue and activity on three engines, held to a naive reading of random histories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import product
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle.periods import Calendar
from lifecycle.retention import AGES, MODES, ORDERS, RULES, SUBSCRIPTIONS, Retention, Rules, Triangle
from lifecycle.scope import Scope
from lifecycle.segments import Choice
from queries import recurring, subscribed
from queries.activity import activity, frequency
from queries.cohorts import Following
from queries.modelled import Modelled
from queries.mrr import movers, mrr
from queries.retention import Chosen, customers, lifetimes, retention
from tests.engines import DuckDB, Engine
from tests.queries import retention_oracle as oracle
from tests.queries.retention_oracle import MODEL, Company, Customer

AS_OF = datetime(2025, 3, 9, 11)
BERLIN = Calendar("Europe/Berlin", "sunday")
SCOPE = Scope(MODEL.name, AS_OF)
ACTIVITIES = (SUBSCRIPTIONS, ORDERS, "stage:client", "stage:*")
PAIRS = [(a, a) for a in ACTIVITIES] + [(ORDERS, SUBSCRIPTIONS), ("stage:lead", ORDERS), (SUBSCRIPTIONS, ORDERS)]
Told = tuple[Modelled, Company]


@pytest.fixture(scope="module")
def told(engine: Engine) -> Iterator[Told]:
    company = oracle.invent(Random("retention"))
    m = oracle.put(engine, company)
    yield m, company
    m.warehouse.close()


def found(t: Triangle) -> dict[tuple[date, int], tuple[int, ...]]:
    """The cells of a triangle, as the oracle tells them."""
    return {
        (c.start, x.age): (x.retained, x.eligible, c.size, x.times, x.cents, x.base)
        for c in t.cohorts
        for x in c.cells
        if x
    }


def check(m: Modelled, company: Company, scope: Scope, rules: Rules) -> Retention:
    answer = retention(m, scope, rules)
    expected = oracle.cells(company, scope, rules)
    got = found(answer.whole)
    if rules.measure == "logo":  # money and times are other measures' business
        got, expected = ({k: v[:3] for k, v in d.items()} for d in (got, expected))
    elif rules.is_state:
        got, expected = ({k: (*v[:3], *v[4:]) for k, v in d.items()} for d in (got, expected))
    assert got == expected
    return answer


def variety() -> list[tuple[Scope, Rules]]:
    """Every pair of activities, rule, mode, kind of age and measure with some scope."""
    random, out = Random(8), []
    for (activity_, again), rule, mode, ages in product(PAIRS, RULES, MODES, AGES):
        rules = Rules(activity_, again, rule, mode, ages, periods=random.choice([3, 9, 20]))
        rules = replace(rules, measure=random.choice(rules.measures), cohorts=random.choice(["all", "period"]))
        if rules.activity == SUBSCRIPTIONS != rules.return_activity and rules.measure != "logo":
            rules = replace(rules, measure="logo")
        grain = random.choice(["week", "month", "month", "quarter"])
        calendar = random.choice([Calendar(), BERLIN, Calendar("America/Los_Angeles", fiscal_month=2)])
        as_of = random.choice([AS_OF, datetime(2025, 2, 1) - oracle.TICK, datetime(2024, 12, 1)])
        scope = Scope(MODEL.name, as_of, date(2024, 3, 1), date(2024, 11, 1), calendar, grain=grain)
        out.append((scope, rules))
    return out


def third(engine: Engine, of: list) -> list:
    """Each engine is asked another third of the questions."""
    return of[["duckdb", "postgresql", "clickhousedb"].index(engine.name) :: 3]


def test_cells_equal_the_book(told: Told, engine: Engine) -> None:
    m, company = told
    for scope, rules in third(engine, variety()):
        check(m, company, scope, rules)


RECURRING = [
    (Rules(a, again, "recurring", mode, ages, periods=periods, measure=measure), grain)
    for a, again, mode, ages, measures in (
        (ORDERS, ORDERS, "bounded", "calendar", ("cumulative",)),
        ("stage:*", "stage:*", "brackets", "calendar", ("logo",)),
        (SUBSCRIPTIONS, ORDERS, "bounded", "calendar", ("cumulative",)),
        ("stage:*", ORDERS, "brackets", "calendar", ("revenue",)),
        (SUBSCRIPTIONS, SUBSCRIPTIONS, "bounded", "calendar", ("logo", "nrr", "grr")),
        (SUBSCRIPTIONS, SUBSCRIPTIONS, "bounded", "days", ("logo", "revenue", "nrr")),
        (SUBSCRIPTIONS, SUBSCRIPTIONS, "brackets", "calendar", ("logo",)),
        (SUBSCRIPTIONS, SUBSCRIPTIONS, "rolling", "calendar", ("logo",)),
        (SUBSCRIPTIONS, SUBSCRIPTIONS, "rolling", "days", ("logo",)),
    )
    for measure in measures
    for grain, periods in (("week", 50), ("week", 35), ("week", 7), ("month", 36))
]


def test_starts_in_every_period_are_counted_together_as_one_by_one(
    told: Told, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few and many ages, one and many whole numbers of bits; those of single customers are held to the book above."""
    m, _ = told
    together, spans = [], set()
    for i, (rules, grain) in enumerate(third(engine, RECURRING)):
        scope = replace(SCOPE, grain=grain, calendar=BERLIN, by="plan", start=date(2024, 3, 11), end=date(2025, 2, 3))
        rules = replace(rules, cohorts="period" if i % 2 else "all")
        together.append((scope, rules, retention(m, scope, rules)))
        spans.add(len(recurring.numbers(Following(m, scope, rules), scope.calendar.number(date(2024, 1, 1), grain))))
    assert {1, 2, 3, 6} <= spans
    monkeypatch.setattr(recurring, "numbers", lambda *_: [])
    monkeypatch.setattr(subscribed, "starts_are_counted_together", lambda _: False)
    for scope, rules, answer in together:
        one_by_one = retention(m, scope, rules)
        assert answer.whole == one_by_one.whole
        assert answer.segments == one_by_one.segments


def test_those_who_leave_about_a_midnight_are_told_apart() -> None:
    """30 days after a winter's midnight and after a summer's, which are an hour apart."""
    edges = [datetime(2024, 2, 29, 23) + timedelta(days=90), datetime(2024, 4, 30, 22) + timedelta(days=60)]
    around = [timedelta(minutes=minutes) for minutes in (-30, 0, 30, 90)]
    lives = [
        [(datetime(2024, 2, 3), edge + by, 100), (datetime(2024, 11, 2) + by, None, 100)]
        for edge in edges
        for by in around
    ]
    entries = [("Lead", datetime(2024, 2, 3))]
    company = {f"c{i}": Customer(subscriptions=list(life), entries=entries) for i, life in enumerate(lives)}
    m = oracle.put(DuckDB(), company)
    for mode, measure in (("bounded", "logo"), ("bounded", "revenue"), ("rolling", "logo")):
        rules = Rules(rule="recurring", mode=mode, ages="days", measure=measure, periods=9)
        check(m, company, replace(SCOPE, calendar=BERLIN), rules)
    m.warehouse.close()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("activity_", [ORDERS, SUBSCRIPTIONS, "stage:*"])
def test_before_anybody_came_nobody_stays(told: Told, activity_: str, mode: str, rule: str) -> None:
    """As of a day before all, as a comparison with a long period is."""
    m, _ = told
    answer = retention(m, replace(SCOPE, as_of=datetime(2015, 6, 15)), Rules(activity_, activity_, rule, mode))
    assert not answer.whole.cohorts


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_small_companies_equal_the_book(random: Random) -> None:
    """The same company by company, so that a difference is shown by the smallest."""
    company = oracle.invent(random, 6)
    m = oracle.put(DuckDB(), company)
    for scope, rules in random.sample(variety(), 4):
        check(m, company, scope, rules)
    m.warehouse.close()


@pytest.mark.parametrize("grain", ["week", "month", "quarter"])
def test_movements_equal_the_book_and_sum_to_the_cent(told: Told, grain: str) -> None:
    m, company = told
    scope = replace(SCOPE, grain=grain, calendar=BERLIN)
    expected, book = oracle.movements(company, scope), mrr(m, scope)
    got = {
        (p.start_on, name): (p.counts[name], p.cents[name]) for p in book.periods for name in p.cents if p.counts[name]
    }
    assert got == expected
    for p, after in zip(book.periods, book.periods[1:], strict=False):
        assert p.end == after.start
        assert p.customers_at_end == after.customers
    last = book.periods[-1]
    at = scope.calendar.instant(scope.calendar.step(last.start_on, grain))
    states = [oracle.Book(c, scope).mrr(at) for c in company.values()]
    assert (last.end, last.customers_at_end) == (sum(states), sum(s > 0 for s in states))


def test_a_part_of_the_book_starts_where_it_was(told: Told) -> None:
    m, _ = told
    whole = mrr(m, SCOPE)
    part = mrr(m, replace(SCOPE, start=date(2024, 6, 1), end=date(2024, 9, 1)))
    assert part.periods == tuple(p for p in whole.periods if date(2024, 6, 1) <= p.start_on < date(2024, 9, 1))
    groups = mrr(m, replace(SCOPE, by="plan"))
    for i, p in enumerate(groups.periods):
        assert sum(periods[i].end for _, periods in groups.segments) == p.end
        assert sum(periods[i].customers for _, periods in groups.segments) == p.customers


def test_movers_are_the_movements(told: Told) -> None:
    m, _ = told
    book, every = mrr(m, SCOPE), movers(m, SCOPE)
    assert every.total == sum(sum(p.counts.values()) for p in book.periods)
    p = max(book.periods, key=lambda p: p.counts["churn"])
    number = SCOPE.calendar.number(p.start_on, "month")
    gone = movers(m, SCOPE, "churn", number)
    assert gone.total == p.counts["churn"] == gone.table.num_rows
    assert sum(gone.table["cents"].to_pylist()) == p.cents["churn"]
    sizes = [abs(c) for c in every.table["cents"].to_pylist()]
    assert sizes == sorted(sizes, reverse=True)


def test_a_cell_opens_as_many_customers_as_it_counts(told: Told) -> None:
    m, _ = told
    for scope, rules in variety()[::12]:
        cells = [(c, x) for c in retention(m, scope, rules).whole.cohorts for x in c.cells if x]
        for cohort, cell in cells[:: max(len(cells) // 3, 1)]:
            behind = customers(m, scope, rules, Chosen(cohort.start.isoformat(), cell.age))
            assert behind.total == cell.retained == behind.table.num_rows
            assert len(set(behind.table["customer_id"].to_pylist())) == behind.total


def test_filters_and_breakdown_select_the_same_customers(told: Told) -> None:
    m, company = told
    for rules in (Rules(periods=6), Rules(ORDERS, ORDERS, periods=6), Rules("stage:lead", ORDERS, periods=6)):
        parts = retention(m, replace(SCOPE, by="plan"), rules)
        assert sum(t.size for _, t in parts.segments) == parts.whole.size
        for value, group in parts.segments:
            few = {name: c for name, c in company.items() if c.plan == value}
            alone = check(m, few, replace(SCOPE, filters=(Choice("plan", (value,)),)), rules)
            ours = {k: v for k, v in found(group).items() if v[1]}
            assert ours == found(alone.whole)
        top = retention(m, replace(SCOPE, by="plan", top=1), rules)
        assert [name for name, _ in top.segments][1:] == ["Other"]
        assert sum(t.size for _, t in top.segments) == parts.whole.size


def test_time_zone_and_week_start_move_customers_between_cells_and_nothing_else(told: Told) -> None:
    m, _ = told
    for rules in (Rules(), Rules(ORDERS, ORDERS)):
        sizes = Counter()
        for calendar in (Calendar(), BERLIN, Calendar("Pacific/Auckland", "sunday")):
            answer = retention(m, replace(SCOPE, calendar=calendar, grain="week"), rules)
            sizes[answer.whole.size, sum(c.cells[0].cents for c in answer.whole.cohorts if c.cells[0])] += 1
        assert {size for size, _ in sizes} == {retention(m, SCOPE, rules).whole.size}
    ends = {
        mrr(m, replace(SCOPE, calendar=c, grain="year")).periods[-1].end
        for c in (Calendar(), Calendar("UTC", "sunday"))
    }
    assert len(ends) == 1


def test_the_compared_period_is_seen_equally_long(told: Told) -> None:
    m, company = told
    scope = replace(SCOPE, start=date(2024, 8, 1), end=date(2024, 10, 1), compare="previous")
    before = retention(m, scope, Rules(periods=6)).comparison
    assert before is not None
    assert before.scope.as_of == AS_OF - timedelta(days=61)
    assert found(before.whole).keys() == oracle.cells(company, before.scope, before.rules).keys()
    assert [c.start for c in before.whole.cohorts] == [date(2024, 6, 1), date(2024, 7, 1)]


def test_activity_tells_new_from_returning_from_resurrected(told: Told) -> None:
    m, company = told
    scope = replace(SCOPE, start=date(2024, 2, 1), end=date(2025, 2, 1))
    floor, step = scope.calendar.floor, scope.calendar.step
    months = {name: [floor(at.date(), "month") for at, _ in c.orders if at <= AS_OF] for name, c in company.items()}
    for p in activity(m, scope).periods:
        now, last = p.start_on, step(p.start_on, "month", -1)
        here = [name for name, days in months.items() if now in days]
        assert p.new == sum(min(months[n]) == now for n in here)
        assert p.returning == sum(last in months[n] for n in here)
        assert p.resurrected == sum(last not in months[n] and min(months[n]) < now for n in here)
        assert p.dormant == sum(last in days and now not in days for days in months.values())
        assert (p.active, p.times) == (len(here), sum(days.count(now) for days in months.values()))


def test_activity_of_groups_adds_up_and_is_compared_seen_equally_long(told: Told) -> None:
    m, company = told
    scope = replace(SCOPE, start=date(2024, 8, 1), end=date(2024, 11, 1), by="plan", compare="previous")
    found = activity(m, scope)
    states = ("new", "returning", "resurrected", "dormant", "times")
    assert [value for value, _ in found.segments if value is not None]
    for i, whole in enumerate(found.periods):
        for state in states:
            assert sum(getattr(periods[i], state) for _, periods in found.segments) == getattr(whole, state)
    for value, periods in found.segments:
        assert periods == activity(m, replace(scope, by=None, filters=(Choice("plan", (value,)),))).periods
    top = activity(m, replace(scope, top=1))
    assert [value for value, _ in top.segments][1:] == ["Other"]
    assert sum(p.times for _, periods in top.segments for p in periods) == sum(p.times for p in found.periods)
    assert found.comparison is not None
    assert found.comparison.periods == activity(m, scope.compared or scope).periods
    assert [p.start_on for p in found.comparison.periods] == [date(2024, 5, 1), date(2024, 6, 1), date(2024, 7, 1)]
    p = found.periods[0]
    july, august = date(2024, 7, 1), date(2024, 8, 1)
    both = [{scope.calendar.floor(at.date(), "month") for at, _ in c.orders} for c in company.values()]
    assert p.kept.numerator == sum({july, august} <= days for days in both)
    assert p.kept.denominator == sum(july in days for days in both)


def test_how_often_customers_order(told: Told) -> None:
    m, company = told
    scope = replace(SCOPE, start=date(2024, 2, 1), end=date(2025, 2, 1))
    start, end = scope.instants
    assert start and end
    inside = [[at for at, _ in c.orders if start <= at < end] for c in company.values()]
    counted = frequency(m, scope)
    assert {k: n for k, n in counted.orders if n} == Counter(min(len(x), 10) for x in inside if x)
    assert {k: n for k, n in counted.days if n} == Counter(min(len({a.date() for a in x}), 10) for x in inside if x)


def test_lifetimes_end_with_the_first_gap(told: Told) -> None:
    m, company = told
    expected: Counter[tuple[int, str]] = Counter()
    for c in company.values():
        spans = sorted((s, e) for s, e, _ in c.subscriptions if s <= AS_OF and (e is None or e > s))
        if not spans:
            continue
        reached = spans[0][0]
        for s, e in spans:
            if s > reached:
                break
            reached = max(reached, AS_OF + oracle.TICK if e is None or e > AS_OF else e)
        how = "left" if reached <= AS_OF else "open"
        expected[(min(reached, AS_OF) - spans[0][0]).days, how] += 1
    got = Counter[tuple[int, str]]()
    for seconds, how, n in lifetimes(m, SCOPE, Rules()).whole.rows:
        got[int(seconds // 86_400), how] += n
    assert got == expected


def test_every_choice_changes_an_answer(told: Told) -> None:
    m, _ = told
    plain = Rules(ORDERS, ORDERS, periods=9)
    seen = [found(retention(m, SCOPE, plain).whole)]
    others = [
        replace(plain, rule="recurring"),
        replace(plain, mode="rolling"),
        replace(plain, mode="brackets"),
        replace(plain, ages="days"),
        replace(plain, measure="cumulative"),
        replace(plain, periods=4),
        replace(plain, return_activity=SUBSCRIPTIONS),
        replace(plain, activity="stage:*"),
    ]
    for rules in others:
        seen.append(found(retention(m, SCOPE, rules).whole))
    assert len({repr(sorted(s.items())) for s in seen}) == len(seen)
