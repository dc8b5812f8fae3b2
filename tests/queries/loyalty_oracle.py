"""Loyalty by the book, one customer at a time: slow, obvious, sharing nothing with the questions."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import pyarrow as pa

from lifecycle.intake import survivor
from lifecycle.scope import Scope
from tests.queries import reference
from tests.queries.worlds import World

T0 = datetime(2024, 1, 1)
SPAN = 420  # days of history
MONTH = timedelta(days=30)
INSTANT, TEXT, NUMBER = pa.timestamp("us"), pa.string(), pa.float64()
SCHEMAS = {
    "stage_events": {"contact_id": TEXT, "stage": TEXT, "entered_at": INSTANT},
    "contacts": {"contact_id": TEXT, "account_id": TEXT, "created_at": INSTANT, "plan": TEXT},
    "contact_merges": {"merged_id": TEXT, "surviving_id": TEXT},
    "orders": {
        "order_id": TEXT,
        "contact_id": TEXT,
        "account_id": TEXT,
        "ordered_at": INSTANT,
        "amount": NUMBER,
        "recorded_at": INSTANT,
    },
    "subscriptions": {
        "subscription_id": TEXT,
        "contact_id": TEXT,
        "account_id": TEXT,
        "started_at": INSTANT,
        "ended_at": INSTANT,
        "mrr": NUMBER,
    },
    "surveys": {"contact_id": TEXT, "responded_at": INSTANT, "score": NUMBER, "kind": TEXT, "asked_at": INSTANT},
    "referrals": {"referrer_id": TEXT, "referred_id": TEXT, "referred_at": INSTANT},
    "spend": {"day": pa.date32(), "plan": TEXT, "amount": NUMBER, "purpose": TEXT},
}


def tables(world: World) -> dict[str, pa.Table]:
    return {
        name: pa.Table.from_pylist(rows, pa.schema(list(SCHEMAS[name].items()))) for name, rows in world.rows.items()
    }


def invent(random: Random) -> World:
    """A dozen contacts in a few accounts, who buy, subscribe, answer and refer at round and odd instants."""
    pick = random.choice
    people = [f"c{i:02}" for i in range(12)]
    accounts = ["acme", "Zeta", "ünal"]

    def at(most: int = SPAN + 20) -> datetime:
        return T0 + timedelta(days=random.randrange(most), hours=pick([0, 4, 5, 12, 23]), microseconds=pick([0, 1]))

    def owned() -> dict[str, Any]:
        return {"contact_id": pick([None, *people * 3]), "account_id": pick([None, "", *accounts])}

    def some(most: int, make: Any) -> list[dict[str, Any]]:
        return [make(i) for i in range(random.randrange(most + 1))]

    def subscription(i: int) -> dict[str, Any]:
        start = at()
        ended = pick([None, start, start + timedelta(days=random.randrange(500))])
        return {
            "subscription_id": f"s{i}",
            **owned(),
            "started_at": start,
            "ended_at": ended,
            "mrr": pick([10.0, 25.5]),
        }

    def survey(_: int) -> dict[str, Any]:
        asked = at()
        answered = pick([None, asked + timedelta(days=random.randrange(9))])
        score = pick([0.0, 6.0, 7.0, 8.5, 9.0, 10.0, 11.0, None])
        return {
            "contact_id": pick(people),
            "responded_at": answered,
            "score": score,
            "kind": pick(["nps", " NPS", "csat"]),
            "asked_at": asked,
        }

    return World(
        {
            "stage_events": [{"contact_id": who, "stage": "Lead", "entered_at": at(60)} for who in people],
            "contacts": [
                {
                    "contact_id": who,
                    "account_id": pick([None, "", *accounts]),
                    "created_at": at(9),
                    "plan": pick(["a", "b"]),
                }
                for who in people
            ],
            "contact_merges": some(2, lambda _: {"merged_id": pick(people), "surviving_id": pick(people)}),
            "orders": some(
                40, lambda i: {"order_id": f"o{i}", **owned(), "ordered_at": at(), "amount": pick([0.0, 5.25, 10.0])}
            ),
            "subscriptions": some(10, subscription),
            "surveys": some(25, survey),
            "referrals": some(
                10,
                lambda _: {
                    "referrer_id": pick(people),
                    "referred_id": pick([*people, "stranger"]),
                    "referred_at": at(),
                },
            ),
            "spend": [
                {
                    "day": (T0 + timedelta(days=d)).date(),
                    "plan": pick(["a", "b", None]),
                    "amount": float(random.randrange(9)),
                    "purpose": pick(["acquire", "keep"]),
                }
                for d in range(0, SPAN, 7)
            ],
        }
    )


@dataclass
class Customers:
    """Who is who, and what each of them did by as_of."""

    world: World
    entity: str
    scope: Scope
    orders: dict[str, list[tuple[datetime, int]]] = field(default_factory=lambda: defaultdict(list))
    spans: dict[str, list[tuple[datetime, datetime | None, int]]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.merges = reference.merges_of(self.world)
        self.contacts = reference.contacts_of(self.world)
        self.firsts = reference.first_contacts(self.contacts, self.merges)
        for row in self.world.get("orders"):
            who = self.owner(row["contact_id"], row["account_id"])
            if who and row["ordered_at"] <= self.scope.as_of:
                self.orders[who].append((row["ordered_at"], round(row["amount"] * 100)))
        for row in self.world.get("subscriptions"):
            who, end = self.owner(row["contact_id"], row["account_id"]), row["ended_at"]
            if who and row["started_at"] <= self.scope.as_of and not (end and end <= row["started_at"]):
                gone = end if end and end <= self.scope.as_of else None
                self.spans[who].append((row["started_at"], gone, round(row["mrr"] * 100)))
        for bought in self.orders.values():
            bought.sort()

    def fold(self, contact: str) -> str:
        return survivor(contact, self.merges) or contact

    def home(self, contact: str) -> str:
        """The entity that a contact belongs to."""
        contact = self.fold(contact)
        known = self.contacts.get(contact)
        return (known["account_id"] if known and self.entity == "account" and known["account_id"] else None) or contact

    def owner(self, contact: str | None, account: str | None) -> str | None:
        if self.entity == "account" and account:
            return account
        if contact:
            return self.home(contact)
        first = self.firsts.get(account) if account and self.entity == "contact" else None
        return self.fold(first) if first else None

    def plan(self, who: str) -> str | None:
        """The segment of a customer, of an account that of its first contact; None where no events are theirs."""
        if not any(c not in self.merges and self.home(c) == who for c in self.contacts):
            return None
        return self.contacts[self.firsts.get(who, who)]["plan"]

    def day(self, at: datetime) -> date:
        return self.scope.calendar.day(at)

    def inside(self, at: datetime) -> bool:
        start, end = self.scope.instants
        return at <= self.scope.as_of and (not start or at >= start) and (not end or at < end)

    def first(self, who: str) -> datetime:
        """The first purchase, of either kind."""
        return min([at for at, _ in self.orders.get(who, [])] + [start for start, *_ in self.spans.get(who, [])])

    @property
    def everybody(self) -> set[str]:
        return {who for kind in (self.orders, self.spans) for who, rows in kind.items() if rows}


def repeat(c: Customers) -> Counter[tuple[date, str | None, int, int | None]]:
    """(cohort, segment, days seen, days to the second purchase) of customers whose first order lies in the period."""
    out: Counter[tuple[date, str | None, int, int | None]] = Counter()
    today = c.day(c.scope.as_of)
    for who, bought in c.orders.items():
        if bought and c.inside(bought[0][0]):
            days = sorted({c.day(at) for at, _ in bought})
            after = (days[1] - days[0]).days if len(days) > 1 else None
            cohort = c.scope.calendar.floor(days[0], c.scope.grain)
            out[cohort, c.plan(who), (today - days[0]).days, after] += 1
    return out


def pasts(c: Customers, held_back: int) -> Counter[tuple[int, int, int]]:
    """(further days with an order, days to the last, days seen) as they were `held_back` days before as_of."""
    out: Counter[tuple[int, int, int]] = Counter()
    until = c.day(c.scope.as_of) - timedelta(days=held_back)
    for bought in c.orders.values():
        days = sorted({c.day(at) for at, _ in bought if c.day(at) <= until})
        if days:
            out[len(days) - 1, (days[-1] - days[0]).days, (until - days[0]).days] += 1
    return out


def answers(c: Customers, kind: str = "nps") -> list[tuple[str, datetime, float]]:
    """(contact, when, score) of usable and unusable answers to a kind of question, oldest first."""
    rows = [r for r in c.world.get("surveys") if (r["kind"] or "").strip().lower() == kind]
    seen = [r for r in rows if r["responded_at"] and r["responded_at"] <= c.scope.as_of]
    found = [(c.fold(r["contact_id"]), r["responded_at"], -1.0 if r["score"] is None else r["score"]) for r in seen]
    return sorted(found, key=lambda a: (a[1], a[2]))


def scores(c: Customers, kind: str = "nps") -> Counter[tuple[str | None, int]]:
    """(segment, score) of each respondent's newest answer in the period."""
    newest = {who: score for who, at, score in answers(c, kind) if c.inside(at)}
    return Counter((c.plan(c.home(who)), int(s)) for who, s in newest.items() if 0 <= s <= 10)


