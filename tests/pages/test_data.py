"""The cache: one answer per build, question and arguments, and never a frame in a key."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from lifecycle.scope import Scope
from lifecycle.segments import Choice, Span
from pages.ui import data, turns
from pages.ui.data import digest, drawn
from queries.agreement import alignment
from queries.commitment import commitment
from queries.modelled import Modelled
from queries.settings import load_settings
from queries.warehouse import writing
from tests.pages.conftest import Opening
from tests.pages.test_turns import allow
from tests.queries.test_worker import limit

SCOPE = Scope("crm", datetime(2026, 3, 1))


@pytest.mark.parametrize("value", [pd.DataFrame({"a": [1]}), pa.table({"a": [1]}), [1], object(), lambda: 1])
def test_only_plain_values_make_a_key(value: object) -> None:
    with pytest.raises(TypeError, match="plain values"):
        digest((SCOPE, value))


def test_whatever_differs_has_another_key() -> None:
    different = [
        SCOPE,
        Scope("inbound", datetime(2026, 3, 1)),
        Scope("crm", datetime(2026, 3, 1, 0, 0, 0, 1)),
        Scope("crm", datetime(2026, 3, 1), window=timedelta(days=90)),
        Scope("crm", datetime(2026, 3, 1), start=date(2026, 1, 1)),
        Scope("crm", datetime(2026, 3, 1), end=date(2026, 1, 1)),
        Scope("crm", datetime(2026, 3, 1), filters=(Choice("a", ("b",)),)),
        Scope("crm", datetime(2026, 3, 1), filters=(Choice("a", (None,)),)),
        Scope("crm", datetime(2026, 3, 1), filters=(Choice("a", ("None",)),)),
        Scope("crm", datetime(2026, 3, 1), filters=(Choice("a", ("b", "c")),)),
        Scope("crm", datetime(2026, 3, 1), filters=(Choice("a", ("b, c",)),)),
        Scope("crm", datetime(2026, 3, 1), filters=(Span("a", 1.0, None),)),
        Scope("crm", datetime(2026, 3, 1), filters=(Span("a", None, 1.0),)),
    ]
    assert len({digest((scope,)) for scope in different}) == len(different)
    assert digest(("a", ("b",))) != digest(("a", "b"))
    assert digest(1) != digest("1") != digest(True)


def test_equal_questions_share_a_key() -> None:
    assert digest((SCOPE, 1)) == digest((Scope("crm", datetime(2026, 3, 1)), 1))


def asking() -> None:
    from collections.abc import Iterator
    from contextlib import contextmanager

    import streamlit as st

    from lifecycle.scope import Scope
    from pages.ui import data
    from queries.errors import WarehouseError

    current = data.opened()
    modelled = data.modelled(current, data.models()["crm"])
    calls = st.session_state.setdefault("calls", [])

    def counted(modelled: object, scope: Scope, *args: object) -> int:
        calls.append(args)
        if args == ("fail",):
            raise WarehouseError("timeout", "Too slow.", "Narrow it.")
        if args == ("stop",):
            raise WarehouseError("superseded", "A newer question came.")
        return len(calls)

    @contextmanager
    def placeholder() -> Iterator[None]:
        st.session_state["placeholders"] = st.session_state.get("placeholders", 0) + 1
        yield

    scope = Scope("crm", modelled.build.as_of)
    with data.meanwhile(placeholder):
        for argument in st.session_state.setdefault("arguments", ["a", "a", "b", "fail", "fail"]):
            st.text(str(data.ask(counted, modelled, scope, argument)))


def test_a_question_is_asked_once_per_state_of_the_data(company: Path, open_: Opening) -> None:
    tab = open_(asking, company)
    assert [t.value for t in tab.text][:3] == ["1", "1", "2"]
    assert len(tab.session_state["calls"]) == 4, "a failure is not an answer to keep"
    tab.run()
    assert len(tab.session_state["calls"]) == 6
    with writing(load_settings()):
        pass  # a new generation, such as a load or a build makes
    tab.run()
    assert tab.text[0].value == "7"
    assert tab.session_state["placeholders"] == len(tab.session_state["calls"]), "one for each that was computed"


def test_a_failure_says_what_to_do(company: Path, open_: Opening) -> None:
    tab = open_(asking, company)
    assert "Narrow it." in tab.text[3].value


def test_a_superseded_question_ends_the_rerun(company: Path, open_: Opening) -> None:
    tab = open_(asking, company)
    tab.session_state["arguments"] = ["a", "stop", "b"]
    tab.run()
    assert [t.value for t in tab.text] == ["1"]
    assert not tab.exception


def test_a_statement_is_run_once_for_all_that_ask_it(
    asked: tuple[Modelled, Scope], monkeypatch: pytest.MonkeyPatch
) -> None:
    m, scope = asked
    ran: list[str] = []
    answer = m.warehouse.answer
    monkeypatch.setattr(
        m.warehouse, "answer", lambda rendered, schema: ran.append(rendered.text) or answer(rendered, schema)
    )
    kept = data.Remembered(m.warehouse, m.model, m.build)
    alignment(kept, scope)
    (counting,) = ran
    assert commitment(kept, scope) == commitment(m, scope)
    assert ran.count(counting) == 2, "once for all that ask the kept build, once for the other"
    alignment(kept, replace(scope, start=date(2025, 5, 1)))
    assert ran.count(counting) == 3, "the same words with another value are another statement"
    alignment(kept, scope)
    assert ran.count(counting) == 3


@dataclass(frozen=True)
class Answer:
    """An answer as a question gives it."""

    n: int


def test_a_drawing_is_made_once_per_answer_and_what_it_was_given() -> None:
    made: list[tuple[int, object]] = []

    def drawing(given: object) -> Callable[[Answer], str]:
        def draw(answer: Answer) -> str:
            return note(made, answer.n, given)

        return draw

    answer = Answer(3)
    assert drawn(partial(_pair, "a"), answer) == drawn(partial(_pair, "a"), answer) == ("a", 3)
    assert drawn(partial(_pair, "a"), answer) is drawn(partial(_pair, "a"), answer)
    assert drawn(partial(_pair, "b"), answer) == ("b", 3)
    assert drawn(partial(_pair, "a"), Answer(4)) == ("a", 4)
    by_default = [lambda answer, given=given: (given, answer.n) for given in ("a", "b")]
    assert [drawn(draw, answer) for draw in by_default] == [("a", 3), ("b", 3)]
    for _ in range(2):  # `made` is a list: what it holds may change, so that nothing is kept
        drawn(drawing("a"), answer)
    assert made == [(3, "a"), (3, "a")]


def _pair(given: str, answer: Answer) -> tuple[str, int]:
    return given, answer.n


def note(made: list[tuple[int, object]], n: int, given: object) -> str:
    made.append((n, given))
    return f"{n} {given}"


@dataclass
class Company:
    """As much of a build as a question without statements is asked of."""

    build: Any = field(default_factory=lambda: SimpleNamespace(id=1))


def test_few_reruns_compute_at_a_time_and_kept_answers_wait_for_none(
    configured: Callable[[Path], None], company: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(company)
    allow(2, monkeypatch)
    inside, most, lock, arrived, go_on = [0], [0], threading.Lock(), threading.Event(), threading.Event()

    def slow(_: Any, scope: Scope, number: int) -> int:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            if inside[0] == 2:
                arrived.set()
        assert go_on.wait(20)
        with lock:
            inside[0] -= 1
        return number

    def quick(_: Any, scope: Scope) -> str:
        return "kept"

    asked: Any = Company()

    def rerun(number: int) -> None:
        with turns.drawing():
            assert data.ask(quick, asked, SCOPE) == "kept"
            assert data.ask(slow, asked, SCOPE, number) == number
            assert data.ask(slow, asked, SCOPE, number + 100) == number + 100  # in the same turn

    with turns.drawing():
        assert data.ask(quick, asked, SCOPE) == "kept"
    threads = [threading.Thread(target=rerun, args=[n]) for n in range(5)]
    for thread in threads:
        thread.start()
    assert arrived.wait(20)
    with turns.drawing():  # all turns are taken
        assert data.ask(quick, asked, SCOPE) == "kept"
    go_on.set()
    for thread in threads:
        thread.join()
    assert (inside, most) == ([0], [2])
    assert turns.COMPUTING.qsize() == 2, "all turns were given back"


def test_all_that_read_a_warehouse_stay_within_its_memory_together(
    configured: Callable[[Path], None], company: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIFECYCLE_MEMORY_LIMIT", "1GiB")
    configured(company)
    with data.workers():
        m = data.modelled(data._open(), data.models()["crm"])
        parts = [w.answer(limit, m, SCOPE) for w in turns._employed] + [limit(m, SCOPE)]
    assert len(parts) == turns.FEW + 1
    assert sum(parts) == pytest.approx(1024, rel=0.01)
