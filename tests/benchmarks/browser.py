"""Browser: from a click on a filter to the last chart repainted, in a real Chromium on the demo company."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from lifecycle.periods import PRESETS
from tests.benchmarks.measure import Line, middle, seconds
from tests.benchmarks.serving import demo_company, served

GOAL_CACHED, GOAL_UNCACHED, GOAL_LOAD = 0.2, 0.4, 2.5
PAGES = {"Overview": "/", "Funnel": "/funnel", "Alignment": "/alignment"}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A chart is painted in the frame after its marks changed; a click counts from when the page got it.
WATCH = """
window.bench = {clicked: 0, painted: 0};
document.addEventListener('click', () => { window.bench.clicked = performance.now(); }, true);
new MutationObserver(changes => {
  if (changes.some(c => c.target.closest && c.target.closest('[data-testid=stVegaLiteChart]')))
    requestAnimationFrame(() => { window.bench.painted = performance.now(); });
}).observe(document, {subtree: true, childList: true, attributes: true});
"""
QUIET = """
() => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'
  && document.querySelectorAll('[data-testid=stVegaLiteChart] svg').length > 0
  && performance.now() - Math.max(window.bench.painted, window.bench.clicked) > 700
"""


def measure(folder: Path, repeat: int, say: Callable[[str], None]) -> list[Line]:
    say("making the demo company")
    warehouse = demo_company(folder)
    lines: list[Line] = []
    with sync_playwright() as playwright:
        system = shutil.which("chromium") or shutil.which("google-chrome")
        chromium = playwright.chromium.launch(executable_path=system, args=FLAGS)
        for name, path in PAGES.items():
            say(f"clicking through {name}")
            with served(warehouse, folder / "server.log") as address:  # a server of its own: nothing is cached yet
                lines += _page(chromium, name, address + path, repeat)
        chromium.close()
    return lines


def _page(chromium: Browser, name: str, url: str, repeat: int) -> list[Line]:
    first = _loaded(chromium, url)
    loads = [_loaded(chromium, url) for _ in range(repeat)]
    page = chromium.new_context(viewport={"width": 1440, "height": 900}).new_page()
    _open(page, url)
    periods = [label for label in PRESETS.values() if label != PRESETS["last_12_months"]]
    uncached = [_changed(page, label) for label in periods]
    cached = [_changed(page, label) for label in periods]
    charts = page.locator("[data-testid=stVegaLiteChart]").count()
    page.context.close()
    return [
        Line(
            f"{name}: filter change to the last of {charts} charts repainted, cached",
            seconds(middle(cached)),
            f"slowest of {len(cached)}: {seconds(max(cached))}",
            f"at most {seconds(GOAL_CACHED)}",
            middle(cached) <= GOAL_CACHED,
        ),
        Line(
            f"{name}: the same, nothing cached",
            seconds(middle(uncached)),
            f"slowest of {len(uncached)}: {seconds(max(uncached))}",
            f"at most {seconds(GOAL_UNCACHED)}",
            middle(uncached) <= GOAL_UNCACHED,
        ),
        Line(
            f"{name}: first load in an empty browser, server warm",
            seconds(middle(loads)),
            f"the first visitor after the start: {seconds(first)}",
            f"at most {seconds(GOAL_LOAD)}",
            middle(loads) <= GOAL_LOAD,
        ),
    ]


def _loaded(chromium: Browser, url: str) -> float:
    """Seconds from asking for a page to its last chart, in a browser that has seen nothing yet."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    _open(page, url)
    painted = page.evaluate("window.bench.painted")
    context.close()
    return float(painted) / 1000


def _open(page: Page, url: str) -> None:
    page.add_init_script(WATCH)
    page.goto(url)
    page.wait_for_function(QUIET, timeout=60_000)


def _changed(page: Page, period: str) -> float:
    """Seconds from choosing another period to the last repaint of a chart."""
    page.get_by_role("combobox", name="Period").click()
    page.get_by_role("option", name=period, exact=True).click()
    page.wait_for_function(f"() => window.bench.painted > window.bench.clicked && ({QUIET})()", timeout=60_000)
    return float(page.evaluate("window.bench.painted - window.bench.clicked")) / 1000
