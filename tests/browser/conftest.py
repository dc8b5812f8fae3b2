"""A real server on a small demo company, and a real Chromium in front of it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.pages import warehouses

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "build" / "screenshots"
WIDTHS = (1600, 1280, 400)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 60_000  # milliseconds that a page may take on a busy machine

expect.set_options(timeout=PATIENCE)

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo company, small, with two of the six models built."""
    return warehouses.company(tmp_path_factory.mktemp("company"), 3_000, ("crm", "customer_lifecycle"))


@pytest.fixture(scope="session")
def oddities(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company whose columns and values have the oddest names."""
    return warehouses.oddities(tmp_path_factory.mktemp("oddities"))


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], str]]:
    """Starts a server of its own on a warehouse and gives its address."""
    servers = []

    def start(warehouse: Path) -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        log = (tmp_path_factory.mktemp("server") / "log").open("wb")
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
        environment = os.environ | {"LIFECYCLE_WAREHOUSE": str(warehouse)}
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        servers.append((server, log))
        address = f"http://127.0.0.1:{port}"
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/_stcore/health")
                assert "warning" not in (said := Path(log.name).read_text()).casefold(), said
                return address
            except OSError:  # nobody there yet, or there and not ready
                assert server.poll() is None, Path(log.name).read_text()
                time.sleep(0.25)
        raise TimeoutError(Path(log.name).read_text())

    yield start
    for server, log in servers:
        server.terminate()
        server.wait(20)
        log.close()


@pytest.fixture(scope="session")
def address(serve: Callable[[Path], str], company: Path) -> str:
    """The address of the app on the demo company."""
    return serve(company)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, or Playwright's own where there is none."""
    system = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=system, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser, address: str) -> Iterator[Open]:
    """Opens a path in a fresh context and waits for the filter bar; at the end, nothing foreign was asked for, no
    script complained and nothing broke the content security policy."""
    complaints: list[str] = []
    contexts = []

    def noticed(message: ConsoleMessage) -> None:
        # Streamlit probes for its base path on deep links; those two 404s are its way of finding out.
        if message.type == "error" and "404 (Not Found)" not in message.text:
            complaints.append(message.text)

    def requested(request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")):
            complaints.append(f"asked for {request.url}")

    def open_(path: str = "/", *, width: int = 1280, height: int = 900, server: str = address, **context: Any) -> Page:
        options = {"viewport": {"width": width, "height": height}, "timezone_id": "America/Los_Angeles"} | context
        contexts.append(chromium.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", noticed)
        page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
        page.on("request", requested)
        page.goto(server + path)
        expect(active(page)).to_contain_text("as of")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not complaints


def active(page: Page) -> Any:
    """The line of active filters."""
    return page.get_by_test_id("stCaptionContainer").first


SECTIONS = {"Definitions": "Reference", "Data health": "Reference"}  # pages that a menu holds


def go(page: Page, name: str) -> None:
    """Leave for another page by the navigation."""
    link = page.get_by_test_id("stTopNavLink")
    if name in SECTIONS:
        page.get_by_test_id("stTopNavSection").filter(has_text=SECTIONS[name]).click()
        link = page.get_by_test_id("stTopNavDropdownLink")
    link.filter(has_text=name).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    settle(page)


def pick(page: Page, label: str, option: str) -> None:
    """Choose an option of a select."""
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option, exact=True).click()


def settle(page: Page) -> None:
    """Wait until the script has ended and no skeleton is left."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)


def shoot(page: Page, name: str) -> Path:
    """A screenshot of the whole page, kept in build/screenshots to be looked at."""
    settle(page)
    SHOTS.mkdir(parents=True, exist_ok=True)
    tall = page.evaluate("Math.max(...[...document.querySelectorAll('*')].map(e => e.scrollHeight))")
    size = page.viewport_size or {"width": 1280, "height": 900}
    page.set_viewport_size({"width": size["width"], "height": max(size["height"], min(tall, 6_000))})
    settle(page)
    path = SHOTS / f"{name}.png"
    page.screenshot(path=path)
    return path
