"""The cache: one answer per build, question and arguments, and never a frame in a key."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pandas as pd
import pyarrow as pa
import pytest

from lifecycle.scope import Scope
from lifecycle.segments import Choice, Span
from pages.ui.data import digest

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
