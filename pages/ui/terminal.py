"""What the terminal shows: tables and lines of plain text, whatever the data holds."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from pages.ui.export import neutral
from queries.staging import Report


def plain(value: object) -> Text:
    """A cell that shows its text and nothing else: data may hold markup and control characters."""
    return Text("".join(c if c.isprintable() else "\ufffd" for c in str(value)))


def table(title: str, headings: Sequence[str], rows: Iterable[Sequence[object]], left: int = 1) -> Table:
    """A table whose first `left` columns hold words, the others numbers."""
    made = Table(title=plain(title), title_justify="left", header_style="bold", box=None, pad_edge=False)
    for number, heading in enumerate(headings):
        made.add_column(plain(heading), justify="left" if number < left else "right", overflow="fold")
    for row in rows:
        made.add_row(*(plain(cell) for cell in row))
    return made


def as_json(found: Mapping[str, Any]) -> str:
    """The documented answer."""
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def as_csv(lines: Iterable[Mapping[str, Any]]) -> str:
    """One row per line; the columns stand as in the line that has the most, those of others behind them."""
    found = list(lines)
    names = list(dict.fromkeys(name for line in sorted(found, key=len, reverse=True) for name in line))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(neutral(name) for name in names)
    writer.writerows([neutral(line.get(name)) for name in names] for line in found)
    return text.getvalue()


def load_table(reports: Sequence[Report]) -> Table:
    """What became of the rows that were read."""
    headings = ["table", "read", "loaded", "duplicates", "quarantined", "left out"]
    return table(
        "",
        headings,
        (
            [r.table, *(f"{n:,}" for n in (r.read, r.loaded, r.duplicates, r.quarantined, r.left_out))]
            for r in reports
            if r.files
        ),
    )


def note_lines(reports: Sequence[Report]) -> list[str]:
    """What the files lack, each thing once."""
    return list(dict.fromkeys(note for r in reports for note in r.notes))


def reject_lines(reports: Sequence[Report]) -> list[str]:
    """Per file, column and reason: how many rows, and the first line."""
    return [
        f"{file}, line {r.first_lines[file, column, reason]}{f', {column}' if column else ''}: {reason} ({n:,} rows)"
        for r in reports
        for (file, column, reason), n in r.reasons.most_common()
    ]


def check_line(name: str, is_good: bool, seen: str, hint: str) -> Text:
    """One line of `lifecycle check`; the hint only where something is wrong."""
    mark = Text("ok    ", "green") if is_good else Text("WRONG ", "bold red")
    return mark + plain(f"{name}: {seen}" if is_good else f"{name}: {seen} {hint}")
