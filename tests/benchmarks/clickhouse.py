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
EVENTS, SEGMENTED = "events", "segmented"
EVENT_TABLE = """
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
SEGMENTED_TABLE = """
CREATE TABLE segmented ENGINE = MergeTree ORDER BY (contact_id, entered_at) AS
SELECT contact_id, stage, entered_at, source, region FROM events LEFT JOIN contacts USING contact_id
"""


def session(folder: Path) -> Session:
    return Session(str(folder / "clickhouse"))


def loaded(folder: Path) -> float:
    """Seconds of a load of the stage events from Parquet into a sorted table."""
    clickhouse = session(folder)

    def load() -> None:
        clickhouse.query("DROP TABLE IF EXISTS events")
        clickhouse.query(EVENT_TABLE)
        clickhouse.query(LOAD.format(raw=folder / "raw"))

    return repeated(load, 1)[0]


class Rival:
    """The questions of the pages in ClickHouse's words: same filter, window and steps, counted per contact."""

    def __init__(self, folder: Path, model: StageModel) -> None:
        self.session = session(folder)
        for name, statement in (("contacts", CONTACTS), (SEGMENTED, SEGMENTED_TABLE)):
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

    def funnel(self, scope: Scope, table: str = EVENTS) -> str:
        """Contacts by segment and how far they came within the window, by `windowFunnel`."""
        levels = self._levels(scope, table)
        last = f"if(level = {len(scope.stages)}, 'last', 'other')"
        return f"SELECT {last}, {_by(scope)}, level, count() FROM {levels} GROUP BY ALL"

    def trend(self, scope: Scope, table: str = EVENTS) -> str:
        levels = self._levels(scope, table, first=True)
        return f"SELECT 'all', toStartOfMonth(first_at), {_by(scope)}, level, count() FROM {levels} GROUP BY ALL"

    def records(self, scope: Scope, table: str = EVENTS) -> str:
        levels = self._levels(scope, table, first=True)
        listed = f"SELECT 'all', contact_id, level, first_at, {_by(scope)}, 1 FROM {levels} WHERE level >= 2"
        return f"{listed} ORDER BY first_at DESC, contact_id LIMIT {PAGE}"

    def period(self, scope: Scope, table: str = EVENTS) -> str:
        """Entries to each stage in the period."""
        counts = ", ".join(f"uniqExactIf(contact_id, {self._is(key)})" for key in scope.stages)
        rows = self._joined(f"(SELECT * FROM {table} WHERE {_in(scope)} AND {self._of(scope, table)})", scope, table)
        return f"SELECT 'all', {_by(scope)}, {counts} FROM {rows} GROUP BY ALL"

    def stock(self, scope: Scope, table: str = EVENTS) -> str:
        """Contacts by the raw stage that they entered last."""
        where = f"entered_at <= '{scope.as_of}' AND {self._of(scope, table)}"
        last = f"SELECT contact_id, argMax(stage, entered_at) AS stage{self._own(scope, table)} FROM {table}"
        rows = self._joined(f"({last} WHERE {where} GROUP BY contact_id)", scope, table)
        return f"SELECT 'all', {_by(scope)}, stage, count() FROM {rows} GROUP BY ALL"

    def moves(self, scope: Scope, table: str = EVENTS) -> str:
        """What follows each raw stage entered in the period, and the median time until then."""
        own = f", {scope.by}" if scope.by and table == SEGMENTED else ""
        nexts = "leadInFrame(stage) OVER w AS following, leadInFrame(toNullable(entered_at)) OVER w AS left_at"
        window = "PARTITION BY contact_id ORDER BY entered_at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
        steps = f"SELECT contact_id, stage, entered_at{own}, {nexts} FROM {table}"
        walked = f"({steps} WHERE {self._of(scope, table)} WINDOW w AS ({window}))"
        rows = self._joined(f"(SELECT * FROM {walked} WHERE {_in(scope)})", scope, table)
        took = "quantile(0.5)(dateDiff('microsecond', entered_at, left_at))"
        return f"SELECT 'all', {_by(scope)}, stage, following, count(), {took} FROM {rows} GROUP BY ALL"

    def _rows(self, statement: str) -> list[list[str]]:
        out = str(self.session.query(statement, "TSV"))
        return [line.split("\t") for line in out.split("\n") if line]

    def _levels(self, scope: Scope, table: str, first: bool = False) -> str:
        """How far each contact came, and when it started: a subquery."""
        assert scope.window
        start = f"({self._is(scope.stages[0])} AND {_in(scope)})"
        steps = ", ".join([start, *(self._is(key) for key in scope.stages[1:])])
        at, window = "toUInt64(toUnixTimestamp64Micro(entered_at))", scope.window // timedelta(microseconds=1)
        columns = f"contact_id, windowFunnel({window})({at}, {steps}) AS level{self._own(scope, table)}"
        columns += f", minIf(entered_at, {start}) AS first_at" if first else ""
        where = f"WHERE {_in(scope, scope.window)} AND {self._of(scope, table)}"
        inner = f"(SELECT {columns} FROM {table} {where} GROUP BY contact_id HAVING level > 0)"
        return self._joined(inner, scope, table)

    def _joined(self, inner: str, scope: Scope, table: str) -> str:
        needed = scope.by and table == EVENTS
        return f"{inner} AS rows INNER JOIN contacts USING contact_id" if needed else inner

    def _own(self, scope: Scope, table: str) -> str:
        """The segment of each contact, where its events tell it."""
        return f", any({scope.by}) AS {scope.by}" if scope.by and table == SEGMENTED else ""

    def _is(self, key: str) -> str:
        return f"stage IN ({', '.join(map(_text, self.spelled[key]))})"

    def _of(self, scope: Scope, table: str) -> str:
        tests = [f"{f.segment} IN ({', '.join(map(_text, f.values))})" for f in scope.filters if isinstance(f, Choice)]
        chosen = " AND ".join(tests) or "1"
        if table == SEGMENTED or not tests:
            return chosen
        return f"contact_id IN (SELECT contact_id FROM contacts WHERE {chosen})"


def _by(scope: Scope) -> str:
    return scope.by or "''"


def _in(scope: Scope, longer: timedelta = timedelta()) -> str:
    """Events of the period, and of so much after it."""
    start, end = scope.instants
    tests = [f"entered_at >= '{start}'"] if start else []
    return " AND ".join(tests + ([f"entered_at < '{end + longer}'"] if end else [])) or "1"


def _text(value: str | None) -> str:
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"
