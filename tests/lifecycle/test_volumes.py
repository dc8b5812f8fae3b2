"""Counts, their change, and the calendar of courses and targets."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.periods import Calendar
from lifecycle.scope import Scope
from lifecycle.volumes import Count, Volume, Volumes, at_a_glance, change, chosen, periods_of, whole_months

AS_OF = datetime(2026, 3, 20, 12)
YEAR = Scope("crm", AS_OF, date(2025, 4, 1), date(2026, 4, 1))


def test_the_interval_of_a_count_is_the_exact_one() -> None:
    """Garwood's limits as tabulated for 0, 1 and 10 events."""
    assert Count(0).interval == pytest.approx((0, 3.689), abs=1e-3)
    assert Count(1).interval == pytest.approx((0.0253, 5.572), abs=1e-3)
    assert Count(10).interval == pytest.approx((4.795, 18.390), abs=1e-3)


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_change_lies_in_its_interval_and_is_unsure_of_equals(now: int, before: int) -> None:
    found = change(now, before)
    assert found is not None
    assert found.low <= found.value + 1e-12
    assert found.value <= found.high + 1e-12
    equal = change(before, before)
    assert equal is not None
    assert not equal.significant


def test_a_doubling_of_many_is_significant_and_of_few_is_not() -> None:
    many, few = change(400, 200), change(4, 2)
    assert many is not None
    assert few is not None
    assert (many.value, many.significant) == (1.0, True)
    assert (few.value, few.significant) == (1.0, False)
    assert change(5, 0) is None


@pytest.mark.parametrize(
    ("start", "end", "grain"),
    [
        (date(2026, 3, 1), date(2026, 4, 1), "day"),
        (date(2026, 1, 1), date(2026, 3, 21), "week"),
        (date(2025, 4, 1), date(2026, 4, 1), "month"),
        (date(2015, 1, 1), date(2026, 4, 1), "quarter"),
        (date(2026, 3, 1), date(2199, 1, 1), "day"),
        (None, None, "month"),
        (date(2026, 3, 1), None, "day"),
    ],
)
def test_a_course_has_as_many_points_as_can_be_read(start: date | None, end: date | None, grain: str) -> None:
    assert at_a_glance(replace(YEAR, start=start, end=end)).grain == grain


def test_months_count_against_targets_when_they_are_whole_and_over() -> None:
    whole = whole_months(YEAR)
    assert whole is not None
    assert (whole.start, whole.end, whole.grain) == (date(2025, 4, 1), date(2026, 3, 1), "month")
    cut = whole_months(replace(YEAR, start=date(2025, 4, 2), end=date(2026, 2, 15)))
    assert cut is not None
    assert (cut.start, cut.end) == (date(2025, 5, 1), date(2026, 2, 1))
    assert whole_months(replace(YEAR, start=date(2026, 3, 1))) is None
    assert whole_months(replace(YEAR, start=None)) is None


def test_a_month_ends_in_the_companys_own_zone() -> None:
    late = replace(YEAR, as_of=datetime(2026, 3, 1, 2), calendar=Calendar("America/New_York"))
    whole = whole_months(late)
    assert whole is not None
    assert whole.end == date(2026, 2, 1)  # in New York it is still February


def test_periods_without_entries_stay_and_unfinished_ones_are_known() -> None:
    periods = periods_of(YEAR, [date(2025, 6, 1)])
    assert len(periods) == 12
    rows = (Volume("lead", "Lead", tuple(range(12))),)
    answer = Volumes(YEAR, tuple(periods), rows)
    assert answer.complete == 11
    assert answer.entered("lead") == 66
    assert answer.entered("nope") is None
    assert periods_of(replace(YEAR, start=None), [date(2026, 2, 1)]) == [date(2026, 2, 1), date(2026, 3, 1)]
    assert periods_of(replace(YEAR, start=None), []) == []


def test_the_last_stages_are_always_among_the_chosen() -> None:
    rows = [Volume(f"s{i}", f"S{i}", (i,)) for i in range(9)]
    assert [r.stage for r in chosen(rows)] == ["s0", "s4", "s5", "s6", "s7", "s8"]
    assert chosen(rows[:4]) == rows[:4]
