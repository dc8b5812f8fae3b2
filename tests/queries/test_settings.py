"""The configuration: what is accepted, who wins, and what a mistake is answered with."""

import os
import re
import traceback
from pathlib import Path

import pytest

from lifecycle.periods import Calendar
from queries.configfile import MAX_BYTES, ConfigError, line_of
from queries.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    for variable in [name for name in os.environ if name.upper().startswith("LIFECYCLE_")]:
        monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)


def write(text, name="lifecycle.toml"):
    Path(name).write_text(text, encoding="utf-8")
    return Path(name)


def mistake(**overrides):
    with pytest.raises(ConfigError) as caught:
        load_settings(**overrides)
    return caught.value


def test_everything_has_a_default():
    assert load_settings() == Settings()
    assert Settings().is_embedded
    assert Settings().folder == Path("warehouse")
    assert Settings().calendar == Calendar("UTC", "monday", 1)


def test_a_full_file_is_read():
    write("""
        warehouse = "data/warehouse"
        timezone = "America/New_York"
        week_start = "sunday"
        fiscal_month = 4
        models = ["company.toml"]
        threads = 2
        memory_limit = "4GB"

        [switches.crm]
        count_followers = true

        [segments.region]
        label = "Sales region"
        order = 1

        [segments.e_mail]
        hidden = true
        personal = true

        [tables.contacts]
        table = "crm.leads"
        timezone = "Europe/Berlin"
        [tables.contacts.columns]
        contact_id = "Lead: Id (18)"
        """)
    settings = load_settings()
    assert settings.folder == Path("data/warehouse")
    assert settings.calendar == Calendar("America/New_York", "sunday", 4)
    assert settings.models == (Path("company.toml"),)
    assert settings.switches == {"crm": {"count_followers": True}}
    assert settings.segments["region"].label == "Sales region"
    assert settings.segments["e_mail"].personal
    assert settings.tables["contacts"].table == "crm.leads"
    assert settings.tables["contacts"].columns == {"contact_id": "Lead: Id (18)"}


def test_tabs_are_blanks():
    write('[tables.contacts]\n\ttable\t=\t"leads"\n')
    assert load_settings().tables["contacts"].table == "leads"


def test_options_win_over_the_environment_and_that_over_the_file(monkeypatch):
    write('timezone = "Europe/Rome"\nweek_start = "sunday"\nfiscal_month = 2')
    monkeypatch.setenv("LIFECYCLE_TIMEZONE", "Asia/Tokyo")
    monkeypatch.setenv("LIFECYCLE_FISCAL_MONTH", "3")
    settings = load_settings(timezone="Africa/Cairo", warehouse=None)
    assert settings.calendar == Calendar("Africa/Cairo", "sunday", 3)
    assert settings.folder == Path("warehouse")


def test_the_environment_reaches_single_entries_of_a_table(monkeypatch):
    write('[segments.region]\nlabel = "Region"\nhidden = true')
    monkeypatch.setenv("LIFECYCLE_SEGMENTS__REGION__HIDDEN", "false")
    region = load_settings().segments["region"]
    assert (region.label, region.hidden) == ("Region", False)


def test_the_file_may_live_elsewhere_and_its_paths_start_there(tmp_path, monkeypatch):
    home = tmp_path / "etc"
    home.mkdir()
    write('warehouse = "data"\nmodels = ["m.toml", "/opt/m.toml"]', home / "company.toml")
    monkeypatch.setenv("LIFECYCLE_CONFIG", str(home / "company.toml"))
    settings = load_settings()
    assert settings.folder == home / "data"
    assert settings.models == (home / "m.toml", Path("/opt/m.toml"))
    assert load_settings(warehouse="here").folder == Path("here")


def test_a_named_file_must_be_there(monkeypatch):
    monkeypatch.setenv("LIFECYCLE_CONFIG", "absent.toml")
    expected = "absent.toml: cannot be read: No such file or directory. Allowed: a readable TOML file."
    assert str(mistake()) == expected


