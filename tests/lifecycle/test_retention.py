"""Cohorts and books of recurring revenue worked by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest

from lifecycle.mrr import Book, Change, Period, periods_of, together
from lifecycle.periods import GRAINS, Calendar
from lifecycle.report_retention import mrr_report, read_rules, retention_report
from lifecycle.retention import ORDERS, Count, Retention, Rules, Start, Triangle, triangle
from lifecycle.retention_words import finding, odd_cohorts, side_by_side
from lifecycle.scope import Scope
from lifecycle.stages import load_model

SCOPE = Scope("crm", datetime(2024, 6, 15))
JAN = SCOPE.calendar.number(date(2024, 1, 1), "month")


def book(*changes: tuple[int, str, int, int], numbers: range) -> tuple[Period, ...]:
    return periods_of(SCOPE, numbers, [Change(None, JAN + p, m, n, c) for p, m, n, c in changes])


def test_a_worked_book_of_customers() -> None:
    """100,000 at the start; +10,000 expansion, −5,000 contraction, −8,000 churn; 20,000 new and 3,000 come back."""
    (january,) = book(
        (-1, "new", 50, 10_000_000),
        (0, "new", 4, 2_000_000),
        (0, "reactivation", 1, 300_000),
        (0, "expansion", 6, 1_000_000),
        (0, "contraction", 2, -500_000),
        (0, "churn", 3, -800_000),
        numbers=range(JAN, JAN + 1),
    )
    assert (january.start, january.end) == (10_000_000, 12_000_000)
    assert january.nrr == pytest.approx(0.97)
    assert january.grr == pytest.approx(0.87)
    assert january.quick_ratio == pytest.approx(33 / 13)
    assert (january.logo_retention.numerator, january.logo_retention.denominator) == (47, 50)
    assert (january.logo_churn.numerator, january.customers_at_end) == (3, 52)


def test_an_empty_book_has_no_rate() -> None:
    january, february = book((0, "new", 1, 500), (1, "churn", 1, -500), numbers=range(JAN, JAN + 2))
    assert (january.nrr, january.grr, january.logo_retention.value, january.quick_ratio) == (None, None, None, None)
    assert (february.nrr, february.grr, february.logo_retention.value, february.end) == (0.0, 0.0, 0.0, 0)
    assert book(numbers=range(JAN, JAN)) == ()
    assert together(SCOPE, ()) is None


def test_periods_without_changes_stay() -> None:
    months = book((-2, "new", 1, 700), numbers=range(JAN, JAN + 3))
    assert [(p.start, p.end) for p in months] == [(700, 700)] * 3
    assert months[0].nrr == 1.0
    whole = together(SCOPE, months)
    assert whole is not None
    assert (whole.start, whole.end, whole.start_on) == (700, 700, date(2024, 1, 1))


def made(rules: Rules, starts: list[Start], counts: list[Count], n: int = 3) -> Triangle:
    return triangle(rules, SCOPE, range(JAN, JAN + n), starts, counts)


def test_pooling_adds_counts_and_never_averages_rates() -> None:
    """100 of 200 and 9 of 10 are 109 of 210, not 70 %; a cohort that is too young is in neither."""
    starts = [Start(None, JAN, 3, 200, 0), Start(None, JAN + 1, 2, 10, 0), Start(None, JAN + 2, 1, 50, 0)]
    counts = [
        Count(None, JAN, 3, 1, 100, 100, 0),
        Count(None, JAN + 1, 2, 1, 9, 9, 0),
        Count(None, JAN + 2, 1, 1, 50, 50, 0),
    ]
    found = made(Rules(ORDERS, ORDERS, periods=2), starts, counts)
    pooled = found.pooled[1]
    assert pooled
    assert (pooled.retained, pooled.eligible) == (109, 210)
    assert found.cohorts[2].cells[1] is None


def test_cohorts_without_anybody_stay_and_have_no_cells() -> None:
    found = made(Rules(ORDERS, ORDERS, periods=1), [Start(None, JAN, 6, 5, 0)], [])
    assert [c.size for c in found.cohorts] == [5, 0, 0]
    assert found.cohorts[1].cells == (None, None)
    assert found.cohorts[0].cells[1] is not None
    assert found.cohorts[0].cells[1].rate.value == 0.0  # seen, and nobody came


def test_a_cell_is_incomplete_while_some_are_too_young() -> None:
    starts = [Start(None, JAN, 2, 3, 0), Start(None, JAN, 1, 7, 0)]
    rules = Rules(ORDERS, ORDERS, ages="days", periods=2)
    (cohort,) = made(rules, starts, [Count(None, JAN, 2, 1, 2, 2, 0), Count(None, JAN, 1, 1, 5, 5, 0)], 1).cohorts
    start, first, second = cohort.cells
    assert start and first
    assert (start.retained, start.eligible, start.complete) == (10, 10, True)
    assert (first.retained, first.eligible, first.complete) == (2, 3, False)
    assert second is None


def answer(cohorts: Triangle, rules: Rules) -> Retention:
    return Retention("crm", 1, SCOPE, rules, cohorts)


def test_weak_cohorts_are_named_and_chance_is_not() -> None:
    rules = Rules(ORDERS, ORDERS, periods=1)
    starts = [Start(None, JAN + i, 5, 100, 0) for i in range(3)]

    def kept(*n: int) -> Triangle:
        return made(rules, starts, [Count(None, JAN + i, 5, 1, k, k, 0) for i, k in enumerate(n)])

    weak = kept(80, 40, 82)
    (odd,) = [o for o in odd_cohorts(weak, "month", rules) if o.is_weak]
    assert (odd.cohort.start, odd.is_weak, odd.others.numerator) == (date(2024, 2, 1), True, 162)
    assert finding(answer(weak, rules), load_model("crm")) == (
        "Those who started in Feb 2024 stay less: 40 % after 1 month, others 81 %"
    )
    plain = kept(80, 76, 82)
    assert odd_cohorts(plain, "month", rules) == ()
    assert finding(answer(plain, rules), load_model("crm")) == "79 % of customers order again after 1 month"
    alike, unlike = [("a", plain), ("b", plain)], [("a", kept(50, 50, 50)), ("b", kept(90, 90, 90)), ("c", plain)]
    assert side_by_side(answer(plain, rules), alike).endswith("no group stays more or less than chance explains")
    assert side_by_side(answer(plain, rules), unlike) == "After 1 month 90 % of “b” are there, 50 % of “a”"
    assert side_by_side(answer(plain, rules), unlike, str.upper) == "After 1 month 90 % of B are there, 50 % of A"
    assert side_by_side(answer(plain, rules), unlike[:1]) == ""
    money = side_by_side(answer(plain, replace(rules, measure="grr")), unlike)
    assert "%" not in money  # no test judges money


@pytest.mark.parametrize("grain", GRAINS)
@pytest.mark.parametrize("calendar", [Calendar(), Calendar(week_start="sunday", fiscal_month=2)])
def test_numbered_periods_are_the_calendar_s(grain: str, calendar: Calendar) -> None:
    day = date(2023, 11, 29)
    for _ in range(500):
        number = calendar.number(day, grain)
        assert calendar.numbered(number, grain) == calendar.floor(day, grain)
        assert calendar.number(calendar.step(calendar.floor(day, grain), grain), grain) == number + 1
        day = calendar.step(day, "day")


def test_periods_have_the_names_people_use() -> None:
    names = {grain: Calendar().name(Calendar().floor(date(2026, 4, 1), grain), grain) for grain in GRAINS}
    assert names == {
        "day": "1 Apr 2026",
        "week": "week of 30 Mar 2026",
        "month": "Apr 2026",
        "quarter": "Q2 2026",
        "year": "2026",
    }
    assert Calendar(fiscal_month=2).name(date(2026, 2, 1), "quarter") == "quarter from Feb 2026"


def test_options_are_read_or_told() -> None:
    model = load_model("crm")
    rules = read_rules(
        {"activity": "stage:mql", "return_activity": "orders", "measure": "cumulative"}, model, SCOPE, ORDERS
    )
    assert (rules.activity, rules.return_activity, rules.measure) == ("stage:mql", "orders", "cumulative")
    for option, wrong in (
        ("activity", "stage:sal"),
        ("return_activity", "visits"),
        ("rule", "twice"),
        ("mode", "loose"),
        ("periods", "0"),
        ("periods", "many"),
        ("measure", "nrr"),
    ):
        with pytest.raises(ValueError, match=f"--{option.replace('_', '-')}"):
            read_rules({option: wrong}, model, SCOPE, ORDERS)


def test_reports_have_the_documented_names() -> None:
    rules = Rules(ORDERS, ORDERS, periods=1)
    found = made(rules, [Start(None, JAN, 1, 4, 0)], [Count(None, JAN, 1, 0, 4, 4, 1250)], 1)
    told = retention_report(answer(found, rules))
    (cohort,) = told["cohorts"]
    assert (cohort["cohort"], cohort["size"]) == ("2024-01-01", 4)
    first, second = cohort["cells"]
    assert {"age": 0, "retained": 4, "eligible": 4, "value": 1.0, "amount": 12.5}.items() <= first.items()
    assert second is None
    (month,) = book((-1, "new", 1, 101), (0, "expansion", 1, 2), numbers=range(JAN, JAN + 1))
    (period,) = mrr_report(Book("crm", 1, SCOPE, (month,)))["periods"]
    movements = ("new", "expansion", "contraction", "churn", "reactivation")
    assert (period["period"], period["start"], period["end"]) == ("2024-01-01", 1.01, 1.03)
    assert round(period["start"] + sum(period[name] for name in movements), 2) == period["end"]
    assert {"nrr", "grr", "logo_retention", "quick_ratio"} <= set(period)
