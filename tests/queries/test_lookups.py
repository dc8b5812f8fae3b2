"""Lookups in other files, rows that only repeat, and what an export may lack: stories, oracles in plain Python."""

from __future__ import annotations

import hashlib
from pathlib import Path

import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings

from queries import lookups
from queries.batches import LoadError
from queries.configfile import ConfigError
from queries.contract import REJECTS
from queries.settings import Settings
from tests.queries.loading import load_mapping, rows

DEALS = """
[deals]
file = "deals.csv"
timezone = "UTC"
lookups.stage = { file = "stages.csv", key = "id", by = "stage_id" }
lookups.contact = { file = "people.csv", key = "deal", by = { concat = [{ constant = "D" }, "n"] }, PICK }
columns.deal_id = "n"
columns.created_at = { constant = "2026-01-01" }
columns.contact_id = "contact.person"
columns.stage = { first_of = ["stage.label", "stage_id"] }
columns.closed_at = { case = [{ where = { "stage.closed" = true }, then = "ended" }] }
columns.amount = "amount"
"""
FILES = {
    "deals": "n,stage_id,ended,amount\n1,won,2026-02-01,5\n2,open,2026-02-02,6\n3,gone,2026-02-03,7\n4,,2026-02-04,8\n",
    "stages": "id,label,closed\nwon,Closed won,TRUE\nopen,Open,f\n,Nameless,TRUE\n",
    "people": "deal,person,left\nD1,Ada,\nD1,Ben,\nD2,Cy,yes\nD2,Dee,\nD9,Eve,\n",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(warehouse=str(tmp_path / "warehouse"))  # type: ignore[arg-type]


def contacts(settings: Settings, pick: str) -> list[str | None]:
    load_mapping(settings, DEALS.replace("PICK", pick), **FILES)
    return [contact for _, contact in rows(settings, "deals", "deal_id", "contact_id")]


def test_values_come_from_the_row_with_the_same_key(settings: Settings) -> None:
    load_mapping(settings, DEALS.replace(", PICK", ""), **FILES)
    found = rows(settings, "deals", "deal_id", "contact_id", "stage", "closed_at")
    assert [(deal, contact, stage, ended and ended.day) for deal, contact, stage, ended in found] == [
        ("1", "Ada", "Closed won", 1),
        ("2", "Cy", "Open", None),
        ("3", None, "gone", None),  # no such stage: blank, so that the next of `first_of` counts
        ("4", None, None, None),  # a blank key finds nothing, not even the row with a blank one
    ]


@pytest.mark.parametrize(
    ("pick", "expected"),
    [
        ('keep = "first"', ["Ada", "Cy", None, None]),
        ('keep = "last"', ["Ben", "Dee", None, None]),
        ("where = { left = { not = true } }", ["Ada", "Dee", None, None]),
        ("where = { left = true }", [None, "Cy", None, None]),
    ],
)
def test_of_several_rows_it_is_said_which_counts(settings: Settings, pick: str, expected: list[str | None]) -> None:
    assert contacts(settings, pick) == expected


def test_a_lookup_may_be_found_by_one_before_it(settings: Settings) -> None:
    mapping = """
    [activities]
    file = "links.csv"
    timezone = "UTC"
    where."call.gone" = { not = true }
    lookups.call = { file = "calls.csv", key = "id", by = "call_id" }
    lookups.rep = { file = "reps.csv", key = "id", by = "call.rep" }
    columns.contact_id = "person"
    columns.kind = { constant = "call" }
    columns.occurred_at = "call.at"
    columns.actor = "rep.name"
    """
    files = {
        "links": "person,call_id\nAda,1\nBen,1\nCy,2\n",
        "calls": "id,at,rep,gone\n1,2026-01-01,R,no\n2,2026-01-02,R,YES\n",
        "reps": "id,name\nR,Rita\n",
    }
    [report] = load_mapping(settings, mapping, **files)
    assert [(who, actor) for who, actor in rows(settings, "activities", "contact_id", "actor")] == [
        ("Ada", "Rita"),
        ("Ben", "Rita"),
    ]
    assert (report.read, report.left_out) == (3, 1)


def test_looked_up_values_are_no_part_of_a_row(settings: Settings) -> None:
    """Its fingerprint is that of its own fields, so that it can be found in its file."""
    files = {**FILES, "deals": "n,stage_id,ended,amount\n1,won,2026-02-01,5\n2,won,2026-02-01,much\n"}
    load_mapping(settings, DEALS.replace(", PICK", ""), **files)
    [(line, digest)] = rows(settings, REJECTS, "line", "digest")
    assert (line, digest) == (3, hashlib.sha256(b"2,won,2026-02-01,much").hexdigest())


def test_rows_of_a_lookup_that_cannot_be_read_are_told(settings: Settings) -> None:
    files = {**FILES, "people": "deal,person,left\nD1,Ada,,surplus\nD1,Ben,\n"}
    [report] = load_mapping(settings, DEALS.replace(", PICK", ""), **files)
    assert report.notes == ["deals: 1 rows of people.csv cannot be read"]
    assert rows(settings, "deals", "deal_id", "contact_id")[0] == ("1", "Ben")


def test_a_lookup_may_be_parquet(settings: Settings, tmp_path: Path) -> None:
    stages = pa.table({"id": ["won"], "label": ["Closed won"], "closed": [True]})
    pq.write_table(stages, tmp_path / "stages.parquet")
    mapping = DEALS.replace(", PICK", "").replace("stages.csv", "stages.parquet")
    load_mapping(settings, mapping, **{name: FILES[name] for name in ("deals", "people")})
    assert rows(settings, "deals", "stage", "closed_at")[0][0] == "Closed won"


KEYS = st.sampled_from(["a", "b", "c", "ä", "", "A"])


@given(st.lists(KEYS, min_size=1, max_size=30), st.lists(st.tuples(KEYS, KEYS), max_size=30), st.booleans())
@hypothesis_settings(max_examples=12, deadline=None)
def test_a_lookup_is_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory, asked: list[str], known: list[tuple[str, str]], last: bool
) -> None:
    settings = Settings(warehouse=str(tmp_path_factory.mktemp("lookup") / "warehouse"))  # type: ignore[arg-type]
    mapping = f"""
    [contacts]
    file = "asked.csv"
    lookups.other = {{ file = "known.csv", key = "key", by = "key", keep = "{"last" if last else "first"}" }}
    columns.contact_id = "n"
    columns.owner = "other.value"
    """
    files = {
        "asked": "n,key\n" + "".join(f"{n:03},{key}\n" for n, key in enumerate(asked)),
        "known": "key,value\n" + "".join(f"{key},{value}\n" for key, value in known),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookups, "MAX_ROWS", 2)  # so that the keys of a batch are asked for in parts
        load_mapping(settings, mapping, **files)
    expected: dict[str, str] = {}
    for key, value in known if last else reversed(known):
        expected[key] = value
    assert [owner for _, owner in rows(settings, "contacts", "contact_id", "owner")] == [
        (expected.get(key) or None) if key else None for key in asked
    ]


