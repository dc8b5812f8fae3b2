"""The app as a user starts it: its own server process, on the demo company."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from lifecycle.stages import shipped_models
from queries.demo import demo
from queries.settings import Settings
from tests.benchmarks.measure import AS_OF

ROOT = Path(__file__).parents[2]
PATIENCE = 60  # seconds that a server may take to start


def demo_company(folder: Path) -> Path:
    """The demo company's warehouse with all models built, made once per bench folder."""
    warehouse = folder / "demo"
    if not (warehouse / "CURRENT").exists():
        demo(Settings(warehouse=str(warehouse)), shipped_models(), as_of=datetime.fromisoformat(AS_OF))  # type: ignore[arg-type]
    return warehouse


@contextmanager
def served(warehouse: Path, log: Path) -> Iterator[str]:
    """The address of a freshly started server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    environment = os.environ | {"LIFECYCLE_WAREHOUSE": str(warehouse)}
    with log.open("wb") as out:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT)
        try:
            _wait(server, f"http://127.0.0.1:{port}", log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(20)


def _wait(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    start = time.monotonic()
    while server.poll() is None and time.monotonic() - start < PATIENCE:
        try:
            urllib.request.urlopen(f"{address}/_stcore/health")
            return
        except urllib.error.URLError:
            time.sleep(0.1)
    raise RuntimeError(f"The server did not start:\n{log.read_text()}")
