"""The ready mappings: what they make of hand-written exports, of real ones, and of those that lack things."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import pytest

from lifecycle.scope import Scope
from lifecycle.stages import load_model, normalise, raw_values, shipped_models
from queries.batches import LoadError
from queries.configfile import ConfigError
from queries.contract import CONTRACT, is_personal
from queries.exports import mapping_file, shipped
from queries.funnel import funnel
from queries.load import load
from queries.mapping import chosen, from_file
from queries.ready import ready
from queries.settings import Settings
from queries.staging import Report
from tests.queries.crm_exports import EXPORTS, copy
from tests.queries.loading import rows

REAL = Path(__file__).parents[3] / "shared" / "data" / "crm"
real_data = pytest.mark.skipif(not REAL.is_dir(), reason="the real data sets of ../shared/data are not there")
DEALS = Path(__file__).parents[1] / "data" / "hashed_deals.toml"
Counts = dict[str, tuple[int, int, int, int, int]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(warehouse=str(tmp_path / "warehouse"))  # type: ignore[arg-type]


def loaded(settings: Settings, system: str, folder: Path, *maps: str) -> dict[str, Report]:
    return {r.table: r for r in load(settings, chosen({}, maps, system, folder))}


def counts(reports: dict[str, Report]) -> Counts:
    """Per table: read = loaded + duplicates + quarantined + left out."""
    return {t: (r.read, r.loaded, r.duplicates, r.quarantined, r.left_out) for t, r in reports.items() if r.files}


def day(of: datetime | None) -> str | None:
    return of and f"{of:%m-%d %H:%M}"


SEGMENTS = ("account_id", "owner", "lead_score", "source", "country", "industry", "lead_status", "company")


def entered(settings: Settings, model: str) -> list[int]:
    """How many reached each stage of a shipped model; nothing may be in quarantine, no name a segment."""
    with ready(settings, shipped_models()[model], shipped_models()) as modelled:
        assert modelled.build.counts["quarantined"] == 0
        assert {segment.name for segment in modelled.catalog.segments} <= {*SEGMENTS}
        answer = funnel(modelled, Scope(model=model, as_of=modelled.build.as_of))
        return [row.entered for row in answer.whole]


# --- by hand --------------------------------------------------------------------------------------------------------


COUNTS: dict[str, Counts] = {
    "hubspot": {
        "stage_events": (15, 8, 0, 0, 7),  # left out: 5 of other properties, a cleared stage, an unchanged one
        "contacts": (3, 2, 0, 0, 1),  # left out: deleted
        "contact_history": (15, 3, 0, 0, 12),  # left out: 11 of other properties, an unchanged source
        "contact_merges": (5, 3, 0, 0, 2),  # a list of two and a row; two contacts have no list
        "activities": (9, 7, 0, 1, 1),  # quarantined: a fax of which no file tells when; left out: a deleted call
        "deals": (5, 3, 0, 0, 2),  # left out: deleted, merged
        "deal_stage_events": (8, 5, 0, 0, 3),  # left out: of these two, and a row in which only the end changed
    },
    "salesforce": {
        # left out: 2 deleted leads; an owner's change and a cleared status; of the opportunities 1 deleted, 1 of
        # nobody's and 2 in which the stage did not change
        "stage_events": (17, 9, 0, 0, 8),
        "contacts": (7, 3, 0, 0, 4),  # left out: a deleted contact, 2 deleted leads, a converted one
        "contact_history": (4, 3, 0, 0, 1),  # left out: an unchanged country
        "contact_merges": (11, 3, 0, 0, 8),
        "activities": (9, 5, 0, 0, 4),  # left out: not done, of nobody, deleted, an event's copy
        "deals": (4, 3, 0, 0, 1),  # left out: deleted
        "deal_stage_events": (7, 5, 0, 0, 2),  # left out: deleted, and an amount's change
        "orders": (2, 1, 0, 0, 1),  # left out: a draft
    },
    "marketo": {
        "stage_events": (8, 4, 0, 0, 4),  # left out: 2 of other fields, one unchanged, one of a deleted lead
        "contacts": (3, 2, 0, 0, 1),  # left out: deleted
        "contact_history": (8, 1, 0, 0, 7),
        "contact_merges": (2, 2, 0, 0, 0),
        "activities": (6, 4, 1, 0, 1),  # left out: a mailing that was skipped
    },
}


def test_hubspot(settings: Settings, tmp_path: Path) -> None:
    """Contacts 7 and 8 were merged into 1, 9 into 2; 3 is deleted. The stage of 2 was cleared in between.

    Deal 102 is deleted, 103 was merged into 100; 101 is open, whatever its close date says.
    """
    reports = loaded(settings, "hubspot", copy("hubspot", tmp_path / "export"))
    assert counts(reports) == COUNTS["hubspot"]
    assert rows(settings, "contacts", "contact_id", "account_id", "owner", "source", "country", "industry") == [
        ("1", "10", "Rita Rep", "PAID_SEARCH", "Spain", "TOYS"),  # the country and industry of the company
        ("2", None, "sam@example.com", "ORGANIC", "France", None),
    ]
    assert [(who, day(at)) for who, at in rows(settings, "contacts", "contact_id", "created_at")] == [
        ("1", "01-01 09:00"),
        ("2", "01-03 10:00"),
    ]
    stages = rows(settings, "stage_events", "contact_id", "entered_at", "stage")
    assert [(who, day(at), stage) for who, at, stage in stages] == [
        ("1", "01-01 09:00", "lead"),
        ("1", "01-05 08:00", "marketingqualifiedlead"),
        ("1", "01-09 08:00", "salesqualifiedlead"),
        ("1", "01-10 08:00", "opportunity"),
        ("1", "01-20 08:00", "customer"),
        ("2", "01-03 10:00", "lead"),
        ("2", "01-06 10:00", "marketingqualifiedlead"),
        ("7", "12-30 10:00", "subscriber"),
    ]
    assert rows(settings, "contact_merges", "merged_id", "surviving_id") == [("7", "1"), ("8", "1"), ("9", "2")]
    assert rows(settings, "activities", "contact_id", "kind", "actor") == [
        ("1", "call", "Rita Rep"),
        ("1", "e-mail", "sam@example.com"),
        ("1", "incoming e-mail", None),
        ("2", "call", "Rita Rep"),
        ("2", "meeting", None),
        ("2", "note", None),
        ("2", "task", None),
    ]
    deals = rows(settings, "deals", "deal_id", "contact_id", "account_id", "closed_at", "is_won", "stage", "amount")
    assert [(*d[:3], day(d[3]), *d[4:]) for d in deals] == [
        ("100", "1", "10", "01-20 08:00", True, "Closed won", 1200.5),
        ("101", "2", None, None, None, "Qualified", 300.0),
        ("104", None, "10", "01-25 08:00", False, "Closed lost", 70.0),
    ]
    assert rows(settings, "deal_stage_events", "deal_id", "stage") == [
        ("100", "Closed won"),
        ("100", "Qualified"),
        ("101", "Qualified"),
        ("104", "Qualified"),
        ("104", "archived"),
    ]
    assert entered(settings, "crm") == [2, 2, 2, 1, 1, 1, 0]


def test_salesforce(settings: Settings, tmp_path: Path) -> None:
    """Lead L1 became contact C1, L2 was merged into L3, C3 into C2; L4 is deleted.

    Opportunity O1 is the one of lead L1, O2's contact is known by its role, O3 is deleted, O4 has no contact.
    """
    reports = loaded(settings, "salesforce", copy("salesforce", tmp_path / "export"))
    assert counts(reports) == COUNTS["salesforce"]
    assert not any(r.notes for r in reports.values())
    assert rows(settings, "contacts", "contact_id", "owner", "source", "country", "company") == [
        ("C1", "Rita Rep", "Web", "Portugal", "Example Toys"),
        ("C2", "Rita Rep", "Fair", "Italy", "Example Toys"),
        ("L3", "U9", "Fair", "France", "Example Food"),
    ]
    assert rows(settings, "contact_merges", "merged_id", "surviving_id") == [("C3", "C2"), ("L1", "C1"), ("L2", "L3")]
    stages = rows(settings, "stage_events", "contact_id", "entered_at", "stage", "actor")
    assert [(who, day(at), *said) for who, at, *said in stages] == [
        ("C1", "01-08 09:00", "Opportunity", None),
        ("C1", "01-30 09:00", "Closed won", None),
        ("C2", "01-10 09:00", "Opportunity", None),
        ("L1", "01-01 09:00", "Lead", None),
        ("L1", "01-05 09:00", "Sales accepted", "Rita Rep"),
        ("L1", "01-08 09:00", "Sales qualified", "Rita Rep"),
        ("L3", "01-02 10:00", "Lead", None),
        ("L3", "01-06 09:00", "MQL", None),
        ("L3", "01-07 09:00", "Unqualified", None),
    ]
    touches = rows(settings, "activities", "contact_id", "kind", "occurred_at", "actor")
    assert [(who, kind, day(at), actor) for who, kind, at, actor in touches] == [
        ("C1", "call", "01-14 15:00", "Rita Rep"),
        ("C2", "e-mail", "01-11 00:00", "U9"),
        ("C2", "meeting", "01-12 15:00", "Rita Rep"),
        ("C2", "task", "01-13 09:00", "Rita Rep"),
        ("L1", "call", "01-02 09:00", "Rita Rep"),
    ]
    deals = rows(settings, "deals", "deal_id", "contact_id", "closed_at", "is_won", "amount")
    assert [(d[0], d[1], day(d[2]), *d[3:]) for d in deals] == [
        ("O1", "C1", "01-31 00:00", True, 1000.0),
        ("O2", "C2", None, None, 2000.0),
        ("O4", None, "01-30 00:00", False, 4000.0),
    ]
    moves = rows(settings, "deal_stage_events", "deal_id", "entered_at", "stage", "amount")
    assert [(deal, day(at), *said) for deal, at, *said in moves if deal == "O1"] == [
        ("O1", "01-08 09:00", "Prospecting", 1000.0),
        ("O1", "01-25 09:00", "Proposal", 1100.0),
        ("O1", "01-30 09:00", "Closed Won", 1000.0),
    ]
    # the converted lead and its contact are one person, whose journey goes from lead to customer
    assert entered(settings, "crm") == [3, 3, 3, 2, 2, 1, 0]


def test_marketo(settings: Settings, tmp_path: Path) -> None:
    """Lead 4 was deleted; 5 and 6 were merged into 1."""
    reports = loaded(settings, "marketo", copy("marketo", tmp_path / "export"))
    assert counts(reports) == COUNTS["marketo"]
    assert not any(r.notes for r in reports.values())
    assert rows(settings, "contact_merges", "merged_id", "surviving_id") == [("5", "1"), ("6", "1")]
    assert rows(settings, "contact_history", "contact_id", "column", "value") == [("2", "source", "Fair")]
    assert entered(settings, "crm") == [2, 2, 1, 1, 0, 0, 0]


def test_what_names_a_person_is_marked(settings: Settings, tmp_path: Path) -> None:
    """No name or address comes in under a column that hides what it is, nor anything that nobody asked for."""
    for path in shipped().values():
        for table, _, source in from_file(path, tmp_path):
            assert not source.other_columns
            if table == "contacts":
                personal = {column for column in source.columns if is_personal(column, settings)}
                assert personal == {"first_name", "last_name", "email"}
                assert source.columns.keys() - personal <= {"contact_id", "created_at", *SEGMENTS}


def test_the_lifecycle_stages_of_hubspot_are_known_to_every_model() -> None:
    own = ("subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer")
    own += ("evangelist", "other")
    assert {normalise(stage) for stage in own} <= raw_values(shipped_models().values())


# --- what an export may lack ------------------------------------------------------------------------------------------


def test_stage_dates_stand_in_for_a_history(settings: Settings, tmp_path: Path) -> None:
    folder = copy("hubspot", tmp_path / "export", "contact_property_history.csv", "hubspot_contact_data.csv")
    dates = "hs_lifecyclestage_lead_date", "hs_v2_date_entered_opportunity", "hs_lifecyclestage_customer_date"
    header = ",".join(["id", *(f"property_{date}" for date in dates)])
    (folder / "contact.csv").write_text(f"{header}\n1,2026-01-01 9:00:00,2026-01-02 09:00:00,\n2,2026-01-03,,\n")
    reports = loaded(settings, "hubspot", folder)
    assert reports["stage_events"].notes == ["stage_events: there is no file contact_property_history"]
    assert entered(settings, "crm") == [2, 2, 1, 1, 1, 0, 0]


def test_the_other_shape_of_a_history_is_read_too(settings: Settings, tmp_path: Path) -> None:
    """Versions of leads, and Salesforce's own opportunity history."""
    folder = copy("salesforce", tmp_path / "export")
    (folder / "sf_lead_history_data.csv").write_text(
        "id,_fivetran_start,_fivetran_end,is_deleted,status\n"
        "L3,2026-01-03 09:00:00,2026-01-05 08:59:59,false,Working - Contacted\n"
        "L3,2026-01-05 09:00:00,9999-12-31 23:59:59,false,Working - Contacted\n"
    )
    (folder / "sf_opportunity_history_data.csv").write_text(
        "id,opportunity_id,created_date,stage_name,amount,is_deleted\n"
        "H1,O1,2026-01-08 09:00:00,Prospecting,10,false\n"
        "H2,O1,2026-01-09 09:00:00,Closed Won,10,false\n"
    )
    reports = loaded(settings, "salesforce", folder)
    assert not any(r.notes for r in reports.values())
    assert ("L3", "Sales accepted") in rows(settings, "stage_events", "contact_id", "stage")
    assert ("C1", "Closed Won") in rows(settings, "stage_events", "contact_id", "stage")
    assert rows(settings, "deal_stage_events", "deal_id", "stage") == [("O1", "Closed Won"), ("O1", "Prospecting")]


