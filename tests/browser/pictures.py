"""The README's pictures: `make pictures` takes them of the demo company in `warehouse/`, in the light theme."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from tests.browser.conftest import FLAGS, ROOT, settle

PAGES = {  # name: path, height of the picture
    "overview": ("/?compare=year", 960),
    "funnel": ("/funnel?compare=year", 1400),
    "alignment": ("/alignment?compare=year", 1640),
    "present": ("/alignment?present=2", 760),
    "time-in-stage": ("/time_in_stage?pace=One+stage", 1180),
    "moves": ("/moves?moves=Paths", 1000),
    "velocity": ("/velocity?compare=year", 1240),
    "retention": ("/retention", 1120),
    "loyalty": ("/loyalty", 1300),
    "definitions": ("/definitions", 1200),
    "health": ("/health", 1100),
}


def main(address: str, folder: Path = ROOT / "docs") -> None:
    """One picture a page, 1280 pixels wide, of its first screens."""
    folder.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        system = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=system, args=FLAGS)
        for name, (path, height) in PAGES.items():
            page = browser.new_page(viewport={"width": 1280, "height": height}, color_scheme="light")
            page.goto(address + path)
            expect(page.get_by_test_id("stCaptionContainer").first).to_contain_text("as of", timeout=60_000)
            settle(page)
            page.wait_for_load_state("networkidle")
            page.screenshot(path=folder / f"{name}.png")
            page.close()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ADDRESS", "http://localhost:8501"))
