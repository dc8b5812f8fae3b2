"""The meeting in a real browser: the keyboard leads on and back, the link says where, what is taken away opens."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, active, settle

pytestmark = pytest.mark.browser


def at(page: Page, number: int) -> None:
    """The slide is shown, and the link names it."""
    expect(page.locator(".st-key-slide-controls")).to_contain_text(f"{number} / 11")
    expect(page).to_have_url(re.compile(rf"[?&]present={number}\b"))


def test_the_keyboard_leads_forward_and_back_and_out(visit: Open) -> None:
    page = visit("/alignment?where.source=organic")
    settle(page)
    page.get_by_role("button", name="Present").click()
    at(page, 1)
    settle(page)
    for key, number in (
        ("ArrowRight", 2),
        ("PageDown", 3),
        ("Space", 4),
        ("ArrowLeft", 3),
        ("PageUp", 2),
        ("End", 11),
        ("Home", 1),
    ):
        page.keyboard.press(key)
        at(page, number)
    expect(page.get_by_test_id("stTopNav")).not_to_be_visible()
    expect(page.locator(".st-key-filter-bar")).not_to_be_visible()
    expect(active(page)).to_contain_text("source is organic")
    page.keyboard.press("Escape")
    expect(page).not_to_have_url(re.compile("present="))
    expect(page.get_by_role("heading", level=1)).to_have_text("Alignment")
    expect(active(page)).to_contain_text("source is organic")
    expect(page.locator(".st-key-filter-bar")).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080)])
def test_a_shared_link_opens_its_slide_and_every_slide_fits(visit: Open, width: int, height: int) -> None:
    for number in (1, 2, 3, 8):
        page = visit(f"/alignment?compare=previous&present={number}", width=width, height=height)
        at(page, number)
        expect(active(page)).to_contain_text("compared with previous period")
        settle(page)
        spare = "(e => [e.scrollHeight - e.clientHeight, e.scrollWidth - e.clientWidth])"
        tall, wide = page.evaluate(f"{spare}(document.querySelector('[data-testid=stMain]'))")
        assert tall <= 8, f"slide {number} is {tall} pixels too tall at {width}"
        assert wide <= 0, f"slide {number} is {wide} pixels too wide at {width}"
        for chart in page.get_by_test_id("stVegaLiteChart").all():
            drawn = chart.locator("svg.marks").bounding_box()
            card = chart.locator("xpath=ancestor::*[contains(@class, 'st-key-slide-')][1]").bounding_box()
            assert drawn and card
            assert drawn["x"] + drawn["width"] <= card["x"] + card["width"] + 1
        page.close()


def test_what_is_taken_away_is_made_on_one_click(visit: Open) -> None:
    page = visit("/alignment")
    settle(page)
    for label, start, suffix in (("PowerPoint", b"PK", "pptx"), ("Web page", b"<!doctype html>", "html")):
        with page.expect_download() as waiting:
            page.get_by_test_id("stDownloadButton").filter(has_text=label).get_by_role("button").click()
        assert waiting.value.path().read_bytes().startswith(start)
        assert re.fullmatch(rf"alignment-crm-\d{{4}}-\d\d-\d\d\.{suffix}", waiting.value.suggested_filename)
