"""Titles of loyalty: what sets groups apart is said only where chance does not explain it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest

from lifecycle.csat import Contentment, Csat
from lifecycle.durations import LifeTable
from lifecycle.loyalty import Buyers, Repeat
from lifecycle.loyalty_words import at_age, referred, satisfied, satisfied_apart, score, scores_apart
from lifecycle.nps import Nps, Satisfaction
from lifecycle.rates import Rate
from lifecycle.referrals import Loop, Reach
from lifecycle.scope import Scope

SCOPE = Scope("crm", datetime(2026, 3, 1))
GLAD, EVEN, SAD = Nps({10: 80, 5: 20}), Nps({10: 42, 8: 20, 5: 38}), Nps({10: 20, 5: 80})


def asked(**groups: Nps) -> Satisfaction:
    rows = tuple(groups.items())
    return Satisfaction("crm", 1, SCOPE, Nps({10: 1}), None, False, (), rows)


def content(**groups: Csat) -> Contentment:
    return Contentment("crm", 1, SCOPE, Csat({5: 1}, 5), Rate(1, 1), False, (), tuple(groups.items()))


def test_the_best_and_the_worst_score_are_named_where_they_differ() -> None:
    assert scores_apart(asked(even=EVEN, glad=GLAD, sad=SAD)) == "“glad” answers +60, “sad” -60"


def test_chance_and_few_answers_are_said() -> None:
    a, b = Nps({10: 40, 5: 60}), Nps({10: 44, 5: 56})
    assert scores_apart(asked(a=a, b=b)) == "No group's score differs from another's by more than chance explains"
    assert scores_apart(asked(a=GLAD, b=Nps({5: 29}))).startswith("No two groups have enough answers")


def test_many_groups_make_a_difference_less_telling() -> None:
    low, high = Nps({10: 30, 5: 30}), Nps({10: 41, 5: 19})
    assert scores_apart(asked(low=low, high=high)) == "“high” answers +37, “low” +0"
    crowd = {f"g{i}": Nps({10: 35, 5: 25}) for i in range(8)}
    assert scores_apart(asked(low=low, high=high, **crowd)).endswith("than chance explains")


@pytest.mark.parametrize(("up", "told"), [(27, "54 % of “b” are satisfied, 20 % of “a”"), (12, "No group is more")])
def test_the_most_and_the_least_satisfied_are_named_where_they_differ(up: int, told: str) -> None:
    found = content(a=Csat({5: 10, 1: 40}, 5), b=Csat({5: up, 1: 50 - up}, 5))
    assert satisfied_apart(found).startswith(told)


def buyers(*cohorts: tuple[int, int, int], **groups: tuple[int, int]) -> Buyers:
    """Cohorts by month as (customers, bought again, seen for 90 days); groups as (bought again, seen)."""
    by_month = tuple((date(2026, 1 + i, 1), Repeat(n, {90: Rate(*seen)})) for i, (n, *seen) in enumerate(cohorts))
    rows = tuple((name, Repeat(seen[1], {90: Rate(*seen)}), LifeTable([])) for name, seen in groups.items())
    return Buyers("crm", 1, SCOPE, Repeat(0), LifeTable([]), by_month, rows)


def test_who_buys_again_most_and_least_is_named_where_they_differ() -> None:
    assert at_age(buyers(ads=(50, 100), event=(20, 100)), 90) == (
        "50 % of “ads” buy again within 90 days, 20 % of “event”"
    )
    assert at_age(buyers(ads=(50, 100), event=(49, 100)), 90).startswith("No group buys again within 90 days more")
    assert at_age(buyers(ads=(50, 100), event=(2, 10)), 90).startswith("No two groups are large enough")


def test_the_last_whole_cohort_is_held_against_those_before() -> None:
    first, second = (100, 50, 100), (100, 52, 100)
    assert at_age(buyers(first, second, (100, 20, 100), (100, 9, 30)), 90) == (
        "20 % of Mar 2026 buy again in 90 days, fewer than the 51 % before"
    )
    assert at_age(buyers(first, second), 90).endswith("50 % of those before: chance explains the difference")
    assert at_age(buyers(first), 90).endswith("the only cohort that is old enough")
    assert at_age(buyers((100, 9, 30)), 90) == "No cohort is old enough to tell who buys again within 90 days"


def test_a_score_moves_in_points_and_a_share_in_percentage_points() -> None:
    def scored(now: Nps, before: Nps) -> str:
        was = Satisfaction("crm", 1, SCOPE, before, None, False, ())
        return score(replace(was, whole=now, comparison=was))

    def glad(now: int, before: int) -> str:
        was = Contentment("crm", 1, SCOPE, Csat({5: before, 1: 100 - before}, 5), Rate(1, 1), False, ())
        return satisfied(replace(was, whole=Csat({5: now, 1: 100 - now}, 5), comparison=was))

    assert scored(SAD, GLAD) == "NPS -60, from 100 respondents: lower than before (-120 points)"
    assert scored(EVEN, EVEN) == "NPS +4, from 100 respondents"
    assert glad(80, 50) == "80 % of 100 respondents are satisfied, more than before (+30.0 pp)"
    assert glad(51, 50) == "51 % of 100 respondents are satisfied"


def test_nobody_referred_is_compared_with_nobody() -> None:
    def loop(came: Rate) -> Loop:
        return Loop("crm", 1, SCOPE, 0, 0, None, None, (Reach("won", "Won", came, Rate(20, 100)),))

    assert referred(loop(Rate(90, 100)), "won") == "90 % of the referred reach Won, 20 % of all others"
    assert referred(loop(Rate(21, 100)), "won") == "The referred come as far as all others"
    assert referred(loop(Rate(0, 0)), "won") == "How far do the referred come?"
