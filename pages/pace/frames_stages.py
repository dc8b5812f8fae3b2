"""Many stages, months or groups side by side, as frames for charts and tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from lifecycle.contrast import Lean, Separation, beside_others
from lifecycle.durations import LifeTable, log_rank
from lifecycle.flow import AGES, Flows, Stock
from lifecycle.rates import adjusted
from lifecycle.segments import NOT_SET, Catalog
from lifecycle.stages import StageModel
from lifecycle.stalled import Limit, Stalled, StalledList, by_owner
from lifecycle.time_in_stage import ADVANCED, DAY, Change, StageTimes, Trend, horizon, left_by_exit
from pages.pace.words_time import band, p_value, quantile
from pages.ui import labels
from pages.ui.labels import told

ENTITIES = {"contact": "Contact", "account": "Account", "deal": "Deal"}
MOST_LEANS = 8
WITHIN = (30, 90, 180)  # days
AGE_NAMES = ("up to 7 days", "8–30 days", "31–90 days", "over 90 days")
assert len(AGE_NAMES) == len(AGES)


def named(value: str | None) -> str:
    """A segment's value as people read it."""
    return f"{NOT_SET} not set" if value is None else value


def ranges(found: StageTimes, model: StageModel) -> pd.DataFrame:
    """A row per stage and part, in days, as `charts_pace.ranges` draws it."""
    limits = {s.key: s.limit_days for s in model.progress if s.limit_days}
    tables = [
        (stage, named(value) if found.segments else "", found.part(stage, value))
        for stage in found.stages
        for value in found.segments or (None,)
    ]
    most = max((table.longest for _, _, table in tables), default=0.0) / DAY
    rows = []
    for stage, series, table in tables:
        q25, half, q75, q90 = (table.quantile(q) for q in (0.25, 0.5, 0.75, 0.9))
        low, high = table.quantile_band(0.5)
        if not table.n:
            continue
        naive = table.naive_median
        rows.append(
            {
                "label": model.stage(stage).label,
                "series": series,
                "n": table.n,
                "t": None if half is None else half / DAY,
                "low": None if low is None else low / DAY,
                "high": most if high is None else high / DAY,
                "t25": most if q25 is None else q25 / DAY,
                "t75": most if q75 is None else q75 / DAY,
                "t90": most if q90 is None else q90 / DAY,
                "on": q90 is None,
                "naive": None if naive is None or found.segments else naive / DAY,
                "limit": None if found.segments else limits.get(stage),
                "said": quantile(table, 0.5),
                "band": band(table),
                "middle": f"{quantile(table, 0.25)} to {quantile(table, 0.75)}",
                "most": quantile(table, 0.9),
                "alone": told(naive),
                "target": f"{limits[stage]:g} days" if stage in limits else "",
            }
        )
    numbers = ["t", "low", "high", "t25", "t75", "t90", "naive", "limit"]
    return pd.DataFrame(rows).astype(dict.fromkeys(numbers, float)) if rows else pd.DataFrame()


def every_stage(found: StageTimes, model: StageModel, changed: Sequence[Change[str]]) -> pd.DataFrame:
    """Everything about every stage (and part) as a table; before and p only of the whole."""
    moved = {c.about: c for c in changed}
    rows = []
    for stage in found.stages:  # the whole first, then its parts
        rows.append(_stage(model, stage, "", found.of(stage), moved.get(stage)))
        rows += [_stage(model, stage, named(value), found.part(stage, value), None) for value in found.segments]
    frame = pd.DataFrame(rows)
    empty = [name for name in frame if name in ("Part", "Target", "Before", "Changed") and not frame[name].any()]
    return frame.drop(columns=empty)


def fitting(full: pd.DataFrame) -> pd.DataFrame:
    """The same table with fewer and narrower columns, as wide as a page: what belongs together stands together.

    The mean, which Little's law has beside it, p values, which the sentences tell, and beside parts what the whole was
    before stay in the file.
    """
    out = full.drop(columns="Before", errors="ignore") if "Part" in full else full.copy()
    pairs = zip(out["p25"], out["p75"], strict=True)
    out["p25 – p75"] = [low if low == high else f"{low} – {high}" for low, high in pairs]
    out["Median"] = _bracketed(out["Median"], out["95 % band"])
    if "Before" in out and "Changed" in out:
        out["Before"] = _bracketed(
            out["Before"], ["now " + said.split(",")[0] if said else "" for said in out["Changed"]]
        )
    names = {"Median": "Median (95 %)", "Median of the ended": "Of the ended", "Left by exit": "By exit"}
    shown = ["Stage", "Part", "Stays", "Median", "Before", "p25 – p75", "p90", "Target", "Median of the ended"]
    shown += ["Still open", "Left by exit", "Zero length"]
    return out[[name for name in shown if name in out]].rename(columns=names)


def _bracketed(texts: Iterable[str], more: Iterable[str]) -> list[str]:
    """Each text with what is said beside it in brackets, where that says more."""
    return [f"{text} ({said})" if said not in ("", text) else text for text, said in zip(texts, more, strict=True)]


def _stage(model: StageModel, stage: str, part: str, table: LifeTable, change: Change[str] | None) -> dict[str, object]:
    own = model.stage(stage)
    return {
        "Stage": own.label,
        "Part": part,
        "Stays": table.n,
        "Median": quantile(table, 0.5),
        "95 % band": band(table) if table.n else "",
        "p25": quantile(table, 0.25),
        "p75": quantile(table, 0.75),
        "p90": quantile(table, 0.9),
        "Target": f"{own.limit_days:g} days" if own.limit_days else "",
        "Median of the ended": told(table.naive_median),
        "Still open": labels.percent(table.censored / table.n if table.n else None),
        "Left by exit": labels.percent(left_by_exit(table, model).value),
        "Zero length": labels.percent(table.zero / table.n if table.n else None),
        "Mean within a year": labels.duration(table.restricted_mean(horizon(table))) if table.n else "",
        "Before": quantile(change.before, 0.5) if change else "",
        "Changed": f"{'slower' if change.is_slower else 'faster'}, {p_value(change.p)}"
        if change and change.is_clear
        else "",
    }


def little(found: Flows, means: Mapping[str, float], model: StageModel) -> pd.DataFrame:
    """Little's law beside the mean time in each stage, in seconds: stock ÷ throughput where flow is steady."""
    rows = []
    for f in found.rows:
        rows.append(
            {
                "Stage": model.stage(f.stage).label,
                "Entered": f.entered,
                "Left": f.left,
                "In it on average": round(f.mean_stock),
                "Flow": "steady" if f.is_steady else "grows" if f.entered > f.left else "shrinks",
                "Stock ÷ throughput": "" if f.little_seconds is None else labels.duration(f.little_seconds),
                "Mean within a year": labels.duration(means[f.stage]) if f.stage in means else "",
            }
        )
    return pd.DataFrame(rows)


def means(found: StageTimes) -> dict[str, float]:
    """Mean time in each stage within a year, in seconds, of the stages that anybody entered."""
    tables = {stage: found.of(stage) for stage in found.stages}
    return {stage: table.restricted_mean(horizon(table)) for stage, table in tables.items() if table.n}


def groups(tables: Mapping[str | None, LifeTable]) -> pd.DataFrame:
    """The values of a segment in one stage, each against all others together (log-rank, corrected for many)."""
    names = sorted(tables, key=lambda name: -tables[name].n)
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
