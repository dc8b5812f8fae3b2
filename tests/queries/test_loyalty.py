"""Loyalty asked of every engine: a story told by hand, and random companies against the book."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lifecycle.loyalty import AGES
from lifecycle.nps import Nps
from lifecycle.periods import Calendar
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from lifecycle.segments import Choice
from lifecycle.stages import load_model
from queries import belonging, workbench
from queries.acquisition import acquisition
from queries.build import build
from queries.clv import orders_value, subscriptions_value
from queries.errors import WarehouseError
from queries.ladder import ladder, staying
from queries.modelled import Modelled
from queries.predicted import pasts, spending, tenure
from queries.purchases import repeat
from queries.referrals import loop, unasked
from queries.rfm import buyers, rfm
from queries.surveys import contentment, recommended, satisfaction
from queries.value import historic, simple
from tests.engines import DuckDB, Engine
from tests.queries import loyalty_oracle as book
from tests.queries.worlds import World

DAY = 86_400


def day(text: str, hour: int = 12) -> datetime:
    return datetime.fromisoformat(f"2025-{text}T{hour:02}:00")


def order(who: str, *days: str, amount: float = 100.0) -> list[dict[str, Any]]:
    return [
        {"order_id": f"{who} {d} {i}", "contact_id": who, "account_id": None, "ordered_at": day(d), "amount": amount}
        for i, d in enumerate(days)
    ]


def plan(who: str, started: str, ended: str | None = None, mrr: float = 30.0) -> dict[str, Any]:
    end = day(ended) if ended else None
    return {
        "subscription_id": f"{who} {started}",
        "contact_id": who,
        "account_id": None,
        "started_at": day(started),
        "ended_at": end,
        "mrr": mrr,
    }


def answer(who: str, on: str | None, score: float | None, asked: str = "02-01") -> dict[str, Any]:
    return {
        "contact_id": who,
        "responded_at": day(on) if on else None,
        "score": score,
        "kind": "nps",
        "asked_at": day(asked),
    }


# The data ends on 1 July; everybody is a lead from 1 January.
SCOPE = Scope("customer_lifecycle", day("07-01", 0), date(2025, 1, 1), date(2025, 7, 1), grain="quarter", by="plan")
STORY = World(
    {
        "stage_events": [
            {"contact_id": who, "stage": "Lead", "entered_at": day("01-01")}
            for who in ("amy", "ben", "cho", "dee", "eli", "fox", "gus", "old")
        ],
        "contacts": [
            {"contact_id": who, "account_id": None, "created_at": day("01-01"), "plan": p}
            for who, p in zip(("amy", "ben", "cho", "dee", "eli", "fox", "gus"), "aabbbab", strict=True)
        ],
        "contact_merges": [{"merged_id": "old", "surviving_id": "amy"}],
        "orders": [
            *order("amy", "01-10", "01-10"),  # twice on one day is one purchase
            *order("old", "02-09"),  # amy under another id: 30 days later, the second purchase
            *order("ben", "01-20", "05-20", amount=50.0),  # 120 days later
            *order("cho", "02-01"),  # never again
            *order("dee", "06-20", "06-25"),  # young, and quick
        ],
        "subscriptions": [
            plan("eli", "01-01", "04-01"),
            plan("eli", "05-01"),  # came back
            plan("fox", "01-01", "03-01"),
            plan("fox", "03-01", mrr=60.0),  # a price change is no return
        ],
        "surveys": [
            answer("amy", "02-10", 10),
            answer("ben", "02-10", 9),
            answer("ben", "03-10", 6),  # the newest counts
            answer("eli", "02-10", 3),
            answer("fox", "02-20", 9),
            answer("gus", None, None),
            answer("cho", "02-11", 12),
        ],
        "referrals": [
            {"referrer_id": "amy", "referred_id": "cho", "referred_at": day("01-15")},
            {"referrer_id": "cho", "referred_id": "dee", "referred_at": day("02-15")},
            {"referrer_id": "dee", "referred_id": "dee", "referred_at": day("02-16")},  # nobody refers themselves
        ],
        "spend": [
            {"day": date(2025, 1, 5), "plan": "a", "amount": 300.0, "purpose": "acquire"},
            {"day": date(2025, 1, 6), "plan": "b", "amount": 100.0, "purpose": "acquire"},
            {"day": date(2025, 2, 5), "plan": None, "amount": 60.0, "purpose": "keep"},
        ],
    }
)


def told(engine: Engine, world: World, model: str = "customer_lifecycle", zone: str = "UTC") -> Modelled:
    warehouse = engine.open(timezone=zone)
    for name, rows in book.tables(world).items():
        engine.put(warehouse, name, rows)
    definition = load_model(model)
    return Modelled(warehouse, definition, build(warehouse, definition))


@pytest.fixture(scope="module")
def story(engine: Engine) -> Iterator[Modelled]:
    m = told(engine, STORY)
    yield m
    m.warehouse.close()


def test_buying_again_means_another_day_at_a_fixed_age(story: Modelled) -> None:
    found = repeat(story, SCOPE)
    assert found.whole.n == 4
    assert found.whole.rate(30) == Rate(1, 3)  # amy; ben and cho not, dee is too young
    assert found.whole.rate(90) == Rate(1, 3)
    assert found.whole.rate(180) == Rate(0, 0)
    assert sorted((s / DAY, how, n) for s, how, n in found.times.rows) == [
        (5.0, "bought again", 1),
        (30.0, "bought again", 1),
        (120.0, "bought again", 1),
        (150.0, "open", 1),
    ]
    assert [(d, g.n) for d, g in found.cohorts] == [(date(2025, 1, 1), 3), (date(2025, 4, 1), 1)]
    assert {v: g.n for v, g, _ in found.rows} == {"a": 2, "b": 2}


def test_each_respondent_counts_once_by_the_newest_answer(story: Modelled) -> None:
    found = satisfaction(story, SCOPE)
    assert found.whole == Nps({10: 1, 9: 1, 6: 1, 3: 1})
    assert (found.whole.value, found.unusable) == (0, 1)
    assert found.response == Rate(6, 7)
    assert found.dated
    assert {v: nps.n for v, nps in found.rows} == {"a": 3, "b": 1}


def test_the_score_alone_is_that_of_the_whole_answer(story: Modelled) -> None:
    compared = replace(SCOPE, compare="previous", filters=(Choice("plan", ("a",)),))
    found, whole = recommended(story, compared), satisfaction(story, compared)
    assert whole.comparison
    assert (found.now, found.before) == (whole.whole, whole.comparison.whole)
    assert found.now.n == 3
    assert len(found.statements) == 2
    assert recommended(story, SCOPE).before is None


def test_the_scale_of_satisfaction_is_the_survey_s_own(engine: Engine) -> None:
    """Four fifths of it count as satisfied: of 5 from 4 on, of 10 from 8 on; a filter does not change the scale."""
    short = [
        answer(who, "02-10", n) | {"kind": " CSAT"} for who, n in zip(("amy", "ben", "cho"), (5, 4, 3), strict=True)
    ]
    asked = [*short, answer("dee", None, None) | {"kind": "csat"}]
    one = replace(SCOPE, by=None, filters=(Choice("plan", ("a",)),))
    for more, scale, satisfied in ((asked, 5, 2), ([*asked, answer("gus", "02-11", 8) | {"kind": "csat"}], 10, 1)):
        m = told(engine, World(STORY.rows | {"surveys": [*STORY.rows["surveys"], *more, dict(more[0])]}))
        found, some = contentment(m, SCOPE), contentment(m, one)
        assert found.whole.rate == Rate(satisfied, len(more) - 1)
        assert found.response == Rate(len(more) - 1, len(more))  # amy's answer came twice and counts once
        assert found.whole.scale == some.whole.scale == scale
        assert some.whole.n == 2
        assert satisfaction(m, SCOPE).whole == Nps({10: 1, 9: 1, 6: 1, 3: 1})
        m.warehouse.close()


def test_the_last_steps(story: Modelled) -> None:
    found = ladder(story, SCOPE)
    assert (found.bought, found.again) == (6, 4)  # amy, ben, dee, eli
    assert (found.promoters, found.promoters_once) == (2, 2)  # amy, ben once scored 9; cho and fox bought once


def test_the_loop(story: Modelled) -> None:
    found = loop(story, SCOPE)
    assert (found.made, found.referrers) == (2, 2)
    assert found.customers == Rate(2, 6)
    assert found.promoters == Rate(1, 2)  # amy of amy and fox
    assert [(g.number, g.referred, g.customers) for g in found.generations] == [(1, 1, 1), (2, 1, 1)]
    conversion = next(r for r in found.reach if r.stage == "conversion")
    assert (conversion.referred, conversion.others) == (Rate(2, 2), Rate(4, 5))
    assert unasked(story, SCOPE).table["customer_id"].to_pylist() == ["fox"]
    assert unasked(story, SCOPE).total == found.unasked == 1


def test_recency_is_measured_by_how_soon_they_come_back(story: Modelled) -> None:
    found = rfm(story, SCOPE)
    assert found.rhythm is not None
    rhythm = (found.rhythm.usual_days, found.rhythm.longest_days)
    assert rhythm == pytest.approx((75, 111))  # of gaps of 5, 30 and 120 days
    assert {(g.recency, g.frequency): g.customers for g in found.groups if g.customers} == {
        ("active", "some"): 2,  # ben, dee
        ("away", "some"): 1,  # amy
        ("away", "once"): 1,  # cho
    }
    assert found.revenue == 300 + 100 + 100 + 200
    for g in found.groups:
        listed = buyers(story, SCOPE, g.recency, g.frequency)
        assert listed.total == g.customers == listed.table.num_rows


def test_value_by_age(story: Modelled) -> None:
    found = historic(story, replace(SCOPE, by=None))
    first = found.whole.months[0]
    assert first[0] == 5  # dee has not been seen for a month
    rent = (30 + 30) * 30 / (365.25 / 12)
    assert first[1] == pytest.approx(200 + 50 + 100 + rent)  # amy's third order comes in her second month
    assert found.whole.months[1][1] == pytest.approx(100 + (30 + 30 * 29 / 30 + 60 / 30) * 30 / (365.25 / 12))
    assert found.whole.n_days(1) is None
    assert found.margin is None and found.margin_share == 1


def test_cost_of_winning_and_keeping(story: Modelled) -> None:
    found = acquisition(story, SCOPE)
    assert found.by == "plan"
    assert found.lag_days == 14  # median of 0, 0, 9, 19, 31 and 170 days from lead to purchase
    assert (found.whole.customers, found.whole.spend) == (6, 400)
    assert {r.value: (r.customers, r.spend) for r in found.rows} == {"a": (3, 300), "b": (3, 100)}
    assert [(d, r.spend, r.customers) for d, r in found.cohorts] == [
        (date(2025, 1, 1), 400.0, 5),
        (date(2025, 4, 1), 0.0, 1),
    ]
    assert (found.keeping, found.served, found.cost_of_keeping) == (60, 6, 10)


def test_promoters_are_followed_from_their_answer(story: Modelled) -> None:
    found = staying(story, SCOPE)
    assert found.leaving is not None and found.returning is not None
    assert {mood: (t.n, t.events) for mood, t in found.leaving.items()} == {
        "promoter": (1, 0),  # fox
        "passive": (0, 0),
        "detractor": (1, 1),  # eli left on 1 April, whatever came later
    }
    assert [(s / DAY, how) for s, how, _ in found.leaving["detractor"].rows] == [(50.0, "left")]
    assert {mood: (t.n, t.events) for mood, t in found.returning.items()}["promoter"] == (2, 1)  # ben bought in May


def test_the_churn_of_the_rule_of_thumb(story: Modelled) -> None:
    found = simple(story, SCOPE, 5)
    assert (found.customers, found.mrr, found.lost) == (2, 60, 0)  # eli was gone in between, and is back
    known, _ = tenure(story, SCOPE)
    assert known.lost == {3: 1}  # eli at the third renewal, on the day
    assert known.kept == {6: 1}  # fox has renewed six times, counted in days of the calendar


def test_filters_and_breakdown_select_the_same_customers(story: Modelled) -> None:
    one = replace(SCOPE, by=None, filters=(Choice("plan", ("a",)),))
    assert repeat(story, one).whole == next(g for v, g, _ in repeat(story, SCOPE).rows if v == "a")
    assert satisfaction(story, one).whole == dict(satisfaction(story, SCOPE).rows)["a"]
    assert historic(story, one).whole == dict(historic(story, SCOPE).rows)["a"]
    assert rfm(story, one).customers + rfm(story, replace(one, filters=(Choice("plan", ("b",)),))).customers == 4


def test_an_empty_population_is_no_zero_percent(story: Modelled) -> None:
    nobody = replace(SCOPE, start=date(2020, 1, 1), end=date(2020, 2, 1))
    assert repeat(story, nobody).whole.rate(90).value is None
    assert satisfaction(story, nobody).whole.value is None
    assert ladder(story, nobody).repeat_rate.value is None
    assert loop(story, nobody).per_referrer is None
    assert historic(story, nobody).whole.n == 0
    assert acquisition(story, nobody).whole.cac is None
    assert orders_value(story, nobody).model is None
    assert subscriptions_value(story, nobody).model is None


def test_a_merged_contact_speaks_for_its_account_only_where_no_other_is_left(engine: Engine) -> None:
    """acme's oldest contact became one of Zeta's, all of ünal's did; each account ordered twice in its own name."""
    people = {"old": ("acme", "a", "01-01"), "new": ("acme", "b", "01-02"), "zoe": ("Zeta", "a", "01-03")}
    people["gone"] = ("ünal", "b", "01-01")
    world = World(
        {
            "stage_events": [{"contact_id": who, "stage": "Lead", "entered_at": day("01-05")} for who in people],
            "contacts": [
                {"contact_id": who, "account_id": account, "created_at": day(created), "plan": p}
                for who, (account, p, created) in people.items()
            ],
            "contact_merges": [{"merged_id": who, "surviving_id": "zoe"} for who in ("old", "gone")],
            "orders": [
                {"order_id": f"{a} {d}", "contact_id": None, "account_id": a, "ordered_at": day(d), "amount": 9.0}
                for a, d in (("acme", "02-01"), ("acme", "02-02"), ("ünal", "03-01"), ("ünal", "03-02"))
            ],
        }
    )
    own = {"customer_lifecycle": {"a": 1, "b": 1}, "discovery": {"b": 1, None: 1}}  # ünal itself never moved
    for model, expected in own.items():
        m = told(engine, world, model)
        try:
            scope = replace(SCOPE, model=model)
            assert {value: group.n for value, group, _ in repeat(m, scope).rows} == expected
            stages = m.journeys.c
            table, _ = m.ask(sa.select(stages.entity_id).order_by(stages.entity_id), pa.schema([("id", pa.string())]))
            movers = {"customer_lifecycle": ["new", "zoe"], "discovery": ["Zeta", "acme"]}
            assert sorted(table.column("id").to_pylist()) == movers[model]
        finally:
            m.warehouse.close()


