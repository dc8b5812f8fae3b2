"""Value and cost by hand: young customers count for what they have shown, and nothing is extrapolated."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from lifecycle.durations import LifeTable
from lifecycle.loyalty import Buyers, Ladder, Repeat, together
from lifecycle.loyalty_words import cost_over_time, ladder, paid_back, repeat
from lifecycle.rates import Rate
from lifecycle.rfm import GROUPS, Group, in_order
from lifecycle.scope import Scope
from lifecycle.value import YEAR, Acquired, Acquisition, Aged, Simple, added

SCOPE = Scope("story", datetime(2026, 1, 1))


def test_each_month_has_its_own_customers() -> None:
    """100 customers bring 10 each in their first month; the 50 old enough bring 4 each in the second."""
    found = Aged(100, {0: (100, 1000.0), 1: (50, 200.0), 2: (10, 990.0)})
    assert found.per_customer(1) == 10
    assert found.per_customer(2) == 14
    assert found.per_customer(3) is None  # ten are too few for a hundred
    assert found.longest == 2
    assert found.n_days(1) == 10
    assert found.n_days(2) is None  # half of them are younger: no mature cohort


def test_groups_add_up() -> None:
    a, b = Aged(40, {0: (40, 400.0)}), Aged(60, {0: (60, 0.0), 1: (30, 30.0)})
    assert added([a, b]) == Aged(100, {0: (100, 400.0), 1: (30, 30.0)})
    assert added([]) == Aged(0, {})
    assert Aged(0).per_customer(1) is None


def test_the_rule_of_thumb() -> None:
    found = Simple(customers=200, mrr=10_000.0, lost=50, months=12)
    assert found.arpa == 50
    assert found.churn == Rate(50, 200)
    monthly = found.monthly_churn
    assert monthly is not None and (1 - monthly) ** 12 == pytest.approx(0.75)
    assert found.value(0.4) == pytest.approx(50 * 0.4 / monthly)
    assert Simple(200, 10_000.0, 0, 12).value(1) is None  # nobody left: it has no bound
    assert Simple(0, 0.0, 0, 12).value(1) is None


def test_cost_is_held_against_value_only_after_a_year() -> None:
    steady = dict.fromkeys(range(YEAR), (50, 500.0))  # 10 a month each
    found = Acquired("web", 25, 1_000.0, Aged(50, steady))
    assert found.cac == 40
    assert found.worth(0.5) == 60
    assert found.ratio(0.5) == 1.5
    assert found.payback(0.5) == 8
    assert found.payback(1) == 4
    assert found.payback(0.1) is None
    young = Acquired("web", 25, 1_000.0, Aged(50, dict.fromkeys(range(YEAR - 1), (50, 500.0))))
    assert young.ratio(1) is None
    assert Acquired("web", 0, 1_000.0, Aged(0)).cac is None
    assert Acquired("web", 25, None, Aged(50, steady)).payback(1) is None


@pytest.mark.parametrize(
    ("costs", "said"),
    [
        (
            [(100, 20_000.0), (100, 10_000.0), (100, 30_000.0)],
            "A new customer cost 300 in Mar 2026, more than the 150 before",
        ),
        (
            [(100, 10_000.0), (0, 500.0), (100, 10_500.0)],
            "The cost of a new customer has not changed by more than chance: 105 in Mar 2026",
        ),
        ([(100, 10_000.0), (100, None), (29, 9_000.0)], "How does the cost of a new customer move over time?"),
        ([(100, 10_000.0)], "How does the cost of a new customer move over time?"),
    ],
)
def test_the_cost_of_the_last_whole_cohort_stands_beside_all_before(
    costs: list[tuple[int, float | None]], said: str
) -> None:
    scope = Scope("story", datetime(2026, 4, 9), date(2026, 1, 1), date(2026, 7, 1), grain="month")
    young = (date(2026, 4, 1), Acquired(None, 100, 90_000.0, Aged(100)))  # April is not over
    cohorts = [(date(2026, 1 + i, 1), Acquired(None, n, spend, Aged(n))) for i, (n, spend) in enumerate(costs)]
    found = Acquisition(scope, 30, Acquired(None, 1, 1.0, Aged(1)), cohorts=(*cohorts, young))
    assert cost_over_time(found) == said


def test_a_customer_has_paid_back_once_the_margin_covers_the_cost() -> None:
    steady = dict.fromkeys(range(6), (50, 500.0))  # 10 a month each

    def told(spend: float, seen: dict[int, tuple[int, float]] = steady) -> str:
        return paid_back(Acquisition(SCOPE, 0, Acquired(None, 25, spend, Aged(50, seen))), 0.5)

    assert told(500.0) == "Paid back after 4 months"
    assert told(100.0) == "Paid back after 1 month"
    assert told(2_500.0) == "Not paid back within the 6 months seen"
    assert told(500.0, {}) == "When has a customer paid back?"


def test_rates_of_groups_add_up_and_do_not_average() -> None:
    one, two = Repeat(10, {90: Rate(9, 10)}), Repeat(1000, {90: Rate(0, 990)})
    assert together([one, two]).rate(90) == Rate(9, 1000)
    assert not together([one, two]).is_complete(90)
    assert one.is_complete(90)


def test_titles_claim_only_what_the_interval_supports() -> None:
    def found(again: int, of: int, before: int) -> Buyers:
        was = Buyers("story", 1, SCOPE, Repeat(of, {90: Rate(before, of)}), LifeTable(()))
        return Buyers("story", 1, SCOPE, Repeat(of, {90: Rate(again, of)}), LifeTable(()), comparison=was)

    assert repeat(found(300, 1000, 200)) == "30 % buy again within 90 days, more than before (+10.0 pp)"
    assert repeat(found(3, 10, 2)) == "30 % buy again within 90 days"
    assert repeat(found(0, 0, 0)).startswith("Nobody")
    assert ladder(Ladder(0, 0, None, 0)).startswith("Nobody")
    assert ladder(Ladder(100, 25, None, 0)) == "25 % have come back"


def test_nine_groups_partition_everybody() -> None:
    assert len(in_order([])) == len(GROUPS) == 9
    (shown,) = [g for g in in_order([Group("away", "often", 3, 20, 90.0)]) if g.customers]
    assert (shown.name, shown.value) == ("Cannot lose", 30)
    assert len({name for name, _ in GROUPS.values()}) == 9
