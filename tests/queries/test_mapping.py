"""Mapping files: the vocabulary, its mistakes, and what it makes of real exports."""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from lifecycle.scope import Scope
from lifecycle.stages import load_model, raw_values, shipped_models
from queries.batches import LoadError
from queries.configfile import ConfigError
from queries.expressions import expression
from queries.funnel import funnel
from queries.leaving import leaving
from queries.load import load
from queries.mapping import Source, from_file, from_options
from queries.ready import ready
from queries.settings import Settings
from tests.queries.loading import load_mapping, rows

HERE = Path(__file__).parents[1] / "data"
REAL = Path(__file__).parents[3] / "shared" / "data"
real_data = pytest.mark.skipif(not REAL.is_dir(), reason="the real data sets of ../shared/data are not there")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(warehouse=str(tmp_path / "warehouse"))  # type: ignore[arg-type]


def test_the_vocabulary(settings: Settings) -> None:
    mapping = """
    [subscriptions]
    file = "people.csv"
    columns.subscription_id = { concat = ["id", { constant = "-" }, "plan"] }
    columns.contact_id = { first_of = ["nick", "id"] }
    columns.started_at = { months_before = "months", instant = { constant = "2024-03-31T12:00:00Z" } }
    columns.ended_at = { months_after = "months", instant = { constant = "2024-03-31T12:00:00Z" } }
    columns.mrr = { case = [
        { where = { plan = ["basic", "free"] }, then = { constant = 0 } },
        { where = { plan = { not = "gone" }, price = { blank = false } }, then = "price" },
    ] }
    """
    people = (
        "id,nick,plan,months,price\n1,,basic,1,9\n2,Zoe,pro,13,20\n3,,gone,0,30\n4,,pro,,\n5,,pro,x,1\n6,,pro,1.5,1\n"
    )
    [report] = load_mapping(settings, mapping, people=people)
    noon = datetime(2024, 3, 31, 12)
    assert rows(settings, "subscriptions", "subscription_id", "contact_id", "started_at", "ended_at", "mrr") == [
        ("1-basic", "1", noon.replace(month=2, day=29), noon.replace(month=4, day=30), 0.0),
        ("2-pro", "Zoe", noon.replace(year=2023, month=2, day=28), noon.replace(year=2025, month=4, day=30), 20.0),
        ("3-gone", "3", noon, noon, None),
    ]
    assert {(column, reason): n for (_, column, reason), n in report.reasons.items()} == {
        ("started_at", "blank"): 1,
        ("started_at", "not an instant (2026-02-28 12:00:00)"): 2,
    }


def test_one_row_per_key(settings: Settings) -> None:
    mapping = """
    [contacts]
    file = "clicks.csv"
    timezone = "UTC"
    one_per = "contact_id"
    order_by = "created_at"
    keep = "{keep}"
    columns.contact_id = "user"
    columns.created_at = {{ {pick} = "time" }}
    columns.page = "page"
    kinds.page = "text"
    """
    clicks = "user,time,page\nA,2026-01-02,2\nA,2026-01-01,1\nA,2026-01-03,3\nB,2026-01-01,9\n"
    [report] = load_mapping(settings, mapping.format(keep="first", pick="min"), clicks=clicks)
    assert (report.read, report.loaded, report.duplicates) == (4, 2, 2)
    first, last, only = datetime(2026, 1, 1), datetime(2026, 1, 3), datetime(2026, 1, 1)
    assert rows(settings, "contacts", "contact_id", "created_at", "page") == [("A", first, "1"), ("B", only, "9")]
    load_mapping(settings, mapping.format(keep="last", pick="max"), clicks=clicks)
    assert rows(settings, "contacts", "contact_id", "created_at", "page") == [("A", last, "3"), ("B", only, "9")]


def test_filters_and_parts(settings: Settings) -> None:
    mapping = """
    [contact_merges]
    file = "people.csv"
    where.deleted = { not = [true] }
    columns.merged_id = { each = "merged", separator = ";" }
    columns.surviving_id = "id"
    """
    people = "id,merged,deleted\n1,7;8,false\n2,,false\n3,9,true\n4,5,\n"
    [report] = load_mapping(settings, mapping, people=people)
    assert rows(settings, "contact_merges", "merged_id", "surviving_id") == [("5", "4"), ("7", "1"), ("8", "1")]
    assert (report.read, report.left_out) == (5, 2)


