"""Small random companies with everything that can go wrong in their rows, for tests that compare engines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pyarrow as pa

from lifecycle.stages import load_model, parse_model, raw_values, shipped_models

T0 = datetime(2024, 1, 1)
FAR = datetime(2190, 1, 1)  # later than any instant of loading, yet plausible
OTHERS = raw_values(shipped_models().values())
Row = dict[str, Any]

# Every rule at once: an optional stage, a fact with and one without a requirement, an exit, ignored values.
ROLLED_UP = parse_model(
    {
        "name": "rolled_up",
        "label": "Accounts with facts",
        "entity": "account",
        "ignored": ["Do not contact"],
        "stages": [
            {"key": "lead", "label": "Lead", "kind": "progress"},
            {"key": "trial", "label": "Trial", "kind": "progress", "optional": True, "enters": ["Trial started"]},
            {
                "key": "client",
                "label": "Client",
                "kind": "progress",
                "enters": ["Closed won"],
                "enters_on": ["orders.first"],
            },
            {"key": "fan", "label": "Fan", "kind": "progress", "enters_on": ["surveys.promoter"], "requires": "client"},
            {"key": "lost", "label": "Lost", "kind": "exit", "enters": ["Closed lost"]},
        ],
    },
    "rolled_up",
)
DEALS = parse_model(
    {
        "name": "pipeline",
        "label": "Deals",
        "entity": "deal",
        "stages": [
            {"key": "open", "label": "Open", "kind": "progress"},
            {"key": "offer", "label": "Offer", "kind": "progress", "enters": ["Opportunity"]},
            {"key": "won", "label": "Won", "kind": "progress", "enters": ["Closed won"]},
            {"key": "lost", "label": "Lost", "kind": "exit", "enters": ["Closed lost"]},
        ],
    },
    "pipeline",
)
MODELS = {name: load_model(name) for name in shipped_models()} | {"rolled_up": ROLLED_UP, "pipeline": DEALS}

RAW = [
    *("Lead", " lead\t", "Subscriber", "MQL", "Sales accepted", "Sales qualified", "Opportunity", "Trial started"),
    *("Closed won", "Closed won", "Closed lost", "Recycled", "Evangelist", "Do not contact", "nonsense"),
    *("", None, "orders.first", "Open"),
]
INSTANT, TEXT, NUMBER, FLAG = pa.timestamp("us"), pa.string(), pa.float64(), pa.bool_()
SCHEMAS: dict[str, dict[str, pa.DataType]] = {
    "stage_events": {
        "contact_id": TEXT,
        "stage": TEXT,
        "entered_at": INSTANT,
        "event_id": TEXT,
        "recorded_at": INSTANT,
        "reason": TEXT,
        "competitor": TEXT,
        "actor": TEXT,
        "lead_score": NUMBER,
    },
    "contacts": {
        "contact_id": TEXT,
        "account_id": TEXT,
        "created_at": INSTANT,
        "lead_score": NUMBER,
        "plan": TEXT,
        "vip": FLAG,
        "seats": NUMBER,
    },
    "contact_history": {"contact_id": TEXT, "column": TEXT, "value": TEXT, "valid_from": INSTANT},
    "contact_merges": {"merged_id": TEXT, "surviving_id": TEXT},
    "orders": {"order_id": TEXT, "contact_id": TEXT, "account_id": TEXT, "ordered_at": INSTANT, "amount": NUMBER},
    "subscriptions": {
        "subscription_id": TEXT,
        "contact_id": TEXT,
        "account_id": TEXT,
        "started_at": INSTANT,
        "ended_at": INSTANT,
        "mrr": NUMBER,
    },
    "surveys": {"contact_id": TEXT, "responded_at": INSTANT, "score": NUMBER, "kind": TEXT},
    "referrals": {"referrer_id": TEXT, "referred_id": TEXT, "referred_at": INSTANT},
    "deals": {
        "deal_id": TEXT,
        "contact_id": TEXT,
        "account_id": TEXT,
        "created_at": INSTANT,
        "closed_at": INSTANT,
        "is_won": FLAG,
        "amount": NUMBER,
    },
    "deal_stage_events": {"deal_id": TEXT, "stage": TEXT, "entered_at": INSTANT},
}


@dataclass
class World:
    """The rows of contract tables; a table without an entry does not exist in the warehouse."""

    rows: dict[str, list[Row]]

    def tables(self) -> dict[str, pa.Table]:
        return {name: pa.Table.from_pylist(rows, _schema(name)) for name, rows in self.rows.items()}

    def get(self, name: str) -> list[Row]:
        return self.rows.get(name, [])


def _schema(name: str) -> pa.Schema:
    return pa.schema(list(SCHEMAS[name].items()))


def invent(random: Random, groups: int = 1) -> World:
    """A company of `groups` times five contacts with related, often equal or impossible, rows."""
    rows: dict[str, list[Row]] = {name: [] for name in SCHEMAS}
    for group in range(groups):
        for name, more in _group(random, f"{group:x}").items():
            rows[name] += more
    for name in ("contacts", "contact_merges", "contact_history", "orders", "deals"):
        if random.random() < 0.1:
            del rows[name]
    return World(rows)


def _group(random: Random, mark: str) -> dict[str, list[Row]]:
    contacts = [f"{name}{mark}" for name in ("ann", "Bob", "cid", "Ünal", "eve")]
    accounts = [f"acme{mark}", f"Zeta{mark}"]
    pick = random.choice

    def instant() -> datetime | None:
        odd = random.random()
        if odd < 0.04:
            return pick([None, datetime(1980, 1, 1), FAR])
        return T0 + timedelta(days=random.randrange(6), microseconds=pick([0, 0, 0, 1]))

    def who() -> str | None:
        return pick([None, " ", f"stranger{mark}"]) if random.random() < 0.05 else pick(contacts)

    def stage_event() -> Row:
        return {
            "contact_id": who(),
            "stage": pick(RAW),
            "entered_at": instant(),
            "event_id": pick([None, None, "", f"e1{mark}", f"e2{mark}", f"E3{mark}", f"{random.random()}"]),
            "recorded_at": pick([None, T0, T0 + timedelta(days=3)]),
            "reason": pick([None, None, "price", "Timing"]),
            "competitor": pick([None, None, "Rival Ltd"]),
            "actor": pick([None, "rep 1"]),
            "lead_score": pick([None, 10.0, 20.5]),
        }

    def contact(name: str) -> Row:
        return {
            "contact_id": name,
            "account_id": pick([None, "", *accounts, *accounts]),
            "created_at": instant(),
            "lead_score": pick([None, 1.0, 2.5]),
            "plan": pick([None, "free", "Paid"]),
            "vip": pick([None, True, False]),
            "seats": pick([None, 1.0, 50.0]),
        }

    def some(most: int, make: Any) -> list[Row]:
        return [make() for _ in range(random.randrange(most + 1))]

    def owned() -> Row:
        return {"contact_id": pick([None, who()]), "account_id": pick([None, *accounts])}

    events = some(16, stage_event)
    events += [dict(pick(events)) for _ in range(random.randrange(3)) if events]
    people = [contact(name) for name in contacts if random.random() < 0.95]
    people += [contact(pick(contacts)) for _ in range(random.randrange(2))]
    past = {"plan": ["free", "Paid", None], "vip": ["true", "false"], "seats": ["1", "7.5"]}

    def history() -> Row:
        column = pick(list(past))
        return {"contact_id": who(), "column": column, "value": pick(past[column]), "valid_from": instant()}

    return {
        "stage_events": events,
        "contacts": people,
        "contact_history": some(4, history),
        "contact_merges": some(2, lambda: {"merged_id": pick(contacts), "surviving_id": pick([*contacts, None])}),
        "orders": some(
            3, lambda: {"order_id": f"o{random.randrange(9)}{mark}", **owned(), "ordered_at": instant(), "amount": 10.0}
        ),
        "subscriptions": some(2, lambda: _subscription(random, mark, owned(), instant())),
        "surveys": some(
            2,
            lambda: {
                "contact_id": who(),
                "responded_at": instant(),
                "score": pick([9.0, 10.0, 3.0, None]),
                "kind": pick(["nps", " NPS", "csat"]),
            },
        ),
        "referrals": some(2, lambda: {"referrer_id": who(), "referred_id": pick(contacts), "referred_at": instant()}),
        "deals": [
            {
                "deal_id": f"d{i}{mark}",
                **owned(),
                "created_at": instant(),
                "closed_at": None,
                "is_won": pick([None, True, False]),
                "amount": 100.0,
            }
            for i in range(random.randrange(4))
        ],
        "deal_stage_events": some(
            6,
            lambda: {
                "deal_id": pick([None, *(f"d{i}{mark}" for i in range(5))]),
                "stage": pick(["Open", "Opportunity", "Closed won", "Closed lost", "nonsense"]),
                "entered_at": instant(),
            },
        ),
    }


def _subscription(random: Random, mark: str, owned: Row, started: datetime | None) -> Row:
    ended = None if started is None else random.choice([None, started + timedelta(days=random.choice([300, 365, 400]))])
    name = f"s{random.randrange(9)}{mark}"
    return {"subscription_id": name, **owned, "started_at": started, "ended_at": ended, "mrr": 5.0}


def mutate(random: Random, world: World, times: int = 1) -> World:
    """The same company a while later: rows added, deleted, changed; contacts merged, unmerged, moved."""
    rows = {name: [dict(row) for row in table] for name, table in world.rows.items()}
    for _ in range(times):
        later = invent(random, 1).rows
        for name, table in rows.items():
            change = random.randrange(5)
            if change == 0:
                table += later.get(name, [])[:2]
            elif change == 1 and table:
                table.pop(random.randrange(len(table)))
            elif change == 2 and table:
                row, other = random.choice(table), random.choice(table)
                column = random.choice(list(row))
                row[column] = other[column]
    return World(rows)
