"""What cohorts say in plain words: which of them stay less or longer than the others, silent below significance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from scipy.stats import fisher_exact

from lifecycle.nps import Nps
from lifecycle.rates import LEVEL, Rate, adjusted
from lifecycle.retention import Cell, Cohort, Retention, Rules, Triangle
from lifecycle.stages import StageModel

K = TypeVar("K", Rate, Nps)
HORIZON = {"day": 14, "week": 12, "month": 12, "quarter": 4, "year": 2}  # the age at which cohorts are compared


@dataclass(frozen=True)
class Odd:
    """A cohort that differs from all others that are as old: at `cell`, `others` stay; p corrected for many."""

    cohort: Cohort
    cell: Cell
    others: Rate
    p: float

    @property
    def is_weak(self) -> bool:
        return (self.cell.rate.value or 0) < (self.others.value or 0)


def odd_cohorts(found: Triangle, grain: str, rules: Rules) -> tuple[Odd, ...]:
    """Cohorts whose logo retention differs from that of the others by more than chance, in order.

    Each is compared at the oldest age that all of it has passed, up to a year (weeks: twelve, days: fourteen), by
    Fisher's exact test, corrected for many cohorts (Benjamini and Hochberg 1995).
    """
    horizon = HORIZON[grain] if rules.ages == "calendar" else 12
    tested = []
    for cohort in found.cohorts:
        whole = [(i, c) for i, c in enumerate(cohort.cells) if c and c.complete and 0 < c.last <= horizon]
        if not whole:
            continue
        place, cell = whole[-1]
        column = [c.cells[place] for c in found.cohorts if c is not cohort]
        rest = [c for c in column if c and c.complete]
        others = Rate(sum(c.retained for c in rest), sum(c.eligible for c in rest))
        if others.denominator:
            tested.append((cohort, cell, others, _p(cell.rate, others)))
    corrected = adjusted([p for *_, p in tested])
    return tuple(Odd(*t[:3], p) for t, p in zip(tested, corrected, strict=True) if p < LEVEL)


def _p(a: Any, b: Any) -> float:
    """Of two rates being equal (Fisher's exact test)."""
    table = [[r.numerator, r.denominator - r.numerator] for r in (a, b)]
    return float(fisher_exact(table).pvalue)


def finding(answer: Retention, model: StageModel) -> str:
    """The weakest cohorts beside all others, else how many stay at all; of money, what is there of it."""
    if answer.rules.measure != "logo" or answer.leaving.is_on_one_day:
        return summary(answer, model)
    odd = odd_cohorts(answer.whole, answer.scope.grain, answer.rules)
    weak = [o for o in odd if o.is_weak]
    if weak:
        names = joined([answer.scope.calendar.name(o.cohort.start, answer.scope.grain) for o in weak])
        worst = min(weak, key=lambda o: o.cell.rate.value or 0)
        of = "" if len(weak) == 1 else ", at worst"
        return (
            f"Those who started in {names} stay less{of}: {share(worst.cell.rate)} after "
            f"{age(answer.rules, answer.scope.grain, worst.cell)}, others {share(worst.others)}"
        )
    return summary(answer, model)


def apart(
    known: list[tuple[str, K]], p: Callable[[K, K], float] = _p
) -> tuple[tuple[str, K], tuple[str, K], bool] | None:
    """The group with the highest rate or score, that with the lowest, and whether more than chance tells them apart.

    `p`: of two being equal. Every pair that might be shown is corrected for (Benjamini and Hochberg 1995). None with
    fewer than two.
    """
    if len(known) < 2:
        return None
    ranked = sorted(known, key=lambda k: k[1].value or 0, reverse=True)
    pairs = [(i, j) for i in range(len(ranked)) for j in range(i + 1, len(ranked))]
    corrected = adjusted([p(ranked[i][1], ranked[j][1]) for i, j in pairs])
    clear = corrected[pairs.index((0, len(ranked) - 1))] < LEVEL
    return ranked[0], ranked[-1], clear


def quoted(name: str) -> str:
    """The name of a group, which may be any text, in a sentence."""
    return f"“{name}”"


def side_by_side(answer: Retention, groups: list[tuple[str, Triangle]], called: Callable[[str], str] = quoted) -> str:
    """Which group stays most and which least, at the oldest age that all have reached and cohorts are compared at.

    Says so where chance could have made the difference; of money, which no test judges, it only tells which is which.
    """
    if answer.leaving.is_on_one_day:
        return answer.leaving.found
    horizon = HORIZON[answer.scope.grain] if answer.rules.ages == "calendar" else 12
    cells = [(name, [c for c in t.pooled if c and 0 < c.last <= horizon and not c.rate.few]) for name, t in groups]
    shared = min((len(found) for _, found in cells if found), default=0)
    known = [(name, found[shared - 1]) for name, found in cells if found]
    if len(known) < 2:
        return ""
    after = age(answer.rules, answer.scope.grain, known[0][1])
    if answer.rules.measure != "logo":
        valued = sorted(((name, c.value) for name, c in known if c.value is not None), key=lambda k: k[1], reverse=True)
        ends = [called(valued[i][0]) for i in (0, -1)] if valued else []
        return f"The highest figure after {after} is that of {ends[0]}, the lowest that of {ends[1]}" if ends else ""
    found = apart([(name, c.rate) for name, c in known])
    if found is None or not found[2]:
        return f"After {after} no group stays more or less than chance explains"
    best, worst, _ = found
    return f"After {after} {share(best[1])} of {called(best[0])} are there, {share(worst[1])} of {called(worst[0])}"


def summary(answer: Retention, model: StageModel) -> str:
    """How many of all mature cohorts are there at the age at which cohorts are compared, where that can be told."""
    if answer.leaving.is_on_one_day:
        return answer.leaving.found
    horizon = HORIZON[answer.scope.grain] if answer.rules.ages == "calendar" else 12
    cells = [c for c in answer.whole.pooled if c and 0 < c.last <= horizon and c.value is not None]
    if not cells:
        return "No cohort is old enough to tell who stays: try cohorts of shorter periods"
    cell = cells[-1]
    after = age(answer.rules, answer.scope.grain, cell)
    if answer.rules.measure in ("nrr", "grr"):
        named = answer.rules.measure.upper()
        return f"{cell.value:.0%} of the revenue at the start is there after {after} ({named})".replace("%", " %")
    if answer.rules.measure != "logo":
        said = {"orders": "orders", "revenue": "of revenue", "cumulative": "of revenue so far"}[answer.rules.measure]
        when = "by" if answer.rules.measure == "cumulative" else "at"
        return f"{cell.value:,.2f} {said} per customer {when} {after}"
    return f"{share(cell.rate)} of {things(model)} {verb(answer.rules)} after {after}"


def joined(names: list[str], most: int = 4) -> str:
    """`A`, `A and B`, `A, B and C`; beyond a few, from the first to the last."""
    if len(names) > most:
        return f"{len(names)} cohorts from {names[0]} to {names[-1]}"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def named(value: str | None) -> str:
    """A value of a segment in words."""
    return "not set" if value is None else value


def share(rate: Rate) -> str:
    return "n/a" if rate.value is None else f"{rate.value * 100:.0f} %"


def things(model: StageModel) -> str:
    return "accounts" if model.entity == "account" else "customers"


def verb(rules: Rules) -> str:
    """What a customer who stayed did."""
    if rules.is_state:
        return "are subscribed"
    return "order again" if rules.return_activity == "orders" else "come back"


def age(rules: Rules, grain: str, cell: Cell) -> str:
    """An age in words: `4 quarters`, `1 month`, `90 days`, `2–3 months`."""
    if rules.ages == "days":
        return f"{cell.last * 30} days"
    span = f"{cell.age}" if cell.age == cell.last else f"{cell.age}–{cell.last}"
    return f"{span} {grain}{'' if span == '1' else 's'}"
