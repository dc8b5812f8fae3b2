"""From the rows of a file to typed values: the good ones staged in the warehouse, the others kept account of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from queries import workbench
from queries.batches import Batch, LoadError, Opened, Reject
from queries.contract import CONTRACT, INSTANT, NUMBER, TEXT
from queries.embedded import Embedded
from queries.lookups import Book
from queries.parsing import REASONS, Guess, UndeclaredZoneError, parse
from queries.plans import Plan

STAGED, STAGED_REJECTS = "load_staged", "load_staged_rejects"
NTH = "nth"  # the place of a staged row in its file
REJECTS_SCHEMA = pa.schema(
    {
        "table_name": pa.string(),
        "file": pa.string(),
        "line": pa.int64(),
        "column_name": pa.string(),
        "reason": pa.string(),
        "digest": pa.string(),
        "loaded_at": pa.timestamp("us"),
    }
)

Tick = Callable[[str, str, int, int], None]  # table, file, done, of


@dataclass
class Report:
    """What became of the rows of one contract table: read = loaded + duplicates + quarantined + left_out.

    `left_out` are those that a mapping excludes by `where` or `only_changes`; `reasons` counts rejects by (file,
    column, reason) and `first_lines` says where each occurs first; `unused` are columns that the table has no place
    for; `notes` tell what the files lack.
    """

    table: str
    files: list[str] = field(default_factory=list)
    read: int = 0
    loaded: int = 0
    duplicates: int = 0
    quarantined: int = 0
    left_out: int = 0
    reasons: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    first_lines: dict[tuple[str, str, str], int] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Staging:
    """The rows of one file in working tables: column i of the plan as `c<i>`, guessed columns still as text.

    `kinds` says what each column holds, `rows` how many are staged.
    """

    def __init__(self, warehouse: Embedded, plan: Plan, books: list[Book], report: Report, now: datetime) -> None:
        self.warehouse, self.plan, self.books, self.report, self.now = warehouse, plan, books, report, now
        self.file = plan.path.name
        self.kinds: dict[str, str] = {c: k for c, k in plan.kinds.items() if k}
        self.guesses = {c: Guess() for c, k in plan.kinds.items() if k is None}
        self.places = {column: f"c{i}" for i, column in enumerate(plan.columns)}
        self.rows = 0

    def read(self, file: Opened, tick: Tick) -> None:
        """Stage all rows.

        Raises LoadError where none can be used, unless the mapping takes none and may, or where instants lack a
        declared zone.
        """
        before = self.report.quarantined
        self.report.files.append(self.file)
        self.report.unused += self.plan.unused
        for number, (raw, rejects) in enumerate(file.batches()):
            batch = self._completed(raw)
            if number == 0 and self.plan.table == "stage_dates":
                self._find_stage_columns(batch)
            self._take(batch, rejects)
            tick(self.plan.table, self.file, file.position(), file.size)
        tick(self.plan.table, self.file, file.size, file.size)
        if not self.rows and (self.report.quarantined > before or not self.plan.source.may_lack):
            raise self._nothing_left()
        self.kinds |= {column: guess.kind for column, guess in self.guesses.items()}

    def _find_stage_columns(self, batch: Batch) -> None:
        """In stage_dates a further column is a stage's instant if at least half of its first values are instants."""
        for column in list(self.guesses):
            text = self.plan.columns[column].text(batch, self.plan.source.reading)
            _, wrong = self._parsed(text, INSTANT, batch, column)
            if 2 * wrong.sum() <= len(text) - text.null_count:
                self.kinds[column] = INSTANT
                del self.guesses[column]

    def _completed(self, batch: Batch) -> Batch:
        """The rows with the columns of their lookups, and those blank that the mapping names and no file has."""
        batch = batch.completed(dict.fromkeys(self.plan.blank, pa.nulls(len(batch), pa.string())))
        for book in self.books:
            batch = book.completed(batch, self.plan.source.reading)
        return batch

    def _take(self, batch: Batch, rejects: list[Reject]) -> None:
        """Parse a batch; a row is rejected once, for its first fault."""
        self.report.read += len(rejects)
        batch = self._chosen(batch)
        reading, required = self.plan.source.reading, CONTRACT[self.plan.table].required
        values: dict[str, pa.Array] = {}
        bad = np.zeros(len(batch), dtype=bool)
        for column, made in self.plan.columns.items():
            kind = self.kinds.get(column, TEXT)
            values[column], wrong = self._parsed(made.text(batch, reading), kind, batch, column)
            rejects += batch.rejects(wrong & ~bad, column, REASONS[kind])
            bad |= wrong
            if column in required and kind != NUMBER:  # a survey without an answer has no score
                blank = values[column].is_null().to_numpy(zero_copy_only=False)
                rejects += batch.rejects(blank & ~bad, column, "blank")
                bad |= blank
        good = pa.array(~bad)
        kept = {self.places[c]: v.filter(good) for c, v in values.items()}
        for column, guess in self.guesses.items():
            guess.look(kept[self.places[column]])
        n = int((~bad).sum())
        self.warehouse.append(STAGED, pa.table({**kept, NTH: np.arange(self.rows, self.rows + n)}))
        self.rows += n
        self._account(rejects)

    def _chosen(self, batch: Batch) -> Batch:
        """The rows that the mapping takes, each once per part where it divides a column."""
        report, source = self.report, self.plan.source
        keep = source.where.holds(batch) if source.where else np.ones(len(batch), dtype=bool)
        for made in self.plan.columns.values():
            if made.separator:
                keep &= ~batch.columns[made.needs[0]].is_null().to_numpy(zero_copy_only=False)
        left_out = int((~keep).sum())
        batch = batch.where(keep)
        for made in self.plan.columns.values():
            if made.separator:
                batch = batch.exploded(made.needs[0], made.separator, made.strip)
        report.left_out += left_out
        report.read += left_out + len(batch)
        return batch

    def _parsed(self, text: pa.Array, kind: str, batch: Batch, column: str) -> tuple[pa.Array, np.ndarray]:
        try:
            return parse(text, kind, self.plan.source.reading)
        except UndeclaredZoneError as found:
            where = f"{self.file}, line {batch.lines[found.row]}, {self.plan.table}.{column}"
            raise LoadError(
                f"{where}: an instant without a time zone. Declare it: --timezone UTC, or a name such as Europe/Berlin."
            ) from None

    def close(self) -> None:
        """Drop the working tables of rows that go nowhere."""
        for name in (STAGED, STAGED_REJECTS):
            workbench.drop(self.warehouse, sa.table(name))

    def drop_unchanged(self, n: int) -> None:
        """Count `n` staged rows as left out: they say what the row before them said."""
        self.rows -= n
        self.report.left_out += n

    def _account(self, rejects: list[Reject]) -> None:
        self.report.quarantined += len(rejects)
        for r in rejects:
            key = (self.file, r.column, r.reason)
            self.report.reasons[key] += 1
            self.report.first_lines.setdefault(key, r.line)
        same = {"table_name": self.plan.table, "file": self.file, "loaded_at": self.now}
        rows = [
            same | {"line": r.line, "column_name": r.column, "reason": r.reason, "digest": r.digest} for r in rejects
        ]
        self.warehouse.append(STAGED_REJECTS, pa.Table.from_pylist(rows, REJECTS_SCHEMA))

    def _nothing_left(self) -> LoadError:
        if not self.report.reasons:
            return LoadError(f"{self.file} has no rows for {self.plan.table}. Nothing was changed.")
        (file, column, reason), n = self.report.reasons.most_common(1)[0]
        line = self.report.first_lines[file, column, reason]
        return LoadError(
            f"{file}: no row can be used for {self.plan.table}; {n:,} fail in {column or 'their form'} ({reason}), "
            f"the first on line {line}. Nothing was changed."
        )
