"""Recurring revenue and activity as frames, for charts and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import pandas as pd

from lifecycle.activity import STATES, Active, Activity, Frequency
from lifecycle.mrr import MOVEMENTS, Book, Period
from lifecycle.retention_words import named
from lifecycle.scope import Scope
from pages.ui import labels
from pages.ui.charts_retention import FEWEST
from queries.contacts import Records


def cents(amount: int) -> str:
    """Money to the cent."""
    return f"{amount / 100:,.2f}"


def bridge(whole: Period, until: str) -> pd.DataFrame:
    """From the start of the periods to their end in steps that add up."""
    rows = [
        _step(f"Start, {whole.start_on:%-d %b %Y}", "Start and end", 0, whole.start, f"{whole.customers:,} customers")
    ]
    level = whole.start
    for name, label in MOVEMENTS.items():
        amount = whole.cents[name]
        rows.append(_step(label, label, level, level + amount, f"{whole.counts[name]:,} changes"))
        level += amount
    rows.append(_step(f"End, {until}", "Start and end", 0, whole.end, f"{whole.customers_at_end:,} customers"))
    return pd.DataFrame(rows)


def _step(label: str, kind: str, low: int, high: int, note: str) -> dict[str, object]:
    amount = high - low
    sign = "+" if amount > 0 and kind != "Start and end" else ""
    return {
        "label": label,
        "kind": kind,
        "low": low / 100,
        "high": high / 100,
        "figure": f"{sign}{labels.money(amount / 100)}",
        "said": cents(amount),
        "note": note,
    }


def by_period(scope: Scope, periods: Sequence[Period]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Movements per period, and what they come to."""
    name = scope.calendar.name
    bars = [
        {
            "period": p.start_on.isoformat(),
            "label": name(p.start_on, scope.grain),
            "kind": kind,
            "value": p.cents[kind] / 100,
            "note": f"{p.counts[kind]:,} customers",
        }
        for p in periods
        for kind in MOVEMENTS
    ]
    ends = [
        {
            "label": name(p.start_on, scope.grain),
            "net": (p.end - p.start) / 100,
            "note": f"{cents(p.start)} → {cents(p.end)}",
        }
        for p in periods
    ]
    return pd.DataFrame(bars), pd.DataFrame(ends)


def table(scope: Scope, periods: Iterable[Period]) -> pd.DataFrame:
    """The book, one row per period, to the cent."""
    return pd.DataFrame(
        [
            {"Period": scope.calendar.name(p.start_on, scope.grain), "Start": p.start / 100}
            | {label: p.cents[key] / 100 for key, label in MOVEMENTS.items()}
            | {"End": p.end / 100, "Customers": p.customers, "NRR": p.nrr, "GRR": p.grr}
            | {"Logo churn": p.logo_churn.value, "Quick ratio": p.quick_ratio}
            for p in periods
        ]
    )


def rates(scope: Scope, periods: Sequence[Period]) -> pd.DataFrame:
    """NRR and GRR over time."""
    rows = []
    for label, name in (("NRR", "nrr"), ("GRR", "grr")):
        rows += [_point(scope, p.start_on, label, getattr(p, name), f"of {cents(p.start)}") for p in periods]
    return pd.DataFrame([r for r in rows if r["value"] is not None], columns=POINT)


def churn(scope: Scope, periods: Sequence[Period]) -> pd.DataFrame:
    """Logo churn over time, with its interval."""
    rows = []
    for p in periods:
        rate = p.logo_churn
        low, high = rate.interval or (None, None)
        note = f"{rate.numerator:,} of {rate.denominator:,}"
        rows.append(_point(scope, p.start_on, "", rate.value, note) | {"low": low, "high": high})
    return pd.DataFrame([r for r in rows if r["value"] is not None], columns=[*POINT, "low", "high"])


POINT = ["period", "name", "series", "value", "note"]


def _point(scope: Scope, day: date, label: str, value: float | None, note: str) -> dict[str, object]:
    name = scope.calendar.name(day, scope.grain)
    return {"period": day, "name": name, "series": label, "value": value, "note": note}


def segments(book: Book) -> pd.DataFrame:
    """The groups of a breakdown over all periods shown, and the last period's rates."""
    rows = []
    for value, periods in book.segments:
        if periods:
            first, last = periods[0], periods[-1]
            rows.append(
                {"Group": named(value), "Start": cents(first.start)}
                | {label: cents(sum(p.cents[key] for p in periods)) for key, label in MOVEMENTS.items()}
                | {"End": cents(last.end), "Customers": last.customers_at_end}
                | {"NRR, last": labels.percent(last.nrr), "GRR, last": labels.percent(last.grr)}
            )
    return pd.DataFrame(rows)


