"""What a card shows instead of an answer."""

from __future__ import annotations

from dataclasses import dataclass

from lifecycle.stages import ModelError
from queries.configfile import ConfigError
from queries.errors import WarehouseError, record


@dataclass(frozen=True)
class Failure:
    """Why there is no answer: `kind` as in WarehouseError, a sentence, what to do."""

    kind: str
    message: str
    hint: str = ""


def explain(problem: Exception) -> Failure:
    """What people may read about a problem: a WarehouseError's own words, for anything else a reference number."""
    if isinstance(problem, WarehouseError):
        return Failure(problem.kind, problem.message, problem.hint)
    if isinstance(problem, ConfigError | ModelError):
        return Failure("failed", "The configuration cannot be used.", "Run: lifecycle check")
    return Failure("failed", "This could not be worked out.", f"Reference {record(problem)} is in the log.")
