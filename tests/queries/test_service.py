"""The service level told by hand: who was touched in time, who still waits, and whose turn it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pytest

from lifecycle.business import Business
from lifecycle.scope import Scope
from lifecycle.service import Responses
from lifecycle.stages import StageModel, parse_model
from queries.build import build
from queries.errors import WarehouseError
from queries.leads import Waiting, waiting
from queries.modelled import Modelled
from queries.service import attempts, kept, service
from tests.engines import DuckDB, Engine


def model(**handoff: Any) -> StageModel:
    return parse_model(
        {
            "name": "story",
            "label": "Story",
            "stages": [
                {"key": "lead", "label": "Lead", "kind": "progress"},
                {"key": "mql", "label": "MQL", "kind": "progress"},
                {"key": "sql", "label": "SQL", "kind": "progress"},
                {"key": "lost", "label": "Lost", "kind": "exit"},
            ],
            "handoff": {"from": "mql", "accepted": ["sql"], "rejected": ["lost"], "decision_days": 30, "sla_hours": 24}
            | handoff,
        },
        "story",
    )


# Friday 9 January 2026 is the day of most handoffs; the data ends on Monday 26 January.
AS_OF = datetime(2026, 1, 26, 12)
SCOPE = Scope("story", AS_OF, date(2026, 1, 1), date(2026, 2, 1))
STORY: list[tuple[str, str | None, list[tuple[str, str]], list[tuple[str, str]]]] = [
    # contact, owner, entries, activities
    ("amy", "Rep One", [("mql", "09 10:00")], [("assigned", "09 11:00"), ("Call ", "09 15:00")]),  # in time
    ("ben", "Rep One", [("mql", "09 10:00")], [("call", "09 09:00")]),  # touched before the clock: in time, at 0
    ("cho", "Rep One", [("mql", "09 10:00"), ("sql", "09 20:00")], []),  # the decision is the touch
    (
        "dee",
        "Rep Two",
        [("mql", "09 10:00")],
        [("assigned", "09 10:00"), ("e-mail", "10 10:00")],
    ),  # exactly at the limit
    ("eli", "Rep Two", [("mql", "09 10:00")], [("assigned", "12 09:00"), ("call", "12 10:00")]),  # over a weekend
    ("fox", "Rep Two", [("mql", "09 10:00")], [("assigned", "09 12:00"), ("note", "09 13:00")]),  # a note is no touch
    ("gus", None, [("mql", "09 10:00")], []),  # nobody was ever assigned
    ("hal", None, [("mql", "26 09:00")], [("assigned", "26 10:00")]),  # not due yet
    # came back: the touch of the first journey is none of the second
    ("ida", "Rep One", [("mql", "02 10:00"), ("lost", "05 10:00"), ("mql", "12 10:00")], [("call", "02 12:00")]),
    ("jon", "Rep Two", [("sql", "09 10:00")], []),  # a bypass was never handed over
]


def instant(text: str) -> datetime:
    return datetime.strptime(f"2026-01-{text}", "%Y-%m-%d %H:%M")


def told(engine: Engine, definition: StageModel, activities: bool = True) -> Modelled:
    warehouse = engine.open()
    events = [{"contact_id": w, "stage": s, "entered_at": instant(at)} for w, _, es, _ in STORY for s, at in es]
    moments = pa.timestamp("us")
    kinds = pa.schema([("contact_id", pa.string()), ("stage", pa.string()), ("entered_at", moments)])
    engine.put(warehouse, "stage_events", pa.Table.from_pylist(events, kinds))
    contacts = pa.table({"contact_id": [w for w, *_ in STORY], "owner": [o for _, o, *_ in STORY]})
    engine.put(warehouse, "contacts", contacts)
    if activities:
        done = [{"contact_id": w, "kind": k, "occurred_at": instant(at)} for w, _, _, acts in STORY for k, at in acts]
        shape = pa.schema([("contact_id", pa.string()), ("kind", pa.string()), ("occurred_at", moments)])
        engine.put(warehouse, "activities", pa.Table.from_pylist(done, shape))
    return Modelled(warehouse, definition, build(warehouse, definition))


@pytest.fixture(scope="module")
def story(engine: Engine) -> Iterator[Modelled]:
    found = told(engine, model())
    yield found
    found.warehouse.close()


def who(m: Modelled, *statuses: str, **more: Any) -> list[str]:
    return [r["entity_id"] for r in waiting(m, SCOPE, Waiting(statuses, **more)).table.to_pylist()]


def test_waiting_leads_are_waiting_and_never_missed_out(story: Modelled) -> None:
    found = service(story, SCOPE)
    assert found.whole == Responses(met=5, missed=1, overdue=3, not_due=1)
    assert (found.whole.rate.numerator, found.whole.rate.denominator) == (5, 9)
    assert (found.whole.due, found.whole.past_due) == (4, 3)
    assert sorted(who(story, "met")) == ["amy", "ben", "cho", "dee", "ida"]
    assert who(story, "missed") == ["eli"]
    assert who(story, "overdue") == ["fox", "gus", "ida"]  # oldest first, then by id
    assert who(story, "not_due") == ["hal"]


def test_the_level_alone_is_that_of_the_whole_answer(story: Modelled) -> None:
    later = replace(SCOPE, start=date(2026, 1, 8), end=date(2026, 1, 15), compare="previous")
    found, whole = kept(story, later), service(story, later)
    assert whole.comparison and found.before
    assert (found.now, found.before) == (whole.whole, whole.comparison.whole)
    assert (found.now.n, found.before.n) == (8, 1)  # ida came on the 2nd, and again on the 12th


@pytest.mark.parametrize("day", [3, 9, 10, 12, 26])
def test_a_build_keeps_what_the_activities_say_on_any_day(story: Modelled, day: int) -> None:
    then = replace(SCOPE, as_of=instant(f"{day:02d} 12:00"))
    older = Modelled(story.warehouse, story.model, story.build)  # a build from before the table
    kept_in = story.build.table("touches")
    older.__dict__["tables"] = {name: types for name, types in story.tables.items() if name != kept_in}
    assert len(older.tables) == len(story.tables) - 1
    found, read = service(story, then), service(older, then)
    assert found.whole.n and found.whole == read.whole
    assert [(row.value, row.responses) for row in found.rows] == [(row.value, row.responses) for row in read.rows]
    for mine, other in ((found.speed, read.speed), (found.human_delay, read.human_delay)):
        assert sorted(mine.rows) == sorted(other.rows)
    assert "activities" in read.statements[0].text and "activities" not in found.statements[0].text


def test_speed_counts_the_untouched_as_waiting(story: Modelled) -> None:
    found = service(story, SCOPE)
    assert (found.speed.n, found.speed.events, found.speed.censored) == (10, 6, 4)
    assert sorted((s, how, n) for s, how, n in found.speed.rows if how == "touched") == [
        (0.0, "touched", 1),  # ben
        (2 * 3600.0, "touched", 1),  # ida, the first time
        (5 * 3600.0, "touched", 1),  # amy
        (10 * 3600.0, "touched", 1),  # cho
        (24 * 3600.0, "touched", 1),  # dee
        (72 * 3600.0, "touched", 1),  # eli
    ]
    assert found.speed.quantile(0.5) == 24 * 3600  # of all ten, not of the six touched
    assert found.speed.quantile(0.9) is None


def test_system_and_human_delay_stand_apart(story: Modelled) -> None:
    found = service(story, SCOPE)
    assert sorted(s for s, how, _ in found.system_delay.rows if how == "touched") == [0.0, 3600.0, 7200.0, 71 * 3600.0]
    assert sum(n for _, how, n in found.system_delay.rows if how == "touched") == 5
    assert sorted((s, how) for s, how, _ in found.human_delay.rows if how == "touched") == [
        (3600.0, "touched"),  # eli, once assigned
        (4 * 3600.0, "touched"),  # amy
        (24 * 3600.0, "touched"),  # dee
    ]


def test_every_rep_answers_for_their_own(story: Modelled) -> None:
    rows = {r.value: r.responses for r in service(story, SCOPE).rows}
    assert rows == {
        "Rep One": Responses(met=4, overdue=1),
        "Rep Two": Responses(met=1, missed=1, overdue=1),
        None: Responses(overdue=1, not_due=1),
    }
    assert who(story, "overdue", by="owner", values=(None,)) == ["gus"]


def test_attempts_wait_for_their_fourteen_days(story: Modelled) -> None:
    found = attempts(story, SCOPE)
    assert (found.n, found.younger) == (9, 1)
    assert dict(found.leads)[0] == 5  # ben's call came before the clock
    assert dict(found.leads)[1] == 4


def test_working_time_is_one_calendar_for_all(story: Modelled) -> None:
    # 9 to 17 in London, 24 working hours are three working days; the 13th is a holiday
    office = Business(holidays=(date(2026, 1, 13),), timezone="Europe/London")
    found = service(story, SCOPE, office)
    assert found.whole == Responses(met=6, overdue=3, not_due=1)  # the weekend did not count against eli
    touched = {s / 3600 for s, how, _ in found.speed.rows if how == "touched"}
    assert touched == {0.0, 2.0, 5.0, 7.0, 8.0}  # cho on Friday evening: 7 h; eli at 10 on Monday: 8 h
    waited = {
        r["entity_id"]: r["waited_us"] for r in waiting(story, SCOPE, Waiting(("overdue",)), office).table.to_pylist()
    }
    assert waited["gus"] == office.worked(instant("09 10:00"), AS_OF).total_seconds() * 1e6


def test_without_a_limit_nothing_is_due() -> None:
    m = told(DuckDB(), model(sla_hours=None))
    found = service(m, SCOPE)
    assert (found.limit_hours, found.whole.rate.value, found.whole.not_due) == (None, None, 10)
    assert found.speed.events == 6
    m.warehouse.close()


def test_a_later_cut_off_turns_waiting_into_overdue(story: Modelled) -> None:
    later = service(story, replace(SCOPE, as_of=datetime(2026, 1, 28)))
    assert later.whole == Responses(met=5, missed=1, overdue=4)


def test_without_activities_the_page_is_told_what_to_load() -> None:
    m = told(DuckDB(), model(), activities=False)
    with pytest.raises(WarehouseError, match="activities") as problem:
        service(m, SCOPE)
    assert problem.value.kind == "missing_table"
    m.warehouse.close()


def test_a_clock_that_starts_with_the_assignment(engine: Engine) -> None:
    """The last, as opening an engine once more empties it."""
    # last of this file: it puts another company in place of the story
    m = told(engine, model(sla_from="assigned"))
    found = service(m, SCOPE)
    assert found.whole == Responses(met=6, missed=0, overdue=1, unassigned=2, not_due=1)
    assert who(m, "overdue") == ["fox"]
    assert who(m, "unassigned") == ["gus", "ida"]
    assert found.whole.past_due == 3
    m.warehouse.close()
