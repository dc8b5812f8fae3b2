"""The configuration of a deployment: `lifecycle.toml` and environment variables, checked before anything else runs."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence, Set
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, SettingsError

from lifecycle.business import WEEKDAYS, Business
from lifecycle.periods import Calendar
from queries import address
from queries.configfile import ConfigError, line_of, read_config
from queries.setting_kinds import (
    Address,
    Column,
    Hours,
    Identifier,
    Memory,
    ModelName,
    Number,
    Preset,
    Score,
    Share,
    Table,
    Timezone,
    Weekday,
    Whole,
)

FILE = "lifecycle.toml"
PREFIX = "LIFECYCLE_"

WORDS = {  # the start of pydantic's type of error → what is allowed
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "string": "text in quotes",
    "path": "a file's path in quotes",
    "date": "a day such as 2026-12-25",
    "tuple": 'a list in brackets: ["company.toml"]',
    "greater_than_equal": "at least {ge:g}",
    "greater_than": "more than {gt:g}",
    "less_than_equal": "at most {le:g}",
}


class SegmentSetting(BaseModel):
    """How one segment is offered: its label, its place, whether at all, and whether it is personal data.

    Without a word on `personal` a column's name decides: names, e-mail addresses, telephone numbers and the like are.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    label: str | None = None
    hidden: bool = False
    personal: bool | None = None
    order: Whole | None = None


