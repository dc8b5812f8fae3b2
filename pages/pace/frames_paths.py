"""Answers about paths, routes, coming back and stock as frames, for charts and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from lifecycle.comebacks import FIRST, RETURNED, WON, Comebacks
from lifecycle.durations import LifeTable
from lifecycle.paths import WIDTH, Node, Walk, layout
from lifecycle.routes import Route, Routes
from lifecycle.stages import StageModel
from lifecycle.stockflow import Flow, StockFlow
from pages.ui import labels
from pages.ui.charts_funnel import exit_colours
from pages.ui.picture import NOW

DAY = 86_400.0
HORIZON = 365  # days of a curve


def node_name(model: StageModel, node: Node) -> str:
    """A stage, numbered from its second visit on."""
    if node.stage is None:
        return "Other"
    label = model.stage(node.stage).label
    return label if node.visit == 1 else f"{label} {node.visit}"


def flow(found: Walk, model: StageModel) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The flow diagram: the outlines of its ribbons, its nodes, and a row per ribbon for the export."""
    nodes, ribbons = layout(model, found)
    total = found.entities or 1
    outlines, rows = [], []
    for i, r in enumerate(ribbons):
        told = {
            "start": node_name(model, r.start),
            "end": node_name(model, r.end),
            "kind": r.kind,
            "n": r.n,
            "share": r.n / total,
        }
        rows.append({"step": r.start.step} | told)
        outlines += [
            {"ribbon": i, "x": x, "low": low, "high": high, "reaches": r.end.step} | told for x, low, high in r.outline
        ]
    drawn = [
        {
            "step": node.step,
            "left": node.x - WIDTH / 2,
            "right": node.x + WIDTH / 2,
            "low": node.low,
            "high": node.high,
            "label": node_name(model, node),
            "note": f"{node.n:,} · {_share(node.n / total)}",
            "n": node.n,
            "share": node.n / total,
            "stayed": node.stayed,
        }
        for node in nodes
    ]
    return pd.DataFrame(outlines), pd.DataFrame(drawn), pd.DataFrame(rows)


def _share(value: float) -> str:
    return f"{value:.0%}" if value >= 0.095 else f"{value:.1%}"


def route_name(model: StageModel, route: Route) -> str:
    """The stages of a route in a row."""
    if route.stages is None:
        return "All other routes"
    names = [model.stage(key).label for key in route.stages]
    return " → ".join(names) + (" → …" if route.is_cut else "") if names else "Straight there"


