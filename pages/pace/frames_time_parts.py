"""Time in stage part by part, and beside another period, as frames for charts and tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from lifecycle.durations import OPEN, joined
from lifecycle.flow import Stock, older
from lifecycle.parts import Part
from lifecycle.rates import LEVEL
from lifecycle.stages import StageModel
from lifecycle.stalled import Heap, Stalled, stalled_of
from lifecycle.time_in_stage import DAY, Change, Month, StageTimes, Trend, outcomes
from lifecycle.ways_out import Gap, Share, gone
from pages.pace import frames_stages as frames
from pages.pace.frames_parts import difference
from pages.pace.frames_stages import named, period_name
from pages.pace.words_time import band, outcome, p_value, quantile
from pages.ui import labels

ALL = "All"


def beside(rows: pd.DataFrame, months: Sequence[Month], whose: str, grain: str, q: float) -> pd.DataFrame:
    """A trend with what it is compared with in grey, period by period in the same place: beside, beside_said."""
    told = [(f"{whose}, {period_name(m.period, grain)}", m.table) for m in months[: len(rows)]]
    halves = [table.quantile(q) for _, table in told]
    said = [f"{name}: {quantile(table, q)}" if table.n else "" for name, table in told]
    missing = len(rows) - len(told)
    days = [float("nan") if half is None else half / DAY for half in halves] + [float("nan")] * missing
    return rows.assign(beside=days, beside_said=said + [""] * missing)


def trend_of(found: Trend, part: Part[tuple[Month, ...]], q: float) -> pd.DataFrame:
    """The trend of one part, with the whole in grey."""
    own = Trend(found.scope, found.stage, part.answer)
    return beside(frames.trend(own, q), found.months, "All together", found.scope.grain, q)


def drifts(found: Trend, by: str) -> pd.DataFrame:
    """Each part over the whole time: how long its stays take, and whether that changed from period to period."""
    rows = []
    each = [(ALL, found.months, None), *((named(p.name), p.answer, p) for p in found.parts)]
    tests = dict(zip((p.name for p in found.parts), found.drifts, strict=True))
    for name, months, part in each:
        table = joined(m.table for m in months)
        known = [(half, m) for m in months if (half := m.table.quantile(0.5)) is not None]
        ends = (min(known, key=lambda k: k[0]), max(known, key=lambda k: k[0])) if known else None
        p = tests[part.name] if part else None
        rows.append(
            {
                by: name,
                "Stays": table.n,
                "Median": quantile(table, 0.5),
                "95 % band": band(table) if table.n else "",
                "p90": quantile(table, 0.9),
                "Quickest": _at(ends[0][1], found) if ends else "",
                "Slowest": _at(ends[1][1], found) if ends else "",
                "Over time": "" if p is None else f"changes, {p_value(p)}" if p < LEVEL else f"chance, {p_value(p)}",
            }
        )
    return pd.DataFrame(rows)


def _at(month: Month, found: Trend) -> str:
    return f"{quantile(month.table, 0.5)} ({period_name(month.period, found.scope.grain)})"


def beside_before(found: Trend) -> pd.DataFrame:
    """Each period beside the one in the same place before, watched for equally long."""
    assert found.comparison is not None
    moved = {c.about: c for c in found.changes}
    rows = []
    for now, then in zip(found.months, found.comparison.months, strict=False):
        change = moved.get(now.period)
        rows.append(
            {
                "Entered": period_name(now.period, found.scope.grain),
                "Stays": now.table.n,
                "Median": quantile(now.table, 0.5),
                "95 % band": band(now.table) if now.table.n else "",
                "p90": quantile(now.table, 0.9),
                "Compared with": period_name(then.period, found.scope.grain),
                "Stays then": then.table.n,
                "Median then": quantile(then.table, 0.5),
                "p90 then": quantile(then.table, 0.9),
                "Change": _way(change) if change else "",
            }
        )
    return pd.DataFrame(rows)


def _way(change: Change[Any]) -> str:
    way = ("slower" if change.is_slower else "faster") if change.is_clear else "chance"
    return f"{way}, {p_value(change.p)}"


def stock_of(found: Stock, part: Part[tuple[tuple[int, ...], ...]]) -> pd.DataFrame:
    """The stock by age of one part."""
    return frames.stock(Stock(found.scope, found.stage, found.periods, part.answer))


def standing(found: Stock, by: str) -> pd.DataFrame:
    """Who of each part stands in the stage at the last end, by age: the parts add up to the last row."""
    oldest = max(older(found.n))
    apart = {c.values: c for c in found.contrasts if c.about == oldest}
    rows = []
    for name, values, n in [*((named(p.name), p.values, p.answer) for p in found.parts), (ALL, (), found.n)]:
        ages: tuple[int, ...] = n[-1] if n else (0,) * len(frames.AGE_NAMES)
        share, standing_now = older(n)[oldest], sum(ages)
        few = " (few)" if share.few and standing_now else ""
        rows.append(
            {
                by: name,
                "In it": standing_now,
                **dict(zip(frames.AGE_NAMES, ages, strict=True)),
                f"Share over {oldest} days": labels.percent(share.value) + few,
                "To all others": difference(apart.get(values)),
            }
        )
    return pd.DataFrame(rows)


def stalled_parts(found: Stalled, model: StageModel, by: str) -> pd.DataFrame:
    """How many of each part stalled, in which stages: the parts add up to the last row."""
    apart = {c.values: c for c in found.contrasts if c.about is None}
    rows = []
    for name, values, heaps in [*((named(p.name), p.values, p.answer) for p in found.parts), (ALL, (), found.heaps)]:
        rows.append(_stalled(found, model, {by: name}, heaps) | {"To all others": difference(apart.get(values))})
    return pd.DataFrame(rows)


def _stalled(found: Stalled, model: StageModel, row: dict[str, object], heaps: Sequence[Heap]) -> dict[str, object]:
    share = stalled_of(heaps)
    few = " (few)" if share.few and share.denominator else ""
    row |= {"Stalled": share.numerator, "In these stages": share.denominator}
    row |= {"Share": labels.percent(share.value) + few}
    row |= {model.stage(x.stage).label: stalled_of(heaps, x.stage).numerator for x in found.limits}
    if any(h.amount is not None for h in heaps):
        row["Open deals"] = labels.money(sum(h.amount or 0.0 for h in heaps))
    return row


def gaps(found: Sequence[Gap], said: Callable[[str], str]) -> pd.DataFrame:
    """Differences between the shares that have gone a way by a time, as `charts_funnel.changes` draws them.

    `said`: a way in words.
    """
    rows = []
    for gap in found:
        way = said(gap.outcome)
        label = f"{named(gap.name)}: {way.lower()}" if gap.is_part else way
        rows.append(
            {
                "label": label,
                "value": gap.difference.value * 100,
                "low": gap.difference.low * 100,
                "high": gap.difference.high * 100,
                "clear": gap.clear,
                "welcome": gap.outcome == "advanced",
                "note": labels.points(gap.difference),
                "rates": f"{labels.percent(gap.here.value)} against {labels.percent(gap.there.value)}",
                "band": _band(gap.here),
                "n": gap.here.n,
                "other_band": _band(gap.there),
                "other_n": gap.there.n,
            }
        )
    return pd.DataFrame(rows)


def _band(share: Share) -> str:
    low, high = share.interval
    return f"{low * 100:.1f}–{high * 100:.1f} %"


def ways_table(found: StageTimes, stage: str, model: StageModel, seconds: float) -> pd.DataFrame:
    """Where the stays of each part are after a time: a row per part and way, with its share and interval."""
    rows = []
    ways = [*outcomes([found.of(stage)], model), OPEN]
    for name, table in [*((named(v), found.part(stage, v)) for v in found.segments), (ALL, found.of(stage))]:
        for way, share in ((way, gone(table, way, seconds)) for way in ways):
            low, high = share.interval if share else (None, None)
            told = {"part": name, "stays": table.n, "within": labels.duration(seconds), "way": outcome(way, model)}
            rows.append(told | {"share": share.value if share else None, "low": low, "high": high})
    return pd.DataFrame(rows)
