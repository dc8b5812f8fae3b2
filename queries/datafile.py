"""One DuckDB data file and its manifest: sealed once when written, verified before it is read."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from pydantic import BaseModel, ValidationError

from queries.errors import WarehouseError

SMALL = 4_096  # bytes; pointers and manifests are never larger
AT_FAULT = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.EIO}  # the file is, not the system

# Digests by path, inode, size and times: hashing gigabytes takes seconds, so a process does it once per file.
_digests: dict[tuple[str | int, ...], str] = {}
_hashing = threading.Lock()  # fifty sessions that open at once hash once


class DamageError(Exception):
    """Why a file cannot be trusted, as the end of a sentence that people read."""


class Manifest(BaseModel):
    """What was written: SHA-256 and size (bytes) of the data file, when (UTC), and by which DuckDB."""

    sha256: str
    size: int
    written_at: datetime
    duckdb: str


def seal(path: Path) -> Manifest:
    """Bring a finished data file to the disk, for its owner alone, and tell what it is.

    Raises WarehouseError (failed) when there is no file or its last changes still lie in a write-ahead log.
    """
    if not path.is_file() or log_of(path).exists():
        raise WarehouseError("failed", "The new data was not checkpointed and closed.", "Nothing was changed.")
    path.chmod(0o600)
    sync(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Manifest(sha256=digest, size=path.stat().st_size, written_at=datetime.now(UTC), duckdb=duckdb.__version__)


def verify(path: Path) -> Manifest:
    """The manifest of a data file whose bytes are exactly those that were sealed.

    Raises DamageError if they are not, WarehouseError (newer) if a later DuckDB wrote them and this one cannot read
    them. Whole-file digests, because DuckDB's own per-block checksums do not notice blocks that changed places.
    """
    if os.path.lexists(log_of(path)):
        raise DamageError("a write-ahead log lies beside it")  # DuckDB would replay it into the data
    try:
        manifest = Manifest.model_validate_json(read_small(path.with_suffix(".json")))
    except ValidationError:
        raise DamageError("its manifest is unreadable") from None
    with opened(path) as handle:
        size = os.fstat(handle).st_size
        if size != manifest.size:
            raise DamageError(f"it has {size:,} bytes instead of {manifest.size:,}")
        if _digest(path, handle) != manifest.sha256:
            raise DamageError("its checksum differs")
    _check_readable(path, manifest.duckdb)
    return manifest


def log_of(path: Path) -> Path:
    """Where DuckDB keeps the write-ahead log of a file."""
    return path.with_name(f"{path.name}.wal")


def _digest(path: Path, handle: int) -> str:
    status = os.fstat(handle)
    key = (str(path.absolute()), status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    with _hashing:
        if key not in _digests:
            with os.fdopen(handle, "rb", closefd=False) as file:
                _digests[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return _digests[key]


def _check_readable(path: Path, written_by: str) -> None:
    """Tells too new from damaged: the bytes are intact, a later DuckDB wrote them, and they do not open."""
    if _version(written_by) <= _version(duckdb.__version__):
        return
    try:
        duckdb.connect(str(path), read_only=True).close()
    except duckdb.Error:
        raise WarehouseError(
            "newer",
            f"The data was written by DuckDB {written_by}; this is DuckDB {duckdb.__version__}, which cannot read it.",
            f"Install DuckDB {written_by} or later, or move the folder away and load the data again.",
        ) from None


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", text)[:3])


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """A descriptor of a regular file: never through a link, never waiting on a pipe.

    DamageError if the file is at fault, OSError if the system is.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise DamageError("it is not a file")
            yield handle
        finally:
            os.close(handle)
    except OSError as problem:
        if problem.errno not in AT_FAULT:
            raise
        reason = "it is missing" if problem.errno == errno.ENOENT else os.strerror(problem.errno)
        raise DamageError(reason) from None


def read_small(path: Path) -> bytes:
    """The first bytes of a pointer or manifest. DamageError if the file is at fault."""
    with opened(path) as handle:
        return os.read(handle, SMALL)


def sync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's entries, are on the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
