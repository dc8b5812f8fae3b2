"""The loop: customers who recommend, the leads they bring, and whether those become customers in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lifecycle.rates import Difference, Rate, difference
from lifecycle.scope import Scope


@dataclass(frozen=True)
class Reach:
    """How many of a group reached a stage, of those whose window has passed."""

    stage: str
    label: str
    referred: Rate
    others: Rate

    @property
    def change(self) -> Difference | None:
        """Referred less others, with its interval."""
        return difference(self.referred, self.others)


@dataclass(frozen=True)
class Generation:
    """Entities at one distance from somebody who was not referred: 1 was referred by such a one."""

    number: int
    referred: int
    customers: int

    @property
    def rate(self) -> Rate:
        """Of the referred, those who bought by the data cut-off."""
        return Rate(self.customers, self.referred)


@dataclass(frozen=True)
class Loop:
    """Referrals made in the period, by whom, how the referred fare beside all others, and who could still be asked.

    `made`: referrals in the period, by `referrers`. `customers`: those of all customers by the data cut-off who ever
    referred somebody; `promoters`: the same of those whose newest score is 9 or 10 (None without surveys). `reach`: the
    funnel's cohort of the period, referred against others. `circular`: referred in a circle, of no generation.
    """

    model: str
    build: int
    scope: Scope
    made: int
    referrers: int
    customers: Rate | None
    promoters: Rate | None
    reach: tuple[Reach, ...] = ()
    generations: tuple[Generation, ...] = ()
    circular: int = 0
    statements: tuple[Any, ...] = ()

    @property
    def unasked(self) -> int | None:
        """Promoters who have not referred anybody yet."""
        return None if self.promoters is None else self.promoters.denominator - self.promoters.numerator

    @property
    def per_referrer(self) -> float | None:
        """Referrals per referrer in the period."""
        return self.made / self.referrers if self.referrers else None


def reaches(stages: Sequence[tuple[str, str]], referred: Sequence[int], others: Sequence[int]) -> tuple[Reach, ...]:
    """Per stage the shares of the two groups that reached it. Counts: first those due, then those at each stage."""
    return tuple(
        Reach(key, label, Rate(a, referred[0]), Rate(b, others[0]))
        for (key, label), a, b in zip(stages, referred[1:], others[1:], strict=True)
    )