TOML = 'each setting once, as key = value, text in quotes: timezone = "Europe/Berlin"'
FOLDER = "a folder: the embedded warehouse is a folder of numbered files"
TABLE = "table or schema.table, of letters, digits and underscores"
LIST = 'a list in brackets: ["company.toml"]'
BAD = [
    ('week_start = "tuesday"', 1, "week_start is 'tuesday'", "'monday' or 'sunday'"),
    ("\n# a note\nfiscal_month = 13", 3, "fiscal_month is 13", "at most 12"),
    ("fiscal_month = 0", 1, "fiscal_month is 0", "at least 1"),
    ("fiscal_month = 1.5", 1, "fiscal_month is 1.5", "a whole number"),
    ('fiscal_month = "May"', 1, "fiscal_month is 'May'", "a whole number"),
    ('timezone = "Europe/Berln"', 1, "timezone is 'Europe/Berln', which is no time zone", "Europe/Berlin"),
    ('timezone = "../../etc/passwd"', 1, "timezone is '../../etc/passwd', which is no time zone", None),
    ("timezone = 5", 1, "timezone is 5", "text in quotes"),
    ('period = "fortnight"', 1, "period is 'fortnight'", None),
    ('default_model = "Our Model"', 1, "default_model is 'Our Model'", None),
    ('models = "company.toml"', 1, "models is 'company.toml'", LIST),
    ('models = [\n "a.toml",\n 7]', 1, "models.1 is 7", "a file's path in quotes"),
    ("threads = true", 1, "threads is true", "a number"),
    ("threads = 0", 1, "threads is 0", "at least 1"),
    ("keep_generations = 1", 1, "keep_generations is 1", "at least 2"),
    ("time_limit_seconds = 0", 1, "time_limit_seconds is 0", "more than 0"),
    ("time_limit_seconds = inf", 1, "time_limit_seconds is inf", None),
    ("tolerance_hours = -1", 1, "tolerance_hours is -1", "at least 0"),
    ("lateness_days = nan", 1, "lateness_days is nan", None),
    ('stale_after_days = "soon"', 1, "stale_after_days is 'soon'", "a number"),
    ('memory_limit = "lots"', 1, "memory_limit is 'lots'", "a size such as 4GB"),
    ('personal_data = "perhaps"', 1, "personal_data is 'perhaps'", "true or false"),
    ("build_schema = \"x; drop\"", 1, "build_schema is 'x; drop'", None),
    ('wharehouse = "w"', 1, "wharehouse is no setting", "warehouse"),
    ("warehouse = 5", 1, "warehouse is no text", "text in quotes"),
    ('warehouse = ""', 1, "warehouse is empty", None),
    ('warehouse = "w\\u0000"', 1, "warehouse has characters that cannot be printed", None),
    ('warehouse = "lifecycle.toml"', 1, "warehouse names no folder", FOLDER),
    ("segments = [1]", 1, "segments is a single value", "a table of its own: [segments]"),
    ("[segments.region]\nlabel = 1", 2, "segments.region.label is 1", "text in quotes"),
    ("[segments.region]\n\norder = 1.5", 3, "segments.region.order is 1.5", "a whole number"),
    ("[segments.region]\nlable = 'x'", 2, "segments.region.lable is no setting", "label"),
    ("[goals.crm]\nacceptance = 40", 2, "goals.crm.acceptance is 40", "at most 1"),
    ("[goals.crm]\nacceptence = 0.4", 2, "goals.crm.acceptence is no setting", "acceptance"),
    ("[switches]\ncrm = true", 2, "switches.crm is a single value", None),
    ("[switches.crm]\nfollowers = 'x'", 2, "switches.crm.followers is 'x'", "true or false"),
    ("[tables.contacts]\ntable = '/etc/passwd'", 2, "tables.contacts.table is '/etc/passwd'", TABLE),
    ("[tables.contacts]\ntable = \"read_csv('x')\"", 2, "tables.contacts.table is \"read_csv('x')\"", TABLE),
    ("[tables.contacts]\ntable = 's3://b/k'", 2, "tables.contacts.table is 's3://b/k'", TABLE),
    ("[tables.contacts]\ntable = 'db.system.users'", 2, "tables.contacts.table is 'db.system.users'", TABLE),
    ("[tables.contacts]\ntable = 'system.users'", 2, None, "a table of the company's data"),
    ("tables = {contacts = {timezone = 'CET!'}}", 1, "tables.contacts.timezone is 'CET!', which is no time zone", None),
    ("tables.contacts.columns.contact_id = 3", 1, "tables.contacts.columns.contact_id is 3", "text in quotes"),
    ("[tables.contacts.columns]\n\"a b\" = 'x'", 2, "tables.contacts.columns.a b is 'a b'", None),
    ("[tables.contacts.columns]\nowner = 'a\"b'", 2, None, "the column's name in the warehouse"),
    ("week_start = 'monday'\nweek_start = 'sunday'", 2, "not valid TOML (Cannot overwrite a value)", TOML),
    ("[tables]\n[segments]\n[tables]", 3, "not valid TOML (Cannot declare ('tables',) twice)", TOML),
    ("\n\ntimezone: UTC", 3, None, TOML),
    ("x = " + "[" * 9000, None, "not valid TOML (a number or nesting beyond reason)", "plain values"),
    ("threads = " + "9" * 5000, None, "not valid TOML (a number or nesting beyond reason)", "plain values"),
    ("\ufefftimezone = 'UTC'", 1, "begins with a byte order mark", "UTF-8 without BOM"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "problem", "allowed"), BAD, ids=[repr(text[:40]) for text, *_ in BAD])
