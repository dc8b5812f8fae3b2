"""Durations by published tables, by the library, by a count without cleverness, and by simulation."""

from __future__ import annotations

from dataclasses import replace
from math import isclose

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import CumIncidenceRight, SurvfuncRight, survdiff

from lifecycle.durations import OPEN, LifeTable, joined, log_rank

# Freireich and others (1963): weeks of remission of 21 pairs of patients; + is still in remission.
SIX_MP = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
PLACEBO = "1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23"
# Miller (1981), acute myelogenous leukaemia: weeks of remission with and without maintained chemotherapy.
MAINTAINED = "9 13 13+ 18 23 28+ 31 34 45+ 48 161+"
NOT_MAINTAINED = "5 5 8 8 12 16+ 23 27 30 33 43 45"


def table(text: str, outcome: str = "left") -> LifeTable:
    times = text.split()
    return LifeTable(tuple((float(t.rstrip("+")), OPEN if t.endswith("+") else outcome, 1) for t in times))


def test_freireich_s_remissions_as_every_textbook_prints_them() -> None:
    found = [p for p in table(SIX_MP).curve if p.left]
    assert [p.at_risk for p in found] == [21, 17, 15, 12, 11, 7, 6]
    assert [round(p.survival, 3) for p in found] == [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    assert table(SIX_MP).quantile(0.5) == 23
    assert table(SIX_MP).quantile(0.75) is None  # never fewer than 44.8 % in remission
    assert table(PLACEBO).quantile(0.5) == 8
    assert round(table(SIX_MP).variance(23) ** 0.5, 4) == 0.1346  # Kalbfleisch and Prentice, table 1.2


def test_the_band_of_the_median_as_published() -> None:
    """survfit(conf.type = "log-log"): 13 to not reached for 6-MP, 4 to 11 for placebo."""
    assert table(SIX_MP).quantile_band(0.5) == (13.0, None)
    assert table(PLACEBO).quantile_band(0.5) == (4.0, 11.0)


def test_the_log_rank_test_as_published() -> None:
    found = log_rank([table(SIX_MP), table(PLACEBO)])
    assert found and found.df == 1
    assert (round(found.statistic, 2), round(found.p, 7)) == (16.79, 4.17e-05)
    aml = log_rank([table(MAINTAINED), table(NOT_MAINTAINED)])
    assert aml and (round(aml.statistic, 1), round(aml.p, 4)) == (3.4, 0.0653)
    assert [table(t).quantile(0.5) for t in (MAINTAINED, NOT_MAINTAINED)] == [31.0, 23.0]


def test_rivals_are_no_censoring() -> None:
    """Ten in a stage, four lost, three advance in turn: taken for censored, the lost would make 100 % advance."""
    found = LifeTable(((1, "lost", 4), (2, "advanced", 3), (3, "advanced", 3)))
    assert found.incidence["advanced"][-1][1] == pytest.approx(0.6)
    assert found.incidence["lost"][-1][1] == pytest.approx(0.4)
    naive = LifeTable(((1, OPEN, 4), (2, "advanced", 3), (3, "advanced", 3)))
    assert naive.incidence["advanced"][-1][1] == pytest.approx(1.0)
    assert (found.time_to(["advanced"], 0.5), found.time_to(["advanced"], 0.7)) == (3.0, None)


def test_dropping_the_waiting_ones_makes_slow_stages_look_fast() -> None:
    """Exponential stays of mean 30 days, entered all along 60 days: 11 days among the closed ones, and 21 is true."""
    random = np.random.default_rng(4)
    length, seen = random.exponential(30, 200_000), random.uniform(0, 60, 200_000)
    rows = [(float(min(a, b)), "left" if a <= b else OPEN, 1) for a, b in zip(length, seen, strict=True)]
    found = LifeTable(tuple(rows))
    assert found.naive_median == pytest.approx(11, abs=0.6)
    assert found.quantile(0.5) == pytest.approx(20.8, abs=0.4)


def test_the_mean_is_the_area_under_the_curve() -> None:
    found = LifeTable(((2.0, "left", 1), (4.0, "left", 1), (5.0, OPEN, 2)))
    assert found.restricted_mean(5) == pytest.approx((2 + 4 + 5 + 5) / 4)
    assert found.restricted_mean(3) == pytest.approx((2 + 3 + 3 + 3) / 4)


def test_the_chance_from_here_knows_the_age() -> None:
    found = LifeTable(((1.0, "advanced", 4), (2.0, "lost", 2), (3.0, "advanced", 1), (5.0, OPEN, 3)))
    assert found.chance(["advanced"], 0) == pytest.approx(0.5)
    assert found.chance(["advanced"], 2) == pytest.approx(1 / 4)  # of the four left after the second day
    assert found.chance(["advanced"], 4) == 0
    assert found.chance(["advanced"], 6) is None  # nobody was seen for so long


def test_stages_at_their_edges() -> None:
    nothing = LifeTable(())
    assert (nothing.n, nothing.quantile(0.5), nothing.curve, nothing.naive_median) == (0, None, (), None)
    assert log_rank([nothing, table("1 2")]) is None
    never = table("1+ 2+ 3+")
    assert (never.quantile(0.5), never.naive_median, never.events, never.incidence) == (None, None, 0, {})
    one = table("3")
    assert (one.quantile(0.5), one.quantile_band(0.5)) == (3.0, (3.0, None))  # a single one tells no upper limit
    at_once = LifeTable(((0.0, "advanced", 5), (0.0, OPEN, 5)), zero=5)
    assert (at_once.quantile(0.5), at_once.curve[0].survival) == (0.0, 0.5)  # who is open at 0 was still at risk then
    everybody = table("1 1 1")
    assert (everybody.curve[0].survival, everybody.curve[0].low, everybody.curve[0].high) == (0.0, 0.0, 1.0)


ROWS = st.lists(
    st.tuples(st.integers(0, 8).map(float), st.sampled_from([OPEN, "advanced", "lost", "back"]), st.integers(1, 4)),
    min_size=1,
    max_size=14,
)


def spread(rows: list[tuple[float, str, int]]) -> list[tuple[float, str]]:
    """One entry per stay."""
    return [(t, how) for t, how, n in rows for _ in range(n)]


@settings(max_examples=80, deadline=None)
@given(ROWS)
def test_like_a_count_without_cleverness(rows: list[tuple[float, str, int]]) -> None:
    found, stays = LifeTable(tuple(rows)), spread(rows)
    survival, shares = 1.0, dict.fromkeys({how for _, how in stays} - {OPEN}, 0.0)
    for t in sorted({t for t, _ in stays}):
        at_risk = sum(1 for s, _ in stays if s >= t)
        before = survival
        for how in shares:
            shares[how] += before * sum(1 for s, h in stays if s == t and h == how) / at_risk
        survival *= 1 - sum(1 for s, h in stays if s == t and h != OPEN) / at_risk
        assert found.at(t).survival == pytest.approx(survival)
        assert found.at(t).at_risk == at_risk
        for how in shares:
            assert found.share([how], t) == pytest.approx(shares[how])
        assert found.share(list(shares), t) + found.at(t).survival == pytest.approx(1.0)


@settings(max_examples=60, deadline=None)
@given(ROWS, ROWS)
def test_like_the_library(rows: list[tuple[float, str, int]], others: list[tuple[float, str, int]]) -> None:
    stays = spread(rows)
    time = np.array([t for t, _ in stays])
    status = np.array([how != OPEN for _, how in stays]).astype(int)
    found = LifeTable(tuple(rows))
    if status.any():
        library = SurvfuncRight(time, status)
        mine = {p.seconds: p for p in found.curve if p.left}
        for t, value, error in zip(library.surv_times, library.surv_prob, library.surv_prob_se, strict=True):
            assert mine[t].survival == pytest.approx(value)
            if 0 < value < 1:
                assert found.variance(t) ** 0.5 == pytest.approx(error)
    ways = [*found.outcomes]
    if len(ways) > 1:
        code = np.array([0 if how == OPEN else 1 + ways.index(how) for _, how in stays])
        library = CumIncidenceRight(time, code)
        for i, how in enumerate(ways):
            for t, value, error in zip(library.times, library.cinc[i], library.cinc_se[i], strict=True):
                assert found.share([how], t) == pytest.approx(value)
                if np.isfinite(error):
                    assert found.share_variance([how], t) == pytest.approx(error**2, abs=1e-12)
    test = log_rank([found, LifeTable(tuple(others))])
    both = pd.DataFrame([(t, how != OPEN, g) for g, r in enumerate((rows, others)) for t, how in spread(r)])
    if test and test.statistic and both[1].any():
        statistic, p = survdiff(both[0], both[1].astype(int), both[2])
        assert isclose(test.statistic, statistic, rel_tol=1e-6, abs_tol=1e-9)
        assert isclose(test.p, p, rel_tol=1e-6, abs_tol=1e-9)


def test_strata_like_the_library() -> None:
    random = np.random.default_rng(1)
    rows = pd.DataFrame(
        {
            "t": random.integers(0, 20, 300),
            "seen": random.integers(0, 2, 300),
            "group": random.integers(0, 3, 300),
            "stratum": random.integers(0, 2, 300),
        }
    )

    def of(part: pd.DataFrame) -> LifeTable:
        return LifeTable(
            tuple((float(t), "left" if seen else OPEN, 1) for t, seen in zip(part.t, part.seen, strict=True))
        )

    strata = [[of(rows[(rows.stratum == s) & (rows.group == g)]) for g in range(3)] for s in range(2)]
    found = log_rank(*strata)
    statistic, p = survdiff(rows.t, rows.seen, rows.group, strata=rows.stratum)
    assert found and (found.statistic, found.p) == (pytest.approx(statistic), pytest.approx(p))


@settings(max_examples=40, deadline=None)
@given(ROWS, st.randoms(), st.integers(0, 14))
def test_neither_order_nor_the_split_into_parts_matters(rows: list, random, cut: int) -> None:  # type: ignore[no-untyped-def,type-arg]
    shuffled = random.sample(rows, len(rows))
    parts = joined([LifeTable(tuple(shuffled[:cut])), LifeTable(tuple(shuffled[cut:]))])
    whole = LifeTable(tuple(rows))
    assert [replace(p) for p in parts.curve] == [replace(p) for p in whole.curve]
    for q in (0.25, 0.5, 0.9):
        assert parts.quantile(q) == whole.quantile(q)
        assert parts.time_to(["advanced"], q) == whole.time_to(["advanced"], q)
    later = LifeTable(tuple((t + 5, how, n) for t, how, n in rows))
    moved = whole.quantile(0.5)
    assert later.quantile(0.5) == (None if moved is None else moved + 5)


def test_bands_cover_what_they_claim() -> None:
    """Of 400 samples of 80 the 95 % bands of the curve and of the median hold the truth in about 380."""
    random = np.random.default_rng(11)
    truth, inside, median = np.exp(-1.0), 0, 0
    for _ in range(400):
        length, seen = random.exponential(1, 80), random.uniform(0.2, 3, 80)
        rows = tuple((float(min(a, b)), "left" if a <= b else OPEN, 1) for a, b in zip(length, seen, strict=True))
        found = LifeTable(rows)
        point = found.at(1.0)
        inside += point.low <= truth <= point.high
        low, high = found.quantile_band(0.5)
        median += (low or 0) <= np.log(2) <= (np.inf if high is None else high)
    assert 368 <= inside <= 394
    assert 368 <= median <= 396