def referrals(c: Customers) -> list[tuple[datetime, str, str]]:
    """(when, who, whom) by as_of."""
    told = {(r["referred_at"], c.fold(r["referrer_id"]), c.fold(r["referred_id"])) for r in c.world.get("referrals")}
    rows = [(at, c.home(a), c.home(b)) for at, a, b in told]
    return [(at, a, b) for at, a, b in rows if at <= c.scope.as_of and a != b]


def generations(c: Customers) -> tuple[Counter[int], int]:
    """How many were referred at which distance from somebody who was not; and how many in a circle."""
    parent = {b: a for at, a, b in sorted(referrals(c), key=lambda r: (r[0], r[1].encode()), reverse=True)}
    out: Counter[int] = Counter()
    circular = 0
    for child in parent:
        path = [child]
        while path[-1] in parent and parent[path[-1]] not in path:
            path.append(parent[path[-1]])
        if path[-1] in parent:
            circular += 1
        else:
            out[len(path) - 1] += 1
    return out, circular


def value(c: Customers) -> dict[tuple[date, str | None, int], tuple[int, float]]:
    """(cohort, segment, month of 30 days) → customers seen through it, and their revenue in it."""
    n: Counter[tuple[date, str | None, int]] = Counter()
    money: dict[tuple[date, str | None, int], float] = defaultdict(float)
    for who in c.everybody:
        begun = c.first(who)
        if not c.inside(begun):
            continue
        cohort = c.scope.calendar.floor(c.day(begun), c.scope.grain)
        for month in range(min((c.scope.as_of - begun) // MONTH, 36)):
            key = (cohort, c.plan(who), month)
            low, high = begun + month * MONTH, begun + (month + 1) * MONTH
            n[key] += 1
            money[key] += sum(cents for at, cents in c.orders[who] if low <= at < high) / 100
            for start, end, cents in c.spans[who]:
                paid = max(min(end or c.scope.as_of, high) - max(start, low), timedelta())
                money[key] += cents / 100 * (paid / timedelta(days=365.25 / 12))
    return {key: (count, money[key]) for key, count in n.items()}


def ladder(c: Customers) -> Counter[tuple[bool, bool]]:
    """(came back, recommends) of customers whose first purchase lies in the period."""
    praise = {c.home(who) for who, _, score in answers(c) if 9 <= score <= 10} | {a for _, a, _ in referrals(c)}
    out: Counter[tuple[bool, bool]] = Counter()
    for who in c.everybody:
        if not c.inside(c.first(who)):
            continue
        again = len({c.day(at) for at, _ in c.orders[who]}) > 1
        runs = merged(c.spans[who])
        if runs:
            start, end = runs[0]
            again |= len(runs) > 1 or (end or c.scope.as_of) - start >= timedelta(days=365)
        out[again, who in praise] += 1
    return out


def merged(spans: list[tuple[datetime, datetime | None, int]]) -> list[tuple[datetime, datetime | None]]:
    """Stretches of time with any subscription, in order."""
    runs: list[tuple[datetime, datetime | None]] = []
    for start, end, _ in sorted(spans, key=lambda s: s[0]):
        if runs and (runs[-1][1] is None or start <= runs[-1][1]):
            last = runs[-1][1]
            runs[-1] = (runs[-1][0], None if last is None or end is None else max(last, end))
        else:
            runs.append((start, end))
    return runs


def staying(c: Customers) -> dict[str, Counter[tuple[str, int, str]]]:
    """Per activity: (mood, whole days from the first answer of the period, how it ended)."""
    out: dict[str, Counter[tuple[str, int, str]]] = {"subscriptions": Counter(), "orders": Counter()}
    firsts: dict[str, tuple[datetime, float]] = {}
    usable = [(c.home(who), at, s) for who, at, s in answers(c) if c.inside(at) and 0 <= s <= 10]
    for who, at, score in sorted(usable, key=lambda a: (a[1], -a[2])):
        firsts.setdefault(who, (at, score))
    for who, (at, score) in firsts.items():
        mood = "promoter" if score >= 9 else "passive" if score >= 7 else "detractor"
        for start, end in merged(c.spans[who]):
            if start <= at and (end is None or end > at):
                out["subscriptions"][mood, ((end or c.scope.as_of) - at).days, "left" if end else "open"] += 1
        if c.orders[who] and c.orders[who][0][0] <= at:
            later = min((t for t, _ in c.orders[who] if t > at), default=None)
            out["orders"][mood, ((later or c.scope.as_of) - at).days, "bought" if later else "open"] += 1
    return out
