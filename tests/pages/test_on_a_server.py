"""The pages on a PostgreSQL of a company's own: what they say there is what they say on the embedded warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from lifecycle.simulate import simulate
from lifecycle.stages import raw_values, shipped_models
from pages.ui import turns
from queries.build import build
from queries.settings import load_settings
from queries.warehouse import writing
from queries.worker import Worker
from tests.engines import Postgres
from tests.pages import warehouses
from tests.pages.conftest import Open
from tests.pages.test_random_states import PAGES, TABS

MODEL, CONTACTS = "crm", 400
LINKS = (
    {"period": "all"},
    {"period": "all", "by": "source", "compare": "none", "where.source": ["organic", "∅"], "window": "60d"},
)
VIEWS = [  # every page but the one that tells of the builds, by tab
    (page, {key: name} if key else {})
    for page in PAGES
    if not page.endswith("health.py")
    for key, names in [TABS.get(Path(page).stem, ("", ("",)))]
    for name in names
]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small company in the embedded warehouse, answered of by a process beside this one, as a server has it."""
    folder = warehouses.company(tmp_path_factory.mktemp("here"), CONTACTS, (MODEL,))
    worker = Worker(load_settings(warehouse=str(folder)), share=1)
    turns.employ([worker])
    yield folder
    turns.employ([])
    worker.stop()


@pytest.fixture(scope="module")
def there(postgres: Postgres) -> Iterator[str]:
    """The same company in tables of a PostgreSQL."""
    known = shipped_models()
    with postgres.database() as url:
        database = url.rsplit("/", 1)[1]
        tables: dict[str, list[pa.Table]] = {}
        for batch in simulate(CONTACTS, as_of=warehouses.AS_OF):
            for name, rows in batch.items():
                tables.setdefault(name, []).append(rows)
        with writing(load_settings(warehouse=url)) as warehouse:
            for name, parts in tables.items():
                postgres.put(warehouse, name, pa.concat_tables(parts), database)
            build(warehouse, known[MODEL], raw_values(m for key, m in known.items() if key != MODEL), full=True)
        yield url


def said(tab: AppTest) -> list[str]:
    """Every number and sentence of a page."""
    assert not tab.exception, tab.exception[0].message
    texts = [element.value for kind in ("markdown", "metric", "info", "warning", "error") for element in tab.get(kind)]
    return [str(text) for text in texts]


def drawn(tab: AppTest) -> list[str]:
    """The rows of every chart and table as they stand, rounded: two engines add up in different orders."""
    charts = [d.data.data for chart in tab.get("vega_lite_chart") for d in chart.proto.datasets]
    rows = [pa.ipc.open_stream(found).read_all().to_pylist() for found in charts]
    rows += [frame.value.to_dict("records") for frame in tab.dataframe]
    return ["\n".join(str([_rounded(v) for v in row.values()]) for row in found) for found in rows]


def _rounded(value: object) -> object:
    return f"{value:.6g}" if isinstance(value, float) else value


@pytest.mark.parametrize("link", LINKS, ids=["everything", "narrowed"])
@pytest.mark.parametrize(("page", "tab"), VIEWS)
def test_a_page_says_the_same(
    visit: Open, here: Path, there: str, page: str, tab: dict[str, str], link: dict[str, str]
) -> None:
    opened = (visit(where, page, model=MODEL, **tab, **link) for where in (here, there))
    first, second = ((said(seen), drawn(seen)) for seen in opened)
    assert first == second
    of_words = page.endswith(("contact.py", "definitions.py")) or tab.get("section") == "Both definitions"
    assert first[1] or of_words  # where nothing is chosen yet, or to be drawn


def test_data_health_accounts_for_the_servers_rows(visit: Open, there: str) -> None:
    tab = visit(there, model=MODEL, page="pages/trust/health.py")
    assert any("events are accounted for" in text for text in said(tab))
