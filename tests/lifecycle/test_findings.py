"""What is said of a funnel: only what its numbers bear."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest
from scipy.stats import chi2_contingency

from lifecycle.anonymous import Level, Top, columns_of
from lifecycle.findings import (
    MATURE,
    Held,
    PeriodRate,
    Step,
    against_benchmarks,
    changes,
    clearest,
    latest,
    most_left,
    p_value,
    parting,
    rate_of,
    rates_over_time,
    single_steps,
    standouts,
    steps_to_follow,
)
from lifecycle.funnel import Exited, Funnel, Ratio, StageRow, TrendRow
from lifecycle.privacy import masked
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from lifecycle.stages import load_model

SCOPE = Scope(model="m", as_of=datetime(2026, 1, 1))


def row(stage: str, entered: int, *, optional=False, not_due=0, left=0) -> StageRow:
    exited = {"lost": Exited(left, {None: left})} if left else {}
    return StageRow({}, stage, stage.upper(), entered, optional, not_due=not_due, exited=exited)


def answer(*rows: StageRow, before: Funnel | None = None) -> Funnel:
    return Funnel("m", 1, SCOPE, rows, comparison=before)


ROWS = (
    row("lead", 100, not_due=20, left=10),
    row("mql", 40, left=15),
    row("pql", 4, optional=True, left=30),
    row("won", 8),
)


def test_steps_lead_from_the_first_to_the_last_and_from_each_to_the_next_past_optional_ones() -> None:
    assert [step.label for step in steps_to_follow(ROWS)] == ["LEAD → WON", "LEAD → MQL", "MQL → WON"]
    assert [step.label for step in steps_to_follow(ROWS[:2])] == ["LEAD → MQL"]
    assert steps_to_follow(ROWS[:1]) == []


def test_the_rate_of_a_step_leaves_out_who_is_not_due() -> None:
    assert rate_of(ROWS, Step("lead", "won", "")) == Rate(8, 80)
    assert rate_of(ROWS, Step("mql", "won", "")) == Rate(8, 40)


def test_rates_over_time_keep_empty_periods_undefined() -> None:
    def told(month: int, stage: str, n: int, not_due: int = 0) -> TrendRow:
        return TrendRow(date(2026, month, 1), {"plan": None}, stage, n, not_due, immature=month == 2)

    rows = [told(1, "lead", 10), told(1, "won", 4), told(2, "lead", 6, 6), told(2, "won", 0)]
    found = rates_over_time(rows, Step("lead", "won", ""))
    assert [(p.period.month, p.segment, p.rate, p.immature) for p in found] == [
        (1, None, Rate(4, 10), False),
        (2, None, Rate(0, 0), True),
    ]
    assert found[1].rate.value is None


def test_most_are_lost_where_most_left() -> None:
    worst = most_left([r for r in ROWS if not r.optional])
    assert worst is not None and worst.stage == "mql"
    assert most_left([row("lead", 5)]) is None
    assert most_left([]) is None


def test_a_change_is_named_only_where_chance_does_not_explain_it() -> None:
    before = answer(row("lead", 1_000), row("mql", 500), row("won", 50))
    same = answer(row("lead", 1_000), row("mql", 510), row("won", 52), before=before)
    assert clearest(changes(same)) is None
    worse = answer(row("lead", 1_000), row("mql", 700), row("won", 50), before=before)
    found = clearest(changes(worse))
    assert found is not None and found.step.label == "LEAD → MQL"
    assert found.difference is not None and found.difference.value == pytest.approx(0.2)
    assert changes(before) == []


def test_a_change_from_nothing_is_undefined() -> None:
    before = answer(row("lead", 0), row("mql", 0))
    (change,) = changes(answer(row("lead", 10), row("mql", 5), before=before))
    assert change.difference is None
    assert not change.clear
    assert clearest([change]) is None


def test_a_group_stands_out_from_all_others_together_or_is_not_named() -> None:
    even = {name: Rate(n, 100) for name, n in zip("abcdefgh", (9, 10, 11, 12, 10, 9, 11, 10), strict=True)}
    assert standouts(even) == []
    (best,) = standouts(even | {"referral": Rate(40, 100)})[:1]
    assert (best.name, best.rate, best.rest) == ("referral", Rate(40, 100), Rate(82, 800))
    assert standouts({}) == standouts({"only": Rate(1, 2)}) == standouts({"a": Rate(0, 0), "b": Rate(5, 9)}) == []


def test_of_twenty_equal_groups_the_extreme_one_is_not_news() -> None:
    groups = {f"g{i}": Rate(100, 1_000) for i in range(19)} | {"g19": Rate(122, 1_000)}
    assert p_value(Rate(122, 1_000), Rate(1_900, 19_000)) < 0.05
    assert standouts(groups) == []


def test_the_ways_part_where_a_group_differs_most_from_the_others() -> None:
    def way(mql: int, won: int) -> tuple[StageRow, ...]:
        return row("lead", 1_000), row("mql", mql), row("won", won)

    ways = {"ads": way(500, 50), "event": way(510, 200), "search": way(400, 40)}
    steps = single_steps(way(1, 1))
    assert [s.label for s in steps] == ["LEAD → MQL", "MQL → WON"]
    found = parting(ways, steps)
    assert found is not None
    assert (found[0].label, found[1].name, found[1].rate, found[1].rest) == (
        "MQL → WON",
        "event",
        Rate(200, 510),
        Rate(90, 900),
    )
    assert parting({"ads": way(500, 50), "event": way(505, 52), "search": way(498, 49)}, steps) is None


def months(*rates: tuple[int, int], segment: str | None = None, young: int = 0) -> list[PeriodRate]:
    ripe = len(rates) - young
    return [PeriodRate(date(2025, 1 + i, 1), segment, Rate(*r), i >= ripe) for i, r in enumerate(rates)]


def test_the_last_period_that_had_its_time_is_held_against_those_before() -> None:
    (fell,) = latest(months((200, 1_000), (210, 1_000), (100, 1_000), (3, 1_000), young=1), arrived=1.0)
    assert (fell.last.period, fell.before, fell.clear) == (date(2025, 3, 1), Rate(410, 2_000), True)
    (same,) = latest(months((200, 1_000), (210, 1_000)), arrived=1.0)
    assert not same.clear
    assert latest(months((1, 2), young=1), arrived=1.0) == latest([], arrived=1.0) == []
    (only,) = latest(months((5, 10), (0, 0)), arrived=1.0)
    assert (only.before, only.clear, only.change) == (None, False, 0.0)


def test_what_may_still_arrive_explains_a_small_fall_and_never_a_rise() -> None:
    lower, higher = months((4_000, 10_000), (3_650, 10_000)), months((3_650, 10_000), (4_000, 10_000))
    assert [t.clear for t in latest(lower, arrived=1.0)] == [True]
    assert [t.clear for t in latest(lower, arrived=MATURE)] == [False]  # 3,650 may become 4,056
    assert [t.clear for t in latest(higher, arrived=MATURE)] == [True]
    assert [t.clear for t in latest(months((4_000, 10_000), (3_000, 10_000)), arrived=MATURE)] == [True]


def test_a_stage_is_below_its_benchmark_only_where_chance_does_not_explain_it() -> None:
    def come(stage: str, n: int, of: int, benchmark: float | None) -> StageRow:
        return replace(row(stage, n), step_conversion_rate=Rate(n, of), benchmark=benchmark)

    rows = (row("lead", 1_000), come("mql", 400, 1_000, 0.5), come("sql", 4, 10, 0.6), come("won", 3, 4, None))
    held = against_benchmarks(rows)
    assert [(h.row.stage, h.is_below) for h in held] == [("sql", False), ("mql", True)]
    wilson_ends = Rate(400, 1_000).interval
    assert wilson_ends is not None
    assert Held(rows[1], Rate(400, 1_000), wilson_ends[1]).p == pytest.approx(
        0.05
    )  # the test that the interval inverts
    assert against_benchmarks(rows[:1]) == []


def test_the_p_value_is_that_of_pearson_s_chi_squared() -> None:
    table = [[30, 70], [45, 55]]
    assert p_value(Rate(30, 100), Rate(45, 100)) == pytest.approx(chi2_contingency(table, correction=False).pvalue)
    assert p_value(Rate(45, 100), Rate(30, 100)) == p_value(Rate(30, 100), Rate(45, 100))
    assert p_value(Rate(0, 10), Rate(0, 5)) == p_value(Rate(0, 0), Rate(1, 5)) == 1.0


def test_the_anonymous_top_gives_ratios_of_neighbouring_levels() -> None:
    days = (date(2026, 1, 1), date(2026, 1, 2))
    top = Top(days, (Level("Stranger", (100, 0)), Level("Visitor", (50, 3)), Level("Lead", (5, 6))))
    visits, leads = top.ratios
    assert visits.each == (Ratio(50, 100), Ratio(3, 0))
    assert visits.each[1].value is None
    assert leads.each[1].value == 2.0  # leads of visitors of earlier days: no share
    assert leads.whole == Ratio(11, 53)


def test_anonymous_stages_find_their_counts_by_name() -> None:
    both = ("strangers", "visitors")
    assert columns_of(load_model("inbound"), both) == {"Stranger": "strangers", "Visitor": "visitors"}
    assert columns_of(load_model("discovery"), both) == {"Visitor": "visitors"}
    assert columns_of(load_model("customer_lifecycle"), both) == {"Reach": "strangers"}
    assert columns_of(load_model("inbound"), ("visitors",)) == {"Visitor": "visitors"}
    assert columns_of(load_model("customer_lifecycle"), ()) == columns_of(load_model("crm"), both) == {}


def test_masked_texts_keep_no_more_than_initials_and_a_domain() -> None:
    assert masked("Ada  Example") == "A*** E***"
    assert masked("ada.example@corp.example") == "a***@corp.example"
    assert masked("+49 30 1234") == "+*** 3*** 1***"
    assert masked("") == ""
