"""What can go wrong between the app and a warehouse, in words that are safe to show."""

from __future__ import annotations

import logging
import traceback
import uuid
from typing import Literal

log = logging.getLogger(__name__)

Kind = Literal[
    "missing",  # nothing has been built or loaded yet
    "damaged",  # the stored bytes are not those that were written
    "busy",  # another process is writing
    "connection",  # the server cannot be reached
    "credentials",  # the server refuses the user
    "timeout",  # the statement took longer than allowed
    "too_large",  # the answer or its work space is larger than allowed
    "missing_table",  # a table or column of the contract is not there
    "superseded",  # the reader has asked something newer meanwhile
    "newer",  # written by a later DuckDB or a later version of this app
    "failed",  # anything else
]


class WarehouseError(Exception):
    """The warehouse could not answer, for a reason a person can act on.

    `message` says what is wrong and `hint` what to do. Both are shown to people and logged: they never carry an
    address, a password, a path beyond a file's name, a statement or a value.
    """

    def __init__(self, kind: Kind, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.kind: Kind = kind
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def __reduce__(self) -> tuple[type[WarehouseError], tuple[Kind, str, str]]:
        return type(self), (self.kind, self.message, self.hint)  # so that it crosses processes whole


def record(problem: Exception) -> str:
    """Log where a problem arose under a new reference; its own text stays out, as it may hold personal data."""
    reference = uuid.uuid4().hex[:8]
    frames = traceback.extract_tb(problem.__traceback__)
    where = " < ".join(f"{f.filename.rsplit('/', 1)[-1]}:{f.lineno} {f.name}" for f in reversed(frames[-8:]))
    log.error("reference %s: %s in %s", reference, type(problem).__name__, where)
    return reference
