"""Agreement's arithmetic: the worked numbers, published tables, and what must hold whatever the counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from lifecycle import alignment_titles as titles
from lifecycle.agreement import Again, Agreement, Alignment, Handed, Reason, change, counted, handed_again, reasons
from lifecycle.alignment_words import exception, headline, ignored, readiness, responsible, standing_out
from lifecycle.bypass import traits
from lifecycle.chance import TwoByTwo
from lifecycle.discussion import alike
from lifecycle.rates import Rate
from lifecycle.report_alignment import alignment_report, chance_corrected, lines
from lifecycle.scope import Scope
from lifecycle.stages import load_model
from lifecycle.threshold import Scored, Threshold, step_of
from lifecycle.where import control_limits, rows, shifts

Values = dict[str | None, Agreement]
CRM = load_model("crm")
SCOPE = Scope("crm", datetime(2026, 3, 1), date(2026, 1, 1), date(2026, 3, 1))
WORKED = Agreement(accepted=400, rejected=600, bypass=100)


def found(now: Agreement, before: Agreement | None = None) -> Alignment:
    compared = Alignment("crm", 1, SCOPE, before) if before else None
    return Alignment("crm", 1, replace(SCOPE, compare="previous"), now, comparison=compared)


# --- worked and published numbers -----------------------------------------------------------------------------------


def test_the_worked_example() -> None:
    assert (WORKED.acceptance.value, WORKED.coverage.value) == (0.4, 0.8)
    assert WORKED.positive_agreement.value == pytest.approx(0.53, abs=0.005)
    judged = TwoByTwo(400, 600, 100, 8900)
    assert judged.raw == pytest.approx(0.93, abs=0.005)
    assert judged.kappa == pytest.approx(0.50, abs=0.005)
    assert judged.pabak == pytest.approx(0.86, abs=0.005)
    assert judged.ac1 == pytest.approx(0.92, abs=0.005)
    without = TwoByTwo(400, 600, 100, 0)
    assert without.raw == pytest.approx(0.36, abs=0.005)
    assert without.kappa == pytest.approx(-0.18, abs=0.005)


@pytest.mark.parametrize(
    ("cells", "raw", "kappa", "pabak", "ac1"),
    [
        ((40, 9, 6, 45), 0.85, 0.70, 0.70, 0.70),  # Feinstein and Cicchetti 1990: the same raw agreement …
        ((80, 10, 5, 5), 0.85, 0.32, 0.70, 0.81),  # … and the paradox of kappa
        ((118, 5, 2, 0), 0.944, -0.0234, 0.888, 0.9405),  # Gwet 2002
    ],
)
def test_published_tables(cells: tuple[int, int, int, int], raw: float, kappa: float, pabak: float, ac1: float) -> None:
    judged = TwoByTwo(*cells)
    assert (judged.raw, judged.kappa) == (pytest.approx(raw, abs=0.005), pytest.approx(kappa, abs=0.005))
    assert (judged.pabak, judged.ac1) == (pytest.approx(pabak, abs=0.005), pytest.approx(ac1, abs=0.005))


def test_mcnemar_is_the_sign_test_of_the_disagreements() -> None:
    assert TwoByTwo(10, 5, 12, 3).mcnemar_p == pytest.approx(binomtest(5, 17).pvalue)
    assert TwoByTwo(10, 0, 0, 3).mcnemar_p is None


def test_published_intervals() -> None:
    """Newcombe 1998, both of his papers."""
    assert Rate(81, 263).interval == pytest.approx((0.2553, 0.3662), abs=5e-5)
    moved = change(Rate(56, 70), Rate(48, 80))
    assert moved and (moved.value, moved.low, moved.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


def test_without_variation_kappa_is_undefined_not_one() -> None:
    assert TwoByTwo(10, 0, 0, 0).kappa is None
    assert TwoByTwo(0, 0, 0, 7).kappa is None
    assert TwoByTwo(0, 0, 0, 0).raw is TwoByTwo(0, 0, 0, 0).ac1 is None
    assert TwoByTwo(6, 4, 0, 0).kappa == 0  # one team says yes to all: no better than chance


@given(st.tuples(*[st.integers(0, 60)] * 4))
def test_the_two_raters_are_interchangeable(cells: tuple[int, int, int, int]) -> None:
    both, rejected, bypass, neither = cells
    one, other = TwoByTwo(*cells), TwoByTwo(both, bypass, rejected, neither)
    turned = TwoByTwo(neither, bypass, rejected, both)  # yes and no exchanged
    for name in ("raw", "kappa", "pabak", "ac1", "mcnemar_p"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), nan_ok=True)
        assert getattr(one, name) == pytest.approx(getattr(turned, name), nan_ok=True)


# --- the headline ---------------------------------------------------------------------------------------------------


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
def test_positive_agreement_lies_within_its_interval(a: int, b: int, c: int) -> None:
    agreed = Agreement(accepted=a, rejected=b, bypass=c).positive_agreement
    if not a + b + c:
        assert (agreed.value, agreed.interval) == (None, None)
        return
    assert agreed.interval and agreed.value is not None
    low, high = agreed.interval
    assert 0 <= low <= agreed.value + 1e-12 and agreed.value - 1e-12 <= high <= 1
    swapped = Agreement(accepted=a, rejected=c, bypass=b).positive_agreement
    assert (agreed.value, agreed.interval) == (swapped.value, swapped.interval)


def test_intervals_cover_the_truth_in_nineteen_of_twenty_simulations() -> None:
    """True acceptance 0.41, true coverage 0.87: of 400 handed-over and decided leads, many times over."""
    random, truth, covered, agreed = np.random.default_rng(7), 0.41, 0, 0
    share = truth / (1 + truth * 0.13 / 0.87)  # of the union of what either team named
    for _ in range(1_000):
        a, b, c = random.multinomial(400, [share, (1 - truth) * share / truth, share * 0.13 / 0.87])
        found_ = Agreement(accepted=int(a), rejected=int(b), bypass=int(c))
        low, high = found_.acceptance.interval or (0, 0)
        covered += low <= truth <= high
        low, high = found_.positive_agreement.interval or (0, 0)
        agreed += low <= 2 * share / (1 + share) <= high
    assert 930 <= covered <= 970
    assert 930 <= agreed <= 970


def test_changes_of_positive_agreement_have_an_interval() -> None:
    moved = change(WORKED.positive_agreement, Agreement(accepted=500, rejected=500, bypass=100).positive_agreement)
    assert moved and moved.low < moved.value < moved.high < 0
    none = change(WORKED.positive_agreement, Agreement().positive_agreement)
    assert none is None


def test_ignoring_leads_shows_beside_acceptance() -> None:
    ignoring = Agreement(accepted=50, rejected=0, expired=950)
    assert ignoring.acceptance.value == 1
    assert ignoring.decided_of_due == Rate(50, 1000)
    assert Agreement(accepted=5, pending=3).decided_of_due == Rate(5, 5)  # not due yet
    assert Agreement(accepted=5, pending=3, deadline=False).decided_of_due == Rate(5, 8)  # never due: all count


def test_outcomes_add_up_whatever_their_order() -> None:
    handed = [
        Handed("web", date(2026, 1, 1), "accepted", None, None, 0, 5),
        Handed("web", date(2026, 1, 1), "rejected", "lost", "price", 0, 2),
        Handed(None, date(2026, 2, 1), "rejected", "lost", "price", 0, 1),
        Handed("web", date(2026, 2, 1), "rejected_late", "lost", "price", 0, 4),
        Handed("fair", date(2026, 2, 1), "expired", None, None, 0, 3),
        Handed("fair", date(2026, 2, 1), "bypass", None, None, 0, 6),
    ]
    whole = counted(handed)
    assert whole == counted(reversed(handed)) == Agreement(5, 3, 7, 0, 4, 6)
    assert handed_again([*handed, Handed("web", date(2026, 1, 1), "rejected", "lost", "fit", 1, 2)]) == (
        Again("lost", Rate(2, 5)),
    )
    (reason,) = reasons(handed)  # too late is no rejection in time
    assert (reason.by, reason.reason, reason.share) == ("lost", "price", Rate(3, 3))


# --- where ----------------------------------------------------------------------------------------------------------


def test_the_bad_campaign_stands_out_and_noise_does_not() -> None:
    values: Values = {
        "giveaway": Agreement(accepted=20, rejected=380),
        "search": Agreement(accepted=300, rejected=300),
        "fair": Agreement(accepted=52, rejected=48),
        "tiny": Agreement(accepted=0, rejected=4),
    }
    found_ = {r.value: r for r in rows("campaign", values)}
    assert found_["giveaway"].outside == "99.8" and found_["giveaway"].differs
    assert found_["tiny"].acceptance.few and not found_["tiny"].differs
    assert sum(r.contribution or 0 for r in found_.values()) == pytest.approx(0)
    assert found_["giveaway"].rest == Rate(352, 704)
    out = standing_out(found_.values())
    assert out and out.value == "giveaway"
    said = exception(found_.values())
    assert said == "giveaway (campaign) stands out: 5 % accepted (20 of 400, 3–8 %); all others have 50 %."


def test_equal_segments_stay_silent() -> None:
    values: Values = {name: Agreement(accepted=n, rejected=100 - n) for name, n in (("a", 48), ("b", 50), ("c", 52))}
    found_ = rows("source", values)
    assert not any(r.differs for r in found_)
    assert exception(found_) is None
    assert alike({"source": found_}, []) == ()


def test_control_limits_hold_what_they_promise() -> None:
    """Of many leads 2.5 % lie beyond either warning limit, 0.1 % beyond either control limit; of few about as many."""
    random, sizes = np.random.default_rng(3), (40, 4_000)
    for n, limits, slack in zip(sizes, control_limits(0.4, sizes), (2.5, 1.35), strict=True):
        shares = random.binomial(n, 0.4, 200_000) / n
        for (low, high), tail in ((limits.warning, 0.025), (limits.control, 0.001)):
            assert tail / slack <= np.mean(shares < low) <= tail * slack
            assert tail / slack <= np.mean(shares > high) <= tail * slack
        assert limits.control[0] < limits.warning[0] < 0.4 < limits.warning[1] < limits.control[1]
    wide, narrow = control_limits(0.4, sizes)
    assert wide.warning[0] < narrow.warning[0] and narrow.warning[1] < wide.warning[1]
    (certain,) = control_limits(1.0, (10,))
    assert certain.control == (1.0, 1.0)


RATES = st.dictionaries(
    st.sampled_from(["a", "b", "c", None]),
    st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda t: Rate(min(t), max(t))),
    min_size=1,
)


@given(RATES, RATES)
def test_mix_and_rate_split_a_change_exactly(now: dict, before: dict) -> None:
    here, then = (
        Rate(sum(r.numerator for r in x.values()), sum(r.denominator for r in x.values())) for x in (now, before)
    )
    if here.value is None or then.value is None:
        assert shifts(now, before) == {}
        return
    assert sum(mix + rate for mix, rate in shifts(now, before).values()) == pytest.approx(here.value - then.value)


def test_a_segment_that_vanished_still_explains_the_change() -> None:
    before: Values = {"web": Agreement(accepted=90, rejected=10), "fair": Agreement(accepted=0, rejected=100)}
    now: Values = {"web": Agreement(accepted=90, rejected=10)}
    found_ = rows("source", now, before)
    assert {r.value for r in found_} == {"web", "fair"}
    assert sum((r.mix or 0) + (r.rate or 0) for r in found_) == pytest.approx(0.9 - 0.45)


# --- in words -------------------------------------------------------------------------------------------------------


def test_the_headline_speaks_of_a_change_only_where_it_is_one() -> None:
    now = Agreement(accepted=312, rejected=448)
    said = headline(CRM, found(now))
    assert said == "Sales accepted 41 % of the MQLs it decided (312 of 760, 38–45 %)."
    assert headline(CRM, found(now, Agreement(accepted=320, rejected=440))) == said
    before: Values = {"paid social": Agreement(accepted=60, rejected=60), "web": Agreement(accepted=330, rejected=330)}
    values: Values = {"paid social": Agreement(accepted=12, rejected=148), "web": Agreement(accepted=300, rejected=300)}
    told = headline(CRM, found(now, Agreement(accepted=390, rejected=390)), rows("source", values, before))
    assert told.endswith("less than in the period before (-8.9 pp), mostly in paid social (source).")


def test_no_segment_is_blamed_for_less_than_half() -> None:
    before: Values = {name: Agreement(accepted=50, rejected=50) for name in "abcd"}
    values: Values = {name: Agreement(accepted=40, rejected=60) for name in "abcd"}
    assert responsible(rows("source", values, before), -0.1) is None


def test_sentences_are_silent_without_evidence() -> None:
    assert ignored(CRM, found(Agreement(accepted=5))) is None
    assert readiness(found(Agreement(accepted=4, rejected=6))) is None  # the interval reaches 50 %
    assert readiness(found(WORKED)) is not None
    assert headline(CRM, found(Agreement(bypass=2))) == "No MQLs were handed over in this period."
    assert headline(CRM, found(Agreement(pending=3))) == "Sales decided none of the 3 MQLs so far."


# --- threshold, bypass, report --------------------------------------------------------------------------------------


def scored() -> Threshold:
    pairs = [(90, "accepted", 6), (90, "rejected", 2), (50, "accepted", 4), (50, "rejected", 8), (20, "rejected", 5)]
    pairs += [(70, "bypass", 3), (30, "bypass", 1), (100, "accepted", 1), (60, "expired", 2)]
    return Threshold((*(Scored(*p) for p in pairs), Scored(None, "accepted", 9)), 1.0, 60.0)


def test_another_cut_would_have_meant() -> None:
    cut = scored().at(60)
    assert (cut.acceptance, cut.coverage, cut.volume) == (Rate(10, 12), Rate(10, 15), 14)
    assert scored().judged(60) == TwoByTwo(both=10, rejected=2, bypass=5, neither=13)
    volumes = [c.volume for c in scored().cuts]
    coverage = [c.coverage.numerator for c in scored().cuts]
    assert volumes == sorted(volumes, reverse=True) and coverage == sorted(coverage, reverse=True)
    assert scored().unscored == 9


def test_bands_hold_every_scored_lead_once() -> None:
    bands = scored().bands
    assert [(b.low, b.high) for b in bands] == [(20, 30), (30, 40), (50, 60), (60, 70), (70, 80), (90, 100)]
    assert sum(b.agreement.delivered + b.agreement.bypass for b in bands) == 32
    assert bands[-1].agreement.accepted == 7  # the highest score is in the last band, not in one of its own


@pytest.mark.parametrize(("accepted", "said"), [(1, "agree on 1 lead and"), (2, "agree on 2 leads and")])
def test_one_lead_is_one(accepted: int, said: str) -> None:
    assert said in titles.agreed(Agreement(accepted=accepted, rejected=3))


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"Wrong fit": 3, "Price": 2, None: 1}, "“Wrong fit” is the most frequent reason: 50 % of 6"),
        ({"Wrong fit": 2, "Price": 2, None: 2}, "2 reasons are equally frequent: 33 % of 6 each"),
        ({None: 4, "Price": 2}, "No reason given is the most frequent reason: 67 % of 6"),
    ],
)
def test_the_most_frequent_reason_is_named_unless_several_are(sizes: dict[str | None, int], said: str) -> None:
    found = tuple(Reason("lost", why, Rate(n, 6)) for why, n in sizes.items())
    whole = Agreement(rejected=6)
    assert titles.most_rejected(Alignment("crm", 1, SCOPE, whole, found)) == said


@pytest.mark.parametrize(
    ("best", "said"),
    [
        (80, "High scores are accepted more often: 80 % at 90–100, 40 % at 10–20"),
        (10, "High scores are accepted less often: 10 % at 90–100, 40 % at 10–20"),
        (42, "High scores are not clearly accepted more often: 42 % at 90–100, 40 % at 10–20"),
    ],
)
def test_bands_are_told_where_chance_does_not_explain_them(best: int, said: str) -> None:
    few = [(5, "accepted", 3), (5, "rejected", 1)]  # nothing is said of four leads
    pairs = [*few, (15, "accepted", 40), (15, "rejected", 60), (99, "accepted", best), (99, "rejected", 100 - best)]
    pairs.append((100, "expired", 1))
    assert titles.by_band(Threshold(tuple(Scored(*p) for p in pairs), 1.0)) == said
    assert titles.by_band(Threshold(tuple(Scored(*p) for p in few), 1.0)) == "Acceptance by score band"


@pytest.mark.parametrize(
    ("low", "high", "step"), [(0, 100, 1), (0, 1, 0.01), (300, 850, 10), (0, 499, 1), (5, 5, None)]
)
def test_steps_are_round_and_few(low: float, high: float, step: float | None) -> None:
    assert step_of(low, high) == (pytest.approx(step) if step else None)
    if step:
        assert 20 <= (high - low) / step <= 500


def test_what_sets_bypasses_apart() -> None:
    deciders: Values = {"true": Agreement(accepted=200, bypass=60), "false": Agreement(accepted=600, bypass=20)}
    found_ = traits([rows("is_decision_maker", deciders)])
    assert [(t.value, t.differs) for t in found_] == [("true", True), ("false", False)]
    assert (found_[0].bypass, found_[0].accepted) == (Rate(60, 80), Rate(200, 800))


def test_the_report_has_its_documented_names() -> None:
    answer = replace(found(WORKED, WORKED), scope=replace(SCOPE, by="source"), segments={"web": WORKED})
    told = alignment_report(answer, scored(), None)
    assert set(told["headline"]) == {"acceptance", "coverage", "positive_agreement", "decided_of_due"}
    assert set(told["headline"]["coverage"]) == {"numerator", "denominator", "value", "low", "high"}
    assert set(told["outcomes"]) == {"accepted", "rejected", "expired", "pending", "decided_late"}
    assert told["chance_corrected"]["both"] == 10
    assert {"bypass", "returned", "reasons", "rows", "bands", "threshold", "comparison", "trend"} <= told.keys()
    assert {"statement", "parameters"} <= told.keys()
    (row,) = told["rows"]
    assert row["segment"] == {"source": "web"} and set(row["limits"]) == {"95", "99.8"}
    whole, segment = lines(told)
    assert (whole["value"], segment["value"]) == ("", "web")
    assert whole["outcomes_accepted"] == segment["outcomes_accepted"] == 400


def test_the_fourth_cell_needs_a_stated_universe() -> None:
    assert chance_corrected(None, None) is None
    assert chance_corrected(replace(scored(), cut=None), None) is None
    sample = chance_corrected(scored(), TwoByTwo(4, 6, 1, 89))
    assert sample and sample["universe"] == "audits" and sample["neither"] == 89
