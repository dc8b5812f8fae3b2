"""Whether those who would recommend also stay: curves by what they answered, and a test between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lifecycle.durations import LifeTable, Test, log_rank


@dataclass(frozen=True)
class Staying:
    """Promoters, passives and detractors by their first answer in the period, followed from that answer on.

    `leaving`: days until the subscription ended (those who still have it are censored); `returning`: days until the
    next order. None where there is no such table. The clock starts at the answer, never before: otherwise whoever
    stayed long enough to be asked would count as loyal for it.
    """

    leaving: Mapping[str, LifeTable] | None = None
    returning: Mapping[str, LifeTable] | None = None
    statements: tuple[Any, ...] = ()

    def test(self, of: Mapping[str, LifeTable]) -> Test | None:
        """Log-rank test between the groups; None with fewer than two."""
        return log_rank(list(of.values()))
