"""Retention at scale: ten orders and one subscription per customer, beside pandas and ClickHouse."""

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
    session = sorted_by_customer(folder, source)
    first = _beside(pandas(source, first_time, repeat), rival(session, "retention", FIRST_TIME, repeat))
    each = _beside(pandas(source, in_every_month, repeat), rival(session, "arrays", IN_EVERY_MONTH, repeat))
    subscriptions = Rules(periods=AGES)
    asked: list[tuple[str, Callable[[], Any], str]] = [
        ("Order cohorts by month, counts and money", lambda: retention(m, scope, orders), first),
        ("The same by source", lambda: retention(m, replace(scope, by="source"), orders), ""),
        ("Each month's customers followed", lambda: retention(m, scope, replace(orders, rule="recurring")), each),
        ("Subscription cohorts by month", lambda: retention(m, scope, subscriptions), ""),
        (
            "Each month's subscribers followed",
            lambda: retention(m, scope, replace(subscriptions, rule="recurring")),
            "",
        ),
        ("Movements of recurring revenue by month", lambda: mrr(m, scope), ""),
        ("New, returning, resurrected, dormant by month", lambda: activity(m, scope), ""),
    ]
    lines = []
    for name, ask, rivals in asked:
        took = middle(repeated(ask, repeat))
        lines.append(Line(name, f"{took:.2f} s", rivals, f"< {GOAL:g} s", took < GOAL))
    return lines


def _beside(of_pandas: float, of_clickhouse: tuple[str, float]) -> str:
    how, took = of_clickhouse
    return f"pandas {of_pandas:.2f} s, ClickHouse's {how} {took:.2f} s"


def pandas(source: Path, ask: Callable[[pd.DataFrame, pd.Series], pd.Series], repeat: int) -> float:
    """Seconds of an answer, orders already in memory."""
    frame = pd.read_parquet(source)
    return middle(
        repeated(lambda: ask(frame, frame["ordered_at"].dt.year * 12 + frame["ordered_at"].dt.month), min(repeat, 2))
    )


def first_time(frame: pd.DataFrame, month: pd.Series) -> pd.Series:
    """Distinct customers by cohort and age."""
    first = month.groupby(frame["contact_id"]).transform("min")
    told = pd.DataFrame({"cohort": first, "age": month - first, "contact_id": frame["contact_id"]})
    return told.drop_duplicates().groupby(["cohort", "age"]).size()


def in_every_month(frame: pd.DataFrame, month: pd.Series) -> pd.Series:
    """The same with a start in every month with an order, age by age."""
    active = pd.DataFrame({"contact_id": frame["contact_id"].astype("category").cat.codes, "month": month})
    active = active.drop_duplicates()
    counts = {}
    for age in range(AGES + 1):
        again = active.assign(month=active["month"] - age)
        counts[age] = active.merge(again).groupby("month").size()
    return pd.concat(counts)


def sorted_by_customer(folder: Path, source: Path) -> Any:
    """A ClickHouse session that holds the orders, sorted by customer."""
    session = clickhouse.session(folder)
    session.query("DROP TABLE IF EXISTS orders")
    session.query(
        "CREATE TABLE orders ENGINE = MergeTree ORDER BY contact_id AS SELECT assumeNotNull(contact_id) AS contact_id, "
        f"assumeNotNull(ordered_at) AS ordered_at FROM file('{source}', Parquet)"
    )
    return session


_AGES = ", ".join(f"dateDiff('month', first_at, ordered_at) = {age}" for age in range(AGES + 1))
FIRST_TIME = f"""
    SELECT toStartOfMonth(first_at) AS cohort, sumForEach(kept) FROM (
        SELECT contact_id, first_at, retention({_AGES}) AS kept FROM orders INNER JOIN (
            SELECT contact_id, min(ordered_at) AS first_at FROM orders GROUP BY contact_id) AS f USING contact_id
        GROUP BY contact_id, first_at) GROUP BY cohort ORDER BY cohort"""
IN_EVERY_MONTH = f"""
    SELECT month, sumForEach(arrayMap(age -> toUInt64(has(months, month + age)), range({AGES + 1}))) FROM (
        SELECT groupUniqArray(toRelativeMonthNum(ordered_at)) AS months FROM orders GROUP BY contact_id)
    ARRAY JOIN months AS month GROUP BY month ORDER BY month"""


def rival(session: Any, how: str, text: str, repeat: int) -> tuple[str, float]:
    """What ClickHouse does it with, and its seconds."""
    return how, middle(repeated(lambda: session.query(text), repeat))