@pytest.mark.parametrize(("system", "half"), [("hubspot", 0), ("hubspot", 1), ("marketo", 0), ("salesforce", 1)])
def test_half_of_the_files_load_by_themselves(settings: Settings, tmp_path: Path, system: str, half: int) -> None:
    """Their rows are as many as in the whole export; only what is looked up elsewhere can differ."""
    without = EXPORTS[system][half::2]
    found = counts(loaded(settings, system, copy(system, tmp_path / "half", *without)))
    assert found and found.keys() <= COUNTS[system].keys()
    for table, (read, made, duplicates, quarantined, left_out) in found.items():
        assert read == made + duplicates + quarantined + left_out
        assert 0 < read <= COUNTS[system][table][0]


def test_what_is_not_there_is_told(settings: Settings, tmp_path: Path) -> None:
    folder = copy("hubspot", tmp_path / "export", "contact_merge_audit.csv", "deal.csv", "owner.csv")
    (folder / "engagement_contact.csv").write_text("id\n1\n")
    reports = loaded(settings, "hubspot", folder)
    assert [note for r in reports.values() for note in r.notes] == [
        "stage_dates: hubspot_contact_data.csv has nothing for any stage",
        "contact_merges: there is no file contact_merge_audit",
        "activities: engagement_contact.csv has nothing for contact_id, kind, occurred_at",
        "deals: there is no file deal",
    ]
    assert "activities" not in counts(reports)