def test_a_build_keeps_where_chains_of_merges_end(engine: Engine) -> None:
    """Questions of a build, which has the ends, and of one from before there were any, answer the same."""
    chain = [("oldest", "old"), ("old", "amy"), ("ben", "ben's"), ("ben's", "ben")]  # who is merged in a circle stays
    merges = [{"merged_id": merged, "surviving_id": surviving} for merged, surviving in chain]
    answers = [*STORY.rows["surveys"], answer("oldest", "03-11", 4)]
    m = told(engine, World(STORY.rows | {"contact_merges": merges, "surveys": answers}))
    try:
        found = satisfaction(m, SCOPE)
        assert found.whole == Nps({4: 1, 6: 1, 3: 1, 9: 1})
        assert not any("RECURSIVE" in s.text for s in found.statements)
        workbench.drop(m.warehouse, workbench.table(m.warehouse, m.build.table(belonging.TABLE), {}))
        before = satisfaction(Modelled(m.warehouse, m.model, m.build), SCOPE)
        assert replace(before, statements=()) == replace(found, statements=())
        assert any("RECURSIVE" in s.text for s in before.statements)
    finally:
        m.warehouse.close()


NEEDED: list[tuple[Any, str]] = [
    (repeat, "orders"),
    (rfm, "orders"),
    (orders_value, "orders"),
    (satisfaction, "surveys"),
    (recommended, "surveys"),
    (contentment, "surveys"),
    (staying, "surveys"),
    (loop, "referrals"),
    (simple, "subscriptions"),
    (acquisition, "spend"),
    (historic, "orders nor subscriptions"),
    (ladder, "orders nor subscriptions"),
]


