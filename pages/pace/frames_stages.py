"""Many stages, months or groups side by side, as frames for charts and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from lifecycle.contrast import Lean, Separation, beside_others
from lifecycle.durations import LifeTable, log_rank
from lifecycle.flow import AGES, Stock
from lifecycle.rates import adjusted
from lifecycle.segments import NOT_SET, Catalog
from lifecycle.stages import StageModel
from lifecycle.stalled import Limit, Stalled, StalledList, by_owner
from lifecycle.time_in_stage import ADVANCED, DAY, Trend
from pages.pace.words_time import band, p_value, quantile
from pages.ui import labels
from pages.ui.labels import ENTITIES, told

MOST_LEANS = 8
WITHIN = (30, 90, 180)  # days
AGE_NAMES = ("up to 7 days", "8–30 days", "31–90 days", "over 90 days")
assert len(AGE_NAMES) == len(AGES)


def named(value: str | None) -> str:
    """A segment's value as people read it."""
    return f"{NOT_SET} not set" if value is None else value


def groups(tables: Mapping[str | None, LifeTable]) -> pd.DataFrame:
    """The values of a segment in one stage, each against all others together (log-rank, corrected for many)."""
    names = sorted(tables, key=lambda name: (-tables[name].n, name or ""))
    rests = {name: rest for name, _, rest in beside_others(tables)}
    tests = [log_rank([tables[name], rests[name]]) for name in names]
    p_values = iter(adjusted([t.p for t in tests if t]))
    rows = []
    for name, test in zip(names, tests, strict=True):
        table = tables[name]
        rows.append(
            {
                "Value": named(name),
                "Stays": table.n,
                "Median": quantile(table, 0.5),
                "95 % band": band(table),
                "p90": quantile(table, 0.9),
                "Advanced within": quantile_of_advance(table),
                "Still open": labels.percent(table.censored / table.n if table.n else None),
                "Against the others": p_value(next(p_values)) if test else "",
            }
        )
    return pd.DataFrame(rows)


def quantile_of_advance(table: LifeTable) -> str:
    """How many advance in all, and when half of those had: `52 %, half by 4.1 days`."""
    share = table.share([ADVANCED], table.longest)
    by = table.time_to([ADVANCED], share / 2) if share else None
    return labels.percent(share, 0) + (f", half by {told(by)}" if by is not None else "")


def separations(found: Sequence[Separation], catalog: Catalog) -> pd.DataFrame:
    """Segments by how far they tell quick stays from slow ones."""
    rows = []
    for s in found:
        segment = catalog.get(s.segment)
        fast, slow = s.fastest, s.slowest
        rows.append(
            {
                "Segment": segment.label if segment else s.segment,
                "Fastest": f"{named(fast[0])}: {quantile(fast[1], 0.5)}" if fast else "",
                "Slowest": f"{named(slow[0])}: {quantile(slow[1], 0.5)}" if slow else "",
                "Log-rank": p_value(s.p),
                "χ² per degree": round(s.strength, 1),
            }
        )
    return pd.DataFrame(rows)


def leans(found: Sequence[Lean], catalog: Catalog) -> pd.DataFrame:
    """Values that are over-represented beyond chance, the most first: label, value, low, high, others, note."""
    rows = []
    for x in [x for x in found if x.is_clear and x.share > x.others][:MOST_LEANS]:
        segment = catalog.get(x.segment)
        note = f"{x.n:,} stays, {p_value(x.p)}"
        label = f"{segment.label if segment else x.segment}: {x.value}"
        rows.append({"label": label, "value": x.share, "low": x.low, "high": x.high, "others": x.others, "note": note})
    return pd.DataFrame(rows)


