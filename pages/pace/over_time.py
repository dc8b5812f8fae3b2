"""One stage over time: whether it gets slower, for whom, and how old its stock is."""

from __future__ import annotations

from functools import partial

import pandas as pd

from lifecycle.durations import log_rank
from lifecycle.rates import LEVEL
from lifecycle.time_in_stage import Trend
from pages.pace import frames_stages as frames
from pages.pace import frames_time_parts as parted
from pages.pace import words_time as words
from pages.pace.choices import Choices, choices, quantile, segment_label
from pages.pace.standing import standing
from pages.ui import charts_pace, labels
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card
from pages.ui.picture import Picture
from queries.durations import trend


def over_time(v: View) -> None:
    """The pace of those who entered, and the stock of those who stay."""
    chosen = choices(v, axis=False)
    paced = ask(trend, v.modelled, v.scope, chosen.stage, chosen.skip_zero)
    grey = "; grey: the compared period" if not isinstance(paced, Failure) and paced.comparison else ""
    card(
        _pace(paced, chosen.label),
        lambda: paced,
        months,
        caption="By when they entered, with 95 % bands; ▴ the band has no end yet, “not yet”: too few have left so far"
        + grey,
        definition=trend,
        empty="Of no period have enough left so far, or all of them within an hour.",
        height=300,
        key="pace-trend",
    )
    if not isinstance(paced, Failure):
        if paced.comparison:
            card(
                _before(paced, chosen.label),
                lambda: paced,
                parted.beside_before,
                caption="Each period beside the one in the same place before, watched for equally long; log-rank, "
                "corrected for looking at all of them",
                definition=Trend.changes.__doc__ or "",
                key="pace-before",
            )
        if paced.parts:
            each(v, paced, chosen)
    standing(v, chosen)


def months(found: Trend) -> dict[str, Picture]:
    named = {"Half have left within": 0.5, "Nine in ten have left within": 0.9}
    known = {name: q for name, q in named.items() if any(m.table.quantile(q) for m in found.months)}
    return {name: charts_pace.paces(_beside(found, q)) for name, q in known.items()}


def _beside(found: Trend, q: float) -> pd.DataFrame:
    rows, before = frames.trend(found, q), found.comparison
    return parted.beside(rows, before.months, "Before", found.scope.grain, q) if before else rows


def each(v: View, paced: Trend, chosen: Choices) -> None:
    """The parts of the breakdown beside each other, on one scale."""
    by = segment_label(v)
    q = quantile()
    card(
        _drift(paced, chosen.label, by),
        lambda: paced,
        partial(panels, q),
        caption=f"Days within which {'half' if q == 0.5 else 'nine in ten'} have left, all on one scale; "
        "grey: all together",
        definition=Trend.drifts.__doc__ or "",
        empty="Of no value have enough left so far, or all of them within an hour.",
        key=f"pace-parts-{q}",
    )
    card(
        f"How long do they stay in {chosen.label}, by {by.lower()}?",
        lambda: paced,
        lambda answer: parted.drifts(answer, by),
        caption="Over time: whether the pace changes from period to period by more than chance (log-rank, corrected)",
        definition=Trend.drifts.__doc__ or "",
        key="pace-parts-table",
    )


def panels(q: float, found: Trend) -> dict[str, Picture]:
    drawn = {frames.named(p.name): parted.trend_of(found, p, q) for p in found.parts}
    known = {name: rows for name, rows in drawn.items() if rows["value"].notna().any()}
    if not any((rows["value"] > 0).any() for rows in known.values()):
        return {}
    ends = (pd.concat([rows["value"], rows["beside"], rows["high"][~rows["on"]]]) for rows in known.values())
    top = max((float(each.max()) for each in ends), default=0.0)
    capped = {name: rows.assign(high=rows["high"].clip(upper=top)) for name, rows in known.items()}
    return {name: charts_pace.paces(rows, top=top, height=200) for name, rows in capped.items()}


def _pace(found: Trend | Failure, label: str) -> str:
    if isinstance(found, Failure):
        return f"{label} by month of entry"
    known = [m for m in found.months if m.table.quantile(0.5) is not None]
    if not known:
        return f"Of no period have half left {label} yet"
    tables = [m.table for m in found.months if m.table.n]
    test = log_rank(tables)
    if test is None or test.p >= LEVEL:
        return f"Time in {label} has not changed beyond chance from period to period"
    slow, fast = (pick(known, key=lambda m: m.table.quantile(0.5) or 0.0) for pick in (max, min))
    if fast.table.quantile(0.5) == slow.table.quantile(0.5):
        return f"Time in {label} differs between periods, though half left within {words.half(fast.table)} in each"
    ends = [
        f"{words.within(m.table.quantile(0.5))} in {frames.period_name(m.period, found.scope.grain)}"
        for m in (fast, slow)
    ]
    return f"Time in {label} differs between periods: half left within {' and '.join(ends)}"


def _before(found: Trend, label: str) -> str:
    clear = [c for c in found.changes if c.is_clear]
    if not clear:
        return f"In no {found.scope.grain} does the pace of {label} differ from before by more than chance"
    slower = sum(c.is_slower for c in clear)
    counts = [f"{n} {way}" for n, way in ((slower, "slower"), (len(clear) - slower, "faster")) if n]
    return f"{label} beside before: of {len(found.changes)} {found.scope.grain}s {' and '.join(counts)} beyond chance"


def _drift(found: Trend, label: str, by: str) -> str:
    sure = [
        frames.named(part.name)
        for part, p in zip(found.parts, found.drifts, strict=True)
        if p is not None and p < LEVEL
    ]
    if not sure:
        return f"Of no {by.lower()} has the time in {label} changed beyond chance from period to period"
    if len(sure) == len(found.parts) > 1:
        return f"Time in {label} changes from period to period in every {by.lower()}"
    return f"Time in {label} changes from period to period in {labels.listed(sure)}"
