"""One rerun draws at a time, and whatever ends it gives back what it held."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import LifoQueue

import pytest

from pages.ui import turns
from pages.ui.turns import computing, drawing


def allow(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many turns to compute, in this process."""
    monkeypatch.setattr(turns, "FEW", few)
    monkeypatch.setattr(turns, "COMPUTING", LifoQueue())
    turns.employ([])


def test_one_draws_at_a_time_and_others_while_it_waits_for_an_answer() -> None:
    seen: list[str] = []
    computes, answered, went_on = threading.Event(), threading.Event(), threading.Event()

    def slow() -> None:
        with drawing():
            seen.append("slow begins")
            with computing(few=True):
                computes.set()
                assert answered.wait(20)
            went_on.set()
            seen.append("slow ends")

    def quick() -> None:
        with drawing():
            seen.append("quick begins")
            answered.set()
            assert not went_on.wait(0.2), "the other has its answer, and waits until this one has drawn"
            seen.append("quick ends")

    threads = [threading.Thread(target=slow), threading.Thread(target=quick)]
    threads[0].start()
    assert computes.wait(20)
    threads[1].start()
    for thread in threads:
        thread.join(20)
    assert seen == ["slow begins", "quick begins", "quick ends", "slow ends"]


@pytest.mark.parametrize("few", [False, True])
def test_a_rerun_that_is_ended_holds_nothing_any_more(few: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(1, monkeypatch)
    for _ in range(3):
        with pytest.raises(SystemExit), drawing(), computing(few):
            raise SystemExit
    assert not turns.PENCIL.is_held
    assert turns.COMPUTING.qsize() == 1


def test_outside_of_a_rerun_nobody_waits() -> None:
    turns.PENCIL.take()
    with computing(few=True) as worker:
        assert worker is None
        assert turns.PENCIL.is_held, "by whom it was before"
    turns.PENCIL.give()


def test_who_comes_back_from_computing_goes_first() -> None:
    pencil, order = turns.Pencil(), list[str]()

    def wait(take: Callable[[], None], name: str) -> None:
        take()
        order.append(name)
        pencil.give()

    pencil.take()
    threads = []
    for take, name in [(pencil.take, "other")] * 3 + [(pencil.take_first, "back")] * 2:
        threads.append(threading.Thread(target=wait, args=[take, name]))
        threads[-1].start()
        time.sleep(0.05)  # until it waits; were it late, it would only come later
    pencil.give()
    for thread in threads:
        thread.join(20)
    assert order == ["back", "back", "other", "other", "other"]
    assert not pencil.is_held
