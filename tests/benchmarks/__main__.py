"""`python -m tests.benchmarks --contacts N`: one table, everything measured side by side in one run."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tests.benchmarks import browser, build, loyalty, questions, retention, sessions, times
from tests.benchmarks.measure import Line, machine

PARTS = ("build", "questions", "times", "retention", "loyalty", "browser", "sessions")


def main(
    contacts: Annotated[int, typer.Option(min=10_000, help="Contacts of the invented company.")] = 1_000_000,
    only: Annotated[
        str,
        typer.Option(
            help="Some of build,questions,times,retention,loyalty,browser,sessions; questions and times need a build."
        ),
    ] = "",
    repeat: Annotated[int, typer.Option(min=1, help="Repetitions; the table shows medians.")] = 5,
    folder: Annotated[
        Path | None, typer.Option(help="Where to work, and to keep the files; default: a passing one.")
    ] = None,
) -> None:
    """Measure builds, questions, the browser and the server, and print one table."""
    console = Console()
    chosen = only.split(",") if only else list(PARTS)
    if unknown := set(chosen) - set(PARTS):
        raise typer.BadParameter(f"{', '.join(unknown)}: choose among {', '.join(PARTS)}", param_hint="--only")
    where = folder or Path(tempfile.mkdtemp(prefix="lifecycle-bench-"))
    where.mkdir(parents=True, exist_ok=True)
    table = Table(
        title=f"{machine()}\nMedians of up to {repeat}; the invented company ends on a fixed day",
        title_justify="left",
    )
    for name in ("Measured", "Result", "Beside, in the same run", "Goal", "Met"):
        table.add_column(name, overflow="fold")
    measures: dict[str, Callable[[], list[Line]]] = {
        "build": lambda: build.measure(where, contacts, min(repeat, 3), console.print),
        "questions": lambda: questions.measure(where, repeat, console.print),
        "times": lambda: times.measure(where, repeat, console.print),
        "retention": lambda: retention.measure(where, contacts, repeat, console.print),
        "loyalty": lambda: loyalty.measure(where, contacts, repeat, console.print),
        "browser": lambda: browser.measure(where, repeat, console.print),
        "sessions": lambda: sessions.measure(where, console.print),
    }
    try:
        for part in (part for part in PARTS if part in chosen):
            table.add_section()
            for line in measures[part]():
                met = "" if line.met is None else "yes" if line.met else "NO"
                table.add_row(line.what, line.measured, line.beside, line.goal, met)
    finally:
        if folder is None:
            shutil.rmtree(where)
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
