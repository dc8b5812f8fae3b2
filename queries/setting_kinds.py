"""What a single setting may hold: types that refuse what is wrong in our own words."""

from __future__ import annotations

import difflib
import re
import zoneinfo
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from lifecycle.business import WEEKDAYS
from lifecycle.periods import PRESETS
from queries import address

SYSTEM_SCHEMAS = {"information_schema", "pg_catalog", "system"}


def _refuse(problem: str, allowed: str) -> PydanticCustomError:
    """A mistake in our own words; `problem` and `allowed` reach the ConfigError as they are."""
    return PydanticCustomError("refused", "{problem}. Allowed: {allowed}", {"problem": problem, "allowed": allowed})


def _words(pattern: str, allowed: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise _refuse(f"is {text[:40]!r}", allowed)
        return text

    return AfterValidator(check)


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise _refuse(f"is {str(value).lower()}", "a number")
    return value


def _timezone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = difflib.get_close_matches(name, zoneinfo.available_timezones(), 1) or ["names such as Europe/Berlin"]
        raise _refuse(f"is {name[:40]!r}, which is no time zone", near[0]) from None
    return name


def _period(name: str) -> str:
    if name not in PRESETS:
        raise _refuse(f"is {name[:40]!r}", ", ".join(PRESETS))
    return name


def _table(name: str) -> str:
    if name.lower().split(".")[0] in SYSTEM_SCHEMAS:
        raise _refuse(f"is {name[:40]!r}, which is the warehouse's own", "a table of the company's data")
    return name


def _hour(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d|24:00", text):
        raise _refuse(f"is {text[:40]!r}", "an hour of the day such as 09:00, up to 24:00")
    return text


def _hours(hours: tuple[str, str]) -> tuple[str, str]:
    if hours[0] >= hours[1]:
        raise _refuse(f"are {hours[0]} to {hours[1]}", "the hour of opening before the hour of closing")
    return hours


def _warehouse(secret: SecretStr) -> SecretStr:
    try:
        return SecretStr(address.resolve(secret.get_secret_value()))
    except address.AddressError as mistake:
        raise _refuse(mistake.problem, mistake.allowed) from None


NAME = r"[A-Za-z_][A-Za-z0-9_]{0,62}"
Whole = Annotated[int, BeforeValidator(_number)]
Score = Annotated[float, BeforeValidator(_number)]
Number = Annotated[float, BeforeValidator(_number), Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, BeforeValidator(_number), Field(ge=0, le=1, allow_inf_nan=False)]
Timezone = Annotated[str, AfterValidator(_timezone)]
Hour = Annotated[str, AfterValidator(_hour)]
Weekday = Annotated[str, _words("|".join(WEEKDAYS), ", ".join(WEEKDAYS))]
Identifier = Annotated[str, _words(NAME, "a name of letters, digits and underscores")]
Table = Annotated[
    str,
    _words(rf"{NAME}(\.{NAME})?", "table or schema.table, of letters, digits and underscores"),
    AfterValidator(_table),
]
ModelName = Annotated[str, _words(r"[a-z][a-z0-9_]{0,62}", "a name of small letters, digits and underscores")]
Column = Annotated[
    str, _words(r"[^\x00-\x1f\x7f\"`]{1,128}", "the column's name in the warehouse")
]  # odd ones are real
Memory = Annotated[str, _words(r"\d+(\.\d+)? ?[KMGT]i?B", "a size such as 4GB")]
Address = Annotated[SecretStr, AfterValidator(_warehouse)]
Preset = Annotated[str, AfterValidator(_period)]
Hours = Annotated[tuple[Hour, Hour], AfterValidator(_hours)]
