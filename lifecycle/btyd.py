"""What customers without a contract will buy: "buy till you die", from counts of customers by their past.

BG/NBD (Fader, Hardie and Lee 2005): while alive a customer buys at a rate of their own, gamma distributed with shape r
and scale α; after each purchase they leave for good with a probability of their own, beta distributed with a and b.
Gamma–Gamma (Fader, Hardie and Lee 2005, "RFM and CLV"): amounts vary around a mean of the customer's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln, hyp2f1

Floats = np.ndarray
BOUNDS = (-9.0, 9.0)  # of the logarithms of parameters
STARTS = (0.0, 1.0)  # the likelihood is not concave: the best of several beginnings
ENOUGH = 30  # customers who bought again; with fewer nothing is fitted


@dataclass(frozen=True)
class Past:
    """Customers by what is known of them: `x` further purchases, the last at `recency`, seen for `age`; `n` of each.

    Times are in weeks since the first purchase; recency is 0 where x is 0. All columns are equally long.
    """

    x: tuple[float, ...]
    recency: tuple[float, ...]
    age: tuple[float, ...]
    n: tuple[float, ...]

    @cached_property
    def arrays(self) -> tuple[Floats, Floats, Floats, Floats]:
        x, recency, age, n = (np.asarray(column, dtype=float) for column in (self.x, self.recency, self.age, self.n))
        return x, recency, age, n

    @cached_property
    def distinct(self) -> tuple[tuple[Floats, Floats], ...]:
        """x, recency and age once each, and where in these every kind's stands: functions of one are dear."""
        return tuple(np.unique(column, return_inverse=True) for column in self.arrays[:3])

    @property
    def customers(self) -> int:
        return int(sum(self.n))

    @property
    def returned(self) -> int:
        """Customers with a further purchase."""
        return int(sum(n for x, n in zip(self.x, self.n, strict=True) if x > 0))


@dataclass(frozen=True)
class BgNbd:
    """The fitted model: r and α of the rate of buying (per week), a and b of leaving after a purchase."""

    r: float
    alpha: float
    a: float
    b: float

    def log_likelihood(self, past: Past) -> float:
        """Equation 6 of the paper, summed over customers."""
        x, _, _, n = past.arrays
        (k, nth_x), (recency, nth_recency), (age, nth_age) = past.distinct
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        buys = gammaln(r + k) - gammaln(r) + r * np.log(alpha)
        stays = gammaln(a + b) + gammaln(b + k) - gammaln(b) - gammaln(a + b + k)
        leaves = np.where(k > 0, np.log(a) - np.log(np.maximum(b + k - 1, 1e-300)), -np.inf)
        alive = -(r + x) * np.log(alpha + age)[nth_age]
        gone = leaves[nth_x] - (r + x) * np.log(alpha + recency)[nth_recency]
        return float((n * ((buys + stays)[nth_x] + np.logaddexp(alive, gone))).sum())

    def alive(self, past: Past) -> Floats:
        """The probability that a customer of each kind still buys at the end of what was seen."""
        x, recency, age, _ = past.arrays
        odds = self.a / np.maximum(self.b + x - 1, 1e-12)
        odds = odds * ((self.alpha + age) / (self.alpha + recency)) ** (self.r + x)
        return np.where(x > 0, 1 / (1 + odds), 1.0)

    def expected(self, past: Past, weeks: float) -> Floats:
        """Purchases that a customer of each kind is expected to make in the next `weeks` (equation 10)."""
        x, _, age, _ = past.arrays
        r, alpha, a, b = self.r, self.alpha, _off_one(self.a), self.b
        z = weeks / (alpha + age + weeks)
        later = ((alpha + age) / (alpha + age + weeks)) ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, z)
        return np.maximum((a + b + x - 1) / (a - 1) * (1 - later), 0.0) * self.alive(past)

    def expected_new(self, weeks: float) -> float:
        """Further purchases that a new customer is expected to make in the first `weeks` (equation 9)."""
        r, alpha, a, b = self.r, self.alpha, _off_one(self.a), self.b
        z = weeks / (alpha + weeks)
        return float((a + b - 1) / (a - 1) * (1 - (alpha / (alpha + weeks)) ** r * hyp2f1(r, b, a + b - 1, z)))


