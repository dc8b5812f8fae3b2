"""Conservation, reasons and suggestions."""

from __future__ import annotations

import pytest

from lifecycle.health import REASONS, Conservation, left_out, suggestion
from lifecycle.rates import Rate
from lifecycle.stages import load_model

COUNTS = {"in": 100, "used": 60, "repeats": 20, "ignored": 10, "duplicates": 6, "quarantined": 4, "journeys": 30}


def test_books_that_close() -> None:
    books = Conservation.of(COUNTS | {"rejected": 1})
    assert books.is_kept
    assert books.rejected == 1
    assert books.set_aside == Rate(4, 100)
    first, *steps, last = books.lines
    assert first[1] + sum(n for _, n, _, _ in steps) == last[1] == 60


def test_books_that_do_not_close_say_so() -> None:
    assert not Conservation.of(COUNTS | {"used": 61}).is_kept


@pytest.mark.parametrize(
    ("raw", "label"),
    [
        ("Oportunity", "Opportunity"),
        ("mql.", "MQL"),
        ("Marketing-qualified", "MQL"),
        ("Qualified??", None),  # not "unqualified": that would turn its meaning round
        ("Zombie stage", None),
        ("🎈", None),
        ("x" * 10_000, None),
    ],
)
def test_only_slips_of_the_pen_are_recognised(raw: str, label: str | None) -> None:
    assert suggestion(raw, load_model("crm")) == label


def test_every_reason_has_words_and_advice() -> None:
    for name, (label, advice) in REASONS.items():
        assert label and advice.endswith("."), name


def test_doubles_are_told_where_there_were_any() -> None:
    assert left_out({"folded": 0, "selves": 0}) == left_out({}) == {}
    assert left_out({"folded": 1})["doubles"].startswith("1 row of orders")
    assert left_out({"folded": 1_200})["doubles"].startswith("1,200 rows of orders")


def test_referrals_of_oneself_are_told_apart_from_doubles() -> None:
    assert left_out({"folded": 2, "selves": 1}).keys() == {"doubles", "self-referrals"}
    assert left_out({"selves": 1})["self-referrals"].startswith("1 row of referrals names the same one on both sides")
    assert left_out({"selves": 30})["self-referrals"].startswith("30 rows of referrals name the same one")