def routes(found: Routes, model: StageModel) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Bars by route and fate, what stands at their ends, and a row per route for the export."""
    bars, ends, rows = [], [], []
    goal = model.stage(found.between.end).label
    for r in found.rows:
        label = route_name(model, r)
        counts = {"won": r.conversion.numerator, "left": r.left, "open": r.open}
        bars += [{"label": label, "fate": fate, "n": n} for fate, n in counts.items()]
        took = f", in {labels.duration(r.median_seconds)}" if r.median_seconds is not None else ""
        reach = f"{labels.percent(r.conversion.value)} reached {goal}{took}" if counts["won"] else _fate(r)
        ends.append({"label": label, "n": r.n, "count": f"{r.n:,} · {labels.percent(r.share.value)}", "note": reach})
        low, high = r.conversion.interval or (None, None)
        rows.append(
            {
                "route": label,
                "journeys": r.n,
                "of": r.total,
                "share": r.share.value,
                **counts,
                "conversion": r.conversion.value,
                "low": low,
                "high": high,
                "median_days": None if r.median_seconds is None else r.median_seconds / DAY,
            }
        )
    return pd.DataFrame(bars), pd.DataFrame(ends), pd.DataFrame(rows)


def _fate(route: Route) -> str:
    """What became of a route that has not led to the goal."""
    return f"{labels.percent(route.left / route.n, 0)} left, {labels.percent(route.open / route.n, 0)} still on it"


def returns(found: Comebacks, model: StageModel) -> pd.DataFrame:
    """The share that is back, by days since leaving, a curve per exit, with its band."""
    rows = []
    for key in _by_size(found.returns):
        rows += curve(model.stage(key).label, found.returns[key])
    return pd.DataFrame(rows)


def curve(name: str, table: LifeTable) -> list[dict[str, object]]:
    """The share that has left a life table by days, with its band."""
    points = [(p.seconds / DAY, 1 - p.survival, 1 - p.high, 1 - p.low, p.at_risk) for p in table.curve]
    return _curve(name, points)


def attempts(found: Comebacks, model: StageModel) -> pd.DataFrame:
    """The share that reached the goal, by days since the start: first journeys, then those after each exit.

    Groups of fewer than 30 are left out: their curve would say nothing.
    """
    rows = []
    for key in _by_size(found.attempts):
        if not found.conversion(key).few:
            rows += reached_curve(attempt_name(model, key), found.attempts[key])
    return pd.DataFrame(rows)


def reached_curve(name: str, table: LifeTable) -> list[dict[str, object]]:
    """The share that has reached the goal by days; nothing where nobody has."""
    at_risk = {p.seconds: p.at_risk for p in table.curve}
    points = [(t / DAY, value, value, value, at_risk[t]) for t, value in table.incidence.get(WON, ())]
    return _curve(name, points) if points else []


def _curve(name: str, points: Sequence[tuple[float, float, float, float, int]]) -> list[dict[str, object]]:
    kept = [p for p in points if p[0] <= HORIZON]
    start = {"series": name, "days": 0.0, "value": 0.0, "low": 0.0, "high": 0.0, "note": ""}
    return [start] + [
        {"series": name, "days": t, "value": v, "low": low, "high": high, "note": f"{at_risk:,} at risk"}
        for t, v, low, high, at_risk in kept
    ]


def _by_size(tables: Mapping[str, LifeTable]) -> list[str]:
    return sorted(tables, key=lambda key: (key != FIRST, -tables[key].n, key))


def attempt_name(model: StageModel, key: str) -> str:
    return "First journey" if key == FIRST else f"Back after {model.stage(key).label}"


def attempt_colours(model: StageModel) -> dict[str, str]:
    """Journeys after an exit have its colour, the first ones that of what is looked at."""
    known = exit_colours(model)
    return {attempt_name(model, s.key): known[s.label] for s in model.exits} | {attempt_name(model, FIRST): NOW}


def back_table(found: Comebacks, model: StageModel) -> pd.DataFrame:
    """Who came back, by exit."""
    rows = []
    for key in _by_size(found.returns):
        rate, table = found.returned(key), found.returns[key]
        within = {days: found.returned_within(key, days) for days in (90, 180)}
        half = table.time_to([RETURNED], (table.incidence[RETURNED][-1][1] / 2)) if rate.numerator else None
        rows.append(
            {
                "Left by": model.stage(key).label,
                "Left": rate.denominator,
                "Back so far": rate.numerator,
                "Share": labels.percent(rate.value),
                "In 90 days": labels.percent(within[90]),
                "In 180 days": labels.percent(within[180]),
                "Median": labels.duration(half) if half is not None else "",
            }
        )
    return pd.DataFrame(rows)


def again_table(found: Comebacks, model: StageModel) -> pd.DataFrame:
    """How journeys do: the first ones, and those of who came back, with the difference to the first."""
    goal = model.stage(found.goal).label
    rows = []
    for key in _by_size(found.attempts):
        rate, moved = found.conversion(key), found.against_first(key) if key != FIRST else None
        low, high = rate.interval or (0.0, 0.0)
        rows.append(
            {
                "Journeys": attempt_name(model, key),
                "Started": rate.denominator,
                goal: rate.numerator,
                "Share": f"{labels.percent(rate.value)} ({low * 100:.1f}–{high * 100:.1f})"
                + (" few" if rate.few else ""),
                "Difference": labels.moved(moved) if moved else "",
            }
        )
    return pd.DataFrame(rows)


def stock_table(found: StockFlow, model: StageModel) -> pd.DataFrame:
    """Every stage over the whole period: start + in − out = end."""
    rows = []
    for stage in found.stages:
        flows = found.of(stage)
        first, last = flows[0], flows[-1]
        rows.append(
            {
                "Stage": model.stage(stage).label,
                "At the start": first.start,
                "In": sum(f.entered for f in flows),
                "Out": sum(f.left for f in flows),
                "At the end": last.end,
                "Change": last.end - first.start,
                "Counted at the end": found.counted.get(stage, 0),
            }
        )
    return pd.DataFrame(rows)


def stock_rows(found: StockFlow, model: StageModel) -> pd.DataFrame:
    """Every stage and period, for the CSV."""
    return pd.DataFrame(
        [
            {
                "stage": model.stage(f.stage).label,
                "period": f.period.isoformat(),
                "start": f.start,
                "in": f.entered,
                "out": f.left,
                "end": f.end,
                **{f"in_{kind}": n for kind, n in sorted(f.came.items())},
                **{f"out_{kind}": n for kind, n in sorted(f.went.items())},
            }
            for f in found.rows
        ]
    )


def period_name(flow: Flow, grain: str) -> str:
    """A period by its first day."""
    return f"{flow.period:%b %Y}" if grain == "month" else labels.day(flow.period)


def in_and_out(flows: Sequence[Flow], grain: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Who came and went in each period, by kind of move, and the difference."""
    bars, ends = [], []
    for position, f in enumerate(flows):
        name = period_name(f, grain)
        for way, counts in (("in", f.came), ("out", f.went)):
            bars += [
                {"name": name, "position": position, "way": way, "kind": kind, "n": n} for kind, n in counts.items()
            ]
        ends.append({"name": name, "position": position, "net": f.entered - f.left})
    return pd.DataFrame(bars, columns=["name", "position", "way", "kind", "n"]), pd.DataFrame(ends)


def stock_course(flows: Sequence[Flow], grain: str) -> pd.DataFrame:
    """Who is in a stage at the end of each period."""
    return pd.DataFrame(
        [
            {
                "period": f.period,
                "name": period_name(f, grain),
                "value": f.end,
                "note": f"{f.start:,} + {f.entered:,} − {f.left:,}",
            }
            for f in flows
        ]
    )


def again_beside(full: pd.DataFrame, goal: str) -> pd.DataFrame:
    """The table of `again_table`, as narrow as half a page: counts beside their share."""
    if full.empty:
        return full
    counted = full[goal].map("{:,}".format) + " of " + full["Started"].map("{:,}".format) + ": " + full["Share"]
    return pd.DataFrame({"Journeys": full["Journeys"], f"Reached {goal}": counted, "Difference": full["Difference"]})
