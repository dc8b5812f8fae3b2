"""The pages of pace on the shortest lifecycle, one stage and one exit, and on stays that took no hour."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from lifecycle.durations import OPEN, LifeTable
from lifecycle.stages import load_model
from pages.pace import words_time as words
from queries.build import build
from queries.settings import load_settings
from queries.warehouse import writing
from tests.pages.conftest import Open
from tests.pages.reading import texts

MODEL = Path(__file__).parents[1] / "data" / "telephone.toml"
MOVES = ("From each stage", "Paths", "Routes", "Coming back", "Stock and flow")
TIMES = ("Every stage", "One stage", "Compared", "Trend", "Stalled", "End to end")


@pytest.fixture
def subscribers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Fifty who came, half of whom left after a month or two; nobody came back."""
    came = datetime(2025, 6, 1)
    rows = [(f"c{i}", "Customer", came + timedelta(days=i)) for i in range(50)]
    rows += [(who, "Churned", at + timedelta(days=30 + i)) for i, (who, _, at) in enumerate(rows[::2])]
    columns = dict(zip(("contact_id", "stage", "entered_at"), zip(*rows, strict=True), strict=True))
    columns["entered_at"] = pa.array(columns["entered_at"], pa.timestamp("us"))
    contacts = {"contact_id": [f"c{i}" for i in range(50)], "plan": ["paid", "free"] * 25}
    with writing(load_settings(warehouse=str(tmp_path / "warehouse")), fresh=True) as warehouse:
        warehouse.append("stage_events", pa.table(columns))  # type: ignore[attr-defined]  # the embedded one
        warehouse.append("contacts", pa.table(contacts))  # type: ignore[attr-defined]
        build(warehouse, load_model(MODEL))
    (tmp_path / "lifecycle.toml").write_text(f'models = ["{MODEL}"]\ndefault_model = "telephone"\n')
    monkeypatch.setenv("LIFECYCLE_CONFIG", str(tmp_path / "lifecycle.toml"))
    return tmp_path / "warehouse"


@pytest.mark.parametrize(
    ("page", "parameter", "part"),
    [("moves", "moves", part) for part in MOVES] + [("time_in_stage", "pace", part) for part in TIMES],
)
@pytest.mark.parametrize("more", [{}, {"by": "plan", "compare": "previous"}], ids=["plain", "compared"])
def test_one_stage_and_one_exit_have_every_part(
    visit: Open, subscribers: Path, page: str, parameter: str, part: str, more: dict[str, str]
) -> None:
    tab = visit(subscribers, page=f"pages/pace/{page}.py", **{parameter: part}, **more)
    assert not [*tab.exception, *tab.error, *tab.warning]
    said = texts(tab)
    if part in ("Routes", "End to end"):
        assert "a single stage" in said
    if part == "Coming back":
        assert "Nobody who left in this period is back yet" in said
        assert "Every journey starts with Customer, the goal" in said
        assert not tab.get("vega_lite_chart")
    if part == "From each stage":
        assert "None of 25 moves leads back" in said
    if part == "One stage":
        assert "have left Customer" in said
        assert "advanced," not in said


def test_what_took_no_hour_is_not_said_to_have_taken_no_time() -> None:
    """The first bin of a life table reaches from nothing to an hour."""
    table = LifeTable(((0.0, "advanced", 90), (86_400.0, OPEN, 10)))
    assert (words.half(table), words.quantile(table, 0.5)) == ("1 h", "under 1 h")
    assert words.quantile(table, 0.95) == "not reached"
    assert words.told(7_200.0) == "2.0 h"