def _off_one(a: float) -> float:
    """The closed forms have a removable pole at a = 1."""
    return a if abs(a - 1) > 1e-6 else 1 + 1e-6


def fit_bg_nbd(past: Past) -> BgNbd | None:
    """The model under which this past is most likely; None with fewer than 30 customers who bought again."""
    if past.returned < ENOUGH:
        return None
    scale = max(float(np.average(past.arrays[2], weights=past.arrays[3])), 1e-9)  # so that α is near 1

    def model(logs: Floats) -> BgNbd:
        r, alpha, a, b = np.exp(logs)
        return BgNbd(float(r), float(alpha * scale), float(a), float(b))

    return model(best(lambda logs: -model(logs).log_likelihood(past) / past.customers, 4))


@dataclass(frozen=True)
class Spending:
    """Customers by how often they bought (`x`) and what they paid on average (`mean`, above 0); `n` of each."""

    x: tuple[float, ...]
    mean: tuple[float, ...]
    n: tuple[float, ...]

    @cached_property
    def arrays(self) -> tuple[Floats, Floats, Floats]:
        x, mean, n = (np.asarray(column, dtype=float) for column in (self.x, self.mean, self.n))
        return x, mean, n


@dataclass(frozen=True)
class GammaGamma:
    """The fitted model of amounts: shape p within a customer, shape q and scale γ of customers' own means."""

    p: float
    q: float
    gamma: float

    def log_likelihood(self, spending: Spending) -> float:
        """Equation 1a of Fader and Hardie (2013), summed over customers."""
        x, mean, n = spending.arrays
        px, q = self.p * x, self.q
        each = gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(self.gamma) + (px - 1) * np.log(mean)
        return float((n * (each + px * np.log(x) - (px + q) * np.log(self.gamma + mean * x))).sum())

    @property
    def mean(self) -> float | None:
        """The mean amount over all customers; None where the tail is too heavy to have one (q ≤ 1)."""
        return self.p * self.gamma / (self.q - 1) if self.q > 1 else None

    def expected(self, x: Floats, mean: Floats) -> Floats:
        """A customer's true mean amount, given x purchases of `mean` on average: drawn towards everybody's (eq. 5)."""
        return self.p * (self.gamma + mean * x) / (self.p * x + self.q - 1)


def fit_gamma_gamma(spending: Spending) -> GammaGamma | None:
    """The model under which these amounts are most likely; None with fewer than 30 customers."""
    _, mean, n = spending.arrays
    if n.sum() < ENOUGH:
        return None
    scale = float(np.average(mean, weights=n))

    def model(logs: Floats) -> GammaGamma:
        p, q, gamma = np.exp(logs)
        return GammaGamma(float(p), 1 + float(q), float(gamma * scale))  # q above 1: a mean exists

    return model(best(lambda logs: -model(logs).log_likelihood(spending) / n.sum(), 3))


def best(loss: Callable[[Floats], float], size: int) -> Floats:
    """Where a function of `size` logarithms is lowest, from several beginnings.

    By quadratic steps (Kraft 1988), a quarter of the work of a simplex; by one (Nelder and Mead 1965) where they fail.
    """
    bounds = [BOUNDS] * size
    ways: tuple[tuple[str, dict[str, float]], ...] = (
        ("SLSQP", {"maxiter": 300, "ftol": 1e-13}),
        ("Nelder-Mead", {"maxiter": 2_000, "xatol": 1e-5, "fatol": 1e-10}),
    )
    found = []
    for start in STARTS:
        for method, options in ways:
            end = minimize(loss, np.full(size, start), method=method, bounds=bounds, options=options)
            if end.success and np.isfinite(end.fun):
                break
        found.append(end)
    return np.asarray(min(found, key=lambda f: f.fun).x)


def weighted(values: Floats, past: Past) -> float:
    """The sum of a value per kind of customer over all customers."""
    return float((values * past.arrays[3]).sum())


def kinds(rows: Sequence[tuple[float, float, float, float]]) -> Past:
    """A past from rows of (x, recency, age, n)."""
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), ()]
    return Past(*(tuple(float(v) for v in column) for column in columns))
