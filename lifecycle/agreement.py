"""Whether marketing and sales agree: what became of the leads that marketing handed over, and of those it did not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lifecycle.rates import Rate

OUTCOMES = ("accepted", "rejected", "expired", "pending")
LATE = ("accepted_late", "rejected_late")  # expired, then decided all the same


@dataclass(frozen=True)
class Handed:
    """`n` journeys of one segment and period with one outcome: an OUTCOME, one of LATE, bypass or returned.

    `by` and `reason` tell which rejecting entry it was, and why.
    """

    segment: str | None
    period: object
    outcome: str
    by: str | None
    reason: str | None
    n: int


@dataclass(frozen=True)
class Agreement:
    """Counts of handed-over leads (MQLs) and of acceptances that marketing never handed over.

    decided late is part of expired. `bypass`: accepted without or before an MQL; `returned`: accepted without one,
    but an earlier journey of the same entity had one.
    """

    accepted: int = 0
    rejected: int = 0
    expired: int = 0
    pending: int = 0
    decided_late: int = 0
    bypass: int = 0
    returned: int = 0
    deadline: bool = True  # whether a decision is ever due

    @property
    def delivered(self) -> int:
        """All handed-over leads, whatever became of them."""
        return self.accepted + self.rejected + self.expired + self.pending

    @property
    def acceptance(self) -> Rate:
        """Accepted of decided: a / (a + b). Waiting and expired ones are in neither."""
        return Rate(self.accepted, self.accepted + self.rejected)

    @property
    def coverage(self) -> Rate:
        """Of what sales accepted, the share that marketing had handed over: a / (a + c)."""
        return Rate(self.accepted, self.accepted + self.bypass)

    @property
    def decided_of_due(self) -> Rate:
        """Decided in time of those due: acceptance alone would reward ignoring leads. Without a deadline, of all."""
        decided = self.accepted + self.rejected
        return Rate(decided, decided + self.expired + (0 if self.deadline else self.pending))

    @property
    def positive_agreement(self) -> PositiveAgreement:
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
    def value(self) -> float | None:
        whole = 2 * self.both + self.rejected + self.bypass
        return 2 * self.both / whole if whole else None

    @property
    def interval(self) -> tuple[float, float] | None:
        jaccard = Rate(self.both, self.both + self.rejected + self.bypass).interval
        if jaccard is None:
            return None
        low, high = (2 * j / (1 + j) for j in jaccard)
        return low, high

    def as_dict(self) -> dict[str, float | int | None]:
        low, high = self.interval or (None, None)
        whole = 2 * self.both + self.rejected + self.bypass
        return {"numerator": 2 * self.both, "denominator": whole, "value": self.value, "low": low, "high": high}


@dataclass(frozen=True)
class Reason:
    """One way of rejecting with one reason, and its share of all rejections."""

    by: str | None
    reason: str | None
    share: Rate


@dataclass(frozen=True)
class Row:
    """The agreement of one segment; `p` compares its acceptance with the rest, corrected for many segments."""

    segment: Mapping[str, str | None]
    agreement: Agreement
    p: float | None = None
    outside: str | None = None  # beyond which control limit its acceptance lies: "95", "99.8" or None


def counted(handed: Sequence[Handed], deadline: bool = True) -> Agreement:
    """The agreement that these outcomes add up to."""
    n: dict[str, int] = {}
    for h in handed:
        n[h.outcome] = n.get(h.outcome, 0) + h.n
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


def reasons(handed: Sequence[Handed]) -> list[Reason]:
    """Why leads were rejected in time, the most frequent first."""
    n: dict[tuple[str | None, str | None], int] = {}
    for h in handed:
        if h.outcome == "rejected":
            n[h.by, h.reason] = n.get((h.by, h.reason), 0) + h.n
    total = sum(n.values())
    return [Reason(*key, Rate(count, total)) for key, count in sorted(n.items(), key=lambda i: (-i[1], str(i[0])))]


@dataclass(frozen=True)
class Alignment:
    """The answer: the whole, its reasons, a row per segment and per period, and the same for the compared period."""

    whole: Agreement
    reasons: tuple[Reason, ...] = ()
    rows: tuple[Row, ...] = ()
    trend: Mapping[object, Agreement] = field(default_factory=dict)
    comparison: Alignment | None = None
    statements: tuple[object, ...] = ()
