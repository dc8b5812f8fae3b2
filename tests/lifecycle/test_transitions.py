"""Stays and journeys: stories named for what they show, and what must hold for every history."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.stages import load_model, parse_model, raw_values, shipped_models
from lifecycle.transitions import Derivation, Event, derive

START = datetime(2024, 1, 1)
BOUND = START + timedelta(days=365)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def saw(raw: str | None, on: float | None, who: str | None = "ada", **more) -> Event:
    return Event(contact_id=who, raw=raw, at=None if on is None else day(on), **more)


def fact(name: str, on: float, who: str = "ada") -> Event:
    return Event(contact_id=who, raw=None, at=day(on), fact=name)


def told(model: str, *events: Event, **settings) -> Derivation:
    return derive(load_model(model), events, bound=BOUND, **settings)


def path(derivation: Derivation) -> list[str]:
    return [f"{e.move} {e.stage}" for e in derivation.entries]


def numbers(derivation: Derivation) -> dict[str, int]:
    return {name: n for name, n in derivation.counts.items() if n and name != "in"}


# ── moves and stays ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_lead_that_climbs_every_step_advances_and_stays_in_each_until_the_next():
    d = told("inbound", saw("Lead", 0), saw("Marketing qualified", 5), saw("Sales qualified", 8))
    assert path(d) == ["advance lead", "advance mql", "advance sql"]
    assert [(e.entered_at, e.exited_at, e.next_stage) for e in d.entries] == [
        (day(0), day(5), "mql"),
        (day(5), day(8), "sql"),
        (day(8), None, None),
    ]
    (journey,) = d.journeys
    assert (journey.started_at, journey.started_by) == (day(0), "event")
    assert (journey.current_stage, journey.furthest, journey.in_order) == ("sql", "sql", True)


def test_the_bypass_skips_mql_and_implies_it_without_an_entry_of_its_own():
    d = told("inbound", saw("Lead", 0), saw("Sales accepted", 3))
    assert path(d) == ["advance lead", "skip sql"]
    (journey,) = d.journeys
    assert journey.own == {"lead": day(0), "sql": day(3)}
    assert journey.passed == {"lead": day(0), "mql": day(3), "sql": day(3)}
    assert journey.in_order


def test_a_first_entry_comes_from_before_the_first_stage():
    assert path(told("inbound", saw("Opportunity", 0))) == ["skip opportunity"]


def test_no_trial_is_no_skip_and_a_trial_is_never_implied():
    without = told("sal_pql", saw("Opportunity", 0), saw("Closed won", 9))
    assert path(without)[1] == "advance customer"
    assert "pql" not in without.journeys[0].passed
    trial = told("sal_pql", saw("Opportunity", 0), saw("Trial started", 4), saw("Closed won", 9))
    assert path(trial)[1:] == ["advance pql", "advance customer"]
    assert trial.journeys[0].passed["pql"] == day(4)


def test_a_trial_before_its_turn_implies_the_required_stages_before_it():
    (journey,) = told("sal_pql", saw("Lead", 0), saw("Trial started", 4)).journeys
    assert journey.passed == {"lead": day(0), **dict.fromkeys(("mql", "sal", "sql", "opportunity", "pql"), day(4))}


def test_a_step_back_regresses_within_the_same_journey():
    d = told("inbound", saw("Lead", 0), saw("MQL", 2), saw("Lead", 4), saw("MQL", 7))
    assert path(d) == ["advance lead", "advance mql", "regress lead", "advance mql"]
    (journey,) = d.journeys
    assert (journey.own["mql"], journey.furthest, journey.current_stage) == (day(2), "mql", "mql")
    assert not journey.in_order


def test_a_repeat_has_no_duration_and_does_not_end_the_stay():
    d = told("inbound", saw("Lead", 0), saw("Subscriber", 2), saw("MQL", 6))
    assert path(d) == ["advance lead", "repeat lead", "advance mql"]
    assert [e.exited_at for e in d.entries] == [day(6), None, None]
    assert numbers(d) == {"used": 2, "repeats": 1}
    assert not d.journeys[0].in_order


def test_a_lost_lead_that_comes_back_starts_a_second_journey():
    d = told(
        "crm",
        saw("Lead", 0),
        saw("Closed lost", 3, reason="price", competitor="Rival Ltd"),
        saw("Opportunity", 50),
    )
    assert path(d) == ["skip lead", "exit lost", "reopen opportunity"]
    assert [e.journey for e in d.entries] == [1, 1, 2]
    assert (d.entries[1].exited_at, d.entries[1].next_stage) == (day(50), "opportunity")
    first, second = d.journeys
    assert (first.exit_stage, first.exited_at, first.exit_reason) == ("lost", day(3), "price")
    assert (first.current_stage, first.furthest) == ("lost", "lead")
    assert (second.exit_stage, second.current_stage, second.started_at) == (None, "opportunity", day(50))


def test_the_first_exit_counts_and_a_later_one_moves_on_in_the_same_journey():
    d = told("inbound", saw("Lead", 0), saw("Recycled", 2), saw("Recycled", 3), saw("Disqualified", 4, reason="fraud"))
    assert path(d) == ["advance lead", "exit recycled", "repeat recycled", "exit disqualified"]
    assert {e.journey for e in d.entries} == {1}
    (journey,) = d.journeys
    assert (journey.exit_stage, journey.exited_at, journey.exit_reason) == ("recycled", day(2), None)
    assert journey.current_stage == "disqualified"


def test_an_exit_before_any_progress_is_journey_zero_and_in_no_funnel():
    d = told("inbound", saw("Disqualified", 0), saw("Lead", 4))
    assert [(e.journey, e.move) for e in d.entries] == [(0, "exit"), (1, "reopen")]
    assert [j.journey for j in d.journeys] == [1]


# ── facts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_recommendation_makes_a_promoter_of_a_client_alone():
    d = told("inbound", saw("Lead", 0), fact("referrals.made", 1), saw("Closed won", 5), fact("surveys.promoter", 9))
    assert path(d) == ["advance lead", "skip client", "advance promoter"]
    assert numbers(d) == {"used": 3, "ignored": 1}
    assert d.journeys[0].in_order, "a fact that came too early touches nothing"


def test_a_fact_never_regresses():
    d = told(
        "customer_lifecycle",
        saw("Lead", 0),
        fact("orders.first", 2),
        fact("orders.repeat", 5),
        fact("subscriptions.start", 8),
    )
    assert path(d) == ["advance acquisition", "advance conversion", "advance retention", "repeat conversion"]
    assert d.entries[2].exited_at is None
    assert d.journeys[0].own["conversion"] == day(2)


def test_a_fact_stays_silent_even_after_a_step_back_below_it():
    d = told("customer_lifecycle", saw("Closed won", 0), saw("Lead", 3), fact("orders.first", 5))
    assert path(d) == ["skip conversion", "regress acquisition", "repeat conversion"]
    assert d.journeys[0].current_stage == "acquisition"


def test_a_fact_without_requirement_implies_nothing_earlier_and_one_with_it_does():
    (bought,) = told("customer_lifecycle", fact("orders.first", 2)).journeys
    assert bought.passed == {"conversion": day(2)}
    (loyal,) = told("customer_lifecycle", fact("orders.first", 2), fact("surveys.promoter", 4)).journeys
    assert loyal.passed == {"acquisition": day(4), "conversion": day(2), "retention": day(4), "loyalty": day(4)}


def test_a_fact_after_an_exit_reopens_and_the_journey_says_so():
    d = told("inbound", saw("Lead", 0), saw("Closed won", 1), saw("Closed lost", 20), fact("referrals.made", 30))
    assert path(d)[-1] == "reopen promoter"
    assert [j.started_by for j in d.journeys] == ["event", "fact"]
    assert d.journeys[1].passed["lead"] == day(30), "the requirement was met in an earlier journey"


def test_a_new_journey_forgets_how_far_the_old_one_got():
    d = told(
        "inbound",
        saw("Closed won", 0),
        fact("referrals.made", 1),
        saw("Closed lost", 2),
        saw("Lead", 3),
        fact("referrals.made", 4),
    )
    assert path(d)[2:] == ["exit lost", "reopen lead", "skip promoter"]


def test_a_fact_that_the_model_does_not_read_is_ignored_and_breaks_nothing():
    d = told("inbound", saw("Lead", 0), fact("orders.first", 1), saw("MQL", 2))
    assert numbers(d) == {"used": 2, "ignored": 1}
    assert d.journeys[0].in_order


# ── values that are no stage ─────────────────────────────────────────────────────────────────────────────────────────


def test_an_ignored_value_enters_nothing_but_stands_between():
    d = told("inbound", saw("Do not contact", 0), saw("Lead", 1), saw("Trial offered", 2), saw("MQL", 3))
    assert [e.after_other for e in d.entries] == [True, True]
    assert not d.journeys[0].in_order
    assert numbers(d) == {"used": 2, "ignored": 2}


def test_an_ignored_value_before_a_journey_leaves_it_in_order():
    d = told("inbound", saw("Do not contact", 0), saw("Lead", 1), saw("MQL", 3))
    assert d.journeys[0].in_order


def test_what_only_other_models_know_is_ignored_and_what_nobody_knows_is_quarantined():
    own = parse_model(
        {"name": "own", "label": "Own", "stages": [{"key": "lead", "label": "L", "kind": "progress"}]}, "own"
    )
    events = [saw("Lead", 0), saw("Opportunity", 1), saw("Oportunity", 2)]
    d = derive(own, events, bound=BOUND, others=raw_values(shipped_models().values()))
    assert numbers(d) == {"used": 1, "ignored": 1, "quarantined": 1}
    assert d.quarantined == [(events[2], "unknown_stage")]


# ── order ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_at_one_instant_progress_goes_by_rank_then_exits_then_the_rest():
    d = told("inbound", saw("Closed lost", 1), saw("Do not contact", 1), saw("MQL", 1), saw("Lead", 1), saw("Lead", 2))
    assert path(d) == ["advance lead", "advance mql", "exit lost", "reopen lead"]
    assert [e.after_other for e in d.entries] == [False, False, False, True]


def test_two_exits_at_one_instant_go_by_event_id_bytewise():
    d = told("inbound", saw("Disqualified", 1, event_id="a"), saw("Recycled", 1, event_id="B"), saw("Lead", 0))
    assert [e.stage for e in d.entries] == ["lead", "recycled", "disqualified"]


# ── intake ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_row_twice_counts_once():
    d = told("inbound", saw("Lead", 0), saw("Lead", 0), saw("Lead", 0, reason="import"))
    assert numbers(d) == {"used": 1, "repeats": 1, "duplicates": 1}


def test_of_one_event_id_the_newest_record_wins_and_then_the_first_content():
    corrected = told(
        "inbound",
        saw("MQL", 3, event_id="e1", recorded_at=day(9)),
        saw("Lead", 3, event_id="e1", recorded_at=day(4)),
        saw("Opportunity", 3, event_id="e1"),
    )
    assert path(corrected) == ["skip mql"]
    assert numbers(corrected) == {"used": 1, "duplicates": 2}
    tied = told("inbound", saw("MQL", 3, event_id="e1"), saw("Lead", 3, event_id="e1", actor="bob"))
    assert path(tied) == ["advance lead"]


def test_an_empty_event_id_is_none():
    assert path(told("inbound", saw("Lead", 0, event_id=""), saw("MQL", 1, event_id=""))) == [
        "advance lead",
        "advance mql",
    ]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (saw("Lead", 0, who=None), "no_entity"),
        (saw("Lead", 0, who=" \t"), "no_entity"),
        (saw(None, 0), "no_stage"),
        (saw(" ", None), "no_stage"),
        (saw("Lead", None), "no_instant"),
        (replace(saw("Lead", 0), at=datetime(1970, 1, 1)), "implausible_instant"),
        (replace(saw("Lead", 0), at=datetime(2200, 1, 1)), "implausible_instant"),
        (saw("Nonsense", 365.001), "future"),
        (saw("Nonsense", 0, who="ring1"), "merge_cycle"),
        (saw("Lead", 0, who="into the ring"), "merge_cycle"),
        (saw("Nonsense", 0, who="stranger"), "unknown_stage"),
        (saw("Lead", 0, who="stranger"), "orphan"),
        (saw("Do not contact", 0, who="stranger"), "orphan"),
        (fact("referrals.made", 0, who="stranger"), "orphan"),
        (fact("referrals.made", 366), "future"),
    ],
)
def test_what_cannot_be_used_is_set_aside_with_its_first_reason(event, reason):
    merges = {"ring1": "ring2", "ring2": "ring1", "into the ring": "ring1"}
    d = told("inbound", saw("Lead", 0), event, merges=merges, contacts=frozenset({"ada"}))
    assert d.quarantined == [(event, reason)]
    assert numbers(d) == {"used": 1, "quarantined": 1}


def test_an_event_at_the_bound_is_in_time():
    assert numbers(derive(load_model("inbound"), [saw("Lead", 0)], bound=day(0))) == {"used": 1}


def test_merged_contacts_are_one_along_the_whole_chain():
    d = told(
        "inbound",
        saw("Lead", 0, who="old"),
        saw("MQL", 1, who="older"),
        saw("Lead", 2, who="new"),
        merges={"older": "old", "old": "new"},
        contacts=frozenset({"new"}),
    )
    assert path(d) == ["advance lead", "advance mql", "regress lead"]
    assert {e.entity_id for e in d.entries} == {"new"}


# ── accounts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_worked_discovery_journey():
    """One company, several people: white paper to signature, as the description of the model tells it."""
    company = dict.fromkeys(("ops", "finance", "sales ops"), "Example Pumps")
    d = told(
        "discovery",
        saw("Subscriber", 0, who="ops", reason="white paper"),
        saw("Marketing qualified", 6, who="ops", reason="webinar registration"),
        saw("Sales accepted", 13, who="ops", actor="sdr", reason="call booked after the recording"),
        saw("Sales qualified", 14, who="ops", actor="ae", reason="diagnosis"),
        saw("Opportunity", 15, who="ops", reason="proposal"),
        saw("Lead", 18, who="finance", reason="joins the review"),
        saw("Closed won", 19, who="ops", reason="agreement signed"),
        saw("Lead", 20, who="sales ops", reason="added to the account"),
        accounts=company,
    )
    assert path(d) == [
        *("advance lead", "advance mql", "advance sql", "advance sal"),
        *("repeat lead", "advance customer", "repeat lead"),
    ]
    (journey,) = d.journeys
    assert journey.entity_id == "Example Pumps"
    assert journey.own == {"lead": day(0), "mql": day(6), "sql": day(13), "sal": day(14), "customer": day(19)}
    assert (journey.current_stage, journey.exit_stage) == ("customer", None)
    assert numbers(d) == {"used": 5, "repeats": 2, "ignored": 1}


def test_an_account_exits_only_with_its_last_open_contact_and_reopens_with_the_next():
    d = told(
        "discovery",
        saw("Lead", 0, who="ada"),
        saw("Marketing qualified", 1, who="ben"),
        saw("Disqualified", 2, who="ben", reason="no budget"),
        saw("Recycled", 3, who="ben"),
        saw("Closed lost", 5, who="ada", reason="rival won"),
        saw("Closed lost", 6, who="ben"),
        saw("Lead", 9, who="ben"),
        accounts={"ada": "Acme Example", "ben": "Acme Example"},
    )
    assert path(d) == ["advance lead", "advance mql", "exit lost", "reopen lead"]
    assert [(j.journey, j.exit_stage, j.exit_reason) for j in d.journeys] == [(1, "lost", "rival won"), (2, None, None)]
    assert numbers(d) == {"used": 4, "repeats": 3}


def test_an_account_does_not_regress_with_one_of_its_contacts():
    d = told(
        "discovery",
        saw("Sales accepted", 0, who="ada"),
        saw("Lead", 4, who="ada"),
        saw("Marketing qualified", 5, who="ben"),
        accounts={"ada": "Acme Example", "ben": "Acme Example"},
    )
    assert path(d) == ["skip sql", "repeat lead", "repeat mql"]
    assert d.journeys[0].current_stage == "sql"


def test_an_exit_and_a_newcomer_at_one_instant_keep_the_account_open():
    d = told(
        "discovery",
        saw("Lead", 0, who="ada"),
        saw("Closed lost", 2, who="ada"),
        saw("Lead", 2, who="ben"),
        accounts={"ada": "Acme Example", "ben": "Acme Example"},
    )
    assert path(d) == ["advance lead", "repeat lead"]
    assert d.journeys[0].exit_stage is None


def test_contacts_without_an_account_stand_alone():
    d = told("discovery", saw("Lead", 0, who="ada"), saw("Lead", 1, who="ben"), accounts={"ada": None})
    assert [j.entity_id for j in d.journeys] == ["ada", "ben"]


# ── what holds for every history ─────────────────────────────────────────────────────────────────────────────────────

RAW = [
    *("Lead", " lead", "Subscriber", "MQL", "Sales accepted", "Sales qualified", "Opportunity", "Trial started"),
    *("Closed won", "Closed lost", "Recycled", "Evangelist", "Do not contact", "nonsense", "", None),
]
FACTS = ["orders.first", "orders.repeat", "subscriptions.renewal", "surveys.promoter", "referrals.made"]
WHO = ["a", "b", "c", "d", "loop", None]
WHEN = st.one_of(st.integers(0, 6).map(day), st.sampled_from([None, datetime(1980, 1, 1), BOUND + timedelta(days=1)]))

rows = st.builds(
    Event,
    contact_id=st.sampled_from(WHO),
    raw=st.sampled_from(RAW),
    at=WHEN,
    event_id=st.sampled_from([None, None, "", "e1", "e2", "E3"]),
    recorded_at=st.sampled_from([None, day(1), day(2)]),
    reason=st.sampled_from([None, "r", "s"]),
)
facts = st.builds(
    Event, contact_id=st.sampled_from(WHO), raw=st.none(), at=WHEN, fact=st.sampled_from(FACTS), actor=st.none()
)
histories = st.lists(st.one_of(rows, rows, facts), max_size=25)
names = st.sampled_from(["inbound", "sal_pql", "discovery", "customer_lifecycle"])
CONTEXT = {
    "merges": {"d": "c", "loop": "loop"},
    "accounts": {"a": "acme", "b": "acme"},
    "contacts": frozenset({"a", "b", "c"}),
}


@settings(max_examples=150, deadline=None)
@given(names, histories)
def test_every_event_is_accounted_for(name, events):
    d = told(name, *events, **CONTEXT)
    counts = d.counts
    assert counts["in"] == len(events)
    assert counts["in"] == sum(counts[k] for k in ("used", "repeats", "ignored", "duplicates", "quarantined"))
    assert min(counts.values()) >= 0
    moves = Counter(e.move == "repeat" for e in d.entries)
    assert moves[False] == counts["used"]
    if load_model(name).entity == "contact":
        assert moves[True] == counts["repeats"]


@settings(max_examples=150, deadline=None)
@given(names, histories, st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(name, events, random):
    shuffled = random.sample(events, len(events))
    one, other = told(name, *events, **CONTEXT), told(name, *shuffled, **CONTEXT)
    assert (one.entries, one.journeys, one.counts) == (other.entries, other.journeys, other.counts)
    assert Counter(one.quarantined) == Counter(other.quarantined)


@settings(max_examples=100, deadline=None)
@given(names, histories)
def test_a_shift_in_time_shifts_the_answer(name, events):
    span = timedelta(days=100, microseconds=1)
    events = [e for e in events if e.at is None or e.at.year > 1990]
    later = [replace(e, at=e.at and e.at + span, recorded_at=e.recorded_at and e.recorded_at + span) for e in events]
    one = told(name, *events, **CONTEXT)
    other = derive(load_model(name), later, bound=BOUND + span, **CONTEXT)
    assert [
        replace(e, entered_at=e.entered_at + span, exited_at=e.exited_at and e.exited_at + span) for e in one.entries
    ] == (other.entries)
    assert one.counts == other.counts


@settings(max_examples=150, deadline=None)
@given(names, histories)
def test_stays_tile_the_history_of_each_entity(name, events):
    d = told(name, *events, **CONTEXT)
    for entity in {e.entity_id for e in d.entries}:
        entries = [e for e in d.entries if e.entity_id == entity]
        assert [e.seq for e in entries] == list(range(1, len(entries) + 1))
        stays = [e for e in entries if e.move != "repeat"]
        for stay, following in zip(stays, [*stays[1:], None], strict=True):
            assert stay.exited_at == (following and following.entered_at)
            assert stay.next_stage == (following and following.stage)
            assert following is None or following.stage != stay.stage


@settings(max_examples=150, deadline=None)
@given(names, histories)
def test_journeys_agree_with_their_entries(name, events):
    model = load_model(name)
    d = told(name, *events, **CONTEXT)
    assert {(j.entity_id, j.journey) for j in d.journeys} == {(e.entity_id, e.journey) for e in d.entries if e.journey}
    ranks = {s.key: rank for rank, s in enumerate(model.progress, start=1)}
    for j in d.journeys:
        entries = [e for e in d.entries if (e.entity_id, e.journey) == (j.entity_id, j.journey)]
        assert j.own == {s: min(e.entered_at for e in entries if e.stage == s) for s in ranks if s in j.own}
        assert set(j.own) == {e.stage for e in entries} & ranks.keys()
        assert j.furthest == max(j.own, key=ranks.__getitem__)
        assert all(j.passed[s] <= at for s, at in j.own.items())
        assert (j.exit_stage is None) == (ranks.get(j.current_stage) is not None)
        exits = [e.entered_at for e in entries if e.stage not in ranks]
        assert j.exited_at == min(exits, default=None)
        assert j.exited_at is None or max(e.entered_at for e in entries if e.stage in ranks) <= j.exited_at


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["inbound", "sal_pql", "discovery"]), histories)
def test_without_facts_passing_is_monotone(name, events):
    """Every required stage up to the furthest is passed, each no later than the next."""
    model = load_model(name)
    for j in told(name, *(e for e in events if e.fact is None), **CONTEXT).journeys:
        upto = [s.key for s in model.required if model.rank(s.key) <= model.rank(j.furthest)]
        assert [s.key for s in model.required if s.key in j.passed] == upto
        times = [j.passed[key] for key in upto]
        assert times == sorted(times)
