"""Answers about repeat business and recommendation as frames, for charts and tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd

from lifecycle.durations import LifeTable
from lifecycle.loyalty import AGES, Buyers, Ladder, Repeat
from lifecycle.nps import Nps, Satisfaction, group_of
from lifecycle.rates import Rate
from lifecycle.referrals import Loop
from lifecycle.retention_words import named
from lifecycle.rfm import Rfm
from pages.ui import labels
from queries.contacts import Records

DAY = 86_400
LEAST = 10  # customers under a curve; where fewer are left, it ends
RECENT = {"active": "Active", "cooling": "Cooling", "away": "Away"}
OFTEN = {"once": "Bought once", "some": "2–3 times", "often": "4 times and more"}
CURVE = ["series", "t", "value", "low", "high", "note"]


def period_name(grain: str, day: date) -> str:
    """A period as people call it: `Feb 2026`, `Q1 2026`, `2026`, or its first day."""
    if grain == "quarter":
        return f"Q{(day.month - 1) // 3 + 1} {day.year}"
    return {"month": f"{day:%b %Y}", "year": f"{day.year}"}.get(grain, labels.day(day))


def rising(tables: Mapping[str, LifeTable], horizon: int) -> pd.DataFrame:
    """Curves of the share that has bought again, by days, up to the horizon and as long as ten are seen."""
    rows = []
    for name, table in tables.items():
        if table.n:
            rows.append((name, 0.0, 0.0, 0.0, 0.0, f"{table.n:,} customers"))
        rows += [
            (name, p.seconds / DAY, 1 - p.survival, 1 - p.high, 1 - p.low, f"{p.at_risk:,} seen so long")
            for p in table.curve
            if p.seconds / DAY <= horizon and p.at_risk >= LEAST
        ]
    return pd.DataFrame(rows, columns=CURVE)


def falling(tables: Mapping[str, LifeTable], said: Mapping[str, str]) -> pd.DataFrame:
    """Curves of the share that is still there, by days, as long as ten are seen."""
    rows = []
    for name, table in tables.items():
        rows += [(said[name], 0.0, 1.0, 1.0, 1.0, f"{table.n:,} customers")] if table.n else []
        rows += [
            (said[name], p.seconds / DAY, p.survival, p.low, p.high, f"{p.at_risk:,} seen so long")
            for p in table.curve
            if p.at_risk >= LEAST
        ]
    return pd.DataFrame(rows, columns=CURVE)


def repeat_table(found: Buyers) -> pd.DataFrame:
    """Repeat purchase rates of each cohort at every age; empty where nobody is old enough, marked where not all are."""
    groups = [("All", found.whole)]
    groups += [(period_name(found.scope.grain, day), group) for day, group in found.cohorts]
    return pd.DataFrame([{"First purchase": name, "Customers": g.n} | ages(g) for name, g in groups])


def ages(group: Repeat) -> dict[str, str]:
    """Per age the rate, with an asterisk where some are too young for it."""
    return {
        f"{age} days": ""
        if group.rate(age).value is None
        else f"{labels.percent(group.rate(age).value)}{'' if group.is_complete(age) else ' *'}"
        for age in AGES
    }


def repeat_trend(found: Buyers, age: int) -> pd.DataFrame:
    """The rate at one age by cohort, with its interval; cohorts in which nobody is old enough are left out."""
    rows = [
        rate_point(day, period_name(found.scope.grain, day), group.rate(age), not group.is_complete(age))
        for day, group in found.cohorts
        if group.rate(age).value is not None
    ]
    return pd.DataFrame(rows, columns=["period", "name", "value", "low", "high", "immature", "note"])


def rate_point(day: date, name: str, rate: Rate, immature: bool) -> dict[str, object]:
    low, high = rate.interval or (None, None)
    note = f"{rate.numerator:,} of {rate.denominator:,}{' · not all are old enough' if immature else ''}"
    return {
        "period": day,
        "name": name,
        "value": rate.value,
        "low": low,
        "high": high,
        "immature": immature,
        "note": note,
    }


def rate_bars(rates: list[tuple[str, Rate]]) -> pd.DataFrame:
    """Rates with intervals as bars; undefined ones are left out."""
    rows = []
    for name, rate in rates:
        if rate.value is not None:
            low, high = rate.interval or (None, None)
            note = f"{rate.numerator:,} of {rate.denominator:,}"
            rows.append({"label": name, "value": rate.value, "low": low, "high": high, "note": note})
    return pd.DataFrame(rows, columns=["label", "value", "low", "high", "note"])


def ladder(found: Ladder) -> pd.DataFrame:
    """The last steps of the lifecycle, each with its share of the one before."""
    steps = [("Bought", found.bought, ""), ("Came back", found.again, "who bought")]
    steps += [] if found.promoters is None else [("Recommend", found.promoters, "who came back")]
    rates = [None, found.repeat_rate, found.promoter_rate]
    rows = []
    for (name, n, of), rate in zip(steps, rates, strict=False):
        share = labels.percent(rate.value, 0) if rate else ""
        rows.append({"label": name, "n": n, "note": f"{share} of those {of}" if rate else "", "short": share})
    return pd.DataFrame(rows)


def groups(found: Rfm) -> pd.DataFrame:
    """The nine groups as cells, the most recent and frequent first."""
    rows = []
    for recency in RECENT:
        for frequency in OFTEN:
            g = found.of(recency, frequency)
            share = g.revenue / found.revenue if found.revenue else 0.0
            rows.append(
                {
                    "recency": recency,
                    "frequency": frequency,
                    "recent": RECENT[recency],
                    "often": OFTEN[frequency],
                    "name": g.name,
                    "advice": g.advice,
                    "customers": g.customers,
                    "share": share,
                    "said": f"{g.customers:,} customers",
                    "worth": f"{share * 100:.0f} % of revenue" if found.revenue else "",
                }
            )
    return pd.DataFrame(rows)


def advice(found: Rfm) -> pd.DataFrame:
    """What to do about each group, the one with the most revenue first."""
    ranked = sorted((g for g in found.groups if g.customers), key=lambda g: -g.revenue)
    return pd.DataFrame(
        [
            {
                "Group": g.name,
                "What to do": g.advice,
                "Customers": g.customers,
                "Revenue": labels.money(g.revenue) if found.revenue else labels.UNDEFINED,
                "Each": labels.money(g.value) if found.revenue else labels.UNDEFINED,
            }
            for g in ranked
        ]
    )


def buyers(found: Records, entity: str) -> pd.DataFrame:
    """A page of the customers of one group."""
    return pd.DataFrame(
        [
            {
                entity: r["customer_id"],
                "Last purchase": labels.day(r["last_at"]),
                "Days ago": r["days_ago"],
                "Days with an order": r["purchases"],
                "Revenue": labels.money(r["cents"] / 100),
            }
            for r in found.table.to_pylist()
        ]
    )


def score_trend(found: Satisfaction) -> pd.DataFrame:
    """The score by period with its interval; periods without answers are left out."""
    rows = []
    for day, nps in found.trend:
        if nps.interval:
            low, high = nps.interval
            name = period_name(found.scope.grain, day)
            rows.append((day, name, nps.value, low, high, f"n = {nps.n:,}{' · few' if nps.few else ''}"))
    return pd.DataFrame(rows, columns=["period", "name", "value", "low", "high", "note"])


def scores(nps: Nps) -> pd.DataFrame:
    """Respondents by score, every score from 0 to 10."""
    n = nps.n or 1
    rows = [(s, group_of(s), nps.scores.get(s, 0), nps.scores.get(s, 0) / n) for s in range(11)]
    return pd.DataFrame(rows, columns=["score", "mood", "n", "share"])


def score_rows(found: Satisfaction) -> pd.DataFrame:
    """The score of each segment value with its interval."""
    rows = []
    for value, nps in found.rows:
        if nps.interval and nps.value is not None:
            rows.append((named(value), nps.value, *nps.interval, f"n = {nps.n:,}{' · few' if nps.few else ''}"))
    return pd.DataFrame(rows, columns=["label", "value", "low", "high", "note"])


def reach(found: Loop) -> pd.DataFrame:
    """How far the referred come beside all others: bars in pairs."""
    rows = []
    for r in found.reach:
        for name, rate in (("Referred", r.referred), ("All others", r.others)):
            frame = rate_bars([(r.label, rate)])
            rows += frame.assign(series=name).to_dict("records")
    return pd.DataFrame(rows, columns=["label", "value", "low", "high", "note", "series"])


def generations(found: Loop) -> list[tuple[str, int, str]]:
    """Referred entities by generation, and how many of each bought."""
    return [
        (f"Generation {g.number}", g.referred, f"{g.customers:,} bought ({labels.percent(g.rate.value)})")
        for g in found.generations
    ]


def unasked(found: Records, entity: str) -> pd.DataFrame:
    """A page of promoters who have referred nobody."""
    return pd.DataFrame(
        [
            {entity: r["customer_id"], "Score": int(r["score"]), "Answered": labels.day(r["at"])}
            for r in found.table.to_pylist()
        ]
    )
