"""Files become contract tables: what is read, what is refused and why, and that nothing is lost on the way."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from queries.batches import LoadError
from queries.contract import REJECTS
from queries.embedded import Embedded
from queries.load import DEMO, LOADS, LOADS_SCHEMA, load
from queries.mapping import from_options
from queries.settings import Settings
from queries.staging import Report
from queries.warehouse import open_warehouse

EVENTS = "contact_id,stage,entered_at\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(warehouse=str(tmp_path / "warehouse"))  # type: ignore[arg-type]


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def load_csv(
    settings: Settings, content: str | bytes, table: str = "stage_events", *, name: str = "data.csv", **options: Any
) -> Report:
    """Load one file into one table as the terminal would."""
    append, maps = options.pop("append", False), options.pop("maps", [])
    path = write(settings.folder.parent, name, content)
    [report] = load(settings, from_options({table: [path]}, maps, **options), append=append)
    assert report.read == report.loaded + report.duplicates + report.quarantined + report.left_out
    return report


def rows(settings: Settings, table: str = "stage_events", *columns: str) -> list[dict[str, Any]]:
    """All rows of a table, in an order that depends on nothing but their values."""
    warehouse = open_warehouse(settings)
    try:
        names = columns or tuple(next(types for key, types in warehouse.tables().items() if key[1] == table))
        found = warehouse.query(sa.select(*map(sa.column, names)).select_from(sa.table(table))).to_pylist()
    finally:
        warehouse.close()
    return sorted(found, key=lambda row: [(value is None, str(value)) for value in row.values()])


def kinds(settings: Settings, table: str) -> dict[str, str]:
    warehouse = open_warehouse(settings)
    try:
        return next(types for key, types in warehouse.tables().items() if key[1] == table)
    finally:
        warehouse.close()


def rejects(settings: Settings) -> list[tuple[int, str, str]]:
    found = rows(settings, REJECTS, "line", "column_name", "reason")
    return sorted((row["line"], row["column_name"], row["reason"]) for row in found)


def at(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type]


def test_columns_are_mapped_and_values_typed(settings: Settings) -> None:
    report = load_csv(
        settings,
        "lead_id,stage,entered_at,lead_score,hue\nC1, MQL ,2026-03-01 10:00:00,7.5,red\nC2,SQL,2026-03-02T11:30Z,,\n",
        maps=["stage_events.contact_id=lead_id"],
        timezone="Europe/Berlin",
    )
    assert (report.read, report.loaded, report.unused) == (2, 2, ["hue"])
    assert rows(settings) == [
        {"contact_id": "C1", "stage": "MQL", "entered_at": at(2026, 3, 1, 9), "lead_score": 7.5},
        {"contact_id": "C2", "stage": "SQL", "entered_at": at(2026, 3, 2, 11, 30), "lead_score": None},
    ]


def test_each_bad_row_is_told_with_line_column_and_reason(settings: Settings) -> None:
    content = (
        b"order_id,contact_id,ordered_at,amount\n"  # 1
        b"O1,C1,2026-01-01,10\n"  # 2
        b'O2,"a line\nbreak",2026-01-02,20\n'  # 3 and 4
        b"O3,C3,2026-02-30,30\n"  # 5
        b"O4,C4,2026-01-04,NaN\n"  # 6
        b"O5,C5,2026-01-05,1e308\n"  # 7
        b'O6,C6,2026-01-06,"1,5"\n'  # 8
        b"O7,C7,2026-01-07\n"  # 9
        b"\n"  # 10
        b"O8,\xff\xfe,2026-01-08,80\n"  # 11
        b",C9,2026-01-09,90\n"  # 12
        b"O10,C10,infinity,inf\n"  # 13
        b"O11,C11,2026-01-11,11,12\n"  # 14
        b"O12,C\x00,2026-01-12,12\n"  # 15
        b"O13,C13,0000-00-00,1\n"  # 16
        b"O14,C14,1700000000,1\n"  # 17
        b"O1,C1,2026-01-01,10\n"  # 18
        b"O15,C15,2026-01-15,"  # 19, without a line break at its end
    )
    report = load_csv(settings, content, "orders", timezone="UTC")
    instant, number = "not an instant (2026-02-28 12:00:00)", "not a finite number below 1e15"
    assert rejects(settings) == [
        (5, "ordered_at", instant),
        (6, "amount", number),
        (7, "amount", number),
        (8, "amount", number),
        (9, "", "3 fields where the header has 4"),
        (11, "contact_id", "bytes that are not in the declared encoding"),
        (12, "order_id", "blank"),
        (13, "ordered_at", instant),
        (14, "", "5 fields where the header has 4"),
        (15, "contact_id", "a NUL character"),
        (16, "ordered_at", instant),
        (17, "ordered_at", instant),
    ]
    assert (report.read, report.loaded, report.duplicates, report.quarantined) == (16, 3, 1, 12)
    assert [row["order_id"] for row in rows(settings, "orders")] == ["O1", "O15", "O2"]
    digests = {row["line"]: row["digest"] for row in rows(settings, REJECTS, "line", "digest")}
    assert digests[5] == hashlib.sha256(b"O3,C3,2026-02-30,30").hexdigest()
    assert digests[9] == hashlib.sha256(b"O7,C7,2026-01-07").hexdigest()
    assert digests[11] == hashlib.sha256(b"O8,\xff\xfe,2026-01-08,80").hexdigest()


FIELDS = st.sampled_from(["C1", "C2", "", "a,b", 'qu"ote', "two\nlines", "x\r\ny\nz", "é"])
STAMPS = st.sampled_from(["2026-01-01", "2026-01-02 03:04:05", "2026-02-29", "never", ""])


@given(
    st.lists(st.tuples(FIELDS, FIELDS, STAMPS, st.sampled_from([0, 0, 0, -1, 1])), min_size=1, max_size=30),
    st.sampled_from(["\n", "\r\n"]),
)
@hypothesis_settings(max_examples=25, deadline=None)
def test_every_row_is_accounted_for_on_the_line_where_it_begins(
    tmp_path_factory: pytest.TempPathFactory, given_rows: list[tuple[str, str, str, int]], ending: str
) -> None:
    settings = Settings(warehouse=str(tmp_path_factory.mktemp("load") / "warehouse"))  # type: ignore[arg-type]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=ending)
    writer.writerow(["contact_id", "stage", "entered_at"])
    writer.writerow(["C0", "MQL", "2026-01-01"])
    expected, good, read = [], {("C0", "MQL", at(2026, 1, 1))}, 1
    for contact, stage, stamp, surplus in given_rows:
        line = text.getvalue().count("\n") + 1
        fields = [contact, stage, stamp, "more"][: 3 + surplus]
        writer.writerow(fields)
        read += 1
        if surplus:
            expected.append((line, ""))
        elif not any(fields):
            read -= 1  # a line without any value is no row
        elif not contact or not stage:
            expected.append((line, "stage" if contact else "contact_id"))
        elif stamp not in ("2026-01-01", "2026-01-02 03:04:05"):
            expected.append((line, "entered_at"))
        else:
            good.add((contact, stage, datetime.fromisoformat(stamp)))
    report = load_csv(settings, text.getvalue(), timezone="UTC")
    assert report.read == read
    assert [(line, column) for line, column, _ in rejects(settings)] == expected
    assert {tuple(row.values()) for row in rows(settings)} == good


def test_instants_without_a_zone_are_refused_until_it_is_declared(settings: Settings) -> None:
    with pytest.raises(LoadError, match=r"data\.csv, line 3, stage_events\.entered_at: .*--timezone"):
        load_csv(settings, EVENTS + "C1,MQL,2026-01-01T00:00:00Z\nC2,MQL,2026-01-01\n")
    assert not settings.folder.joinpath("CURRENT").exists()


@pytest.mark.parametrize(
    ("written", "zone", "expected"),
    [
        ("2026-03-08 02:30:00", "America/New_York", at(2026, 3, 8, 7)),  # skipped: the first instant after the gap
        ("2026-11-01 01:30:00", "America/New_York", at(2026, 11, 1, 5, 30)),  # twice: the first of the two
        ("2018-11-04", "America/Sao_Paulo", at(2018, 11, 4, 3)),  # a day that begins at one o'clock
        ("2026-06-01 00:00", "Asia/Kolkata", at(2026, 5, 31, 18, 30)),
        ("2026-01-01 9:05:07", "UTC", at(2026, 1, 1, 9, 5, 7)),
        ("2026-01-01 09:05:07.1234567", "UTC", at(2026, 1, 1, 9, 5, 7, 123456)),
        ("2026-01-01 09:05:07 UTC", "Asia/Tokyo", at(2026, 1, 1, 9, 5, 7)),
        ("2026-01-01T09:05:07+05:30", "UTC", at(2026, 1, 1, 3, 35, 7)),
        ("2026-01-01 09:05:07 -0800", "UTC", at(2026, 1, 1, 17, 5, 7)),
        ("2028-02-29", "UTC", at(2028, 2, 29)),
    ],
)
def test_instants_become_utc(settings: Settings, written: str, zone: str, expected: datetime) -> None:
    load_csv(settings, f"{EVENTS}C1,MQL,{written}\n", timezone=zone)
    assert rows(settings, "stage_events", "entered_at") == [{"entered_at": expected}]


@pytest.mark.parametrize(
    ("unit", "written"), [("s", "1772366400.5"), ("ms", "1772366400500"), ("us", "1772366400500000")]
)
def test_epochs_are_read_in_the_declared_unit(settings: Settings, unit: str, written: str) -> None:
    load_csv(settings, f"{EVENTS}C1,MQL,{written}\nC2,MQL,9e14\nC3,MQL,2026-01-01\n", epoch=unit)
    expected = datetime.fromtimestamp(1772366400.5, UTC).replace(tzinfo=None)
    assert expected in [row["entered_at"] for row in rows(settings)]
    assert (4, "entered_at", "not an instant (2026-02-28 12:00:00)") in rejects(settings)


def test_decimal_commas_are_read_where_declared(settings: Settings) -> None:
    content = (
        "order_id;ordered_at;amount\nO1;2026-01-01Z;1.234,5\nO2;2026-01-02;12,5\nO3;2026-01-03;1.5\nO4;2026-01-04;-3\n"
    )
    load_csv(settings, content.replace("Z", ""), "orders", timezone="UTC", decimal=",")
    assert [row["amount"] for row in rows(settings, "orders")] == [1234.5, 12.5, -3.0]
    assert rejects(settings) == [(4, "amount", "not a finite number below 1e15")]


@pytest.mark.parametrize(("encoding", "mark"), [("cp1252", b""), ("utf-8", b"\xef\xbb\xbf"), ("utf-16", b"")])
def test_encodings_and_byte_order_marks(settings: Settings, encoding: str, mark: bytes) -> None:
    content = mark + "contact_id,city\nC1,Zürich\nC2,Łódź\n".replace("Łódź", "Orléans").encode(encoding)
    load_csv(settings, content, "contacts", encoding=encoding)
    assert rows(settings, "contacts") == [
        {"contact_id": "C1", "city": "Zürich"},
        {"contact_id": "C2", "city": "Orléans"},
    ]


def test_equal_texts_are_equal_bytes(settings: Settings) -> None:
    load_csv(settings, "contact_id,city\nC1,Zu\u0308rich\n", "contacts")
    assert rows(settings, "contacts", "city") == [{"city": "Zürich"}]


def test_compressed_and_oddly_named_files(settings: Settings) -> None:
    content = gzip.compress(f"{EVENTS}C1,MQL,2026-01-01\n".encode())
    report = load_csv(settings, content, name="it's (1) ; drop'é\"\n.csv.gz", timezone="UTC")
    assert report.loaded == 1


def test_a_quote_that_is_never_closed_is_refused(settings: Settings) -> None:
    with pytest.raises(LoadError, match=r"data\.csv, line 3: a quote is opened and never closed"):
        load_csv(settings, EVENTS + 'C1,MQL,2026-01-01\nC2,"MQL,2026-01-02\nC3,MQL,2026-01-03\n', timezone="UTC")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no column names"),
        ("\n\n", "no column names"),
        ("contact_id,stage,Stage,entered_at\n1,2,3,4\n", "two columns named 'Stage'"),
        ("contact,stage,entered_at\nC1,MQL,2026-01-01\n", "--map stage_events.contact_id=contact"),
        (EVENTS, "has no rows"),
        (EVENTS + "C1,MQL,soon\nC2,MQL,later\n", r"2 fail in entered_at .* the first on line 2"),
    ],
)
def test_a_file_without_usable_rows_changes_nothing(settings: Settings, content: str, said: str) -> None:
    load_csv(settings, EVENTS + "C1,MQL,2026-01-01\n", name="good.csv", timezone="UTC")
    before = open_warehouse(settings).token
    with pytest.raises(LoadError, match=said):
        load_csv(settings, content, timezone="UTC")
    assert open_warehouse(settings).token == before


@pytest.mark.parametrize("name", ["missing.csv", "folder", "broken.csv.gz", "broken.parquet"])
def test_unreadable_files_are_named(settings: Settings, tmp_path: Path, name: str) -> None:
    if name == "folder":
        (tmp_path / name).mkdir()
    elif name.startswith("broken"):
        write(tmp_path, name, b"\x1f\x8b" + b"nonsense" * 10)
    with pytest.raises(LoadError, match=name.replace(".", r"\.")):
        load(settings, from_options({"stage_events": [tmp_path / name]}, []))


def test_all_files_or_none(settings: Settings, tmp_path: Path) -> None:
    load_csv(settings, EVENTS + "C1,MQL,2026-01-01\n", timezone="UTC")
    good = write(tmp_path, "contacts.csv", "contact_id\nC1\n")
    bad = write(tmp_path, "orders.csv", "order_id,ordered_at\nO1,never\n")
    with pytest.raises(LoadError, match=r"orders\.csv"):
        load(settings, from_options({"contacts": [good], "orders": [bad]}, [], timezone="UTC"))
    assert "contacts" not in {key[1] for key in open_warehouse(settings).tables()}


def test_loading_again_and_in_any_order_gives_the_same(settings: Settings) -> None:
    lines = [f"C{i % 7},MQL,2026-01-{i % 9 + 1:02d}" for i in range(40)] + ["C1,MQL,never"]
    first = load_csv(settings, EVENTS + "\n".join(lines), timezone="UTC")
    content, bad = rows(settings), rejects(settings)
    again = load_csv(settings, EVENTS + "\n".join(lines), timezone="UTC")
    assert (again.loaded, again.duplicates) == (first.loaded, first.duplicates)
    assert (rows(settings), rejects(settings)) == (content, bad)
    added = load_csv(settings, EVENTS + "\n".join(lines), timezone="UTC", append=True)
    assert (added.loaded, added.duplicates) == (0, 40)
    assert (rows(settings), rejects(settings)) == (content, bad)
    load_csv(settings, EVENTS + "\n".join(reversed(lines)), timezone="UTC")
    assert rows(settings) == content


def test_appending_adds_rows_and_columns(settings: Settings) -> None:
    load_csv(settings, "contact_id,region\nC1,EMEA\n", "contacts")
    report = load_csv(settings, "contact_id,size\nC1,10\nC2,20\n", "contacts", append=True)
    assert report.loaded == 2
    assert rows(settings, "contacts") == [
        {"contact_id": "C1", "region": "EMEA", "size": None},
        {"contact_id": "C1", "region": None, "size": 10.0},
        {"contact_id": "C2", "region": None, "size": 20.0},
    ]
    with pytest.raises(LoadError, match=r"'size' holds text values; in contacts it holds number"):
        load_csv(settings, "contact_id,size\nC3,large\n", "contacts", append=True)
    load_csv(settings, "contact_id,size,region\nC4,,7\n", "contacts", append=True)
    assert rows(settings, "contacts")[-1] == {"contact_id": "C4", "region": "7", "size": None}


def test_several_files_fill_one_table(settings: Settings, tmp_path: Path) -> None:
    files = [write(tmp_path, f"{n}.csv", f"{EVENTS}C{n},MQL,2026-01-01\nC9,MQL,2026-01-01\n") for n in (1, 2)]
    [report] = load(settings, from_options({"stage_events": files}, [], timezone="UTC"))
    assert (report.files, report.loaded, report.duplicates) == (["1.csv", "2.csv"], 3, 1)


def test_segments_get_sensible_kinds(settings: Settings) -> None:
    load_csv(
        settings,
        "contact_id,size,zip,partner,member,first_seen,visit,note,empty,budget,odd day\n"
        "C1,10,01234,Yes,1,2026-01-05,2026-01-05T10:00:00Z,hello,,1000.50,2026-02-30\n"
        "C2,-2.5,99999,no,0,,2026-02-06 11:00,7,,,\n",
        "contacts",
    )
    found = kinds(settings, "contacts")
    assert {name: kind.split("(")[0] for name, kind in found.items()} == {
        "contact_id": "VARCHAR",
        "size": "DOUBLE",
        "zip": "VARCHAR",
        "partner": "BOOLEAN",
        "member": "BOOLEAN",
        "first_seen": "DATE",
        "visit": "DATE",
        "note": "VARCHAR",
        "empty": "VARCHAR",
        "budget": "DOUBLE",
        "odd day": "VARCHAR",
    }
    first = rows(settings, "contacts")[0]
    assert (first["partner"], first["member"], first["visit"]) == (True, True, date(2026, 1, 5))
    assert (first["budget"], first["size"]) == (1000.5, 10.0)


def test_forty_oddly_named_columns(settings: Settings) -> None:
    odd = [
        "a.b[0]",
        "datum['x']",
        "%s",
        ":id",
        "{x}",
        "select",
        "order by",
        "column",
        "äß",
        "列",
        "$1",
        "?",
        "-- x",
        "a\tb",
    ]
    names = [f"{c} {i}" for i, c in enumerate(odd * 3)]
    text = io.StringIO()
    csv.writer(text).writerows([["contact_id", *names], ["C1", *(f"v{i}" for i in range(len(names)))]])
    load_csv(settings, text.getvalue(), "contacts")
    [row] = rows(settings, "contacts")
    assert row == {"contact_id": "C1"} | {name: f"v{i}" for i, name in enumerate(names)}


def test_parquet_gives_what_csv_gives(settings: Settings, tmp_path: Path) -> None:
    table = pa.table(
        {
            "contact_id": pa.array(["C1", None, "C3"]).dictionary_encode(),
            "stage": ["MQL", "SQL", "SAL"],
            "entered_at": pa.array([at(2026, 1, 1, 12), at(2026, 1, 2), None], pa.timestamp("ms", "Europe/Berlin")),
            "lead_score": pa.array([1.5, 2.0, float("nan")]),
            "tags": pa.array([["a"], [], None]),
        }
    )
    pq.write_table(table, tmp_path / "events.parquet")
    [report] = load(settings, from_options({"stage_events": [tmp_path / "events.parquet"]}, []))
    assert rows(settings) == [{"contact_id": "C1", "stage": "MQL", "entered_at": at(2026, 1, 1, 12), "lead_score": 1.5}]
    assert rejects(settings) == [(2, "contact_id", "blank"), (3, "entered_at", "blank")]
    assert report.read == 3


def test_stage_dates_take_the_columns_that_hold_instants(settings: Settings) -> None:
    content = "contact_id,mql_at,sql_at,note\nC1,2026-01-01,,friend of C2\nC2,2026-01-02,2026-01-05,7\nC3,soon,,\n"
    load_csv(settings, content, "stage_dates", timezone="UTC")
    assert kinds(settings, "stage_dates") | {} == {
        "contact_id": "VARCHAR",
        "mql_at": "TIMESTAMP",
        "sql_at": "TIMESTAMP",
        "note": "VARCHAR",
    }
    assert rejects(settings) == [(4, "mql_at", "not an instant (2026-02-28 12:00:00)")]


def test_surveys_may_have_no_answer_and_targets_name_months(settings: Settings) -> None:
    load_csv(settings, "contact_id,score,responded_at\nC1,,\nC2,9,2026-01-01\n", "surveys", timezone="UTC")
    assert [row["score"] for row in rows(settings, "surveys")] == [None, 9.0]
    load_csv(settings, "month,metric,value\n2026-03,mql,1000\n", "targets")
    assert rows(settings, "targets") == [{"month": date(2026, 3, 1), "metric": "mql", "value": 1000.0}]


def test_own_data_takes_the_place_of_the_demo_company(settings: Settings) -> None:
    with Embedded.writing(settings) as warehouse:
        warehouse.append(LOADS, pa.Table.from_pylist([{"loaded_at": at(2026, 1, 1), "table_name": DEMO}], LOADS_SCHEMA))
        warehouse.append("contacts", pa.table({"contact_id": ["invented"]}))
    load_csv(settings, EVENTS + "C1,MQL,2026-01-01\n", timezone="UTC")
    assert {key[1] for key in open_warehouse(settings).tables()} == {"stage_events", LOADS, REJECTS}


@pytest.mark.parametrize(
    ("maps", "options", "said"),
    [
        (["contact_id=lead"], {}, "not of the form"),
        (["orders.order_id=x"], {}, "no file is given for 'orders'"),
        (["stage_events.colour=x"], {}, "stage_events has no column 'colour'"),
        (["stage_events.stage=nope"], {}, r"data\.csv has no column 'nope'"),
        ([], {"timezone": "Mars/Olympus"}, "timezone.*no time zone"),
        ([], {"epoch": "days"}, "epoch"),
        ([], {"decimal": "'"}, "decimal"),
        ([], {"encoding": "klingon"}, "encoding"),
    ],
)
def test_wrong_options_are_told(settings: Settings, maps: Sequence[str], options: dict[str, str], said: str) -> None:
    with pytest.raises(LoadError, match=said):
        load_csv(settings, EVENTS + "C1,MQL,2026-01-01\n", maps=maps, **options)
