"""The pages in a real browser: what is clicked, linked, exported and drawn agrees, whatever the data holds."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Open, active, go, pick, settle
from tests.pages import warehouses

pytestmark = pytest.mark.browser

PAGES = {"Overview": "", "Funnel": "funnel", "Definitions": "definitions", "Data health": "health"}
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "![x](http://evil.example/p.png)",
    ":red[**x**] $\\href{javascript:alert(1)}{x}$",
    '=HYPERLINK("http://evil.example")',
]


def numbers(page: Page) -> list[str]:
    """What the tiles and the charts' texts say."""
    settle(page)
    tiles = page.get_by_test_id("stMetricValue").all_inner_texts()
    return [*tiles, *page.locator("svg.marks .mark-text text").all_text_contents()]


def well(page: Page, name: str) -> None:
    """A page that answered: its name, its frame, something to see, no mishap."""
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    settle(page)
    expect(active(page)).to_contain_text("as of")
    expect(page.get_by_text("is in the log")).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    assert page.get_by_test_id("stVegaLiteChart").or_(page.get_by_test_id("stDataFrame")).count()


def bars(page: Page) -> Locator:
    return page.get_by_test_id("stVegaLiteChart").first.locator(".mark-rect path[aria-label*='Journeys']")


def journeys(bar: Locator) -> tuple[str, str, int]:
    """Stage, outcome and number of a column's part, as it tells a screen reader."""
    told = dict(part.split(": ", 1) for part in (bar.get_attribute("aria-label") or "").split("; ") if ": " in part)
    return told["Stage"], told["What became of them"], int(told["Journeys"].replace(",", ""))


def test_every_page_answers_for_every_model_and_keeps_the_filters(visit: Open) -> None:
    page = visit("/?compare=previous&where.source=organic&period=all")
    for model in ("CRM lifecycle", "Customer lifecycle"):
        pick(page, "Lifecycle", model)
        for name in PAGES:
            go(page, name)
            well(page, name)
            expect(active(page)).to_contain_text(model)
            expect(active(page)).to_contain_text("source is organic")


def test_a_colleague_sees_the_same_numbers(visit: Open) -> None:
    page = visit("/")
    everybody = numbers(page)
    pick(page, "Period", "Last 90 days")
    pick(page, "Compare with", "Previous period")
    expect(active(page)).to_contain_text("compared with previous period")
    for name in ("Funnel", "Overview"):
        go(page, name)
        mine = numbers(page)
        assert mine != everybody
        colleague = visit(re.sub(r"https?://[^/]+", "", page.url), timezone_id="Asia/Tokyo", color_scheme="dark")
        expect(colleague.get_by_role("heading", level=1)).to_have_text(name)
        assert numbers(colleague) == mine
        colleague.close()
    page.reload()
    expect(active(page)).to_contain_text("compared with previous period")
    assert numbers(page) == mine


def test_a_click_shows_as_many_records_as_the_bar_says(visit: Open) -> None:
    page = visit("/funnel")
    settle(page)
    found = [journeys(bars(page).nth(i)) for i in range(bars(page).count())]
    assert sum(n for stage, _, n in found if stage == "Subscriber") == int(numbers(page)[0].replace(",", ""))
    left = [i for i, (_, outcome, _) in enumerate(found) if outcome == "Left"]
    some = [left[0], len(found) - 1]
    for i in some:
        stage, outcome, n = found[i]
        bars(page).nth(i).click(force=True)
        expect(page.get_by_role("heading", name=f"{n:,} journeys of")).to_be_visible()
        settle(page)
        expect(page.get_by_role("combobox", name="Who is behind a column?")).to_have_value(stage)
        expect(page.get_by_role("combobox", name="What became of them")).to_have_value(re.compile(outcome))
        assert not re.search("@|contact_id", page.url)


def test_the_overview_fits_a_projector_and_leads_on_with_the_filters_kept(visit: Open) -> None:
    """1280 × 800 shows the tiles, the funnel in small and the first signs without scrolling."""
    page = visit("/?compare=previous&where.source=organic", width=1280, height=800)
    settle(page)
    for needed in (
        page.get_by_test_id("stMetric").nth(5),  # the volumes; the rates follow below
        page.locator("svg.marks").last.locator(".mark-text text").last,
        page.get_by_text("What needs attention"),
    ):
        expect(needed).to_be_in_viewport(ratio=1)
    page.get_by_test_id("stMain").get_by_role("link", name="Data health").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Data health")
    expect(active(page)).to_contain_text("compared with previous period · source is organic")


