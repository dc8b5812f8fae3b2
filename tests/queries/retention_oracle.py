"""Retention and recurring revenue by the book, one customer and one instant at a time: slow and obvious."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import pyarrow as pa

from lifecycle.retention import ORDERS, SPAN, SUBSCRIPTIONS, Rules
from lifecycle.scope import Scope
from lifecycle.stages import parse_model
from queries.build import build
from queries.modelled import Modelled
from tests.engines import Engine

T0 = datetime(2024, 1, 1)
TICK = timedelta(microseconds=1)
MODEL = parse_model(
    {
        "name": "shop",
        "label": "Shop",
        "stages": [
            {"key": "lead", "label": "Lead", "kind": "progress"},
            {"key": "client", "label": "Client", "kind": "progress"},
            {"key": "fan", "label": "Fan", "kind": "progress"},
            {"key": "lost", "label": "Lost", "kind": "exit"},
        ],
    },
    "shop",
)


@dataclass
class Customer:
    """What one customer did: orders (instant, cents), subscriptions (from, to, cents), entries (stage, instant)."""

    plan: str | None = None
    orders: list[tuple[datetime, int]] = field(default_factory=list)
    subscriptions: list[tuple[datetime, datetime | None, int]] = field(default_factory=list)
    entries: list[tuple[str, datetime]] = field(default_factory=list)


Company = dict[str, Customer]


def invent(random: Random, n: int = 30) -> Company:
    """Customers of fourteen months, with much at the very edges of months, gaps, overlaps and money unknown as 0."""

    def instant() -> datetime:
        at = T0 + timedelta(days=random.randrange(420), hours=random.choice([0, 0, 5, 22, 23]))
        at = at.replace(day=1) if random.random() < 0.3 else at
        return at + random.choice([timedelta(), timedelta(), TICK, -TICK])

    company = {}
    for i in range(n):
        entries = sorted({(random.choice(["Lead", "Client", "Fan"]), instant()) for _ in range(random.randrange(1, 5))})
        subscriptions = []
        for _ in range(random.choice([0, 1, 1, 2, 4])):
            start = instant()
            length = timedelta(days=random.choice([0, 3, 20, 31, 60, 200]), microseconds=random.choice([0, 0, 1]))
            subscriptions.append(
                (start, random.choice([None, start + length, start + length]), random.choice([0, 500, 1999, 2500]))
            )
            if random.random() < 0.4 and subscriptions[-1][1]:  # the next begins where this one ends
                subscriptions.append((subscriptions[-1][1], None, random.choice([500, 2500, 4000])))  # type: ignore[arg-type]
        orders = [(instant(), random.choice([0, 999, 12345])) for _ in range(random.choice([0, 1, 2, 6]))]
        company[f"c{i}"] = Customer(random.choice(["free", "paid", None]), orders, subscriptions, entries)
    return company


def put(engine: Engine, company: Company) -> Modelled:
    """The company in a warehouse, built."""
    warehouse = engine.open(timezone="Europe/Berlin")
    at, money = pa.timestamp("us"), pa.float64()
    rows: dict[str, tuple[dict[str, Any], list[tuple[Any, ...]]]] = {
        "contacts": (
            {"contact_id": pa.string(), "plan": pa.string()},
            [(name, c.plan) for name, c in company.items()],
        ),
        "stage_events": (
            {"contact_id": pa.string(), "stage": pa.string(), "entered_at": at},
            [(name, *e) for name, c in company.items() for e in c.entries],
        ),
        "orders": (
            {"order_id": pa.string(), "contact_id": pa.string(), "ordered_at": at, "amount": money},
            [
                (f"{name}-{i}", name, when, cents / 100 if cents else None)
                for name, c in company.items()
                for i, (when, cents) in enumerate(c.orders)
            ],
        ),
        "subscriptions": (
            {"subscription_id": pa.string(), "contact_id": pa.string(), "started_at": at, "ended_at": at, "mrr": money},
            [
                (f"{name}-{i}", name, start, end, cents / 100)
                for name, c in company.items()
                for i, (start, end, cents) in enumerate(c.subscriptions)
            ],
        ),
    }
    for name, (kinds, values) in rows.items():
        columns = list(zip(*values, strict=True)) or [()] * len(kinds)
        arrays = [pa.array(list(c), kind) for c, kind in zip(columns, kinds.values(), strict=True)]
        engine.put(warehouse, name, pa.table(dict(zip(kinds, arrays, strict=True))))
    return Modelled(warehouse, MODEL, build(warehouse, MODEL, full=True))


@dataclass
class Book:
    """One customer as a reader with this as_of sees it."""

    customer: Customer
    scope: Scope

    def running(self, at: datetime) -> list[int]:
        """The cents of the subscriptions that run at an instant; an end after as_of has not happened."""
        return [
            cents
            for start, end, cents in self.customer.subscriptions
            if start <= self.scope.as_of
            and start <= at
            and (end is None or end > at or (end > self.scope.as_of and end > start))
        ]

    def mrr(self, at: datetime) -> int:
        return sum(self.running(at))

    def ends_after(self, at: datetime) -> bool:
        """Whether it has a subscription at this instant or at any later one by as_of."""
        return any(
            start <= self.scope.as_of
            and (end is None or (end > at and end > start) or (end > self.scope.as_of and end > start))
            for start, end, _ in self.customer.subscriptions
        )

    def acts(self, activity: str) -> list[tuple[datetime, int]]:
        """What it did by as_of, in order."""
        if activity == ORDERS:
            done = self.customer.orders
        elif activity == SUBSCRIPTIONS:
            done = [(s, self.mrr(s)) for s, e, _ in self.customer.subscriptions if e is None or e > s]
        else:
            keys = {"lead", "client", "fan"} if activity == "stage:*" else {activity.removeprefix("stage:")}
            done = [(at, 0) for stage, at in self.customer.entries if stage.lower() in keys]
        return sorted(d for d in done if d[0] <= self.scope.as_of)

    def starts(self, rules: Rules) -> Iterator[tuple[date, datetime, int]]:
        """Cohort, start and money at the start."""
        calendar, grain = self.scope.calendar, self.scope.grain
        acts = self.acts(rules.activity)
        if rules.rule == "first_time":
            if acts:
                yield calendar.floor(calendar.day(acts[0][0]), grain), *acts[0]
            return
        if rules.activity == SUBSCRIPTIONS:
            day = calendar.floor(calendar.day(T0 - timedelta(days=3)), grain)
            while calendar.instant(day) <= self.scope.as_of + TICK:
                at = calendar.instant(day)
                if at <= self.scope.as_of and self.running(at):
                    yield day, at, self.mrr(at)
                day = calendar.step(day, grain)
            return
        seen = set()
        for at, cents in acts:
            day = calendar.floor(calendar.day(at), grain)
            if day not in seen:
                seen.add(day)
                yield day, at, cents


def cells(company: Company, scope: Scope, rules: Rules) -> dict[tuple[date, int], tuple[int, ...]]:
    """(cohort, first age) → retained, eligible, size, times, cents, base, as a Cell has them; none without eligible."""
    calendar = scope.calendar
    begun = [(book, *start) for c in company.values() for book in [Book(c, scope)] for start in book.starts(rules)]
    start_, end_ = scope.instants
    if rules.cohorts == "period":
        begun = [b for b in begun if (not start_ or b[2] >= start_) and (not end_ or b[2] < end_)]

    def edge(cohort: date, start: datetime, age: int) -> datetime:
        return start + age * SPAN if rules.ages == "days" else calendar.instant(calendar.step(cohort, scope.grain, age))

    out = {}
    until = scope.as_of + TICK
    for cohort in {b[1] for b in begun}:
        mine = [b for b in begun if b[1] == cohort]
        so_far: dict[int, int] = {}
        for low, high in rules.steps:
            found = [0, 0, len(mine), 0, 0, 0]
            for i, (book, _, start, base) in enumerate(mine):
                begins, ends = edge(cohort, start, low), edge(cohort, start, high + 1)
                instants = [start if age == 0 else edge(cohort, start, age) for age in range(low, high + 1)]
                share = rules.measure in ("logo", "nrr", "grr")
                due = instants[-1] <= until if rules.is_state else ends <= until
                acts = [a for a in book.acts(rules.return_activity) if a[0] >= start and begins <= a[0] < ends]
                so_far[i] = so_far.get(i, 0) + sum(c for _, c in acts)
                if not (due or (high == 0 and share)):
                    continue
                found[1] += 1
                found[5] += base
                if rules.is_state:
                    at = instants[-1]
                    stays = any(book.running(t) for t in instants)
                    if rules.mode == "rolling":
                        stays = book.ends_after(instants[0])
                    every = [start, *(edge(cohort, start, age) for age in range(1, high + 1))]
                    kept = all(book.running(t) for t in every)
                    worth = {"nrr": book.mrr(at) * kept, "grr": min(book.mrr(at), base) * kept}
                    found[4] += worth.get(rules.measure, book.mrr(at))
                else:
                    stays = bool(acts)
                    if rules.mode == "rolling":
                        stays = any(a[0] >= max(begins, start) for a in book.acts(rules.return_activity))
                    found[3] += len(acts)
                    found[4] += so_far[i] if rules.measure == "cumulative" else sum(c for _, c in acts)
                found[0] += stays or high == 0
            if found[1]:
                out[cohort, low] = tuple(found)
    return out


def movements(company: Company, scope: Scope) -> dict[tuple[date, str], tuple[int, int]]:
    """(period, movement) → customers and cents, from the states at two neighbouring first instants."""
    calendar, out = scope.calendar, dict[tuple[date, str], tuple[int, int]]()
    for customer in company.values():
        book, ever = Book(customer, scope), False
        day = calendar.floor(calendar.day(T0 - timedelta(days=3)), scope.grain)
        after = calendar.step(day, scope.grain)
        while calendar.instant(after) <= scope.as_of + TICK:
            a, b = (book.mrr(calendar.instant(d)) for d in (day, after))
            ever = ever or a > 0
            name = "expansion" if b > a else "contraction"
            if a == 0:
                name = "reactivation" if ever else "new"
            elif b == 0:
                name = "churn"
            if a != b:
                n, cents = out.get((day, name), (0, 0))
                out[day, name] = (n + 1, cents + b - a)
            day, after = after, calendar.step(after, scope.grain)
    return out
