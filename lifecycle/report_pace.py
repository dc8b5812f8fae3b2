"""Moves and velocity as plain dictionaries, for JSON and CSV: the same numbers as the pages, under documented names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lifecycle.comebacks import FIRST, RETURNED, Back, Comebacks
from lifecycle.moves import Moves, Transition
from lifecycle.parts import Contrast
from lifecycle.pipeline import LOST, WON, Estimate, Pipeline
from lifecycle.rates import Difference
from lifecycle.report_alignment import head, statement
from lifecycle.routes import Route, Routes
from lifecycle.stockflow import Balance, StockFlow
from lifecycle.velocity import FACTORS, Course, Factors, Velocity, factors, split


def moves_report(moves: Moves, routes: Routes, back: Comebacks, stock: StockFlow) -> dict[str, Any]:
    """Transitions, routes, comebacks, stock and flow, of the whole (segment {}) and of each value of the breakdown.

    `to` null: still there. `median_seconds`: as Transition and Route have it. `exit` and `after_exit` null in
    differences: any. `…differences`: rates in which a value of the breakdown differs from all the others together, or
    the period (segment {}) from the compared one; the clearest first. `before`: the compared period.
    """
    by = moves.scope.by

    def parted(answer: Any, rows: Callable[[Any, dict[str | None, str | None]], list[dict]]) -> list[dict]:
        return [*rows(answer, {}), *(row for part in answer.parts for row in rows(part.answer, {by: part.name}))]

    def differing(answer: Any, told: Callable[[Any], dict[str, Any]]) -> list[dict]:
        return [contrast(by, c) | told(c.about) for c in (*answer.changes, *answer.contrasts)]

    before = stock.comparison
    return {
        **head("moves", moves.model, moves.build, moves.scope),
        "rows": parted(moves, _transitions),
        "differences": differing(moves, lambda pair: {"from": pair[0], "to": pair[1]}),
        "from_stage": routes.between.start,
        "to_stage": routes.between.end,
        "routes": parted(routes, _routes),
        "routes_differences": differing(routes, lambda way: {"stages": None if way is None else list(way)}),
        "returns": parted(back, _returns),
        "returns_differences": [c for c in differing(back, _returned) if "exit" in c],
        "second_time": parted(back, _attempts),
        "second_time_differences": [c for c in differing(back, _returned) if "after_exit" in c],
        "stock_and_flow": {
            "balanced": stock.balanced,
            "rows": parted(stock, _flows),
            "before": _flows(before, {}) if before else None,
        },
        **statement(moves.statements),
    }


Named = Mapping[str | None, str | None]


def _transitions(found: Moves | Sequence[Transition], segment: Named) -> list[dict[str, Any]]:
    rows = found.whole if isinstance(found, Moves) else found
    return [_transition(segment, t) for t in rows]


def _routes(found: Routes | Sequence[Route], segment: Named) -> list[dict[str, Any]]:
    rows = found.rows if isinstance(found, Routes) else found
    return [{"segment": dict(segment), **_route(r)} for r in rows]


def _returns(back: Back, segment: Named) -> list[dict[str, Any]]:
    return [{"segment": dict(segment), "exit": key, **back.returned(key).as_dict()} for key in back.returns]


def _attempts(back: Back, segment: Named) -> list[dict[str, Any]]:
    return [
        {
            "segment": dict(segment),
            "after_exit": None if key == FIRST else key,
            **back.conversion(key).as_dict(),
            "difference": None if key == FIRST else interval(back.against_first(key)),
        }
        for key in back.attempts
    ]


def _returned(about: tuple[str, str | None]) -> dict[str, Any]:
    what, exit_ = about
    return {"exit" if what == RETURNED else "after_exit": exit_}


def _flows(balance: Balance, segment: Named) -> list[dict[str, Any]]:
    return [
        {
            "segment": dict(segment),
            "stage": f.stage,
            "period": f.period.isoformat(),
            "start": f.start,
            "in": f.entered,
            "out": f.left,
            "end": f.end,
        }
        for f in balance.rows
    ]


def _transition(segment: Mapping[Any, str | None], t: Transition) -> dict[str, Any]:
    told = {"segment": dict(segment), "from": t.start, "to": t.end, "move": t.kind, "n": t.n}
    return told | {"share": t.share.as_dict(), "median_seconds": t.median_seconds}


def contrast(by: str | None, c: Contrast) -> dict[str, Any]:
    """A rate of one part beside all others, or of the whole (segment {}) beside before."""
    return {
        "segment": {by: c.name} if c.values else {},
        "here": c.here.as_dict(),
        "there": c.there.as_dict(),
        "difference": interval(c.difference),
        "clear": c.clear,
    }


def interval(d: Difference | None) -> dict[str, float] | None:
    """A difference with its 95 % interval."""
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
