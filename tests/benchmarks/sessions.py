"""Server: fifty open pages whose readers think three seconds between two filters, over the app's own protocol."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from lifecycle.periods import PRESETS
from tests.benchmarks.measure import AS_OF, Line, middle, percentile, seconds
from tests.benchmarks.serving import demo_company, served

SESSIONS, THINK, MINUTES, GOAL = 50, 3.0, 1.0, 0.5
STATES = 150  # of each page, which readers choose among
NEW = 1 / 3  # the share that nobody has chosen before
PAGES = ("", "funnel")
PERIODS = [label for label in PRESETS.values() if label.startswith("Last")]
LINK = f"as_of={AS_OF}T00:00:01"  # of what the bar hides while it is closed, a page draws what its link says

State = dict[str, str]  # widget → value


class Reader:
    """One open page: sends a filter, and waits until the server has drawn everything that follows from it."""

    def __init__(self, socket: websockets.ClientConnection, page: str) -> None:
        self.socket, self.page = socket, page
        self.widgets: dict[str, str] = {}  # key → the id that the server knows it by
        self.values: dict[str, str] = {}
        self.script = ""

    async def rerun(self) -> float:
        """Seconds until the script has finished."""
        back = BackMsg()
        back.rerun_script.page_name = "" if self.script else self.page
        back.rerun_script.page_script_hash = self.script
        back.rerun_script.query_string = LINK
        for key, value in self.values.items():
            back.rerun_script.widget_states.widgets.add(id=self.widgets[key], string_value=value)
        start = time.perf_counter()
        await self.socket.send(back.SerializeToString())
        while True:
            forward = ForwardMsg.FromString(await self.socket.recv())
            kind = forward.WhichOneof("type")
            if kind == "navigation":  # a later rerun names the page that the first one found
                self.script = forward.navigation.page_script_hash
            elif kind == "delta":
                self._notice(forward)
            elif kind == "script_finished":
                return time.perf_counter() - start

    def _notice(self, forward: ForwardMsg) -> None:
        element = forward.delta.new_element
        widget = str(getattr(getattr(element, element.WhichOneof("type") or "", None), "id", ""))
        for key in ("period", "as_of"):
            if widget.endswith(f"-{key}"):
                self.widgets[key] = widget


def unseen() -> Iterator[State]:
    """States that nobody has asked for: each minute back from the end is another state of every question."""
    end = datetime.fromisoformat(AS_OF)
    cut_offs = ((end - timedelta(minutes=n)).strftime("%Y-%m-%dT%H:%M") for n in itertools.count(1))
    return ({"period": period, "as_of": at} for period, at in zip(itertools.cycle(PERIODS), cut_offs, strict=False))


def measure(folder: Path, say: Callable[[str], None]) -> list[Line]:
    warehouse = demo_company(folder)
    new, chance = unseen(), random.Random(7)
    states = list(itertools.islice(new, STATES))
    known = states[: round(STATES * (1 - NEW))]
    with served(warehouse, folder / "server.log") as address:
        url = address.replace("http", "ws") + "/_stcore/stream"
        say(f"opening {SESSIONS} pages for {MINUTES:g} minutes, a third of the states new")
        for page in PAGES:
            asyncio.run(_read(url, page, iter(known)))
        some = asyncio.run(_crowd(url, lambda: chance.choice(states)))
        say("the same, a third of all reruns new")
        harder = asyncio.run(_crowd(url, lambda: next(new) if chance.random() < NEW else chance.choice(states)))
    p95 = percentile(some, 0.95)
    crowd = f"{SESSIONS} open pages, {THINK:g} s think time"
    return [
        Line(
            f"Rerun on the server, 95th percentile: {crowd}, a third of {STATES * len(PAGES)} states new",
            seconds(p95),
            _spread(some),
            f"at most {seconds(GOAL)}",
            p95 <= GOAL,
        ),
        Line("The same, a third of all reruns a state that is new", seconds(percentile(harder, 0.95)), _spread(harder)),
    ]


def _spread(taken: list[float]) -> str:
    return f"median {seconds(middle(taken))}, slowest {seconds(max(taken))}, {len(taken):,} reruns"


async def _crowd(url: str, choose: Callable[[], State]) -> list[float]:
    """Seconds of each rerun of readers who choose one state after another."""
    ends = time.monotonic() + MINUTES * 60
    readers = [
        _read(
            url,
            PAGES[n % len(PAGES)],
            (choose() for _ in itertools.takewhile(lambda _: time.monotonic() < ends, itertools.count())),
            THINK * n / SESSIONS,
            THINK,
        )
        for n in range(SESSIONS)
    ]
    return [taken for found in await asyncio.gather(*readers) for taken in found]


async def _read(url: str, page: str, choices: Iterator[State], wait: float = 0, think: float = 0) -> list[float]:
    """Opens a page, then chooses one state after another; seconds of each rerun but the first, which opens it."""
    await asyncio.sleep(wait)
    taken: list[float] = []
    async with websockets.connect(url, max_size=None, subprotocols=["streamlit"], open_timeout=60) as socket:  # type: ignore[list-item]
        reader = Reader(socket, page)
        await reader.rerun()
        for chosen in choices:
            reader.values |= chosen
            taken.append(await reader.rerun())
            await asyncio.sleep(think)
    return taken