@pytest.mark.parametrize(("question", "table"), NEEDED)
def test_a_missing_table_is_named(question: Any, table: str) -> None:
    m = told(DuckDB(), World({"stage_events": STORY.rows["stage_events"]}))
    with pytest.raises(WarehouseError, match=table) as problem:
        question(m, replace(SCOPE, by=None))
    assert problem.value.kind == "missing_table"
    assert "load" in problem.value.hint.lower()
    m.warehouse.close()


NEW_YORK = Calendar("America/New_York", "sunday", 2)
ASKED = [
    Scope("m", book.T0 + timedelta(days=book.SPAN), date(2024, 2, 1), date(2025, 1, 1), NEW_YORK, by="plan"),
    Scope("m", book.T0 + timedelta(days=book.SPAN - 90, hours=7), calendar=NEW_YORK, grain="quarter", by="plan"),
]


@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), model=st.sampled_from(["customer_lifecycle", "discovery"]), is_kept=st.booleans())
@example(seed=318, model="discovery", is_kept=False)  # an account whose first contact became one of another account
@example(seed=637, model="discovery", is_kept=True)  # and one that became a contact without an account
def test_every_engine_follows_the_book(engine: Engine, seed: int, model: str, is_kept: bool) -> None:
    """Asked in the time zone in which the build counts days, and in another one."""
    world = book.invent(Random(seed))
    m = told(engine, world, model, NEW_YORK.timezone if is_kept else "UTC")
    try:
        for asked in ASKED:
            scope = replace(asked, model=model)
            follows(m, scope, book.Customers(world, m.model.entity, scope))
    finally:
        m.warehouse.close()


