"""Goals of the handoff that a company sets itself, beside what the last whole month came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from lifecycle.agreement import Agreement
from lifecycle.rates import Rate
from lifecycle.service import Responses

SHARES = {  # goals that are shares, and what they are a share of
    "acceptance": "decided leads that sales accepted",
    "coverage": "accepted leads that marketing had handed over",
    "decided": "due leads that were decided in time",
    "service_level": "due leads that were touched in time",
}
COUNTS = {"delivered": "leads handed over", "accepted": "leads handed over and accepted"}


@dataclass(frozen=True)
class Goal:
    """What one month was to come to, and came to: `wanted` and `seen` are both a share or both a number of leads."""

    name: str
    month: date
    wanted: float
    seen: Rate | int

    @property
    def gap(self) -> float | None:
        """By how much the goal is missed, 0 where it is met; None where nothing is left to judge (an empty share)."""
        value = self.seen.value if isinstance(self.seen, Rate) else self.seen
        return None if value is None else max(self.wanted - value, 0.0)

    @property
    def is_met(self) -> bool:
        """Whether what was seen reaches the goal; where there is nothing to judge, nothing is missed."""
        return not self.gap


def goals(
    wanted: Mapping[str, float], month: date, agreement: Agreement, responses: Responses | None
) -> tuple[Goal, ...]:
    """The goals that are set, in order; `responses` are needed for the service level alone."""
    seen: dict[str, Rate | int] = {
        "acceptance": agreement.acceptance,
        "coverage": agreement.coverage,
        "decided": agreement.decided_of_due,
        "delivered": agreement.delivered,
        "accepted": agreement.accepted,
    }
    if responses is not None:
        seen["service_level"] = responses.rate
    return tuple(Goal(name, month, wanted[name], seen[name]) for name in (*SHARES, *COUNTS) if name in wanted)
