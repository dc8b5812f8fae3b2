"""Whom a number stands for, on every engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pyarrow as pa
import pytest

from lifecycle.scope import Scope
from lifecycle.stages import load_model
from queries.build import build
from queries.contacts import Bar, records
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


def instants(days: list[float]) -> pa.Array:
    return pa.array([day(d) for d in days], pa.timestamp("us"))


def fill(engine: Engine, warehouse: Warehouse) -> None:
    who, stage, days, reason = zip(*EVENTS, strict=True)
    reasons = pa.array(reason, pa.string())
    events = {"contact_id": list(who), "stage": list(stage), "entered_at": instants(list(days)), "reason": reasons}
    engine.put(warehouse, "stage_events", pa.table(events))
    engine.put(warehouse, "contacts", pa.table(CONTACTS))


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
