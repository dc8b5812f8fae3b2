"""The rival: ClickHouse's own engine in process, on the raw events sorted by contact and time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from chdb.session import Session

from lifecycle.scope import Scope
from lifecycle.segments import Choice
from lifecycle.stages import StageModel, normalise
from queries.contacts import PAGE
from tests.benchmarks.measure import repeated

# Bad rows of the company have no contact or instant; a key that is not nullable suits ClickHouse better.
EVENTS = """
CREATE TABLE events (
    contact_id String, stage LowCardinality(String), entered_at DateTime64(6), event_id Nullable(String),
    recorded_at Nullable(DateTime64(6)), reason LowCardinality(Nullable(String)),
    competitor LowCardinality(Nullable(String)), actor LowCardinality(Nullable(String)), lead_score Nullable(Int32)
) ENGINE = MergeTree ORDER BY (contact_id, entered_at)
"""
LOAD = """
INSERT INTO events SELECT ifNull(contact_id, ''), ifNull(stage, ''), ifNull(entered_at, toDateTime64(0, 6)), event_id,
    recorded_at, reason, competitor, actor, lead_score FROM file('{raw}/stage_events.parquet', Parquet)
"""
CONTACTS = """
CREATE TABLE contacts ENGINE = MergeTree ORDER BY contact_id AS
SELECT assumeNotNull(contact_id) AS contact_id, CAST(source AS LowCardinality(Nullable(String))) AS source,
    CAST(region AS LowCardinality(Nullable(String))) AS region FROM file('{raw}/contacts.parquet', Parquet)
"""
# The best case for ClickHouse: somebody has written each contact's segments onto all of its events.
SEGMENTED = """
CREATE TABLE segmented ENGINE = MergeTree ORDER BY (contact_id, entered_at) AS
SELECT contact_id, stage, entered_at, source, region FROM events LEFT JOIN contacts USING contact_id
"""


def session(folder: Path) -> Session:
    return Session(str(folder / "clickhouse"))


def loaded(folder: Path, repeat: int) -> list[float]:
    """Seconds of each load of the stage events from Parquet into a sorted table."""
    clickhouse = session(folder)

    def load() -> None:
        clickhouse.query("DROP TABLE IF EXISTS events")
        clickhouse.query(EVENTS)
        clickhouse.query(LOAD.format(raw=folder / "raw"))

    return repeated(load, repeat)


class Rival:
    """The questions of the pages in ClickHouse's words: same filter, window and steps, counted per contact."""

    def __init__(self, folder: Path, model: StageModel) -> None:
        self.session = session(folder)
        for name, statement in (("contacts", CONTACTS), ("segmented", SEGMENTED)):
            self.session.query(f"DROP TABLE IF EXISTS {name}")
            self.session.query(statement.format(raw=folder / "raw"))
        raw = [v for (v,) in self._rows("SELECT DISTINCT stage FROM events")]
        self.spelled: dict[str, list[str]] = {}
        for value in raw:
            if key := model.aliases.get(normalise(value)):
                self.spelled.setdefault(key, []).append(value)

    def ask(self, statement: str) -> int:
        """Runs a statement; the number of those who reached the last step, where it tells."""
        return sum(int(row[-1]) for row in self._rows(statement) if row[0] == "last")

    def funnel(self, scope: Scope, table: str = "events") -> str:
        """Contacts by segment and how far they came within the window, by `windowFunnel`."""
        by, where = self._by(scope, table), f"level = {len(scope.stages)}"
        levels = self._levels(scope, table)
        return f"SELECT if({where}, 'last', 'other'), {by}, level, count() FROM {levels} GROUP BY ALL"

    def trend(self, scope: Scope) -> str:
        month = "toStartOfMonth(first_at)"
        levels = self._levels(scope, "events", "first_at")
        return f"SELECT 'all', {month}, {self._by(scope, 'events')}, level, count() FROM {levels} GROUP BY ALL"

    def records(self, scope: Scope) -> str:
        levels = self._levels(scope, "events", "first_at")
        chosen = f"FROM {levels} WHERE level >= 2 ORDER BY first_at DESC, contact_id LIMIT {PAGE}"
        return f"SELECT 'all', contact_id, level, first_at, {self._by(scope, 'events')}, 1 {chosen}"

    def period(self, scope: Scope) -> str:
        """Entries to each stage in the period."""
        counts = ", ".join(f"uniqExactIf(contact_id, {self._is(key)})" for key in scope.stages)
        joined = self._joined(f"(SELECT contact_id, stage FROM events WHERE {self._in(scope)})", scope)
        return f"SELECT 'all', {self._by(scope, 'events')}, {counts} FROM {joined} GROUP BY ALL"

    def stock(self, scope: Scope) -> str:
        """Contacts by the raw stage that they entered last."""
        chosen = f"WHERE entered_at <= '{scope.as_of}' AND {self._of(scope)}"
        last = f"(SELECT contact_id, argMax(stage, entered_at) AS stage FROM events {chosen} GROUP BY contact_id)"
        return (
            f"SELECT 'all', {self._by(scope, 'events')}, stage, count() FROM {self._joined(last, scope)} GROUP BY ALL"
        )

    def _rows(self, statement: str) -> list[list[str]]:
        out = str(self.session.query(statement, "TSV"))
        return [line.split("\t") for line in out.split("\n") if line]

    def _levels(self, scope: Scope, table: str, *more: str) -> str:
        assert scope.window
        first = f"({self._is(scope.stages[0])} AND {self._in(scope, window=False)})"
        steps = ", ".join([first, *(self._is(key) for key in scope.stages[1:])])
        at = "toUInt64(toUnixTimestamp64Micro(entered_at))"
        columns = [f"windowFunnel({scope.window // timedelta(microseconds=1)})({at}, {steps}) AS level"]
        columns += [f"minIf(entered_at, {first}) AS first_at"] if "first_at" in more else []
        columns += [f"any({scope.by}) AS {scope.by}"] if table == "segmented" and scope.by else []
        where = f"WHERE {self._in(scope)} AND {self._of(scope) if table == 'events' else self._segments(scope)}"
        inner = f"(SELECT contact_id, {', '.join(columns)} FROM {table} {where} GROUP BY contact_id HAVING level > 0)"
        return self._joined(inner, scope) if table == "events" else inner

    def _joined(self, inner: str, scope: Scope) -> str:
        return f"{inner} AS levels INNER JOIN contacts USING contact_id" if scope.by else inner

    def _by(self, scope: Scope, table: str) -> str:
        return (f"contacts.{scope.by}" if table == "events" else scope.by) if scope.by else "''"

    def _is(self, key: str) -> str:
        return f"stage IN ({', '.join(map(_text, self.spelled[key]))})"

    def _in(self, scope: Scope, window: bool = True) -> str:
        start, end = scope.instants
        end = end + scope.window if end and scope.window and window and scope.basis == "cohort" else end
        tests = [f"entered_at >= '{start}'"] if start else []
        return " AND ".join(tests + ([f"entered_at < '{end}'"] if end else [])) or "1"

    def _of(self, scope: Scope) -> str:
        chosen = self._segments(scope)
        return f"contact_id IN (SELECT contact_id FROM contacts WHERE {chosen})" if scope.filters else "1"

    def _segments(self, scope: Scope) -> str:
        tests = [f"{f.segment} IN ({', '.join(map(_text, f.values))})" for f in scope.filters if isinstance(f, Choice)]
        return " AND ".join(tests) or "1"


def _text(value: str | None) -> str:
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"
