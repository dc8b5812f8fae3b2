"""How long subscribers stay: the shifted beta-geometric model (Fader and Hardie 2007), fitted to renewals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import betaln

from lifecycle.btyd import best

ENOUGH = 30  # subscribers who left; with fewer nothing is fitted


@dataclass(frozen=True)
class Tenure:
    """Subscribers by the renewals seen: `lost` at the t-th (1…), and `kept`: still there after t renewals (0…)."""

    lost: Mapping[int, int]
    kept: Mapping[int, int]

    @property
    def n(self) -> int:
        return sum(self.lost.values()) + sum(self.kept.values())


@dataclass(frozen=True)
class ShiftedBetaGeometric:
    """Each subscriber leaves at every renewal with the same probability of their own, beta distributed (α, β)."""

    alpha: float
    beta: float

    def lost(self, t: int) -> float:
        """The share that leaves at the t-th renewal: B(α + 1, β + t − 1) ÷ B(α, β)."""
        return float(np.exp(betaln(self.alpha + 1, self.beta + t - 1) - betaln(self.alpha, self.beta)))

    def survival(self, t: int) -> float:
        """The share still there after t renewals: B(α, β + t) ÷ B(α, β)."""
        return float(np.exp(betaln(self.alpha, self.beta + t) - betaln(self.alpha, self.beta)))

    def retention(self, t: int) -> float:
        """Of those there before the t-th renewal, the share that stays: (β + t − 1) ÷ (α + β + t − 1)."""
        return (self.beta + t - 1) / (self.alpha + self.beta + t - 1)

    def renewals(self, periods: int, discount: float = 0.0) -> float:
        """Periods that a new subscriber is expected to pay for, of the next `periods`, the first one at once.

        `discount` is the rate per period at which later payments count for less.
        """
        return float(sum(self.survival(t) / (1 + discount) ** t for t in range(periods)))

    def log_likelihood(self, tenure: Tenure) -> float:
        """Of everybody seen: the lost by when, the kept by how long so far."""
        lost = sum(n * np.log(self.lost(t)) for t, n in tenure.lost.items())
        return float(lost + sum(n * np.log(self.survival(t)) for t, n in tenure.kept.items()))


def fit_sbg(tenure: Tenure) -> ShiftedBetaGeometric | None:
    """The model under which these tenures are most likely; None with fewer than 30 who left."""
    if sum(tenure.lost.values()) < ENOUGH:
        return None
    times = np.array(sorted({*tenure.lost, *tenure.kept}), dtype=float)
    lost = np.array([tenure.lost.get(int(t), 0) for t in times], dtype=float)
    kept = np.array([tenure.kept.get(int(t), 0) for t in times], dtype=float)

    def loss(logs: np.ndarray) -> float:
        alpha, beta = np.exp(logs)
        whole = betaln(alpha, beta)
        gone = np.where(lost > 0, betaln(alpha + 1, np.maximum(beta + times - 1, 1e-12)) - whole, 0.0)
        return float(-(lost * gone + kept * (betaln(alpha, beta + times) - whole)).sum() / tenure.n)

    alpha, beta = np.exp(best(loss, 2))
    return ShiftedBetaGeometric(float(alpha), float(beta))


def tenure_of(survivors: list[int]) -> Tenure:
    """One cohort, all begun together, by how many were left after 0, 1, 2 … renewals."""
    lost = {t: before - after for t, (before, after) in enumerate(pairwise(survivors), 1)}
    return Tenure(lost, {len(survivors) - 1: survivors[-1]})
