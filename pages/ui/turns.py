"""Whose turn it is: of all reruns one draws at a time, and a few compute.

Python runs one thread at a time. Where many reruns draw at once, each message that the server sends waits for all of
them: fifty open pages waited seconds for what takes 30 ms alone. One after another they wait for one at most.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

DRAWING = threading.Lock()
COMPUTING = threading.BoundedSemaphore((os.cpu_count() or 1) + 1)


@dataclass
class _Rerun:
    has_turn: bool = False  # to compute


_rerun: ContextVar[_Rerun | None] = ContextVar("rerun", default=None)


@contextmanager
def drawing() -> Iterator[None]:
    """The part of a rerun that draws."""
    rerun = _Rerun()
    before = _rerun.set(rerun)
    try:
        with DRAWING:
            yield
    finally:
        _rerun.reset(before)
        if rerun.has_turn:
            COMPUTING.release()


@contextmanager
def computing(few: bool) -> Iterator[None]:
    """Where a rerun computes an answer, or waits for one, while others draw.

    `few`: the warehouse computes in this process, so that only a few reruns do at a time; more would pass the
    interpreter's lock to and fro at every statement, and all would take twice as long. A rerun keeps its turn to its
    end. Never to be entered while an answer is being computed: others may wait for that one.
    """
    rerun = _rerun.get()
    if rerun is None:  # a file to take away is made outside of reruns
        yield
        return
    DRAWING.release()
    try:
        if few and not rerun.has_turn:
            COMPUTING.acquire()
            rerun.has_turn = True
        yield
    finally:
        DRAWING.acquire()