def movers(found: Records, scope: Scope, entity: str, segment: str | None) -> pd.DataFrame:
    """Single customers' changes."""
    calendar, grain = scope.calendar, scope.grain
    return pd.DataFrame(
        [
            {
                entity: r["customer_id"],
                "Period": calendar.name(calendar.numbered(r["period"], grain), grain),
                "Movement": MOVEMENTS[r["movement"]],
                "Change": cents(r["cents"]),
                "Before": cents(r["before"]),
                "After": cents(r["after"]),
            }
            | ({segment: named(r["segment"])} if segment else {})
            for r in found.table.to_pylist()
        ]
    )


def states(scope: Scope, periods: Sequence[Active]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Customers per period by state; those who went dormant below zero."""
    name = scope.calendar.name
    bars = [
        {
            "period": p.start_on.isoformat(),
            "label": name(p.start_on, scope.grain),
            "kind": kind,
            "value": -getattr(p, kind) if kind == "dormant" else getattr(p, kind),
            "note": f"{p.active:,} active",
        }
        for p in periods
        for kind in STATES
    ]
    ends = [
        {"label": name(p.start_on, scope.grain), "net": p.active, "note": f"{p.times:,} orders" if p.times else ""}
        for p in periods
    ]
    return pd.DataFrame(bars), pd.DataFrame(ends)


def per_customer(scope: Scope, periods: Sequence[Active]) -> pd.DataFrame:
    """Orders per active customer over time."""
    rows = [
        _point(scope, p.start_on, "", p.per_customer, f"{p.times:,} orders of {p.active:,} customers") for p in periods
    ]
    return pd.DataFrame([r for r in rows if r["value"] is not None], columns=POINT)


def kept(found: Activity) -> pd.DataFrame:
    """Of each group of the breakdown, who came again, over time; where fewer than ten had been active, nothing."""
    rows = []
    for value, periods in found.segments:
        name = named(value)
        for p in periods:
            note = f"{p.kept.numerator:,} of {p.kept.denominator:,}"
            if p.kept.denominator >= FEWEST:
                rows.append(_point(found.scope, p.start_on, name, p.kept.value, note))
    return pd.DataFrame(rows, columns=POINT)


def numbers(found: Activity) -> pd.DataFrame:
    """Of each group of the breakdown, how many were active, over time."""
    rows = [
        _point(found.scope, p.start_on, named(value), p.active, f"{p.new:,} of them new")
        for value, periods in found.segments
        for p in periods
    ]
    return pd.DataFrame(rows, columns=POINT)


def groups(found: Activity) -> pd.DataFrame:
    """The groups by period, in numbers."""
    name = found.scope.calendar.name
    return pd.DataFrame(
        [
            {"Group": named(value), "Period": name(p.start_on, found.scope.grain)}
            | {"Active": p.active}
            | {label: getattr(p, state) for state, label in STATES.items()}
            | {"Came again": p.kept.value}
            for value, periods in found.segments
            for p in periods
        ]
    )


def sums(found: Activity) -> pd.DataFrame:
    """Customers by state in the period and in the one it is compared with."""
    both = (("now", found.periods), ("before", found.comparison.periods if found.comparison else ()))
    return pd.DataFrame(
        [
            {"label": label, "series": series, "value": sum(getattr(p, state) for p in periods)}
            for state, label in STATES.items()
            for series, periods in both
        ]
    )


def day(text: str) -> date:
    """The day that a picture names."""
    return date.fromisoformat(text)


def frequency(pairs: Sequence[tuple[int, int]], n: int, what: str) -> pd.DataFrame:
    """Customers by how often, as bars."""
    last = pairs[-1][0]
    return pd.DataFrame(
        [
            {
                "label": f"{k} {what if k == 1 else what + 's'}{' or more' if k == last else ''}",
                "value": count / n if n else 0.0,
                "note": f"{count:,} of {n:,} customers",
            }
            for k, count in pairs
        ]
    )


def often(found: Frequency) -> str:
    """How many ordered more than once, in words."""
    once = dict(found.orders).get(1, 0)
    return f"{labels.percent((found.n - once) / found.n, 0)} of {found.n:,} buyers ordered more than once"
