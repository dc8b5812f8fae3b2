"""The bridge between two counts of one stage: every total is the one before plus the steps between."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.bridge import Cell, Line, Words, bridge

WORDS = Words("MQL", "Lead", "contacts")
HANDED = Words("MQL", "Lead", "contacts", is_handed=True)
ORDER = {"before": 0, "in": 1, "after": 2, "never": 3}
# What can happen: nobody is counted at a stage after entering it, nor at the first stage after a later one.
POSSIBLE = [
    Cell(own, reached, started, 0, ahead)
    for own, reached, started, ahead in product(ORDER, ("before", "in", "after"), ORDER, (False, True))
    if ORDER[reached] <= ORDER[own] and (started == "never" or ORDER[started] <= ORDER[reached])
]


def totals(lines: tuple[Line, ...]) -> dict[str, int]:
    return {line.key: line.n for line in lines if line.is_total}


@given(st.lists(st.integers(0, 50), min_size=len(POSSIBLE), max_size=len(POSSIBLE)), st.integers(0, 99), st.data())
def test_steps_lead_from_total_to_total(numbers: list[int], again: int, data: st.DataObject) -> None:
    cells = [replace(c, n=n) for c, n in zip(POSSIBLE, numbers, strict=True)]
    own, cohort = (sum(c.n for c in cells if getattr(c, name) == "in") for name in ("own", "started"))
    entities = data.draw(st.integers(0, cohort))
    plain, handed = (bridge(cells, own + again, entities, words) for words in (WORDS, HANDED))
    assert list(totals(plain)) == ["entries", "own", "reached", "cohort", "entities"]
    assert totals(plain) == {key: n for key, n in totals(handed).items() if key != "handed"}
    assert totals(handed)["handed"] == sum(c.n for c in cells if c.own == "in" and not c.ahead)
    for lines in (plain, handed):
        closes(lines)
    assert totals(plain)["entities"] == entities


def closes(lines: tuple[Line, ...]) -> None:
    """Every total but the first is the one before and the steps between, none of which is zero."""
    level = 0
    for line in lines:
        assert not line.is_total or line.key == "entries" or line.n == level, line
        level = line.n if line.is_total else level + line.n
        assert line.is_total or line.n


def test_each_cell_is_in_the_totals_its_words_say() -> None:
    implied = bridge([Cell("never", "in", "in", 3)], 0, 3, WORDS)
    assert totals(implied) == {"entries": 0, "own": 0, "reached": 3, "cohort": 3, "entities": 3}
    assert [line.key for line in implied if not line.is_total] == ["implied"]
    early = bridge([Cell("in", "in", "in", 2, ahead=True), Cell("in", "before", "before", 1, ahead=True)], 3, 2, HANDED)
    assert totals(early) == {"entries": 3, "own": 3, "handed": 0, "reached": 2, "cohort": 2, "entities": 2}
    assert [(line.key, line.n) for line in early if not line.is_total] == [("ahead", -3), ("implied", 2)]
    late = bridge([Cell("after", "after", "in", 2)], 0, 2, WORDS)
    assert totals(late) == {"entries": 0, "own": 0, "reached": 0, "cohort": 2, "entities": 2}


def test_words_name_the_stage_and_who_moves() -> None:
    lines = bridge([], 0, 0, WORDS)
    assert lines[0].label == "Every entry to MQL"
    assert lines[-1].label == "Distinct contacts"