def test_nothing_in_a_mapping_reaches_a_statement(settings: Settings) -> None:
    hostile = "query('drop table contacts')"
    mapping = f'[contacts]\nfile = "people.csv"\ncolumns.contact_id = "{hostile}"'
    with pytest.raises(LoadError, match="has no column"):
        load_mapping(settings, mapping, people="id\n1\n")
    mapping = (
        f'[contacts]\nfile = "people.csv"\ncolumns.contact_id = "id"\ncolumns.owner = {{ constant = "{hostile}" }}'
    )
    load_mapping(settings, mapping, people="id\n1\n")
    assert rows(settings, "contacts", "owner") == [(hostile,)]


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        ('columns.stage = { sql = "select 1" }', 3, "is no expression. Allowed: a column's name, constant"),
        ('columns.stage = { concat = [{ min = "a" }] }', 3, "cannot stand inside"),
        ('columns.stage = { case = [{ when = "a" }] }', 3, "is no case. Allowed"),
        ('columns.stages = "a"', 1, "no column 'stages'. Allowed: stage"),
        ('where.event = { like = "p%" }', 3, "Allowed: a text, a list"),
        ('columns.lead_score = { min = "a" }', 1, "min or max without one_per. Allowed"),
        ('one_per = "x"', 1, "names 'x'"),
        ('keep = "first"\norder_by = "stage"', 1, "nothing without one_per"),
        ('timezone = "Europe/Berlim"', 3, "Europe/Berlin"),
        ('epoch = "days"', 3, "'s', 'ms' or 'us'"),
        ('sheet = "1"', 3, "is no setting"),
    ],
)
def test_mistakes_are_told_with_line_and_what_is_allowed(settings: Settings, body: str, line: int, said: str) -> None:
    mapping = f'[stage_events]\nfile = "a.csv"\n{body}\n'
    with pytest.raises(ConfigError) as mistake:
        load_mapping(settings, mapping)
    assert mistake.value.line == line
    assert said in str(mistake.value)


def test_options_say_what_a_mapping_leaves_open(settings: Settings, tmp_path: Path) -> None:
    mapping = """
    [stage_events]
    file = "a.csv"
    {zone}
    """
    (tmp_path / "a.csv").write_text("contact_id;stage;entered_at\nC1;MQL;2026-01-01\n")
    for zone, hour in (("", 5), ('timezone = "Asia/Tokyo"', 15)):
        (tmp_path / "mapping.toml").write_text(mapping.format(zone=zone))
        load(settings, from_file(tmp_path / "mapping.toml", timezone="America/New_York"))
        [(at,)] = rows(settings, "stage_events", "entered_at")
        assert at.hour == hour


@pytest.mark.parametrize("body", ['one_per = "account_id"', 'kinds.shoe_size = "text"'])
def test_keys_and_kinds_must_be_columns_that_the_table_gets(settings: Settings, body: str) -> None:
    with pytest.raises(LoadError, match="which contacts does not get"):
        load_mapping(settings, f'[contacts]\nfile = "a.csv"\n{body}\n', a="contact_id\nC1\n")


def test_unknown_tables_and_missing_files_are_told(settings: Settings) -> None:
    with pytest.raises(ConfigError, match=r"orderz is no contract table\. Allowed: orders"):
        load_mapping(settings, '[orderz]\nfile = "a.csv"')
    with pytest.raises(ConfigError, match=r"orders\.file is missing"):
        load_mapping(settings, '[orders]\ncolumns.order_id = "id"')
    with pytest.raises(LoadError, match=r"a\.csv does not exist"):
        load_mapping(settings, '[orders]\nfile = "a.csv"')


def test_the_mapping_that_is_explained_works(settings: Settings) -> None:
    """The example of queries/crm/README.md, and every word of its tables."""
    text = (HERE.parents[1] / "queries" / "crm" / "README.md").read_text(encoding="utf-8")
    reports = load_mapping(
        settings,
        text.split("```toml\n")[1].split("```")[0],
        status_changes="lead_id,field,new_value,changed_at\n1,status,MQL,2026-01-02\n1,status,MQL,2026-01-03\n1,x,y,\n",
        deals="id,phase_id,created,closed\nD,won,2026-01-01,2026-01-05\nE,open,2026-01-02,2026-12-31\n",
        phases="id,label,closed,won\nwon,Won,TRUE,TRUE\nopen,Open,FALSE,FALSE\n",
        deal_people="deal_id,contact_id,removed\nD,1,\nD,2,no\nD,3,yes\n",
    )
    assert [(r.table, r.loaded, r.left_out) for r in reports] == [("stage_events", 1, 2), ("deals", 2, 0)]
    assert rows(settings, "deals", "deal_id", "contact_id", "closed_at", "is_won") == [
        ("D", "2", datetime(2026, 1, 5), True),
        ("E", None, None, None),
    ]
    of_a_file, of_a_column = (text.split(f"## A {what}\n")[1].split("##")[0] for what in ("file", "column"))
    first_cells = [line.split("|")[1] for line in of_a_file.splitlines() if line.startswith("| `")]
    assert {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)} == Source.model_fields.keys()
    forms = [form for form in re.findall(r"^\| `(.+?)`", of_a_column, re.MULTILINE) if "…" not in form]
    assert len(forms) == 7
    for form in forms:
        assert expression(tomllib.loads(f"form = {form}")["form"])


