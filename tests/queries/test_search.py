"""Finding one contact or account: by id, by what is personal where that is shown, through merges and accounts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lifecycle.scope import Scope
from lifecycle.stages import load_model, parse_model
from queries.build import build
from queries.members import members
from queries.modelled import Modelled
from queries.search import MOST, find, named
from tests.engines import Engine
from tests.queries.test_history import at, events, put

SCOPE = Scope("crm", at(30))
PEOPLE = [
    {"contact_id": "c10", "account_id": "acme", "name": "Ada Example", "email": "ada@corp.example", "owner": "Rep One"},
    {"contact_id": "c1", "account_id": "acme", "name": "Bo Sample", "email": "bo@corp.example", "owner": "Rep Two"},
    {"contact_id": "C100", "account_id": "zeta", "name": "Ådne 100% Test", "email": None, "owner": None},
    {"contact_id": "solo", "account_id": " ", "name": None, "email": "_@solo.example", "owner": None},
]
EVENTS = events(
    ("c1", "Lead", at(0), "rep"),
    ("c1", "Marketing qualified", at(3), "rep"),
    ("c10", "Lead", at(1), "rep"),
    ("gone", "Lead", at(1), "rep"),
    ("solo", "Lead", at(40), "rep"),  # after the cut-off
    ("ghost", "Lead", at(1), "rep"),  # in no list of contacts
)
DEALS = parse_model(
    {
        "name": "pipeline",
        "label": "Deals",
        "entity": "deal",
        "stages": [{"key": "open", "label": "Open", "kind": "progress"}],
    },
    "pipeline",
)


@pytest.fixture(scope="module")
def built(engine: Engine) -> Iterator[dict[str, Modelled]]:
    """Contacts, their accounts and their deals in one warehouse."""
    warehouse = engine.open()
    put(engine, warehouse, "stage_events", *EVENTS)
    put(engine, warehouse, "contacts", *PEOPLE)
    put(engine, warehouse, "contact_merges", {"merged_id": "gone", "surviving_id": "c1"})
    deal = {"deal_id": "d7", "contact_id": "c1", "account_id": "acme", "created_at": at(4)}
    put(engine, warehouse, "deals", deal)
    put(engine, warehouse, "deal_stage_events", {"deal_id": "d7", "stage": "Open", "entered_at": at(4)})
    models = (load_model("crm"), load_model("discovery"), DEALS)
    yield {model.entity: Modelled(warehouse, model, build(warehouse, model)) for model in models}
    warehouse.close()


@pytest.fixture(params=[True, False], ids=["shown", "masked"])
def searched(built: dict[str, Modelled], request: pytest.FixtureRequest) -> dict[str, Modelled]:
    """The same, with personal data shown or masked."""
    warehouse = built["contact"].warehouse
    warehouse.settings = warehouse.settings.model_copy(update={"personal_data": request.param})
    return built


def ids(m: Modelled, text: str) -> list[str]:
    found = find(m, SCOPE, text)
    assert found.total == len(found.found)
    return [match.entity_id for match in found.found]


def meant(m: Modelled, text: str) -> list[str]:
    return [match.entity_id for match in named(m, SCOPE, text).found]


def test_equal_ids_come_first_then_those_that_begin_so(searched: dict[str, Modelled]) -> None:
    m = searched["contact"]
    assert ids(m, " c1 ") == ["c1", "C100", "c10"]
    assert ids(m, "10") == ["C100", "c10"]
    assert ids(m, "ACME") == ["c1", "c10"]
    assert ids(m, "c") == []  # too short


def test_a_match_tells_where_it_is(searched: dict[str, Modelled]) -> None:
    (match,) = find(searched["contact"], SCOPE, "solo").found
    assert (match.stage, match.since, match.journey) == (None, None, None)
    first = find(searched["contact"], SCOPE, "c1").found[0]
    assert (first.stage, first.since, first.journey) == ("mql", at(3), 1)
    assert dict(first.about)["owner"] == "Rep Two"


def test_names_are_searched_where_they_are_shown(searched: dict[str, Modelled]) -> None:
    m = searched["contact"]
    is_shown = m.warehouse.settings.personal_data
    assert ids(m, "ada ex") == (["c10"] if is_shown else [])
    assert ids(m, "@CORP.example") == (["c1", "c10"] if is_shown else [])
    assert ids(m, "ådne") == (["C100"] if is_shown else [])
    assert ids(searched["account"], "bo sample") == (["acme"] if is_shown else [])
    assert dict(find(m, SCOPE, "c10").found[0].about)["name"] == ("Ada Example" if is_shown else "A*** E***")


def test_signs_of_patterns_mean_themselves(searched: dict[str, Modelled]) -> None:
    is_shown = searched["contact"].warehouse.settings.personal_data
    assert ids(searched["contact"], "0%") == (["C100"] if is_shown else [])
    assert ids(searched["contact"], "_@") == (["solo"] if is_shown else [])
    assert ids(searched["contact"], "%%") == []
    assert ids(searched["contact"], "c1' OR 1=1 --") == []


def test_contacts_stand_for_their_account_where_accounts_move(searched: dict[str, Modelled]) -> None:
    m = searched["account"]
    assert ids(m, "c1") == ["acme", "zeta"]
    assert [(x.entity_id, x.n_people) for x in named(m, SCOPE, "acme").found] == [("acme", 2)]
    assert (meant(m, "c10"), meant(m, "solo"), meant(m, "gone")) == (["acme"], ["solo"], ["acme"])


def test_an_id_stands_for_itself_for_who_it_was_merged_into_or_for_those_of_its_account(
    searched: dict[str, Modelled],
) -> None:
    m = searched["contact"]
    assert (meant(m, "c1"), meant(m, "gone"), meant(m, "acme")) == (["c1"], ["c1"], ["c1", "c10"])
    (old,) = find(m, SCOPE, "gone").found
    assert old.merged_into == "c1"


def test_ids_that_are_only_set_aside_are_found_all_the_same(searched: dict[str, Modelled]) -> None:
    assert (ids(searched["contact"], "ghos"), meant(searched["contact"], "ghost")) == (["ghost"], ["ghost"])
    assert (meant(searched["contact"], "nobody"), meant(searched["contact"], "C1")) == ([], [])


def test_deals_are_found_by_their_own_and_their_contact_s_id(searched: dict[str, Modelled]) -> None:
    m = searched["deal"]
    assert (ids(m, "d7"), ids(m, "c1"), meant(m, "d7"), meant(m, "acme")) == (["d7"],) * 4


def test_many_matches_are_counted_and_the_best_listed(engine: Engine) -> None:
    warehouse, model = engine.open(), load_model("crm")
    who = [f"x{i:03}" for i in range(MOST + 10)]
    put(engine, warehouse, "stage_events", *events(*((w, "Lead", at(0), "rep") for w in who)))
    found = find(Modelled(warehouse, model, build(warehouse, model)), SCOPE, "x0")
    assert (found.total, [x.entity_id for x in found.found]) == (MOST + 10, who[:MOST])
    assert isinstance(found.statements[0].text, str)
    warehouse.close()


def test_as_many_people_are_told_beside_an_account_as_on_its_own_page(engine: Engine) -> None:
    warehouse, model = engine.open(), load_model("discovery")
    homes = {"a1": "acme", "a2": "acme", "a3": "acme", "z1": "zeta", "r1": "ring", "r2": "ring"}
    put(engine, warehouse, "stage_events", *events(*((who, "Lead", at(0), "rep") for who in homes)))
    put(engine, warehouse, "contacts", *({"contact_id": c, "account_id": a} for c, a in homes.items()))
    merges = {"a1": "a2", "z1": "a3", "r1": "r2", "r2": "r1"}  # acme keeps two, zeta none; a circle merges nobody
    put(engine, warehouse, "contact_merges", *({"merged_id": m, "surviving_id": s} for m, s in merges.items()))
    m = Modelled(warehouse, model, build(warehouse, model))
    beside = {name: named(m, SCOPE, name).found[0].n_people for name in ("acme", "zeta", "ring")}
    assert beside == {"acme": 2, "zeta": 1, "ring": 2}
    assert beside == {name: members(m, name).n_people for name in beside}
    warehouse.close()