def trend(found: Trend, q: float) -> pd.DataFrame:
    """A quantile by period of entry, in days: label, value, low, high, on, said, band, note."""
    highs = [high for m in found.months for high in m.table.quantile_band(q) if high is not None]
    known = [m.table.quantile(q) or 0.0 for m in found.months]
    top = max([*highs, *(value * 1.25 for value in known)], default=0.0)  # how far a band goes that has no end
    rows = []
    for month in found.months:
        table, value = month.table, month.table.quantile(q)
        low, high = table.quantile_band(q)
        entered = f"{table.n:,} entered, {table.censored:,} still in it"
        rows.append(
            {
                "label": period_name(month.period, found.scope.grain),
                "value": None if value is None else value / DAY,
                "low": None if value is None or low is None else low / DAY,
                "high": None if value is None else (top if high is None else high) / DAY,
                "on": value is not None and high is None,
                "said": "nobody" if not table.n else "not yet" if value is None else told(value),
                "band": band(table, q) if table.n else "",
                "note": entered,
            }
        )
    frame = pd.DataFrame(rows, columns=["label", "value", "low", "high", "on", "said", "band", "note"])
    return frame.astype({"value": float, "low": float, "high": float, "on": bool})


def period_name(day: object, grain: str) -> str:
    """A period as people read it."""
    return f"{day:%Y}" if grain == "year" else f"{day:%b ’%y}"


def stock(found: Stock) -> pd.DataFrame:
    """The stock by age at the end of each period: label, age, n."""
    rows = [
        {"label": period_name(period, found.scope.grain), "age": name, "n": n}
        for period, by_age in zip(found.periods, found.n, strict=True)
        for name, n in zip(AGE_NAMES, by_age, strict=True)
    ]
    return pd.DataFrame(rows, columns=["label", "age", "n"])


def heaps(found: Stalled, model: StageModel) -> pd.DataFrame:
    """Who has how many stalled in which stage: a row per owner, a column per stage."""
    rows = []
    for owner, own in by_owner(found.heaps).items():
        over = {h.stage: h.over for h in own}
        row: dict[str, object] = {"Owner": "nobody" if owner is None else owner, "Stalled": sum(over.values())}
        row |= {model.stage(limit.stage).label: over.get(limit.stage, 0) for limit in found.limits}
        row["Of all in these stages"] = labels.percent(sum(over.values()) / max(1, sum(h.n for h in own)), 0)
        oldest = max((h.oldest_seconds or 0.0 for h in own), default=0.0)
        row["Longest"] = labels.duration(oldest) if oldest else ""
        if any(h.amount is not None for h in own):
            row["Open deals"] = labels.money(sum(h.amount or 0.0 for h in own))
        rows.append(row)
    return pd.DataFrame(rows)


def stalled(found: StalledList, model: StageModel, limits: Sequence[Limit]) -> pd.DataFrame:
    """The list in words."""
    own = {limit.stage: limit.seconds for limit in limits}
    has_amount = any(s.amount is not None for s in found.stays)
    rows = []
    for s in found.stays:
        row: dict[str, object] = {
            ENTITIES[model.entity]: s.entity_id,
            "Stage": model.stage(s.stage).label,
            "Owner": s.owner or "nobody",
            "Since": labels.instant(s.entered_at),
            "Age": labels.duration(s.age_seconds),
            "Over the limit by": labels.duration(s.counted_seconds - own[s.stage]),
            "Chance to advance": f"{labels.percent(s.chance, 0)} (n = {s.at_risk:,})" if s.chance is not None else "",
        }
        rows.append(row | ({"Open deals": labels.money(s.amount) if s.amount else ""} if has_amount else {}))
    return pd.DataFrame(rows)


def cohorts(found: Trend) -> pd.DataFrame:
    """Arrivals by cohort: how many so far, and the share within 30, 90 and 180 days; blank until seen for so long."""
    rows = []
    for month in found.months:
        table = month.table
        if not table.n:
            continue
        row: dict[str, object] = {
            "Entered": period_name(month.period, found.scope.grain),
            "Journeys": table.n,
            "Arrived": table.ended([ADVANCED]),
            "Left": table.events - table.ended([ADVANCED]),
            "On the way": table.censored,
        }
        for days in WITHIN:
            told = table.seen >= days * DAY
            row[f"In {days} days"] = labels.percent(table.share([ADVANCED], days * DAY)) if told else "not yet"
        rows.append(row)
    return pd.DataFrame(rows)
