"""Whom a number stands for, and what is told of one of them: on every engine, masked unless allowed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pyarrow as pa
import pytest

from lifecycle.scope import Scope
from lifecycle.stages import load_model
from queries.build import build
from queries.contacts import Bar, history, records, timeline
from queries.funnel import funnel
from queries.modelled import Modelled
from queries.warehouse import Warehouse
from tests.engines import Engine

START = datetime(2026, 1, 1)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


EVENTS = [  # contact, stage, day, reason
    ("ada", "Lead", 0, None),
    ("ada", "MQL", 2, None),
    ("ada", "Lost", 5, "price"),
    ("ada", "Lead", 9, None),
    ("bob", "Lead", 1, None),
    ("bob", "MQL", 3, None),
    ("bob", "Recycled", 4, None),
    ("cy", "Lead", 1, None),
    ("cy", "SQL", 8, None),
    ("dee", "MQL", 2, None),
    ("dee", "Lost", 6, "timing"),
    ("eve", "Lead", 7, None),
]
CONTACTS = {
    "contact_id": ["ada", "bob", "cy", "dee", "eve"],
    "account_id": ["acme", "acme", None, "zeta", None],
    "name": ["Ada Example", None, "Cy Sample", "Dee Test", "Eve Test"],
    "email": ["ada@corp.example", "bob@corp.example", None, "dee@zeta.example", ""],
    "plan": ["free", "paid", None, "free", "paid"],
    "birthday_month": ["May", "June", "May", "May", "June"],
}
ACTIVITIES = [("ada", "call", 1), ("ada", "e-mail", 3), ("ada", "meeting", 20), ("bob", "call", 2)]


def instants(days: list[float]) -> pa.Array:
    return pa.array([day(d) for d in days], pa.timestamp("us"))


def fill(engine: Engine, warehouse: Warehouse) -> None:
    who, stage, days, reason = zip(*EVENTS, strict=True)
    reasons = pa.array(reason, pa.string())
    events = {"contact_id": list(who), "stage": list(stage), "entered_at": instants(list(days)), "reason": reasons}
    engine.put(warehouse, "stage_events", pa.table(events))
    engine.put(warehouse, "contacts", pa.table(CONTACTS))
    who, kind, days = zip(*ACTIVITIES, strict=True)
    done = {"contact_id": list(who), "kind": list(kind), "occurred_at": instants(list(days))}
    engine.put(warehouse, "activities", pa.table(done | {"actor": ["rep 1"] * len(who)}))


@pytest.fixture
def m(engine: Engine) -> Iterator[Modelled]:
    warehouse, model = engine.open(), load_model("inbound")
    fill(engine, warehouse)
    yield Modelled(warehouse, model, build(warehouse, model))
    warehouse.close()


def scope(as_of: float = 30, **more) -> Scope:
    return Scope(model="inbound", as_of=day(as_of), **more)


def who(m: Modelled, bar: Bar, **more) -> list[tuple[str, int]]:
    rows = records(m, scope(**more), bar).table.to_pylist()
    return [(row["entity_id"], row["journey"]) for row in rows]


def test_a_bar_is_the_journeys_it_counts_the_latest_first(m: Modelled) -> None:
    assert who(m, Bar("lead")) == [("ada", 2), ("eve", 1), ("dee", 1), ("bob", 1), ("cy", 1), ("ada", 1)]
    assert who(m, Bar("mql")) == [("dee", 1), ("bob", 1), ("cy", 1), ("ada", 1)]
    assert who(m, Bar("mql", "advanced")) == [("cy", 1)]
    assert who(m, Bar("lead", "open")) == [("ada", 2), ("eve", 1)]
    left = funnel(m, scope()).whole[1].exited
    assert {stage: (e.total, dict(e.reasons)) for stage, e in left.items()} == {
        "lost": (2, {"price": 1, "timing": 1}),
        "recycled": (1, {None: 1}),
    }


def test_an_exit_can_be_narrowed_to_a_reason_or_to_none_given(m: Modelled) -> None:
    assert who(m, Bar("mql", "exited")) == [("dee", 1), ("bob", 1), ("ada", 1)]
    assert who(m, Bar("mql", "exited", "lost")) == [("dee", 1), ("ada", 1)]
    assert who(m, Bar("mql", "exited", "lost", ("price",))) == [("ada", 1)]
    assert who(m, Bar("mql", "exited", "recycled", (None,))) == [("bob", 1)]
    assert who(m, Bar("mql", "exited", None, (None, "timing"))) == [("dee", 1), ("bob", 1)]


def test_a_bar_can_be_narrowed_to_values_of_the_breakdown_or_to_all_others(m: Modelled) -> None:
    by = {"by": "plan"}
    assert who(m, Bar("mql", segments=("free",)), **by) == [("dee", 1), ("ada", 1)]
    assert who(m, Bar("mql", segments=(None,)), **by) == [("cy", 1)]
    assert who(m, Bar("mql", segments=("free",), others=True), **by) == [("bob", 1), ("cy", 1)]
    assert who(m, Bar("mql", segments=("free", None), others=True), **by) == [("bob", 1)]


def test_what_lies_after_the_cut_off_is_unseen(m: Modelled) -> None:
    (row,) = [r for r in records(m, scope(as_of=4.5), Bar("lead")).table.to_pylist() if r["entity_id"] == "ada"]
    assert (row["fate"], row["reached"], row["exit_stage"], row["exited_at"]) == ("open", "mql", None, None)
    stays, _ = timeline(m, "ada", day(4.5))
    assert [(s["stage"], s["exited_at"]) for s in stays.to_pylist()] == [("lead", day(2)), ("mql", None)]
    done = history(m, scope(as_of=2.5), "ada").activities
    assert done is not None and done["kind"].to_pylist() == ["call"]


def test_a_history_holds_every_entry_and_what_was_done(m: Modelled) -> None:
    found = history(m, scope(), "ada")
    told = [(s["journey"], s["stage"], s["move"], s["reason"]) for s in found.timeline.to_pylist()]
    assert told == [
        (1, "lead", "advance", None),
        (1, "mql", "advance", None),
        (1, "lost", "exit", "price"),
        (2, "lead", "reopen", None),
    ]
    assert found.activities is not None
    assert [(a["kind"], a["occurred_at"]) for a in found.activities.to_pylist()] == [
        ("meeting", day(20)),
        ("e-mail", day(3)),
        ("call", day(1)),
    ]
    assert len(found.statements) == 3


def test_personal_data_are_masked_unless_the_settings_show_them(engine: Engine) -> None:
    model, told = load_model("inbound"), {}
    for shown in (False, True):
        warehouse = engine.open(personal_data=shown)
        fill(engine, warehouse)
        told[shown] = history(Modelled(warehouse, model, build(warehouse, model)), scope(), "ada").about
        warehouse.close()
    plain = {"account_id": "acme", "plan": "free"}
    hidden = {"name": "A*** E***", "email": "a***@corp.example", "birthday_month": "M***"}
    assert told[False] == plain | hidden
    assert told[True] == plain | {"name": "Ada Example", "email": "ada@corp.example", "birthday_month": "May"}


def test_an_unknown_contact_has_no_history(m: Modelled) -> None:
    found = history(m, scope(), "nobody' OR 1=1 --")
    assert (found.about, found.timeline.num_rows) == ({}, 0)
    assert found.activities is not None and found.activities.num_rows == 0


def test_an_account_s_history_is_that_of_its_contacts(engine: Engine) -> None:
    warehouse, model = engine.open(), load_model("discovery")
    fill(engine, warehouse)
    m = Modelled(warehouse, model, build(warehouse, model))
    found = history(m, Scope(model="discovery", as_of=day(30)), "acme")
    entries = [(s["stage"], s["contact_id"], s["move"]) for s in found.timeline.to_pylist()]
    assert entries[:2] == [("lead", "ada", "advance"), ("lead", "bob", "repeat")]
    assert found.about == {}
    assert found.activities is not None
    assert set(found.activities["contact_id"].to_pylist()) <= {"ada", "bob"}
    assert "ada" in found.activities["contact_id"].to_pylist()
    warehouse.close()
