"""Answers about value and cost as frames, for charts and tables."""

from __future__ import annotations

from datetime import date

import pandas as pd

from lifecycle.periods import GRAINS
from lifecycle.prediction import MANY, HoldOut, SubscriptionValue
from lifecycle.rates import FEW, points
from lifecycle.retention_words import named
from lifecycle.value import AGES, MONTH_DAYS, ORDERED, YEAR, Acquired, Acquisition, Aged, Historic, added, course_of
from lifecycle.volumes import is_over
from pages.customers.frames_loyalty import period_name
from pages.ui import labels
from pages.ui.picture import ALL

CURVE = ["series", "t", "value", "note"]
MOST_COHORTS = 26  # rows of the heat map


def brought(found: Historic, margin: float) -> str:
    """What a customer has brought by a year, or as far as it has been seen."""
    age = min(found.whole.longest, YEAR)
    value = found.whole.per_customer(age) if age else None
    if value is None or is_unpriced(found):
        return "What do customers bring?"
    return f"A customer brings {labels.money(value * margin)} in the first {age} months"


def is_unpriced(found: Historic) -> bool:
    """Whether customers have been seen but no money of theirs is known: orders without amounts."""
    months = found.whole.months
    return bool(months) and not any(amount for _, amount in months.values())


def value_curves(found: Historic, margin: float) -> pd.DataFrame:
    """Cumulative margin per customer by age: of all together, and of each segment value."""
    groups = [(ALL, found.whole), *((named(value), aged) for value, aged in found.rows)]
    return pd.DataFrame([row for name, aged in groups for row in _curve(name, aged, margin)], columns=CURVE)


def _curve(name: str, aged: Aged, margin: float) -> list[tuple[str, int, float, str]]:
    if not aged.longest:
        return []
    rows = [(name, 0, 0.0, f"{aged.n:,} customers")]
    for age in range(1, aged.longest + 1):
        value = aged.per_customer(age) or 0.0
        rows.append((name, age, value * margin, f"the last month from {aged.months[age - 1][0]:,} customers"))
    return rows


def few_cohorts(found: Historic) -> list[tuple[str, Aged]]:
    """The cohorts with customers by name; of more than fit a screen, those of longer periods."""
    calendar, grain = found.scope.calendar, found.scope.grain
    groups = [(day, [aged]) for day, aged in found.cohorts if aged.n]
    for longer in GRAINS[GRAINS.index(grain) + 1 :]:
        if len(groups) <= MOST_COHORTS:
            break
        grain, merged = longer, dict[date, list[Aged]]()
        for day, parts in groups:
            merged.setdefault(calendar.floor(day, longer), []).extend(parts)
        groups = list(merged.items())
    return [(period_name(grain, day), added(parts)) for day, parts in groups]


def value_cohorts(found: Historic, margin: float) -> pd.DataFrame:
    """Margin per customer of each cohort by N days; None until all of it are as old."""
    groups = few_cohorts(found)
    rows = []
    for name, aged in groups:
        for age in AGES:
            value = aged.n_days(age)
            rows.append(
                {
                    "row": f"{name} ({aged.n:,})",
                    "column": f"{age * MONTH_DAYS} days",
                    "value": None if value is None else value * margin,
                    "note": f"{aged.n:,} customers",
                }
            )
    frame = pd.DataFrame(rows, columns=["row", "column", "value", "note"])
    reached = frame.dropna(subset=["value"])["column"].unique()
    return frame[frame["column"].isin(reached)]


def cohorts_title(found: Historic, margin: float) -> str:
    """Between what cohorts have brought at the oldest age that enough are at, and whether later ones bring more."""
    groups = [aged for _, aged in few_cohorts(found) if aged.n >= FEW]
    known = [(age, [v * margin for g in groups if (v := g.n_days(age)) is not None]) for age in AGES]
    reached = [pair for pair in known if len(pair[1]) > 1]
    if not reached or is_unpriced(found):
        return "What has each cohort brought?"
    age, values = next((pair for pair in reversed(reached) if len(pair[1]) >= ORDERED), reached[-1])
    said = f"{labels.money(min(values))} to {labels.money(max(values))} a customer"
    way = {1: "more", -1: "less"}.get(course_of(values))
    if way is None:
        return f"In their first {age * MONTH_DAYS} days cohorts have brought {said}, with no clear trend"
    return f"The later a cohort, the {way} it brings in its first {age * MONTH_DAYS} days: {said}"


