"""What customers do: subscribe, buy again, answer surveys, refer."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from lifecycle.company import parameters as p
from lifecycle.company import raw_stages as raw
from lifecycle.company.columns import DAY, NEVER, Array, instants, keys, labels, money, table
from lifecycle.company.journeys import Moves
from lifecycle.company.people import People
from lifecycle.company.schemas import SCHEMAS

MONTH = 30.4375 * DAY


@dataclass(frozen=True)
class Customers:
    """Contacts that bought, in order of their first purchase; `mood` is 0 on average and shows in the surveys."""

    who: Array
    won: Array
    mood: Array

    def __len__(self) -> int:
        return len(self.who)


def find(rng: np.random.Generator, moves: Moves) -> Customers:
    """The customers of a block."""
    first = moves.first((raw.WON,))
    first = first[np.argsort(moves.at[first], kind="stable")]
    return Customers(moves.who[first], moves.at[first], rng.normal(0, 1, len(first)))


def subscriptions(rng: np.random.Generator, people: People, customers: Customers) -> pa.Table:
    """The contract's `subscriptions`: a change of price ends one row and starts the next at the same instant."""
    subscribes = ~people.consumer[customers.who] & (rng.random(len(customers)) < 0.9)
    who, start, mood = customers.who[subscribes], customers.won[subscribes], customers.mood[subscribes]
    mrr = np.maximum(np.round(people.price[who]), 5)
    age = (people.as_of - start) / DAY
    weak = (age <= p.WEAK_COHORT[0]) & (age > p.WEAK_COHORT[1])
    churn = p.MONTHLY_CHURN * np.where(weak, p.WEAK_CHURN, 0.8) * np.exp(-0.6 * mood)
    changes = tuple(p.MONTHLY_CHANGES.values())
    low, high = np.array([*p.CHANGE_FACTORS.values(), (1.0, 1.0)]).T
    taken: list[tuple[Array, ...]] = []
    while who.size:
        rates = np.column_stack([np.broadcast_to(changes, (who.size, len(changes))), churn])
        until = start + (rng.exponential(1, who.size) / rates.sum(axis=1) * MONTH).astype(np.int64)
        what = (np.cumsum(rates, axis=1) <= rng.random(who.size)[:, None] * rates.sum(axis=1)[:, None]).sum(axis=1)
        ended = until <= people.as_of
        planned = ~ended & (rng.random(who.size) < p.PLANNED_END_SHARE)
        leave = people.as_of + (rng.integers(5, 90, who.size) * DAY)
        end = np.where(ended, until, np.where(planned, leave, NEVER))
        taken.append((who, np.full(who.size, len(taken)), start, end, mrr))
        churned = what == len(changes)
        comes_back = rng.random(who.size) < p.REACTIVATION_SHARE
        gap = ((20 + rng.exponential(p.REACTIVATION_DAYS, who.size)) * DAY).astype(np.int64)
        start = until + np.where(churned, gap, 0)
        mrr = np.maximum(np.round(mrr * rng.uniform(low[what], high[what])), 5)
        goes = ended & (~churned | comes_back) & (start <= people.as_of)
        who, start, mrr, churn = who[goes], start[goes], mrr[goes], churn[goes]
    if not taken:
        return SCHEMAS["subscriptions"].empty_table()
    who, step, start, end, mrr = (np.concatenate(column) for column in zip(*taken, strict=True))
    return table(
        "subscriptions",
        {
            "subscription_id": keys("s", (who + people.first) * 1000 + step),
            "contact_id": people.ids(who),
            "account_id": people.account_ids(who),
            "started_at": instants(start),
            "ended_at": instants(end),
            "mrr": money(mrr),
        },
    )


