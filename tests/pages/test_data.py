"""The cache: one answer per build, question and arguments, and never a frame in a key."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from lifecycle.scope import Scope
from lifecycle.segments import Choice, Span
from pages.ui.data import digest
from queries.settings import load_settings
from queries.warehouse import writing
from tests.pages.conftest import Opening

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

    scope = Scope("crm", modelled.build.as_of)
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


def test_a_failure_says_what_to_do(company: Path, open_: Opening) -> None:
    tab = open_(asking, company)
    assert "Narrow it." in tab.text[3].value


def test_a_superseded_question_ends_the_rerun(company: Path, open_: Opening) -> None:
    tab = open_(asking, company)
    tab.session_state["arguments"] = ["a", "stop", "b"]
    tab.run()
    assert [t.value for t in tab.text] == ["1"]
    assert not tab.exception
