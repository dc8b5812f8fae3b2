"""Agreement and service level: equal to a slow count by the book on every engine, and to stories told by hand."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from lifecycle.agreement import LATE, Agreement, of_outcomes
from lifecycle.business import Business
from lifecycle.chance import TwoByTwo
from lifecycle.discussion import Rules
from lifecycle.periods import Calendar
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from lifecycle.segments import Choice
from lifecycle.service import STATUSES
from lifecycle.stages import load_model, parse_model
from lifecycle.transitions import Derivation
from queries.agreement import alignment, profile
from queries.audit import audit
from queries.build import build
from queries.commitment import commitment
from queries.contacts import PAGE
from queries.discussion import discussion
from queries.errors import WarehouseError
from queries.leads import HANDED_OVER, Cell, Waiting, leads, waiting
from queries.modelled import Modelled
from queries.service import attempts, service
from queries.threshold import threshold
from tests.engines import DuckDB, Engine
from tests.queries import handoff_oracle as oracle
from tests.queries import reference
from tests.queries.worlds import OTHERS, T0, World, invent

ACTIVITIES = pa.schema([("contact_id", pa.string()), ("kind", pa.string()), ("occurred_at", pa.timestamp("us"))])
CASES = Path(__file__).parents[3] / "shared/data/cases/cases.json"


@dataclass
class Company:
    """A random company, built, with what the reference says of it."""

    m: Modelled
    world: World
    derivation: Derivation
    told: dict[tuple[str, int], dict[str, Any]]
    activities: list[dict[str, Any]]

    def leads(self, scope: Scope) -> list[oracle.Lead]:
        found = oracle.leads(self.derivation, self.m.model, scope, self.told)
        for f in scope.filters:
            assert isinstance(f, Choice)
            found = [x for x in found if x.segments[f.segment] in f.values]
        return found

    def served(self, scope: Scope, business: Business | None) -> list[oracle.Lead]:
        found = self.leads(scope)
        return oracle.serve(found, self.derivation, self.world, self.m.model, scope, self.activities, business)


def opened(engine: Engine, name: str, seed: int, groups: int) -> Company:
    random = Random(seed)
    world, model = invent(random, groups), oracle.MODELS[name]
    world.rows.setdefault("contacts", [])
    activities = oracle.invent_activities(random, world)
    warehouse = engine.open()
    for table, rows in world.tables().items():
        engine.put(warehouse, table, rows)
    engine.put(warehouse, "activities", pa.Table.from_pylist(activities, ACTIVITIES))
    made = build(warehouse, model, OTHERS)
    derivation = reference.derived(world, model, made.loaded_at + timedelta(hours=24))
    describe = reference.describer(world, model)
    told = {(j.entity_id, j.journey): describe(j) for j in derivation.journeys}
    return Company(Modelled(warehouse, model, made), world, derivation, told, activities)


def some_scope(random: Random, company: Company) -> Scope:
    pick = random.choice
    plans = company.m.catalog.get("plan")
    return Scope(
        model=company.m.model.name,
        as_of=T0 + timedelta(days=pick([2, 4, 6, 30]), microseconds=pick([0, 0, -1, 1])),
        start=pick([None, date(2024, 1, 1), date(2024, 1, 2)]),
        end=pick([None, date(2024, 1, 4), date(2024, 1, 7)]),
        calendar=Calendar(pick(["UTC", "UTC", "America/New_York", "Asia/Tokyo"])),
        filters=(Choice("plan", tuple(random.sample(plans.values, 1))),) if plans and random.random() < 0.25 else (),
        by="plan" if plans and random.random() < 0.6 else None,
        grain=pick(["day", "week"]),
    )


def check_agreement(company: Company, scope: Scope) -> None:
    wanted, found = company.leads(scope), alignment(company.m, scope)
    deadline = oracle.MODELS[scope.model].handoff.decision_days is not None  # type: ignore[union-attr]

    def agreed(some: list[oracle.Lead]) -> Any:
        return of_outcomes(((x.outcome, 1) for x in some), deadline)

    assert found.whole == agreed(wanted)
    if scope.by:
        values = {x.segments["plan"] for x in wanted}
        assert found.segments == {v: agreed([x for x in wanted if x.segments["plan"] == v]) for v in values}
    rejected = Counter((x.by, x.reason) for x in wanted if x.outcome == "rejected")
    assert {(r.by, r.reason): r.share.numerator for r in found.reasons} == rejected
    days = Counter(scope.calendar.floor(scope.calendar.day(x.handed_at), scope.grain) for x in wanted)
    counts = Counter({p: a.delivered + a.bypass + a.returned for p, a in (found.trend or {}).items()})
    assert +counts == days
    for outcome in (*HANDED_OVER, "bypass", "returned"):
        listed = leads(company.m, scope, Cell((outcome,)))
        behind = [x for x in wanted if x.outcome == outcome]
        assert listed.total == len(behind)
        keys = {(r["entity_id"], r["journey"], r["handed_at"].replace(tzinfo=None)) for r in listed.table.to_pylist()}
        assert keys <= {(x.entity, x.journey, x.handed_at) for x in behind}
        assert len(keys) == min(len(behind), PAGE)
    scored = threshold(company.m, scope)
    if scored is not None:
        known = [x for x in wanted if x.score is not None and x.outcome != "returned"]
        for cut in scored.cuts:
            above = [x for x in known if x.score >= cut.score - 1e-9]  # type: ignore[operator]
            yes = [x for x in above if x.outcome in ("accepted", "bypass")]
            assert (cut.volume, cut.acceptance.numerator) == (len(above), len(yes))
            assert cut.coverage.denominator == sum(x.outcome in ("accepted", "bypass") for x in known)


def check_service(company: Company, scope: Scope, business: Business | None) -> None:
    wanted, found = company.served(scope, business), service(company.m, scope, business)
    assert {s: getattr(found.whole, s) for s in STATUSES} == {s: sum(x.status == s for x in wanted) for s in STATUSES}
    if scope.by:
        assert {r.value: r.responses.n for r in found.rows} == Counter(x.segments["plan"] for x in wanted)

    def hours(start: datetime, end: datetime | None) -> tuple[float, str]:
        over = scope.as_of if end is None else end
        spent = business.worked(start, over) if business else over - start
        return max(spent // timedelta(hours=1), 0) * 3_600.0, "open" if end is None else "touched"

    def table(rows: Any) -> Counter:
        return Counter({(seconds, how): n for seconds, how, n in rows})

    speed = Counter(hours(x.clock, x.touched) for x in wanted if (scope.as_of - x.clock).days < 14)  # type: ignore[operator, arg-type]
    if all((scope.as_of - x.clock).days < 14 for x in wanted):  # type: ignore[operator]
        summed: Counter = Counter()
        for seconds, how, n in found.speed.rows:
            summed[seconds, how] += n
        assert summed == speed
    human = Counter(hours(x.assigned, x.touched)[1] for x in wanted if x.assigned)
    assert (found.human_delay.events, found.human_delay.censored) == (human["touched"], human["open"])
    assert found.system_delay.events == sum(x.assigned is not None for x in wanted)
    for status in STATUSES:
        listed = waiting(company.m, scope, Waiting((status,)), business)
        behind = [x for x in wanted if x.status == status]
        assert listed.total == len(behind)
        clocks = [r["clock_at"].replace(tzinfo=None) for r in listed.table.to_pylist()]
        assert clocks == sorted(x.clock for x in behind)[:PAGE]  # type: ignore[type-var]
    tried = attempts(company.m, scope)
    due = [x for x in wanted if x.clock <= scope.as_of - timedelta(days=14)]  # type: ignore[operator]
    assert (tried.n, tried.younger) == (len(due), len(wanted) - len(due))
    assert {k: n for k, n in tried.leads if n} == Counter(min(x.attempts, 6) for x in due)


@pytest.mark.parametrize("name", oracle.MODELS)
def test_random_companies_equal_a_count_by_the_book(engine: Engine, name: str) -> None:
    company = opened(engine, name, seed=len(name), groups=25)
    random = Random(name)
    hours = Business(("monday", "tuesday", "thursday"), 8 * 60, 18 * 60, (date(2024, 1, 2),), "Europe/Berlin")
    for business in (None, hours) if engine.name == "duckdb" else (hours,):
        scope = some_scope(random, company)
        check_agreement(company, scope)
        check_service(company, scope, business)
    company.m.warehouse.close()


# --- a story ---------------------------------------------------------------------------------------------------------

MODEL = parse_model(
    {
        "name": "story",
        "label": "Story",
        "stages": [
            {"key": "lead", "label": "Lead", "kind": "progress"},
            {"key": "mql", "label": "MQL", "kind": "progress"},
            {"key": "sal", "label": "SAL", "kind": "progress"},
            {"key": "client", "label": "Client", "kind": "progress", "enters_on": ["orders.first"]},
            {"key": "fan", "label": "Fan", "kind": "progress", "enters_on": ["orders.repeat"], "requires": "client"},
            {"key": "lost", "label": "Lost", "kind": "exit"},
            {"key": "recycled", "label": "Recycled", "kind": "exit"},
        ],
        "handoff": {"from": "mql", "accepted": ["sal"], "rejected": ["lost", "recycled", "lead"], "decision_days": 14},
    },
    "story",
)
STORY: list[tuple[str, str, float, list[tuple[str, str]]]] = [
    # contact, source, score, entries as day of January 2026; the data ends on the 31st
    ("amy", "web", 80, [("lead", "02"), ("mql", "03"), ("sal", "05")]),
    ("ben", "web", 70, [("mql", "03"), ("sal", "17")]),  # on the deadline's own instant: in time
    ("cho", "web", 60, [("mql", "03"), ("client", "04")]),  # beyond the accepted stage is accepted, too
    ("dee", "fair", 90, [("mql", "04"), ("recycled", "06"), ("mql", "10"), ("recycled", "12")]),  # sent back twice
    ("eli", "fair", 40, [("lead", "02"), ("mql", "05"), ("lead", "07"), ("sal", "09")]),  # sent back, taken later
    ("fox", "fair", 30, [("mql", "06"), ("lost", "06")]),  # rejected at once
    ("gus", "fair", 50, [("mql", "02")]),  # never decided
    ("hal", "web", 55, [("mql", "02"), ("sal", "29")]),  # decided late
    ("ida", "fair", 20, [("mql", "25")]),  # not yet decided
    ("jon", "web", 95, [("lead", "02"), ("sal", "08"), ("mql", "09")]),  # a bypass, whatever comes after
    ("kim", "web", 85, [("mql", "05"), ("lost", "08"), ("sal", "20")]),  # returned without a new handoff
    ("lee", "web", 10, [("lead", "05"), ("lost", "06")]),  # never handed over; comes back to buy
]
SCOPE = Scope("story", datetime(2026, 1, 31), date(2026, 1, 1), date(2026, 2, 1), by="source", grain="week")


def day(text: str) -> datetime:
    return datetime(2026, 1, int(text), 12)


@pytest.fixture(scope="module")
def story(engine: Engine) -> Iterator[Modelled]:
    warehouse = engine.open()
    events = [
        {"contact_id": w, "stage": s, "entered_at": day(d), "lead_score": score, "reason": f"{s} of {w}"}
        for w, _, score, entries in STORY
        for s, d in entries
    ]
    kinds = {"contact_id": pa.string(), "stage": pa.string(), "entered_at": pa.timestamp("us")}
    shape = pa.schema(list((kinds | {"lead_score": pa.float64(), "reason": pa.string()}).items()))
    engine.put(warehouse, "stage_events", pa.Table.from_pylist(events, shape))
    contacts = {"contact_id": [w for w, *_ in STORY], "source": [s for _, s, *_ in STORY]}
    engine.put(warehouse, "contacts", pa.table(contacts | {"lead_score": pa.array([99.0, *[0.0] * 11])}))
    bought = {"order_id": ["o1", "o2"], "contact_id": ["lee", "lee"], "ordered_at": pa.array([day("20"), day("22")])}
    engine.put(warehouse, "orders", pa.table({**bought, "ordered_at": bought["ordered_at"].cast(pa.timestamp("us"))}))
    months = pa.array([date(2026, 1, 1)] * 3)
    targets = {"month": months, "metric": ["mqls_delivered", "mqls_accepted", "mqls_delivered"]}
    more = {"value": pa.array([20.0, 5.0, 8.0]), "source": pa.array([None, None, "fair"])}
    engine.put(warehouse, "targets", pa.table(targets | more))
    verdicts = pa.array([True, True, False, None]), pa.array([True, False, False, True])
    audits = {"contact_id": ["amy", "dee", "lee", "ida"], "marketing": verdicts[0], "sales": verdicts[1]}
    engine.put(warehouse, "audits", pa.table(audits))
    yield Modelled(warehouse, MODEL, build(warehouse, MODEL))
    warehouse.close()


def listed(m: Modelled, *outcomes: str, **more: Any) -> set[str]:
    return {r["entity_id"] for r in leads(m, SCOPE, Cell(outcomes, **more)).table.to_pylist()}


def test_every_lead_is_judged_once(story: Modelled) -> None:
    found = alignment(story, SCOPE)
    assert found.whole == Agreement(accepted=3, rejected=5, expired=2, pending=1, decided_late=1, bypass=1, returned=1)
    assert listed(story, "accepted") == {"amy", "ben", "cho"}
    assert listed(story, "rejected") == {"dee", "eli", "fox", "kim"}
    assert listed(story, "expired", *LATE) == {"gus", "hal"}
    assert (listed(story, "pending"), listed(story, "bypass")) == ({"ida"}, {"jon"})
    assert listed(story, "returned") == {"kim"}
    assert found.whole.acceptance == Rate(3, 8)
    assert found.whole.coverage == Rate(3, 4)
    assert found.whole.decided_of_due == Rate(8, 10)


def test_whoever_comes_back_by_a_purchase_bypassed_nobody(story: Modelled) -> None:
    assert "lee" not in listed(story, *HANDED_OVER, "bypass", "returned")


def test_a_return_to_a_lower_stage_keeps_its_own_reason(story: Modelled) -> None:
    found = {(r.by, r.reason): r.share.numerator for r in alignment(story, SCOPE).reasons}
    assert found[("lead", "lead of eli")] == 1
    assert found[("recycled", "recycled of dee")] == 2
    assert listed(story, "rejected", reasons=("lead of eli",)) == {"eli"}
    assert listed(story, "rejected", rejected_by="lost") == {"fox", "kim"}


def test_who_was_recycled_and_handed_over_again(story: Modelled) -> None:
    again = {a.by: (a.share.numerator, a.share.denominator) for a in alignment(story, SCOPE).again}
    assert again == {"recycled": (1, 2), "lost": (0, 2), "lead": (0, 1)}


def test_segments_and_weeks_sum_to_the_whole(story: Modelled) -> None:
    found = alignment(story, SCOPE)
    assert found.segments and found.trend
    assert set(found.segments) == {"web", "fair"}
    for parts in (found.segments.values(), found.trend.values()):
        for name in ("accepted", "rejected", "expired", "pending", "decided_late", "bypass", "returned"):
            assert sum(getattr(p, name) for p in parts) == getattr(found.whole, name)
    assert list(found.trend) == [date(2025, 12, 29), *(date(2026, 1, d) for d in (5, 12, 19, 26))]
    every = profile(story, replace(SCOPE, compare="previous"))
    assert {r.value: r.agreement for r in every.segments["source"]} == found.segments
    assert (every.whole, every.before) == (found.whole, Agreement())
    assert listed(story, "accepted", by="source", values=("web",)) == {"amy", "ben", "cho"}


def test_what_is_not_seen_yet_has_not_happened(story: Modelled) -> None:
    early = replace(SCOPE, as_of=datetime(2026, 1, 9))
    assert alignment(story, early).whole == Agreement(accepted=2, rejected=4, pending=3, bypass=1)


def test_the_score_is_that_of_the_handoff(story: Modelled) -> None:
    found = threshold(story, SCOPE)
    assert found is not None
    assert found.at(80).acceptance == Rate(2, 5)  # amy and the bypass jon; dee twice and kim
    assert found.at(80).coverage == Rate(2, 4)
    assert found.at(80).volume == 5
    assert found.judged(80) == TwoByTwo(both=2, rejected=3, bypass=2, neither=2)
    assert found.at(0).volume == 12


def test_an_audit_fills_the_fourth_cell(story: Modelled) -> None:
    found = audit(story, SCOPE)
    assert found is not None
    assert found.cells == TwoByTwo(both=1, rejected=1, bypass=0, neither=1)
    assert audit(story, replace(SCOPE, filters=(Choice("source", ("web",)),))) is None


def test_leads_to_discuss_are_ranked_and_reasoned(story: Modelled) -> None:
    rules = Rules(high_score=80)
    found = discussion(story, SCOPE, rules)
    assert found.topics == {"high_score": 3, "bypass": 1, "expired": 2, "others_accept": 0, "sent_back_twice": 1}
    assert [(x.entity_id, x.topics) for x in found.leads] == [
        ("dee", ("high_score", "sent_back_twice")),  # the second time
        ("jon", ("bypass",)),
        ("dee", ("high_score",)),
        ("kim", ("high_score",)),
        ("hal", ("expired",)),
        ("gus", ("expired",)),
    ]
    assert found.total == len(found.leads)
    for topic, n in found.topics.items():
        assert discussion(story, SCOPE, rules, topic).total == n == len(discussion(story, SCOPE, rules, topic).leads)


def test_a_month_is_held_to_its_promise(story: Modelled) -> None:
    (january,) = commitment(story, SCOPE).months
    assert (january.delivered, january.accepted, january.target, january.accepted_target) == (11, 3, 20, 5)
    assert january.attainment == 11 / 20
    assert january.projected == pytest.approx(11 / 30 * 31)
    part = replace(SCOPE, start=date(2026, 1, 10), end=date(2026, 1, 20))  # a promise is made for whole months
    assert commitment(story, part).months == (january,)
    fair = commitment(story, replace(SCOPE, filters=(Choice("source", ("fair",)),))).months[0]
    assert (fair.delivered, fair.target, fair.accepted_target) == (6, 8, None)
    web = commitment(story, replace(SCOPE, filters=(Choice("source", ("web",)),)))
    assert (web.months[0].target, web.source) == (None, None)


def test_an_empty_population_is_no_zero_percent(story: Modelled) -> None:
    nobody = replace(SCOPE, start=date(2020, 1, 1), end=date(2020, 2, 1))
    found = alignment(story, nobody)
    assert found.whole == Agreement()
    assert found.whole.acceptance.value is None
    assert found.whole.positive_agreement.value is None
    assert discussion(story, nobody, Rules(80)).total == 0
    assert leads(story, nobody, Cell(("accepted",))).total == 0


def test_a_model_without_a_handoff_names_those_with_one() -> None:
    company = DuckDB().open()
    DuckDB().put(
        company, "stage_events", pa.table({"contact_id": ["amy"], "stage": ["Lead"], "entered_at": [day("02")]})
    )
    model = load_model("customer_lifecycle")
    with pytest.raises(WarehouseError, match="no handoff") as problem:
        alignment(Modelled(company, model, build(company, model)), replace(SCOPE, model=model.name, by=None))
    assert "crm" in problem.value.hint
    company.close()


def test_others_accept_like_leads() -> None:
    """Eleven leads of one source and score: the others' rep accepts ten, this one rejects the eleventh."""
    company, who = DuckDB().open(), [f"c{i:02}" for i in range(11)]
    last = [*["SAL"] * 10, "Lost"]
    events = [(w, s, day(d)) for w, end in zip(who, last, strict=True) for s, d in (("MQL", "03"), (end, "05"))]
    names = ("contact_id", "stage", "entered_at")
    DuckDB().put(company, "stage_events", pa.table(dict(zip(names, map(list, zip(*events, strict=True)), strict=True))))
    owners = [*["Rep One"] * 10, "Rep Two"]
    DuckDB().put(company, "contacts", pa.table({"contact_id": who, "owner": owners, "source": ["web"] * 11}))
    m = Modelled(company, MODEL, build(company, MODEL))
    found = discussion(m, replace(SCOPE, by=None), Rules(alike=("source",)))
    assert [(x.entity_id, x.topics, x.others) for x in found.leads] == [("c10", ("others_accept",), (10, 10))]
    company.close()