def test_an_empty_folder_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(
        LoadError, match=r"None of the mapping's files is in .*: activity_change_data_value, lead, activity_merge_leads"
    ):
        loaded(settings, "marketo", tmp_path)
    with pytest.raises(LoadError, match=r"nowhere is no folder\. Say where the files lie: --files FOLDER"):
        loaded(settings, "marketo", tmp_path / "nowhere")


# --- names ------------------------------------------------------------------------------------------------------------


def test_columns_of_ones_own_are_added_by_option(settings: Settings, tmp_path: Path) -> None:
    maps = ("contacts.colour=property_favourite_colour", "contacts.source=property_hs_lead_status")
    reports = loaded(settings, "hubspot", copy("hubspot", tmp_path / "export"), *maps)
    assert rows(settings, "contacts", "colour", "source") == [("blue", None), ("red", "OPEN")]
    assert not reports["contacts"].notes


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("contacts", "is not of the form"),
        ("orders.amount=total", "no file is given for 'orders'. Tables with files: stage_events, stage_dates"),
        ("deals.tier=property_tier", "deals has no column 'tier'. Allowed: deal_id"),
    ],
)
def test_an_option_must_fit_the_mapping(settings: Settings, tmp_path: Path, given: str, said: str) -> None:
    with pytest.raises((LoadError, ConfigError)) as mistake:
        loaded(settings, "hubspot", copy("hubspot", tmp_path / "export"), given)
    assert said in str(mistake.value)


