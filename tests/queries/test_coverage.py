"""A simulated truth: what is known to be true of invented leads lies in the interval as often as it promises."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from math import sqrt
from random import Random

import pyarrow as pa
import pytest

from lifecycle.agreement import Agreement
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from lifecycle.segments import Choice
from lifecycle.stages import load_model
from queries.agreement import alignment
from queries.build import build
from queries.modelled import Modelled
from tests.engines import DuckDB

WEEKS, LEADS = 400, 40  # each week is a sample of its own
START = datetime(2018, 1, 1)
TRUTHS = {"cold": 0.12, "warm": 0.4, "hot": 0.85}  # the true acceptance, by source


def leads(random: Random) -> tuple[pa.Table, pa.Table]:
    """Leads of every week; sales decides most of them, some too late and some never, whatever it will say."""
    events, contacts = [], []
    for source, truth in TRUTHS.items():
        for i in range(WEEKS * LEADS):
            who, at = f"{source}{i}", START + timedelta(weeks=i // LEADS, hours=random.randrange(168))
            contacts.append((who, source))
            events.append((who, "Marketing qualified", at))
            if random.random() < 0.9:
                verdict = "Sales accepted" if random.random() < truth else "Unqualified"
                events.append((who, verdict, at + timedelta(days=random.expovariate(1 / 12))))
    who, stage, instants = zip(*events, strict=True)
    at_ = pa.array(instants, pa.timestamp("us"))
    named = dict(zip(("contact_id", "source"), map(list, zip(*contacts, strict=True)), strict=True))
    return pa.table({"contact_id": list(who), "stage": list(stage), "entered_at": at_}), pa.table(named)


@pytest.fixture(scope="module")
def samples() -> dict[str, list[Agreement]]:
    """What the alignment page answers of every week, by source."""
    engine, model = DuckDB(), load_model("crm")
    warehouse = engine.open()
    for name, table in zip(("stage_events", "contacts"), leads(Random(5)), strict=True):
        engine.put(warehouse, name, table)
    m = Modelled(warehouse, model, build(warehouse, model))
    scope = Scope("crm", START + timedelta(weeks=WEEKS), grain="week", start=START.date())
    scopes = {source: replace(scope, filters=(Choice("source", (source,)),)) for source in TRUTHS}
    found = {source: list((alignment(m, scope).trend or {}).values())[:WEEKS] for source, scope in scopes.items()}
    warehouse.close()
    return found


def covered(rates: list[Rate], truth: float) -> float:
    """The share of intervals that hold the truth."""
    intervals = [interval for rate in rates if (interval := rate.interval)]
    assert len(intervals) == len(rates)
    return sum(low <= truth <= high for low, high in intervals) / len(intervals)


def test_the_interval_of_acceptance_holds_the_truth_95_times_in_a_hundred(samples: dict[str, list[Agreement]]) -> None:
    """Within four standard errors of such a share: about one in ten thousand seeds would fail by chance."""
    shares = []
    for source, truth in TRUTHS.items():
        found = samples[source]
        assert len(found) == WEEKS
        assert sum(week.expired + week.pending for week in found) > WEEKS  # the undecided are there, and harm nothing
        shares.append(covered([week.acceptance for week in found], truth))
        assert abs(shares[-1] - 0.95) < 4 * sqrt(0.95 * 0.05 / WEEKS)
    assert abs(sum(shares) / len(shares) - 0.95) < 4 * sqrt(0.95 * 0.05 / (WEEKS * len(shares)))


def test_counting_the_undecided_as_rejected_would_miss_the_truth(samples: dict[str, list[Agreement]]) -> None:
    wrong = [Rate(week.accepted, week.delivered) for week in samples["hot"]]
    assert covered(wrong, TRUTHS["hot"]) < 0.5
