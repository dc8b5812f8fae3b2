"""Titles of the funnel: what changed, who differs and where few go on is said only where chance does not explain it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from lifecycle.findings import PeriodRate, Step
from lifecycle.funnel import Funnel, Ratio, StageRow
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from pages.funnel import frames, words

APRIL = [
    PeriodRate(date(2026, 4, 1), "ads", Rate(200, 1_000), False),
    PeriodRate(date(2026, 4, 1), "pr", Rate(1, 9), False),
]


def test_a_course_says_what_changed_and_who_changed() -> None:
    step, scope = Step("a", "b", "A → B"), Scope("crm", datetime(2026, 6, 1), window=timedelta(days=30))
    ads = PeriodRate(date(2026, 5, 1), "ads", Rate(100, 1_000), False)
    assert words.course_title([*APRIL, ads], step, scope, "Source") == (
        "A → B, ads: fell to 10.0 % in May 2026, from 20.0 % before"
    )
    same = replace(ads, rate=Rate(201, 1_000))
    assert words.course_title([*APRIL, same], step, scope, "Source") == (
        "A → B: no source has changed by more than chance"
    )
    alone = [replace(p, segment=None) for p in (APRIL[0], same)]
    assert words.course_title(alone, step, scope, "") == (
        "A → B has not changed by more than chance: 20.1 % in May 2026, 20.0 % before"
    )
    assert words.course_title(alone[:1], step, scope, "").endswith("the only month that is old enough")
    assert words.course_title([], step, scope, "") == "A → B: no month of entry is old enough to tell"


def staged(*rows: tuple[str, int, Rate | Ratio | None, float | None], basis: Any = "cohort") -> Funnel:
    found = tuple(StageRow({}, n, n, k, step_conversion_rate=rate, benchmark=b) for n, k, rate, b in rows)
    return Funnel("crm", 1, Scope("crm", datetime(2026, 6, 1), basis=basis), found)


def test_the_table_of_stages_says_where_the_fewest_come() -> None:
    lead = ("Lead", 1_000, None, None)
    mql, won = ("MQL", 400, Rate(400, 1_000), 0.5), ("Won", 240, Rate(240, 400), 0.5)
    assert words.stages_title(staged(lead, mql, won)) == (
        "MQL is furthest below its benchmark: 40.0 % come to it, 50 % elsewhere"
    )
    assert words.stages_title(staged(lead, won)) == "No step is below its benchmark by more than chance"
    plain = [(*row[:3], None) for row in (lead, mql, won)]
    assert words.stages_title(staged(*plain)) == "The fewest of the stage before come to MQL: 40.0 %"
    close = ("Won", 164, Rate(164, 400), None)
    assert words.stages_title(staged(*plain[:2], close)).endswith("chance explains that Won has 41.0 %")
    assert words.stages_title(staged(lead)) == "How many come to each stage, and how soon?"
    beside = ("MQL", 400, Ratio(400, 1_000), 0.5)
    assert words.stages_title(staged(lead, beside, basis="period")) == (
        "MQL has the fewest entries beside the stage before: 40.0 per 100"
    )
    assert words.stages_title(staged(lead, mql, basis="stock")) == "Most of them, 1,000 of 1,400, are in Lead"


def test_a_ratio_is_told_shorter_where_there_is_little_room() -> None:
    rows = staged(("Lead", 1_000, None, None), ("MQL", 400, Ratio(400, 1_000), None)).whole
    assert [(c["note"], c["short"]) for c in frames.columns(rows).to_dict("records")] == [
        ("", ""),
        ("40 per 100 Lead", "40/100"),
    ]
    rows = staged(("Lead", 1_000, None, None), ("MQL", 400, Rate(400, 1_000), None)).whole
    assert frames.columns(rows)[["note", "short"]].iloc[1].to_list() == ["40 % of Lead", "40 %"]
