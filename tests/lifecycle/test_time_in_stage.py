"""Time in stage in words and in the report: fields as documented, and silence below significance."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta

from lifecycle.attention import before_purchase, paced
from lifecycle.contrast import leans, separations
from lifecycle.durations import OPEN, LifeTable
from lifecycle.flow import Flow, Stock, accumulated, older
from lifecycle.parts import Part
from lifecycle.rates import Rate
from lifecycle.report_durations import durations_report, lines
from lifecycle.scope import Scope
from lifecycle.stages import shipped_models
from lifecycle.stalled import Heap, Limit, Stalled, together
from lifecycle.time_in_stage import ADVANCED, DAY, Month, StageTimes, Trend, edge, slowest_stage
from queries.warehouse import Rendered

CRM = shipped_models()["crm"]
SCOPE = Scope("crm", datetime(2026, 1, 31))
DAY_ONE = date(2026, 1, 1)


def stays(days: float, n: int = 200, still: int = 20) -> LifeTable:
    """Stays spread evenly over twice as many days, some still open at the end."""
    rows = [(edge(days * DAY * 2 * (i + 1) / n), ADVANCED, 1) for i in range(n)]
    return LifeTable((*rows, (days * DAY * 2, OPEN, still)))


def answer(**days: float) -> StageTimes:
    tables = {(key, None): stays(value) for key, value in days.items()}
    return StageTimes("crm", 1, SCOPE, tuple(days), tables, statements=(Rendered("SELECT 1", {"a": 1}),))


def test_the_report_has_the_documented_fields() -> None:
    report = json.loads(json.dumps(durations_report(answer(lead=10, mql=4))))
    assert [row["stage"] for row in report["rows"]] == ["lead", "mql"]
    assert set(report["rows"][0]) == {
        *("segment", "stage", "n", "events", "censored", "zero_share", "quantiles_seconds", "p50_low", "p50_high"),
        *("naive_p50", "rmst_seconds", "incidence", "curve"),
    }
    assert set(report["rows"][0]["quantiles_seconds"]) == {"p25", "p50", "p75", "p90"}
    names = {"seconds", "at_risk", "left", "censored", "survival", "low", "high"}
    assert set(report["rows"][0]["curve"][0]) == names
    assert set(report["rows"][0]["incidence"][0]) == {"outcome", "at_seconds", "value"}
    assert (report["test"], report["statement"]) == (None, "SELECT 1")
    assert [line["n"] for line in lines(report)] == [220, 220]
    assert report["rows"][0]["quantiles_seconds"]["p90"] == stays(10).quantile(0.9)


def test_a_stage_nobody_entered_has_no_numbers() -> None:
    empty = replace(answer(lead=10), tables={})
    (row,) = durations_report(empty)["rows"]
    assert (row["n"], row["zero_share"], row["rmst_seconds"], row["curve"]) == (0, None, None, [])
    assert slowest_stage(empty, ["lead"]) is None


def test_a_breakdown_is_tested_stage_by_stage() -> None:
    tables = {(s, v): stays(d) for s, v, d in [("lead", "a", 10), ("lead", "b", 20), ("mql", "a", 2), ("mql", "b", 4)]}
    found = replace(answer(lead=1, mql=1), tables=tables, segments=("a", "b"), scope=replace(SCOPE, by="x"))
    report = durations_report(found)
    assert report["test"]["p"] < 0.001 and [row["segment"] for row in report["rows"]] == [{"x": "a"}, {"x": "b"}] * 2


def test_only_what_is_clear_and_visible_is_a_sign() -> None:
    now = replace(answer(lead=20, mql=4, sql=6), comparison=answer(lead=10, mql=4, sql=9))
    signs = paced(CRM, now.changes)
    assert [(s.tone, s.finding) for s in signs] == [("bad", "Lead takes longer"), ("good", "SQL takes less time")]
    assert signs[0].evidence[0][1] > timedelta(days=15)  # type: ignore[operator]
    assert paced(CRM, replace(now, comparison=replace(now)).changes) == []
    assert "customer" not in before_purchase(CRM) and answer(lead=1).changes == ()
    assert slowest_stage(now, ["lead", "mql"]) == "lead"


def test_segments_lean_to_an_end() -> None:
    noise = {"x": stays(10), "y": stays(10)}
    found = {"size": {"small": stays(5), "large": stays(15)}, "noise": noise}
    first, second = separations(found)
    assert (first.segment, first.is_clear, second.is_clear) == ("size", True, False)
    assert first.fastest and first.slowest and (first.fastest[0], first.slowest[0]) == ("small", "large")
    (at, quick), (until, slow) = ((end.at, end.rows) for end in leans(found))
    assert at and until and at < until
    assert (quick[0].value, slow[0].value) == ("small", "large")
    assert quick[0].share > quick[0].others and quick[0].is_clear
    assert not any(x.is_clear for x in quick if x.segment == "noise")


def test_little_s_law_needs_a_steady_flow() -> None:
    steady = Flow("mql", 100 * DAY, entered=1_000, left=950, at_start=0, spent_seconds=9_750 * DAY)
    assert (steady.mean_stock, steady.little_seconds) == (97.5, 10 * DAY)
    assert replace(steady, left=500).little_seconds is None
    assert replace(steady, entered=0, left=0).little_seconds is None


def test_stocks_accumulate_from_all_time() -> None:
    days = [datetime(2026, m, 1).date() for m in (1, 2, 3)]
    flows = {(0, days[0]): 5, (0, days[1]): -3, (1, days[1]): 3, (3, days[2]): 2, (1, days[2]): -1}
    assert accumulated(flows, days) == ((5, 0, 0, 0), (2, 3, 0, 0), (2, 2, 0, 2))
    assert accumulated(flows, days[1:]) == accumulated(flows, days)[1:]


def test_what_has_stood_for_long_is_set_apart() -> None:
    old, young = Part("a", ("a",), ((10, 10, 10, 70),)), Part("b", ("b",), ((70, 10, 10, 10),))
    found = Stock(SCOPE, "mql", (DAY_ONE,), ((80, 20, 20, 80),), (old, young))
    assert [(c.name, c.about, c.here, c.there) for c in found.contrasts if c.clear and c.about == 90] == [
        ("a", 90, Rate(70, 100), Rate(10, 100)),
        ("b", 90, Rate(10, 100), Rate(70, 100)),
    ]
    then = replace(found, n=((120, 20, 20, 40),), comparison=None)
    changes = {c.about: c for c in replace(found, comparison=then).changes}
    assert changes[90].here == Rate(80, 200) and changes[90].there == Rate(40, 200) and changes[90].clear
    assert found.changes == () and older(()) == {days: Rate(0, 0) for days in (7, 30, 90)}


def test_parts_of_the_stalled_are_set_apart_and_add_up() -> None:
    a = (Heap("mql", "Ann", 40, 30, 5.0, 9.0), Heap("mql", None, 10, 0, None, None))
    b = (Heap("mql", "Ann", 50, 10, 7.0, 11.0),)
    whole = together([*a, *b])
    assert whole == (Heap("mql", "Ann", 90, 40, 12.0, 11.0), Heap("mql", None, 10, 0, None, None))
    parts = (Part("a", ("a",), a), Part("b", ("b",), b))
    found = Stalled(SCOPE, (Limit("mql", 1.0, "own"),), whole, None, parts)
    everywhere = {c.name: (c.here, c.there) for c in found.contrasts if c.about is None}
    assert everywhere == {"a": (Rate(30, 50), Rate(10, 50)), "b": (Rate(10, 50), Rate(30, 50))}
    assert all(c.clear for c in found.contrasts) and found.share("mql") == Rate(40, 100)


def test_months_stand_beside_those_before() -> None:
    days = [DAY_ONE, DAY_ONE.replace(month=DAY_ONE.month + 1)]
    slow, fast = stays(20), stays(5)
    then = Trend(SCOPE, "mql", tuple(Month(day, fast) for day in days))
    parts = (
        Part("same", ("same",), then.months),
        Part("slower", ("slower",), (Month(days[0], fast), Month(days[1], slow))),
    )
    found = Trend(SCOPE, "mql", (Month(days[0], slow), Month(days[1], fast)), parts, then)
    first, second = found.changes
    assert (first.about, first.is_clear, first.is_slower, second.is_clear) == (days[0], True, True, False)
    same, slower = found.drifts
    assert same is not None and slower is not None and same > 0.05 > slower
