"""Retention at scale: ten orders and one subscription per customer, beside pandas and ClickHouse's `retention`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from lifecycle.retention import ORDERS, Rules
from lifecycle.scope import Scope
from queries.activity import activity
from queries.build import build
from queries.embedded import Embedded
from queries.modelled import Modelled, latest
from queries.mrr import mrr
from queries.retention import retention
from queries.settings import Settings
from queries.warehouse import open_warehouse, writing
from tests.benchmarks import clickhouse, company
from tests.benchmarks.measure import Line, middle, repeated

GOAL = 1.0  # seconds
DAYS, AGES = 1_000, 12
RAW = "orders.parquet"  # what the rivals start from
# Invented in the engine: nobody has a story here, there are only many of them.
SOURCES = {
    "contacts": "SELECT 'c' || i AS contact_id, ['ads', 'event', 'partner'][1 + i % 3] AS source FROM range({n}) t(i)",
    "stage_events": "SELECT 'c' || i * 100 AS contact_id, 'Lead' AS stage, TIMESTAMP '2023-06-01' + to_hours(i % 9000) "
    "AS entered_at FROM range({n} // 100) t(i)",
    "orders": "SELECT 'o' || i AS order_id, 'c' || hash(i) % {n} AS contact_id, TIMESTAMP '2023-06-01' + "
    "to_microseconds(CAST(hash(i, 1) % {us} AS BIGINT)) AS ordered_at, (hash(i, 2) % 20000) / 100.0 AS amount "
    "FROM range({n} * 10) t(i)",
    "subscriptions": "SELECT 's' || i AS subscription_id, 'c' || i AS contact_id, TIMESTAMP '2023-06-01' + "
    "to_microseconds(CAST(hash(i, 3) % {us} AS BIGINT)) AS started_at, CASE WHEN i % 3 > 0 THEN started_at + "
    "to_days(CAST(hash(i, 4) % 700 AS INTEGER)) END AS ended_at, CAST(hash(i, 5) % 900 AS DOUBLE) AS mrr "
    "FROM range({n}) t(i)",
}


def made(folder: Path, customers: int) -> Modelled:
    """A warehouse of so many customers, built; kept in the folder for the next run."""
    settings = Settings(warehouse=str(folder / "customers"), time_limit_seconds=600)  # type: ignore[arg-type]
    if not (folder / "customers").exists():
        with writing(settings, fresh=True) as warehouse:
            assert isinstance(warehouse, Embedded)
            for name, text in SOURCES.items():
                filled = text.format(n=customers, us=DAYS * 86_400_000_000)
                warehouse.execute(f"DROP TABLE IF EXISTS {name}")
                warehouse.execute(f"CREATE TABLE {name} AS {filled}")
            build(warehouse, company.model(), full=True)
            warehouse.execute(f"COPY (SELECT contact_id, ordered_at FROM orders) TO '{folder / RAW}' (FORMAT parquet)")
    return latest(open_warehouse(settings), company.model())


def measure(folder: Path, customers: int, repeat: int, say: Callable[[str], Any]) -> list[Line]:
    """Lines of the table: the cells, the book and the activity of everybody."""
    say(f"retention: {customers:,} customers, {customers * 10:,} orders")
    m = made(folder, customers)
    scope, orders = Scope(m.model.name, m.build.as_of, grain="month"), Rules(ORDERS, ORDERS, periods=AGES)
    source = folder / RAW
    beside = f"pandas {pandas(source, repeat):.2f} s, ClickHouse's retention {rival(folder, source, repeat):.2f} s"
    asked: list[tuple[str, Callable[[], Any], str]] = [
        ("Order cohorts by month, counts and money", lambda: retention(m, scope, orders), beside),
        ("The same by source", lambda: retention(m, replace(scope, by="source"), orders), ""),
        ("Subscription cohorts by month", lambda: retention(m, scope, Rules(periods=AGES)), ""),
        ("Movements of recurring revenue by month", lambda: mrr(m, scope), ""),
        ("New, returning, resurrected, dormant by month", lambda: activity(m, scope), ""),
    ]
    lines = []
    for name, ask, rivals in asked:
        took = middle(repeated(ask, repeat))
        lines.append(Line(name, f"{took:.2f} s", rivals, f"< {GOAL:g} s", took < GOAL))
    return lines


def pandas(source: Path, repeat: int) -> float:
    """Distinct customers by cohort and age, orders already in memory."""
    frame = pd.read_parquet(source)

    def ask() -> pd.Series:
        month = frame["ordered_at"].dt.year * 12 + frame["ordered_at"].dt.month
        first = month.groupby(frame["contact_id"]).transform("min")
        told = pd.DataFrame({"cohort": first, "age": month - first, "contact_id": frame["contact_id"]})
        return told.drop_duplicates().groupby(["cohort", "age"]).size()

    return middle(repeated(ask, min(repeat, 2)))


def rival(folder: Path, source: Path, repeat: int) -> float:
    """ClickHouse's `retention` per customer, orders already sorted by customer."""
    session = clickhouse.session(folder)
    session.query("DROP TABLE IF EXISTS orders")
    session.query(
        "CREATE TABLE orders ENGINE = MergeTree ORDER BY contact_id AS SELECT assumeNotNull(contact_id) AS contact_id, "
        f"assumeNotNull(ordered_at) AS ordered_at FROM file('{source}', Parquet)"
    )
    ages = ", ".join(f"dateDiff('month', first_at, ordered_at) = {age}" for age in range(AGES + 1))
    text = f"""
    SELECT toStartOfMonth(first_at) AS cohort, sumForEach(kept) FROM (
        SELECT contact_id, first_at, retention({ages}) AS kept FROM orders INNER JOIN (
            SELECT contact_id, min(ordered_at) AS first_at FROM orders GROUP BY contact_id) AS f USING contact_id
        GROUP BY contact_id, first_at) GROUP BY cohort ORDER BY cohort"""
    return middle(repeated(lambda: session.query(text), repeat))
