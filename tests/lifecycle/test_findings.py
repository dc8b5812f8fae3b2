"""What is said of a funnel: only what its numbers bear."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from scipy.stats import chi2_contingency

from lifecycle.anonymous import Level, Top, columns_of
from lifecycle.findings import (
    Step,
    changes,
    clearest,
    most_left,
    p_value,
    rate_of,
    rates_over_time,
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
