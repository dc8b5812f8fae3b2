"""Loyalty and customer value as plain dictionaries, for JSON and CSV: the numbers of the page under their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from lifecycle.csat import Contentment
from lifecycle.loyalty import AGES, Buyers, Ladder, Repeat
from lifecycle.nps import Satisfaction
from lifecycle.prediction import HoldOut, OrderValue, SubscriptionValue
from lifecycle.promoters import Staying
from lifecycle.referrals import Loop
from lifecycle.rfm import Rfm
from lifecycle.scope import Scope
from lifecycle.value import AGES as MONTHS_OLD
from lifecycle.value import MONTH_DAYS, Acquired, Acquisition, Aged, Historic, Simple

DAY = 86_400


@dataclass(frozen=True)
class Loyalty:
    """Everything about loyalty that one scope asks for; `missing`: part → what it lacks."""

    model: str
    build: int
    scope: Scope
    repeat: Buyers | None
    ladder: Ladder | None
    rfm: Rfm | None
    nps: Satisfaction | None
    csat: Contentment | None
    staying: Staying | None
    referrals: Loop | None
    missing: Mapping[str, str]


@dataclass(frozen=True)
class Value:
    """Everything about customer value that one scope asks for, at a margin of revenue."""

    model: str
    build: int
    scope: Scope
    margin: float
    historic: Historic
    simple: Simple | None
    orders: OrderValue | None
    subscriptions: SubscriptionValue | None
    acquisition: Acquisition | None
    missing: Mapping[str, str]


def loyalty_report(found: Loyalty) -> dict[str, Any]:
    """Loyalty as a dictionary; a part without data is null, and `missing` says what it lacks."""
    parts = (found.repeat, found.ladder, found.rfm, found.nps, found.csat, found.staying, found.referrals)
    return _head("loyalty", found) | {
        "repeat": _repeat(found.repeat) if found.repeat else None,
        "ladder": _ladder(found.ladder) if found.ladder else None,
        "rfm": _rfm(found.rfm) if found.rfm else None,
        "nps": _survey(found.nps, 10) if found.nps else None,
        "csat": _survey(found.csat, found.csat.whole.scale) if found.csat and found.csat.is_asked else None,
        "promoters_stay": _staying(found.staying) if found.staying else None,
        "referrals": _loop(found.referrals) if found.referrals else None,
        **_tail(found, parts),
    }


def clv_report(found: Value) -> dict[str, Any]:
    """Customer value as a dictionary: amounts are margin, in the warehouse's currency; ages are months of 30 days."""
    parts = (found.historic, found.simple, found.orders, found.subscriptions, found.acquisition)
    historic, margin = found.historic, found.margin
    return _head("clv", found) | {
        "margin": margin,
        "historic": {
            "sources": list(historic.sources),
            **_aged(historic.whole, margin),
            "cohorts": [{"cohort": day.isoformat(), **_aged(aged, margin)} for day, aged in historic.cohorts],
            "rows": [{"segment": {historic.scope.by: v}, **_aged(aged, margin)} for v, aged in historic.rows],
        },
        "simple": _simple(found.simple, margin) if found.simple else None,
        "orders": _orders(found.orders, margin) if found.orders else None,
        "subscriptions": _subscriptions(found.subscriptions, margin) if found.subscriptions else None,
        "acquisition": _acquisition(found.acquisition, margin) if found.acquisition else None,
        **_tail(found, parts),
    }


def _head(question: str, found: Loyalty | Value) -> dict[str, Any]:
    scope = found.scope
    return {
        "question": question,
        "model": found.model,
        "build": found.build,
        "as_of": scope.as_of.isoformat() + "Z",
        "from": scope.start.isoformat() if scope.start else None,
        "to": scope.end.isoformat() if scope.end else None,
        "timezone": scope.calendar.timezone,
        "filters": [str(f) for f in scope.filters],
    }


def _tail(found: Loyalty | Value, parts: tuple[Any, ...]) -> dict[str, Any]:
    first = next((s for part in parts if part for s in part.statements), None)
    statement = first.as_dict() if first else {"text": "", "parameters": {}}
    told = {"statement": statement["text"], "parameters": statement["parameters"]}
    return {"missing": dict(found.missing)} | told


def _repeat(found: Buyers) -> dict[str, Any]:
    median = found.times.quantile(0.5)
    rows = [{"segment": {found.scope.by: value}, **_rates(group)} for value, group, _ in found.rows]
    out = {
        **_rates(found.whole),
        "median_days": None if median is None else median / DAY,
        "cohorts": [{"cohort": day.isoformat(), **_rates(group)} for day, group in found.cohorts],
        "rows": rows,
    }
    return out | ({"comparison": _rates(found.comparison.whole)} if found.comparison else {})


def _rates(group: Repeat) -> dict[str, Any]:
    return {"customers": group.n} | {f"within_{age}_days": group.rate(age).as_dict() for age in AGES}


def _ladder(found: Ladder) -> dict[str, Any]:
    return {
        "bought": found.bought,
        "again": found.again,
        "promoters": found.promoters,
        "promoters_once": found.promoters_once,
        "repeat_rate": found.repeat_rate.as_dict(),
        "promoter_rate": found.promoter_rate.as_dict() if found.promoter_rate else None,
    }


def _rfm(found: Rfm) -> dict[str, Any]:
    groups = [asdict(g) | {"group": g.name, "revenue_per_customer": g.value, "advice": g.advice} for g in found.groups]
    return {"rhythm_days": asdict(found.rhythm) if found.rhythm else None, "groups": groups}


