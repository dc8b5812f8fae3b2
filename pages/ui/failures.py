"""What a card shows instead of an answer, and the reference that leads from it to the log."""

from __future__ import annotations

import logging
import traceback
import uuid
from dataclasses import dataclass

from lifecycle.stages import ModelError
from queries.configfile import ConfigError
from queries.errors import WarehouseError

log = logging.getLogger(__name__)


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


def record(problem: Exception) -> str:
    """Log where a problem arose under a new reference; its own text stays out, as it may hold personal data."""
    reference = uuid.uuid4().hex[:8]
    frames = traceback.extract_tb(problem.__traceback__)
    where = " < ".join(f"{f.filename.rsplit('/', 1)[-1]}:{f.lineno} {f.name}" for f in reversed(frames[-8:]))
    log.error("reference %s: %s in %s", reference, type(problem).__name__, where)
    return reference
