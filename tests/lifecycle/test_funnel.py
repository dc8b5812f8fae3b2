"""The funnel's arithmetic: from counts to conserved rows and rates, told with ten journeys."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from lifecycle.funnel import OTHER, Outcome, Ratio, StageRow, immature, other_than, side_by_side, steps_of, tally
from lifecycle.rates import Rate, difference
from lifecycle.scope import Scope
from lifecycle.stages import load_model, parse_model

AS_OF = datetime(2026, 1, 1)
MODEL = load_model("sal_pql")


def scope(**more) -> Scope:
    return Scope(model=MODEL.name, as_of=AS_OF, **more)


def outcome(
    furthest: int, fate: str, n: int = 1, *, exit_stage: str | None = None, reason: str | None = None, trial=False
):
    return Outcome(None, furthest, fate, exit_stage, reason, (trial,), n)


# Ten journeys through lead, MQL, SAL, SQL, opportunity, (PQL,) customer. One lead came too late to be due.
TEN = [
    outcome(6, "open", 2, trial=True),  # customers who tried the product
    outcome(6, "open"),  # a customer who did not
    outcome(5, "exited", exit_stage="lost", reason="price", trial=True),
    outcome(5, "late"),
    outcome(2, "exited", exit_stage="recycled", reason=None),
    outcome(2, "diverted"),
    outcome(1, "open", 2),
    outcome(1, "not_due"),
]


def ten() -> dict[str, StageRow]:
    return {row.stage: row for row in tally(steps_of(MODEL, scope()), TEN, {})}


def test_everybody_who_entered_a_stage_is_accounted_for() -> None:
    rows = ten()
    assert [(key, row.entered) for key, row in rows.items()] == [
        ("lead", 10),
        ("mql", 7),
        ("sal", 5),
        ("sql", 5),
        ("opportunity", 5),
        ("pql", 3),
        ("customer", 3),
    ]
    lead, mql, opportunity = rows["lead"], rows["mql"], rows["opportunity"]
    assert (lead.advanced, lead.open, lead.not_due, lead.left) == (7, 2, 1, 0)
    assert (mql.advanced, mql.diverted, mql.left) == (5, 1, 1)
    assert (opportunity.advanced, opportunity.late, opportunity.left) == (3, 1, 1)


def test_who_is_not_due_is_in_no_denominator() -> None:
    rows = ten()
    assert rows["lead"].conversion_rate == Rate(9, 9)
    assert rows["lead"].step_conversion_rate is None
    assert rows["mql"].step_conversion_rate == rows["mql"].conversion_rate == Rate(7, 9)
    assert rows["customer"].conversion_rate == Rate(3, 9)
    assert rows["customer"].step_conversion_rate == Rate(3, 5)


def test_a_trial_is_beside_the_way_and_the_stage_after_it_counts_from_the_one_before() -> None:
    trial = ten()["pql"]
    assert trial.optional
    assert trial.step_conversion_rate == Rate(3, 5)
    assert (trial.advanced, trial.left, trial.open) == (2, 1, 0)


def test_exits_stand_with_their_reasons_the_largest_first() -> None:
    outcomes = [
        outcome(1, "exited", 2, exit_stage="lost", reason="price"),
        outcome(1, "exited", 3, exit_stage="recycled", reason=None),
        outcome(1, "exited", 4, exit_stage="recycled", reason="timing"),
        outcome(2, "exited", 9, exit_stage="lost", reason="price"),
    ]
    lead = tally(steps_of(MODEL, scope()), outcomes, {})[0]
    assert list(lead.exited) == ["recycled", "lost"]
    assert lead.exited["recycled"].total == 7
    assert list(lead.exited["recycled"].reasons.items()) == [("timing", 4), (None, 3)]
    assert lead.left == 9


def test_nobody_gives_rows_of_nothing_and_undefined_rates() -> None:
    rows = tally(steps_of(MODEL, scope()), [], {})
    assert [row.entered for row in rows] == [0] * 7
    assert all(row.conversion_rate is not None and row.conversion_rate.value is None for row in rows)


def keys(**more) -> tuple[list[str], list[tuple[int, str]]]:
    steps = steps_of(MODEL, scope(**more))
    return [s.key for s in steps.chain], [(place, s.key) for place, s in steps.side]


def test_stages_reached_at_least_stand_in_the_model_s_order_whatever_order_they_were_chosen_in() -> None:
    assert keys(stages=("customer", "mql")) == (["mql", "customer"], [])
    assert keys(stages=("customer", "mql"), count="ordered") == (["customer", "mql"], [])


def test_an_optional_stage_stands_beside_the_chain_unless_the_funnel_starts_with_it() -> None:
    assert keys() == (["lead", "mql", "sal", "sql", "opportunity", "customer"], [(5, "pql")])
    assert keys(stages=("mql", "pql", "customer")) == (["mql", "customer"], [(1, "pql")])
    assert keys(stages=("pql", "customer")) == (["pql", "customer"], [])
    assert keys(count="strict") == (["lead", "mql", "sal", "sql", "opportunity", "customer"], [])
    assert keys(count="strict", stages=("opportunity", "pql"))[0] == ["opportunity", "pql"]


def test_in_any_order_a_row_is_a_number_of_stages() -> None:
    steps = steps_of(MODEL, scope(count="any", stages=("lead", "mql")))
    assert [row.label for row in tally(steps, [outcome(2, "open")], {})] == ["1 of 2 stages", "2 of 2 stages"]
    assert not steps_of(MODEL, scope(count="any", basis="period")).in_turn


def test_a_first_optional_stage_of_the_whole_model_is_shown_before_the_chain() -> None:
    follower = {"key": "follower", "label": "Follower", "kind": "progress", "optional": True}
    stages = [follower, *({"key": k, "label": k, "kind": "progress"} for k in ("lead", "client"))]
    model = parse_model({"name": "followed", "label": "Followed", "stages": stages}, "followed")
    steps = steps_of(model, scope())
    rows = tally(
        steps, [outcome(2, "open", 3, trial=True), outcome(1, "open", 4, trial=True), outcome(1, "open", 5)], {}
    )
    assert [(row.stage, row.entered, row.advanced) for row in rows] == [
        ("follower", 7, 7),
        ("lead", 12, 3),
        ("client", 3, 0),
    ]
    assert rows[0].conversion_rate is rows[0].step_conversion_rate is None


def test_ratios_of_a_period_may_exceed_one() -> None:
    rows = [StageRow({}, "lead", "Lead", 10), StageRow({}, "trial", "Trial", 3, True), StageRow({}, "mql", "MQL", 15)]
    lead, trial, mql = side_by_side(rows)
    assert lead.step_conversion_rate is None
    assert trial.step_conversion_rate == Ratio(3, 10)
    assert mql.step_conversion_rate == Ratio(15, 10)
    assert mql.step_conversion_rate.value == 1.5
    assert Ratio(1, 0).value is None


def test_a_period_is_immature_until_its_last_journeys_had_the_time() -> None:
    end = datetime(2026, 1, 31)
    window = timedelta(days=30)
    assert immature(end, end + timedelta(days=29), window, None)
    assert not immature(end, end + window, window, None)
    assert immature(end, end + timedelta(days=9), None, 10 * 86_400.0)
    assert not immature(end, end, None, None)
    assert immature(date_far := datetime(2199, 1, 1), date_far, timedelta(days=9e6), None)


def test_the_name_of_all_other_values_is_never_that_of_a_value() -> None:
    assert other_than(["a", None]) == OTHER
    assert other_than([OTHER, f"{OTHER} values"]) == f"{OTHER} values values"


@pytest.mark.parametrize(  # Newcombe (1998), Statistics in Medicine 17:857–872, table I
    ("numerator", "denominator", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_intervals_of_rates_are_those_that_wilson_gives(numerator, denominator, low, high) -> None:
    assert Rate(numerator, denominator).interval == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(  # Newcombe (1998), Statistics in Medicine 17:873–890, table II, method 10
    ("now", "before", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_intervals_of_differences_are_those_that_newcombe_gives(now, before, low, high) -> None:
    found = difference(Rate(*now), Rate(*before))
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_no_rate_of_nothing_and_no_rate_above_one() -> None:
    assert Rate(0, 0).value is None and Rate(0, 0).interval is None
    assert difference(Rate(0, 0), Rate(1, 2)) is None
    with pytest.raises(ValueError, match="3 of 2 is no share"):
        Rate(3, 2)


def test_a_window_longer_than_time_is_no_error() -> None:
    assert immature(AS_OF, AS_OF, timedelta.max, None)
    assert scope(start=date(2025, 1, 1), end=date(2025, 2, 1), compare="previous").compared is not None
