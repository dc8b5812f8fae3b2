"""What every benchmark shares: medians, child processes of their own, and the lines of the one table."""

from __future__ import annotations

import multiprocessing
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil  # type: ignore[import-untyped]

T = TypeVar("T")
AS_OF = "2026-11-22"  # the invented company ends here, so that two runs meet the same rows
MODEL = "crm"
PATIENCE = 45.0  # seconds after which slow things are not repeated any more


@dataclass(frozen=True)
class Line:
    """One row of the table. `beside` is what it was measured against in the same run; `met` is None without a goal."""

    what: str
    measured: str
    beside: str = ""
    goal: str = ""
    met: bool | None = None


@dataclass(frozen=True)
class Cost:
    """What a child process took: seconds by the wall and of processors, and its largest resident memory in bytes."""

    seconds: float
    busy: float
    peak: int


def repeated(work: Callable[[], Any], times: int) -> list[float]:
    """Seconds of each run, up to `times` of them; slow ones stop early but run at least once."""
    taken: list[float] = []
    while len(taken) < times and sum(taken) < PATIENCE:
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return taken


def alone(work: Callable[..., T], *arguments: Any) -> tuple[T, Cost]:
    """Run a module's function in a fresh process, so that its memory is its own and is given back."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_weighed, work, arguments).result()


def _weighed(work: Callable[..., T], arguments: tuple[Any, ...]) -> tuple[T, Cost]:
    start = time.perf_counter()
    result = work(*arguments)
    seconds = time.perf_counter() - start
    unit = 1 if sys.platform == "darwin" else 1024
    used = resource.getrusage(resource.RUSAGE_SELF)
    return result, Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * unit)


def middle(taken: list[float]) -> float:
    return statistics.median(taken)


def percentile(taken: list[float], share: float) -> float:
    return sorted(taken)[min(len(taken) - 1, int(share * len(taken)))]


def seconds(value: float) -> str:
    """Three digits that matter, in the unit people would say."""
    if value < 1:
        return f"{value * 1000:.0f} ms" if value >= 0.01 else f"{value * 1000:.1f} ms"
    return f"{value:.1f} s" if value < 100 else f"{value:.0f} s"


def gigabytes(value: float) -> str:
    return f"{value / 1e9:.2f} GB"


def size(folder: Path) -> int:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


def machine() -> str:
    """Processor, cores, memory and how busy it already is: numbers mean nothing without them."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":")[1].strip() if names else model
    cores, memory = f"{os.cpu_count()} cores", gigabytes(psutil.virtual_memory().total)
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"{model}, {cores}, {memory}, {system}; load before the run {os.getloadavg()[0]:.1f}"
