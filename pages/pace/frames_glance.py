"""Every stage at a glance, as frames: for the picture, the table, and the check by Little's law."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from lifecycle.durations import LifeTable
from lifecycle.flow import Flows
from lifecycle.stages import StageModel
from lifecycle.time_in_stage import DAY, Change, StageTimes, horizon, left_by_exit
from pages.pace.frames_stages import named
from pages.pace.words_time import band, p_value, quantile
from pages.ui import labels
from pages.ui.labels import told


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
