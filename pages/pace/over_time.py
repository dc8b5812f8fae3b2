"""One stage over time: whether it gets slower, and how old its stock is."""

from __future__ import annotations

import streamlit as st

from lifecycle.flow import Stock
from lifecycle.time_in_stage import Trend
from pages.pace import frames_stages as frames
from pages.pace.choices import choices
from pages.ui import charts, charts_pace, labels
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
    left, right = st.columns(2, gap="small")
    paced = ask(trend, v.modelled, v.scope, chosen.stage, chosen.skip_zero)
    with left:
        card(
            _pace(paced, chosen.label),
            lambda: paced,
            months,
            caption="Median and p90 in days, by when they entered; dashed while the band has no end yet",
            definition=trend,
            table=frames.trend,
            height=320,
            key="pace-trend",
        )
    stock = ask(stock_by_age, v.modelled, v.scope, chosen.stage)
    with right:
        card(
            _stock(stock, chosen.label),
            lambda: stock,
            ages,
            caption="Who is in the stage at the end of each period, by how long they have been in it",
            definition=stock_by_age,
            height=320,
            key="stock-by-age",
        )


def months(found: Trend) -> Picture | None:
    rows = frames.trend(found)
    return charts.trend(rows, style=",.1f", title="days", height=300) if rows["value"].notna().any() else None


def ages(found: Stock) -> Picture | None:
    return charts_pace.stock(frames.stock(found)) if any(any(n) for n in found.n) else None


def _pace(found: Trend | Failure, label: str) -> str:
    if isinstance(found, Failure):
        return f"{label} by month of entry"
    waiting = [m for m in found.months if m.table.n and m.table.quantile(0.9) is None]
    known = [m for m in found.months if m.table.quantile(0.5) is not None]
    if not known:
        return f"Of no period have half left {label} yet"
    first, last = (labels.duration(m.table.quantile(0.5)) for m in (known[0], known[-1]))
    said = f"Median in {label}: {first} at first, {last} of late"
    return f"{said}; the p90 is not reached in {len(waiting)} of {len(found.months)}" if waiting else said


def _stock(found: Stock | Failure, label: str) -> str:
    if isinstance(found, Failure) or not found.n or not sum(found.n[-1]):
        return f"Who stands in {label}"
    total, old = sum(found.n[-1]), found.n[-1][-1]
    return f"{total:,} are in {label}, {labels.percent(old / total, 0)} of them for over 90 days"
