"""Whether the records obey what the two teams have written down, where records can tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lifecycle.rates import Rate


@dataclass(frozen=True)
class Obeyed:
    """The leads of which a written criterion asks something, and those of them that obey it."""

    accepted_touched: Rate  # accepted only after sales had got in touch
    rejected_touched: Rate  # rejected only after sales had got in touch
    rejected_reasoned: Rate  # rejected with a reason
    assigned: Rate  # handed over to somebody: assigned, whenever
    statements: tuple[Any, ...] = ()

    @property
    def criteria(self) -> dict[str, tuple[Rate, str]]:
        """Each criterion with its rate, and what it asks."""
        return {
            "Assigned to a rep": (self.assigned, "Somebody answers for every lead that is handed over."),
            "Accepted after a touch": (self.accepted_touched, "A rep spoke or wrote to a lead before accepting it."),
            "Rejected after a touch": (self.rejected_touched, "A rep spoke or wrote to a lead before rejecting it."),
            "Rejected with a reason": (
                self.rejected_reasoned,
                "Marketing can learn only from rejections that say why.",
            ),
        }
