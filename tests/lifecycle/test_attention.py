"""Rules speak when the evidence is there, with its numbers, and are silent otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from lifecycle import attention, where
from lifecycle.agreement import Agreement
from lifecycle.attention import Freshness, Sign, Waiting
from lifecycle.funnel import Funnel, Outcome, steps_of, tally
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from lifecycle.service import Responses
from lifecycle.stages import parse_model, shipped_models
from lifecycle.volumes import Attainment, Count

AS_OF = datetime(2026, 3, 1)
CRM, SAL_PQL, MACRO = (shipped_models()[name] for name in ("crm", "sal_pql", "customer_lifecycle"))


def funnel(name: str, outcomes: list[tuple[int, str, int]], **more: object) -> Funnel:
    """A funnel of (furthest, fate, n); `side`: how many of them took the optional stage."""
    model, scope = shipped_models()[name], Scope(name, AS_OF)
    steps = steps_of(model, scope)
    none = (False,) * len(steps.side)
    told = [Outcome(None, furthest, fate, "lost", None, none, n) for furthest, fate, n in outcomes]
    told += [Outcome(None, f, "open", None, None, (True,), n) for f, n in more.get("side", [])]  # type: ignore[attr-defined]
    return Funnel(name, 1, scope, tuple(tally(steps, told, {})))


def crm(mqls: int, sqls: int, **more: object) -> Funnel:
    """1,000 subscribers of whom all are leads, `mqls` MQLs, `sqls` SQLs; nobody comes further, nobody is open."""
    return funnel("crm", [(2, "exited", 1000 - mqls), (3, "exited", mqls - sqls), (4, "exited", sqls)], **more)


def compared(now: Funnel, before: Funnel) -> Funnel:
    return replace(now, comparison=before)


def benchmarked(found: Funnel, stage: str, benchmark: float) -> Funnel:
    return replace(found, rows=tuple(replace(r, benchmark=benchmark) if r.stage == stage else r for r in found.rows))


def only(signs: list[Sign]) -> Sign:
    (sign,) = signs
    return sign


def test_a_step_that_changed_is_told_with_both_rates_and_the_difference() -> None:
    sign = only(attention.changed(CRM, compared(crm(500, 200), crm(500, 300))))
    assert (sign.tone, sign.finding, sign.page) == ("bad", "MQL → SQL fell", "funnel")
    evidence = dict(sign.evidence)
    assert (evidence["now"], evidence["before"]) == (Rate(200, 500), Rate(300, 500))
    assert evidence[""].value == pytest.approx(-0.2)  # type: ignore[union-attr]
    assert "criteria differ" in sign.meaning


def test_the_same_step_up_is_good_news_with_another_meaning() -> None:
    sign = only(attention.changed(CRM, compared(crm(500, 300), crm(500, 200))))
    assert (sign.tone, sign.finding) == ("good", "MQL → SQL rose")
    assert "Sales takes more" in sign.meaning


def test_a_step_that_is_no_handoff_names_who_answers_for_it() -> None:
    sign = only(attention.changed(CRM, compared(crm(300, 150), crm(500, 250))))
    assert (sign.finding, sign.meaning) == ("Lead → MQL fell", "Marketing answers for Lead.")


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (crm(500, 250), crm(500, 250)),  # the same
        (crm(500, 250), crm(500, 262)),  # chance
        (crm(4, 1), crm(4, 3)),  # too few
        (funnel("crm", []), crm(500, 250)),  # nothing to divide by
    ],
)
def test_without_a_clear_change_nothing_is_said(now: Funnel, before: Funnel) -> None:
    assert attention.changed(CRM, compared(now, before)) == []


def test_without_a_comparison_nothing_changed() -> None:
    assert attention.changed(CRM, crm(500, 200)) == []


def test_a_change_that_only_many_looks_would_find_is_silent() -> None:
    """p = 0.04 for one step of seven looked at: alone it would count, among the others it does not."""
    alone = attention.findings.p_value(Rate(220, 500), Rate(253, 500))
    assert 0.03 < alone < 0.05
    assert attention.changed(CRM, compared(crm(500, 220), crm(500, 253))) == []


def test_the_largest_relative_change_comes_first() -> None:
    now = funnel("crm", [(2, "exited", 500), (3, "exited", 450), (4, "exited", 50)])
    before = funnel("crm", [(2, "exited", 400), (3, "exited", 300), (4, "exited", 300)])
    assert [s.finding for s in attention.changed(CRM, compared(now, before))] == ["MQL → SQL fell", "Lead → MQL fell"]


def test_a_step_is_below_its_benchmark_only_if_the_open_ones_could_not_save_it() -> None:
    lost = benchmarked(crm(500, 200), "sql", 0.5)
    sign = only(attention.beside_benchmark(CRM, lost))
    assert (sign.tone, sign.finding) == ("bad", "MQL → SQL is below the benchmark")
    assert dict(sign.evidence)["benchmark"] == 0.5
    still_open = funnel("crm", [(2, "exited", 500), (3, "open", 300), (4, "exited", 200)])
    assert attention.beside_benchmark(CRM, benchmarked(still_open, "sql", 0.5)) == []


def test_steps_above_their_benchmark_are_one_sign_the_widest_first() -> None:
    found = benchmarked(benchmarked(crm(500, 400), "sql", 0.5), "mql", 0.45)
    sign = only(attention.beside_benchmark(CRM, found))
    assert (sign.tone, sign.finding) == ("good", "MQL → SQL is above the benchmark")
    assert sign.meaning == "So is Lead → MQL."
    assert sign.evidence[0] == ("now", Rate(400, 500))


def test_a_benchmark_within_the_interval_says_nothing() -> None:
    assert attention.beside_benchmark(CRM, benchmarked(crm(500, 250), "sql", 0.49)) == []


def test_an_optional_stage_is_set_against_those_who_went_without() -> None:
    """Of 100 opportunities 40 tried and 30 of them bought, 60 did not try and 10 of them bought."""
    found = funnel("sal_pql", [(5, "exited", 50), (6, "open", 10)], side=[(5, 10), (6, 30)])
    sign = only(attention.tried(found))
    assert (sign.tone, sign.finding) == ("good", "More reach Customer by way of PQL")
    assert sign.evidence[1:] == (("with it", Rate(30, 40)), ("without", Rate(10, 60)))
    assert attention.tried(funnel("sal_pql", [(5, "exited", 30), (6, "open", 30)], side=[(5, 20), (6, 20)])) == []
    assert attention.tried(funnel("sal_pql", [(5, "exited", 50), (6, "open", 10)])) == []


def attained(entered: int, target: float | None, whole: int = 11_000, whole_target: float = 11_000) -> Attainment:
    return Attainment("mql", "MQL", date(2026, 2, 1), entered, target, 11, whole, whole_target)


def test_a_missed_target_is_told_with_the_interval_of_the_entries() -> None:
    sign = only(attention.missed([attained(812, 1000)]))
    assert (sign.tone, sign.finding) == ("bad", "MQL missed the target")
    assert sign.evidence == (("", Count(812)), ("February 2026 target", 1000))


def test_a_month_that_chance_explains_is_silent_but_the_months_together_speak() -> None:
    assert attention.missed([attained(950, 1000)]) == []
    sign = only(attention.missed([attained(950, 1000, 10_450)]))
    assert sign.evidence == (("", Count(10_450)), ("11-month target", 11_000))


def test_a_target_that_was_met_or_not_set_is_silent() -> None:
    assert attention.missed([attained(1000, 1000), attained(10, None)]) == []


def test_the_stage_where_most_wait_too_long_is_named_with_the_teams_on_both_sides() -> None:
    waiting = [Waiting("lead", 90, 100, 80), Waiting("mql", 14, 50, 45), Waiting("sql", 30, 100, 50)]
    sign = only(attention.stalled(CRM, waiting))
    assert sign.finding == "Most in MQL wait for more than 14 days"
    assert sign.evidence == (("of those in it now", Rate(45, 50)),)
    assert sign.meaning == "They wait between marketing and sales. Also Lead."


def test_half_waiting_or_few_are_no_stall() -> None:
    assert attention.stalled(CRM, [Waiting("mql", 14, 100, 55), Waiting("sql", 30, 3, 3)]) == []


def test_a_stage_stalls_by_its_own_limit_or_by_what_others_took_before_the_purchase() -> None:
    """In CRM, Customer has no limit of its own and comes after the purchase: nobody stalls there."""
    own, usual = attention.stall_limits(CRM)
    assert (own, usual) == ({"subscriber": 180, "lead": 90, "mql": 14, "sql": 30, "opportunity": 90}, [])
    without = CRM.model_dump(by_alias=True)
    without["stages"] = [{**stage, "limit_days": None} for stage in without["stages"]]
    found = attention.stall_limits(parse_model(without, "without limits"))
    assert found == ({}, ["subscriber", "lead", "mql", "sql", "opportunity"])


FRESH = Freshness(AS_OF, AS_OF + timedelta(hours=6), AS_OF + timedelta(hours=7), 3)


def test_data_is_stale_when_the_load_is_old_or_ended_long_before() -> None:
    assert attention.stale(FRESH, AS_OF + timedelta(days=2)) == []
    old = only(attention.stale(FRESH, AS_OF + timedelta(days=5)))
    assert (old.tone, old.page, old.evidence[0][1]) == ("stale", "health", timedelta(days=4, hours=18))
    silent = replace(FRESH, as_of=AS_OF - timedelta(days=4))
    assert only(attention.stale(silent, AS_OF + timedelta(days=1))).finding == "The newest event is long past"


def test_the_lifecycle_leads_up_to_what_later_stages_require_else_to_its_end() -> None:
    goals = {name: attention.purchase(model).key for name, model in shipped_models().items()}
    assert goals == {
        "inbound": "client",
        "crm": "customer",
        "lead_stages": "customer",
        "sal_pql": "customer",
        "discovery": "customer",
        "customer_lifecycle": "conversion",
    }


def test_a_model_without_a_handoff_has_no_meaning_of_one() -> None:
    now, before = (funnel("customer_lifecycle", [(1, "open", 1000 - n), (2, "open", n)]) for n in (30, 90))
    sign = only(attention.changed(MACRO, compared(now, before)))
    assert (sign.finding, sign.meaning) == ("Acquisition → Conversion fell", "Marketing answers for Acquisition.")


def test_whose_leads_are_accepted_unlike_all_others_is_named() -> None:
    values = {name: Agreement(accepted=400, rejected=400) for name in ("partner", "event")}
    rows = where.rows("source", values | {"webinar": Agreement(accepted=10, rejected=190)})
    (sign,) = attention.apart(CRM, where.corrected(rows))
    assert (sign.tone, sign.finding, sign.page) == ("bad", "Sales accepts fewer MQLs of webinar", "alignment")
    assert [figure for name, figure in sign.evidence if name] == [Rate(10, 200), Rate(800, 1600)]
    better = where.rows("source", values | {"webinar": Agreement(accepted=190, rejected=10)})
    assert attention.apart(CRM, where.corrected(better))[0].tone == "good"
    alike = where.rows("source", values | {"webinar": Agreement(accepted=95, rejected=105)})
    assert attention.apart(CRM, where.corrected(alike)) == []
    assert attention.apart(CRM, ()) == []


def test_touches_in_time_are_compared_beyond_chance() -> None:
    (sign,) = attention.slower(CRM, Responses(met=60, missed=30, overdue=10), Responses(met=90, missed=10, not_due=50))
    assert (sign.tone, sign.finding) == ("bad", "Fewer MQLs are touched in time")
    told = (("now", Rate(60, 100)), ("before", Rate(90, 100)), ("still waiting past the limit", 10))
    assert sign.evidence[1:] == told
    assert attention.slower(CRM, Responses(met=90, missed=10), Responses(met=60, missed=40))[0].tone == "good"
    assert attention.slower(CRM, Responses(met=60, missed=40), Responses(met=63, missed=37)) == []
    assert attention.slower(CRM, Responses(not_due=9), Responses(met=9)) == []
