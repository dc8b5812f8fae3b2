"""A believable company, seeded: the demo data and the load for benchmarks."""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from lifecycle.company import changes, customers, dirt, journeys, marketing, people, sales
from lifecycle.company.schemas import SCHEMAS

__all__ = ["SCHEMAS", "simulate"]

BLOCK = 10_000  # contacts drawn together, each block from a random stream of its own: the batch size changes no row


def simulate(
    contacts: int = 50_000, seed: int = 7, *, as_of: datetime, batch: int = 250_000
) -> Iterator[dict[str, pa.Table]]:
    """Three years of an invented company, up to as_of, as one Arrow table per contract table and batch of contacts.

    Every yield has all tables of `SCHEMAS`; those of the whole company (spend, targets, benchmarks, traffic) have rows
    in the first only. Equal (contacts, seed, as_of) give equal rows, whatever the batch; a batch is rounded up to whole
    blocks of 10,000 contacts, and memory grows with it, not with `contacts`. as_of without a zone is UTC.
    Raises ValueError for fewer than one contact, a batch below one or a negative seed.
    """
    if contacts < 1 or batch < 1 or seed < 0:
        raise ValueError(f"contacts and batch must be 1 or more and seed 0 or more, not {contacts=}, {batch=}, {seed=}")
    return _batches(contacts, seed, _microseconds(as_of), -(-batch // BLOCK) * BLOCK)


def _microseconds(as_of: datetime) -> int:
    naive = as_of if as_of.tzinfo is None else as_of.astimezone(UTC).replace(tzinfo=None)
    return int(np.datetime64(naive, "us").astype(np.int64))


def _batches(contacts: int, seed: int, as_of: int, batch: int) -> Iterator[dict[str, pa.Table]]:
    for begin in range(0, contacts, batch):
        parts = [
            _block(first, min(BLOCK, contacts - first), seed, as_of)
            for first in range(begin, min(begin + batch, contacts), BLOCK)
        ]
        if begin == 0:
            parts.append(_whole_company(contacts, seed, as_of))
        yield {
            name: pa.concat_tables([schema.empty_table(), *(part[name] for part in parts if name in part)])
            for name, schema in SCHEMAS.items()
        }


def _block(first: int, size: int, seed: int, as_of: int) -> dict[str, pa.Table]:
    """Everything about the contacts numbered from `first`: nothing in a block points outside it."""
    rng = np.random.default_rng([seed, first // BLOCK])
    crowd = people.invent(rng, first, size, as_of)
    moves = journeys.walk(rng, crowd)
    buyers = customers.find(rng, moves)
    events = journeys.stage_events(rng, crowd, moves)
    return {
        "contacts": people.contacts(crowd),
        "stage_events": dirt.soil(rng, events, first, as_of),
        "contact_history": changes.contact_history(rng, crowd),
        "contact_merges": changes.contact_merges(rng, crowd),
        "activities": sales.activities(rng, crowd, moves),
        **sales.deals(rng, crowd, moves),
        "subscriptions": customers.subscriptions(rng, crowd, buyers),
        "orders": customers.orders(rng, crowd, buyers),
        "surveys": customers.surveys(rng, crowd, buyers),
        "referrals": customers.referrals(rng, crowd, buyers),
    }


def _whole_company(contacts: int, seed: int, as_of: int) -> dict[str, pa.Table]:
    rng = np.random.default_rng([seed, contacts // BLOCK + 1])  # past the streams of the blocks
    return {
        "spend": marketing.spend(rng, contacts, as_of),
        "targets": marketing.targets(contacts, as_of),
        "benchmarks": marketing.benchmarks(),
        "traffic": marketing.traffic(rng, contacts, as_of),
    }
