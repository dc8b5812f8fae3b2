"""What a page says and draws, read back from a headless tab."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from streamlit.testing.v1 import AppTest


def texts(tab: AppTest) -> str:
    """Everything that is said on the page, as people read it."""
    said = "\n".join(str(m.value) for m in [*tab.markdown, *tab.caption, *tab.info, *tab.warning])
    assert r"\\" not in said, "escaped twice"
    return said.replace("\\", "").replace("\u2060", "").replace("\u00a0", " ")


def drawn(tab: AppTest, alt: str, dataset: str = "main") -> list[dict[str, Any]]:
    """The rows of the chart whose words for screen readers start so."""
    for chart in tab.get("vega_lite_chart"):
        if chart.proto.alt.startswith(alt):
            found = next(d for d in chart.proto.datasets if d.name == dataset)
            return pa.ipc.open_stream(found.data.data).read_all().to_pylist()
    raise AssertionError([chart.proto.alt for chart in tab.get("vega_lite_chart")])


def opened(tab: AppTest, column: str, row: int = 0) -> str:
    """Pick a row of the list with this column, as a click does: the id in it, whose history and link must follow."""
    grid = next(t for t in tab.dataframe if column in t.value.columns)
    who = str(grid.value["Contact"].iloc[row])
    tab.session_state[grid.key] = {"selection": {"rows": [row]}}
    tab.run()
    assert not tab.exception
    assert re.search(rf"^##### {who} (came|has|is)\b", texts(tab), re.MULTILINE), texts(tab)
    assert f"contact={who}" in [link.proto.query_string for link in tab.get("page_link")]
    return who


def painted(tab: AppTest, alt: str) -> dict[str, str]:
    """The colour of each series of that chart, in order of appearance."""
    chart = next(c for c in tab.get("vega_lite_chart") if c.proto.alt.startswith(alt))
    names = dict.fromkeys(row["series"] for row in drawn(tab, alt))
    (colours,) = {tuple(found) for found in ranges(json.loads(chart.proto.spec))}
    return dict(zip(names, colours, strict=True))


def ranges(part: Any) -> Iterator[list[str]]:
    """The colours of every scale of series in a specification."""
    if isinstance(part, dict):
        if part.get("field") == "series" and "scale" in part:
            yield part["scale"]["range"]
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from ranges(each)
