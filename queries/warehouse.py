"""The one door to a warehouse: statements go in, Arrow comes out; nothing else in the project executes anything."""

from __future__ import annotations

import logging
import threading
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.util import LRUCache

from queries import dialect
from queries.errors import WarehouseError
from queries.settings import Settings

log = logging.getLogger(__name__)

MAX_ROWS = 100_000  # no answer is larger: pages ask for counts, and lists are paged
KEPT_STATEMENTS = 1_000  # whose words are kept; a page asks some twenty, in as many shapes as there are choices
asking: ContextVar[str] = ContextVar("asking", default="")  # whose question is running, so that it can be superseded


@dataclass(frozen=True)
class Rendered:
    """A statement as it ran: its text with placeholders, and the value of each."""

    text: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {"text": self.text, "parameters": {k: plain(v) for k, v in self.parameters.items()}}


def plain(value: Any) -> Any:
    """A bound value as JSON can hold it."""
    return value if isinstance(value, str | int | float | bool | None) else str(value)


class Warehouse(ABC):
    """An open warehouse. `token` changes when its data does; `notice` tells what a reader should know of its state.

    `private`: nobody else sees what is written before it is whole.
    """

    dialect: sa.Dialect
    source_schema: str | None = None
    build_schema: str | None = None
    notice: str | None = None
    private = False

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._running: dict[int, tuple[str, Callable[[], None]]] = {}
        self._lock = threading.Lock()
        self._compiled: LRUCache = LRUCache(KEPT_STATEMENTS)

    @property
    @abstractmethod
    def token(self) -> str:
        """Changes whenever pages should look again for newer data."""

    @abstractmethod
    def _fetch(self, text: str, parameters: Mapping[str, Any]) -> pa.Table: ...

    @abstractmethod
    def _run(self, text: str, parameters: Mapping[str, Any]) -> None: ...

    @abstractmethod
    def close(self) -> None: ...

    def query(self, statement: sa.Select | sa.CompoundSelect, schema: pa.Schema | None = None) -> pa.Table:
        """The rows of `statement`, cast to `schema`. Raises as `answer` does."""
        return self.answer(self.render(statement), schema)

    def answer(self, rendered: Rendered, schema: pa.Schema | None = None) -> pa.Table:
        """The rows of a rendered statement, cast to `schema`.

        Raises WarehouseError: timeout after the configured limit, too_large beyond MAX_ROWS rows, else as mapped.
        """
        table = self._fetch(rendered.text, rendered.parameters)
        if table.num_rows > MAX_ROWS:
            raise WarehouseError(
                "too_large", f"The answer has more than {MAX_ROWS:,} rows.", "Narrow the period or the filters."
            )
        return conform(table, schema) if schema else table

    def execute(self, statement: sa.Executable | str) -> None:
        """Run a statement that writes; only builds and loads open a warehouse that allows it."""
        rendered = Rendered(statement) if isinstance(statement, str) else self.render(statement)
        self._run(rendered.text, rendered.parameters)

    def render(self, statement: Any) -> Rendered:
        """The statement in this engine's words, values apart from the text.

        A question is asked again and again with other values: its words are found once and kept, as an engine of
        SQLAlchemy keeps them.
        """
        compiled: Any
        if isinstance(statement, sa.Select | sa.CompoundSelect):
            compiled, values, *_ = statement._compile_w_cache(
                self.dialect, compiled_cache=self._compiled, column_keys=[]
            )
            parameters = compiled.construct_params(extracted_parameters=values, _no_postcompile=True)
        else:
            compiled = statement.compile(dialect=self.dialect)
            parameters = compiled.construct_params(_no_postcompile=True)
        whole = compiled._process_parameters_for_postcompile(parameters)  # a list of values is as many parameters
        processors = {**compiled._bind_processors, **whole.processors}  # types such as Instant convert their values
        bound = {name: processors[name](value) if name in processors else value for name, value in parameters.items()}
        if compiled.positional:
            bound = {str(i): bound[name] for i, name in enumerate(whole.positiontup, 1)}
        return Rendered(whole.statement, bound)

    def tables(self) -> dict[tuple[str | None, str], dict[str, str]]:
        """(schema, table) → column → the engine's name of its type, for every readable table."""
        found: dict[tuple[str | None, str], dict[str, str]] = {}
        for row in self.query(dialect.columns_statement(self.dialect)).to_pylist():
            schema, table, column, declared = row.values()
            found.setdefault((schema, table), {})[column] = declared
        return found

    def interrupt(self, owner: str) -> None:
        """Cancel what `owner` has running, here and on the server."""
        with self._lock:
            cancels = [cancel for who, cancel in self._running.values() if who == owner]
        for cancel in cancels:
            cancel()

    @contextmanager
    def _cancellable(self, cancel: Callable[[], None], limit: float | None) -> Iterator[threading.Event]:
        """Registers a running statement and cancels it at its time limit; the event tells that the limit was it."""
        key, expired = id(cancel), threading.Event()

        def expire() -> None:
            expired.set()
            cancel()

        timer = threading.Timer(limit, expire) if limit else None
        with self._lock:
            self._running[key] = (asking.get(), cancel)
        if timer:
            timer.daemon = True
            timer.start()
        try:
            yield expired
        finally:
            if timer:
                timer.cancel()
            with self._lock:
                self._running.pop(key, None)

    def stopped(self, expired: threading.Event) -> WarehouseError:
        """Why a statement was cancelled: its time limit, or a newer question."""
        if expired.is_set():
            limit = f"{self.settings.time_limit_seconds:g} seconds"
            return WarehouseError(
                "timeout", f"The question took longer than {limit}.", "Narrow the period or the filters."
            )
        return WarehouseError("superseded", "A newer question has taken this one's place.")