def test_a_mapping_is_a_file_or_a_ready_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(shipped()) == ["hubspot", "marketo", "salesforce"]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hubspot").mkdir()  # the export's own folder is no mapping
    assert mapping_file("hubspot") == shipped()["hubspot"]
    assert mapping_file("ours.toml") == Path("ours.toml")
    with pytest.raises(LoadError, match=r"'hubspt' is no file and no ready mapping\. Did you mean hubspot\? Ready are"):
        mapping_file("hubspt")
    with pytest.raises(LoadError, match="Say where the export lies: --mapping hubspot --files FOLDER"):
        chosen({}, [], "hubspot", None)


def test_files_are_found_whatever_their_ending_and_case(tmp_path: Path) -> None:
    mapping = tmp_path / "ours.toml"
    mapping.write_text('[export]\nprefixes = ["x_"]\nsuffixes = ["_data"]\n[contacts]\nfile = "contact"\n')

    def found() -> str:
        [(_, path, _)] = from_file(mapping)
        return path.name

    for name in ("X_Contact_DATA.CSV", "contact.csv.gz", "contact.parquet", "contact_data.csv", "x_contact.csv"):
        (tmp_path / name).touch()
        (tmp_path / "deal_contact.csv").touch()
        assert found() == name
        (tmp_path / name).unlink()
    for name in ("contact.csv", "contact_data.parquet"):
        (tmp_path / name).touch()
    with pytest.raises(LoadError, match=r"contact\.csv and contact_data\.parquet both hold 'contact'\. Move one"):
        found()


