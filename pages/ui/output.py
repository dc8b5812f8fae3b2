"""Where an answer goes: into a file, or to standard output."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from queries.ready import OptionError

WIDTH = 120  # of a table in a file, which has no width of its own


def deliver(content: Table | str | bytes, output: Path | None, console: Console) -> None:
    """Write an answer into a file, else on standard output. Raises OptionError where that cannot be done."""
    if output is not None:
        try:
            output.write_bytes(_as_bytes(content))
        except OSError as problem:
            raise OptionError(f"--output: {output} cannot be written ({problem.strerror})") from None
    elif isinstance(content, Table):
        console.print(content)
    elif isinstance(content, str):
        sys.stdout.write(content)
    elif sys.stdout.isatty():
        raise OptionError("--output: a deck cannot be read here; name a file for it")
    else:
        sys.stdout.buffer.write(content)


def _as_bytes(content: Table | str | bytes) -> bytes:
    if isinstance(content, Table):
        text = io.StringIO()
        Console(file=text, width=WIDTH).print(content)
        return text.getvalue().encode()
    return content.encode() if isinstance(content, str) else content
