"""Whether marketing and sales agree: what became of the leads that marketing handed over, and of those it did not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import sqrt
from typing import Any

from lifecycle.rates import Difference, Rate, difference
from lifecycle.scope import Scope

OUTCOMES = ("accepted", "rejected", "expired", "pending")
LATE = ("accepted_late", "rejected_late")  # expired, then decided all the same


@dataclass(frozen=True)
class Handed:
    """`n` journeys of one segment and period with one outcome: an OUTCOME, one of LATE, bypass or returned.

    `rejected_by` and `reason` tell which rejecting entry it was, and why; `again` (1 or 0) whether the entity was
    handed over once more by as_of.
    """

    segment: str | None
    period: date
    outcome: str
    rejected_by: str | None
    reason: str | None
    again: int
    n: int


@dataclass(frozen=True)
class Agreement:
    """Counts of handed-over leads (MQLs) and of acceptances that marketing never handed over.

    decided late is part of expired. `bypass`: accepted without or before an MQL; `returned`: accepted without one,
    but an earlier journey of the same entity had one. `deadline`: whether a decision is ever due.
    """

    accepted: int = 0
    rejected: int = 0
    expired: int = 0
    pending: int = 0
    decided_late: int = 0
    bypass: int = 0
    returned: int = 0
    deadline: bool = True

    @property
    def decided(self) -> int:
        """Accepted or rejected in time."""
        return self.accepted + self.rejected

    @property
    def delivered(self) -> int:
        """All handed-over leads, whatever became of them."""
        return self.decided + self.expired + self.pending

    @property
    def acceptance(self) -> Rate:
        """Accepted of decided: a / (a + b). Waiting and expired ones are in neither."""
        return Rate(self.accepted, self.decided)

    @property
    def coverage(self) -> Rate:
        """Of what sales accepted, the share that marketing had handed over: a / (a + c), which is 1 − bypass."""
        return Rate(self.accepted, self.accepted + self.bypass)

    @property
    def decided_of_due(self) -> Rate:
        """Decided in time of those due: acceptance alone would reward ignoring leads. Without a deadline, of all."""
        return Rate(self.decided, self.decided + self.expired + (0 if self.deadline else self.pending))

    @property
    def positive_agreement(self) -> PositiveAgreement:
        """How far both teams name the same leads: 2a / (2a + b + c)."""
        return PositiveAgreement(self.accepted, self.rejected, self.bypass)


@dataclass(frozen=True)
class PositiveAgreement:
    """2a / (2a + b + c): how far two teams name the same leads, where no one knows the leads that neither named.

    Its interval is Wilson's on J = a / (a + b + c), mapped by 2J / (1 + J) (Dice from Jaccard).
    """

    both: int
    rejected: int
    bypass: int

    @property
    def numerator(self) -> int:
        return 2 * self.both

    @property
    def denominator(self) -> int:
        return 2 * self.both + self.rejected + self.bypass

    @property
    def value(self) -> float | None:
        return self.numerator / self.denominator if self.denominator else None

    @property
    def interval(self) -> tuple[float, float] | None:
        jaccard = Rate(self.both, self.both + self.rejected + self.bypass).interval
        if jaccard is None:
            return None
        low, high = (2 * j / (1 + j) for j in jaccard)
        return low, high

    def as_dict(self) -> dict[str, float | int | None]:
        """The same names as a rate's."""
        low, high = self.interval or (None, None)
        return {
            "numerator": self.numerator,
            "denominator": self.denominator,
            "value": self.value,
            "low": low,
            "high": high,
        }


def change(now: Rate | PositiveAgreement, before: Rate | PositiveAgreement) -> Difference | None:
    """The change between two periods: Newcombe's for rates, and its way of joining two intervals for the other.

    Source: Zou and Donner 2008 (the squared distances to the limits add up, as in Newcombe 1998).
    """
    if isinstance(now, Rate) and isinstance(before, Rate):
        return difference(now, before)
    here, then = now.interval, before.interval
    if now.value is None or before.value is None or here is None or then is None:
        return None
    delta = now.value - before.value
    low = delta - sqrt((now.value - here[0]) ** 2 + (then[1] - before.value) ** 2)
    high = delta + sqrt((here[1] - now.value) ** 2 + (before.value - then[0]) ** 2)
    return Difference(delta, low, high)


def counted(handed: Iterable[Handed], deadline: bool = True) -> Agreement:
    """The agreement that these outcomes add up to."""
    return of_outcomes(((h.outcome, h.n) for h in handed), deadline)


def of_outcomes(counts: Iterable[tuple[str, int]], deadline: bool = True) -> Agreement:
    """The agreement of (outcome, n) pairs."""
    n: dict[str, int] = {}
    for outcome, count in counts:
        n[outcome] = n.get(outcome, 0) + count
    late = sum(n.get(o, 0) for o in LATE)
    return Agreement(
        accepted=n.get("accepted", 0),
        rejected=n.get("rejected", 0),
        expired=n.get("expired", 0) + late,
        pending=n.get("pending", 0),
        decided_late=late,
        bypass=n.get("bypass", 0),
        returned=n.get("returned", 0),
        deadline=deadline,
    )


@dataclass(frozen=True)
class Reason:
    """One way of rejecting with one reason (None = none given), and its share of all rejections."""

    by: str | None
    reason: str | None
    share: Rate


def reasons(handed: Sequence[Handed]) -> tuple[Reason, ...]:
    """Why leads were rejected in time, the most frequent first."""
    n: dict[tuple[str | None, str | None], int] = {}
    for h in handed:
        if h.outcome == "rejected":
            n[h.rejected_by, h.reason] = n.get((h.rejected_by, h.reason), 0) + h.n
    total = sum(n.values())
    ranked = sorted(n.items(), key=lambda item: (-item[1], str(item[0])))
    return tuple(Reason(*key, Rate(count, total)) for key, count in ranked)


@dataclass(frozen=True)
class Again:
    """Of the leads that one exit or stage rejected, how many were handed over again by as_of, so far."""

    by: str | None
    share: Rate


def handed_again(handed: Sequence[Handed]) -> tuple[Again, ...]:
    """Of those rejected in time, by what rejected them, the share that came back; the most frequent first."""
    n: dict[str | None, list[int]] = {}
    for h in handed:
        if h.outcome == "rejected":
            counts = n.setdefault(h.rejected_by, [0, 0])
            counts[0] += h.n * h.again
            counts[1] += h.n
    ranked = sorted(n.items(), key=lambda item: (-item[1][1], str(item[0])))
    return tuple(Again(by, Rate(*counts)) for by, counts in ranked)


@dataclass(frozen=True)
class Alignment:
    """The answer: the whole, why leads were rejected, a count per segment and per period, and the compared period.

    `segments` is empty without a breakdown; `trend` has every period up to as_of, those without leads too.
    """

    model: str
    build: int
    scope: Scope
    whole: Agreement
    reasons: tuple[Reason, ...] = ()
    again: tuple[Again, ...] = ()
    segments: Mapping[str | None, Agreement] | None = None
    trend: Mapping[date, Agreement] | None = None
    comparison: Alignment | None = None
    statements: tuple[Any, ...] = ()
