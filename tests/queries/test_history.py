"""One contact's, account's or deal's history told by hand: the worked journey, merges, cut-off, what is personal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from lifecycle.evidence import fates
from lifecycle.history import Stay, silences, spans, story
from lifecycle.scope import Scope
from lifecycle.stages import StageModel, load_model
from queries.build import build
from queries.evidence import raw_rows
from queries.history import history
from queries.modelled import Modelled
from tests.engines import Engine

INSTANTS = {"entered_at", "recorded_at", "occurred_at", "created_at", "closed_at", "valid_from", "audited_at"}
INSTANTS |= {"ordered_at", "started_at", "ended_at", "responded_at", "referred_at"}
NUMBERS = {"amount", "mrr", "score", "lead_score"}
FLAGS = {"is_won", "marketing", "sales"}
START = datetime(2026, 3, 2)  # a Monday


def at(day: int, clock: str = "00:00") -> datetime:
    hour, minute = clock.split(":")
    return START + timedelta(days=day, hours=int(hour), minutes=int(minute))


def put(engine: Engine, warehouse: Any, table: str, *rows: dict[str, Any]) -> None:
    """A contract table of these rows; a column that a row lacks is null."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    kinds = dict.fromkeys(INSTANTS, pa.timestamp("us")) | dict.fromkeys(NUMBERS, pa.float64())
    kinds |= dict.fromkeys(FLAGS, pa.bool_())
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in names])
    engine.put(warehouse, table, pa.Table.from_pylist(list(rows), schema))


def events(*rows: tuple[str, str, datetime, str]) -> list[dict[str, Any]]:
    """contact, stage, instant, actor."""
    names = ("contact_id", "stage", "entered_at", "actor")
    return [dict(zip(names, row, strict=True)) | {"event_id": f"e{i}"} for i, row in enumerate(rows)]


def exits(model: StageModel) -> frozenset[str]:
    return frozenset(s.key for s in model.exits)


# The worked journey of the discovery lifecycle. A visitor (unknown so far) gives an address for a white paper,
# registers for a webinar, does not attend, takes the recording from the chatbot on the day and books a call; next day
# the account executive diagnoses; demo, price, proposal; days later the vice president of finance joins; next day the
# agreement is signed; the director of sales operations is added; on Monday they are live.
MARKETER, CHATBOT, SDR, AE = "marketing automation", "chatbot", "Rep Sdr", "Rep Ae"
JOURNEY = events(
    ("marta", "Visitor", at(0, "09:00"), MARKETER),
    ("marta", "Lead", at(0, "09:20"), MARKETER),
    ("marta", "MQL", at(2, "11:00"), MARKETER),
    ("marta", "Sales accepted", at(8, "15:30"), SDR),
    ("marta", "Sales qualified", at(9, "10:00"), AE),
    ("vera", "Lead", at(17, "14:00"), AE),
    ("marta", "Closed won", at(18, "16:00"), AE),
    ("diego", "Lead", at(18, "17:00"), AE),
)
DONE = [
    ("marta", "webinar missed", at(8, "14:00"), MARKETER),
    ("marta", "chat", at(8, "15:00"), CHATBOT),
    ("marta", "meeting", at(8, "15:30"), SDR),
    ("marta", "call", at(9, "10:00"), AE),
    ("marta", "demo", at(11, "10:00"), AE),
    ("marta", "e-mail", at(14, "09:00"), AE),
    ("vera", "meeting", at(17, "14:30"), AE),
    ("diego", "onboarding", at(21, "09:00"), "Rep Success"),
]
TITLES = {"marta": "Head of marketing", "vera": "Vice president of finance", "diego": "Director of sales operations"}


