"""Routes, comebacks and stock of each part of a breakdown side by side, as frames for charts and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import pandas as pd

from lifecycle.comebacks import RETURNED, WON, Back, Comebacks
from lifecycle.durations import LifeTable
from lifecycle.parts import Contrast
from lifecycle.paths import Stream
from lifecycle.rates import Rate
from lifecycle.routes import MORE, Route, Routes, Way, reached
from lifecycle.stages import StageModel
from lifecycle.stockflow import StockFlow, through
from lifecycle.volumes import change
from pages.pace.contrasts import named
from pages.pace.frames_moves import is_welcome
from pages.pace.frames_paths import curve, period_name, reached_curve, route_name
from pages.ui import labels

S = TypeVar("S")
ALL = "All"
SHOWN = {"share": "Share of journeys", "conversion": "How many reach the goal", "time": "Median time to the goal"}


def way_name(model: StageModel, goal: str, way: Way) -> str:
    """A route as a difference speaks of it."""
    if way is None:
        return f"reach {goal}"
    names = [stage if stage == MORE else model.stage(stage).label for stage in way]
    return " → ".join(names) if names else "Straight there"


def ways(found: Routes, model: StageModel, what: str) -> pd.DataFrame:
    """A row per route, a column per part: one of SHOWN."""
    columns: dict[str, tuple[Route, ...]] = {ALL: found.rows} | {named(p.name): p.answer for p in found.parts}
    rows = []
    for route in found.rows:
        own = {name: _same(rows_, route) for name, rows_ in columns.items()}
        rows.append({"Route": route_name(model, route)} | {name: _cell(r, what) for name, r in own.items()})
    if what != "time":
        totals = {name: _total(rows_, what) for name, rows_ in columns.items()}
        rows.append({"Route": "All journeys"} | totals)
    return pd.DataFrame(rows)


def _same(rows: Sequence[Route], route: Route) -> Route | None:
    return next((r for r in rows if (r.stages, r.is_cut) == (route.stages, route.is_cut)), None)


def _cell(route: Route | None, what: str) -> str:
    if route is None:
        return ""
    if what == "time":
        return "" if route.median_seconds is None else labels.duration(route.median_seconds)
    return _said(route.share if what == "share" else route.conversion)


def _total(rows: Sequence[Route], what: str) -> str:
    n = sum(r.n for r in rows)
    return f"{n:,}" if what == "share" else _said(reached(rows))


def _said(rate: Rate) -> str:
    return f"{labels.percent(rate.value)} · {rate.numerator:,}" if rate.denominator else labels.UNDEFINED


def goals(found: Routes, model: StageModel, by: str) -> pd.DataFrame:
    """How many of each part reach the goal, and by which route most of them do."""
    goal = model.stage(found.between.end).label
    beside = {c.values: c for c in found.contrasts if c.about is None}
    rows = []
    for name, values, own in [(ALL, (), found.rows), *((named(p.name), p.values, p.answer) for p in found.parts)]:
        rate = reached(own)
        won = [r for r in own if r.stages is not None and r.conversion.numerator]
        most = max(won, key=lambda r: r.conversion.numerator, default=None)
        rows.append(
            {
                by: name,
                "Journeys": rate.denominator,
                f"Reached {goal}": rate.numerator,
                **_rated(rate),
                "To all others": difference(beside.get(values)),
                "Most of them by": route_name(model, most) if most else "",
                "In": labels.duration(most.median_seconds) if most else "",
            }
        )
    return pd.DataFrame(rows)


def _rated(rate: Rate) -> dict[str, str]:
    low, high = rate.interval or (0.0, 0.0)
    few = " (few)" if rate.few else ""
    return {
        "Share": labels.percent(rate.value),
        "95 %": f"{low * 100:.1f}–{high * 100:.1f} %{few}" if rate.denominator else "",
    }


def difference(c: Contrast[S] | None) -> str:
    """A difference with its interval, and whether chance explains it."""
    if c is None or c.difference is None:
        return ""
    return labels.moved(c.difference) + ("" if c.clear else " · chance")


def returns(found: Comebacks, exit_: str | None) -> pd.DataFrame:
    """The share that is back by days since leaving, a curve per part."""
    return _curves({named(p.name): p.answer.left(exit_) for p in found.parts}, curve)


def attempts(found: Comebacks) -> pd.DataFrame:
    """The share that reached the goal by days since a journey after an exit began, a curve per part."""
    return _curves({named(p.name): p.answer.again() for p in found.parts}, reached_curve)


def _curves(tables: Mapping[str, LifeTable], drawn: object) -> pd.DataFrame:
    assert callable(drawn)
    return pd.DataFrame([row for name, table in tables.items() if table.n >= 30 for row in drawn(name, table)])


def comebacks(found: Comebacks, model: StageModel, by: str) -> pd.DataFrame:
    """Who of each part came back, and how they did then."""
    goal = model.stage(found.goal).label
    beside = {(c.about[0], c.values): c for c in found.contrasts if c.about[1] is None}
    rows = []
    each: list[tuple[str, tuple[str | None, ...], Back]] = [(ALL, (), found)]
    for name, values, own in [*each, *((named(p.name), p.values, p.answer) for p in found.parts)]:
        back, again = own.returned(), own.conversion(None)
        rows.append(
            {
                by: name,
                "Left": back.denominator,
                "Back so far": back.numerator,
                "Share back": labels.percent(back.value),
                "Back: to all others": difference(beside.get((RETURNED, values))),
                "Started again": again.denominator,
                goal: again.numerator,
                f"Share {goal}": labels.percent(again.value) + (" (few)" if again.few else ""),
                f"{goal}: to all others": difference(beside.get((WON, values))),
            }
        )
    return pd.DataFrame(rows)


def about_name(about: tuple[str, str | None], model: StageModel, goal: str) -> str:
    """What a difference between comebacks is about."""
    what, exit_ = about
    label = "any exit" if exit_ is None else model.stage(exit_).label
    return f"back after {label}" if what == RETURNED else f"{goal} after {label}"


def stock_parts(found: StockFlow, stage: str, by: str) -> pd.DataFrame:
    """One stage over the whole period, part by part: they add up to the last row."""
    rows = []
    for name, own in [*((named(p.name), through(p.answer, stage)) for p in found.parts), (ALL, through(found, stage))]:
        moved = {"At the start": own.start, "In": own.entered, "Out": own.left, "At the end": own.end}
        rows.append({by: name, **moved, "Change": own.end - own.start})
    return pd.DataFrame(rows)


def stock_courses(found: StockFlow, stage: str) -> pd.DataFrame:
    """Who of each part is in a stage at the end of each period."""
    return pd.DataFrame(
        [
            {
                "series": named(p.name),
                "period": f.period,
                "name": period_name(f, found.scope.grain),
                "value": f.end,
                "note": f"{f.start:,} + {f.entered:,} − {f.left:,}",
            }
            for p in found.parts
            for f in p.answer.of(stage)
        ]
    )


def stock_before(found: StockFlow, model: StageModel) -> pd.DataFrame:
    """What went through each stage in the period and in the compared one; changes that chance explains in brackets."""
    assert found.comparison is not None
    rows = []
    for stage in dict.fromkeys((*found.stages, *found.comparison.stages)):
        now, then = through(found, stage), through(found.comparison, stage)
        rows.append(
            {
                "Stage": model.stage(stage).label,
                "In": now.entered,
                "In before": then.entered,
                "In: change": _changed(now.entered, then.entered),
                "Out": now.left,
                "Out before": then.left,
                "Out: change": _changed(now.left, then.left),
                "In − out": now.entered - now.left,
                "In − out before": then.entered - then.left,
            }
        )
    return pd.DataFrame(rows)


def _changed(now: int, before: int) -> str:
    moved = change(now, before)
    if moved is None:
        return ""
    told = labels.growth(moved.value)
    return told if moved.significant else f"({told})"


def stream_name(model: StageModel, stream: Stream) -> str:
    """A step of a path in words."""
    label = _visited(model, stream.stage, stream.visit)
    if stream.start is None:
        return f"start as {label}"
    return f"{_visited(model, stream.start, stream.start_visit or 1)} → {label} as {_ordinal(stream.step)} stage"


def _visited(model: StageModel, stage: str, visit: int) -> str:
    label = model.stage(stage).label
    return label if visit == 1 else f"{label} {visit}"


def _ordinal(step: int) -> str:
    return {2: "2nd", 3: "3rd"}.get(step, f"{step}th")


def leads_on(model: StageModel, stream: Stream) -> bool:
    """Whether more of a step is better."""
    return stream.start is None or is_welcome((stream.start, stream.stage), model)