# --- real exports ---------------------------------------------------------------------------------------------------


def entered(settings: Settings) -> list[int]:
    """Who entered each stage of the shop's model, in this order, at any time."""
    model = load_model(HERE / "shop.toml")
    with ready(settings, model, {**shipped_models(), model.name: model}) as modelled:
        scope = Scope(model=model.name, as_of=modelled.build.as_of, count="ordered")
        answer = funnel(modelled, scope)
        assert modelled.build.counts["quarantined"] == 0
    return [row.entered for row in answer.whole]


@real_data
def test_a_click_stream_becomes_contacts_events_and_orders(settings: Settings) -> None:
    reports = {r.table: r for r in load(settings, from_file(HERE / "clicks.toml", REAL / "clicks"))}
    assert {name: (r.read, r.quarantined) for name, r in reports.items()} == dict.fromkeys(
        ("stage_events", "contacts", "orders"), (31_106, 0)
    )
    assert (reports["contacts"].loaded, reports["orders"].loaded) == (600, 470)
    assert entered(settings) == [600, 596, 502, 419, 315, 209, 109]


@real_data
def test_a_session_can_be_the_entity(settings: Settings) -> None:
    maps = [
        f"stage_events.{c}={x}"
        for c, x in zip(("contact_id", "stage", "entered_at"), ("session_id", "event", "timestamp"), strict=True)
    ]
    load(settings, from_options({"stage_events": [REAL / "clicks" / "events.csv.gz"]}, maps, timezone="UTC"))
    assert entered(settings) == [2837, 2108, 602, 271, 96, 27, 4]


@real_data
def test_a_subscriber_list_becomes_subscriptions(settings: Settings) -> None:
    load(settings, from_file(HERE / "telco.toml", REAL / "telco"))
    found = rows(settings, "subscriptions", "contact_id", "started_at", "ended_at", "mrr")
    ended = [row for row in found if row[2] is not None]
    assert (len(found), len(ended)) == (7_043, 1_869)
    assert round(sum(row[3] for row in found), 2) == 456_116.60
    assert round(sum(row[3] for row in ended), 2) == 139_130.85
    contract = dict(rows(settings, "contacts", "contact_id", "contract"))
    monthly = [row for row in found if contract[row[0]] == "Month-to-month"]
    assert (len(monthly), sum(row[2] is not None for row in monthly)) == (3_875, 1_655)

    def survival(subscriptions: list[tuple[Any, ...]]) -> SurvfuncRight:
        months = [(2020 - s.year) * 12 + 1 - s.month for _, s, *_ in subscriptions]
        return SurvfuncRight(months, [end is not None for _, _, end, _ in subscriptions])

    curve = survival(found)
    by_month = dict(zip(curve.surv_times, curve.surv_prob, strict=True))
    assert [round(by_month[m], 4) for m in (12, 24, 72)] == [0.8432, 0.7887, 0.5928]
    assert survival(monthly).quantile(0.5) == 35


@real_data
def test_a_subscriber_list_builds(settings: Settings) -> None:
    load(settings, from_file(HERE / "telco.toml", REAL / "telco"))
    model = load_model(HERE / "telephone.toml")
    with ready(settings, model, shipped_models()) as modelled:
        assert modelled.build.as_of == datetime(2020, 1, 1)
        counts = modelled.build.counts
        assert (counts["in"], counts["used"]) == (8_912, 8_912)
        [row] = funnel(modelled, Scope(model=model.name, as_of=modelled.build.as_of)).whole
        assert (row.entered, row.left, row.open) == (7_043, 1_869, 5_174)
        left = leaving(modelled, Scope(model=model.name, as_of=modelled.build.as_of))
        assert (left.n, left.on, left.then, left.months) == (1_869, date(2020, 1, 1), 1_869, 72)
        assert left.is_on_one_day
        names = {s.name: s.kind for s in modelled.catalog.segments}
    assert (names["contract"], names["tenure_months"], names["partner"]) == ("choice", "number", "flag")
    assert raw_values([model]) == {"customer", "churned"}