def orders(rng: np.random.Generator, people: People, customers: Customers) -> pa.Table:
    """The contract's `orders`: each buyer has a rate, a lifetime and a typical amount of their own (Pareto/NBD)."""
    consumer = people.consumer[customers.who]
    buys = consumer | (rng.random(len(customers)) < 0.25)
    who, won = customers.who[buys], customers.won[buys]
    loyalty = np.exp(0.5 * customers.mood[buys])
    rate = rng.gamma(0.9, 0.35, who.size) * loyalty / MONTH
    lifetime = rng.exponential(9, who.size) * loyalty * MONTH
    active = np.minimum(lifetime, people.as_of - won)
    again = np.repeat(np.arange(who.size), rng.poisson(rate * active))
    buyer = np.concatenate([np.arange(who.size), again])
    at = np.concatenate([won, won[again] + (rng.random(again.size) * active[again]).astype(np.int64)])
    usual = np.where(consumer[buys], people.price[who], p.BUSINESS_ORDER * rng.lognormal(0, 0.5, who.size))
    amount = np.maximum(np.round(usual[buyer] * rng.lognormal(0, 0.35, buyer.size), 2), 1)
    margin = np.where(rng.random(buyer.size) < 0.08, np.nan, amount * rng.uniform(0.3, 0.55, buyer.size))
    numbers = np.arange(buyer.size)
    return table(
        "orders",
        {
            # A block never holds more orders than this gap leaves room for.
            "order_id": keys("o", people.first * 100 + numbers),
            "contact_id": people.ids(who[buyer]),
            "account_id": people.account_ids(who[buyer]),
            "ordered_at": instants(at),
            "amount": money(amount),
            "margin": money(margin),
        },
    )


def surveys(rng: np.random.Generator, people: People, customers: Customers) -> pa.Table:
    """The contract's `surveys`: an NPS question twice a year and one on satisfaction after a month, half unanswered."""
    asked, who, kind = [], [], []
    for code, first_day, every, times in ((0, 60, 182, 6), (1, 30, 0, 1)):
        when = customers.won[:, None] + (first_day + every * np.arange(times)) * DAY
        customer, _ = np.nonzero(when <= people.as_of)
        asked.append(when[when <= people.as_of])
        who.append(customer)
        kind.append(np.full(customer.size, code))
    asked_at, customer, kinds = np.concatenate(asked), np.concatenate(who), np.concatenate(kind)
    answered_at = asked_at + (rng.exponential(3.0, asked_at.size) * DAY).astype(np.int64)
    answered = (rng.random(asked_at.size) < 0.48) & (answered_at <= people.as_of)
    score = np.clip(np.rint(7.9 + 1.7 * customers.mood[customer] + rng.normal(0, 1.1, customer.size)), 0, 10)
    return table(
        "surveys",
        {
            "contact_id": people.ids(customers.who[customer]),
            "responded_at": instants(np.where(answered, answered_at, NEVER)),
            "score": pa.array(score.astype(np.int32), mask=~answered),
            "kind": labels(kinds, ("nps", "csat")),
            "asked_at": instants(asked_at),
        },
    )


def referrals(rng: np.random.Generator, people: People, customers: Customers) -> pa.Table:
    """The contract's `referrals`: most contacts of source referral were named days before by a contented customer."""
    happy = np.flatnonzero(customers.mood > 0.2)
    named = np.flatnonzero((people.source == p.SOURCE_NAMES.index("referral")) & (rng.random(len(people)) < 0.8))
    referred_at = people.created[named] - (rng.exponential(4.0, named.size) * DAY).astype(np.int64)
    known = np.searchsorted(customers.won[happy], referred_at)  # customers who had bought by then
    named, referred_at, known = named[known > 0], referred_at[known > 0], known[known > 0]
    referrer = customers.who[happy[known - 1 - (known * rng.random(known.size) ** 2).astype(int)]]
    other = referrer != named
    return table(
        "referrals",
        {
            "referrer_id": people.ids(referrer[other]),
            "referred_id": people.ids(named[other]),
            "referred_at": instants(referred_at[other]),
        },
    )