@pytest.mark.skipif(not CASES.exists(), reason="the published cases are not beside this project")
def test_the_published_acceptance_case() -> None:
    (case,) = json.loads(CASES.read_text())["acceptance"]
    config, expected = case["config"], case["expected"]
    model = parse_model(
        {
            "name": "published",
            "label": "Published",
            "stages": [
                {"key": config["offered"], "label": "MQL", "kind": "progress"},
                {"key": config["accepted"], "label": "SAL", "kind": "progress"},
                {"key": config["rejected"], "label": "Rejected", "kind": "exit"},
            ],
            "handoff": {"from": config["offered"], "accepted": [config["accepted"]], "rejected": [config["rejected"]]},
        },
        "published",
    )
    company = DuckDB().open()
    rows = [
        {
            "contact_id": e["entity"],
            "stage": e["stage"],
            "entered_at": datetime.fromisoformat(e["at"]).replace(tzinfo=None),
        }
        for e in case["events"]
    ]
    DuckDB().put(company, "stage_events", pa.Table.from_pylist(rows))
    found = alignment(Modelled(company, model, build(company, model)), Scope("published", datetime(2024, 4, 1))).whole
    assert (found.delivered, found.accepted, found.rejected, found.pending) == tuple(
        expected[name] for name in ("offered", "accepted", "rejected", "pending")
    )
    assert found.acceptance.value == expected["rate_of_decided"]
    assert found.accepted / found.delivered == expected["rate_of_all"]
    company.close()
