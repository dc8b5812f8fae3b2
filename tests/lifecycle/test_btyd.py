"""Models of customer value against published figures, and against data drawn from known truths."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from lifecycle.btyd import (
    BOUNDS,
    STARTS,
    BgNbd,
    GammaGamma,
    Spending,
    best,
    fit_bg_nbd,
    fit_gamma_gamma,
    kinds,
    weighted,
)
from lifecycle.prediction import held_out, kept_until, order_value, survival_of
from lifecycle.sbg import ShiftedBetaGeometric, Tenure, fit_sbg, tenure_of

# 2,357 customers of CDNOW by further purchases, weeks to the last and weeks seen: the sample that Fader, Hardie and Lee
# publish with their paper, as counts.
CDNOW = Path(__file__).parents[1] / "data" / "cdnow.csv"
PUBLISHED = BgNbd(0.243, 4.414, 0.793, 2.426)
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]  # Fader and Hardie 2007


def cdnow() -> list[tuple[float, float, float, float]]:
    with CDNOW.open() as file:
        return [(float(r["x"]), float(r["t_x"]), float(r["T"]), float(r["n"])) for r in csv.DictReader(file)]


def test_the_published_fit() -> None:
    past = kinds(cdnow())
    found = fit_bg_nbd(past)
    assert past.customers == 2357
    assert found is not None
    for value, printed in zip((found.r, found.alpha, found.a, found.b), (0.243, 4.414, 0.793, 2.426), strict=True):
        assert value == pytest.approx(printed, abs=0.0006)
    assert found.log_likelihood(past) == pytest.approx(-9582.4, abs=0.05)


def test_the_published_customer() -> None:
    """x = 2, t_x = 30.43, T = 38.86: expected to buy 1.226 times in the next 39 weeks."""
    assert PUBLISHED.expected(kinds([(2, 30.43, 38.86, 1)]), 39)[0] == pytest.approx(1.226, abs=0.0005)


def test_who_has_never_come_back_counts_as_alive() -> None:
    past = kinds([(0, 0.0, 30.0, 1), (3, 29.0, 30.0, 1), (3, 5.0, 30.0, 1)])
    never, lately, long_ago = PUBLISHED.alive(past)
    assert never == 1
    assert 0 < long_ago < lately < 1


def test_expected_purchases_grow_with_time_from_none() -> None:
    past = kinds([(2, 10.0, 20.0, 1)])
    steps = [float(PUBLISHED.expected(past, weeks)[0]) for weeks in (0, 1, 10, 100)]
    assert steps[0] == pytest.approx(0, abs=1e-9)
    assert steps == sorted(steps)
    assert PUBLISHED.expected_new(0) == pytest.approx(0, abs=1e-9)


def test_the_pole_at_one_is_removed() -> None:
    past = kinds([(2, 10.0, 20.0, 1)])
    around = [float(BgNbd(0.3, 4, a, 2.4).expected(past, 30)[0]) for a in (0.999, 1.0, 1.001)]
    assert around[1] == pytest.approx((around[0] + around[2]) / 2, rel=1e-3)


def test_order_and_unit_of_time_change_nothing() -> None:
    rows = cdnow()
    days = [(x, t * 7, age * 7, n) for x, t, age, n in reversed(rows)]
    here, there = fit_bg_nbd(kinds(rows)), fit_bg_nbd(kinds(days))
    assert here is not None and there is not None
    assert there.alpha == pytest.approx(here.alpha * 7, rel=1e-2)
    assert there.r == pytest.approx(here.r, rel=1e-2)


def test_too_few_say_nothing() -> None:
    assert fit_bg_nbd(kinds([(0, 0, 50, 10_000), (1, 3, 50, 29)])) is None
    assert fit_gamma_gamma(Spending((1.0,), (5.0,), (29.0,))) is None
    assert fit_sbg(Tenure({1: 29}, {1: 5_000})) is None
    assert order_value(kinds([]), None, None, 12, 0.1).per_new is None


def test_amounts_drawn_from_a_truth_lead_back_to_it() -> None:
    rng = np.random.default_rng(1)
    truth = GammaGamma(6.25, 3.74, 15.44)  # close to what the paper finds
    x = rng.integers(1, 8, 20_000).astype(float)
    rate = rng.gamma(truth.q, 1 / truth.gamma, x.size)
    mean = rng.gamma(truth.p * x, 1 / (rate * x))
    found = fit_gamma_gamma(Spending(tuple(x), tuple(mean), (1.0,) * x.size))
    assert found is not None and found.mean is not None and truth.mean is not None
    assert truth.mean == pytest.approx(35.2, abs=0.05)
    assert found.mean == pytest.approx(truth.mean, rel=0.02)
    assert found.q == pytest.approx(truth.q, rel=0.05)
    few, many = found.expected(np.array([1.0, 50.0]), np.array([100.0, 100.0]))
    assert truth.mean < few < many < 100  # drawn towards everybody's, the less the more is known


def test_the_published_renewals() -> None:
    found = fit_sbg(tenure_of(REGULAR))
    assert found is not None
    assert (found.alpha, found.beta) == (pytest.approx(0.704, abs=0.0005), pytest.approx(1.182, abs=0.0005))


def test_renewals_by_recursion() -> None:
    """The recursion of the paper: P(1) = α ÷ (α + β), P(t) = P(t − 1)(β + t − 2) ÷ (α + β + t − 1)."""
    model, left, kept = ShiftedBetaGeometric(0.704, 1.182), 0.0, 1.0
    for t in range(1, 20):
        left = 0.704 / 1.886 if t == 1 else left * (1.182 + t - 2) / (1.886 + t - 1)
        kept -= left
        assert model.lost(t) == pytest.approx(left)
        assert model.survival(t) == pytest.approx(kept)
        assert model.retention(t) == pytest.approx(model.survival(t) / model.survival(t - 1))
    assert model.renewals(2) == pytest.approx(1 + model.survival(1))
    assert model.renewals(2, 0.5) == pytest.approx(1 + model.survival(1) / 1.5)


def test_what_was_known_earlier_forgets_later_losses() -> None:
    known = Tenure({1: 30, 5: 40}, {3: 7, 6: 20})
    assert kept_until(known, 3) == Tenure({1: 30}, {3: 67})
    assert kept_until(known, 6) == known
    assert survival_of(Tenure({1: 50}, {2: 50})) == {0: 1.0, 1: 0.5, 2: 0.5}


def test_the_hold_out_adds_up() -> None:
    past = kinds(cdnow())
    later = [0.5 * n for *_, n in cdnow()]
    found = held_out(past, later, 39)
    assert found is not None
    assert sum(row.customers for row in found.rows) == 2357
    assert found.actual == pytest.approx(0.5 * 2357)
    model = fit_bg_nbd(past)
    assert model is not None
    assert found.predicted == pytest.approx(weighted(model.expected(past, 39), past))
    assert found.error == pytest.approx(found.predicted / found.actual - 1)


def test_waiting_lowers_value() -> None:
    past, amounts = kinds(cdnow()), GammaGamma(6.25, 3.74, 15.44)
    now, later = (order_value(past, amounts, None, 36, rate) for rate in (0.0, 0.15))
    assert now.per_new is not None and later.per_new is not None and amounts.mean is not None
    assert amounts.mean < later.per_new < now.per_new
    assert now.model is not None
    assert now.per_new == pytest.approx(amounts.mean * (1 + now.model.expected_new(36 * 365.25 / 7 / 12)))


@pytest.mark.parametrize(
    "rows",
    [
        [(float(x), t - 1, t, 5.0) for x in range(12) for t in (20.0, 40.0)],  # nobody leaves
        [(1.0, 0.5, 30.0, 40.0), (0.0, 0.0, 30.0, 100.0)],  # all leave at once
        [(50.0, 51.0, 52.0, 200.0)],  # all are alike
    ],
)
def test_the_fit_is_as_likely_as_that_of_a_simplex(rows: list[tuple[float, float, float, float]]) -> None:
    past = kinds(rows)

    def loss(logs: np.ndarray) -> float:
        r, alpha, a, b = (float(v) for v in np.exp(logs))
        return -BgNbd(r, alpha * 30, a, b).log_likelihood(past) / past.customers

    bounds, options = [BOUNDS] * 4, {"maxiter": 2_000, "xatol": 1e-5, "fatol": 1e-10}
    simplex = min(
        minimize(loss, np.full(4, s), method="Nelder-Mead", bounds=bounds, options=options).fun for s in STARTS
    )
    assert loss(best(loss, 4)) <= simplex + 1e-4
