"""How long stages take, right about those still waiting: curves, quantiles and tests from a life table.

A life table is a list of (seconds, outcome, n): n stays of that length ended by that outcome, or are still open
(`OPEN`: censored). A censoring at the instant of an event is still at risk then. Kaplan and Meier (1958) for leaving by
any cause; Aalen and Johansen (1978) for each way of leaving, because rivals are no censoring.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.stats import chi2, norm

from lifecycle.life_rows import Columns, Row, columns, concatenated

OPEN = "open"
Z = float(norm.ppf(0.975))
LEAST = 10  # at risk: of fewer, a single one moves the curve by a tenth of what is left


@dataclass(frozen=True)
class Point:
    """One step of the curve: at `seconds`, of `at_risk` stays `left` ended and `censored` were seen no further."""

    seconds: float
    at_risk: int
    left: int
    censored: int
    survival: float
    low: float
    high: float


@dataclass(frozen=True)
class LifeTable:
    """Stays by length and outcome; everything about their durations is derived from it.

    `rows`: seconds, outcome, n. `zero`: how many of those that ended at 0 had no length at all (a bulk update); the
    others ended within the first bin, which is reported at its lower edge.
    """

    rows: Sequence[Row]
    zero: int = 0

    @cached_property
    def columns(self) -> Columns:
        """The rows as arrays."""
        return columns(self.rows)

    @cached_property
    def _n(self) -> dict[str, int]:
        """How many stays ended in each way, or are open."""
        c = self.columns
        totals: Iterable[float] = np.bincount(c.how, c.n, len(c.names)) if c.names else ()
        return {name: int(total) for name, total in zip(c.names, totals, strict=True) if total}

    @cached_property
    def outcomes(self) -> tuple[str, ...]:
        """The ways in which stays ended, the most frequent first."""
        return tuple(sorted(self._n.keys() - {OPEN}, key=lambda o: (-self._n[o], o)))

    @cached_property
    def _arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Distinct times, events per time and outcome, censored per time, at risk per time."""
        c, names = self.columns, self.columns.names
        times, place = np.unique(c.seconds, return_inverse=True)
        wide = len(names) + 1  # the last for ways in which nobody ended
        counts = np.bincount(place * wide + c.how, c.n, len(times) * wide).reshape(len(times), wide)
        events = counts[:, [names.index(outcome) for outcome in self.outcomes]]
        censored = counts[:, names.index(OPEN) if OPEN in names else -1]
        gone = events.sum(axis=1) + censored
        at_risk = gone[::-1].cumsum()[::-1]
        return times, events, censored, at_risk

    @cached_property
    def n(self) -> int:
        return sum(self._n.values())

    @property
    def events(self) -> int:
        return self.n - self.censored

    @property
    def censored(self) -> int:
        return self._n.get(OPEN, 0)

    def censored_before(self, seconds: float) -> int:
        """How many were seen for less than a time, and had not left by then."""
        times, _, censored, _ = self._arrays
        return int(censored[: np.searchsorted(times, seconds)].sum())

    @property
    def longest(self) -> float:
        """The longest stay seen, ended or not, in seconds: nothing is known beyond it."""
        times = self._arrays[0]
        return float(times[-1]) if len(times) else 0.0

    @cached_property
    def seen(self) -> float:
        """How long the curve can be told, in seconds: the last time at which ten or more were at risk."""
        times = self._steps[0, self._steps[1] >= LEAST]
        return float(times[-1]) if len(times) else self.longest

    def ended(self, outcomes: Sequence[str]) -> int:
        """How many stays ended in one of these ways."""
        return sum(self._n.get(outcome, 0) for outcome in set(outcomes))

    @property
    def curve(self) -> tuple[Point, ...]:
        """Still in the stage after t seconds, with a 95 % band (log-log of Greenwood's variance).

        Once nobody is left that variance is not defined: the upper limit stays where it was.
        """
        return tuple(Point(t, int(r), int(d), int(c), s, a, b) for t, r, d, c, s, a, b in self._steps.T.tolist())

    @cached_property
    def _steps(self) -> np.ndarray:
        """The curve as seven rows of numbers, in the order of a Point's fields: a tenth of what points take."""
        times, events, censored, at_risk = self._arrays
        left = events.sum(axis=1)
        survival = np.cumprod(1 - left / at_risk) if len(times) else np.array([])
        with np.errstate(divide="ignore", invalid="ignore"):
            greenwood = np.cumsum(left / (at_risk * (at_risk - left)))
            spread = Z * np.sqrt(greenwood) / np.abs(np.log(survival))
            low, high = survival ** np.exp(spread), survival ** np.exp(-spread)
        inside = (survival > 0) & (survival < 1)
        low, high = np.where(inside, low, survival), np.where(inside, high, 1.0)
        high = np.minimum.accumulate(high)
        return np.array([times, at_risk, left, censored, survival, low, high])

    def _point(self, i: int) -> Point:
        t, r, d, c, s, a, b = self._steps[:, i].tolist()
        return Point(t, int(r), int(d), int(c), s, a, b)

    def at(self, seconds: float) -> Point:
        """The curve at a time: its last step by then, and who is at risk at that very time."""
        times, risk = self._steps[0], self._steps[1]
        i, j = (int(np.searchsorted(times, seconds, side)) for side in ("right", "left"))
        at_risk = int(risk[j]) if j < len(risk) else 0
        if i == 0:
            return Point(seconds, at_risk, 0, 0, 1.0, 1.0, 1.0)
        return replace(self._point(i - 1), seconds=seconds, at_risk=at_risk)

    def variance(self, seconds: float) -> float:
        """Greenwood's variance (1926) of the share still in after a time; 0 where nobody or everybody is."""
        times, at_risk, left = self._steps[:3]
        n = int(np.searchsorted(times, seconds, "right"))
        gone = np.flatnonzero(left[:n] == at_risk[:n])
        risk, events = at_risk[: gone[0] if len(gone) else n], left[: gone[0] if len(gone) else n]
        return float(self.at(seconds).survival ** 2 * (events / (risk * (risk - events))).sum())

    def quantile(self, q: float) -> float | None:
        """The time by which a share `q` had left by any cause: first t with S(t) ≤ 1 − q; None = not reached."""
        return self._first(self._steps[4] <= 1 - q + 1e-12)

    def quantile_band(self, q: float) -> tuple[float | None, float | None]:
        """95 % limits of a quantile, where the band of the curve crosses 1 − q (Brookmeyer and Crowley 1982)."""
        return self._first(self._steps[5] <= 1 - q), self._first(self._steps[6] <= 1 - q)

    def _first(self, where: np.ndarray) -> float | None:
        """The first time of all at which somebody left and the condition holds."""
        found = np.flatnonzero(where & (self._steps[2] > 0))
        return float(self._steps[0, found[0]]) if len(found) else None

    @cached_property
    def naive_median(self) -> float | None:
        """The median of the closed ones alone: what a report that drops the waiting ones shows, and too short."""
        times, events, *_ = self._arrays
        left = events.sum(axis=1).cumsum()
        return float(times[np.searchsorted(left, left[-1] / 2)]) if self.events else None

    @cached_property
    def incidence(self) -> dict[str, tuple[tuple[float, float], ...]]:
        """Outcome → (seconds, share that has left that way by then); with those still in they add up to 1."""
        times, events, _, at_risk = self._arrays
        before = (
            np.concatenate([[1.0], np.cumprod(1 - events.sum(axis=1) / at_risk)[:-1]]) if len(times) else np.array([])
        )
        out = {}
        for i, outcome in enumerate(self.outcomes):
            share = np.cumsum(before * events[:, i] / at_risk)
            out[outcome] = tuple((float(t), float(v)) for t, v in zip(times, share, strict=True))
        return out

    def share(self, outcomes: Sequence[str], seconds: float) -> float:
        """The share that has left in one of these ways by a time."""
        i = int(np.searchsorted(self._steps[0], seconds, "right")) - 1
        return sum(self.incidence[o][i][1] for o in outcomes if o in self.incidence) if i >= 0 else 0.0

    def share_variance(self, outcomes: Sequence[str], seconds: float) -> float:
        """The variance of `share`, by the delta method (Marubini and Valsecchi 1995); I(1−I)/n where all were seen."""
        times, events, _, at_risk = self._arrays
        until = int(np.searchsorted(times, seconds, "right"))
        n, left = at_risk[:until], events[:until].sum(axis=1)
        own = events[:until, [i for i, outcome in enumerate(self.outcomes) if outcome in outcomes]].sum(axis=1)
        before = np.concatenate([[1.0], self._steps[4]])[:until] / n
        to_come = self.share(outcomes, seconds) - np.cumsum(before * own)
        some = left < n  # once nobody is left, nothing is to come
        greenwood = (to_come[some] ** 2 * left[some] / (n[some] * (n[some] - left[some]))).sum()
        return float(greenwood + (before**2 * (n - own) * own / n).sum() - 2 * (to_come * before * own / n).sum())

    def chance(self, outcomes: Sequence[str], age: float) -> float | None:
        """Of those still in at an age, the share expected to leave in one of these ways within the longest stay seen.

        (I(longest) − I(age)) ÷ S(age); who has not left by then counts as not leaving. None where nobody is at risk.
        """
        here = self.at(age)
        if not here.at_risk or not here.survival:
            return None
        return min(1.0, (self.share(outcomes, self.longest) - self.share(outcomes, age)) / here.survival)

    def time_to(self, outcomes: Sequence[str], q: float) -> float | None:
        """The time by which a share `q` of all had left by one of these outcomes; None = not reached."""
        steps = zip(*(self.incidence[o] for o in outcomes if o in self.incidence), strict=True)
        return next((step[0][0] for step in steps if sum(v for _, v in step) >= q - 1e-12), None)

    def restricted_mean(self, horizon: float) -> float:
        """Mean time in the stage up to `horizon` seconds: the area under the curve."""
        times, survival = self._steps[0], self._steps[4]
        n = int(np.searchsorted(times, horizon, "left"))
        edges = np.concatenate([[0.0], times[:n], [horizon]])
        return float(np.diff(edges) @ np.concatenate([[1.0], survival[:n]]))


