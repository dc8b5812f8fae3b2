"""What people take away: no live formula, no damaged number, pictures that say what they show."""

from __future__ import annotations

import csv
import io
import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.ui import charts, export

SCOPE = ["CRM lifecycle", "as of 1 Mar 2026 11:55 UTC", "source is referral"]
LIVE = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "|calc",
    "%0A",
    "\uff1d1",
    " =1",
    "'=1",
    '"=1',
    "\u200b=1",
]


def cells(content: bytes) -> list[list[str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(content[3:].decode(), newline="")))


@pytest.mark.parametrize("text", LIVE)
def test_formulas_are_neutralised_in_cells_headers_and_filters(text: str) -> None:
    header, row = cells(export.to_csv(pd.DataFrame({text: [text]}), [text]))
    assert all(cell.startswith("'") for cell in (header[0], *row))


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**62), 2**62))
def test_numbers_stay_numbers(number: float) -> None:
    row = cells(export.to_csv(pd.DataFrame({"n": [number]}), SCOPE))[1]
    assert type(number)(row[0]) == number


@pytest.mark.parametrize("text", ["+4.2 pp", "-12 %", "+0.0 %"])
def test_changes_are_no_formulas(text: str) -> None:
    assert cells(export.to_csv(pd.DataFrame({"change": [text]}), SCOPE))[1][0] == text


@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=20))
def test_other_texts_are_not_damaged(text: str) -> None:
    row = cells(export.to_csv(pd.DataFrame({"t": [text]}), SCOPE))[1]
    assert row[0].removeprefix("'") == text.removeprefix("'")


def test_every_row_says_what_was_filtered_and_missing_is_empty() -> None:
    frame = pd.DataFrame({"a": [1.5, float("nan"), float("inf")], "b": ["x", None, pd.NaT]})
    header, *rows = cells(export.to_csv(frame, SCOPE))
    assert header == ["a", "b", "shown"]
    assert [row[:2] for row in rows] == [["1.5", "x"], ["", ""], ["", ""]]
    assert {row[2] for row in rows} == {" · ".join(SCOPE)}


@given(st.text())
def test_file_names_are_plain(title: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,60}\.csv", export.file_name(title, "csv"))


STAGES = pd.DataFrame(
    {
        "stage": ["lead", "mql"],
        "label": ["Lead", "MQL <b>&"],
        "n": [100, 40],
        "note": ["", "40 % of Lead"],
        "short": ["", "40 %"],
    }
)
OUTCOMES = pd.DataFrame(
    {
        "stage": ["lead", "lead", "mql"],
        "label": ["Lead", "Lead", "MQL <b>&"],
        "outcome": ["advanced", "exited", "open"],
        "n": [40, 60, 40],
    }
)


def test_a_picture_carries_title_filters_and_cut_off() -> None:
    svg = export.to_image(charts.waterfall(OUTCOMES, STAGES), "svg", "Where they leave", SCOPE).decode()
    for said in ("Where they leave", "as of 1 Mar 2026", "source is referral", "40 % of Lead", "Inter"):
        assert said in svg
    assert "currentColor" not in svg, "the page's ink becomes print's"
    assert not re.search(r'(href|src)="(?!#)', svg), "nothing is fetched"


def test_small_multiples_print_as_one_picture() -> None:
    panels = {name: charts.steps(STAGES) for name in ("North", "South", "East", "West")}
    svg = export.to_image(panels, "svg", "By region", SCOPE).decode()
    assert all(name in svg for name in ("North", "South", "East", "West"))
    assert export.to_image(panels, "png", "By region", SCOPE).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "text", ["a\x07b", "\x00", "\x1b[0m", "\ufffe", "🎈" * 60, "ärger 漢字 🎈 " + "long " * 60, "\u202eabc"]
)
@pytest.mark.parametrize("kind", ["png", "svg"])
def test_no_text_ends_the_renderer(text: str, kind: export.Kind) -> None:
    """It would end the server with it."""
    picture = charts.bars(pd.DataFrame({"label": [text, "b"], "value": [1.0, 2.0]}))
    assert len(export.on_slide(picture, kind, 300, 200)) > 500
    assert len(export.to_image({text: picture}, kind, text, [text])) > 500
