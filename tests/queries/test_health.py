"""What is set aside, out of order, stale or missing: a hand-written story on three engines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import pyarrow as pa
import pytest

from lifecycle.health import Conservation
from lifecycle.scope import Scope
from lifecycle.segments import Choice
from lifecycle.stages import parse_model
from queries import freshness, health, modelled
from queries.build import build
from queries.contract import CONTRACT
from queries.modelled import Modelled
from tests.engines import DuckDB, Engine

STAGES = [
    {"key": "lead", "label": "Lead", "kind": "progress"},
    {"key": "mql", "label": "MQL", "kind": "progress"},
    {"key": "opportunity", "label": "Opportunity", "kind": "progress", "enters_on": ["orders.first"]},
    {"key": "lost", "label": "Lost", "kind": "exit"},
]
MODEL = parse_model({"name": "story", "label": "Story", "stages": STAGES, "ignored": ["other"]}, "story")
ACCOUNTS = parse_model({"name": "accounts", "label": "A", "entity": "account", "stages": STAGES}, "accounts")

EVENTS = [  # contact, raw stage, instant
    ("ann@corp.example", "lead", "2026-01-05"),
    ("ann@corp.example", "mql", "2026-01-10"),
    ("ann@corp.example", "lead", "2026-01-12"),  # goes back
    ("bob", "opportunity", "2026-01-06"),  # skips two
    ("cem", "lead", "2026-01-07"),
    ("cem", "lead", "2026-01-08"),  # repeats
    ("cem", "lost", "2026-01-09"),
    ("cem", "lead", "2026-02-01"),  # comes back
    ("old ann", "other", "2026-01-01"),  # merged into ann, and ignored
    ("dora", "mql", "2026-02-03"),
    ("dora", "mql", "2026-02-03"),  # a copy
    ("dora", "Oportunity", "2026-02-04"),
    ("eve", "Zombie", "2026-02-05"),
    ("fay", "Zombie", "2026-02-06"),
    (None, "lead", "2026-02-07"),
    ("fay", " ", "2026-02-08"),
    ("fay", "lead", None),
    ("fay", "lead", "1970-01-01"),
    ("ghost", "lead", "2026-02-09"),
    ("ghost", "mql", "2026-02-10"),
]
CONTACTS = ["ann@corp.example", "old ann", "bob", "cem", "dora", "eve", "fay", "silent"]
AS_OF = datetime(2026, 2, 20)
SCOPE = Scope("story", AS_OF, date(2026, 1, 1), date(2026, 3, 1))


def instants(texts: list[str | None]) -> pa.Array:
    return pa.array([datetime.fromisoformat(t) if t else None for t in texts], pa.timestamp("us"))


@pytest.fixture(scope="module")
def story(engine: Engine) -> Iterator[Modelled]:
    warehouse = engine.open()
    who, stages, at = (list(column) for column in zip(*EVENTS, strict=True))
    events = pa.table({"contact_id": pa.array(who, pa.string()), "stage": stages, "entered_at": instants(at)})
    engine.put(warehouse, "stage_events", events)
    accounts = pa.array([None if c == "silent" else "acme" for c in CONTACTS], pa.string())
    engine.put(warehouse, "contacts", pa.table({"contact_id": CONTACTS, "account_id": accounts, "vip": ["no"] * 8}))
    engine.put(warehouse, "contact_merges", pa.table({"merged_id": ["old ann"], "surviving_id": ["ann@corp.example"]}))
    days = pa.array([date(2026, 2, 10), date(2026, 2, 17), date(2026, 5, 1)], pa.date32())
    engine.put(warehouse, "spend", pa.table({"day": days, "amount": [1.0, 2.0, 3.0]}))
    orders = {"order_id": ["o1"], "ordered_at": instants(["2026-02-20"]), "contact_id": ["bob"]}
    engine.put(warehouse, "orders", pa.table(orders))
    engine.put(warehouse, "surveys", pa.table({"contact_id": ["bob"], "kind": ["nps"]}))  # lacks the score
    rejects = {
        "table_name": ["stage_events", "stage_events", "orders"],
        "file": ["events.csv", "events.csv", "orders.csv"],
        "line": [7, 3, 9],
        "column_name": ["entered_at", "entered_at", "amount"],
        "reason": ["no instant", "no instant", "no number"],
        "digest": ["a", "b", "c"],
        "loaded_at": instants(["2026-02-19", "2026-02-20", "2026-02-20"]),
    }
    engine.put(warehouse, "load_rejects", pa.table(rejects))
    build(warehouse, MODEL)
    build(warehouse, ACCOUNTS, frozenset({"other"}))
    yield modelled.latest(warehouse, MODEL)
    warehouse.close()


def test_every_event_is_accounted_for(story: Modelled) -> None:
    books = Conservation.of(story.build.counts)
    assert books.is_kept
    assert (books.events, books.duplicates, books.quarantined, books.rejected) == (len(EVENTS) + 1 + 2, 1, 11, 2)


def test_quarantine_by_reason(story: Modelled) -> None:
    answer = health.quarantined(story, SCOPE)
    assert {row["problem"]: row["n"] for row in answer.table.to_pylist()} == {
        "unknown_stage": 3,
        "orphan": 2,
        "no_entity": 1,
        "no_stage": 1,
        "no_instant": 1,
        "implausible_instant": 1,
    }
    assert answer.total == 9 == story.build.counts["quarantined"] - story.build.counts["rejected"]


def test_samples_show_the_row_but_not_the_person(story: Modelled) -> None:
    rows = health.samples(story, SCOPE).table.to_pylist()
    assert {row["contact_id"] for row in rows} <= {None, "f***", "g***", "e***", "d***"}
    unknown = [row["raw"] for row in rows if row["problem"] == "unknown_stage"]
    assert unknown == ["Oportunity", "Zombie", "Zombie"]
    implausible = next(row for row in rows if row["problem"] == "implausible_instant")
    assert implausible["at"].startswith("1970-01-01")


def test_unknown_values_are_counted_and_slips_recognised(story: Modelled) -> None:
    answer = health.unknown_values(story, SCOPE)
    found = [(row["raw"], row["n"], row["first"], row["likely"]) for row in answer.table.to_pylist()]
    assert found == [
        ("Zombie", 2, datetime(2026, 2, 5), None),
        ("Oportunity", 1, datetime(2026, 2, 4), "Opportunity"),
    ]
    assert answer.total == 2


def test_rejects_are_grouped_by_what_is_to_be_corrected(story: Modelled) -> None:
    answer = health.rejects(story, SCOPE)
    first, second = answer.table.to_pylist()
    assert (first["file"], first["reason"], first["n"], first["first_line"]) == ("events.csv", "no instant", 2, 3)
    assert (second["table_name"], second["n"]) == ("orders", 1)
    assert answer.total == 3


def test_moves_and_order(story: Modelled) -> None:
    moves = {(r["move"], r["from_stage"], r["stage"]): r["n"] for r in health.moves(story, SCOPE).table.to_pylist()}
    assert moves[("regress", "mql", "lead")] == 1
    assert moves[("skip", None, "opportunity")] == 1
    assert moves[("skip", None, "mql")] == 1
    assert moves[("reopen", "lost", "lead")] == 1
    assert moves[("exit", "lead", "lost")] == 1
    repeats = {stage: n for (move, _, stage), n in moves.items() if move == "repeat"}
    assert repeats == {"lead": 1, "opportunity": 1}  # cem's second lead; bob's order says what the CRM said before
    assert health.moves(story, SCOPE).total == 10
    answer = health.order(story, SCOPE)
    assert (answer.journeys, answer.in_order) == (5, 2)  # dora's, and cem's second


def test_period_and_filters_bound_the_moves_and_nothing_else(story: Modelled) -> None:
    february = replace(SCOPE, start=date(2026, 2, 1))
    assert health.moves(story, february).total == 3
    assert health.order(story, february).journeys == 2
    nobody = replace(SCOPE, filters=(Choice("vip", (None,)),))
    assert health.moves(story, nobody).total == 0
    assert health.quarantined(story, nobody).total == 9


def test_contacts_without_events_and_events_without_contacts(story: Modelled) -> None:
    answer = health.meeting(story, SCOPE)
    assert (answer.known, answer.silent) == (8, 3)  # eve and fay have no usable event; old ann is ann
    assert (answer.orphans, answer.strangers) == (2, 1)
    accounts = health.meeting(modelled.latest(story.warehouse, ACCOUNTS), SCOPE)
    assert (accounts.known, accounts.silent) == (2, 1)  # acme, and silent who stands alone


def test_freshness_is_measured_at_as_of(story: Modelled) -> None:
    found = {f.table: f for f in freshness.tables(story, SCOPE).found}
    assert found["stage_events"].newest == datetime(2026, 2, 10)
    assert found["stage_events"].behind == timedelta(days=10)
    assert found["stage_events"].stale
    assert (found["spend"].newest, found["spend"].behind) == (datetime(2026, 2, 17), timedelta(days=2))
    assert not found["spend"].stale
    assert (found["orders"].rows, found["orders"].stale) == (1, False)
    assert (found["contact_merges"].newest, found["contact_merges"].stale) == (None, None)
    assert "event_id" in found["stage_events"].lacks
    later = {f.table: f for f in freshness.tables(story, replace(SCOPE, as_of=datetime(2026, 3, 1))).found}
    assert [name for name, f in later.items() if f.stale] == ["stage_events", "orders", "spend"]


def test_missing_tables_say_what_they_need(story: Modelled) -> None:
    missing = {f.table: f for f in freshness.tables(story, SCOPE).missing}
    assert missing["surveys"].lacking == ("score",)  # there is one, but it is of no use yet
    assert missing["traffic"].lacking == ()
    assert missing["activities"].required == ("contact_id", "kind", "occurred_at")
    assert "stage_dates" not in missing, "stage_events does as well"
    found = {f.table for f in freshness.tables(story, SCOPE).found}
    assert found | missing.keys() == CONTRACT.keys() - {"stage_dates"}


def test_builds_newest_first(story: Modelled) -> None:
    answer = health.history(story, SCOPE)
    assert [b.model for b in answer.builds] == ["accounts", "story"]
    assert len(answer.statements) == 1


def test_every_answer_carries_its_statement(story: Modelled) -> None:
    asked = (health.quarantined, health.samples, health.unknown_values, health.rejects, health.moves, health.order)
    for question in (*asked, health.meeting, health.history, freshness.tables):
        assert question(story, SCOPE).statements, question


def test_stage_events_alone() -> None:
    engine = DuckDB()
    warehouse = engine.open()
    rows = {"contact_id": ["ann"], "stage": ["lead"], "entered_at": instants(["2026-01-05"])}
    engine.put(warehouse, "stage_events", pa.table(rows))
    m = Modelled(warehouse, MODEL, build(warehouse, MODEL))
    answer = health.meeting(m, SCOPE)
    assert (answer.known, answer.silent, answer.orphans) == (None, None, 0)
    assert health.rejects(m, SCOPE).total == 0
    assert health.unknown_values(m, SCOPE).total == 0
    tables = freshness.tables(m, SCOPE)
    assert [f.table for f in tables.found] == ["stage_events"]
    assert len(tables.missing) == len(CONTRACT) - 2
    warehouse.close()
