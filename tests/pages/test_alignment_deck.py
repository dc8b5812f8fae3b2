"""The meeting's slides: on the screen, as a deck, as a page; their numbers are the answer, whatever the data holds."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pptx import Presentation
from pptx.enum.chart import XL_CHART_TYPE

from lifecycle.scope import Scope
from lifecycle.stages import shipped_models
from pages.alignment.deck import deck
from pages.ui import decks, slides_html, slides_pptx
from pages.ui.picture import Picture
from pages.ui.pptx_parts import TYPES
from pages.ui.slides import Deck, Native
from queries.agreement import alignment
from queries.commitment import commitment
from queries.errors import WarehouseError
from queries.modelled import Modelled, latest
from queries.service import service
from queries.settings import load_settings
from queries.warehouse import open_warehouse
from tests.pages import warehouses
from tests.pages.conftest import Open

PAGE = "pages/alignment/alignment.py"
HOSTILE = [
    '=HYPERLINK("http://evil.example")',
    "<img src=x onerror=alert(1)>",
    "</style><script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "@SUM(1+1)\x07\ud83d",
    "ärger ñ 漢字 🎈 " + "long " * 60,
]

Asked = tuple[Modelled, Scope]


@pytest.fixture(scope="module")
def opened() -> Iterator[Callable[[Path, str], Modelled]]:
    """Opens a model of a warehouse, to be asked directly."""
    used = []

    def open_(folder: Path, model: str = "crm", **settings: Any) -> Modelled:
        warehouse = open_warehouse(load_settings(warehouse=str(folder)).model_copy(update=settings))
        used.append(warehouse)
        return latest(warehouse, shipped_models()[model])

    yield open_
    for warehouse in used:
        warehouse.close()


@pytest.fixture(scope="module")
def asked(company: Path, opened: Any) -> Asked:
    m = opened(company)
    return m, Scope("crm", m.build.as_of, date(2025, 4, 1), date(2026, 4, 1), compare="previous")


@pytest.fixture(scope="module")
def told(asked: Asked) -> Deck:
    return deck(*asked, decks.asked)


@pytest.fixture(scope="module")
def powerpoint(told: Deck) -> Any:
    return Presentation(io.BytesIO(slides_pptx.to_file(told)))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company in which every text attacks, people are named by e-mail addresses, and half of all is rejected."""
    n = 120
    texts = [HOSTILE[i % len(HOSTILE)].encode("utf-8", "replace").decode() for i in range(n)]
    who = [f"p{i}@corp.example" for i in range(n)]
    contacts = pa.table(
        {
            "contact_id": who,
            "name": texts,
            "owner": texts,
            "source": texts,
            "lead_score": [float(i % 100) for i in range(n)],
        }
    )
    rows = [
        (contact, stage, datetime(2026, 1, 1 + i % 28, hour), texts[i])
        for i, contact in enumerate(who)
        for hour, stage in enumerate(["Lead", "Marketing qualified", "Unqualified" if i % 2 else "Sales qualified"], 1)
    ]
    ids, stages, at, reasons = zip(*rows, strict=True)
    events = {"contact_id": ids, "stage": stages, "entered_at": pa.array(at, pa.timestamp("us")), "reason": reasons}
    folder = tmp_path_factory.mktemp("hostile")
    return warehouses.made(folder, iter([{"contacts": contacts, "stage_events": pa.table(events)}]), ("crm",))


def said(slide: Any) -> str:
    """Every text of a slide, tables and notes too."""
    cells = [c.text for s in slide.shapes if s.has_table for r in s.table.rows for c in r.cells]
    texts = [s.text_frame.text for s in slide.shapes if s.has_text_frame]
    return "\n".join([*texts, *cells, slide.notes_slide.notes_text_frame.text])


def charts(slide: Any) -> list[Any]:
    return [s.chart for s in slide.shapes if s.has_chart]


def test_the_deck_says_the_numbers_of_the_answers(asked: Asked, powerpoint: Any) -> None:
    m, scope = asked
    whole, months = alignment(m, scope.whole).whole, commitment(m, scope.whole).months
    summary, by_month, verdicts, why, *_ = powerpoint.slides
    assert f"{whole.accepted:,} of {whole.decided:,}" in said(summary)
    assert f"{whole.coverage.value * 100:.1f} %" in said(summary)  # type: ignore[operator]
    (chart,) = charts(by_month)
    columns = {s.name: list(s.values) for s in chart.plots[0].series}
    assert columns["Accepted"] == [month.accepted for month in months]
    assert sum(map(sum, columns.values())) == sum(month.delivered for month in months) == whole.delivered
    assert [s.name for s in chart.plots[1].series] == ["Target"]
    assert list(chart.plots[1].series[0].values) == [month.target for month in months]
    cells = next(s.table for s in verdicts.shapes if s.has_table)
    assert cells.cell(1, 1).text.splitlines()[0] == f"{whole.accepted:,}"
    assert cells.cell(1, 2).text.splitlines()[0] == f"{whole.rejected:,}"
    assert cells.cell(2, 1).text.splitlines()[0] == f"{whole.bypass:,}"
    (reasons,) = charts(why)
    assert sum(v or 0 for s in reasons.plots[0].series for v in s.values) == whole.rejected


