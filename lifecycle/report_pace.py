"""Moves and velocity as plain dictionaries, for JSON and CSV: the same numbers as the pages, under documented names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lifecycle.comebacks import FIRST, Comebacks
from lifecycle.moves import Contrast, Moves, Transition, between_parts, since_before
from lifecycle.pipeline import LOST, WON, Estimate, Pipeline
from lifecycle.rates import Difference
from lifecycle.report_alignment import head, statement
from lifecycle.routes import Route, Routes
from lifecycle.stockflow import StockFlow
from lifecycle.velocity import FACTORS, Course, Factors, Velocity, factors, split


def moves_report(moves: Moves, routes: Routes, back: Comebacks, stock: StockFlow) -> dict[str, Any]:
    """Transitions of the whole (segment {}) and of each value of the breakdown, routes, comebacks, stock and flow.

    `to` null: still there. `median_seconds`: as Transition has it. `differences`: moves in which a value of the
    breakdown, or the period beside the compared one, differs from the others; the clearest first.
    """
    by = moves.scope.by
    rows = [_transition({}, t) for t in moves.whole]
    rows += [_transition({by: p.name}, t) for p in moves.parts for t in p.transitions]
    return {
        **head("moves", moves.model, moves.build, moves.scope),
        "rows": rows,
        "differences": [_contrast(by, c) for c in (*since_before(moves), *between_parts(moves))],
        "from_stage": routes.between.start,
        "to_stage": routes.between.end,
        "routes": [_route(r) for r in routes.rows],
        "returns": [{"exit": key, **back.returned(key).as_dict()} for key in back.returns],
        "second_time": [
            {
                "after_exit": None if key == FIRST else key,
                **back.conversion(key).as_dict(),
                "difference": None if key == FIRST else _interval(back.against_first(key)),
            }
            for key in back.attempts
        ],
        "stock_and_flow": {
            "balanced": stock.balanced,
            "rows": [
                {
                    "stage": f.stage,
                    "period": f.period.isoformat(),
                    "start": f.start,
                    "in": f.entered,
                    "out": f.left,
                    "end": f.end,
                }
                for f in stock.rows
            ],
        },
        **statement(moves.statements),
    }


def _transition(segment: Mapping[Any, str | None], t: Transition) -> dict[str, Any]:
    told = {"segment": dict(segment), "from": t.start, "to": t.end, "move": t.kind, "n": t.n}
    return told | {"share": t.share.as_dict(), "median_seconds": t.median_seconds}


def _contrast(by: str | None, c: Contrast) -> dict[str, Any]:
    return {
        "segment": {by: c.name} if c.values else {},
        "from": c.start,
        "to": c.end,
        "here": c.here.as_dict(),
        "there": c.there.as_dict(),
        "difference": _interval(c.difference),
        "clear": c.clear,
    }


def _interval(d: Difference | None) -> dict[str, float] | None:
    return {"value": d.value, "low": d.low, "high": d.high} if d else None


def _route(r: Route) -> dict[str, Any]:
    return {
        "stages": None if r.stages is None else list(r.stages),
        "is_cut": r.is_cut,
        "n": r.n,
        "share": r.share.as_dict(),
        "conversion": r.conversion.as_dict(),
        "left": r.left,
        "open": r.open,
        "median_seconds": r.median_seconds,
    }


def velocity_report(found: Velocity, dated: Course) -> dict[str, Any]:
    """The four factors and the velocity, of the whole (segment {}) and of each value of the breakdown; the change since
    the compared period split into the factors; the win rate by age; the course.

    Each estimate has value, low and high (95 %), or is null. `recent_win_rate`: won ÷ (won + lost) of what closed.
    """
    by = found.scope.by
    change = split(found.now, found.before) if found.before else None
    return {
        **head("velocity", found.model, found.build, found.scope),
        "judged_at_days": found.days,
        "rows": [
            _factors({}, found.whole, found.days),
            *(_factors({by: p.name}, p.pipeline, found.days) for p in found.parts),
        ],
        "money_per_calendar_day": found.per_day,
        "recent_win_rate": found.recent.as_dict(),
        "comparison": _factors({}, found.comparison.whole, found.days) if found.comparison else None,
        "change": {
            "before": change.before,
            "now": change.now,
            "steps": dict(change.steps),
            "ratio": _estimate(change.ratio),
            "significant": change.significant,
        }
        if change
        else None,
        "win_rate_by_age": [
            {"days": days, **(_estimate(rate) or {})}
            for days in range(1, found.days + 1)
            if (rate := found.whole.win_rate(days)) is not None
        ],
        "trend": [
            {"period": p.period.isoformat(), "immature": p.immature, **_factors({}, p.pipeline, dated.days)}
            for p in dated.periods
        ],
        **statement(found.statements),
    }


def _factors(segment: Mapping[Any, str | None], pipeline: Pipeline, days: int) -> dict[str, Any]:
    at: Factors = factors(pipeline, days)
    told: dict[str, Any] = {"segment": dict(segment), "velocity": _estimate(at.velocity)}
    told |= {name: _estimate(getattr(at, name)) for name in FACTORS}
    won, lost = pipeline.of(WON), pipeline.of(LOST)
    return told | {"won": won, "lost": lost, "open": pipeline.n - won - lost}


def _estimate(found: Estimate | None) -> dict[str, float] | None:
    return {"value": found.value, "low": found.low, "high": found.high} if found else None
