"""Facts that need nothing before them: an order before the first talk implies no talk, and is not counted as one."""

from __future__ import annotations

from datetime import datetime, timedelta

import pyarrow as pa
import pytest

from lifecycle.rates import Rate
from lifecycle.scope import Scope
from lifecycle.stages import parse_model
from queries.build import build
from queries.funnel import funnel
from queries.modelled import Modelled
from tests.engines import Engine

START = datetime(2026, 1, 1)
MODEL = parse_model(
    {
        "name": "shop",
        "label": "Shop",
        "stages": [
            {"key": "lead", "label": "Lead", "kind": "progress"},
            {"key": "talk", "label": "Talk", "kind": "progress"},
            {"key": "sample", "label": "Sample", "kind": "progress", "optional": True, "enters_on": ["referrals.made"]},
            {"key": "client", "label": "Client", "kind": "progress", "enters_on": ["orders.first"]},
        ],
    },
    "shop",
)
EVENTS = [  # who, stage or fact, day
    ("ann", "lead", 0),
    ("ann", "talk", 1),
    ("ann", "order", 2),  # all the way
    ("bob", "order", 0),
    ("bob", "lead", 3),  # ordered first, became a lead later: his order is no conversion of that lead
    ("cy", "lead", 0),
    ("cy", "order", 2),  # ordered without a talk
    ("dee", "order", 0),
    ("dee", "talk", 1),  # ordered first; the talk implies that she was a lead by then
    ("eve", "lead", 0),
    ("eve", "referral", 1),  # a sample without a talk
    ("fay", "lead", 0),
    ("fay", "talk", 1),
    ("fay", "referral", 2),
    ("gus", "order", 1),  # never a lead
    ("hal", "lead", 0),
    ("hal", "talk", 5),
    ("hal", "order", 2),  # the order came before the talk, but after the lead
]


def table(kind: str, who: str, at: str, **more: str) -> pa.Table:
    rows = [(w, START + timedelta(days=d)) for w, k, d in EVENTS if k == kind]
    columns = {who: [w for w, _ in rows], at: pa.array([t for _, t in rows], pa.timestamp("us"))}
    return pa.table(columns | {name: [f"{name} {i}" for i in range(len(rows))] for name in more})


def test_a_fact_before_its_turn_is_another_way_and_never_a_conversion(engine: Engine) -> None:
    warehouse = engine.open()
    said = [(w, k, START + timedelta(days=d)) for w, k, d in EVENTS if k in ("lead", "talk")]
    events = {"contact_id": [w for w, *_ in said], "stage": [k for _, k, _ in said]}
    engine.put(
        warehouse,
        "stage_events",
        pa.table(events | {"entered_at": pa.array([t for *_, t in said], pa.timestamp("us"))}),
    )
    engine.put(warehouse, "orders", table("order", "contact_id", "ordered_at", order_id=""))
    engine.put(warehouse, "referrals", table("referral", "referrer_id", "referred_at", referred_id=""))
    m = Modelled(warehouse, MODEL, build(warehouse, MODEL))
    scope = Scope(model="shop", as_of=START + timedelta(days=30))
    lead, talk, sample, client = funnel(m, scope).whole
    assert (lead.entered, lead.advanced, lead.diverted, lead.open) == (7, 4, 2, 1)  # bob and cy; eve
    assert (talk.entered, talk.advanced, talk.diverted, talk.open) == (4, 2, 1, 1)  # ann, hal; dee; fay
    assert (sample.entered, sample.step_conversion_rate) == (1, Rate(1, 4))  # fay; eve never came to a talk
    assert (client.entered, client.conversion_rate) == (2, Rate(2, 7))
    assert talk.skipped == 0 and lead.skipped == 1
    assert client.seconds_from_previous is not None
    assert client.seconds_from_previous.n == 1, "hal's order came before his talk: no time from talk to order"
    assert client.seconds_from_previous.median == pytest.approx(86_400)
    soon = funnel(m, Scope(model="shop", as_of=scope.as_of, window=timedelta(days=3))).whole
    assert (soon[0].advanced, soon[0].late) == (3, 1), "hal's talk came too late, so his order does not count either"
    assert soon[3].entered == 1
    warehouse.close()