def test_a_mistake_is_told_with_its_line_and_what_is_allowed(text, line, problem, allowed):
    write(text)
    told = mistake()
    assert (told.file, told.line) == ("lifecycle.toml", line)
    assert problem in (None, f"{told.key} {told.problem}".strip())
    assert allowed in (None, told.allowed)
    where = f"lifecycle.toml, line {line}: " if line else "lifecycle.toml: "
    assert str(told).startswith(where)
    assert str(told).endswith(f"Allowed: {told.allowed}.")
    assert "\n" not in str(told)


def test_the_first_of_several_mistakes_is_told():
    write("threads = 0\n[segments.a]\norder = 'x'\n[tables.b]\ntable = 5")
    assert mistake().key == "threads"


def test_latin_1_is_told_with_its_line():
    Path("lifecycle.toml").write_bytes("timezone = 'UTC'\n# Zürich\n".encode("latin-1"))
    assert str(mistake()) == "lifecycle.toml, line 2: has bytes that are not UTF-8. Allowed: UTF-8."


def test_a_huge_file_is_not_read():
    with write("").open("wb") as file:
        file.truncate(50_000_000)
    assert str(mistake()) == f"lifecycle.toml: too large. Allowed: at most {MAX_BYTES // 1024} kB."


@pytest.mark.parametrize("name", ["lifecycle.yaml", "lifecycle.yml"])
def test_yaml_is_not_read(name):
    write("!!python/object/apply:os.system ['true']", name)
    assert "is not read. Allowed: TOML." in str(mistake(path=Path(name)))


def test_a_folder_is_no_file():
    Path("lifecycle.toml").mkdir()
    assert mistake().problem == "cannot be read: Is a directory"


def test_mistakes_in_the_environment_name_the_variable(monkeypatch):
    write("[segments.region]\nhidden = true")
    monkeypatch.setenv("LIFECYCLE_SEGMENTS__REGION__HIDDEN", "maybe")
    expected = "environment: LIFECYCLE_SEGMENTS__REGION__HIDDEN is 'maybe'. Allowed: true or false."
    assert str(mistake()) == expected


def test_an_unparsable_variable_is_told(monkeypatch):
    monkeypatch.setenv("LIFECYCLE_TABLES", "{oops")
    assert str(mistake()) == "environment: LIFECYCLE_TABLES cannot be read. Allowed: a JSON value."


def test_a_misspelt_variable_is_told_but_foreign_ones_are_left_alone(monkeypatch):
    monkeypatch.setenv("LIFECYCLE_PORT", "tcp://10.0.0.1:80")
    load_settings()
    monkeypatch.setenv("LIFECYCLE_WAREHOSE", "x")
    assert str(mistake()) == "environment: LIFECYCLE_WAREHOSE is no setting. Allowed: LIFECYCLE_WAREHOUSE."


def test_mistakes_in_options_say_so():
    assert str(mistake(timezone="Mars/Base")).startswith("options: timezone is 'Mars/Base'")


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg://ada:secret@db.example:5432/crm?sslmode=verify-full&application_name=lifecycle",
        "postgresql+psycopg://ada@[::1]/crm",
        "postgresql+psycopg:///crm",
        "clickhousedb:///?interface=chdb",
    ],
)
def test_servers_of_known_kinds(address):
    settings = load_settings(warehouse=address)
    assert not settings.is_embedded
    assert settings.warehouse.get_secret_value() == address