@pytest.mark.parametrize("body", ['prefix = ["x_"]', "prefixes = 1"])
def test_an_export_is_described_in_two_words(tmp_path: Path, body: str) -> None:
    mapping = tmp_path / "ours.toml"
    mapping.write_text(f'[export]\n{body}\n[contacts]\nfile = "contact"\n')
    with pytest.raises(ConfigError) as mistake:
        from_file(mapping)
    assert mistake.value.line == 2


def test_the_shipped_mappings_hold_contract_tables(tmp_path: Path) -> None:
    for path in shipped().values():
        made = {table for table, *_ in from_file(path, tmp_path)}
        assert {"contacts", "stage_events", "contact_merges", "contact_history", "activities"} <= made <= {*CONTRACT}


# --- real exports -----------------------------------------------------------------------------------------------------

REAL_COUNTS: dict[str, Counts] = {
    "hubspot": {
        "stage_events": (100, 0, 0, 0, 100),  # the names of properties are hashed
        "contacts": (22, 22, 0, 0, 0),
        "contact_history": (100, 0, 0, 0, 100),
        "contact_merges": (28, 7, 0, 0, 21),  # one contact lists three, the other 21 none; four rows of the audit
        "activities": (1, 1, 0, 0, 0),
        "deals": (44, 44, 0, 0, 0),
        "deal_stage_events": (14, 14, 0, 0, 0),
    },
    "salesforce": {
        "stage_events": (11, 1, 0, 0, 10),  # one lead; the opportunities are all deleted
        "contacts": (5, 4, 0, 0, 1),  # the lead was converted
        "contact_history": (8, 6, 0, 0, 2),  # four versions: one without a source, the same one without a country
        "contact_merges": (6, 1, 0, 0, 5),
        "activities": (20, 17, 3, 0, 0),  # three tasks are like another in all that is kept
        "deals": (10, 0, 0, 0, 10),
        "deal_stage_events": (10, 0, 0, 0, 10),
        "orders": (10, 10, 0, 0, 0),
    },
    "marketo": {
        "stage_events": (100, 0, 0, 0, 100),  # no change of a field that holds the stage
        "contacts": (100, 100, 0, 0, 0),
        "contact_history": (100, 0, 0, 0, 100),
        "contact_merges": (100, 99, 0, 0, 1),
        "activities": (400, 394, 4, 0, 2),
    },
}


@real_data
@pytest.mark.parametrize("system", shipped())
def test_every_row_of_a_real_export_is_accounted_for(settings: Settings, system: str) -> None:
    assert counts(loaded(settings, system, REAL / system)) == REAL_COUNTS[system]


def built(settings: Settings) -> tuple[dict[str, int], list[int]]:
    """What became of the rows of deals whose stages are hashes, and how many reached each."""
    model = load_model(DEALS)
    with ready(settings, model, shipped_models()) as modelled:
        answer = funnel(modelled, Scope(model=model.name, as_of=modelled.build.as_of))
        return modelled.build.counts, [row.entered for row in answer.whole]


@real_data
def test_the_hashed_deal_stages_of_a_real_export_build(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    shutil.copy(REAL / "hubspot" / "deal_stage_data.csv", tmp_path / "export")
    loaded(settings, "hubspot", tmp_path / "export")
    accounts, entered = built(settings)
    assert (accounts["in"], accounts["used"], accounts["repeats"], accounts["quarantined"]) == (14, 14, 0, 0)
    assert entered == [13, 6]  # seven deals in the first stage, six in the second, and one that was only ever gone


@real_data
def test_ids_of_a_real_export(settings: Settings) -> None:
    """A list of merged ids beside a table of them; and deals, which are other ones than those of the stages."""
    loaded(settings, "hubspot", REAL / "hubspot")
    assert rows(settings, "contact_merges", "merged_id", "surviving_id") == [
        ("11111", "5555"),
        ("46897301", "78971951"),
        ("76226001", "78971951"),
        ("76340251", "78971951"),
        ("7777", "4444"),
        ("8888", "3333"),
        ("9999", "2222"),
    ]
    accounts, _ = built(settings)
    assert (accounts["in"], accounts["quarantined"]) == (14, 14)