def follows(m: Modelled, scope: Scope, c: book.Customers) -> None:
    """Everything that one scope asks, beside the book."""
    bought, seen = repeat(m, scope), book.repeat(c)
    assert bought.whole.n == sum(seen.values())
    assert {v: g.n for v, g, _ in bought.rows} == _per(seen, 1)
    assert {d: g.n for d, g in bought.cohorts if g.n} == _per(seen, 0)
    for age in AGES:
        due = {key: n for key, n in seen.items() if key[2] >= age}
        again = sum(n for (*_, after), n in due.items() if after is not None and after <= age)
        assert bought.whole.rate(age) == Rate(again, sum(due.values()))
    assert Counter({(s / DAY, how): n for s, how, n in _merged(bought.times.rows)}) == Counter(
        {k: n for k, n in _waits(seen).items() if n}
    )
    for held_back in (0, 60):
        past = pasts(m, scope, held_back).past
        kinds_ = {
            (x, round(r * 7), round(a * 7)): n
            for x, r, a, n in zip(past.x, past.recency, past.age, past.n, strict=True)
        }
        assert kinds_ == dict(book.pasts(c, held_back))
    assert sum(spending(m, scope)[0].n) == sum(any(cents for _, cents in rows) for rows in c.orders.values())
    _recommendation(m, scope, c)
    _money(m, scope, c)