@pytest.mark.parametrize("address", ["data", "duckdb:///data", "./data", "~/data", "/srv/data"])
def test_folders_are_embedded(address):
    settings = load_settings(warehouse=address)
    assert settings.is_embedded
    assert settings.folder.name == "data"
    assert "~" not in str(settings.folder)


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("sqlite+pysqlite:///x", "has a scheme that is not supported"),
        ("sqlite://", "has a scheme that is not supported"),
        ("postgresql://u:canary@h/d", "has a scheme that is not supported"),
        ("POSTGRESQL+PSYCOPG://u:canary@h/d", "has a scheme that is not supported"),
        ("file:/etc/passwd", "has a scheme that is not supported"),
        ("file:///etc/passwd", "has a scheme that is not supported"),
        ("jdbc:postgresql://u:canary@h/d", "has a scheme that is not supported"),
        ("http://169.254.169.254/", "has a scheme that is not supported"),
        ("canary:canary@h/d", "has a scheme that is not supported"),
        ("postgresql+psycopg://u:canary@h/d?options=-csearch_path=x", "has an option that is not allowed (options)"),
        ("postgresql+psycopg://u:canary@h/d?host=169.254.169.254", "has an option that is not allowed (host)"),
        ("postgresql+psycopg://u:canary@h/d?hostaddr=1.2.3.4", "has an option that is not allowed (hostaddr)"),
        ("postgresql+psycopg://u:canary@h/d?service=other", "has an option that is not allowed (service)"),
        ("postgresql+psycopg://u@h/d?passfile=/etc/passwd", "has an option that is not allowed (passfile)"),
        ("postgresql+psycopg://u:canary@h,other/d", "has a host or database with unusual characters"),
        ("postgresql+psycopg://u:canary@h/host=other", "has a host or database with unusual characters"),
        ("postgresql+psycopg://u:canary@h:port/d", "is no valid URL"),
        ("duckdb:///:memory:", "names no folder"),
        ("duckdb://", "is no duckdb URL of a folder"),
        ("duckdb:////etc/passwd", "names no folder"),
        ("duckdb:////etc/../etc", "is no duckdb URL of a folder"),
        ("duckdb:///data?access_mode=read_write", "is no duckdb URL of a folder"),
        ("data.duckdb", "names no folder"),
        (":memory:", "names no folder"),
        (
            "postgresql+psycopg://${NOBODY_SET_THIS}@h/d",
            "needs the environment variable NOBODY_SET_THIS, which is not set",
        ),
    ],
)
def test_other_addresses_are_refused_without_repeating_them(address, problem):
    told = mistake(warehouse=address)
    assert told.problem == problem
    assert "canary" not in str(told)


def test_variables_are_filled_in_where_the_warehouse_is_named_and_nowhere_else(monkeypatch):
    monkeypatch.setenv("CRM_USER", "ada")
    monkeypatch.setenv("CRM_PASSWORD", "p@ss:w/rd")
    monkeypatch.setenv("CRM_HOST", "db.example:5433")
    write(
        'warehouse = "postgresql+psycopg://${CRM_USER}:${CRM_PASSWORD}@${CRM_HOST}/crm"\n'
        'segments.a.label = "${CRM_USER}"'
    )
    settings = load_settings()
    assert settings.warehouse.get_secret_value() == "postgresql+psycopg://ada:p%40ss%3Aw%2Frd@db.example:5433/crm"
    assert settings.segments["a"].label == "${CRM_USER}"
    monkeypatch.setenv("CRM_URL", "postgresql+psycopg://ada:x@db.example/crm")
    assert load_settings(warehouse="${CRM_URL}").warehouse.get_secret_value().endswith("ada:x@db.example/crm")


def test_no_text_of_settings_carries_the_secret():
    settings = Settings(warehouse="postgresql+psycopg://u:canary@h/d")
    assert "canary" not in f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    with pytest.raises(AttributeError) as caught:
        settings.absent  # noqa: B018
    assert "canary" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("text", ["warehouse = ['canary']", "password = 'canary'", "warehouse = 'x://canary'"])
def test_no_traceback_of_a_mistake_carries_a_secret(text):
    write(text)
    assert "canary" not in "".join(traceback.format_exception(mistake()))


def test_settings_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Settings().timezone = "Asia/Tokyo"


def test_lines_inside_long_texts_are_no_settings():
    text = '[segments.a]\nlabel = """\n[tables.b]\nzone = 1\n"""\n[tables.b]\nzone = 2\n'
    assert line_of(text, ("tables", "b", "zone")) == 7
    assert line_of(text, ("tables", "b", "other")) == 6
    assert line_of(text, ("absent",)) is None


def test_every_setting_says_what_is_allowed_when_it_is_given_nonsense():
    for name in Settings.model_fields:
        write(f"{name} = 1979-05-27T07:32:00Z")
        told = mistake()
        assert (told.line, told.key) == (1, name)
        assert not re.search(r"pydantic|Input|<class|https?:", str(told))
