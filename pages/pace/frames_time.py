"""Answers about time in stage as frames, for charts and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from lifecycle.durations import OPEN, LifeTable, Point
from lifecycle.stages import StageModel
from lifecycle.time_in_stage import ADVANCED, BACK, DAY, HOUR, outcomes
from pages.pace.words_time import outcome, within
from pages.ui import labels
from pages.ui.spans import Span

MOST_MARKS = 1_200  # of a picture: beyond 2,000 it is no vector graphic any more
LEAST_SHARE = 0.07  # of the height: room for a label within an area
MOST_BARS = 30


def curves(tables: Mapping[str, LifeTable], along: Span) -> pd.DataFrame:
    """Steps of survival curves: series, t, time, value, low, high, note."""
    rows = []
    for name, table in tables.items():
        points = thinned([p for p in table.curve if p.seconds <= along.end], along, MOST_MARKS // len(tables))
        steps = [(0.0, 1.0, 1.0, 1.0, table.n)] if not points or points[0].seconds else []
        steps += [(p.seconds, p.survival, p.low, p.high, p.at_risk) for p in points]
        if steps and table.longest > along.end:  # the last step reaches to the edge
            steps.append((along.end, *steps[-1][1:4], table.at(along.end).at_risk))
        rows += [
            {
                "series": name,
                "t": along.place(seconds),
                "time": labels.duration(seconds),
                "value": value,
                "low": low,
                "high": high,
                "note": f"{at_risk:,} at risk",
            }
            for seconds, value, low, high, at_risk in steps
        ]
    return pd.DataFrame(rows, columns=["series", "t", "time", "value", "low", "high", "note"])


def thinned(points: Sequence[Point], along: Span, most: int) -> list[Point]:
    """Of the steps of a curve those that can be told apart: the last in each of `most` parts of the axis."""
    return list({along.step(p.seconds, most): p for p in points}.values())


def at_risk(table: LifeTable, along: Span) -> pd.DataFrame:
    """Ticks with the numbers at risk under them: t, label, below."""
    return _ticks(along, [f"{table.at(seconds).at_risk:,}" for seconds, _ in along.ticks])


def each_at_risk(tables: Mapping[str, LifeTable], along: Span) -> pd.DataFrame:
    """The numbers at risk at the ticks, of each series: series, t, below."""
    rows = [
        {"series": name, "t": along.place(seconds), "below": f"{table.at(seconds).at_risk:,}"}
        for name, table in tables.items()
        for seconds, _ in along.ticks
    ]
    return pd.DataFrame(rows, columns=["series", "t", "below"])


def advanced_by(table: LifeTable, along: Span) -> pd.DataFrame:
    """Ticks with the share that had advanced by then under them: t, label, below."""
    return _ticks(along, [labels.percent(table.share([ADVANCED], seconds), 0) for seconds, _ in along.ticks])


def _ticks(along: Span, below: list[str]) -> pd.DataFrame:
    places = [along.place(seconds) for seconds, _ in along.ticks]
    return pd.DataFrame({"t": places, "label": [label for _, label in along.ticks], "below": below})


def medians(tables: Mapping[str, LifeTable], along: Span) -> pd.DataFrame:
    """Where the curves cross one half: t, label."""
    found = [(name, table.quantile(0.5)) for name, table in tables.items()]
    rows = [
        {"t": along.place(half), "label": f"half within {within(half)}"}
        for _, half in found
        if half is not None and half <= along.end
    ]
    return pd.DataFrame(rows, columns=["t", "label"])


def whereabouts(
    table: LifeTable, model: StageModel, along: Span, *, found: Sequence[str] = (), most: int = MOST_MARKS
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Where those who entered are after so long: stacked shares, the labels within them, the ways from bottom up.

    `found`: the ways out that are shown, by default those that occur; `most`: as many marks.
    """
    found = found or outcomes([table], model)
    exits = [key for key in found if key not in (ADVANCED, BACK)]
    ways = [key for key in (ADVANCED, BACK) if key in found] + [OPEN] + exits[::-1]
    points = thinned([p for p in table.curve if p.seconds <= along.end], along, most // (len(ways) + 1))
    times = sorted({0.0, *(p.seconds for p in points), min(along.end, table.longest)})
    rows, ends = [], []
    shares = {t: {w: table.share([w], t) for w in ways if w != OPEN} for t in times}
    for t in times:
        shares[t][OPEN] = max(0.0, 1.0 - sum(shares[t].values()))
    base = dict.fromkeys(times, 0.0)
    for key in ways:
        for t in times:
            low, high = base[t], base[t] + shares[t][key]
            base[t] = high
            note = " · ".join(f"{outcome(w, model)} {labels.percent(shares[t][w])}" for w in ways)
            rows.append(
                {
                    "name": outcome(key, model),
                    "t": along.place(t),
                    "time": labels.duration(t),
                    "low": low,
                    "high": high,
                    "note": note,
                    "first": key == ways[0],
                }
            )
        if shares[times[-1]][key] >= LEAST_SHARE:
            share = shares[times[-1]][key]
            said = f"{outcome(key, model)} {labels.percent(share, 0)}"
            ends.append(
                {
                    "name": outcome(key, model),
                    "t": along.place(times[-1]),
                    "value": base[times[-1]] - share / 2,
                    "label": said,
                }
            )
    return pd.DataFrame(rows), pd.DataFrame(ends, columns=["name", "t", "value", "label"]), ways


def lengths(table: LifeTable, model: StageModel, along: Span) -> tuple[pd.DataFrame, list[str]]:
    """How long stays lasted, in equal steps: ended ones by outcome upwards, open ones below; the last holds all longer.

    Columns start, end, span, name, n, low, high; and the outcomes from the axis upwards, the open ones last.
    """
    whole = DAY if along.end > 14 * DAY else HOUR
    step = max(whole, -(-along.end // (MOST_BARS * whole)) * whole)
    ways = [*outcomes([table], model), OPEN]
    counts: dict[tuple[float, str], int] = {}
    last = -(-along.end // step)
    for seconds, how, n in table.rows:
        key = min(seconds // step, last), how
        counts[key] = counts.get(key, 0) + n
    tops: dict[float, int] = {}
    rows = []
    for place, how in sorted(counts, key=lambda key: (key[0], ways.index(key[1]))):
        n = counts[place, how]
        low = 0 if how == OPEN else tops.get(place, 0)
        high = -n if how == OPEN else low + n
        tops[place] = tops.get(place, 0) if how == OPEN else high
        start, end = place * step, (place + 1) * step
        span = (
            f"{labels.duration(start)} to {labels.duration(end)}" if place < last else f"over {labels.duration(start)}"
        )
        rows.append(
            {
                "start": along.place(start),
                "end": along.place(end),
                "span": span,
                "name": outcome(how, model),
                "n": n,
                "low": low,
                "high": high,
                "turn": ways.index(how),
            }
        )
    frame = pd.DataFrame(rows, columns=["start", "end", "span", "name", "n", "low", "high", "turn"])
    return frame.sort_values("turn", kind="stable").drop(columns="turn"), [
        w for w in ways if w in {h for _, h in counts}
    ]


def arrivals(tables: Mapping[str, LifeTable], along: Span) -> pd.DataFrame:
    """The share that has arrived after so long: series, t, time, value, note."""
    rows = []
    for name, table in tables.items():
        last = min(along.end, table.seen)
        steps = [(0.0, 0.0), *((t, v) for t, v in table.incidence.get(ADVANCED, ()) if t <= last)]
        steps.append((last, table.share([ADVANCED], last)))
        rows += [
            {
                "series": name,
                "t": along.place(t),
                "time": labels.duration(t),
                "value": value,
                "note": f"{table.at(t).at_risk:,} of {table.n:,} still on the way and seen for so long",
            }
            for t, value in steps
            if table.n
        ]
    return pd.DataFrame(rows, columns=["series", "t", "time", "value", "note"])