@pytest.fixture(scope="module")
def worked(engine: Engine) -> Iterator[Modelled]:
    warehouse, model = engine.open(), load_model("discovery")
    put(engine, warehouse, "stage_events", *JOURNEY)
    put(
        engine,
        warehouse,
        "contacts",
        *(
            {"contact_id": who, "account_id": "acme", "created_at": at(i), "title": title, "name": f"{who} Example"}
            for i, (who, title) in enumerate(TITLES.items())
        ),
    )
    names = ("contact_id", "kind", "occurred_at", "actor")
    put(engine, warehouse, "activities", *(dict(zip(names, row, strict=True)) for row in DONE))
    deal = {"deal_id": "d1", "contact_id": "marta", "account_id": "acme", "created_at": at(9, "10:00")}
    closed = {"closed_at": at(18, "16:00"), "is_won": True, "amount": 24_000.0, "stage": "Closed won"}
    put(engine, warehouse, "deals", deal | closed)
    subscription = {"subscription_id": "s1", "contact_id": None, "account_id": "acme", "started_at": at(21, "09:00")}
    put(engine, warehouse, "subscriptions", subscription | {"ended_at": at(400), "mrr": 2_000.0})
    yield Modelled(warehouse, model, build(warehouse, model))
    warehouse.close()


def test_the_worked_journey_is_told_as_it_went(worked: Modelled) -> None:
    scope = Scope("discovery", at(23))
    known = history(worked, scope, "acme")
    assert [p.contact_id for p in known.people] == ["diego", "marta", "vera"]
    assert [(s.stage, s.contact_id, s.move) for s in known.stays] == [
        ("lead", "marta", "advance"),
        ("mql", "marta", "advance"),
        ("sql", "marta", "advance"),  # the call is booked on the day of the webinar
        ("sal", "marta", "advance"),  # next day the diagnosis
        ("lead", "vera", "repeat"),  # the account never goes back, whoever joins
        ("customer", "marta", "advance"),
        ("lead", "diego", "repeat"),
    ]
    lengths = [known.length(s) for s in known.stays if s.move != "repeat"]
    assert lengths == [
        timedelta(days=2, hours=1, minutes=40),
        timedelta(days=6, hours=4, minutes=30),
        timedelta(hours=18, minutes=30),
        timedelta(days=9, hours=6),
        timedelta(days=4, hours=8),  # a customer to the cut-off
    ]
    assert known.now is not None
    assert known.now.stage == "customer"
    (journey,) = spans(known, exits(worked.model))
    assert (journey.start, journey.end) == (at(0, "09:20"), None)


def test_the_worked_journey_shows_who_answered_and_when_nothing_happened(worked: Modelled) -> None:
    known = history(worked, Scope("discovery", at(23)), "acme")
    (verdict,) = known.verdicts
    assert (verdict.outcome, verdict.handed_at, verdict.decided_at) == ("accepted", at(2, "11:00"), at(8, "15:30"))
    assert (verdict.touched_at, verdict.status) == (at(8, "15:30"), "missed")  # six days, and the limit is one
    longest, next_, *_ = silences(known, exits(worked.model))
    assert (longest.start, longest.end, longest.is_open) == (at(2, "11:00"), at(8, "14:00"), False)
    assert (next_.start, next_.end) == (at(14, "09:00"), at(17, "14:00"))  # until the vice president joins
    told = [
        (h.at, getattr(h.source, "stage", None) or getattr(h.source, "what", None)) for h in story(known, frozenset())
    ]
    assert told == sorted(told, key=lambda line: line[0])
    assert told[-3:] == [(at(18, "17:00"), "lead"), (at(21, "09:00"), "onboarding"), (at(21, "09:00"), None)]
    deal = next(m for m in known.moments if m.kind == "deal")
    assert (deal.at, deal.until, deal.detail, deal.amount) == (at(9, "10:00"), at(18, "16:00"), "won", 24_000)
    subscription = next(m for m in known.moments if m.kind == "subscription")
    assert (subscription.until, subscription.amount) == (None, 2_000)  # its planned end is not known yet
    assert known.absent == ("orders", "surveys", "referrals")


