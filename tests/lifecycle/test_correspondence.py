"""Which stage corresponds to which: by hand, and what holds for any two models."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.correspondence import Cell, Correspondence, matches
from lifecycle.rates import Rate

HERE, THERE = ["lead", "mql", "sql"], ["prospect", "deal", "fan"]
CELLS = (
    Cell(("lead",), ("prospect",), 6),
    Cell(("lead", "mql"), ("prospect",), 3),
    Cell(("lead", "mql", "sql"), ("prospect", "deal"), 2),
    Cell(("lead",), (), 1),
)


def test_best_matches_by_hand() -> None:
    lead, mql, sql = matches(Correspondence("furthest", "contacts", CELLS), HERE, THERE)
    assert (lead.best, lead.overlap, lead.share) == ("prospect", Rate(11, 12), Rate(11, 12))
    assert (mql.best, mql.overlap, mql.share) == ("prospect", Rate(5, 11), Rate(5, 5))
    assert (sql.best, sql.overlap) == ("deal", Rate(2, 2))


def test_the_matrix_counts_everybody_once_at_their_last_stage() -> None:
    answer = Correspondence("furthest", "contacts", CELLS)
    assert answer.matrix == {
        ("lead", "prospect"): 6,
        ("mql", "prospect"): 3,
        ("sql", "deal"): 2,
        ("lead", None): 1,
    }
    assert sum(answer.matrix.values()) == answer.total == 12


def test_of_equal_overlaps_the_earlier_stage_wins_and_nobody_matches_nothing() -> None:
    same = Correspondence("current", "contacts", (Cell(("lead",), ("prospect", "deal"), 4),))
    lead, mql, _ = matches(same, HERE, THERE)
    assert lead.best == "prospect"
    assert (mql.best, mql.overlap.value) == (None, None)


sets = st.lists(st.sampled_from(HERE), unique=True).map(tuple)
others = st.lists(st.sampled_from(THERE), unique=True).map(tuple)


@given(st.lists(st.builds(Cell, sets, others, st.integers(1, 20)), max_size=8))
def test_overlap_is_the_same_seen_from_either_side(cells: list[Cell]) -> None:
    turned = tuple(Cell(c.there, c.here, c.n) for c in cells)
    from_here = matches(Correspondence("furthest", "contacts", tuple(cells)), HERE, THERE)
    from_there = {m.stage: m for m in matches(Correspondence("furthest", "contacts", turned), THERE, HERE)}
    for match in from_here:
        assert (match.overlap.value or 0) <= (match.share.value or 0)
        if match.best:
            assert from_there[match.best].overlap.value >= match.overlap.value  # type: ignore[operator]