def test_exports_hold_what_is_shown_and_say_of_what(visit: Open) -> None:
    page = visit("/?where.source=organic")
    settle(page)
    shown = page.locator("svg.marks").last.locator(".mark-text text").all_text_contents()
    page.locator(".st-key-small-funnel").get_by_test_id("stPopoverButton").first.click()
    found: dict[str, bytes] = {}
    for kind in ("CSV", "PNG", "SVG"):
        with page.expect_download() as waiting:
            page.get_by_test_id("stDownloadButton").filter(has_text=kind).get_by_role("button").click()
        found[kind] = waiting.value.path().read_bytes()
    rows = list(csv.DictReader(io.StringIO(found["CSV"].decode("utf-8-sig"))))
    assert {f"{int(row['entered']):,}" for row in rows} <= set(shown)
    assert all("source is organic" in row["shown"] for row in rows)
    assert found["PNG"].startswith(b"\x89PNG")
    picture = found["SVG"].decode()
    assert "source is organic" in picture
    assert all(f"{int(row['entered']):,}" in picture for row in rows)


def test_texts_of_charts_are_legible_in_light_and_dark(visit: Open) -> None:
    def lightness(page: Page, script: str) -> float:
        settle(page)
        red, green, blue = map(int, re.findall(r"\d+", page.evaluate(script))[:3])
        return (0.299 * red + 0.587 * green + 0.114 * blue) / 255

    text = "getComputedStyle(document.querySelector('svg.marks .mark-text text')).fill"
    paper = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    page = visit("/funnel", color_scheme="light")
    for scheme, is_dark in (("light", False), ("dark", True)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        colour = "rgb(18, 23, 30)" if is_dark else "rgb(255, 255, 255)"
        expect(page.get_by_test_id("stApp")).to_have_css("background-color", colour)
        ink, ground = lightness(page, text), lightness(page, paper)
        assert abs(ink - ground) > 0.4, f"{scheme}: text {ink:.2f} on {ground:.2f}"
        assert (ground < 0.3) == is_dark


@pytest.fixture(scope="module")
def hostile(serve: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a server on data in which every text attacks."""
    n = 60
    texts = [HOSTILE[i % len(HOSTILE)] for i in range(n)]
    contacts = {
        "contact_id": [f"{texts[i]} {i}" for i in range(n)],
        "name": texts,
        "e-mail": texts,
        "owner": texts,
        "source": texts,
        HOSTILE[0]: texts,
        HOSTILE[3]: texts,
    }
    start = datetime(2026, 1, 1)
    events = [
        (contact, stage, start.replace(day=1 + i % 28, hour=hour), texts[i])
        for i, contact in enumerate(contacts["contact_id"])
        for hour, stage in enumerate(["Lead", "MQL", "Closed lost" if i % 2 else texts[i]], 1)
    ]
    who, stages, at, reasons = zip(*events, strict=True)
    entered = pa.array(at, pa.timestamp("us"))
    rows = {"contact_id": who, "stage": stages, "entered_at": entered, "reason": reasons}
    folder = tmp_path_factory.mktemp("hostile")
    tables = {"contacts": pa.table(contacts), "stage_events": pa.table(rows)}
    return serve(warehouses.made(folder, iter([tables]), ("crm", "customer_lifecycle")))


def test_hostile_texts_are_only_texts(visit: Open, hostile: str) -> None:
    """No dialog, no foreign request, nothing against the policy: `visit` sees to it at the end."""
    page = visit("/?by=source&period=all", server=hostile)
    for name in PAGES:
        go(page, name)
        well(page, name)
        assert page.locator("img[src='x']").count() == 0
        assert page.locator("a[href^='javascript']").count() == 0
    go(page, "Funnel")
    bars(page).first.click(force=True)
    expect(page.get_by_text("journeys of").first).to_be_visible()
    settle(page)
    page.locator("[class*='st-key-']").get_by_test_id("stPopoverButton").first.click()
    expect(page.get_by_text("How this is computed")).to_be_visible()
