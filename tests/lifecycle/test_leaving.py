"""When all who left are dated on one day, and what is said of it."""

from __future__ import annotations

from datetime import date

import pytest

from lifecycle.leaving import Leaving
from lifecycle.periods import Calendar
from lifecycle.retention import Count, Retention, Rules, Start, triangle
from lifecycle.retention_words import finding, side_by_side, summary
from lifecycle.scope import Scope
from lifecycle.stages import load_model

DAY = date(2020, 1, 1)


@pytest.mark.parametrize(
    ("n", "then", "months", "told"),
    [
        (1_869, 1_869, 72, True),
        (20, 19, 6, True),
        (19, 19, 6, False),  # so few may well have left on one day
        (20, 18, 6, False),  # some were dated when they left: then the others were, too
        (1_869, 1_869, 5, False),  # who started together may leave together
        (0, 0, 0, False),
    ],
)
def test_evidence_is_many_who_left_on_one_day_however_long_they_stayed(
    n: int, then: int, months: int, told: bool
) -> None:
    found = Leaving(n, DAY, then, months)
    assert found.is_on_one_day is told
    assert bool(found.notice) is bool(found.found) is told


def test_the_notice_says_how_many() -> None:
    assert Leaving(1_869, DAY, 1_869, 72).notice.startswith("All 1,869 who left did so on one day, 1 Jan 2020")
    said = Leaving(2_000, DAY, 1_900, 72).notice
    assert said.startswith("1,900 of 2,000 who left did so on one day, 1 Jan 2020") and "72 different months" in said


def test_titles_find_nothing_in_cohorts_that_cannot_tell() -> None:
    """Each cohort falls in its own last month: by age some seem to stay less, and all of it is the list's day."""
    model, scope = load_model("crm"), Scope("crm", Calendar().instant(DAY), grain="month")
    month = Calendar().number(date(2019, 6, 1), "month")
    rules, born = Rules(periods=6), [Start(None, month + i, 7 - i, 100, 0) for i in range(6)]
    last = [Count(None, month + i, 7 - i, place, n, 0, 0) for i in range(6) for place, n in ((0, 100), (6 - i, -50))]
    whole = triangle(rules, scope, range(month, month + 6), born, last)
    blind = Retention("crm", 1, scope, rules, whole)
    told = Retention("crm", 1, scope, rules, whole, leaving=Leaving(300, DAY, 300, 6))
    assert "stay less" in finding(blind, model)
    groups = [("a", whole), ("b", whole)]
    said = {finding(told, model), summary(told, model), side_by_side(told, groups)}
    assert said == {"All 300 who left are dated 1 Jan 2020: cohorts cannot tell when they left"}
