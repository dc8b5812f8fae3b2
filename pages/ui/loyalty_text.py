"""Loyalty and customer value as text for the terminal: a table for people, CSV and JSON for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from rich.table import Table

from lifecycle.links import read_number
from lifecycle.loyalty import AGES
from lifecycle.nps import told
from lifecycle.prediction import DISCOUNT, MONTHS
from lifecycle.report_loyalty import Loyalty, Value, clv_report, lines, loyalty_report
from lifecycle.scope import Scope, describe
from pages.ui.labels import UNDEFINED, count, interval, money, percent
from pages.ui.terminal import table
from queries.acquisition import acquisition
from queries.clv import orders_value, subscriptions_value
from queries.errors import WarehouseError
from queries.ladder import ladder, staying
from queries.modelled import Modelled
from queries.purchases import repeat
from queries.ready import OptionError
from queries.referrals import loop
from queries.rfm import rfm
from queries.surveys import contentment, satisfaction
from queries.value import historic, simple

Answer = Loyalty | Value
T = TypeVar("T")


__all__ = ["as_table", "ask", "lines"]


def ask(question: str, m: Modelled, scope: Scope, options: Mapping[str, str]) -> tuple[Answer, dict[str, Any]]:
    """The answer to loyalty or clv, and the same as the documented dictionary.

    A part whose table is missing is left out and named. Raises OptionError; WarehouseError where no part can be told.
    """
    if question == "clv":
        worth = _value(m, scope, options)
        return worth, clv_report(worth)
    missing: dict[str, str] = {}

    def part(name: str, asked: Callable[[Modelled, Scope], T], within: Scope = scope) -> T | None:
        return _part(missing, name, lambda: asked(m, within))

    found = Loyalty(
        model=m.model.name,
        build=m.build.id,
        scope=scope,
        repeat=part("repeat", repeat),
        ladder=part("ladder", ladder, scope.whole),
        rfm=part("rfm", rfm, scope.whole),
        nps=part("nps", satisfaction),
        csat=part("csat", contentment),
        staying=part("promoters_stay", staying, scope.whole),
        referrals=part("referrals", loop, scope.whole),
        missing=missing,
    )
    if len(missing) == 7:  # nothing is there at all
        repeat(m, scope)
    return found, loyalty_report(found)


def _part(missing: dict[str, str], name: str, asked: Callable[[], T]) -> T | None:
    try:
        return asked()
    except WarehouseError as problem:
        if problem.kind != "missing_table":
            raise
        missing[name] = f"{problem}"
        return None


def _value(m: Modelled, scope: Scope, options: Mapping[str, str]) -> Value:
    months = int(_number(options, "months", MONTHS, 1, 120))
    discount = _number(options, "discount", DISCOUNT, 0, 1)
    seen = historic(m, scope)
    missing: dict[str, str] = {}
    return Value(
        model=m.model.name,
        build=m.build.id,
        scope=scope,
        margin=_number(options, "margin", seen.margin_share, 0, 1),
        historic=seen,
        simple=_part(missing, "simple", lambda: simple(m, scope.whole)),
        orders=_part(missing, "orders", lambda: orders_value(m, scope.whole, months, discount)),
        subscriptions=_part(missing, "subscriptions", lambda: subscriptions_value(m, scope.whole, months, discount)),
        acquisition=_part(missing, "acquisition", lambda: acquisition(m, scope)),
        missing=missing,
    )


def _number(options: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    try:
        return read_number(options[name], low, high) if name in options else default
    except ValueError as problem:
        raise OptionError(f"--{name}: {problem}") from None


def as_table(answer: Answer) -> Table:
    """What fits on a terminal: each number with its interval, or with what lies under it."""
    rows = _loyal(answer) if isinstance(answer, Loyalty) else _worth(answer)
    rows += [[name, UNDEFINED, said] for name, said in answer.missing.items()]
    title = f"{answer.model}: {' · '.join(describe(answer.scope))}"
    return table(title, ["", "value", ""], rows)


def _loyal(found: Loyalty) -> list[list[str]]:
    rows: list[list[str]] = []
    if found.repeat:
        whole = found.repeat.whole
        rows.append(["new customers", count(whole.n), ""])
        rates = [(age, whole.rate(age)) for age in AGES]
        rows += [[f"bought again within {age} days", percent(r.value), interval(r)] for age, r in rates]
    if found.ladder:
        rows.append(["came back", percent(found.ladder.repeat_rate.value), interval(found.ladder.repeat_rate)])
        if rate := found.ladder.promoter_rate:
            rows.append(["of these, recommend", percent(rate.value), interval(rate)])
    if found.nps:
        nps = found.nps.whole
        low, high = nps.interval or (0.0, 0.0)
        value = UNDEFINED if nps.value is None else told(nps.value)
        rows.append(["net promoter score", value, f"{told(low)} to {told(high)} · n = {nps.n:,}"])
        if found.nps.response:
            rows.append(["answered", percent(found.nps.response.value), interval(found.nps.response)])
    if found.csat and found.csat.is_asked:
        satisfied = found.csat.whole.rate
        rows.append(["satisfied", percent(satisfied.value), interval(satisfied)])
        rows.append(["answered how satisfied", percent(found.csat.response.value), interval(found.csat.response)])
    if found.referrals:
        rows.append(["referrals", count(found.referrals.made), f"by {found.referrals.referrers:,}"])
        if found.referrals.promoters:
            rate = found.referrals.promoters
            rows.append(["promoters who referred", percent(rate.value), interval(rate)])
    if found.rfm:
        rows += [[g.name, count(g.customers), f"revenue {money(g.revenue)} · {g.advice}"] for g in found.rfm.groups]
    return rows


def _worth(found: Value) -> list[list[str]]:
    seen, margin = found.historic.whole, found.margin
    rows = [["new customers", count(seen.n), f"margin {percent(margin)} of revenue"]]
    for age in (1, 3, 6, 12, 24, 36):
        value = seen.per_customer(age)
        if value is not None:
            rows.append([f"value in {age * 30} days", money(value * margin), "seen, per customer"])
    if found.simple:
        by_rule = found.simple
        note = f"ARPA {money(by_rule.arpa)} × margin ÷ {percent(by_rule.monthly_churn, 2)} monthly churn"
        rows.append(["CLV, rule of thumb", money(by_rule.value(margin)), note])
    for name, predicted in (("subscriber", found.subscriptions), ("buyer", found.orders)):
        if predicted:
            value = None if predicted.per_new is None else predicted.per_new * margin
            note = f"{predicted.months} months, discounted {percent(predicted.discount)} a year"
            rows.append([f"CLV of a {name}, predicted", money(value), note])
    if found.acquisition:
        spent = found.acquisition.whole
        rows.append(["CAC", money(spent.cac), f"spend of {found.acquisition.lag_days} days before"])
        ratio, pays = spent.ratio(margin), spent.payback(margin)
        note = f"value seen in {spent.aged.longest} months"
        rows.append(["LTV:CAC", UNDEFINED if ratio is None else f"{ratio:.2f}", note])
        rows.append(["payback", "not yet" if pays is None else f"{pays} months", ""])
        rows.append(["cost of keeping", money(found.acquisition.cost_of_keeping), "per customer served"])
    return rows
