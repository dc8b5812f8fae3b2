"""Numbered DuckDB files, one of them current: builds replace the data whole, readers are never disturbed.

A folder holds `lifecycle-000001.duckdb`, a manifest beside each (`lifecycle-000001.json`) and `CURRENT`, which names
one. A file never changes once it has its name. The steps of a write are ordered so that a crash after any of them
leaves the earlier or the new generation current: data, then manifest, then pointer, each on disk before the next.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from queries.datafile import SMALL, DamageError, read_small, seal, sync, verify
from queries.errors import WarehouseError

log = logging.getLogger(__name__)

POINTER = "CURRENT"
LOCK = "LOCK"
WORKSHOP = ".writing"  # all that is unfinished lives in this folder, so that one removal clears what a crash left
NAME = re.compile(r"lifecycle-([0-9]{6}|[1-9][0-9]{6,})\.duckdb")
OURS = re.compile(r"lifecycle-([0-9]{6,})\..+")


class Generations:
    """The generations in one folder, of which the newest `keep` (at least 2) stay.

    After `current()`, `notice` tells what a reader should know of the data given; None is the usual.
    """

    def __init__(self, folder: Path, keep: int = 3) -> None:
        if keep < 2:
            raise ValueError("keep at least 2 generations: a reader may be about to open the last but one")
        self.folder = Path(folder)
        self.keep = keep
        self.notice: str | None = None

    def token(self) -> str:
        """The file name that the pointer gives now, by one small read; empty when there is no usable pointer."""
        with _explained("read"):
            try:
                name = read_small(self.folder / POINTER).decode("ascii").removesuffix("\n")
            except (DamageError, UnicodeDecodeError):
                return ""
        return name if NAME.fullmatch(name) else ""

    def current(self) -> Path:
        """The current data file, verified; the newest intact earlier one, with a notice, where it is damaged.

        Raises WarehouseError: missing (nothing written yet), damaged (no generation is intact), newer (written by a
        later DuckDB that this one cannot read), failed (the folder cannot be read).
        """
        while True:
            named = self.token()
            with _explained("read"):
                path, notice = self._newest_intact(named)
            if notice and self.token() != named:
                continue  # a writer published and pruned while this looked
            if path is None:
                raise _nothing(notice)
            self.notice = notice
            return path

    def _newest_intact(self, named: str) -> tuple[Path | None, str | None]:
        """The data file to read, and what is wrong with the one that should have been."""
        numbers = self._numbers()
        problem = None if named or not numbers else "The pointer to the current data is missing or damaged."
        last = _number(named) if named else max(numbers, default=0)
        for number in [last, *(n for n in numbers if n < last)] if last else []:
            path = self.folder / _name(number)
            try:
                written_at = verify(path).written_at
            except DamageError as damage:
                problem = problem or f"The current data file {path.name} is damaged: {damage}."
            else:
                state = f"Shown is the state written {written_at:%Y-%m-%d %H:%M} UTC. Load and build again."
                return path, f"{problem} {state}" if problem else None
        return None, problem

    def _numbers(self) -> list[int]:
        """Numbers of the generations, newest first; data without a manifest was never finished and is none."""
        names = self._names()
        whole = {name for name in names if NAME.fullmatch(name) and name.replace(".duckdb", ".json") in names}
        return sorted(map(_number, whole), reverse=True)

    def _names(self) -> set[str]:
        try:
            return set(os.listdir(self.folder))
        except FileNotFoundError:
            return set()

    @contextmanager
    def writing(self, fresh: bool = False) -> Iterator[Path]:
        """A path that becomes the next generation when the body ends well; it holds a copy of the current one.

        With `fresh`, or before the first generation, there is no file yet. The body opens it with DuckDB, writes,
        checkpoints and closes. If it raises, or anything else fails, the current generation stays what it was.
        Where the current one is damaged the copy is of the earlier one that readers see, with the same `notice`.
        Raises WarehouseError: busy (another process is writing), damaged or newer (nothing to copy: write `fresh`),
        failed (the folder cannot be written, or the body left its file open).
        """
        with _explained("written"):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = self._lock()
        try:
            with _explained("written"):
                self._clear_workshop()
                path = self.folder / WORKSHOP / _name(self._next_number())
                if not fresh and (source := self._source()):
                    shutil.copyfile(source, path)
            yield path
            with _explained("written"):
                self._publish(path)
                self._prune(_number(path.name))
        finally:
            with suppress(OSError):  # what stays is cleared by the next writer, and the first error is the one to tell
                shutil.rmtree(self.folder / WORKSHOP)
            os.close(lock)

    def _lock(self) -> int:
        """The sole right to write, bound to an open descriptor: the system takes it back from a process that died."""
        handle = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC".encode(), 0)
        except BlockingIOError:
            holder = os.pread(handle, SMALL, 0).decode("ascii", "replace")
            os.close(handle)
            raise WarehouseError(
                "busy", f"The warehouse is being written ({holder}).", "Try again when that has finished."
            ) from None
        except OSError:
            os.close(handle)
            raise
        return handle

    def _clear_workshop(self) -> None:
        """An empty private folder for unfinished files; what a dead writer left there goes."""
        workshop = self.folder / WORKSHOP
        if os.path.lexists(workshop):
            shutil.rmtree(workshop)
        workshop.mkdir(mode=0o700)

    def _next_number(self) -> int:
        """One more than was ever used, so that no process still holds another file open under this name."""
        return max((int(m[1]) for m in map(OURS.fullmatch, {self.token(), *self._names()}) if m), default=0) + 1

    def _source(self) -> Path | None:
        try:
            source = self.current()
        except WarehouseError as problem:
            if problem.kind == "missing":
                return None
            raise
        if self.notice:
            log.warning(self.notice)
        return source

    def _publish(self, path: Path) -> None:
        """Make a finished file the current generation."""
        manifest = seal(path)
        os.rename(path, self.folder / path.name)
        self._place(path.with_suffix(".json").name, manifest.model_dump_json())
        self._place(POINTER, path.name)

    def _place(self, name: str, line: str) -> None:
        """Write a small file that is there whole or not at all, and wait until all renames so far are on disk."""
        made, data = self.folder / WORKSHOP / name, f"{line}\n".encode("ascii")
        handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            if os.write(handle, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(made, self.folder / name)
        sync(self.folder)

    def _prune(self, current: int) -> None:
        """Remove generations beyond `keep`, and files of ours that lack their manifest or their data."""
        kept = [n for n in self._numbers() if n <= current][: self.keep]
        for name in self._names():
            if (match := OURS.fullmatch(name)) and int(match[1]) not in kept:
                path = self.folder / name
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _name(number: int) -> str:
    return f"lifecycle-{number:06d}.duckdb"


def _number(name: str) -> int:
    return int(name.removeprefix("lifecycle-").removesuffix(".duckdb"))


def _nothing(problem: str | None) -> WarehouseError:
    if problem is None:
        return WarehouseError("missing", "There is no data yet.", "Run: lifecycle demo, or lifecycle load.")
    hint = "Restore the folder from a backup, or move it away and load the data again."
    return WarehouseError("damaged", f"{problem} No earlier state is intact.", hint)


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turns an error of the file system into words without a path."""
    try:
        yield
    except OSError as problem:
        reason = os.strerror(problem.errno) if problem.errno else type(problem).__name__
        hint = "Readers keep the last complete data; mend the folder or the disk and try again."
        raise WarehouseError("failed", f"The warehouse folder cannot be {what}: {reason}.", hint) from None
