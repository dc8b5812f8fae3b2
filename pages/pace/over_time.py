"""One stage over time: whether it gets slower, and how old its stock is."""

from __future__ import annotations

from lifecycle.durations import log_rank
from lifecycle.flow import Stock
from lifecycle.time_in_stage import LEVEL, Trend
from pages.pace import frames_stages as frames
from pages.pace import words_time as words
from pages.pace.choices import choices
from pages.ui import charts_pace, labels
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card
from pages.ui.picture import Picture
from queries.durations import trend
from queries.flow import stock_by_age


def over_time(v: View) -> None:
    """The pace of those who entered, and the stock of those who stay."""
    chosen = choices(v, axis=False)
    paced = ask(trend, v.modelled, v.scope, chosen.stage, chosen.skip_zero)
    card(
        _pace(paced, chosen.label),
        lambda: paced,
        months,
        caption="By when they entered, with 95 % bands; ▴ the band has no end yet, “not yet”: too few have left so far",
        definition=trend,
        empty="Of no period have enough left so far.",
        height=300,
        key="pace-trend",
    )
    stock = ask(stock_by_age, v.modelled, v.scope, chosen.stage)
    card(
        _stock(stock, chosen.label),
        lambda: stock,
        ages,
        caption="Who is in the stage at the end of each period, by how long they have been in it",
        definition=stock_by_age,
        height=300,
        key="stock-by-age",
    )


def months(found: Trend) -> dict[str, Picture]:
    named = {"Half have left within": 0.5, "Nine in ten have left within": 0.9}
    known = {name: q for name, q in named.items() if any(m.table.quantile(q) is not None for m in found.months)}
    return {name: charts_pace.paces(frames.trend(found, q)) for name, q in known.items()}


def ages(found: Stock) -> Picture | None:
    return charts_pace.stock(frames.stock(found)) if any(any(n) for n in found.n) else None


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


def _stock(found: Stock | Failure, label: str) -> str:
    if isinstance(found, Failure) or not found.n or not sum(found.n[-1]):
        return f"Who stands in {label}"
    total, old = sum(found.n[-1]), found.n[-1][-1]
    return f"{total:,} are in {label}, {labels.percent(old / total, 0)} of them for over 90 days"