class TableMapping(BaseModel):
    """Where one contract table is found: its table there, its columns there, and the zone of its naive instants."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    table: Table | None = None
    columns: dict[Identifier, Column] = {}  # contract column → source column
    timezone: Timezone | None = None


class BusinessSetting(BaseModel):
    """Working time, in which the service level is measured: days, hours, days off, their zone (else `timezone`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = WEEKDAYS[:5]
    hours: Hours = ("09:00", "17:00")
    holidays: tuple[date, ...] = ()
    timezone: Timezone | None = None


class GoalSetting(BaseModel):
    """What a month's leads are to come to: shares from 0 to 1, and numbers of leads; those that are absent are no goal.

    `lifecycle check` fails where the last whole month misses one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    acceptance: Share | None = None  # of the decided, accepted
    coverage: Share | None = None  # of the accepted, handed over by marketing
    decided: Share | None = None  # of the due, decided in time
    service_level: Share | None = None  # of the due, touched in time
    delivered: Number | None = None  # leads handed over
    accepted: Number | None = None  # of these, accepted

    @property
    def wanted(self) -> dict[str, float]:
        """The goals that are set, by name."""
        return {name: float(value) for name, value in self if value is not None}


class Settings(BaseSettings):
    """What a deployment decides. `Settings()` alone reads only the environment; `load_settings` adds the file."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    warehouse: Address = SecretStr("warehouse")
    source_schema: Identifier | None = None
    build_schema: Identifier = "lifecycle"
    timezone: Timezone = "UTC"
    week_start: Literal["monday", "sunday"] = "monday"
    fiscal_month: Annotated[Whole, Field(ge=1, le=12)] = 1
    period: Preset = "last_12_months"
    default_model: ModelName = "crm"
    models: tuple[Path, ...] = ()  # a company's own model files
    switches: dict[ModelName, dict[str, bool]] = {}  # model → switch → on
    tolerance_hours: Number = 24  # how far ahead of loading an instant may lie
    lateness_days: Number = 3  # how late rows may arrive and still be found by an incremental build
    stale_after_days: Number = 3
    time_limit_seconds: Annotated[Number, Field(gt=0, le=3600)] = 15
    memory_limit: Memory | None = None
    threads: Annotated[Whole, Field(ge=1, le=1024)] | None = None
    keep_generations: Annotated[Whole, Field(ge=2, le=1000)] = 3
    segments: dict[str, SegmentSetting] = {}
    tables: dict[Identifier, TableMapping] = {}
    business: BusinessSetting | None = None  # absent: every hour of every day counts
    goals: dict[ModelName, GoalSetting] = {}  # model → what a month's handoff is to come to
    score_cut: Score | None = None  # lead score from which marketing hands over
    personal_data: bool = False  # whether names and e-mails are shown; else they are masked

    @property
    def calendar(self) -> Calendar:
        """How the company counts days, weeks and fiscal quarters."""
        return Calendar(self.timezone, self.week_start, self.fiscal_month)

    @property
    def working_time(self) -> Business | None:
        """The company's working time, where it declares one."""
        if self.business is None:
            return None
        opens, closes = (int(hour[:2]) * 60 + int(hour[3:]) for hour in self.business.hours)
        zone = self.business.timezone or self.timezone
        return Business(self.business.days, opens, closes, self.business.holidays, zone)

    @property
    def is_embedded(self) -> bool:
        """Whether the warehouse is a folder of this machine, not a server."""
        return address.is_folder(self.warehouse.get_secret_value())

    @property
    def folder(self) -> Path:
        """The embedded warehouse's folder; only where `is_embedded`."""
        return Path(self.warehouse.get_secret_value()).expanduser()


def load_settings(path: Path | None = None, **overrides: Any) -> Settings:
    """The settings of this deployment: `overrides`, else environment variables LIFECYCLE_…, else the file.

    The file is `path`, else the one that LIFECYCLE_CONFIG names, else lifecycle.toml in the working folder where there
    is one. Paths in it are relative to it. Raises ConfigError for the first mistake.
    """
    chosen = path or (Path(named) if (named := os.environ.get(f"{PREFIX}CONFIG")) else None)
    if chosen is None and Path(FILE).exists():
        chosen = Path(FILE)
    values, text = read_config(chosen) if chosen else ({}, "")
    environment = _environment()
    overrides = {key: value for key, value in overrides.items() if value is not None}
    try:
        settings = Settings(**_merge(_merge(values, environment), overrides))
    except ValidationError as mistakes:
        details = mistakes.errors(include_url=False)
    else:
        return _at_home(settings, chosen.parent if chosen else Path(), values.keys() - environment - overrides.keys())
    name = chosen.name if chosen else FILE
    found = [_explain(detail, name, text, environment, overrides) for detail in details]
    raise min(found, key=lambda mistake: mistake.line or 0)


def _environment() -> dict[str, Any]:
    """What LIFECYCLE_… variables set; a misspelt one is refused, since a default would silently take its place."""
    names = [*Settings.model_fields, "config"]
    for variable in os.environ:
        setting = variable.lower().removeprefix(PREFIX.lower()).split("__")[0]
        near = difflib.get_close_matches(setting, names, 1, cutoff=0.8)
        if variable.upper().startswith(PREFIX) and near and setting not in names:
            raise ConfigError("environment", None, variable, "is no setting", f"{PREFIX}{near[0].upper()}")
    try:
        return EnvSettingsSource(Settings)()
    except SettingsError as mistake:
        key = next((f for f in Settings.model_fields if f'"{f}"' in str(mistake)), "")
        raise ConfigError("environment", None, PREFIX + key.upper(), "cannot be read", "a JSON value") from None


def _merge(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    """`high` over `low`, tables within tables."""
    both = {
        k: _merge(low[k], high[k]) for k in low.keys() & high if isinstance(low[k], dict) and isinstance(high[k], dict)
    }
    return {**low, **high, **both}


def _at_home(settings: Settings, home: Path, from_file: Set[str]) -> Settings:
    """The settings with relative paths that came from the file taken from the file's folder."""
    update: dict[str, Any] = {}
    if "models" in from_file:
        update["models"] = tuple(home / model for model in settings.models)
    if "warehouse" in from_file and settings.is_embedded:
        update["warehouse"] = SecretStr(str(home / settings.folder))
    return settings.model_copy(update=update)


def _explain(
    detail: ErrorDetails, file: str, text: str, environment: Mapping[str, Any], overrides: Mapping[str, Any]
) -> ConfigError:
    """One mistake in words: where it stands, what is wrong, what is allowed. Only harmless values are repeated."""
    path = [part for part in detail["loc"] if part != "[key]"]
    problem, allowed = _in_words(detail, path)
    key = ".".join(map(str, path))
    if _sets(overrides, path):
        return ConfigError("options", None, key, problem, allowed)
    if _sets(environment, path):
        return ConfigError("environment", None, PREFIX + "__".join(map(str, path)).upper(), problem, allowed)
    return ConfigError(file, line_of(text, path), key, problem, allowed)


def _sets(values: Any, path: Sequence[int | str]) -> bool:
    """Whether the setting at `path` has its value from here."""
    if not path or not isinstance(values, dict):
        return True
    return path[0] in values and _sets(values[path[0]], path[1:])


def _in_words(detail: ErrorDetails, path: list[int | str]) -> tuple[str, str]:
    if detail["type"] == "refused":
        return detail["ctx"]["problem"], detail["ctx"]["allowed"]
    if detail["type"] == "extra_forbidden":
        inner: dict[str, type[BaseModel]] = {
            "segments": SegmentSetting,
            "tables": TableMapping,
            "business": BusinessSetting,
            "goals": GoalSetting,
        }
        names = list((inner[str(path[0])] if len(path) > 1 else Settings).model_fields)
        return "is no setting", ", ".join(difflib.get_close_matches(str(path[-1]), names, 1) or names)
    if detail["type"] in ("model_type", "dict_type"):
        return "is a single value", f"a table of its own: [{'.'.join(map(str, path))}]"
    words = next((words for start, words in WORDS.items() if detail["type"].startswith(start)), "")
    allowed = words.format(**detail.get("ctx", {})) or detail["msg"].removeprefix("Input should be ")
    return ("is no text" if path[0] == "warehouse" else f"is {repr(detail['input'])[:40]}"), allowed
