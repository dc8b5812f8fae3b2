"""What a customer is worth, seen and simple: value by age, lifetime value from churn, and what winning one costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from math import sqrt
from typing import Any

from scipy.stats import kendalltau

from lifecycle.pipeline import Estimate
from lifecycle.rates import FEW, LEVEL, Rate
from lifecycle.scope import Scope
from lifecycle.volumes import is_whole

MONTH_DAYS = 30  # an age is counted in months of 30 days since the first purchase
ORDERED = 5  # values from which on their order can tell a trend
YEAR = 12  # such months that must have been seen before value is held against cost
AGES = (1, 3, 6, 12, 24, 36)  # ages in such months at which a value is shown: 30 days to three years


@dataclass(frozen=True)
class Aged:
    """Revenue of one group in each month of 30 days since the first purchase.

    `months`: age → (customers seen through that whole month, their revenue in it). `n`: all customers of the group.
    """

    n: int
    months: Mapping[int, tuple[int, float]] = field(default_factory=dict)

    def per_customer(self, age: int) -> float | None:
        """Revenue per customer in the first `age` months, from customers old enough for each; None where few are.

        Each month has its own customers, those seen through it, so that young ones count for what they have shown.
        """
        if age > self.longest:
            return None
        return self.course[age - 1] if age else 0.0

    @cached_property
    def course(self) -> tuple[float, ...]:
        """Revenue per customer in the first month, in the first two, and so on, as far as it is known."""
        enough, so_far = min(FEW, max(self.n, 1)), 0.0
        out: list[float] = []
        while (month := self.months.get(len(out), (0, 0.0)))[0] >= enough:
            n, amount = month
            so_far += amount / n
            out.append(so_far)
        return tuple(out)

    def n_days(self, age: int) -> float | None:
        """Revenue per customer within `age` months, for mature groups alone: None while a customer is younger."""
        steps = [self.months.get(k, (0, 0.0)) for k in range(age)]
        if not self.n or any(n < self.n for n, _ in steps):
            return None
        return sum(amount for _, amount in steps) / self.n

    @property
    def longest(self) -> int:
        """The highest age in months that `per_customer` is known for."""
        return len(self.course)


def added(groups: Sequence[Aged]) -> Aged:
    """Groups as one."""
    ages = sorted({k for g in groups for k in g.months})
    months = {
        k: (sum(g.months.get(k, (0, 0.0))[0] for g in groups), sum(g.months.get(k, (0, 0.0))[1] for g in groups))
        for k in ages
    }
    return Aged(sum(g.n for g in groups), months)


@dataclass(frozen=True)
class Historic:
    """Revenue by age of customers whose first purchase lies in the period, whole, by cohort and by segment value.

    `margin`: the margin of revenue where orders tell it, as (margin, revenue of the orders that tell it); else None.
    """

    model: str
    build: int
    scope: Scope
    whole: Aged
    sources: tuple[str, ...]
    margin: tuple[float, float] | None = None
    cohorts: tuple[tuple[date, Aged], ...] = ()
    rows: tuple[tuple[str | None, Aged], ...] = ()
    statements: tuple[Any, ...] = ()

    @property
    def margin_share(self) -> float:
        """Margin as a share of revenue, from the orders that tell theirs; 1 where none does: revenue itself."""
        return self.margin[0] / self.margin[1] if self.margin and self.margin[1] > 0 else 1.0


def course_of(values: Sequence[float]) -> int:
    """Whether values in their order rise (1) or fall (-1) beyond chance; 0 where they do neither, or are few.

    Kendall's rank test, exact where they are few.
    """
    trend = kendalltau(range(len(values)), values)
    if len(values) < ORDERED or not trend.pvalue < LEVEL:
        return 0
    return 1 if trend.statistic > 0 else -1


@dataclass(frozen=True)
class Simple:
    """Lifetime value by the rule of thumb: ARPA × margin ÷ churn, from subscriptions.

    `mrr` and `customers` at the first instant of the last `months` months before the data cut-off; `lost` of them by
    the last. `arpa` is their mean monthly revenue.
    """

    customers: int
    mrr: float
    lost: int
    months: int
    statements: tuple[Any, ...] = ()

    @property
    def arpa(self) -> float | None:
        """Average revenue per account and month."""
        return self.mrr / self.customers if self.customers else None

    @property
    def churn(self) -> Rate:
        """Of the customers at the start, those without a subscription at the end."""
        return Rate(self.lost, self.customers)

    @property
    def monthly_churn(self) -> float | None:
        """The monthly share that, month after month, loses as many: 1 − (1 − churn)^(1 ÷ months)."""
        return None if self.churn.value is None or not self.months else 1 - (1 - self.churn.value) ** (1 / self.months)

    def value(self, margin: float) -> float | None:
        """ARPA × margin ÷ monthly churn; None where nobody left, since then it has no bound."""
        if self.arpa is None or not self.monthly_churn:
            return None
        return self.arpa * margin / self.monthly_churn


@dataclass(frozen=True)
class Acquired:
    """New customers of one group beside what was spent to win them, and their revenue by age."""

    value: str | None
    customers: int
    spend: float | None
    aged: Aged

    @property
    def cac(self) -> float | None:
        """Cost of acquiring a customer: spend ÷ new customers."""
        return None if self.spend is None or not self.customers else self.spend / self.customers

    def worth(self, margin: float) -> float | None:
        """Margin per customer as far as it has been seen; nothing is extrapolated."""
        seen = self.aged.per_customer(self.aged.longest) if self.aged.longest else None
        return None if seen is None else seen * margin

    def ratio(self, margin: float) -> float | None:
        """LTV:CAC: value seen so far ÷ cost of acquiring; None until it has been seen for a year."""
        worth = self.worth(margin)
        return None if worth is None or not self.cac or self.aged.longest < YEAR else worth / self.cac

    def payback(self, margin: float) -> int | None:
        """The first age in months of 30 days at which margin per customer covers the cost; None: not yet seen."""
        if self.cac is None:
            return None
        ages = range(1, self.aged.longest + 1)
        return next((a for a in ages if (self.aged.per_customer(a) or 0.0) * margin >= self.cac), None)


@dataclass(frozen=True)
class Acquisition:
    """What winning and keeping customers costs. Spend is that of the period moved back by `lag_days`, the cycle.

    `by`: the segment of `rows`, one that spend has too. `cohorts`: per period of the grain. `keeping`: spend on keeping
    in the period; `served`: customers who bought or subscribed in it.
    """

    scope: Scope
    lag_days: int
    whole: Acquired
    by: str | None = None
    rows: tuple[Acquired, ...] = ()
    cohorts: tuple[tuple[date, Acquired], ...] = ()
    keeping: float | None = None
    served: int = 0
    statements: tuple[Any, ...] = ()

    @property
    def cost_of_keeping(self) -> float | None:
        """Spend on keeping ÷ customers served in the period."""
        return None if self.keeping is None or not self.served else self.keeping / self.served

    @property
    def latest(self) -> Latest | None:
        """The last whole cohort beside those before it; None where either has fewer than 30 customers, or no spend."""
        known = [(day, one) for day, one in self.cohorts if one.spend and is_whole(self.scope, day)]
        if len(known) < 2:
            return None
        *before, (day, now) = known
        customers, spend = sum(one.customers for _, one in before), sum(one.spend or 0.0 for _, one in before)
        if min(now.customers, customers) < FEW or now.cac is None:
            return None
        ratio = Estimate(now.cac / (spend / customers), sqrt(1 / now.customers + 1 / customers))
        return Latest(day, now.cac, spend / customers, ratio)


@dataclass(frozen=True)
class Latest:
    """What a customer of the last cohort cost, and what one cost before: spend ÷ customers of all cohorts before it.

    `ratio`: the one ÷ the other; what was spent is known, and customers come as a Poisson count.
    """

    day: date
    cost: float
    before: float
    ratio: Estimate
