"""The door: limits that end a question for real, walls that a reader meets, and failures told safely."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from queries.embedded import Embedded
from queries.errors import WarehouseError
from queries.server import Server
from queries.settings import Settings
from queries.warehouse import Warehouse, asking, open_warehouse, writing
from tests.engines import Postgres

# Billions of pairs: hours on any machine, in pieces small enough to be stopped between.
NUMBERS = sa.func.generate_series(1, 200_000).table_valued("n").render_derived(name="a")
OTHERS = sa.func.generate_series(1, 200_000).table_valued("n").render_derived(name="b")
ENDLESS = sa.select(sa.func.count()).select_from(NUMBERS.join(OTHERS, sa.true())).where(NUMBERS.c.n + OTHERS.c.n < 0)


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Warehouse]:
    settings = Settings(warehouse=str(tmp_path / "warehouse"), time_limit_seconds=1)
    with writing(settings) as made:
        made.execute("CREATE TABLE told AS SELECT 'person@corp.example' AS who")
    warehouse = open_warehouse(settings)
    yield warehouse
    warehouse.close()


@pytest.fixture
def server(postgres: Postgres) -> Iterator[Server]:
    with postgres.database() as url:
        warehouse = Server(Settings(warehouse=url, time_limit_seconds=1))
        yield warehouse
        warehouse.close()


def running(postgres: Postgres) -> int:
    """Statements at work on the server, this question's own apart."""
    active = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%generate_series%'"
    with postgres.connect() as admin:
        found = admin.execute(active + " AND pid <> pg_backend_pid()").fetchone()
    assert found is not None
    return int(found[0])


def interrupted(warehouse: Warehouse) -> WarehouseError:
    """What a reader gets whose question is superseded while it runs."""
    problems: list[WarehouseError] = []

    def ask() -> None:
        asking.set("reader")
        with pytest.raises(WarehouseError) as problem:
            warehouse.query(ENDLESS)
        problems.append(problem.value)

    thread = threading.Thread(target=ask)
    thread.start()
    while thread.is_alive():  # the question may not have begun yet: asking again is harmless
        warehouse.interrupt("reader")
        time.sleep(0.02)
    return problems[0]


def test_an_endless_question_ends_in_the_embedded_warehouse_and_the_next_is_answered(embedded: Warehouse) -> None:
    with pytest.raises(WarehouseError) as problem:
        embedded.query(ENDLESS)
    assert problem.value.kind == "timeout"
    assert embedded.query(sa.select(sa.literal(1))).num_rows == 1


def test_an_endless_question_ends_on_the_server_too(server: Server, postgres: Postgres) -> None:
    with pytest.raises(WarehouseError) as problem:
        server.query(ENDLESS)
    assert problem.value.kind == "timeout"
    assert running(postgres) == 0
    assert server.query(sa.select(sa.literal(1))).num_rows == 1


def test_a_superseded_question_is_cancelled_here_and_on_the_server(
    embedded: Warehouse, server: Server, postgres: Postgres
) -> None:
    assert interrupted(embedded).kind == "superseded"
    assert interrupted(server).kind == "superseded"
    assert running(postgres) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine AS SELECT 1 AS a",
        "DELETE FROM told",
        "COPY told TO '/tmp/told.csv'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "ATTACH '/tmp/other.duckdb'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
    ],
)
def test_a_reader_of_the_embedded_warehouse_can_only_read(embedded: Warehouse, statement: str) -> None:
    with pytest.raises(WarehouseError) as problem:
        embedded.execute(statement)
    assert "passwd" not in str(problem.value)
    assert embedded.query(sa.select(sa.func.count()).select_from(sa.table("told"))).column(0)[0].as_py() == 1


def test_a_reader_of_the_server_can_only_read(server: Server) -> None:
    with pytest.raises(WarehouseError):
        server.execute("CREATE TABLE mine (a int)")


def test_a_lost_connection_is_opened_again(server: Server, postgres: Postgres) -> None:
    assert server.query(sa.select(sa.literal(1))).num_rows == 1
    with postgres.connect() as admin:
        ours = "application_name = '' AND pid <> pg_backend_pid() AND datname LIKE 'test_%'"
        admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}")
    assert server.query(sa.select(sa.literal(1))).num_rows == 1


def test_what_goes_wrong_is_told_without_values_and_addresses(
    embedded: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    bad = sa.select(sa.cast(sa.table("told", sa.column("who", sa.Text())).c.who, sa.Integer()))
    with pytest.raises(WarehouseError) as problem:
        embedded.query(bad)
    assert problem.value.kind == "failed"
    assert "corp.example" not in str(problem.value) + caplog.text


def test_a_server_that_is_not_there_is_told_without_its_address() -> None:
    settings = Settings(warehouse="postgresql+psycopg://someone:secret@127.0.0.1:1/nowhere")
    with pytest.raises(WarehouseError) as problem:
        Server(settings).query(sa.select(sa.literal(1)))
    assert problem.value.kind == "connection"
    assert not {"someone", "secret", "127.0.0.1"} & set(str(problem.value).replace(":", " ").split())


def test_a_reader_in_process_sees_one_file(embedded: Warehouse) -> None:
    assert isinstance(embedded, Embedded)
    assert embedded.token == embedded.path.name


def test_a_file_that_went_away_meanwhile_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError) as refused:
        Embedded(Settings(warehouse=str(tmp_path)), tmp_path / "lifecycle-000001.duckdb")
    assert refused.value.kind == "damaged"