def costs(found: Acquisition, margin: float, label: str) -> pd.DataFrame:
    """What each value costs and brings, as a table."""
    rows = [("All", found.whole), *((named(r.value), r) for r in found.rows)]
    return pd.DataFrame([_cost(label, name, r, margin) for name, r in rows])


def _cost(label: str, name: str, r: Acquired, margin: float) -> dict[str, object]:
    ratio, pays = r.ratio(margin), r.payback(margin)
    year = r.aged.per_customer(YEAR)
    return {
        label: name,
        "New": r.customers,
        "Spend": labels.money(r.spend),
        "CAC": labels.money(r.cac),
        "First year": labels.money(None if year is None else year * margin),
        "LTV so far": labels.money(r.worth(margin)),
        "Seen": f"{r.aged.longest} mo",
        "LTV:CAC": labels.UNDEFINED if ratio is None else f"{ratio:.2f}",
        "Payback": f"{pays} mo" if pays else "not yet",
    }


def cost_trend(found: Acquisition) -> pd.DataFrame:
    """Cost of a new customer by cohort, immature while it is not over; cohorts without customers are left out."""
    scope = found.scope
    rows = []
    for day, r in found.cohorts:
        if r.cac is not None:
            note = f"{labels.money(r.spend)} ÷ {r.customers:,} customers"
            rows.append((day, period_name(scope.grain, day), r.cac, not is_over(scope, day), note))
    return pd.DataFrame(rows, columns=["period", "name", "value", "immature", "note"])


def payback(found: Acquisition, margin: float) -> pd.DataFrame:
    return pd.DataFrame(_curve("All", found.whole.aged, margin), columns=CURVE)


def cost_line(found: Acquisition) -> pd.DataFrame:
    """The cost of a new customer as a line across."""
    cac = found.whole.cac
    lines = [] if cac is None else [{"level": cac, "label": f"cost of a new customer {labels.money(cac)}"}]
    return pd.DataFrame(lines, columns=["level", "label"])


def held(found: HoldOut) -> pd.DataFrame:
    """Predicted and actual purchases per customer, by purchases before the cut."""
    rows = []
    for r in found.rows:
        label, note = f"{r.x}+" if r.x == MANY else f"{r.x}", f"{r.customers:,} customers"
        rows.append((label, "Predicted", r.predicted / r.customers, note))
        rows.append((label, "Actual", r.actual / r.customers, note))
    return pd.DataFrame(rows, columns=["label", "series", "value", "note"])


def kept(found: SubscriptionValue) -> pd.DataFrame:
    """Share still subscribed by month: seen, fitted, and fitted to the first half alone."""
    rows = [("Seen (Kaplan–Meier)", t, share, "seen") for t, share in sorted(found.seen.items())]
    last = max(found.months, max(found.seen))
    for name, model in (("Predicted", found.model), (f"Predicted from {found.held_from} months", found.early)):
        if model is not None:
            dash = "predicted" if model is found.early else "seen"
            rows += [(name, t, model.survival(t), dash) for t in range(last + 1)]
    return pd.DataFrame(rows, columns=["series", "t", "value", "dash"])


def kept_title(found: SubscriptionValue) -> str:
    """How good the prediction from the first half was, at the last month seen."""
    if found.model is None:
        return "Too few have left to predict how long subscribers stay"
    last = max(found.seen)
    if found.early is None or last <= found.held_from:
        return f"{found.model.survival(12) * 100:.0f} % are expected to stay a year"
    off = found.early.survival(last) - found.seen[last]
    return (
        f"{found.model.survival(12) * 100:.0f} % are expected to stay a year; from {found.held_from} months alone, "
        f"month {last} is off by {points(off)}"
    )
