"""Whether the last whole month kept the goals that the configuration sets, asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from lifecycle.business import Business
from lifecycle.goals import Goal, goals
from lifecycle.periods import Calendar
from lifecycle.scope import Scope
from queries.agreement import alignment
from queries.modelled import Modelled
from queries.service import service


def kept(
    m: Modelled, calendar: Calendar, wanted: Mapping[str, float], business: Business | None = None
) -> tuple[Goal, ...]:
    """The goals beside the leads handed over in the last month that was over at the cut-off.

    Raises WarehouseError("missing") where the model has no handoff, ("missing_table") for a service level without
    activities.
    """
    end = calendar.floor(calendar.day(m.build.as_of + timedelta(microseconds=1)), "month")
    scope = Scope(m.model.name, m.build.as_of, calendar.step(end, "month", -1), end, calendar)
    responses = service(m, scope, business).whole if "service_level" in wanted else None
    assert scope.start
    return goals(wanted, scope.start, alignment(m, scope).whole, responses)
