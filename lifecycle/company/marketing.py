"""Tables of the whole company: spend, targets, benchmarks and daily traffic."""

import numpy as np
import pyarrow as pa

from lifecycle.company import parameters as p
from lifecycle.company.columns import Array, labels, money, table
from lifecycle.company.people import day_weights


def _calendar(as_of: int) -> tuple[Array, Array]:
    """The days of the three years and the share of all contacts that each brings."""
    last = np.datetime64(as_of, "us").astype("datetime64[D]")
    weights = day_weights(as_of)
    return last - np.arange(p.HISTORY_DAYS)[::-1], weights / weights.sum()


def spend(rng: np.random.Generator, contacts: int, as_of: int) -> pa.Table:
    """The contract's `spend`: per day and source, what its contacts cost; per day, what keeping customers costs."""
    days, share = _calendar(as_of)
    age = np.arange(p.HISTORY_DAYS)[::-1]
    regular = contacts * (1 - p.FLOOD_SHARE) * share
    parts: list[tuple[Array, Array, Array, Array, Array]] = []

    def add(chosen: Array, source: int, campaign: int, amount: Array, purpose: int) -> None:
        noisy = np.round(amount * rng.lognormal(0, 0.15, amount.size), 2)[chosen]
        size = noisy.size
        parts.append((days[chosen], np.full(size, source), np.full(size, campaign), noisy, np.full(size, purpose)))

    for code, source in enumerate(p.SOURCES):
        cost = regular * source.share * source.cost_per_contact
        plans = [(number, plan) for number, plan in enumerate(p.CAMPAIGNS) if plan.source == source.name and plan.share]
        for number, plan in plans:
            running = (age < plan.begins) & (age >= plan.ends)
            add(running, code, number, cost * plan.share, 0)
            cost = np.where(running, cost * (1 - plan.share), cost)
        add(np.ones(p.HISTORY_DAYS, bool), code, -1, cost, 0)
    flood_days = (age < p.FLOOD.begins) & (age >= p.FLOOD.ends)
    flood_cost = np.full(p.HISTORY_DAYS, contacts * p.FLOOD_SHARE * p.FLOOD_COST_PER_CONTACT / flood_days.sum())
    add(flood_days, p.SOURCE_NAMES.index(p.FLOOD.source), p.CAMPAIGNS.index(p.FLOOD), flood_cost, 0)
    keep = contacts / p.REFERENCE_CONTACTS * np.linspace(100, 2_500, p.HISTORY_DAYS)  # with the number of customers
    add(np.ones(p.HISTORY_DAYS, bool), -1, -1, keep, 1)

    day, source_code, campaign, amount, purpose = (np.concatenate(column) for column in zip(*parts, strict=True))
    return table(
        "spend",
        {
            "day": day,
            "source": labels(source_code, p.SOURCE_NAMES),
            "campaign": labels(campaign, p.CAMPAIGN_NAMES),
            "amount": money(amount),
            "purpose": labels(purpose, ("acquire", "keep")),
        },
    )


def targets(contacts: int, as_of: int) -> pa.Table:
    """The contract's `targets`: per month and metric for the whole company (region null), some per region."""
    days, _ = _calendar(as_of)
    months = np.unique(days.astype("datetime64[M]"))
    scale = contacts / p.REFERENCE_CONTACTS
    goals: list[tuple[str, int, float]] = [(metric, -1, value) for metric, value in p.TARGETS.items()]
    goals += [
        (metric, region, p.TARGETS[metric] * share)
        for metric in p.REGIONAL_TARGETS
        for region, share in enumerate(p.REGION_SHARES)
    ]
    metric, region, value = zip(*goals, strict=True)
    return table(
        "targets",
        {
            "month": np.repeat(months.astype("datetime64[D]"), len(goals)),
            "metric": pa.array(metric * len(months)),
            "value": np.tile(np.maximum(1, np.rint(np.array(value) * scale)), len(months)),
            "region": labels(np.tile(region, len(months)), p.REGIONS),
        },
    )


def benchmarks() -> pa.Table:
    """The contract's `benchmarks`, by the stage keys of the shipped models."""
    from_stage, to_stage, rate = zip(*p.BENCHMARKS, strict=True)
    columns = {"from_stage": from_stage, "to_stage": to_stage, "rate": rate}
    return table(
        "benchmarks",
        {name: pa.array(values) for name, values in columns.items()}
        | {"source": pa.array([p.BENCHMARK_SOURCE] * len(p.BENCHMARKS))},
    )


def traffic(rng: np.random.Generator, contacts: int, as_of: int) -> pa.Table:
    """The contract's `traffic`: strangers reached and visitors of the site, per day and source."""
    days, share = _calendar(as_of)
    parts = []
    for number, source in enumerate(p.SOURCES):
        expected = contacts * share * source.share
        visitors = rng.poisson(expected * 30)
        parts.append((days, np.full(days.size, number), visitors * 11 + rng.poisson(expected * 90), visitors))
    day, code, strangers, visitors = (np.concatenate(column) for column in zip(*parts, strict=True))
    return table(
        "traffic",
        {"day": day, "source": labels(code, p.SOURCE_NAMES), "strangers": strangers, "visitors": visitors},
    )
