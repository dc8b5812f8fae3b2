"""The net promoter score: its arithmetic, and an interval that covers what it says it does."""

from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.nps import Nps, change, group_of, points


def of(promoters: int, passives: int, detractors: int) -> Nps:
    return Nps({10: promoters, 7: passives, 3: detractors})


def test_promoters_less_detractors_of_all_who_answered() -> None:
    found = Nps({10: 40, 9: 20, 8: 15, 7: 5, 6: 10, 0: 10})
    assert (found.n, found.promoters, found.passives, found.detractors) == (100, 60, 20, 20)
    assert found.value == 40


@pytest.mark.parametrize(
    ("score", "group"),
    [(0, "detractor"), (6, "detractor"), (6.9, "detractor"), (7, "passive"), (8.9, "passive"), (9, "promoter")],
)
def test_groups_have_their_published_edges(score: float, group: str) -> None:
    assert group_of(score) == group


def test_nobody_answered_is_no_score() -> None:
    assert (Nps().value, Nps().interval) == (None, None)
    assert change(Nps(), of(1, 1, 1)) is None


def test_all_promoters_are_not_certain() -> None:
    low, high = of(10, 0, 0).interval or (0, 0)
    assert low < 95 and high == 100


@pytest.mark.parametrize(("up", "down"), [(0.5, 0.2), (0.85, 0.05), (0.3, 0.3)])
def test_the_interval_covers_the_truth_as_often_as_it_says(up: float, down: float) -> None:
    """Every outcome of 25 answers, weighed by its probability: at least 93 % of them cover the true score."""
    n, covered = 25, 0.0
    for p in range(n + 1):
        for d in range(n + 1 - p):
            weight = comb(n, p) * comb(n - p, d) * up**p * down**d * (1 - up - down) ** (n - p - d)
            low, high = of(p, n - p - d, d).interval or (0, 0)
            covered += weight * (low <= 100 * (up - down) <= high)
    assert covered >= 0.93


@given(st.tuples(*[st.integers(0, 200)] * 3).filter(sum))
def test_turning_the_scale_round_turns_the_score_round(counts: tuple[int, int, int]) -> None:
    here, there = of(*counts), of(*reversed(counts))
    assert here.value == -(there.value or 0) or here.value == 0 == there.value
    low, high = here.interval or (0, 0)
    assert low <= (here.value or 0) <= high or here.n < 3
    moved = change(here, there)
    assert moved is not None and moved.low <= moved.high


def test_only_a_change_beyond_chance_is_significant() -> None:
    few, many = change(of(6, 2, 2), of(4, 3, 3)), change(of(600, 200, 200), of(400, 300, 300))
    assert few is not None and many is not None
    assert few.value == pytest.approx(many.value) == pytest.approx(30)
    assert (few.significant, many.significant) == (False, True)


@given(st.lists(st.integers(0, 60), min_size=3, max_size=3), st.lists(st.integers(0, 60), min_size=3, max_size=3))
def test_a_change_is_unlikely_where_its_interval_leaves_out_none(now: list[int], before: list[int]) -> None:
    moved = change(*(Nps({10: a, 8: b, 3: c}) for a, b, c in (now, before)))
    if moved is None:
        assert not sum(now) or not sum(before)
    else:
        assert (moved.p < 0.05) is moved.significant


@pytest.mark.parametrize(
    ("moved", "said"),
    [(4.2, "+4 points"), (-1, "-1 point"), (0.3, "+0.3 points"), (-0.3, "-0.3 points"), (0.04, "unchanged")],
)
def test_a_small_change_is_not_told_as_none(moved: float, said: str) -> None:
    assert points(moved) == said
