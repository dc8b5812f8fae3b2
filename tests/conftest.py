"""Fixtures shared by all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests import engines
from tests.engines import ClickHouse, DuckDB, Engine, Postgres

settings.register_profile("unhurried", deadline=None)  # a machine that is busy makes no answer wrong
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for this process."""
    with engines.postgres() as server:
        yield server


@pytest.fixture(scope="session", params=["duckdb", "postgresql", "clickhousedb"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each kind of warehouse in turn."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres")
    return DuckDB() if request.param == "duckdb" else ClickHouse()
