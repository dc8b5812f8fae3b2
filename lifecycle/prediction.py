"""What customers will be worth: models fitted to the past, and how far they were off when the past was cut short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from lifecycle.btyd import BgNbd, GammaGamma, Past, fit_bg_nbd, weighted
from lifecycle.durations import OPEN, LifeTable
from lifecycle.rates import FEW
from lifecycle.sbg import ShiftedBetaGeometric, Tenure

WEEKS_A_YEAR = 365.25 / 7
MANY = 7  # purchases from which customers stand together in the hold-out
MONTHS, DISCOUNT = 36, 0.10  # how far value is predicted, and what a year of waiting costs


@dataclass(frozen=True)
class Held:
    """Customers with `x` further purchases before the cut (the last: that many or more), and what they did after it."""

    x: int
    customers: int
    predicted: float
    actual: float


@dataclass(frozen=True)
class HoldOut:
    """The model fitted without the last `weeks`, beside what happened in them: purchases of customers known before."""

    weeks: float
    rows: tuple[Held, ...]

    @property
    def predicted(self) -> float:
        return sum(row.predicted for row in self.rows)

    @property
    def actual(self) -> float:
        return sum(row.actual for row in self.rows)

    @property
    def error(self) -> float | None:
        """By how much the total was off: predicted ÷ actual − 1; None where nothing was bought."""
        return self.predicted / self.actual - 1 if self.actual else None


@dataclass(frozen=True)
class OrderValue:
    """Predicted from orders by BG/NBD and Gamma–Gamma; None where too few have bought again to fit either.

    `per_new`: discounted revenue of a new customer over `months`, the first purchase included. `next_year`: purchases
    that all customers known by the data cut-off are expected to make in the 52 weeks after it; `alive`: how many of
    them still buy.
    """

    customers: int
    returned: int
    months: int
    discount: float
    model: BgNbd | None = None
    amounts: GammaGamma | None = None
    holdout: HoldOut | None = None
    per_new: float | None = None
    next_year: float | None = None
    alive: float | None = None
    statements: tuple[Any, ...] = ()


def order_value(
    past: Past, amounts: GammaGamma | None, holdout: HoldOut | None, months: int, discount: float
) -> OrderValue:
    """Predictions for customers with this past."""
    model = fit_bg_nbd(past)
    known = OrderValue(past.customers, past.returned, months, discount, model, amounts, holdout)
    if model is None:
        return known
    mean = amounts.mean if amounts else None
    ages = np.arange(months + 1) * WEEKS_A_YEAR / 12
    bought = [model.expected_new(float(age)) for age in ages]
    steps = [(later - sooner) / (1 + discount) ** (k / 12) for k, (sooner, later) in enumerate(pairwise(bought), 1)]
    return OrderValue(
        **{name: getattr(known, name) for name in ("customers", "returned", "months", "discount", "model", "amounts")},
        holdout=holdout,
        per_new=None if mean is None else mean * (1 + sum(steps)),
        next_year=weighted(model.expected(past, 52), past),
        alive=weighted(model.alive(past), past),
    )


def held_out(past: Past, later: Sequence[float], weeks: float) -> HoldOut | None:
    """The model of a past that ends `weeks` early, beside the purchases `later` of each kind; None if not fitted."""
    model = fit_bg_nbd(past)
    if model is None:
        return None
    x, _, _, n = past.arrays
    expected, bought = model.expected(past, weeks) * n, np.asarray(later)
    rows = []
    for k in range(MANY + 1):
        here = x >= k if k == MANY else x == k
        if here.any():
            rows.append(Held(k, int(n[here].sum()), float(expected[here].sum()), float(bought[here].sum())))
    return HoldOut(weeks, tuple(rows))


@dataclass(frozen=True)
class SubscriptionValue:
    """Predicted from monthly renewals by the shifted beta-geometric model; None where too few have left.

    `seen`: month → share still subscribed, by Kaplan–Meier. `holdout`: the curve of a model fitted to the months before
    `held_from` alone. `per_new`: discounted revenue of a new subscriber over `months` at the mean MRR.
    """

    subscribers: int
    lost: int
    months: int
    discount: float
    seen: Mapping[int, float]
    mrr: float | None = None
    model: ShiftedBetaGeometric | None = None
    early: ShiftedBetaGeometric | None = None
    held_from: int = 0
    per_new: float | None = None
    statements: tuple[Any, ...] = ()


def kept_until(tenure: Tenure, month: int) -> Tenure:
    """The same subscribers as they were known after `month` renewals: who left later was still there."""
    lost = {t: n for t, n in tenure.lost.items() if t <= month}
    kept: dict[int, int] = {}
    for t, n in [*tenure.kept.items(), *((t, n) for t, n in tenure.lost.items() if t > month)]:
        kept[min(t, month)] = kept.get(min(t, month), 0) + n
    return Tenure(lost, kept)


def survival_of(tenure: Tenure) -> dict[int, float]:
    """Month → share still subscribed (Kaplan–Meier), from month 0, as long as 30 are at risk."""
    rows = [(float(t), "left", n) for t, n in tenure.lost.items()]
    rows += [(float(t), OPEN, n) for t, n in tenure.kept.items()]
    curve = LifeTable(tuple(rows)).curve
    return {0: 1.0} | {int(p.seconds): p.survival for p in curve if p.at_risk >= FEW}
