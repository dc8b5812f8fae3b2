"""Working time and the score's cut in the configuration: read, and refused with the line and what is allowed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from lifecycle.business import Business
from queries.configfile import ConfigError
from queries.settings import load_settings


def configured(folder: Path, text: str) -> Path:
    path = folder / "lifecycle.toml"
    path.write_text(text)
    return path


def test_working_time_is_an_option(tmp_path: Path) -> None:
    assert load_settings(configured(tmp_path, 'warehouse = "w"')).working_time is None
    text = """timezone = "Europe/Madrid"
score_cut = 60
[business]
days = ["monday", "friday"]
hours = ["08:30", "24:00"]
holidays = [2026-12-25, "2026-01-06"]
"""
    settings = load_settings(configured(tmp_path, text))
    days = (date(2026, 12, 25), date(2026, 1, 6))
    assert settings.working_time == Business(("monday", "friday"), 510, 1_440, days, "Europe/Madrid")
    assert settings.score_cut == 60
    own = load_settings(configured(tmp_path, '[business]\ntimezone = "Asia/Tokyo"')).working_time
    assert own == Business(timezone="Asia/Tokyo")


@pytest.mark.parametrize(
    ("line", "problem", "allowed"),
    [
        ('days = ["Funday"]', "'Funday'", "monday"),
        ("days = []", "[]", "1"),
        ('hours = ["9", "17:00"]', "'9'", "09:00"),
        ('hours = ["17:00", "09:00"]', "17:00 to 09:00", "opening"),
        ('holidays = ["Christmas"]', "Christmas", "2026-12-25"),
        ('timezone = "Mars"', "'Mars'", "names such as"),
        ("houres = []", "no setting", "hours"),
    ],
)
def test_mistakes_are_answered(tmp_path: Path, line: str, problem: str, allowed: str) -> None:
    with pytest.raises(ConfigError) as mistake:
        load_settings(configured(tmp_path, f"[business]\n{line}\n"))
    assert problem in str(mistake.value) and allowed in str(mistake.value)
    assert mistake.value.line == 2
