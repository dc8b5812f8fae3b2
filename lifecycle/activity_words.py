"""What activity by period says in plain words: how many were active, and who of them comes again."""

from __future__ import annotations

from scipy.stats import binomtest

from lifecycle.activity import Active, Activity
from lifecycle.rates import LEVEL
from lifecycle.retention_words import apart, named, share


def finding(found: Activity) -> str:
    """How many were active in the last period, and how many of them had been before."""
    if not found.periods:
        return "Who is active"
    last = found.periods[-1]
    return (
        f"{last.active:,} were active in {_named(found, last)}: {last.new:,} new, {last.returning:,} again, "
        f"{last.resurrected:,} came back; {last.dormant:,} went dormant"
    )


def groups(found: Activity) -> str:
    """The group that keeps most of its customers from the period before the last, and the one that keeps least.

    Of fewer than 30 nothing is said, nor of a difference that chance could have made.
    """
    lasts = [(named(value), periods[-1]) for value, periods in found.segments if periods]
    enough = [(name, p.kept) for name, p in lasts if not p.kept.few]
    ends = apart(enough)
    if ends is None:
        return "No two groups are large enough to tell who comes again"
    (best, most), (worst, least), clear = ends
    when = _named(found, lasts[0][1])
    if not clear:
        return f"No group comes again in {when} more or less than chance explains"
    return f"In {when} {share(most)} of “{best}” came again, {share(least)} of “{worst}”"


def parts(found: Activity) -> str:
    """Which group most of those active in the last period belong to, where chance does not explain its lead."""
    lasts = [(named(value), periods[-1]) for value, periods in found.segments if periods]
    ranked = sorted(lasts, key=lambda pair: -pair[1].active)
    if not ranked or not ranked[0][1].active:
        return "How many of each group are active?"
    (most, first), n = ranked[0], sum(p.active for _, p in ranked)
    when, rest = _named(found, first), ranked[1][1].active if len(ranked) > 1 else 0
    if rest and binomtest(first.active, first.active + rest).pvalue >= LEVEL:
        if rest == first.active:
            return f"Of the {n:,} active in {when}, as many are of “{most}” as of “{ranked[1][0]}”: {rest:,}"
        ends = f"“{most}” with {first.active:,} and “{ranked[1][0]}” with {rest:,}"
        return f"Of the {n:,} active in {when}, only chance tells {ends} apart"
    return f"{first.active:,} of the {n:,} active in {when} are of “{most}”, more than of any other group"


def earlier(found: Activity) -> str:
    """Of those who were active, how many came again in the last period, beside the last one of the compared period."""
    then = found.comparison
    if then is None or not (found.periods and then.periods):
        return "The period beside the one before"
    now, before = found.periods[-1], then.periods[-1]
    if not (now.kept.denominator and before.kept.denominator):
        return "Nobody was active who could come again, now or before"
    ends = apart([("now", now.kept), ("before", before.kept)])
    said = f"{share(now.kept)} came again in {_named(found, now)}, {share(before.kept)} in {_named(then, before)}"
    return said if ends and ends[2] else f"{said}: chance explains the difference"


def each(found: Activity) -> str:
    """How many orders an active customer made in the last period."""
    last = found.periods[-1] if found.periods else None
    if last is None or last.per_customer is None:
        return "Orders per active customer"
    return f"{last.per_customer:,.2f} orders per active customer in {_named(found, last)}"


def _named(found: Activity, p: Active) -> str:
    return found.scope.calendar.name(p.start_on, found.scope.grain)
