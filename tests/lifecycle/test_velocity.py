"""Velocity from deals told by hand, from a textbook's competing risks, and what must hold whatever the deals."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from math import exp, log, prod, sqrt
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.duration.survfunc import CumIncidenceRight

from lifecycle.durations import OPEN
from lifecycle.pipeline import DAY, HORIZONS, LOST, WON, Estimate, Lengths, Pipeline, horizon, joined
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from lifecycle.velocity import FACTORS, Course, Factors, Velocity, course, factors, latest, split


def pipeline(*deals: tuple[float, str, float | None]) -> Pipeline:
    """From (days, outcome, amount) per deal; ages in bins of whole days."""
    return joined(
        Pipeline(
            (Lengths(days // 1 * DAY, outcome, 1, days * DAY),),
            amount is not None,
            amount or 0.0,
            (amount or 0.0) ** 2,
        )
        for days, outcome, amount in deals
    )


TEN = pipeline(
    *((10.5, WON, 100.0), (20.5, WON, 300.0), (30.0, WON, 200.0)),  # three won, after 20.33 days on average
    *((5.0, LOST, 400.0), (15.0, LOST, 100.0), (25.0, LOST, None), (35.0, LOST, 100.0)),
    *((90.0, OPEN, 500.0), (90.0, OPEN, 100.0), (90.0, OPEN, 0.0)),
)


def test_ten_deals_seen_to_their_end() -> None:
    found = factors(TEN, 60)
    n, value, rate, cycle = (getattr(found, name).value for name in FACTORS)
    assert (n, value, rate) == (10, 1800 / 9, pytest.approx(0.3))
    assert cycle == pytest.approx((10.5 + 20.5 + 30.0) / 3)  # the exact ages, not the edges of their bins
    assert found.velocity is not None
    assert found.velocity.value == pytest.approx(10 * 200 * 0.3 / ((10.5 + 20.5 + 30.0) / 3))


def test_the_rate_belongs_to_an_age() -> None:
    assert [TEN.win_rate(days).value for days in (10, 11, 25, 60)] == pytest.approx([0, 0.1, 0.2, 0.3])  # type: ignore[union-attr]
    assert TEN.win_rate(120) is None  # nobody was seen so long
    assert factors(TEN, 120).velocity is None
    assert factors(TEN, 7).velocity is None  # nothing won by then: no cycle


def test_open_deals_are_no_losses_and_no_wins() -> None:
    """Of 4 deals one was won at 10 days; two were seen for 5 days only: 1 of the 2 that were left, not 1 of 4."""
    young = pipeline((10.0, WON, None), (40.0, LOST, None), (5.0, OPEN, None), (5.0, OPEN, None))
    rate = young.win_rate(30)
    assert rate is not None
    assert rate.value == pytest.approx(0.5)


def test_a_won_deal_outlives_no_lost_one() -> None:
    """Klein and Moeschberger's point: taking rivals as censored (1 − Kaplan–Meier) would overstate the wins."""
    deals = pipeline(*((float(d), LOST, None) for d in range(1, 9)), (9.0, WON, None), (10.0, OPEN, None))
    rate = deals.win_rate(10)
    assert rate is not None
    assert rate.value == pytest.approx(0.1)  # and not 0.5


def test_as_the_library_estimates_it() -> None:
    random = Random(4)
    deals = [(float(random.randrange(1, 60)), random.choice([WON, LOST, OPEN, OPEN]), None) for _ in range(300)]
    codes = {OPEN: 0, WON: 1, LOST: 2}
    library = CumIncidenceRight(np.array([d for d, _, _ in deals]), np.array([codes[o] for _, o, _ in deals]))
    at = np.searchsorted(library.times, 29)
    assert library.times[at] == 29
    ours = pipeline(*deals).win_rate(30)
    assert ours is not None
    assert ours.value == pytest.approx(library.cinc[0][at])
    assert ours.error * ours.value == pytest.approx(library.cinc_se[0][at], rel=0.05)


def test_without_open_deals_the_error_is_that_of_a_share() -> None:
    deals = pipeline(*((float(d % 20), WON if d % 4 == 0 else LOST, None) for d in range(200)))
    rate = deals.win_rate(30)
    assert rate is not None
    assert (rate.value, rate.error * rate.value) == pytest.approx((0.25, sqrt(0.25 * 0.75 / 200)), rel=1e-6)


def test_the_interval_covers_the_truth() -> None:
    """Deals won or lost at exponential ages, seen for 0 to 60 days: of 300 intervals at 30 days nineteen in twenty."""
    rng, inside = np.random.default_rng(8), 0
    truth = 0.4 * (1 - exp(-30 / 20))
    for _ in range(300):
        ends, seen = rng.exponential(20, 150), rng.uniform(0, 60, 150)
        won = rng.random(150) < 0.4
        deals = [
            (float(min(e, s)), OPEN if s < e else WON if w else LOST, None)
            for e, s, w in zip(ends, seen, won, strict=True)
        ]
        fine = joined(Pipeline((Lengths(d * DAY, o, 1, d * DAY),)) for d, o, _ in deals)  # no bins
        rate = fine.win_rate(30)
        inside += rate is not None and rate.low <= truth <= rate.high
    assert 0.91 < inside / 300 < 0.985