def test_the_service_level_in_the_deck_is_the_answer(asked: Asked, powerpoint: Any) -> None:
    found = service(*asked)
    slide = next(s for s in powerpoint.slides if "were touched within" in s.shapes.title.text)
    (bars,) = charts(slide)
    first = {s.name: s.values[0] for s in bars.plots[0].series}
    assert first["Touched in time"] == found.whole.met
    assert first["Touched too late"] == found.whole.missed
    assert f"{found.whole.rate.value * 100:.1f} %" in said(slide)  # type: ignore[operator]


def test_charts_are_the_programs_own_where_it_has_the_type(told: Deck, powerpoint: Any) -> None:
    kinds = [[c.chart_type for c in charts(slide)] for slide in powerpoint.slides]
    panels = [
        [p.native for p in slide().panels if isinstance(p.native, Native) and not p.said] for slide in told.slides
    ]
    assert kinds == [[TYPES[native.kind] for native in natives] for natives in panels]
    assert kinds[1] == [XL_CHART_TYPE.COLUMN_STACKED]
    assert kinds[3] == [XL_CHART_TYPE.BAR_STACKED]
    assert kinds[6] == [XL_CHART_TYPE.XY_SCATTER_LINES_NO_MARKERS, XL_CHART_TYPE.COLUMN_CLUSTERED]
    assert kinds[7] == [XL_CHART_TYPE.BAR_STACKED_100]
    pictures = [i for i, s in enumerate(powerpoint.slides) if any(x.shape_type == 13 for x in s.shapes)]
    assert pictures == [5, 8], "the funnel plot and the curves of waiting"
    for slide in powerpoint.slides:
        for shape in slide.shapes:
            if shape.has_chart or shape.shape_type == 13:
                assert shape._element.xpath(".//p:cNvPr")[0].get("descr")


def test_every_slide_says_of_what_and_as_of_when(told: Deck, powerpoint: Any) -> None:
    for number, slide in enumerate(powerpoint.slides, 1):
        assert " · ".join(told.shown) in said(slide)
        assert f"{number} / {len(told.slides)}" in said(slide)
    assert any("as of 1 Mar 2026" in text for text in told.shown)
    assert any(text.startswith("build ") for text in told.shown)


def test_nothing_leaves_its_slide(powerpoint: Any) -> None:
    for slide in powerpoint.slides:
        for shape in slide.shapes:
            assert shape.left >= 0
            assert shape.left + shape.width <= powerpoint.slide_width
            assert shape.top >= 0
            assert shape.top + shape.height <= powerpoint.slide_height


