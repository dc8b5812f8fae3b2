"""The terminal: the answers of the pages, each mistake in one line with exit code 2, never a traceback."""

from __future__ import annotations

import csv
import inspect
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

import cli
from lifecycle.scope import Scope
from lifecycle.stages import shipped_models
from queries import workbench
from queries.contract import CONTRACT
from queries.funnel import funnel
from queries.ready import ready
from queries.settings import Settings
from queries.warehouse import open_warehouse
from tests.queries import crm_exports

MODEL = """
name = "short"
label = "Short"
[[stages]]
key = "mql"
label = "MQL"
kind = "progress"
enters = ["Marketing qualified"]
[[stages]]
key = "customer"
label = "Customer"
kind = "progress"
enters = ["Closed won"]
"""
EVENTS = "contact_id,stage,entered_at\nC1,MQL,2026-01-01\nC1,Closed won,2026-02-01\nC2,MQL,2026-01-15\nC3,MQL,never\n"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs a command line in an empty folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LIFECYCLE_WAREHOUSE", raising=False)

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["lifecycle", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return call


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small demo company, made by the command itself."""
    folder = tmp_path_factory.mktemp("cli") / "demo"
    with pytest.MonkeyPatch.context() as patch:
        options = ["--contacts", "600", "--seed", "3", "--as-of", "2026-06-30", "--warehouse", str(folder)]
        patch.setattr("sys.argv", ["lifecycle", "demo", *options])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert not ended.value.code
    return folder


def test_demo_fills_the_contract_and_builds_every_model(company: Path) -> None:
    settings = Settings(warehouse=str(company))  # type: ignore[arg-type]
    warehouse = open_warehouse(settings)
    tables = {name for _, name in warehouse.tables()}
    assert {"contacts", "stage_events", "deals", "orders", "traffic", "targets"} <= tables
    assert workbench.count(warehouse, sa.table("contacts")) == 600
    warehouse.close()
    for model in shipped_models().values():
        with ready(settings, model, shipped_models(), say=pytest.fail) as modelled:
            assert modelled.build.counts["used"] > 0


def test_report_gives_the_answer_of_the_pages(run: Run, company: Path) -> None:
    options = ["--from", "2025-01-01", "--to", "2026-01-01", "--window", "90d", "--by", "region", "--grain", "quarter"]
    code, out, _ = run("report", "funnel", "--warehouse", company, "--model", "sal_pql", *options, "--format", "json")
    told = json.loads(out)
    assert code == 0
    assert list(told) == [
        "question", "model", "build", "as_of", "from", "to", "timezone", "basis", "count", "window_seconds", "filters",
        "touched", "rows", "comparison", "trend", "statement", "parameters",
    ]  # fmt: skip
    assert (told["from"], told["to"], told["window_seconds"]) == ("2025-01-01", "2026-01-01", 90 * 86_400)
    settings = Settings(warehouse=str(company))  # type: ignore[arg-type]
    with ready(settings, shipped_models()["sal_pql"], shipped_models()) as modelled:
        first, last = (modelled.build.as_of.replace(year=y, month=1, day=1).date() for y in (2025, 2026))
        whole = Scope("sal_pql", modelled.build.as_of, first, last)
        expected = [(row.stage, row.entered) for row in funnel(modelled, whole).whole]
    lead = told["rows"][0]
    assert (lead["stage"], lead["entered"]) == expected[0]
    parts = [row["entered"] for row in told["rows"] if row["segment"] and row["stage"] == "lead"]
    assert sum(parts) == lead["entered"]
    trend = {row["period"] for row in told["trend"]}
    assert trend == {"2025-01-01", "2025-04-01", "2025-07-01", "2025-10-01"}


def test_report_as_table_and_csv_agree(run: Run, company: Path) -> None:
    options = ["--warehouse", company, "--period", "all", "--where", "region=EMEA"]
    code, table, _ = run("report", "funnel", *options)
    assert code == 0
    _, text, _ = run("report", "funnel", *options, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [r["stage"] for r in rows][:3] == ["subscriber", "lead", "mql"]
    for row in rows:
        assert f"{int(row['entered']):,}" in next(line for line in table.splitlines() if line.startswith(row["label"]))
        assert row["conversion_rate_numerator"] == row["entered"]


def test_where_takes_several_values_and_repeats(run: Run, company: Path) -> None:
    def first(*options: str) -> int:
        _, out, _ = run("report", "funnel", "--warehouse", company, "--period", "all", "--format", "json", *options)
        return json.loads(out)["rows"][0]["entered"]

    apart = first("--where", "region=EMEA"), first("--where", "region=APAC")
    assert (
        first("--where", "region=EMEA,APAC") == first("--where", "region=EMEA", "--where", "region=APAC") == sum(apart)
    )


def test_own_data_from_files_to_a_report(run: Run, tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(EVENTS)
    (tmp_path / "short.toml").write_text(MODEL)
    code, out, _ = run("load", "--stage-events", "events.csv", "--timezone", "UTC")
    assert code == 0
    assert "events.csv, line 5, entered_at: not an instant (2026-02-28 12:00:00) (1 rows)" in out
    code, out, _ = run("report", "funnel", "--model", "short.toml", "--period", "all", "--format", "json")
    assert [row["entered"] for row in json.loads(out)["rows"]] == [2, 1]
    (tmp_path / "events.csv").write_text(EVENTS + "C2,Closed won,2026-02-15\n")
    run("load", "--stage-events", "events.csv", "--timezone", "UTC")
    code, out, _ = run("report", "funnel", "--model", "short.toml", "--period", "all", "--format", "json")
    assert [row["entered"] for row in json.loads(out)["rows"]] == [2, 2], "newer data is built by itself"
    code, out, _ = run("build", "--model", "short.toml", "--model", "crm", "--full")
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines() if line.startswith(("short", "crm"))] == [
        ["short", "5"],
        ["crm", "5"],
    ]


def test_an_export_is_loaded_by_the_name_of_its_system(run: Run) -> None:
    code, out, _ = run("load", "--mapping", "hubspot", "--files", crm_exports.FOLDER / "hubspot")
    assert code == 0
    assert ["contacts", "3", "2", "0", "0", "1"] in [line.split() for line in out.splitlines()]
    assert "stage_dates: hubspot_contact_data.csv has nothing for any stage\n" in out
    assert "engagement_contact.csv, line 10, occurred_at: blank (1 rows)\n" in out
    _, out, _ = run("report", "funnel", "--model", "crm", "--period", "all", "--format", "json")
    assert [row["entered"] for row in json.loads(out)["rows"]] == [2, 2, 2, 1, 1, 1, 0]


def test_demo_never_replaces_own_data(run: Run, tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(EVENTS)
    run("load", "--stage-events", "events.csv", "--timezone", "UTC")
    code, _, err = run("demo", "--contacts", "10")
    assert code == 2
    assert err == (
        "lifecycle: The warehouse holds your own data, which the demo company would replace. "
        "Give the demo company a folder of its own: --warehouse demo.\n"
    )


def test_every_contract_table_can_be_loaded() -> None:
    assert set(CONTRACT) <= set(inspect.signature(cli.load).parameters)


def test_check_tells_what_is_wrong(run: Run, company: Path, tmp_path: Path) -> None:
    code, out, _ = run("check")
    assert code == 1
    assert "WRONG connection: There is no data yet." in out
    (tmp_path / "lifecycle.toml").write_text("stale_after_days = 100_000\n")
    code, out, _ = run("check", "--warehouse", company)
    assert (code, "WRONG" in out) == (0, False)
    assert out.count("conservation of") == len(shipped_models())
    (tmp_path / "lifecycle.toml").write_text("stale_after_days = 0\n")
    code, out, _ = run("check", "--warehouse", company)
    assert (code, "WRONG freshness" in out) == (1, True)


def test_check_fails_where_a_goal_is_missed_and_says_by_how_much(run: Run, company: Path, tmp_path: Path) -> None:
    config, fresh = tmp_path / "lifecycle.toml", "stale_after_days = 100_000\n"
    config.write_text(f"{fresh}[goals.crm]\nacceptance = 0\ndelivered = 1\n")
    code, out, _ = run("check", "--warehouse", company)
    assert (code, "acceptance of crm: " in out, "WRONG" in out) == (0, True, False)
    config.write_text(f"{fresh}[goals.crm]\ndelivered = 1_000_000\n[goals.nobody]\naccepted = 1\n")
    code, out, _ = run("check", "--warehouse", company)
    assert code == 1
    assert re.search(r"WRONG delivered of crm: [\d,]+ leads handed over in .* Missed by 99\d,\d{3} leads", out)
    assert "WRONG goals of nobody: There is no such stage model." in out


SERVER = "postgresql+psycopg://u:geheim@127.0.0.1/d"
REPORT = ("report", "funnel", "--warehouse", "COMPANY")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Missing command"),
        (("fly",), "No such command 'fly'"),
        (("report", "funnel", "--bogus", "1"), "No such option: --bogus"),
        (("load", "--mapping", "hubspt"), "'hubspt' is no file and no ready mapping. Did you mean hubspot?"),
        (("load", "--mapping", "marketo"), "Say where the export lies: --mapping marketo --files FOLDER."),
        (("load", "--mapping", "ours.toml"), "ours.toml: cannot be read: No such file or directory"),
        (("report", "funnel"), "There is no data yet. Run: lifecycle demo"),
        (("report", "funnel", "--warehouse", "mysql://u:geheim@h/d"), "scheme that is not supported"),
        ((*REPORT, "--model", "nope"), "no stage model 'nope'; known: inbound, crm"),
        ((*REPORT, "--model", "nope.toml"), "nope.toml: cannot be read"),
        ((*REPORT, "--basis", "cohorts"), "--basis: 'cohorts' is not known (allowed: cohort, period, stock)"),
        ((*REPORT, "--window", "90"), "--window: "),
        ((*REPORT, "--stages", "lead,nope"), "--stages: 'nope' is no progress stage of crm"),
        ((*REPORT, "--as-of", "2026-02-30"), "--as-of: '2026-02-30' is not a day"),
        ((*REPORT, "--from", "2026-02-01", "--to", "2026-01-01"), "from was later than to"),
        ((*REPORT, "--by", "email"), "--by: 'email' is no segment to break down by"),
        ((*REPORT, "--where", "colour=red"), "--where colour: no such segment"),
        ((*REPORT, "--where", "region=Atlantis"), "--where region: 'Atlantis' does not occur"),
        ((*REPORT, "--where", "region"), "not of the form"),
        ((*REPORT, "--timezone", "Mars"), "--timezone: 'Mars' is not known"),
        ((*REPORT, "--format", "xml"), "'xml' is not one of"),
        (("load",), "No file is given"),
        (("load", "--orders", "none.csv"), "none.csv does not exist"),
        (("load", "--mapping", "none.toml"), "none.toml: cannot be read"),
        (
            ("load", "--orders", "x.csv", "--warehouse", "postgresql+psycopg://u:geheim@127.0.0.1/d"),
            "embedded warehouse only",
        ),
        (("build", "--warehouse", "empty"), "stage_events is not in the warehouse"),
        (("demo", "--contacts", "0"), "Invalid value for '--contacts'"),
        (("demo", "--as-of", "tomorrow"), "--as-of: 'tomorrow' is not an instant"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_two(
    run: Run, company: Path, arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = run(*(str(company) if a == "COMPANY" else a for a in arguments))
    assert (code, out) == (2, "")
    assert said in err
    assert err.startswith("lifecycle: ")
    assert err.count("\n") == 1
    assert "geheim" not in err
    assert "instead" not in err


def test_the_unexpected_is_a_reference_not_a_traceback(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("secret@corp.example")

    monkeypatch.setattr("cli.load_settings", broken)
    code, out, err = run("check")
    assert (code, out, err.count("\n")) == (2, "", 1)
    reference = err.split("Reference ")[1].split()[0]
    assert reference in caplog.text
    assert "secret" not in err + caplog.text


def test_a_deck_and_a_page_are_written_where_asked(run: Run, company: Path, tmp_path: Path) -> None:
    options = ["--warehouse", company, "--period", "all"]
    for kind, start in (("pptx", b"PK"), ("html", b"<!doctype html>"), ("json", b"{")):
        code, out, _ = run("report", "alignment", *options, "--format", kind, "--output", f"taken.{kind}")
        assert (code, out) == (0, "")
        assert (tmp_path / f"taken.{kind}").read_bytes().startswith(start)
    code, _, error = run("report", "alignment", *options, "--format", "pptx", "--output", "nowhere/taken.pptx")
    assert code == 2
    assert "--output" in error
    code, _, error = run("report", "sla", *options, "--format", "pptx")
    assert code == 2
    assert "'pptx' is not one of" in error
