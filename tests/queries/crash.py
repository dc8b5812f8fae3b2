"""What the crash tests run in processes of their own, to be killed: `python -m tests.queries.crash ROLE …`."""

import itertools
import os
import resource
import shutil
import signal
import sys
import time
from pathlib import Path

import duckdb

from queries.errors import WarehouseError
from queries.generations import Generations

# The calls into the system that a write makes from Python; those of DuckDB belong to the body.
STEPS = (
    "open",
    "mkdir",
    "chmod",
    "sendfile",
    "write",
    "pwrite",
    "ftruncate",
    "fsync",
    "rename",
    "replace",
    "unlink",
    "rmdir",
)


def put(path, value, rows=5000):
    """Two tables that always say the same, so that a mixture would show."""
    with duckdb.connect(str(path)) as connection:
        for table in ("one", "two"):
            connection.execute(
                f"CREATE OR REPLACE TABLE {table} AS SELECT {value} AS v, hash(range) FROM range({rows})"
            )
        connection.execute("CHECKPOINT")


def read(path):
    with duckdb.connect(str(path), read_only=True) as connection:
        [(low, high)] = connection.execute("SELECT min(v), max(v) FROM (FROM one UNION ALL FROM two)").fetchall()
    assert low == high, (low, high)
    return low


def shim(act):
    """Let `act(call)` stand before and after every step: it gets the step as a function without arguments."""
    for name in STEPS:
        setattr(os, name, stepping(getattr(os, name), act))


def stepping(call, act):
    return lambda *given, **named: act(lambda: call(*given, **named))


def die_at(number, after):
    """Kill this process just before, or just after, its `number`-th step."""
    counted = itertools.count(1)

    def act(call):
        now = next(counted) == number
        if now and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return call()
        finally:
            if now:
                os.kill(os.getpid(), signal.SIGKILL)

    shim(act)


def steps(template, payload, cases):
    """One case per step and side: a copy of `template`, in which a writer of `payload` died there."""
    for number, after in ((n, after) for n in itertools.count(1) for after in (False, True)):
        folder = Path(cases) / f"{number:03d}-{'after' if after else 'before'}"
        shutil.copytree(template, folder)
        child = os.fork()
        if not child:
            die_at(number, after)
            with (
                Generations(folder, keep=2).writing() as path,
                open(payload, "rb") as source,
                open(path, "wb") as target,
            ):
                shutil.copyfileobj(source, target)
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            return  # it had fewer steps


def write(folder):
    """Add one to the value for ever, telling each time."""
    while True:
        with Generations(folder).writing() as path:
            put(path, read(path) + 1)
        print("written", flush=True)


def watch(folder, stop):
    """Read until the file `stop` is there; print how often, and fail if a value ever went back."""
    reads, last = 0, 0
    while not os.path.exists(stop):
        generations = Generations(folder)
        value = read(generations.current())
        assert generations.notice is None, generations.notice
        assert value >= last, (value, last)
        reads, last = reads + 1, value
    print(reads)


def hold(folder):
    """Be writing until killed."""
    with Generations(folder).writing():
        print("writing", flush=True)
        time.sleep(600)


def fill(folder, *sizes):
    """Write on a disk that takes no file beyond each of `sizes` bytes; print what came of each."""
    for size in map(int, sizes):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        try:
            with Generations(folder).writing() as path:
                put(path, 9, rows=200_000)
            print("written")
        except (duckdb.Error, WarehouseError) as problem:
            print(type(problem).__name__)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


if __name__ == "__main__":
    {"steps": steps, "write": write, "watch": watch, "hold": hold, "fill": fill}[sys.argv[1]](*sys.argv[2:])