HISTORY = """
[contact_history]
file = "history.csv"
timezone = "UTC"
only_changes = true
columns.contact_id = "who"
columns.valid_from = "at"
"""
DAYS = st.integers(1, 9).map(lambda day: f"2026-01-0{day}")


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.sampled_from("123"), DAYS), min_size=1))
@hypothesis_settings(max_examples=12, deadline=None)
def test_only_changes_keeps_what_differs_from_the_row_before(
    tmp_path_factory: pytest.TempPathFactory, given_rows: list[tuple[str, str, str, str]]
) -> None:
    settings = Settings(warehouse=str(tmp_path_factory.mktemp("changes") / "warehouse"))  # type: ignore[arg-type]
    history = "who,column,value,at\n" + "".join(",".join(row) + "\n" for row in given_rows)
    [report] = load_mapping(settings, HISTORY, history=history)
    kept, duplicates, last = [], len(given_rows) - len(set(given_rows)), {}
    for who, column, value, at in sorted(dict.fromkeys(given_rows), key=lambda row: row[3]):
        if last.get((who, column)) != value:
            kept.append((who, column, value, at))
        last[who, column] = value
    found = rows(settings, "contact_history", "contact_id", "column", "value", "valid_from")
    assert [(*row[:3], f"{row[3]:%Y-%m-%d}") for row in found] == sorted(kept)
    assert (report.loaded, report.duplicates) == (len(kept), duplicates)


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        ('lookups.x = { file = "b.csv", key = "id" }', 3, "contacts.lookups.x.by is missing. Allowed: a column"),
        ('lookups.x = { key = "id", by = "a" }', 3, "lookups.x.file is missing. Allowed: the name of a data file"),
        ('lookups.x = { file = "b.csv", key = "id", by = { sql = "1" } }', 3, "is no expression. Allowed"),
        ('lookups.x = { file = "b.csv", key = "id", by = "a", kep = "last" }', 3, "is no setting. Allowed: keep"),
        ('lookups.x = { file = "b.csv", key = "id", by = "a", keep = "any" }', 3, "'first' or 'last'"),
        ('lookups."a b" = { file = "b.csv", key = "id", by = "a" }', 3, "is wrong: String should match"),
        ("only_changes = true", 1, "only_changes means nothing for contacts. Allowed: for stage_events"),
    ],
)
def test_mistakes_are_told(settings: Settings, body: str, line: int, said: str) -> None:
    with pytest.raises(ConfigError) as mistake:
        load_mapping(settings, f'[contacts]\nfile = "a.csv"\n{body}\n')
    assert mistake.value.line == line
    assert said in str(mistake.value)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"stages": None}, "stages.csv does not exist"),
        ({"stages": "key,label,closed\n"}, "stages.csv has no column 'id'. Columns: key, label, closed. Correct"),
        ({"stages": "id,labels,closed\n"}, "stages.csv has no column 'label'. Did you mean 'labels'?"),
        ({"deals": "n,ended,amount\n"}, "deals.csv has no column 'stage_id'"),
    ],
)
def test_a_mapping_of_ones_own_lacks_nothing(settings: Settings, files: dict[str, str | None], said: str) -> None:
    given_files = {name: text for name, text in (FILES | files).items() if text}
    with pytest.raises(LoadError) as mistake:
        load_mapping(settings, DEALS.replace(", PICK", ""), **given_files)
    assert said in str(mistake.value)