def _survey(found: Satisfaction | Contentment, highest: int) -> dict[str, Any]:
    out = {
        **found.whole.as_dict(),
        "scores": {str(score): found.whole.scores.get(score, 0) for score in range(highest + 1)},
        "response_rate": found.response.as_dict() if found.response else None,
        "response_of_period": found.dated,
        "unusable": found.unusable,
        "trend": [{"period": day.isoformat(), **part.as_dict()} for day, part in found.trend],
        "rows": [{"segment": {found.scope.by: value}, **part.as_dict()} for value, part in found.rows],
    }
    return out | ({"comparison": found.comparison.whole.as_dict()} if found.comparison else {})


def _staying(found: Staying) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, tables in (("leaving", found.leaving), ("returning", found.returning)):
        if tables is None:
            out[name] = None
            continue
        test = found.test(tables)
        out[name] = {mood: {"n": t.n, "events": t.events} for mood, t in tables.items()}
        out[name]["log_rank"] = asdict(test) if test else None
    return out


def _loop(found: Loop) -> dict[str, Any]:
    return {
        "made": found.made,
        "referrers": found.referrers,
        "customers_who_referred": found.customers.as_dict() if found.customers else None,
        "promoters_who_referred": found.promoters.as_dict() if found.promoters else None,
        "promoters_unasked": found.unasked,
        "reach": [
            {"stage": r.stage, "label": r.label, "referred": r.referred.as_dict(), "others": r.others.as_dict()}
            for r in found.reach
        ],
        "generations": [asdict(g) for g in found.generations],
        "circular": found.circular,
    }


def _aged(aged: Aged, margin: float) -> dict[str, Any]:
    def money(value: float | None) -> float | None:
        return None if value is None else value * margin

    ages = range(1, aged.longest + 1)
    return {
        "customers": aged.n,
        "by_age": [{"months": a, "value": money(aged.per_customer(a))} for a in ages],
        "n_days": {str(a * MONTH_DAYS): money(aged.n_days(a)) for a in MONTHS_OLD},
    }


def _simple(found: Simple, margin: float) -> dict[str, Any]:
    return {
        "customers": found.customers,
        "arpa": found.arpa,
        "churn": found.churn.as_dict(),
        "months": found.months,
        "monthly_churn": found.monthly_churn,
        "clv": found.value(margin),
    }


def _orders(found: OrderValue, margin: float) -> dict[str, Any]:
    return {
        "customers": found.customers,
        "returned": found.returned,
        "bg_nbd": asdict(found.model) if found.model else None,
        "gamma_gamma": asdict(found.amounts) if found.amounts else None,
        "months": found.months,
        "discount": found.discount,
        "clv": None if found.per_new is None else found.per_new * margin,
        "purchases_next_52_weeks": found.next_year,
        "alive": found.alive,
        "holdout": _holdout(found.holdout) if found.holdout else None,
    }


def _holdout(found: HoldOut) -> dict[str, Any]:
    return {
        "weeks": found.weeks,
        "predicted": found.predicted,
        "actual": found.actual,
        "error": found.error,
        "rows": [asdict(row) for row in found.rows],
    }


def _subscriptions(found: SubscriptionValue, margin: float) -> dict[str, Any]:
    return {
        "subscribers": found.subscribers,
        "lost": found.lost,
        "shifted_beta_geometric": asdict(found.model) if found.model else None,
        "mrr": found.mrr,
        "months": found.months,
        "discount": found.discount,
        "clv": None if found.per_new is None else found.per_new * margin,
        "seen": [{"month": month, "survival": share} for month, share in sorted(found.seen.items())],
    }


def _acquisition(found: Acquisition, margin: float) -> dict[str, Any]:
    return {
        "lag_days": found.lag_days,
        **_acquired(found.whole, margin),
        "cost_of_keeping": found.cost_of_keeping,
        "served": found.served,
        "rows": [{"segment": {found.by: r.value}, **_acquired(r, margin)} for r in found.rows],
        "cohorts": [{"cohort": day.isoformat(), **_acquired(r, margin)} for day, r in found.cohorts],
    }


def _acquired(found: Acquired, margin: float) -> dict[str, Any]:
    return {
        "new_customers": found.customers,
        "spend": found.spend,
        "cac": found.cac,
        "ltv": found.worth(margin),
        "ltv_months": found.aged.longest,
        "ltv_cac": found.ratio(margin),
        "payback_months": found.payback(margin),
    }


def lines(report: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every number of a report on a line of its own: part, item and measure, and the value."""
    for part, content in report.items():
        if isinstance(content, Mapping) and part not in ("parameters", "missing"):
            yield from _lines(part, "", content)


def _lines(part: str, item: str, content: Mapping[str, Any], measure: str = "") -> Iterator[dict[str, Any]]:
    for name, value in content.items():
        path = f"{measure}.{name}" if measure else str(name)
        if isinstance(value, Mapping):
            yield from _lines(part, item, value, path)
        elif isinstance(value, list):
            for number, row in enumerate(value, 1):
                if isinstance(row, Mapping):
                    yield from _lines(
                        part, f"{path} {_called(row, number)}", {k: v for k, v in row.items() if k != "segment"}
                    )
        elif isinstance(value, bool | int | float | str | date | None):
            yield {"part": part, "item": item, "measure": path, "value": value}


CALLED = ("cohort", "period", "group", "stage", "number", "months", "month", "x")


def _called(row: Mapping[str, Any], number: int) -> str:
    """What tells a row of a list from the others."""
    if "segment" in row:
        return " ".join(f"{k}={'' if v is None else v}" for k, v in row["segment"].items())
    return str(next((row[name] for name in CALLED if name in row), number))
