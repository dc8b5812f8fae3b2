"""Loyalty in plain words: titles that say what the numbers support, and no more."""

from __future__ import annotations

from lifecycle import nps
from lifecycle.csat import Contentment
from lifecycle.durations import LifeTable
from lifecycle.findings import PeriodRate, latest
from lifecycle.loyalty import AGE, Buyers, Ladder
from lifecycle.nps import Nps, Satisfaction, change
from lifecycle.prediction import HoldOut
from lifecycle.promoters import Staying
from lifecycle.rates import LEVEL, difference, points
from lifecycle.referrals import Loop
from lifecycle.retention_words import apart, named, share
from lifecycle.rfm import Rfm
from lifecycle.value import Acquisition

DAY = 86_400


def percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def repeat(found: Buyers) -> str:
    """How many come back within the age of the headline, and how that has changed where it has."""
    rate = found.whole.rate(AGE)
    if rate.value is None:
        return f"Nobody bought for the first time {AGE} days ago or earlier in this period"
    said = f"{percent(rate.value)} buy again within {AGE} days"
    before = found.comparison.whole.rate(AGE) if found.comparison else None
    moved = difference(rate, before) if before else None
    if moved is None or not moved.significant:
        return said
    return f"{said}, {'more' if moved.value > 0 else 'fewer'} than before ({points(moved.value)})"


def at_age(found: Buyers, age: int) -> str:
    """Who buys again within an age most and least; without groups, whether more of the last whole cohort do."""
    if found.rows:
        ends = apart([(named(value), group.rate(age)) for value, group, _ in found.rows if not group.rate(age).few])
        if ends is None:
            return f"No two groups are large enough to tell who buys again within {age} days"
        (best, high), (worst, low), clear = ends
        if not clear:
            return f"No group buys again within {age} days more or less than chance explains"
        return f"{share(high)} of “{best}” buy again within {age} days, {share(low)} of “{worst}”"
    cohorts = [PeriodRate(day, None, group.rate(age), not group.is_complete(age)) for day, group in found.cohorts]
    told = latest(cohorts, arrived=1.0)  # all were followed for as long
    if not told:
        return f"No cohort is old enough to tell who buys again within {age} days"
    last, before = told[0].last, told[0].before
    said = f"{share(last.rate)} of {found.scope.calendar.name(last.period, found.scope.grain)} buy again in {age} days"
    if before is None:
        return f"{said}, the only cohort that is old enough"
    if not told[0].clear:
        return f"{said}, {share(before)} of those before: chance explains the difference"
    return f"{said}, {'more' if told[0].change > 0 else 'fewer'} than the {share(before)} before"


def second(times: LifeTable) -> str:
    """When half of all customers have bought again."""
    median = times.quantile(0.5)
    if median is None:
        last = times.curve[-1] if times.curve else None
        return (
            "How soon they buy again"
            if last is None
            else (
                f"After {last.seconds / DAY:,.0f} days, {percent(1 - last.survival)} have bought again: fewer than half"
            )
        )
    return f"Half have bought again after {median / DAY:,.0f} days"


def ladder(found: Ladder) -> str:
    """How far customers come on the last steps of the lifecycle."""
    again, praise = found.repeat_rate, found.promoter_rate
    if again.value is None:
        return "Nobody bought for the first time in this period"
    said = f"{percent(again.value)} have come back"
    return said if praise is None or praise.value is None else f"{said}; of these, {percent(praise.value)} recommend"


def groups(found: Rfm) -> str:
    """Where the money is, and where it is leaving."""
    if not found.groups:
        return "Nobody has ever bought twice, so that nothing says who is late"
    away = [g for g in found.groups if g.recency == "away" and g.frequency != "once"]
    lost = sum(g.customers for g in away)
    if not lost:
        return "No returning customer has stayed away for unusually long"
    said = f"{lost:,} returning customers stay away unusually long"
    if not found.revenue:  # no order has an amount
        return said
    share = sum(g.revenue for g in away) / found.revenue
    return f"{said}: {percent(share)} of all revenue came from them"


def score(found: Satisfaction) -> str:
    """The score, and how it has changed where it has."""
    value = found.whole.value
    if value is None:
        return "Nobody answered in this period"
    said = f"NPS {nps.told(value)}, from {found.whole.n:,} respondents"
    moved = change(found.whole, found.comparison.whole) if found.comparison else None
    if moved is None or not moved.significant:
        return said
    return f"{said}: {'higher' if moved.value > 0 else 'lower'} than before ({nps.points(moved.value)})"


def satisfied(found: Contentment) -> str:
    """How many are satisfied, and how that has changed where it has."""
    rate = found.whole.rate
    if rate.value is None:
        return "Nobody said in this period how satisfied they are"
    said = f"{percent(rate.value)} of {rate.denominator:,} respondents are satisfied"
    moved = difference(rate, found.comparison.whole.rate) if found.comparison else None
    if moved is None or not moved.significant:
        return said
    return f"{said}, {'more' if moved.value > 0 else 'fewer'} than before ({points(moved.value)})"


def scores_apart(found: Satisfaction) -> str:
    """Which segment value would recommend most, which least, of those with 30 answers; or that chance explains it."""
    ends = apart([(named(value), group) for value, group in found.rows if not group.few], _scores_equal)
    if ends is None:
        return "No two groups have enough answers to tell their scores apart"
    (best, high), (worst, low), clear = ends
    if not clear:
        return "No group's score differs from another's by more than chance explains"
    return f"“{best}” answers {nps.told(high.value or 0)}, “{worst}” {nps.told(low.value or 0)}"


