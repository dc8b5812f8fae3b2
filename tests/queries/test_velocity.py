"""Velocity asked of deals: told by hand, and equal to a slow count by the book on every engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from random import Random

import pyarrow as pa
import pytest

from lifecycle.pipeline import LOST, WON
from lifecycle.scope import Scope
from lifecycle.stages import StageModel, parse_model
from lifecycle.velocity import factors
from queries.build import build
from queries.errors import WarehouseError
from queries.modelled import Modelled
from queries.velocity import Chosen, course, listed, velocity
from tests.engines import DuckDB, Engine
from tests.queries import pace_oracle as book
from tests.queries import reference
from tests.queries.funnels import Company, opened
from tests.queries.worlds import T0, invent

DEALS = [  # deal, contact, created and closed (days of January 2026), won, amount
    ("d1", "amy", "2", "12", True, 100.0),
    ("d2", "amy", "3", "23", True, 300.0),
    ("d3", "ben", "4", "9", False, 50.0),
    ("d4", "ben", "5", None, None, 350.0),
    ("d5", "cho", "6", "26", True, None),  # won, but nobody wrote down for how much
    ("d6", "cho", "6", "20", None, 200.0),  # closed without a result: known for 14 days
    ("d7", "dee", "8", "7", False, 0.0),  # closed before it was created: at once
    ("d8", "dee", "1", "3", True, 900.0),  # before dee's journey: of no lifecycle
    ("d9", "amy", "40", None, None, 1.0),  # created in February
]
AS_OF = datetime(2026, 1, 31)
SCOPE = Scope("story", AS_OF, date(2026, 1, 1), date(2026, 2, 1))


def day(text: str | None) -> datetime | None:
    return None if text is None else datetime(2026, 1, 1) + timedelta(days=int(text) - 1)


def model() -> StageModel:
    stages = [{"key": key, "label": key.upper(), "kind": "progress"} for key in ("lead", "customer")]
    return parse_model({"name": "story", "label": "Story", "stages": stages}, "story")


def told(engine: Engine, columns: tuple[str, ...] = ("closed_at", "is_won", "amount"), deals: bool = True) -> Modelled:
    warehouse, moments = engine.open(), pa.timestamp("us")
    starts = {"amy": "1", "ben": "1", "cho": "2", "dee": "5"}
    events = {"contact_id": list(starts), "stage": ["lead"] * 4, "entered_at": [day(d) for d in starts.values()]}
    kinds = pa.schema([("contact_id", pa.string()), ("stage", pa.string()), ("entered_at", moments)])
    engine.put(warehouse, "stage_events", pa.table(events, kinds))
    engine.put(warehouse, "contacts", pa.table({"contact_id": list(starts), "size": ["big", "big", "small", "small"]}))
    if deals:
        names = ("deal_id", "contact_id", "created_at", "closed_at", "is_won", "amount")
        types = (pa.string(), pa.string(), moments, moments, pa.bool_(), pa.float64())
        rows = [dict(zip(names, (d, c, day(a), day(b), w, n), strict=True)) for d, c, a, b, w, n in DEALS]
        kept = [(n, t) for n, t in zip(names, types, strict=True) if n in names[:3] or n in columns]
        table = pa.Table.from_pylist([{n: r[n] for n, _ in kept} for r in rows], pa.schema(kept))
        engine.put(warehouse, "deals", table)
    return Modelled(warehouse, model(), build(warehouse, model()))


@pytest.fixture(scope="module")
def story(engine: Engine) -> Iterator[Modelled]:
    found = told(engine)
    yield found
    found.warehouse.close()


def test_four_factors_of_the_deals_created_in_the_period(story: Modelled) -> None:
    found = velocity(story, SCOPE, 25)
    whole = found.whole
    assert (whole.n, whole.of(WON), whole.of(LOST), whole.table.censored) == (7, 3, 2, 2)
    assert (whole.valued, whole.amount) == (6, 1000.0)
    n, value, rate, cycle = (
        getattr(found.now, name) for name in ("opportunities", "average_value", "win_rate", "cycle_days")
    )
    assert (n.value, value.value) == (7, pytest.approx(1000 / 6))
    # lost at 0 and 5 days, won at 10; d6 is known for 14 days only; two wins at 20 of the three still seen
    survival = 6 / 7 * 5 / 6
    assert rate.value == pytest.approx(survival / 5 + survival * 4 / 5 * 2 / 3)
    weights = survival / 5, survival * 4 / 5 * 2 / 3
    assert cycle.value == pytest.approx((10 * weights[0] + 20 * weights[1]) / sum(weights))
    assert (found.recent.numerator, found.recent.denominator) == (3, 5)


def test_seen_earlier_a_deal_is_still_open(story: Modelled) -> None:
    found = velocity(story, replace(SCOPE, as_of=datetime(2026, 1, 10)), 7)
    assert (found.whole.n, found.whole.of(WON), found.whole.of(LOST)) == (7, 0, 2)


def test_groups_hold_all_deals_and_open_their_records(story: Modelled) -> None:
    scope = replace(SCOPE, by="size")
    found = velocity(story, scope)
    assert {p.name: p.pipeline.n for p in found.parts} == {"big": 4, "small": 3}
    for part in found.parts:
        for outcome in (WON, LOST):
            records = listed(story, scope, Chosen((outcome,), part.values))
            assert records.total == records.table.num_rows == part.pipeline.of(outcome)
    every = listed(story, SCOPE, Chosen((WON, LOST, "open")))
    assert every.table.column("deal_id").to_pylist() == ["d4", "d2", "d6", "d1", "d3", "d7", "d5"]  # the largest first


def test_periods_hold_their_own_deals(story: Modelled) -> None:
    found = course(story, replace(SCOPE, grain="week"), 7)
    assert [(p.period.isoformat(), p.pipeline.n) for p in found.periods if p.pipeline.n] == [
        ("2025-12-29", 3),  # the week that holds 1 January: d1, d2, d3
        ("2026-01-05", 4),
    ]


def test_a_comparison_is_judged_at_the_same_age(story: Modelled) -> None:
    found = velocity(story, replace(SCOPE, compare="previous"))
    assert found.comparison is not None
    assert found.comparison.days == found.days
    assert found.comparison.whole.n == 0
    assert found.before is not None
    assert found.before.velocity is None


def test_without_deals_it_says_what_is_missing() -> None:
    m = told(DuckDB(), deals=False)
    with pytest.raises(WarehouseError, match="table deals is not in the warehouse") as problem:
        velocity(m, SCOPE)
    assert problem.value.kind == "missing_table"
    assert "--deals FILE" in problem.value.hint
    m.warehouse.close()
    m = told(DuckDB(), ("closed_at",))
    with pytest.raises(WarehouseError, match="lacks is_won and amount"):
        velocity(m, SCOPE)
    m.warehouse.close()


# --- by the book ------------------------------------------------------------------------------------------------------


def deals(company: Company, scope: Scope) -> list[tuple[str | None, datetime, float, str, float, float | None]]:
    """Plan, creation, exact seconds, outcome, bin and amount of the deals created in the period."""
    owners = reference.deals(company.world, company.m.model, company.derivation)
    found = []
    for deal_id, row in reference.deals_of(company.world).items():
        if deal_id in owners and book.inside(scope, row["created_at"]):
            plan = company.told[owners[deal_id]].get("plan")
            closed = book.seen(row["closed_at"], scope)
            outcome = WON if closed and row["is_won"] else LOST if closed and row["is_won"] is False else "open"
            seconds = max(((closed or scope.as_of) - row["created_at"]).total_seconds(), 0.0)
            edge = book.binned(row["created_at"], closed, scope)
            found.append((plan, row["created_at"], seconds, outcome, edge, row["amount"]))
    return found


def test_a_random_company_is_counted_by_the_book(engine: Engine) -> None:
    random = Random(2)
    world = invent(random, groups=40)
    for row in world.get("deals"):
        ends = [None, *(T0 + timedelta(days=random.randrange(8), hours=random.randrange(24)) for _ in range(3))]
        row["closed_at"], row["amount"] = random.choice(ends), random.choice([None, 0.0, 10.5, 2_000.0])
    company = opened(engine, world, "sal_pql")
    for as_of in (T0 + timedelta(days=30), T0 + timedelta(days=4)):
        scope = Scope("sal_pql", as_of, date(2024, 1, 2), date(2024, 1, 6), grain="day", by="plan")
        found, wanted = velocity(company.m, scope, 2), deals(company, scope)
        assert found.whole.n == len(wanted)
        for part in found.parts:
            own = [d for d in wanted if d[0] in part.values]
            assert sum(b.n for b in part.pipeline.lengths) == len(own)
            assert {(b.seconds, b.outcome): b.n for b in part.pipeline.lengths} == {
                (edge, outcome): sum((d[4], d[3]) == (edge, outcome) for d in own) for *_, outcome, edge, _ in own
            }
            assert sum(b.total for b in part.pipeline.lengths) == pytest.approx(sum(d[2] for d in own))
            amounts = [d[5] for d in own if d[5] is not None]
            assert (part.pipeline.valued, part.pipeline.amount) == (len(amounts), pytest.approx(sum(amounts)))
            assert part.pipeline.squares == pytest.approx(sum(a * a for a in amounts))
        days = course(company.m, scope, 2).periods
        assert [p.pipeline.n for p in days] == [sum(scope.calendar.day(d[1]) == p.period for d in wanted) for p in days]
        assert sum(p.pipeline.n for p in days) == len(wanted)
        assert factors(found.whole, 2) == found.now
    company.m.warehouse.close()
