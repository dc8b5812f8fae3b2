"""Where stays have gone by a fixed time: as plain rates where all were seen, and right about those that were not."""

from __future__ import annotations

import numpy as np
import pytest

from lifecycle.durations import OPEN, LifeTable, Row
from lifecycle.rates import Rate, difference
from lifecycle.time_in_stage import ADVANCED, DAY
from lifecycle.ways_out import between_parts, gone, since_before, told_until


def table(**n: int) -> LifeTable:
    """Stays that end after five days in these ways; the open ones were seen for ten."""
    rows: list[Row] = [((10 if how == OPEN else 5) * DAY, how, count) for how, count in n.items()]
    return LifeTable(tuple(rows))


def test_where_all_were_seen_a_share_is_a_rate() -> None:
    a, b = table(advanced=60, lost=25, open=15), table(advanced=30, lost=50, open=20)
    for outcome, n, m in ((ADVANCED, 60, 30), ("lost", 25, 50), (OPEN, 15, 20)):
        share = gone(a, outcome, 7 * DAY)
        assert share and share.value == pytest.approx(n / 100) and share.effective == pytest.approx(100)
        assert share.interval == pytest.approx(Rate(n, 100).interval)
        (gap,) = since_before(a, b, [outcome], 7 * DAY)
        plain = difference(Rate(n, 100), Rate(m, 100))
        assert (
            plain
            and gap.difference.low == pytest.approx(plain.low)
            and gap.difference.high == pytest.approx(plain.high)
        )
    assert [g.outcome for g in since_before(a, b, [OPEN, "lost", ADVANCED], 7 * DAY) if g.clear] == [ADVANCED, "lost"]


def test_parts_differ_from_all_others() -> None:
    parts = {"x": table(advanced=80, open=20), "y": table(advanced=40, open=60), None: table(advanced=40, open=60)}
    first, *_ = found = between_parts(parts, [ADVANCED], 7 * DAY)
    assert (first.name, first.here.value, first.there.value) == ("x", 0.8, 0.4) and first.clear
    assert {g.name for g in found if g.is_part} == {"x", "y", None}
    assert between_parts({"x": table(advanced=20), "y": table(advanced=40)}, [ADVANCED], DAY) == ()  # too few


def test_nothing_is_told_of_what_nobody_was_seen_for() -> None:
    short = LifeTable(((2 * DAY, OPEN, 90), (3 * DAY, ADVANCED, 20)))
    assert gone(short, ADVANCED, 7 * DAY) is None  # twenty are known, the others may still advance
    assert gone(short, ADVANCED, DAY) is not None
    assert told_until([short, table(advanced=40, open=20)], 30 * DAY) == 3 * DAY


def test_the_interval_covers_what_it_claims() -> None:
    random, hits, runs = np.random.default_rng(5), 0, 400
    for _ in range(runs):  # two ways out compete, and most are not seen to the end
        n = 200
        own, rival, seen = (random.exponential(mean, n) for mean in (20, 40, 25))
        ends = np.minimum(np.minimum(own, rival), seen)
        how = np.where(ends == seen, OPEN, np.where(ends == own, ADVANCED, "lost"))
        share = gone(LifeTable(tuple((float(t), str(h), 1) for t, h in zip(ends, how, strict=True))), ADVANCED, 15.0)
        truth = (1 / 20) / (1 / 20 + 1 / 40) * (1 - np.exp(-15 * (1 / 20 + 1 / 40)))
        assert share
        low, high = share.interval
        hits += low <= truth <= high
    assert 0.92 <= hits / runs <= 0.98
