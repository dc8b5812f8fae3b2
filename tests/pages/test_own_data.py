"""The pages on exports that ready mappings loaded: they open without a warning, and show what was loaded."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from lifecycle.stages import load_model, shipped_models
from queries.load import load
from queries.mapping import chosen
from queries.ready import build_models
from queries.settings import load_settings
from tests.pages.conftest import Open
from tests.queries.crm_exports import copy

REAL = Path(__file__).parents[3] / "shared" / "data" / "crm" / "hubspot" / "deal_stage_data.csv"
DEALS = Path(__file__).parents[1] / "data" / "hashed_deals.toml"
OVERVIEW, FUNNEL, HEALTH = "pages/overview/overview.py", "pages/funnel/funnel.py", "pages/trust/health.py"


def made(system: str, export: Path, folder: Path, model: Path | None = None) -> Path:
    """A warehouse with what a ready mapping makes of an export, and the model `crm` or one's own."""
    settings = load_settings(warehouse=str(folder))
    load(settings, chosen({}, [], system, export))
    known = shipped_models()
    build_models(settings, [load_model(model) if model else known["crm"]], known)
    return folder


def shown(visit: Open, warehouse: Path, page: str, **params: str) -> list[list[dict[str, Any]]]:
    """The data of the charts on a page; nothing on it says that something is wrong or missing."""
    tab: AppTest = visit(warehouse, **params, page=page)
    assert not [*tab.exception, *tab.error, *tab.warning]
    sets = [data for chart in tab.get("vega_lite_chart") for data in chart.proto.datasets]
    return [pa.ipc.open_stream(data.data.data).read_all().to_pylist() for data in sets]


@pytest.mark.parametrize(("system", "pages"), [("hubspot", (OVERVIEW, FUNNEL, HEALTH)), ("salesforce", (FUNNEL,))])
def test_pages_open_on_an_export(visit: Open, tmp_path: Path, system: str, pages: tuple[str, ...]) -> None:
    warehouse = made(system, copy(system, tmp_path / "export"), tmp_path / "warehouse")
    for page in pages:
        assert shown(visit, warehouse, page, model="crm")


@pytest.mark.skipif(not REAL.is_file(), reason="the real data sets of ../shared/data are not there")
def test_pages_show_deals_whose_stages_are_hashes(visit: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "export").mkdir()
    shutil.copy(REAL, tmp_path / "export")
    shutil.copy(DEALS, tmp_path)
    (tmp_path / "lifecycle.toml").write_text(f'models = ["{DEALS.name}"]\ndefault_model = "hashed_deals"\n')
    monkeypatch.setenv("LIFECYCLE_CONFIG", str(tmp_path / "lifecycle.toml"))
    warehouse = made("hubspot", tmp_path / "export", tmp_path / "warehouse", DEALS)

    def bars(page: str, place: int) -> list[tuple[str, int]]:
        return [(row["label"], row["n"]) for row in shown(visit, warehouse, page)[place]]

    assert bars(OVERVIEW, 0) == [("Begun", 13), ("Middle", 6)]
    assert bars(FUNNEL, 1) == [("Begun", 13), ("Middle", 6)]
    conservation = {row["label"]: row["count"] for row in shown(visit, warehouse, HEALTH)[0]}
    assert (conservation["Events in"], conservation["quarantined"]) == (14, 0)