def test_the_age_is_when_nine_in_ten_wins_are_made() -> None:
    quick = pipeline(*((float(d), WON, None) for d in range(10)), (400.0, OPEN, None))
    assert horizon(quick) == 14  # the ninth of ten wins is 8 days old
    assert horizon(pipeline((2.0, OPEN, None))) == HORIZONS[0]
    assert horizon(Pipeline()) == HORIZONS[0]


# --- the change -------------------------------------------------------------------------------------------------------

POSITIVE = st.floats(0.01, 1e6)


def made(n: float, value: float, rate: float, cycle: float) -> Factors:
    return Factors(90, *(Estimate(x, 0.1) for x in (n, value, rate, cycle)))


def test_a_doubled_factor_explains_the_whole_change() -> None:
    found = split(made(200, 50, 0.3, 30), made(100, 50, 0.3, 30))
    assert found is not None
    assert dict(found.steps) == pytest.approx(
        {"opportunities": 50.0, "average_value": 0, "win_rate": 0, "cycle_days": 0}
    )


def test_a_shorter_cycle_is_a_gain() -> None:
    found = split(made(100, 50, 0.3, 15), made(100, 50, 0.3, 30))
    assert found is not None
    assert dict(found.steps)["cycle_days"] == pytest.approx(50.0)


@given(*(st.tuples(POSITIVE, POSITIVE, st.floats(0.01, 1), POSITIVE) for _ in range(2)))
def test_the_four_parts_add_up_to_the_change(now: tuple[float, ...], before: tuple[float, ...]) -> None:
    found = split(made(*now), made(*before))
    assert found is not None
    total = sum(part for _, part in found.steps)
    assert total == pytest.approx(found.now - found.before, rel=1e-6, abs=1e-9 * (found.now + found.before))


def test_what_is_not_defined_is_not_split() -> None:
    assert split(factors(TEN, 60), factors(Pipeline(), 60)) is None


def test_the_interval_of_the_velocity_adds_up_relative_variances() -> None:
    found = made(100, 50, 0.3, 30).velocity
    assert found is not None
    assert found.error == pytest.approx(sqrt(4 * 0.1**2))
    assert (found.low, found.high) == pytest.approx((50 * exp(-1.96 * 0.2), 50 * exp(1.96 * 0.2)), rel=1e-4)


# --- over time and groups ---------------------------------------------------------------------------------------------


def test_pipelines_add_up() -> None:
    halves = [joined([p]) for p in (pipeline((10.5, WON, 100.0), (5.0, LOST, 4.0)), pipeline((10.2, WON, 300.0)))]
    both = joined(halves)
    assert (both.n, both.of(WON), both.amount, both.valued) == (3, 2, 404.0, 3)
    cycle = both.cycle_days(11)
    assert cycle is not None
    assert cycle.value == pytest.approx(10.35)


def test_a_period_is_mature_once_its_last_deal_is_old_enough() -> None:
    scope = Scope("crm", datetime(2026, 4, 1), date(2026, 1, 1), date(2026, 5, 1), grain="month")
    months = [date(2026, m, 1) for m in (1, 2, 3, 4)]
    found = course(scope, 30, [(m, TEN) for m in months])
    assert [(p.is_over, p.immature) for p in found] == [(True, False), (True, False), (True, True), (False, True)]


def test_the_last_whole_period_stands_beside_the_mean_of_those_before() -> None:
    """Twenty, ten, twenty and forty times the ten deals, of which the fourth month is not yet old enough."""
    scope = Scope("crm", datetime(2026, 6, 1), date(2026, 1, 1), date(2026, 6, 1), grain="month")
    months = [(date(2026, 1 + i, 1), joined([TEN] * n)) for i, n in enumerate((20, 10, 20, 40))]
    found = latest(Course(scope, 60, course(scope, 60, months)))
    assert found is not None
    assert (found.period, found.n_before) == (date(2026, 3, 1), 2)
    assert found.ratio.value == pytest.approx(20 / sqrt(20 * 10))  # of the geometric mean
    steps = dict(found.steps)
    assert steps.pop("opportunities") == pytest.approx(log(found.ratio.value))
    assert all(step == pytest.approx(0) for step in steps.values())
    assert found.ratio.error == pytest.approx(
        sqrt(sum(v.error**2 / k for v, k in zip(velocities(months[:3]), (4, 4, 1), strict=True)))
    )
    cut = replace(scope, end=date(2026, 3, 20))  # March is cut off, so that February is the last whole one
    found = latest(Course(cut, 60, course(cut, 60, months[:3])))
    assert found is not None
    assert (found.period, found.n_before, found.ratio.value) == (date(2026, 2, 1), 1, pytest.approx(0.5))
    assert latest(Course(scope, 60, course(scope, 60, months[:1]))) is None


def velocities(months: list[tuple[date, Pipeline]]) -> list[Estimate]:
    found = [factors(p, 60).velocity for _, p in months]
    return [v for v in found if v]


def test_money_per_calendar_day_divides_by_the_days_so_far() -> None:
    scope = Scope("crm", datetime(2026, 1, 20, 12), date(2026, 1, 1), date(2026, 2, 1))
    found = Velocity("crm", 1, scope, 60, TEN, Rate(3, 7))
    assert found.calendar_days == 20
    assert found.per_day == pytest.approx(prod((10, 200, 0.3)) / 20)