def _recommendation(m: Modelled, scope: Scope, c: book.Customers) -> None:
    scores = book.scores(c)
    answered = satisfaction(m, scope)
    assert dict(answered.whole.scores) == _per(scores, 1)
    assert {v: nps.n for v, nps in answered.rows} == _per(scores, 0)
    assert recommended(m, scope).now == answered.whole
    scores = book.scores(c, "csat")
    content = contentment(m, scope)
    assert dict(content.whole.scores) == _per(scores, 1)
    assert {v: csat.n for v, csat in content.rows} == _per(scores, 0)
    steps = book.ladder(c)
    found = ladder(m, scope)
    assert (found.bought, found.again, found.promoters, found.promoters_once) == (
        sum(steps.values()),
        steps[True, False] + steps[True, True],
        steps[True, True],
        steps[False, True],
    )
    made = [r for r in book.referrals(c) if c.inside(r[0])]
    circle = loop(m, scope)
    assert (circle.made, circle.referrers) == (len(made), len({a for _, a, _ in made}))
    numbers, circular = book.generations(c)
    assert ({g.number: g.referred for g in circle.generations}, circle.circular) == (dict(numbers), circular)
    assert circle.customers is not None and circle.customers.denominator == len(c.everybody)
    assert unasked(m, scope).total == circle.unasked == unasked(m, scope).table.num_rows
    stays = staying(m, scope)
    for name, tables in (("subscriptions", stays.leaving), ("orders", stays.returning)):
        assert tables is not None
        rows = {(mood, s / DAY, how): n for mood, t in tables.items() for s, how, n in t.rows}
        assert rows == dict(book.staying(c)[name])