def failed(problem: Exception, text: str) -> WarehouseError:
    """An unexpected failure: a reference for people; the log gets the statement, never values or the engine's text."""
    reference = uuid.uuid4().hex[:8]
    log.error("statement failed, reference %s, %s: %s", reference, type(problem).__name__, text)
    return WarehouseError("failed", "The warehouse could not answer.", f"Reference {reference} is in the log.")


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """`table` with exactly the columns and types of `schema`; engines name and widen types differently."""
    if not table.num_columns:  # ClickHouse in process gives no columns where there are no rows
        return schema.empty_table()
    return pa.table([_cast(table.column(i), f.type) for i, f in enumerate(schema)], schema=schema)


def _cast(column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    if column.type == wanted:
        return column
    if pa.types.is_timestamp(column.type) and pa.types.is_date(wanted):
        return column.cast(pa.timestamp("us")).cast(pa.date32())
    return column.cast(wanted)


def table_of(rows: list[tuple[Any, ...]], names: list[str]) -> pa.Table:
    """Rows of a driver without Arrow as an Arrow table; exact decimals become floats, flags and instants stay."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return pa.table({f"{i}": _array(list(c)) for i, c in enumerate(columns)}).rename_columns(names)


def _array(values: list[Any]) -> pa.Array:
    kinds = {type(v) for v in values if v is not None}
    if Decimal in kinds:
        whole = all(v is None or v == int(v) for v in values) and kinds <= {Decimal, int}
        return pa.array([None if v is None else int(v) if whole else float(v) for v in values])
    if datetime in kinds:
        return pa.array([None if v is None else v.replace(tzinfo=None) for v in values], pa.timestamp("us"))
    return pa.array(values, pa.date32()) if kinds == {date} else pa.array(values)


def open_warehouse(settings: Settings, share: int = 1) -> Warehouse:
    """The configured warehouse, opened for reading. Raises WarehouseError.

    `share`: how many processes read an embedded one at a time, which divide the memory among them.
    """
    from queries.embedded import Embedded
    from queries.server import Server

    return Embedded.reading(settings, share) if settings.is_embedded else Server(settings)


@contextmanager
def writing(settings: Settings, *, fresh: bool = False) -> Iterator[Warehouse]:
    """The configured warehouse, opened for a load or a build; readers see the result whole, at the end, or nothing."""
    from queries.embedded import Embedded
    from queries.server import Server

    if settings.is_embedded:
        with Embedded.writing(settings, fresh=fresh) as warehouse:
            yield warehouse
        return
    server = Server(settings, write=True)
    try:
        yield server
    finally:
        server.close()