def test_the_worked_journey_s_raw_rows_are_accounted_for(worked: Modelled) -> None:
    scope = Scope("discovery", at(23))
    ids = ("diego", "marta", "vera")
    found = raw_rows(worked, scope, ids)
    rows = fates(
        found.events, dict(found.set_aside), history(worked, scope, "acme").stays, worked.model, frozenset(ids)
    )
    assert [(r.event.raw, r.fate) for r in rows] == [
        ("Visitor", "ignored"),  # known by daily counts alone
        ("Lead", "used"),
        ("MQL", "used"),
        ("Sales accepted", "used"),
        ("Sales qualified", "used"),
        ("Lead", "repeated"),
        ("Closed won", "used"),
        ("Lead", "repeated"),
    ]


def test_what_lies_after_the_cut_off_is_unseen(worked: Modelled) -> None:
    known = history(worked, Scope("discovery", at(10)), "acme")
    assert [s.stage for s in known.stays] == ["lead", "mql", "sql", "sal"]
    assert known.stays[-1].exited_at is None
    assert known.length(known.stays[-1]) == timedelta(hours=14)
    (deal,) = [m for m in known.moments if m.kind == "deal"]
    assert (deal.until, deal.detail) == (None, None)  # not won yet
    assert max(m.at for m in known.moments) == at(9, "10:00")
    assert len(raw_rows(worked, Scope("discovery", at(10)), ("marta", "vera", "diego")).events) == 5


CONTACTS = [
    {"contact_id": "ada", "owner": "Rep One", "name": "Ada Example", "email": "ada@corp.example", "plan": "free"},
    {"contact_id": "old", "name": "A. Example"},
]


@pytest.fixture(scope="module")
def everything(engine: Engine) -> Iterator[Modelled]:
    """A contact of whom every table tells something, under two ids that were merged."""
    warehouse, model = engine.open(), load_model("crm")
    rows = events(
        ("ada", "Lead", at(0), "rep 1"),
        ("old", "Marketing qualified", at(1), "rep 1"),
        ("ada", "Lead", at(0), "rep 1"),  # the same, under another event id: entered already
        ("ada", "Engaged", at(2), "rep 1"),  # a stage of another lifecycle
        ("ada", "Nonsense", at(2), "rep 1"),
        ("ada", "Recycled", at(5), "rep 1"),
        ("ada", "Marketing qualified", at(20), "rep 1"),
    )
    rows[1] |= {"recorded_at": at(2)}
    rows += [rows[0], rows[3] | {"event_id": "e1", "recorded_at": at(1)}, rows[5] | {"event_id": "e9"}]
    rows[-1] |= {"entered_at": None}
    put(engine, warehouse, "stage_events", *rows)
    put(engine, warehouse, "contacts", *CONTACTS)
    put(engine, warehouse, "contact_merges", {"merged_id": "old", "surviving_id": "ada"})
    put(engine, warehouse, "activities", {"contact_id": "old", "kind": "call", "occurred_at": at(3), "actor": "rep 1"})
    put(engine, warehouse, "orders", {"order_id": "o1", "contact_id": "ada", "ordered_at": at(21), "amount": 80.0})
    put(engine, warehouse, "surveys", {"contact_id": "ada", "score": 9.0, "responded_at": at(22), "kind": "nps"})
    put(
        engine,
        warehouse,
        "referrals",
        {"referrer_id": "ada", "referred_id": "bob", "referred_at": at(23)},
        {"referrer_id": "zoe", "referred_id": "old", "referred_at": at(0)},
    )
    put(engine, warehouse, "audits", {"contact_id": "ada", "marketing": True, "sales": False, "audited_at": at(4)})
    put(
        engine,
        warehouse,
        "contact_history",
        {"contact_id": "ada", "column": "plan", "value": "free", "valid_from": at(2)},
        {"contact_id": "ada", "column": "email", "value": "ada@old.example", "valid_from": at(2)},
    )
    yield Modelled(warehouse, model, build(warehouse, model, frozenset({"engaged"})))
    warehouse.close()


