"""Answers to surveys on satisfaction as frames, for charts."""

from __future__ import annotations

import pandas as pd

from lifecycle.csat import SATISFIED, Contentment, Csat
from lifecycle.retention_words import named
from pages.customers.frames_loyalty import period_name, rate_bars, rate_point


def trend(found: Contentment) -> pd.DataFrame:
    """The share satisfied by period with its interval; periods without answers are left out."""
    grain = found.scope.grain
    rows = [rate_point(day, period_name(grain, day), part.rate, False) for day, part in found.trend if part.n]
    return pd.DataFrame(rows, columns=["period", "name", "value", "low", "high", "immature", "note"])


def scores(group: Csat) -> pd.DataFrame:
    """Respondents by score: satisfied, in between (the next score, or two of a long scale), dissatisfied."""
    least, n = SATISFIED[group.scale], group.n or 1
    between = least - group.scale // 5
    rows = [
        (
            score,
            "satisfied" if score >= least else "between" if score >= between else "dissatisfied",
            group.scores.get(score, 0),
            group.scores.get(score, 0) / n,
        )
        for score in range(0 if group.scale == 10 or group.scores.get(0) else 1, group.scale + 1)
    ]
    return pd.DataFrame(rows, columns=["score", "mood", "n", "share"])


def shares(found: Contentment) -> pd.DataFrame:
    """The share satisfied of each segment value with its interval."""
    return rate_bars([(named(value), part.rate) for value, part in found.rows])