def _scores_equal(a: Nps, b: Nps) -> float:
    moved = change(a, b)
    return moved.p if moved else 1.0


def satisfied_apart(found: Contentment) -> str:
    """Which segment value is satisfied most and which least, as `scores_apart`."""
    ends = apart([(named(value), group.rate) for value, group in found.rows if not group.rate.few])
    if ends is None:
        return "No two groups have enough answers to tell how satisfied they are"
    (best, high), (worst, low), clear = ends
    if not clear:
        return "No group is more or less satisfied than chance explains"
    return f"{share(high)} of “{best}” are satisfied, {share(low)} of “{worst}”"


def staying(found: Staying, activity: str) -> str:
    """Whether promoters stay longer (activity leaving) or come back sooner (returning), where the test says so."""
    tables = found.leaving if activity == "leaving" else found.returning
    what = "stay longer" if activity == "leaving" else "buy again sooner"
    if tables is None or not any(t.events for t in tables.values()):
        return f"Do promoters {what}?"
    test = found.test(tables)
    if test is None:
        return f"Do promoters {what}? Only one group has answered"
    if test.p >= LEVEL:
        return f"Whether promoters {what} cannot be told yet (p = {test.p:.2f})"
    ends = {mood: t.curve[-1].seconds for mood, t in tables.items() if t.curve}
    shared = min(ends.values())
    kept = {mood: _at(t, shared) for mood, t in tables.items() if t.n}
    promoters, others = kept.get("promoter"), [v for mood, v in kept.items() if mood != "promoter"]
    sooner = promoters is not None and all(promoters > v if activity == "leaving" else promoters < v for v in others)
    shown = f"p {'< 0.001' if test.p < 0.001 else f'= {test.p:.3f}'}"
    if sooner:
        return f"Promoters {what} ({shown})"
    return f"What they answer tells {'who stays' if activity == 'leaving' else 'who buys again'} ({shown})"


def _at(table: LifeTable, seconds: float) -> float:
    before = [p.survival for p in table.curve if p.seconds <= seconds]
    return before[-1] if before else 1.0


def referred(found: Loop, goal: str) -> str:
    """Whether the referred come further than others: to the goal, else to any stage where that is beyond chance."""
    from_the_end = list(reversed(found.reach))
    for reach in sorted(from_the_end, key=lambda r: r.stage != goal):
        moved = reach.change
        if moved is not None and moved.significant and reach.referred.value and reach.others.value:
            here, there = percent(reach.referred.value), percent(reach.others.value)
            digits = here if here != there else f"{reach.referred.value * 100:.1f} %"
            return f"{digits} of the referred reach {reach.label}, {there} of all others"
    known = any(reach.referred.denominator for reach in found.reach)
    return "The referred come as far as all others" if known else "How far do the referred come?"


def loop(found: Loop) -> str:
    """How many close the loop."""
    if not found.made:
        return "No referrals were made in this period"
    said = f"{found.made:,} referrals by {found.referrers:,} customers"
    return said if not found.unasked else f"{said}; {found.unasked:,} promoters have referred nobody yet"


def generations(found: Loop) -> str:
    """How far the loop goes round."""
    deep = [g for g in found.generations if g.number > 1]
    n = sum(g.referred for g in deep)
    return f"{n:,} were referred by somebody who had been referred" if n else "The loop has not gone round twice yet"


def holdout(found: HoldOut | None) -> str:
    """By how much the prediction was off."""
    if found is None or found.error is None:
        return "Too few have bought again to predict"
    weeks = f"the last {found.weeks:.0f} weeks"
    return f"Fitted without {weeks}, the model was {abs(found.error) * 100:.0f} % too {_way(found.error)}"


def _way(error: float) -> str:
    return "high" if error > 0 else "low"


def paid_back(found: Acquisition, margin: float) -> str:
    """At which age the margin of a customer covers the cost of a new one, or that it has not been seen to."""
    whole = found.whole
    if whole.cac is None or not whole.aged.longest:
        return "When has a customer paid back?"
    months = whole.payback(margin)
    if months is None:
        return f"Not paid back within the {whole.aged.longest} months seen"
    return f"Paid back after {months} {'month' if months == 1 else 'months'}"


def cost_over_time(found: Acquisition) -> str:
    """How the cost of a customer of the last whole cohort compares with before."""
    last = found.latest
    if last is None:
        return "How does the cost of a new customer move over time?"
    when = found.scope.calendar.name(last.day, found.scope.grain)
    if not last.ratio.is_change:
        return f"The cost of a new customer has not changed by more than chance: {last.cost:,.0f} in {when}"
    way = "more" if last.ratio.value > 1 else "less"
    return f"A new customer cost {last.cost:,.0f} in {when}, {way} than the {last.before:,.0f} before"


def cost(found: Acquisition, margin: float) -> str:
    """Whether a customer has paid back what winning one costs."""
    cac, ratio, months = found.whole.cac, found.whole.ratio(margin), found.whole.payback(margin)
    if cac is None:
        return "What a customer costs cannot be told apart for these filters"
    said = f"A new customer costs {cac:,.0f}"
    if months is not None:
        return f"{said} and pays that back in {months} months"
    return said if ratio is None else f"{said}; what one has brought so far covers {percent(ratio)} of it"
