"""Intervals, differences and tests of rates equal those of another implementation, on any counts."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint, test_proportions_2indep

from lifecycle.findings import p_value
from lifecycle.rates import Rate, difference

rates = st.integers(1, 10**6).flatmap(lambda n: st.builds(Rate, st.integers(0, n), st.just(n)))
score_test = test_proportions_2indep
score_test.__test__ = False


@given(rates)
@example(Rate(0, 7))
@example(Rate(7, 7))
def test_the_interval_is_wilsons(rate: Rate) -> None:
    wanted = proportion_confint(rate.numerator, rate.denominator, method="wilson")
    assert rate.interval == pytest.approx(wanted, rel=1e-9, abs=1e-12)


@given(rates, rates)
@example(Rate(0, 5), Rate(5, 5))
def test_the_interval_of_a_difference_is_newcombes(now: Rate, before: Rate) -> None:
    counts = (now.numerator, now.denominator, before.numerator, before.denominator)
    found, wanted = difference(now, before), confint_proportions_2indep(*counts, compare="diff", method="newcomb")
    assert found is not None
    assert (found.low, found.high) == pytest.approx(wanted, rel=1e-9, abs=1e-12)


@given(rates, rates)
def test_the_p_value_is_that_of_the_score_test(a: Rate, b: Rate) -> None:
    low, high = sorted((a, b), key=lambda rate: rate.value or 0.0)  # the other one divides by the second
    if low.value == high.value:
        assert p_value(a, b) == 1
        return
    counts = (low.numerator, low.denominator, high.numerator, high.denominator)
    wanted = score_test(*counts, compare="diff", method="score", correction=False)
    assert p_value(a, b) == pytest.approx(wanted.pvalue, rel=1e-6, abs=1e-12)