def _money(m: Modelled, scope: Scope, c: book.Customers) -> None:
    expected, found = book.value(c), historic(m, scope)
    by_value: dict[tuple[str | None, int], tuple[int, float]] = {}
    for (_, value, month), (n, amount) in expected.items():
        before = by_value.get((value, month), (0, 0.0))
        by_value[value, month] = (before[0] + n, before[1] + amount)
    shown = {(v, k): cell for v, aged in found.rows for k, cell in aged.months.items()}
    assert {key: n for key, (n, _) in shown.items()} == {key: n for key, (n, _) in by_value.items()}
    for key, (_, amount) in shown.items():
        assert amount == pytest.approx(by_value[key][1], abs=0.02)
    groups = rfm(m, scope)
    if groups.rhythm:
        assert groups.customers == len([1 for rows in c.orders.values() if rows])
        assert groups.revenue == pytest.approx(sum(cents for rows in c.orders.values() for _, cents in rows) / 100)


def _per(counts: Counter[Any], place: int) -> dict[Any, int]:
    out: Counter[Any] = Counter()
    for key, n in counts.items():
        out[key[place]] += n
    return dict(out)


def _merged(rows: Any) -> list[tuple[float, str, int]]:
    out: Counter[tuple[float, str]] = Counter()
    for seconds, how, n in rows:
        out[seconds, how] += n
    return [(s, how, n) for (s, how), n in out.items() if n]


def _waits(seen: Counter[tuple[date, str | None, int, int | None]]) -> Counter[tuple[float, str]]:
    out: Counter[tuple[float, str]] = Counter()
    for (_, _, age, after), n in seen.items():
        out[(float(age), "open") if after is None else (float(after), "bought again")] += n
    return out
