"""Whose turn it is: of all reruns one draws at a time, and a few compute.

Python runs one thread at a time. Where many reruns draw at once, each message that the server sends waits for all of
them: fifty open pages waited seconds for what takes 30 ms alone. One after another they wait for one at most.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from queue import LifoQueue
from threading import Condition, Lock

from queries.worker import Worker

FEW = min(os.cpu_count() or 1, 3) + 1  # a worker takes some 150 MB


class Pencil:
    """Held by the one who draws. Whoever comes back from computing goes before all others: its worker waits with it."""

    def __init__(self) -> None:
        lock = Lock()
        self._first, self._others = Condition(lock), Condition(lock)
        self.is_held, self._coming_back = False, 0

    def take(self) -> None:
        with self._others:
            self._others.wait_for(lambda: not self.is_held and not self._coming_back)
            self.is_held = True

    def take_first(self) -> None:
        with self._first:
            self._coming_back += 1
            self._first.wait_for(lambda: not self.is_held)
            self._coming_back -= 1
            self.is_held = True

    def give(self) -> None:
        with self._first:
            self.is_held = False
            (self._first if self._coming_back else self._others).notify()


PENCIL = Pencil()


@dataclass
class _Turn:
    """To compute: by a worker, else in this process."""

    worker: Worker | None = None


@dataclass
class _Rerun:
    turn: _Turn | None = None


COMPUTING: LifoQueue[_Turn] = LifoQueue()  # free turns; the last one given back knows most statements
_employed: list[Worker] = []
_rerun: ContextVar[_Rerun | None] = ContextVar("rerun", default=None)


def employ(workers: Sequence[Worker]) -> None:
    """Have these compute, as many at a time as they are; with none, this process does. To be called between reruns."""
    _employed[:] = workers
    while not COMPUTING.empty():
        COMPUTING.get()
    for turn in [_Turn(worker) for worker in workers] or [_Turn()] * FEW:
        COMPUTING.put(turn)


def n_employed() -> int:
    """How many workers compute beside this process."""
    return len(_employed)


def start() -> None:
    """Start the workers that nobody has needed so far."""
    for worker in _employed:
        worker.start()


def forget() -> None:
    """Have workers close the file that they have open: there is newer data."""
    for worker in _employed:
        worker.forget()


def interrupt(owner: str) -> None:
    """Cancel what workers compute for this reader."""
    for worker in _employed:
        worker.interrupt(owner)


employ([])


@contextmanager
def drawing() -> Iterator[None]:
    """The part of a rerun that draws."""
    rerun = _Rerun()
    before = _rerun.set(rerun)
    PENCIL.take()
    try:
        yield
    finally:
        PENCIL.give()
        _rerun.reset(before)
        if rerun.turn:
            COMPUTING.put(rerun.turn)


@contextmanager
def computing(few: bool) -> Iterator[Worker | None]:
    """Where a rerun computes an answer, or waits for one, while others draw; yields the worker to ask, if any.

    `few`: the warehouse computes on this machine, so that only a few reruns do at a time; more would take the
    processor from each other, and all would take longer. A rerun keeps its turn to its end. Never to be entered while
    an answer is being computed: others may wait for that one.
    """
    rerun = _rerun.get()
    if rerun is None:  # a file to take away is made outside of reruns
        yield None
        return
    PENCIL.give()
    try:
        if few and rerun.turn is None:
            rerun.turn = COMPUTING.get()
        yield rerun.turn.worker if rerun.turn else None
    finally:
        PENCIL.take_first()