@pytest.fixture(params=[False, True], ids=["masked", "shown"])
def shown(everything: Modelled, request: pytest.FixtureRequest) -> bool:
    """Whether personal data is shown."""
    warehouse = everything.warehouse
    warehouse.settings = warehouse.settings.model_copy(update={"personal_data": request.param})
    return bool(request.param)


def test_every_table_tells_what_it_knows_of_merged_ids_too(everything: Modelled, shown: bool) -> None:
    known = history(everything, Scope("crm", at(25)), "ada")
    told = [(x.at, x.kind, x.what, x.detail, x.amount, x.contact_id) for x in known.moments]
    assert told == [
        (at(0), "referral", "received", "zoe", None, "old"),
        (at(2), "change", "email", "ada@old.example" if shown else "a***@old.example", None, "ada"),
        (at(2), "change", "plan", "free", None, "ada"),
        (at(3), "activity", "call", None, None, "old"),
        (at(4), "audit", None, "marketing", None, "ada"),
        (at(21), "order", None, None, 80.0, "ada"),
        (at(22), "survey", "nps", None, 9.0, "ada"),
        (at(23), "referral", "made", "bob", None, "ada"),
    ]
    judged = [(v.journey, v.outcome, v.touched_at, v.status) for v in known.verdicts]
    assert judged == [(1, "rejected", at(3), "missed"), (2, "pending", None, "overdue")]
    first, second = spans(known, exits(everything.model))
    assert (first.start, first.end, second.start, second.end) == (at(0), at(5), at(20), None)
    lines = {(h.at, h.journey) for h in story(known, exits(everything.model)) if not isinstance(h.source, Stay)}
    assert {(at(3), 1), (at(21), 2)} <= lines
    assert known.absent == ("deals", "subscriptions")


def test_what_is_personal_is_masked_unless_the_settings_show_it(everything: Modelled, shown: bool) -> None:
    (person,) = history(everything, Scope("crm", at(25)), "ada").people
    hidden = {"name": "A*** E***", "email": "a***@corp.example"}
    plain = {"name": "Ada Example", "email": "ada@corp.example"}
    assert person.facts == {"owner": "Rep One", "plan": "free"} | (plain if shown else hidden)
    assert person.merged == ("old",)


def test_every_raw_row_has_its_fate(everything: Modelled) -> None:
    m = everything
    scope, ids = Scope("crm", at(25)), ("ada", "old")
    found = raw_rows(m, scope, ids)
    rows = fates(found.events, dict(found.set_aside), history(m, scope, "ada").stays, m.model, frozenset(ids))
    assert [(r.event.raw, r.event.event_id, r.fate, r.problem) for r in rows] == [
        ("Lead", "e0", "used", None),
        ("Lead", "e0", "duplicate", None),
        ("Lead", "e2", "repeated", None),
        ("Marketing qualified", "e1", "used", None),  # of one event id the row that was recorded last
        ("Engaged", "e1", "duplicate", None),
        ("Engaged", "e3", "ignored", None),
        ("Nonsense", "e4", "quarantined", "unknown_stage"),
        ("Recycled", "e5", "used", None),
        ("Marketing qualified", "e6", "used", None),
        ("Recycled", "e9", "quarantined", "no_instant"),
    ]


def test_nobody_has_no_history(everything: Modelled) -> None:
    m = everything
    known = history(m, Scope("crm", at(25)), "nobody' OR 1=1 --")
    assert (known.stays, known.moments, known.verdicts, known.now) == ((), (), (), None)
    assert [dict(p.facts) for p in known.people] == [{}]


def test_without_activities_nothing_is_said_of_touches(engine: Engine) -> None:
    warehouse, model = engine.open(), load_model("crm")
    put(engine, warehouse, "stage_events", *events(("ada", "Marketing qualified", at(0), "rep 1")))
    m = Modelled(warehouse, model, build(warehouse, model))
    known = history(m, Scope("crm", at(40)), "ada")
    assert [(v.outcome, v.clock_at, v.status) for v in known.verdicts] == [("expired", None, None)]
    assert "activities" in known.absent
    warehouse.close()
