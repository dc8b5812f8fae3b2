"""A process beside the server that answers questions about an embedded warehouse.

DuckDB computes in the process that asks it, and Python runs one thread at a time: in one process, whoever draws waits
for those who compute, and they for each other while a core lies idle. The server hands a question over whole and gets
the answer back, both through a pipe that nobody else has.

`python -m queries.worker FD` is the other end; it ends with the server, whatever ended that.
"""

from __future__ import annotations

import gc
import os
import pkgutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from lifecycle.scope import Scope
from lifecycle.stages import StageModel
from queries.embedded import Embedded
from queries.errors import WarehouseError, record
from queries.modelled import Modelled, Remembered, latest
from queries.settings import Settings
from queries.warehouse import asking

ROOT = Path(__file__).parents[1]
# question, file of the warehouse, model, scope, further arguments, who asks
Question = tuple[Callable[..., Any], Path, StageModel, Scope, tuple[Any, ...], str]


class Worker:
    """The server's end. `share`: among how many processes that read, it is one, the memory is divided.

    One question at a time may be asked. Without a process it starts one, which takes a second; `start` does it before.
    """

    _process: subprocess.Popen[bytes] | None = None
    _pipe: Connection

    def __init__(self, settings: Settings, share: int) -> None:
        self._said, self._sending, self._owner = (settings, share), threading.RLock(), ""

    def start(self) -> None:
        with self._sending:
            if self._process and self._process.poll() is None:
                return
            self.stop()
            self._pipe, theirs = Pipe()
            there = theirs.fileno()
            places = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
            self._process = subprocess.Popen(  # noqa: S603 (this file, by this Python)
                [sys.executable, "-m", "queries.worker", str(there)],
                stdin=subprocess.DEVNULL,
                pass_fds=[there],
                env=os.environ | {"PYTHONPATH": places},
            )
            theirs.close()
            self._send(self._said)

    def _send(self, message: Any) -> None:
        with self._sending:
            self._pipe.send(message)

    def answer(self, question: Callable[..., Any], modelled: Modelled, scope: Scope, *args: Any) -> Any:
        """What `question(modelled, scope, *args)` answers, or raises.

        Raises WarehouseError("failed") where the process ends meanwhile; the next question finds a new one.
        """
        path = modelled.warehouse.path.resolve()  # type: ignore[attr-defined]
        try:
            self.start()
            self._owner = asking.get()
            self._send((question, path, modelled.model, scope, args, self._owner))
            answer, problem = self._pipe.recv()
        except (EOFError, OSError):
            self.stop()
            what, do = "The process that computed the answer has ended.", "Narrow the period, or give it more memory."
            raise WarehouseError("failed", what, do) from None
        finally:
            self._owner = ""
        if problem:
            raise problem
        return answer

    def interrupt(self, owner: str) -> None:
        """Cancel what `owner` has running here."""
        if self._process and owner == self._owner:
            with suppress(OSError):  # it has just ended, which its question tells
                self._send(owner)

    def forget(self) -> None:
        """Close the file that was asked last, once it is answered of: what was replaced is to leave the disk."""
        if self._process:
            with suppress(OSError):
                self._send(None)

    def stop(self) -> None:
        """End the process, if there is one."""
        with self._sending:
            if self._process:
                self._pipe.close()
                self._process.kill()
                self._process.wait()
                self._process = None


class _Desk:
    """The other end: the file that was asked last, open, and the builds in it."""

    def __init__(self, pipe: Connection, settings: Settings, share: int) -> None:
        self._pipe, self._settings, self._share = pipe, settings, share
        self._warehouse: Embedded | None = None
        self._builds: dict[str, Modelled] = {}

    def answer(self, question: Question) -> None:
        function, path, model, scope, args, owner = question
        asking.set(owner)
        try:
            self._pipe.send((function(self._build(path, model), scope, *args), None))
        except WarehouseError as problem:
            self._pipe.send((None, problem))
        except Exception as problem:
            hint = f"Reference {record(problem)} is in the log."
            self._pipe.send((None, WarehouseError("failed", "This could not be worked out.", hint)))

    def interrupt(self, owner: str) -> None:
        if self._warehouse:
            self._warehouse.interrupt(owner)

    def close(self) -> None:
        if self._warehouse:
            self._warehouse.close()
        self._warehouse, self._builds = None, {}

    def _build(self, path: Path, model: StageModel) -> Modelled:
        if self._warehouse is None or self._warehouse.path != path:
            self.close()
            self._warehouse = Embedded(self._settings, path, share=self._share)
        if model.digest not in self._builds:
            self._builds[model.digest] = Remembered.of(latest(self._warehouse, model))
        return self._builds[model.digest]


def preload(*folders: str) -> None:
    """Import what these folders hold, so that nobody waits for it, and spare the sweeps of garbage going through it."""
    for folder in folders:
        for module in pkgutil.iter_modules([str(ROOT / folder)], f"{folder.replace('/', '.')}."):
            import_module(module.name)
    gc.collect()
    gc.freeze()


def main(there: int) -> None:
    """Answers one question after another; a name cancels what its owner has running, None closes the file."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C ends the server, and that ends this
    pipe = Connection(there)
    preload("lifecycle", "queries")
    with suppress(EOFError, OSError):
        desk = _Desk(pipe, *pipe.recv())
        one = ThreadPoolExecutor(1)
        while True:
            message = pipe.recv()
            if isinstance(message, str):
                desk.interrupt(message)
            elif message is None:
                one.submit(desk.close)
            else:
                one.submit(desk.answer, message)
    os._exit(0)  # whatever is still running: nobody waits for it


if __name__ == "__main__":
    main(int(sys.argv[1]))
