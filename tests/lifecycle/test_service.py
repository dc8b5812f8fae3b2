"""Service level and working time: who is due, who is past due, and which hours count."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.agreement import Agreement
from lifecycle.alignment_words import owners, promised, punctual, speed
from lifecycle.business import WEEKDAYS, Business
from lifecycle.commitment import Commitment, Month, elapsed, months
from lifecycle.durations import LifeTable
from lifecycle.periods import Calendar
from lifecycle.rates import Rate
from lifecycle.report_alignment import commitment_report, sla_report
from lifecycle.scope import Scope
from lifecycle.service import Attempts, Owned, Responses, ServiceLevel, owned, responses, shortlisted
from lifecycle.stages import load_model

CRM = load_model("crm")
SCOPE = Scope("crm", datetime(2026, 3, 16), date(2026, 1, 1), date(2026, 4, 1))
HOUR = timedelta(hours=1)


def level(whole: Responses, table: LifeTable | None = None, rows: tuple[Owned, ...] = ()) -> ServiceLevel:
    nothing = LifeTable(())
    return ServiceLevel("crm", 1, SCOPE, 24, "mql", whole, table or nothing, nothing, nothing, "owner", rows)


def test_waiting_leads_leave_the_rate_only_while_they_are_not_due() -> None:
    found = responses([("met", 60), ("missed", 20), ("overdue", 15), ("unassigned", 5), ("not_due", 40)])
    assert found.rate == Rate(60, 100)
    assert (found.due, found.past_due, found.n) == (40, 20, 140)
    assert Responses(not_due=3).rate.value is None
    assert responses([("met", 1), ("met", 2)]) == Responses(met=3)


def test_those_still_waiting_make_the_median_longer() -> None:
    """Of ten, four were touched at once and six still wait after a day: the median is not reached."""
    table = LifeTable(((0.0, "touched", 4), (86_400.0, "open", 6)))
    assert (table.naive_median, table.quantile(0.5)) == (0.0, None)
    assert speed(table) == "Fewer than half have been reached so far"
    assert speed(LifeTable(((7_200.0, "touched", 10),))) == "Half are reached within 2 h, nine in ten within 2 h"


def test_owners_are_named_only_where_chance_cannot_explain_it() -> None:
    nothing = LifeTable(())
    clear = owned({"Rep A": [("met", 90), ("missed", 10)], "Rep B": [("met", 30), ("missed", 70)]}, {})
    assert owners(level(Responses(), None, clear)) == "Rep A responds in time for 90 %, Rep B for 30 %"
    by_source = replace(level(Responses(), None, clear), by="source")
    assert owners(by_source) == "Rep A: 90 % touched in time, Rep B: 30 %"
    close = owned({"Rep A": [("met", 52), ("missed", 48)], "Rep B": [("met", 50), ("missed", 50)]}, {})
    assert owners(level(Responses(), None, close)) is None
    few = (Owned("Rep A", Responses(met=9), nothing), Owned("Rep B", Responses(missed=9), nothing))
    assert owners(level(Responses(), None, few)) is None


def test_of_many_reps_the_busiest_and_the_wanted_are_shown_and_all_others_together() -> None:
    table = LifeTable(((3_600.0, "touched", 1),))
    rows = owned({f"Rep {i}": [("met", 9 - i), ("missed", i)] for i in range(9)}, {f"Rep {i}": table for i in range(9)})
    few = shortlisted(rows, 3, ["Rep 7", "nobody"])
    assert [row.value for row in few] == ["Rep 0", "Rep 1", "Rep 2", "Rep 7", "5 others"]
    assert few[-1].responses == Responses(met=6 + 5 + 4 + 3 + 1, missed=3 + 4 + 5 + 6 + 8)
    assert few[-1].speed.n == 5
    assert sum(row.responses.n for row in few) == sum(row.responses.n for row in rows)
    assert shortlisted(rows, 8) == rows  # one alone is no others
    taken = owned({"2 others": [("met", 3)], "a": [("met", 2)], "b": [("met", 1)]}, {})
    assert [row.value for row in shortlisted(taken, 1)] == ["2 others", "2 others together"]


def test_the_title_says_what_was_promised_and_kept() -> None:
    assert punctual(CRM, level(Responses(met=3, missed=1))) == "75 % of the MQLs were touched within 24 hours"
    assert punctual(CRM, level(Responses(not_due=4))) == "No MQLs were due for a first touch"


def test_the_report_has_its_documented_names() -> None:
    told = sla_report(level(Responses(met=3, missed=1)), Attempts(((0, 2), (1, 1)), 5))
    names = {"met", "missed", "overdue", "unassigned", "not_due", "rate", "due", "past_due"}
    assert names | {"speed_seconds", "system_delay", "human_delay", "rows"} <= told.keys()
    assert {"median", "p90"} <= told["speed_seconds"].keys()
    assert told["attempts"] == {"n": 3, "not_due": 5, "leads": {"0": 2, "1": 1}}


# --- working time ---------------------------------------------------------------------------------------------------


def naive(business: Business, start: datetime, end: datetime) -> timedelta:
    """Working time minute by minute, by the clock on the wall."""
    zone, total, at = ZoneInfo(business.timezone), timedelta(), start
    while at < end:
        local = at.replace(tzinfo=UTC).astimezone(zone)
        minute = local.hour * 60 + local.minute
        day = WEEKDAYS[local.weekday()] in business.days and local.date() not in business.holidays
        total += timedelta(minutes=1) if day and business.opens <= minute < business.closes else timedelta()
        at += timedelta(minutes=1)
    return total


@given(
    st.integers(0, 60 * 24 * 20),
    st.integers(0, 60 * 24 * 5),
    st.sets(st.sampled_from(WEEKDAYS), min_size=1),
    st.sampled_from([(0, 1_440), (540, 1_020), (480, 720)]),
    st.sets(st.dates(date(2026, 1, 1), date(2026, 1, 26)), max_size=3),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
)
def test_working_time_equals_a_count_of_minutes(
    start: int, length: int, days: set[str], hours: tuple[int, int], holidays: set[date], zone: str
) -> None:
    business = Business(tuple(d for d in WEEKDAYS if d in days), *hours, tuple(holidays), zone)
    first = datetime(2026, 1, 1) + timedelta(minutes=start)
    last = first + timedelta(minutes=length)
    assert business.worked(first, last) == naive(business, first, last)
    assert business.worked(last, first) == -business.worked(first, last)


def test_a_weekend_is_no_time_and_a_holiday_neither() -> None:
    office = Business(holidays=(date(2026, 1, 13),))
    friday, monday, wednesday = datetime(2026, 1, 9, 16), datetime(2026, 1, 12, 10), datetime(2026, 1, 14, 9)
    assert office.worked(friday, monday) == 2 * HOUR
    assert office.worked(monday, wednesday) == 7 * HOUR
    assert office.worked(friday, friday + timedelta(weeks=52)) == 52 * 40 * HOUR - 8 * HOUR


def test_the_clock_change_lengthens_no_working_day() -> None:
    berlin = Business(timezone="Europe/Berlin")
    assert berlin.worked(datetime(2026, 3, 27, 8), datetime(2026, 3, 30, 7)) == 8 * HOUR  # 9 local to 9 local


# --- commitment -----------------------------------------------------------------------------------------------------


def test_a_running_month_is_projected_at_todays_pace() -> None:
    found = months(
        [date(2026, 2, 1), date(2026, 3, 1), date(2026, 4, 1)],
        {date(2026, 2, 1): Agreement(accepted=300, rejected=620, expired=80), date(2026, 3, 1): Agreement(pending=480)},
        {date(2026, 2, 1): 1000.0, date(2026, 3, 1): 1000.0},
        {},
        Calendar(),
        datetime(2026, 3, 16),
    )
    past, now, ahead = found
    assert (past.delivered, past.accepted, past.attainment, past.projected) == (1000, 300, 1.0, None)
    assert now.elapsed == 15 / 31
    assert now.projected == pytest.approx(992)
    assert now.due == pytest.approx(1000 * 15 / 31)
    assert (ahead.delivered, ahead.attainment, ahead.projected) == (0, None, None)
    said = promised(CRM, Commitment("crm", 1, SCOPE, found))
    assert said == "480 MQLs so far in March 2026: at this pace 992, behind the 1,000 promised"
    assert promised(CRM, Commitment("crm", 1, SCOPE, found[:1])) == "February 2026 met its target: 1,000 of 1,000 MQLs"
    told = commitment_report(Commitment("crm", 1, SCOPE, found, "targets"))["periods"]
    assert {"period", "target", "delivered", "accepted", "attainment", "projected"} <= told[0].keys()


def test_months_are_local() -> None:
    tokyo = Calendar("Asia/Tokyo")
    assert elapsed(date(2026, 3, 1), tokyo, datetime(2026, 2, 28, 15)) == 0
    assert elapsed(date(2026, 3, 1), tokyo, datetime(2026, 3, 31, 15)) == 1
    assert Month(date(2026, 3, 1), Agreement(accepted=1), 0.0).attainment is None
