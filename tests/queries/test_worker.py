"""Questions answered by a process beside this one: the same answers, cancelled and failing as they do here."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from lifecycle.scope import Scope
from lifecycle.stages import shipped_models
from queries.errors import WarehouseError
from queries.funnel import funnel
from queries.modelled import Modelled, latest
from queries.settings import Settings
from queries.warehouse import asking, open_warehouse, writing
from queries.worker import Worker
from tests.pages import warehouses
from tests.queries.test_warehouse import ENDLESS


@pytest.fixture(scope="module")
def modelled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Modelled]:
    folder = warehouses.company(tmp_path_factory.mktemp("company"), 300, ("crm",))
    warehouse = open_warehouse(Settings(warehouse=str(folder)))
    yield latest(warehouse, shipped_models()["crm"])
    warehouse.close()


@pytest.fixture(scope="module")
def worker(modelled: Modelled) -> Iterator[Worker]:
    employed = Worker(modelled.warehouse.settings, share=2)
    yield employed
    employed.stop()


@pytest.fixture
def scope(modelled: Modelled) -> Scope:
    return Scope("crm", modelled.build.as_of, start=date(2025, 1, 1), by="source")


def process(m: Modelled, scope: Scope) -> int:
    return os.getpid()


def endless(m: Modelled, scope: Scope) -> None:
    m.warehouse.query(ENDLESS)


def limit(m: Modelled, scope: Scope) -> float:
    (said,) = m.warehouse.query(sa.text("SELECT current_setting('memory_limit') AS said")).to_pylist()  # type: ignore[arg-type]
    number, unit = said["said"].split()
    return float(number) * {"MiB": 1, "GiB": 1024}[unit]


def mistaken(m: Modelled, scope: Scope, who: str) -> None:
    raise ValueError(who)


def unfit(m: Modelled, scope: Scope) -> Callable[[], None]:
    return lambda: None


def ending(m: Modelled, scope: Scope) -> None:
    os._exit(9)


def test_the_answer_is_the_same_as_here(worker: Worker, modelled: Modelled, scope: Scope) -> None:
    assert worker.answer(funnel, modelled, scope) == funnel(modelled, scope)
    assert worker.answer(process, modelled, scope) not in (os.getpid(), 0)


def test_what_is_superseded_is_cancelled_there_and_nothing_else(
    worker: Worker, modelled: Modelled, scope: Scope
) -> None:
    problems: list[WarehouseError] = []

    def ask() -> None:
        asking.set("reader")
        with pytest.raises(WarehouseError) as problem:
            worker.answer(endless, modelled, scope)
        problems.append(problem.value)

    thread = threading.Thread(target=ask)
    thread.start()
    while thread.is_alive():  # the question may not have begun yet: asking again is harmless
        worker.interrupt("somebody else")
        worker.interrupt("reader")
        time.sleep(0.02)
    assert problems[0].kind == "superseded"
    assert worker.answer(funnel, modelled, scope) == funnel(modelled, scope)


def test_somebody_else_cancels_nothing(modelled: Modelled, scope: Scope) -> None:
    impatient = Worker(modelled.warehouse.settings.model_copy(update={"time_limit_seconds": 1}), share=1)
    stop = threading.Event()

    def disturb() -> None:
        while not stop.wait(0.02):
            impatient.interrupt("somebody else")

    thread = threading.Thread(target=disturb, daemon=True)  # it ends with the tests, whatever they find
    thread.start()
    asking.set("reader")
    with pytest.raises(WarehouseError) as problem:
        impatient.answer(endless, modelled, scope)
    stop.set()
    thread.join()
    impatient.stop()
    assert problem.value.kind == "timeout"


def test_a_mistake_is_told_by_its_reference_alone(
    worker: Worker, modelled: Modelled, scope: Scope, capfd: pytest.CaptureFixture[str]
) -> None:
    employed = Worker(modelled.warehouse.settings, share=1)
    with pytest.raises(WarehouseError, match=r"Reference [0-9a-f]{8} is in the log") as problem:
        employed.answer(mistaken, modelled, scope, "person@corp.example")
    employed.stop()
    log = capfd.readouterr().err
    assert problem.value.hint.split()[1] in log
    assert "ValueError in test_worker.py" in log
    assert "person@corp.example" not in log
    with pytest.raises(WarehouseError, match="Reference"):
        worker.answer(unfit, modelled, scope)
    assert worker.answer(funnel, modelled, scope) == funnel(modelled, scope)


def test_a_process_that_ends_fails_one_question(worker: Worker, modelled: Modelled, scope: Scope) -> None:
    before = worker.answer(process, modelled, scope)
    with pytest.raises(WarehouseError, match="has ended"):
        worker.answer(ending, modelled, scope)
    ended = worker.answer(process, modelled, scope)
    assert ended != before
    os.kill(ended, signal.SIGKILL)  # while it has nothing to do, which costs no question
    assert worker._process is not None
    worker._process.wait(20)
    assert worker.answer(process, modelled, scope) not in (before, ended)
    assert worker.answer(funnel, modelled, scope) == funnel(modelled, scope)


def test_it_ends_with_the_server(modelled: Modelled, scope: Scope) -> None:
    employed = Worker(modelled.warehouse.settings, share=1)
    employed.answer(process, modelled, scope)
    employed._pipe.close()  # as the end of this process would
    assert employed._process.wait(20) == 0


def test_newer_data_is_read_once_it_is_asked_of(tmp_path: Path, scope: Scope) -> None:
    settings = Settings(warehouse=str(warehouses.company(tmp_path, 200, ("crm",))))
    employed = Worker(settings, share=1)
    counts = []
    for _ in range(2):
        warehouse = open_warehouse(settings)
        m = latest(warehouse, shipped_models()["crm"])
        answer = employed.answer(funnel, m, scope)
        assert answer == funnel(m, scope)
        counts.append(answer.whole[0].entered)
        warehouse.close()
        with writing(settings) as made:
            made.execute(f'DELETE FROM "{m.build.table("journeys")}"')
    employed.stop()
    assert counts[0] > counts[1] == 0


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc that lists open files")
def test_a_file_that_was_replaced_is_closed_when_told(modelled: Modelled, scope: Scope) -> None:
    employed = Worker(modelled.warehouse.settings, share=1)
    employed.answer(funnel, modelled, scope)
    name = modelled.warehouse.path.name  # type: ignore[attr-defined]

    def is_open() -> bool:
        links = Path(f"/proc/{employed._process.pid}/fd").iterdir()
        return any(link.exists() and link.resolve().name == name for link in links)

    assert is_open()
    employed.forget()
    deadline = time.monotonic() + 20
    while is_open() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_open()
    employed.stop()


def test_processes_divide_the_memory(modelled: Modelled, scope: Scope) -> None:
    def said(share: int) -> float:
        settings = modelled.warehouse.settings.model_copy(update={"memory_limit": "1GB"})
        employed = Worker(settings, share)
        mebibytes: float = employed.answer(limit, modelled, scope)
        employed.stop()
        return mebibytes

    assert said(4) == pytest.approx(said(1) / 4, rel=0.01)
