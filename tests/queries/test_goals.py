"""Goals of the configuration beside the last whole month: met, missed and by how much, nothing to judge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from lifecycle.agreement import Agreement
from lifecycle.goals import goals
from lifecycle.periods import Calendar
from lifecycle.rates import Rate
from lifecycle.service import Responses
from lifecycle.stages import load_model
from queries.build import build
from queries.errors import WarehouseError
from queries.goals import kept
from queries.modelled import Modelled
from tests.engines import DuckDB
from tests.queries.test_history import at, events, put

FEBRUARY, MARCH = date(2026, 2, 1), date(2026, 3, 1)


def test_a_goal_is_missed_by_what_it_lacks_and_an_empty_month_misses_no_share() -> None:
    found = Agreement(accepted=30, rejected=70, expired=20, pending=5, bypass=10)
    wanted = {
        "acceptance": 0.4,
        "coverage": 0.75,
        "decided": 0.9,
        "service_level": 0.9,
        "delivered": 126,
        "accepted": 30,
    }
    made = {
        goal.name: goal for goal in goals(wanted, MARCH, found, Responses(met=80, missed=10, overdue=10, not_due=40))
    }
    assert list(made) == list(wanted)
    assert {name for name, goal in made.items() if not goal.is_met} == {
        "acceptance",
        "decided",
        "service_level",
        "delivered",
    }
    assert made["acceptance"].gap == pytest.approx(0.1)
    assert (made["service_level"].seen, made["delivered"].seen, made["delivered"].gap) == (Rate(80, 100), 125, 1)
    (empty,) = goals({"acceptance": 1.0}, MARCH, Agreement(pending=9), None)
    assert (empty.gap, empty.is_met) == (None, True)
    assert goals({}, MARCH, found, None) == ()


@pytest.fixture(scope="module")
def spring() -> Iterator[Modelled]:
    """Two leads of March, one touched in time and accepted, one of April; nothing was handed over in February."""
    engine = DuckDB()
    warehouse, model = engine.open(), load_model("crm")
    rows = events(
        ("ann", "Marketing qualified", at(0), "rep"),
        ("ann", "Sales accepted", at(0, "12:00"), "rep"),
        ("bob", "Marketing qualified", at(1), "rep"),
        ("bob", "Unqualified", at(5), "rep"),
        ("cyd", "Marketing qualified", at(30), "rep"),  # 1 April
    )
    put(engine, warehouse, "stage_events", *rows)
    put(engine, warehouse, "activities", {"contact_id": "cyd", "kind": "call", "occurred_at": at(40), "actor": "rep"})
    yield Modelled(warehouse, model, build(warehouse, model))
    warehouse.close()


def test_the_last_month_that_is_over_is_judged(spring: Modelled) -> None:
    wanted = {"acceptance": 0.5, "service_level": 0.6, "delivered": 3.0}
    assert [(g.name, g.month, g.seen, g.is_met) for g in kept(spring, Calendar(), wanted)] == [
        ("acceptance", MARCH, Rate(1, 2), True),
        ("service_level", MARCH, Rate(1, 2), False),
        ("delivered", MARCH, 2, False),
    ]


def test_months_are_those_of_the_company_s_time_zone(spring: Modelled) -> None:
    (there,) = kept(spring, Calendar("America/New_York"), {"delivered": 1.0})
    assert (there.month, there.seen) == (MARCH, 3)  # the first instant of April is still March there
    (here,) = kept(spring, Calendar("Pacific/Apia"), {"delivered": 1.0})
    assert (here.month, here.seen) == (MARCH, 2)


def test_a_lifecycle_without_a_handoff_has_no_goals(spring: Modelled) -> None:
    model = load_model("customer_lifecycle")
    m = Modelled(spring.warehouse, model, build(spring.warehouse, model))
    with pytest.raises(WarehouseError, match="no handoff"):
        kept(m, Calendar(), {"delivered": 1.0})
