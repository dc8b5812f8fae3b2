"""Where the teams disagree: which segments differ from the others by more than chance, and how much that matters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import erfc, sqrt

import numpy as np
from scipy.stats import binom

from lifecycle.agreement import Agreement
from lifecycle.rates import LEVEL, Rate, adjusted

TAILS = {"95": 0.025, "99.8": 0.001}


@dataclass(frozen=True)
class Limits:
    """Between which acceptance rates a segment of this size lies by chance alone: in 95 % and in 99.8 % of cases."""

    warning: tuple[float, float]
    control: tuple[float, float]


def control_limits(rate: float, sizes: Sequence[int]) -> list[Limits]:
    """Limits of a funnel plot around the whole's `rate`, for each number of decided leads (Spiegelhalter 2005).

    Exact binomial quantiles, interpolated between the two whole numbers that they lie between.
    """
    warning, control = ([_quantiles(p, sizes, rate) for p in (tail, 1 - tail)] for tail in (TAILS["95"], TAILS["99.8"]))
    pairs = zip(*warning, *control, strict=True)
    return [Limits((low, high), (lowest, highest)) for low, high, lowest, highest in pairs]


def _quantiles(p: float, sizes: Sequence[int], rate: float) -> list[float]:
    if rate in (0, 1):
        return [rate] * len(sizes)  # where all were decided alike, nothing else is left to chance
    n = np.asarray(sizes)
    r = binom.ppf(p, n, rate)
    share = (binom.cdf(r, n, rate) - p) / binom.pmf(r, n, rate)
    return [float(x) for x in np.clip((r - share) / n, 0.0, 1.0)]


@dataclass(frozen=True)
class Plot:
    """The funnel plot of one segment: the whole's rate, and how many decided leads its values have."""

    rate: float
    sizes: tuple[int, ...]

    @cached_property
    def limits(self) -> dict[int, Limits]:
        """The limits of each size, worked out when somebody looks: most pages show none."""
        return dict(zip(self.sizes, control_limits(self.rate, self.sizes), strict=True))


@dataclass(frozen=True)
class Row:
    """One value of a segment. `rest` is the acceptance of all others; `p` compares the two, corrected for many rows.

    `contribution`: by how much the segment lifts or lowers the whole's acceptance, its share of the decided times its
    distance from the whole; over a segment's values they add up to 0. `mix` and `rate` split its part in the change
    since the compared period: more or fewer leads from here, and another acceptance here.
    """

    segment: str
    value: str | None
    agreement: Agreement
    rest: Rate
    plot: Plot | None = None
    p: float | None = None
    contribution: float | None = None
    mix: float | None = None
    rate: float | None = None

    @property
    def acceptance(self) -> Rate:
        return self.agreement.acceptance

    @property
    def limits(self) -> Limits | None:
        """Between which acceptance rates it lies by chance; None where none of its leads was decided."""
        return self.plot.limits[self.acceptance.denominator] if self.plot else None

    @property
    def outside(self) -> str | None:
        """Which control limit its acceptance lies beyond: 99.8, 95 or none."""
        value, limits = self.acceptance.value, self.limits
        if limits is None or value is None:
            return None
        for name, (low, high) in (("99.8", limits.control), ("95", limits.warning)):
            if not low <= value <= high:
                return name
        return None

    @property
    def differs(self) -> bool:
        """Whether it differs from the rest by more than chance, with at least 30 decided leads to say so."""
        return self.p is not None and self.p < LEVEL and not self.acceptance.few

    @property
    def distance(self) -> float:
        """How many standard errors its acceptance lies from the whole's: what the eye sees in a funnel plot."""
        here, rest = self.acceptance, self.rest
        if here.value is None or rest.value is None:
            return 0.0
        pooled = (here.numerator + rest.numerator) / (here.denominator + rest.denominator)
        spread = sqrt(pooled * (1 - pooled) / here.denominator)
        return (here.value - pooled) / spread if spread else 0.0


def rows(
    segment: str, values: Mapping[str | None, Agreement], before: Mapping[str | None, Agreement] | None = None
) -> tuple[Row, ...]:
    """A row per value of one segment, the largest first; with `before`, how each contributed to the change."""
    values = {value: Agreement() for value in before or ()} | dict(values)
    accepted, decided = sum(a.accepted for a in values.values()), sum(a.decided for a in values.values())
    whole = Rate(accepted, decided)
    changes = shifts(_rates(values), _rates(before)) if before else {}
    sizes = tuple(sorted({a.decided for a in values.values() if a.decided}))
    plot = None if whole.value is None else Plot(whole.value, sizes)
    made = []
    for value, found in sorted(values.items(), key=lambda i: (-i[1].decided, -i[1].bypass, i[0] is None, i[0] or "")):
        here, rest = found.acceptance, Rate(accepted - found.accepted, decided - found.decided)
        row = Row(segment, value, found, rest)
        if here.value is not None and whole.value is not None:
            pull = here.denominator / decided * (here.value - whole.value)
            row = replace(row, plot=plot, contribution=pull)
        mix, rate = changes.get(value, (None, None))
        made.append(replace(row, mix=mix, rate=rate))
    return corrected(made)


def corrected(made: Iterable[Row]) -> tuple[Row, ...]:
    """The rows with p values (each against the rest), corrected for as many as there are."""
    made = list(made)
    tested = [i for i, r in enumerate(made) if r.acceptance.denominator and r.rest.denominator]
    for i, p in zip(tested, adjusted([p_value(made[i].acceptance, made[i].rest) for i in tested]), strict=True):
        made[i] = replace(made[i], p=p)
    return tuple(made)


def p_value(here: Rate, there: Rate) -> float:
    """Whether two shares differ: the score test of two proportions (Pearson's chi-square without correction)."""
    pooled = (here.numerator + there.numerator) / (here.denominator + there.denominator)
    spread = sqrt(pooled * (1 - pooled) * (1 / here.denominator + 1 / there.denominator))
    if here.value is None or there.value is None or not spread:
        return 1.0
    return erfc(abs(here.value - there.value) / spread / sqrt(2))


def _rates(values: Mapping[str | None, Agreement]) -> dict[str | None, Rate]:
    return {value: found.acceptance for value, found in values.items()}


def shifts(now: Mapping[str | None, Rate], before: Mapping[str | None, Rate]) -> dict[str | None, tuple[float, float]]:
    """The change of the pooled rate, split exactly into (mix, rate) per segment (Kitagawa 1955).

    Δ = Σ Δm · mean(r) + Σ mean(m) · Δr, with m the share of the denominator, and mean(r) taken from the whole's mean,
    so that a segment that grows adds only what sets it apart. A rate that one period lacks is taken from the other.
    """
    here, then = (sum(r.denominator for r in rates.values()) for rates in (now, before))
    if not here or not then:
        return {}
    nothing = Rate(0, 0)
    whole = (sum(r.numerator for r in now.values()) / here + sum(r.numerator for r in before.values()) / then) / 2
    out = {}
    for value in now.keys() | before.keys():
        a, b = now.get(value, nothing), before.get(value, nothing)
        r1, r0 = (a.value, b.value) if a.value is not None and b.value is not None else (a.value, a.value)
        if r1 is None or r0 is None:
            r1 = r0 = b.value if b.value is not None else whole
        m1, m0 = a.denominator / here, b.denominator / then
        out[value] = ((m1 - m0) * ((r1 + r0) / 2 - whole), (m1 + m0) / 2 * (r1 - r0))
    return out
