"""Words and numbers: nothing that comes from data is markdown, and nothing undefined looks like a number."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.rates import Rate, difference
from pages.ui import labels

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "![](http://evil.example/p.png)",
    ":red[x]",
    ":material/home:",
    "$\\href{javascript:alert(1)}{x}$",
    "**bold** _it_ ~~gone~~ `code`",
    "http://evil.example www.evil.example a@evil.example",
    "# heading\n- list\n1. one\n> quote",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_signs_are_escaped(text: str) -> None:
    said = labels.escape(text)
    assert "\n" not in said
    bare = re.sub(r"\\.", "", said)  # what remains when every escaped sign is taken out
    assert not re.search(r"[\\`*_{}\[\]()<>#|~$:@]", bare)
    assert not re.search(r":[\w+\-/]+:", said.replace("\\", "")), "no icon, no emoji"


@given(st.text())
def test_escaping_keeps_every_character_that_shows(text: str) -> None:
    shown = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", labels.escape(text)).replace("\u2060", "")
    assert shown.replace("\u00a0", " ") == re.sub(r"\s+", " ", text).strip().replace("\u2060", "")


def test_a_number_keeps_its_unit_on_its_line() -> None:
    assert labels.escape("slow, n = 2,706") == "slow, n\u00a0\\=\u00a02,706"
    assert labels.escape("45 % of 10, up by 2.0 pp") == "45\u00a0% of 10, up by 2\\.0\u00a0pp"


def test_paragraphs_flow_and_lists_stay() -> None:
    assert labels.unwrapped("One\ntwo.\n\nThree\n- a\n- b\n    c = d") == "One two.\n\nThree\n- a\n- b\n    c = d"


def test_undefined_is_neither_zero_nor_all() -> None:
    assert labels.percent(Rate(0, 0).value) == "n/a"
    assert labels.percent(0.0) == "0.0 %"
    assert labels.interval(Rate(0, 0)) == "nothing to divide by"
    assert labels.points(difference(Rate(1, 2), Rate(0, 0))) is None
    assert labels.points(difference(Rate(4_999, 10_000), Rate(5_000, 10_000))) == "+0.0 pp"


def test_a_rate_says_its_numbers_and_flags_few() -> None:
    assert labels.interval(Rate(50, 100)) == "40.4–59.6 % · 50 of 100"
    assert "few" in labels.interval(Rate(9, 21))


@pytest.mark.parametrize(
    ("seconds", "said"), [(None, "n/a"), (0, "0 s"), (90, "1.5 min"), (5_400, "1.5 h"), (129_600, "1.5 days")]
)
def test_durations_take_the_largest_readable_unit(seconds: float | None, said: str) -> None:
    assert labels.duration(seconds) == said


@pytest.mark.parametrize(
    ("amount", "said"), [(9_480, "9,480"), (12_400, "12.4 k"), (3.1e6, "3.1 M"), (-2e9, "-2.0 bn")]
)
def test_money_is_short(amount: float, said: str) -> None:
    assert labels.money(amount) == said


@given(st.dictionaries(st.text(min_size=1), st.sampled_from(["A", "B", "C"]), min_size=1))
def test_labels_name_one_key_each(names: dict[str, str]) -> None:
    said = labels.distinct(names)
    assert said.keys() == names.keys()
    assert len(set(said.values())) == len(said)


HOUR, DAY = 3_600, 86_400


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (22 * DAY, 24 * DAY, "22–24 days"),
        (3 * DAY, 3 * DAY, "3.0 days"),
        (23 * HOUR, 2 * DAY, "23.0 h – 2.0 days"),
        (0, 5 * HOUR, "under 1 h – 5.0 h"),
        (232 * DAY, None, "232 days – …"),
        (None, 5 * HOUR, "… – 5.0 h"),
    ],
)
def test_a_band_of_times_has_its_unit_once_where_both_ends_share_it(
    low: float | None, high: float | None, said: str
) -> None:
    assert labels.spread(low, high) == said
