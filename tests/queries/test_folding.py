"""What came twice is counted once, and nobody refers themselves: on every engine."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from lifecycle.health import left_out
from queries import ledger
from queries.referrals import loop
from queries.surveys import satisfaction
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


def test_a_survey_or_a_referral_told_twice_is_counted_where_it_is_left_out(engine: Engine) -> None:
    """They have no id: equal in every column of the contract is the same; another score is another answer."""
    survey, referral = STORY.rows["surveys"][0], STORY.rows["referrals"][0]
    once = told(engine, STORY)
    clean, scores, made = once.build.counts, satisfaction(once, SCOPE).whole, loop(once, SCOPE).made
    once.warehouse.close()
    more = {
        "surveys": [*STORY.rows["surveys"], dict(survey), dict(survey), survey | {"score": 0.0}],
        "referrals": [*STORY.rows["referrals"], dict(referral)],
    }
    m = told(engine, World(STORY.rows | more))
    try:
        assert m.build.counts["folded"] == clean["folded"] + 3
        assert {k: n for k, n in m.build.counts.items() if k not in ("folded", "in", "ignored")} == {
            k: n for k, n in clean.items() if k not in ("folded", "in", "ignored")
        }
        assert satisfaction(m, SCOPE).whole == scores  # of two answers at one instant the higher counts
        assert loop(m, SCOPE).made == made
        assert left_out(m.build.counts)["doubles"].startswith("3 rows of orders, subscriptions, surveys or referrals")
    finally:
        m.warehouse.close()


def test_what_merges_make_a_double_or_a_referral_of_oneself_is_counted_where_it_is_left_out(engine: Engine) -> None:
    """Amy was `old` once: what both answered and whom both referred is one, and neither refers the other."""
    once = told(engine, STORY)
    clean, response, made = once.build.counts, satisfaction(once, SCOPE).response, loop(once, SCOPE).made
    once.warehouse.close()
    survey, referral = STORY.rows["surveys"][0], STORY.rows["referrals"][0]
    assert (survey["contact_id"], referral["referrer_id"], clean["selves"]) == ("amy", "amy", 1)
    more = {
        "surveys": [*STORY.rows["surveys"], survey | {"contact_id": "old", "kind": " NPS"}],
        "referrals": [
            *STORY.rows["referrals"],
            referral | {"referrer_id": "old"},
            referral | {"referred_id": "old"},
            referral | {"referrer_id": "old", "referred_id": "amy", "referred_at": day("03-03")},
            {"referrer_id": "dee", "referred_id": "dee", "referred_at": day("06-27")},
        ],
    }
    m = told(engine, World(STORY.rows | more))
    try:
        assert m.build.counts == clean | {"folded": clean["folded"] + 2, "selves": 4}
        assert satisfaction(m, SCOPE).response == response
        assert loop(m, SCOPE).made == made
        stays = m.warehouse.query(sa.select(m.stays.c.stage).where(m.stays.c.entity_id == "dee"))
        stages = set(stays.column("stage").to_pylist())
        assert "conversion" in stages and "loyalty" not in stages  # who refers themselves has recommended nothing
    finally:
        m.warehouse.close()


def test_an_account_does_not_refer_itself(engine: Engine) -> None:
    """Ben and Cho are of one account: to contacts their referral is one, to accounts it is none."""
    contacts = [c | {"account_id": "acme"} if c["contact_id"] in ("ben", "cho") else c for c in STORY.rows["contacts"]]
    referral = {"referrer_id": "ben", "referred_id": "cho", "referred_at": day("03-03")}
    world = World(STORY.rows | {"contacts": contacts, "referrals": [referral]})
    found = {}
    for model in ("customer_lifecycle", "discovery"):
        m = told(engine, world, model)
        found[m.model.entity] = (loop(m, SCOPE).made, m.build.counts["selves"])
        m.warehouse.close()
    assert found == {"contact": (1, 0), "account": (0, 1)}
