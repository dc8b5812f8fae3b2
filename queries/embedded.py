"""The embedded warehouse: DuckDB in numbered files, one generation pinned per reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from warnings import filterwarnings

import duckdb
import duckdb_engine
import pyarrow as pa

from queries.errors import WarehouseError
from queries.generations import Generations
from queries.settings import Settings
from queries.warehouse import MAX_ROWS, Warehouse, failed

# Answers are narrow: copying one costs less than planning its statement a second time.
filterwarnings("ignore", "Arrow output on a DB-API result", UserWarning)
# Reading: no files, no network, no extensions, no further settings: DuckDB's own walls, closed before any question.
LOCKED = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "lock_configuration": "true",
}
OVERTIME = "maximum execution time"  # what DuckDB says of a statement that it stopped itself
# Writing: rows lie in no order but one that a statement asks for, which takes less memory and time. Nobody reads a file
# before it is sealed, which waits until all of it is on disk: statements need not wait, each for its own part.
WRITING = {"preserve_insertion_order": "false", "fsync_mode": "none", "checkpoint_threshold": "1GB"}
# What a writer takes where no limit is set, if the machine has it: with more, DuckDB would only go on keeping what it
# has written. Working tables that need more move to disk, beside the file that is being written.
ENOUGH = "6GB"
# A file of fewer bytes has but a few blocks of rows, the least that a thread takes: waking a second one for a question
# costs more than it brings.
SMALL = 200_000_000


class Dialect(duckdb_engine.Dialect):
    """DuckDB's, with the words of a statement kept: nothing that it compiles looks at bound values."""

    supports_statement_cache = True


class Embedded(Warehouse):
    """One DuckDB file, open: read-only and locked for pages, writable for a load or a build."""

    _generations: Generations | None = None  # of a reader: where to look for newer data

    def __init__(self, settings: Settings, path: Path, *, write: bool = False, share: int = 1) -> None:
        """`share`: how many processes read at a time, which divide the memory among them."""
        super().__init__(settings)
        self.dialect = Dialect(paramstyle="numeric_dollar")
        self.path = path
        self._writes = self.private = write  # what writes has a file of its own
        config: dict[str, Any] = dict(WRITING) if write else {"access_mode": "read_only", **LOCKED}
        config |= {"memory_limit": settings.memory_limit} if settings.memory_limit else {}
        if share > 1:
            config["memory_limit"] = _shared(config, share)
        config |= {"threads": settings.threads} if settings.threads else {}
        if not write:  # the engine keeps the limit itself: a timer of ours would be a thread per statement
            config["max_execution_time"] = str(int(settings.time_limit_seconds * 1000))
        try:
            if not write and path.stat().st_size < SMALL:
                config.setdefault("threads", 1)
            self._connection = duckdb.connect(str(path), read_only=not write, config=config)
        except (duckdb.Error, OSError) as problem:
            raise WarehouseError(
                "damaged", f"{path.name} cannot be opened ({type(problem).__name__}).", "Load and build again."
            ) from None

        if write:  # builds and loads tell their progress themselves
            self._connection.execute("SET enable_progress_bar = false")
            if not settings.memory_limit:
                limits = "parse_formatted_bytes(current_setting('memory_limit')), parse_formatted_bytes($1)"
                ((least,),) = self._connection.execute(f"SELECT least({limits})", [ENOUGH]).fetchall()
                self._connection.execute(f"SET memory_limit = '{least}B'")
        # DuckDB reserves words that its SQLAlchemy dialect does not know of (`at`)
        reserved = self._connection.sql(
            "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'"
        )
        preparer = self.dialect.identifier_preparer
        preparer.reserved_words = preparer.reserved_words | {word for (word,) in reserved.fetchall()}

    @classmethod
    def reading(cls, settings: Settings, share: int = 1) -> Embedded:
        """The current generation, verified."""
        generations = Generations(settings.folder, settings.keep_generations)
        warehouse = cls(settings, generations.current(), share=share)
        warehouse.notice = generations.notice
        warehouse._generations = generations
        return warehouse

    @classmethod
    @contextmanager
    def writing(cls, settings: Settings, *, fresh: bool = False) -> Iterator[Embedded]:
        """A copy of the current generation (or an empty one) that becomes current when the body ends well."""
        with Generations(settings.folder, settings.keep_generations).writing(fresh=fresh) as path:
            warehouse = cls(settings, path, write=True)
            try:
                yield warehouse
                warehouse.execute("CHECKPOINT")
            finally:
                warehouse.close()

    @property
    def token(self) -> str:
        return self._generations.token() if self._generations else self.path.name

    def _fetch(self, text: str, parameters: Mapping[str, Any]) -> pa.Table:
        cursor = self._connection if self._writes else self._connection.cursor()  # temporary tables stay with theirs
        try:
            with self._cancellable(cursor.interrupt, None) as expired:
                try:
                    # executed, since a relation is planned twice: when it is made, and when it runs
                    cursor.execute(f"FROM ({text}) LIMIT {MAX_ROWS + 1}", dict(parameters) or None)
                    return cursor.to_arrow_table()
                except duckdb.InterruptException as problem:
                    if OVERTIME in str(problem):
                        expired.set()
                    raise self.stopped(expired) from None
                except duckdb.OutOfMemoryException:
                    raise WarehouseError(
                        "too_large", "The question needs more memory than allowed.", "Narrow the period or the filters."
                    ) from None
                except duckdb.CatalogException as problem:
                    raise WarehouseError(
                        "missing_table", "A table of this build is not there.", "Build again: lifecycle build."
                    ) from problem
                except duckdb.Error as problem:
                    raise failed(problem, text) from None
        finally:
            if not self._writes:
                cursor.close()

    def _run(self, text: str, parameters: Mapping[str, Any]) -> None:
        try:
            self._connection.execute(text, dict(parameters) or None)
        except duckdb.Error as problem:
            raise failed(problem, text) from problem

    def append(self, table: str, rows: pa.Table) -> None:
        """Add Arrow rows to a table by column name, creating it with their types where it is not there."""
        quoted = '"' + table.replace('"', '""') + '"'
        self._connection.register("arrow_rows", rows)
        try:
            self._connection.execute(f"CREATE TABLE IF NOT EXISTS {quoted} AS FROM arrow_rows LIMIT 0")
            self._connection.execute(f"INSERT INTO {quoted} BY NAME FROM arrow_rows")
        except duckdb.Error as problem:
            raise failed(problem, f"append to {table}") from problem
        finally:
            self._connection.unregister("arrow_rows")

    def close(self) -> None:
        self._connection.close()


def _shared(config: Mapping[str, Any], share: int) -> str:
    """One of `share` parts of what DuckDB would take."""
    limit = {name: value for name, value in config.items() if name == "memory_limit"}
    with duckdb.connect(config=limit) as nowhere:
        asked = nowhere.execute("SELECT parse_formatted_bytes(current_setting('memory_limit')) // $1", [share])
        ((part,),) = asked.fetchall()
    return f"{part}B"
