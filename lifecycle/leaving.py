"""Whether the days on which subscriptions ended tell when customers left, or only when a list was made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

LEAST = 20  # customers who left: fewer may well have done so on one day
NEARLY_ALL = 0.95
MONTHS = 6  # in so many different ones must those have started who left on one day


@dataclass(frozen=True)
class Leaving:
    """Customers who were left without a subscription for the first time by as_of, whoever is filtered: `n` of them.

    `on` is the local day on which most of them left, `then` how many did, and `months` in how many different months
    these had started.
    """

    n: int = 0
    on: date | None = None
    then: int = 0
    months: int = 0
    statements: tuple[Any, ...] = ()

    @property
    def is_on_one_day(self) -> bool:
        """Whether nearly all who left did so on one day however long they had stayed: probably that of the list.

        At least 20 must have left, 95 % of them on that day, and these must have started in six months or more.
        """
        return self.n >= LEAST and self.then >= NEARLY_ALL * self.n and self.months >= MONTHS

    @property
    def who(self) -> str:
        """Those who left on that day, beside all who left: `all 1,869 who left`."""
        return f"all {self.n:,} who left" if self.then == self.n else f"{self.then:,} of {self.n:,} who left"

    @property
    def day(self) -> str:
        return "" if self.on is None else f"{self.on:%-d %b %Y}"

    @property
    def found(self) -> str:
        """What was found, as a title; nothing where the days are spread."""
        if not self.is_on_one_day:
            return ""
        return f"{self.who.capitalize()} are dated {self.day}: cohorts cannot tell when they left"

    @property
    def notice(self) -> str:
        """What was found, what it means for cohorts, and what remains right; nothing where the days are spread."""
        if not self.is_on_one_day:
            return ""
        return (
            f"{self.who.capitalize()} did so on one day, {self.day}, although they had started in {self.months:,} "
            "different months. That is probably the day on which the list was made, not the day on which each of them "
            "left. Then cohorts show 100 % until the period of that day and lose there whoever left at any time, and "
            "all churn falls into that period. How long subscriptions last remains right, since it needs their "
            "length alone."
        )
