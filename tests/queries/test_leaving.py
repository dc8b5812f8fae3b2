"""On how many days customers left, asked of every engine."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from lifecycle.leaving import Leaving
from lifecycle.periods import Calendar
from lifecycle.retention import ORDERS, Rules
from lifecycle.scope import Scope
from lifecycle.segments import Choice
from queries.leaving import leaving
from queries.retention import retention
from tests.engines import Engine
from tests.queries import retention_oracle as oracle
from tests.queries.retention_oracle import MODEL, Customer

LISTED = datetime(2025, 1, 1)


def subscriber(start: datetime, end: datetime | None, again: datetime | None = None) -> Customer:
    """Who subscribed, left, and perhaps came back for good."""
    later: list[tuple[datetime, datetime | None, int]] = [(again, None, 500)] if again else []
    return Customer("paid", [(start, 500)], [(start, end, 500), *later], [("Lead", start)])


def begun(i: int) -> datetime:
    """The first of one of eleven months."""
    return datetime(2024, 1 + i % 11, 1, 12)


def test_all_who_left_are_dated_on_the_day_of_the_list(engine: Engine) -> None:
    """Of 25 who left 24 did so on one day, in eleven months of start; the other came back; 5 never left."""
    company = {f"gone{i}": subscriber(begun(i), LISTED + timedelta(hours=i)) for i in range(24)}
    company["early"] = subscriber(begun(0), datetime(2024, 5, 5), LISTED - timedelta(days=9))
    company |= {f"here{i}": subscriber(begun(i), None) for i in range(5)}
    m = oracle.put(engine, company)
    scope = Scope(MODEL.name, LISTED + timedelta(days=2))
    try:
        found = leaving(m, scope)
        assert replace(found, statements=()) == Leaving(25, date(2025, 1, 1), 24, 11)
        assert found.is_on_one_day
        narrow = replace(scope, start=date(2024, 5, 1), end=date(2024, 6, 1), filters=(Choice("plan", ("free",)),))
        assert replace(leaving(m, narrow), statements=()) == Leaving(25, date(2025, 1, 1), 24, 11)
        west = replace(scope, calendar=Calendar("America/New_York"))  # there, five of them left the day before
        assert replace(leaving(m, west), statements=()) == Leaving(25, date(2025, 1, 1), 19, 11)
        before = leaving(m, replace(scope, as_of=LISTED - timedelta(days=1)))  # what is unseen is no evidence
        assert replace(before, statements=()) == Leaving(1, date(2024, 5, 5), 1, 1)
        assert not leaving(m, replace(scope, as_of=datetime(2024, 4, 1))).n
        assert retention(m, scope, Rules()).leaving.n == 25
        assert retention(m, scope, Rules(ORDERS, ORDERS)).leaving == Leaving()  # orders are dated by themselves
    finally:
        m.warehouse.close()
