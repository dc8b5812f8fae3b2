"""Time in stage as text for the terminal: a table for people, CSV and JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from lifecycle.attention import purchase
from lifecycle.durations import LifeTable
from lifecycle.report_durations import durations_report, lines
from lifecycle.report_times import arrivals_report, times_report
from lifecycle.scope import Scope, describe
from lifecycle.time_in_stage import ADVANCED, StageTimes
from pages.ui.labels import count, duration, percent, spread, told
from pages.ui.terminal import table
from queries.durations import life_tables, trend
from queries.end_to_end import cohorts, end_to_end
from queries.flow import stock_by_age
from queries.modelled import Modelled
from queries.stalled import stalled

__all__ = ["as_table", "ask", "lines"]


def ask(_: str, m: Modelled, scope: Scope, options: Mapping[str, str]) -> tuple[StageTimes, dict[str, Any]]:
    """The answer to time-in-stage, from stage to stage where one is named, and the same as a dictionary.

    Of the stages one by one it also holds the trend, the stock by age and the stalled; of a way, who arrives.
    """
    if options:
        first, goal = m.model.progress[0].key, purchase(m.model).key
        ends = options.get("from_stage", first), options.get("to_stage", goal)
        found = end_to_end(m, scope, *ends)
        return found, durations_report(found) | arrivals_report(found, cohorts(m, scope, *ends))
    found = life_tables(m, scope)
    trends = [trend(m, scope, key) for key in found.stages]
    stocks = [stock_by_age(m, scope, key) for key in found.stages]
    return found, durations_report(found) | times_report(found, m.model, trends, stocks, stalled(m, scope))


def as_table(answer: StageTimes) -> Table:
    """What fits on a terminal: quantiles with those still waiting, beside the median without them."""
    title = f"{answer.model}: {' · '.join(describe(answer.scope))}"
    if answer.end:
        return _arrivals(f"{title} · from {answer.start} to {answer.end}", answer)
    headings = ["stage", "", "stays", "open", "p25", "median", "95 %", "p75", "p90", "ended alone"]
    rows = [
        [stage, "all" if value is None and not answer.segments else value or "not set", *_said(table_)]
        for stage in answer.stages
        for value in answer.segments or (None,)
        for table_ in [answer.part(stage, value)]
    ]
    return table(title, headings, rows, left=2)


def _arrivals(title: str, answer: StageTimes) -> Table:
    """Who arrives, and how fast those do who are expected to."""
    headings = ["", "journeys", "arrived", "on the way", "expected to arrive", "half of them within", "nine in ten"]
    rows = []
    for value in answer.segments or (None,):
        found = answer.part(answer.stages[0], value)
        share = found.share([ADVANCED], found.seen)
        times = (duration(found.time_to([ADVANCED], q * share)) if share else "" for q in (0.5, 0.9))
        name = "all" if not answer.segments else value or "not set"
        counts = (count(found.n), count(found.ended([ADVANCED])), count(found.censored))
        rows.append([name, *counts, percent(share if found.n else None), *times])
    return table(title, headings, rows)


def _said(found: LifeTable) -> list[str]:
    low, high = found.quantile_band(0.5)
    still = percent(found.censored / found.n if found.n else None)
    p25, p50, p75, p90 = (reached(found, q) for q in (0.25, 0.5, 0.75, 0.9))
    band = spread(low, high) if low is not None else ""
    return [count(found.n), still, p25, p50, band, p75, p90, told(found.naive_median)]


def reached(found: LifeTable, q: float) -> str:
    """A quantile in words."""
    seconds = found.quantile(q)
    return "" if not found.n else told(seconds) if seconds is not None else "not reached"
