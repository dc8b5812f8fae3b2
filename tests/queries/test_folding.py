"""Orders and subscriptions that came twice: counted once, on every engine."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from queries import ledger
from tests.engines import Engine
from tests.queries.test_loyalty import SCOPE, STORY, day, told
from tests.queries.worlds import World


def test_an_order_told_twice_is_one_order(engine: Engine) -> None:
    """The newest recorded counts, then the first by content; without an id only equal rows are the same."""
    rows = dict(STORY.rows)
    later, earlier = (datetime(2025, 6, n) for n in (30, 1))
    first = next(o for o in rows["orders"] if o["contact_id"] == "ben")
    anonymous = first | {"order_id": None, "contact_id": "cho", "ordered_at": day("03-01")}
    extra = [anonymous | {"amount": amount} for amount in (5.0, 6.0)]
    rows["orders"] = [
        *(o | {"recorded_at": earlier} for o in rows["orders"]),
        first | {"amount": 70.0, "recorded_at": later},  # corrected afterwards
        first | {"amount": 60.0, "recorded_at": earlier},
        first | {"amount": 70.0, "recorded_at": later},  # the correction, sent twice
        *extra,
        dict(extra[0]),
    ]
    twice = next(s for s in rows["subscriptions"] if s["contact_id"] == "fox")
    rows["subscriptions"] = [*rows["subscriptions"], twice | {"mrr": 20.0}, dict(twice)]
    once = told(engine, World(STORY.rows | {"orders": [*STORY.rows["orders"], *extra]}))
    clean = once.build.counts
    once.warehouse.close()
    m = told(engine, World(rows))
    try:
        assert m.build.counts == clean | {"folded": 6}  # and no double enters a stage
        table = m.warehouse.query(sa.select(ledger.orders(m, SCOPE))).to_pylist()
        mine = sorted((r["customer_id"], r["at"], r["cents"]) for r in table if r["customer_id"] in ("ben", "cho"))
        assert [cents for who, _, cents in mine if who == "ben"] == [7_000, 5_000]
        assert sorted(cents for who, _, cents in mine if who == "cho") == [500, 600, 10_000]
        mrr = m.warehouse.query(sa.select(ledger.stretches(m, SCOPE))).to_pylist()
        assert [r["cents"] for r in mrr if r["customer_id"] == "fox" and r["from_at"] == day("01-01")] == [2_000]
    finally:
        m.warehouse.close()
