"""Activity by period in words: silent, or said to be chance, where the numbers bear no more."""

from __future__ import annotations

from datetime import date, datetime

from lifecycle.activity import Active, Activity
from lifecycle.activity_words import each, earlier, finding, groups, parts
from lifecycle.scope import Scope

SCOPE = Scope("crm", datetime(2024, 6, 15), grain="month")


def month(returning: int, dormant: int, on: date = date(2024, 5, 1)) -> tuple[Active, ...]:
    return (Active(on, new=3, returning=returning, dormant=dormant),)


def of(here: tuple[Active, ...], *parts: tuple[Active, ...], before: tuple[Active, ...] | None = None) -> Activity:
    then = None if before is None else Activity(SCOPE, before)
    return Activity(SCOPE, here, tuple((name, p) for name, p in zip(("ads", None, "event"), parts, strict=False)), then)


def test_the_last_period_is_told() -> None:
    assert finding(of(month(80, 20))) == "83 were active in May 2024: 3 new, 80 again, 0 came back; 20 went dormant"
    assert finding(of(())) == "Who is active"


def test_the_group_that_comes_again_most_is_named_where_chance_does_not_explain_it() -> None:
    unlike = of(month(150, 50), month(90, 10), month(50, 50))
    assert groups(unlike) == "In May 2024 90 % of “ads” came again, 50 % of “not set”"
    alike = of(month(150, 50), month(75, 25), month(76, 24))
    assert groups(alike) == "No group comes again in May 2024 more or less than chance explains"
    few = of(month(110, 11), month(100, 1), month(10, 10))
    assert groups(few) == "No two groups are large enough to tell who comes again"


def test_the_largest_group_is_named_where_chance_does_not_explain_its_lead() -> None:
    ahead = of(month(150, 50), month(97, 10), month(47, 50))
    assert parts(ahead) == "100 of the 150 active in May 2024 are of “ads”, more than of any other group"
    close = of(month(150, 50), month(77, 10), month(67, 50))
    assert parts(close) == (
        "Of the 150 active in May 2024, only chance tells “ads” with 80 and “not set” with 70 apart"
    )
    even = of(month(150, 50), month(72, 10), month(72, 50))
    assert parts(even) == "Of the 150 active in May 2024, as many are of “ads” as of “not set”: 75"
    assert parts(of(month(1, 1))) == "How many of each group are active?"


def test_the_compared_period_is_told_with_what_chance_explains() -> None:
    then = date(2024, 4, 1)
    said = earlier(of(month(90, 10), before=month(50, 50, then)))
    assert said == "90 % came again in May 2024, 50 % in Apr 2024"
    alike = earlier(of(month(50, 50), before=month(51, 49, then)))
    assert alike == "50 % came again in May 2024, 51 % in Apr 2024: chance explains the difference"
    assert earlier(of(month(50, 50))) == "The period beside the one before"


def test_of_nobody_nothing_is_compared() -> None:
    none = month(0, 0)
    assert earlier(of(none, before=none)) == "Nobody was active who could come again, now or before"


def test_orders_of_an_active_customer_are_those_of_the_last_period() -> None:
    last = (*month(5, 5), Active(date(2024, 6, 1), new=3, returning=7, times=15))
    assert each(of(last)) == "1.50 orders per active customer in Jun 2024"
    assert each(of(month(5, 5))) == each(of(())) == "Orders per active customer"
