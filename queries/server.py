"""A warehouse on a server (PostgreSQL, ClickHouse), reached through its SQLAlchemy dialect."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from queries.dialect import CLICKHOUSE, POSTGRES
from queries.errors import WarehouseError
from queries.settings import Settings
from queries.warehouse import MAX_ROWS, Warehouse, failed, table_of

LOOK_AGAIN_SECONDS = 60
BUILD_MEMORY = "128MB"  # per sort or hash of a build on PostgreSQL, whose default is made for small questions
# What ClickHouse does as the others do: absent sides of outer joins are NULL, casts keep it, LEAST passes over it.
CLICKHOUSE_AS_OTHERS = {"join_use_nulls": 1, "cast_keep_nullable": 1, "least_greatest_legacy_null_behavior": 0}


class Server(Warehouse):
    """A pool of connections; pages' are read-only with a time limit that the server itself keeps."""

    def __init__(self, settings: Settings, *, write: bool = False) -> None:
        super().__init__(settings)
        url = sa.make_url(settings.warehouse.get_secret_value())
        self._writes = write
        self._engine = sa.create_engine(
            url,
            hide_parameters=True,
            pool_pre_ping=True,
            pool_timeout=2,
            pool_recycle=1800,
            isolation_level=None if url.get_backend_name() == CLICKHOUSE else "AUTOCOMMIT",
        )
        self.dialect = self._engine.dialect
        self.dialect.cte_follows_insert = True  # WITH after INSERT INTO: the one order that all engines read
        self.source_schema = settings.source_schema
        self.build_schema = settings.build_schema
        sa.event.listen(self._engine, "connect", self._prepare)

    def _prepare(self, connection: Any, _record: Any) -> None:
        """The walls of a session; the account's own grants remain the real one."""
        limit = self.settings.time_limit_seconds
        if self.dialect.name == POSTGRES:
            connection.autocommit = True
            connection.execute("SET TIME ZONE 'UTC'")
            if self._writes:
                connection.execute(f"SET work_mem = '{BUILD_MEMORY}'")
            else:
                connection.execute(f"SET statement_timeout = {int(limit * 1000)}")
                connection.execute("SET default_transaction_read_only = on")
        elif self.dialect.name == CLICKHOUSE:
            walls = {} if self._writes else {"readonly": 2, "max_execution_time": limit}
            for name, value in (CLICKHOUSE_AS_OTHERS | walls).items():
                connection.client.set_client_setting(name, value)

    @property
    def token(self) -> str:
        from queries.builds import newest

        return newest(self)

    def _fetch(self, text: str, parameters: Mapping[str, Any]) -> pa.Table:
        limit = None if self._writes else self.settings.time_limit_seconds
        return self._attempt(text, parameters, limit, rows=True, again=not self._writes)

    def _run(self, text: str, parameters: Mapping[str, Any]) -> None:
        self._attempt(text, parameters, None, rows=False, again=False)

    def _attempt(
        self, text: str, parameters: Mapping[str, Any], limit: float | None, *, rows: bool, again: bool
    ) -> pa.Table:
        """Runs once more after a lost connection, where nothing can have been written."""
        expired = threading.Event()
        try:
            with self._engine.connect() as connection:
                driver = connection.connection.driver_connection
                cancel: Callable[[], None] = getattr(driver, "cancel_safe", lambda: None)  # ClickHouse has none
                # the server keeps the limit itself; ours, a second later, is for a server that does not answer
                with self._cancellable(cancel, limit + 1 if limit else None) as expired:
                    result = connection.exec_driver_sql(text, dict(parameters))
                    if not rows:
                        result.close()
                        return pa.table({})
                    return table_of([tuple(r) for r in result.fetchmany(MAX_ROWS + 1)], list(result.keys()))
        except DBAPIError as problem:
            if problem.connection_invalidated and again:
                return self._attempt(text, parameters, limit, rows=rows, again=False)
            raise self._explained(problem, text, expired) from None
        except PoolTimeout:
            raise WarehouseError(
                "busy", "The warehouse is busy with other questions.", "Try again in a moment."
            ) from None
        except SQLAlchemyError as problem:
            raise failed(problem, text) from None

    def _explained(self, problem: DBAPIError, text: str, expired: threading.Event) -> WarehouseError:
        state = getattr(problem.orig, "sqlstate", None) or ""
        raw = str(problem.orig).lower()
        if state == "57014":
            if "statement timeout" in raw:
                expired.set()
            return self.stopped(expired)
        if state.startswith("28") or "password authentication" in raw:
            return WarehouseError(
                "credentials", "The warehouse refuses the user.", "Check the configured user and password."
            )
        if state in ("42P01", "42703", "3F000") or "unknown table" in raw:
            return WarehouseError(
                "missing_table", "A table or column is not in the warehouse.", "Build again: lifecycle build."
            )
        if state == "42501":
            return WarehouseError("missing_table", "The warehouse user may not read a table.", "Grant SELECT on it.")
        if state.startswith(("08", "57P")) or (not state and problem.connection_invalidated) or "connection" in raw:
            return WarehouseError(
                "connection", "The warehouse cannot be reached.", "Check that it runs and is reachable."
            )
        return failed(problem, text)

    def close(self) -> None:
        self._engine.dispose()