class Page(HTMLParser):
    """What a browser would see of a page: its elements with their attributes, and its text."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def harmless(page: Page) -> None:
    """No script, no handler, and nothing that would be fetched: links lead within the page alone."""
    for tag, attributes in page.elements:
        assert tag not in ("script", "iframe", "img", "object", "embed", "link", "form", "base"), tag
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name in ("href", "src", "xlink:href", "action"):
                assert (value or "").startswith("#"), (tag, value)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids)), "clips of one picture must not cut another"


def test_the_page_says_the_same_and_needs_nothing_else(asked: Asked, told: Deck) -> None:
    page = Page(slides_html.to_file(told))
    harmless(page)
    whole = alignment(*asked).whole
    for number in (whole.accepted, whole.rejected, whole.bypass):
        assert f"{number:,}" in page.text
    assert page.text.count(" · ".join(told.shown)) == len(told.slides) + 1
    assert sum(tag == "section" for tag, _ in page.elements) == len(told.slides)
    pictures = sum(isinstance(p.drawing, Picture) and not p.said for s in told.slides for p in s().panels)
    assert sum(tag == "svg" for tag, _ in page.elements) == pictures
    assert any("contenteditable" in attributes for _, attributes in page.elements), "decisions are to be filled in"


def test_hostile_texts_are_only_texts_in_both_files(hostile: Path, opened: Any) -> None:
    m = opened(hostile)
    told = deck(m, Scope("crm", m.build.as_of, by="source"), decks.asked)
    page = Page(slides_html.to_file(told))
    harmless(page)
    assert "{{ 7 * 7 }}" in page.text
    made = Presentation(io.BytesIO(slides_pptx.to_file(told)))
    assert sum(len(charts(slide)) for slide in made.slides) >= 2
    for slide in made.slides:
        for table in (s.table for s in slide.shapes if s.has_table):
            assert not [c.text for r in table.rows for c in r.cells if re.match("[=@]", c.text)]
        for chart in charts(slide):
            with zipfile.ZipFile(io.BytesIO(chart.part.chart_workbook.xlsx_part.blob)) as book:
                assert b"<f>" not in book.read("xl/worksheets/sheet1.xml"), "a formula in its sheet"


@pytest.mark.parametrize("allowed", [False, True])
def test_people_are_named_only_to_those_who_may_know(hostile: Path, opened: Any, allowed: bool) -> None:
    m = opened(hostile, personal_data=allowed)
    told = deck(m, Scope("crm", m.build.as_of), decks.asked)
    leads = told.slides[-2]().panels[0].drawing
    assert len(leads) > 0  # type: ignore[arg-type]
    ids = list(leads["Contact"])  # type: ignore[index]
    assert all(re.fullmatch(r"p\d+@corp\.example" if allowed else r"p\*\*\*@corp\.example", i) for i in ids)
    assert ("Owner" in leads) == allowed  # type: ignore[operator]


def test_an_empty_period_is_told_not_drawn(asked: Asked) -> None:
    m, _ = asked
    told = deck(m, Scope("crm", m.build.as_of, date(2019, 1, 1), date(2019, 2, 1)), decks.asked)
    made = Presentation(io.BytesIO(slides_pptx.to_file(told)))
    text = "\n".join(said(slide) for slide in made.slides)
    assert "No MQLs were handed over in this period" in text
    assert "0 %" not in text
    assert not any(charts(slide) for slide in made.slides)
    harmless(Page(slides_html.to_file(told)))


def test_a_missing_table_is_told_on_its_slide(oddities: Path, opened: Any) -> None:
    m = opened(oddities)
    told = deck(m, Scope("crm", m.build.as_of, by="**bold**"), decks.asked)
    (waits,) = told.slides[7]().panels
    assert "table activities" in (waits.said or "")
    assert "table activities" in Page(slides_html.to_file(told)).text
    assert Presentation(io.BytesIO(slides_pptx.to_file(told)))


def test_where_nothing_is_handed_over_there_is_no_deck(company: Path, opened: Any) -> None:
    m = opened(company, "customer_lifecycle")
    with pytest.raises(WarehouseError, match="no handoff"):
        deck(m, Scope(m.model.name, m.build.as_of), decks.asked)


def test_native_charts_hold_what_the_pictures_draw(told: Deck) -> None:
    """Every series of a chart has a value per category, and something to show."""
    found = [p.native for slide in told.slides for p in slide().panels if isinstance(p.native, Native)]
    assert len(found) >= 5
    for chart in found:
        assert chart.series
        assert all(len(s.values) == len(chart.categories) for s in (*chart.series, *chart.lines))
        assert any(v for s in chart.series for v in s.values)


def shown(tab: Any) -> str:
    texts = [*tab.markdown, *tab.caption, *tab.warning, *tab.info]
    return "\n".join(str(m.value) for m in texts).replace("\\", "").replace("\u2060", "").replace("\u00a0", " ")


def presented(visit: Open, warehouse: Path, position: str, **more: str) -> Any:
    tab = visit(warehouse, present=position, **more, page=PAGE)
    assert not tab.exception
    return tab


def test_the_presentation_leads_through_every_slide_and_out(visit: Open, company: Path, told: Deck) -> None:
    tab = presented(visit, company, "1", compare="previous")
    for number, slide in enumerate(told.slides, 1):
        assert f"**{number}** / {len(told.slides)}" in shown(tab)
        assert slide().title in shown(tab)
        assert tab.button(key="step.Left").disabled == (number == 1)
        assert tab.button(key="step.Right").disabled == (number == len(told.slides))
        if number < len(told.slides):
            tab = tab.button(key="step.Right").click().run()
            assert not tab.exception
    assert tab.query_params["present"] == str(len(told.slides))
    tab = tab.button(key="step.Left").click().run()
    assert tab.query_params["present"] == str(len(told.slides) - 1)
    tab = tab.button(key="step.Esc").click().run()
    assert "present" not in tab.query_params
    assert len(tab.metric) >= 4, "the page is back"


@pytest.mark.parametrize(("asked_for", "number"), [("99", 11), ("0", 1), ("-3", 1), ("x'\"<b>", 1), ("9" * 5_000, 11)])
def test_a_bad_position_shows_the_nearest_slide_and_says_so(
    visit: Open, company: Path, asked_for: str, number: int
) -> None:
    tab = presented(visit, company, asked_for)
    assert f"**{number}** / 11" in shown(tab)
    assert "There is no slide" in tab.toast[0].value


def test_the_presentation_keeps_to_the_filters(visit: Open, company: Path) -> None:
    every, some = (presented(visit, company, "1", **f) for f in ({}, {"where.source": "organic"}))
    assert every.metric[0].value != some.metric[0].value
    assert "source is organic" in shown(some)


def test_a_lifecycle_without_a_handoff_presents_nothing(visit: Open, company: Path) -> None:
    tab = presented(visit, company, "2", model="customer_lifecycle")
    assert "no handoff" in shown(tab)
    assert not [b for b in tab.button if b.key == "step.Right"]


def test_a_missing_table_is_told_in_the_presentation(visit: Open, oddities: Path) -> None:
    tab = presented(visit, oddities, "8")
    assert "table activities" in tab.info[0].value.replace("\\", "")