@dataclass(frozen=True)
class Test:
    """A test statistic with its degrees of freedom and p value."""

    statistic: float
    df: int
    p: float


def joined(tables: Iterable[LifeTable]) -> LifeTable:
    """Life tables of several groups as one: they add up."""
    tables = tuple(tables)
    return LifeTable(concatenated(table.columns for table in tables), sum(table.zero for table in tables))


def log_rank(*strata: Sequence[LifeTable]) -> Test | None:
    """Whether groups leave at different rates (Mantel 1966; Peto and Peto 1972).

    Each stratum holds one life table per group, in the same order; what differs between strata is no difference
    between groups. None with fewer than two groups that anybody is in.
    """
    present = [i for i in range(len(strata[0])) if any(tables[i].n for tables in strata)] if strata else []
    if len(present) < 2:
        return None
    parts = [_observed_less_expected([tables[i] for i in present]) for tables in strata]
    gap, variance = sum(g for g, _ in parts)[:-1], sum(v for _, v in parts)[:-1, :-1]  # type: ignore[index]
    statistic = float(gap @ np.linalg.pinv(variance) @ gap)
    df = len(present) - 1
    return Test(statistic, df, float(chi2.sf(statistic, df)))


def _observed_less_expected(groups: Sequence[LifeTable]) -> tuple[np.ndarray, np.ndarray]:
    """Per group the events beyond those expected if all left alike, and their covariance (hypergeometric)."""
    times = np.unique(np.concatenate([g._steps[0, g._steps[2] > 0] for g in groups]))
    at_risk, left = np.zeros((len(groups), len(times))), np.zeros((len(groups), len(times)))
    for i, group in enumerate(groups):
        own, events, _, risk = group._arrays
        at_risk[i] = np.append(risk, 0)[np.searchsorted(own, times)]  # at risk are those seen then or later
        some = events.sum(axis=1) > 0
        left[i, np.searchsorted(times, own[some])] = events.sum(axis=1)[some]
    n, d = at_risk.sum(axis=0), left.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(n > 1, d * (n - d) / (n**2 * (n - 1)), 0.0)
    variance = np.diag((at_risk * factor * n).sum(axis=1)) - (at_risk * factor) @ at_risk.T
    return (left - at_risk * d / n).sum(axis=1), variance
