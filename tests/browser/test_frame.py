"""The frame in a real browser: links, page changes, reloads, exports, headers, and how it looks."""

from __future__ import annotations

import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import WIDTHS, Open, active, go, pick, settle, shoot
from tests.pages.warehouses import ODD

pytestmark = pytest.mark.browser

PAGES = {"": "Overview", "funnel": "Funnel", "definitions": "Definitions", "health": "Data health"}


def test_a_deep_link_on_a_cold_server_shows_the_page_in_its_frame(
    visit: Open, serve: Callable[[Path], str], company: Path
) -> None:
    page = visit("/health?by=region", server=serve(company))
    expect(page.get_by_role("heading", level=1)).to_have_text("Data health")
    expect(active(page)).to_contain_text("by region")
    expect(page.get_by_text("Page not found")).to_have_count(0)


def test_filters_survive_page_changes_reload_and_travel_in_the_link(visit: Open) -> None:
    page = visit("/?where.source=referral")
    pick(page, "Period", "Last 90 days")
    pick(page, "Break down by", "Region")
    go(page, "Funnel")
    go(page, "Data health")
    for _ in range(2):
        expect(active(page)).to_contain_text("by region · source is referral")
        expect(active(page)).to_contain_text("2 Dec 2025")
        page.reload()
    colleague = visit(page.url.removeprefix(re.match(r"https?://[^/]+", page.url)[0]))  # type: ignore[index]
    expect(active(colleague)).to_have_text(active(page).inner_text())


def test_what_was_chosen_stays_when_the_bar_is_closed(visit: Open) -> None:
    page = visit("/")
    bar = page.get_by_test_id("stExpander").first
    bar.locator("summary").click()
    pick(page, "Source", "referral")
    expect(active(page)).to_contain_text("source is referral")
    page.keyboard.press("Escape")
    go(page, "Funnel")
    expect(bar.get_by_role("combobox", name="Region")).to_be_visible()
    bar.locator("summary").click()
    expect(bar.get_by_role("combobox", include_hidden=True)).to_have_count(1)  # hidden: the bar may have closed by now
    go(page, "Overview")
    expect(page).to_have_url(re.compile(r"where\.source=referral"))
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Funnel")
    expect(active(page)).to_contain_text("source is referral")


def test_back_returns_to_the_page_and_its_filters(visit: Open) -> None:
    page = visit("/")
    pick(page, "Break down by", "Region")
    expect(active(page)).to_contain_text("by region")
    go(page, "Data health")
    pick(page, "Break down by", "Source")
    expect(active(page)).to_contain_text("by source")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    expect(active(page)).to_contain_text("by region")


def test_custom_days_and_reset_are_in_the_link(visit: Open) -> None:
    page = visit("/?period=last_month")
    pick(page, "Period", "Custom")
    expect(page).to_have_url(re.compile("from=2026-02-01.*to=2026-03-01|to=2026-03-01.*from=2026-02-01"))
    page.get_by_role("button", name="Reset").click()
    expect(active(page)).to_contain_text("1 Apr 2025 – 31 Mar 2026")
    expect(page).not_to_have_url(re.compile("period|from|to="))


def test_a_bad_link_is_told_and_cleaned(visit: Open) -> None:
    page = visit("/?where.source=<img src=x onerror=alert(1)>&where.nope=1&period=![](http://evil.example/p.png)")
    expect(page.get_by_test_id("stAlert")).to_contain_text("where.nope")
    expect(page).not_to_have_url(re.compile(r"where|period"))


def test_hostile_names_and_values_are_plain_text(visit: Open, serve: Callable[[Path], str], oddities: Path) -> None:
    """Nothing is run, linked or fetched: the fixture fails on any dialog or foreign request."""
    name = "<img src=x onerror=alert(1)>"
    link = urllib.parse.urlencode({"by": name, f"where.{name}": ODD[1], "where.[x](javascript:alert(1))": ODD[0]})
    address = serve(oddities)
    for path in ("", "funnel", "health"):
        page = visit(f"/{path}?{link}", server=address)
        expect(active(page)).to_contain_text(f"{name} is {ODD[1]}")
        settle(page)
        page.get_by_test_id("stExpander").first.locator("summary").click()
        expect(page.get_by_text(":red[x]", exact=True).first).to_be_visible()
        settle(page)
        assert page.locator("img[src=x], a[href*=javascript]").count() == 0


def test_exports_are_made_on_click(visit: Open) -> None:
    page = visit("/funnel?by=region")
    settle(page)
    page.locator("[class*='st-key-']").get_by_test_id("stPopoverButton").first.click()
    for kind, start in (("CSV", b"\xef\xbb\xbf"), ("PNG", b"\x89PNG"), ("SVG", b"<svg")):
        with page.expect_download() as waiting:
            page.get_by_test_id("stDownloadButton").filter(has_text=kind).get_by_role("button").click()
        path = waiting.value.path()
        assert path.read_bytes().startswith(start)
        assert waiting.value.suggested_filename.endswith(f".{kind.lower()}")
    expect(page.get_by_text("How this is computed")).to_be_visible()
    expect(page.get_by_test_id("stCode").first).to_contain_text("SELECT")


def test_every_answer_carries_the_security_headers(address: str) -> None:
    for path in ("/", "/funnel", "/app/static/Inter-Regular.woff2", "/_stcore/health"):
        headers = urllib.request.urlopen(address + path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert "unsafe-eval" not in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["x-frame-options"] == "DENY", path
        assert headers["referrer-policy"] == "same-origin", path


def test_an_unknown_host_is_refused(address: str) -> None:
    request = urllib.request.Request(address, headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_pages_fit_their_screen(visit: Open, width: int, scheme: str) -> None:
    for path, name in PAGES.items():
        page = visit(f"/{path}?compare=previous", width=width, color_scheme=scheme)
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        settle(page)
        spare = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert spare <= 0, f"{name} is {spare} pixels too wide at {width}"
        assert shoot(page, f"{path or 'overview'}-{scheme}-{width}").stat().st_size > 5_000
        page.close()
