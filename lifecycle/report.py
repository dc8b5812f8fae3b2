"""Answers as plain dictionaries, for JSON and CSV: the same numbers as the pages, under documented names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lifecycle.funnel import Durations, Funnel, StageRow, TrendRow
from lifecycle.rates import Rate, difference


def funnel_report(answer: Funnel, trend: Sequence[TrendRow] = ()) -> dict[str, Any]:
    """A funnel with its scope, rows, comparison, trend and the statement that was run."""
    scope = answer.scope
    first = answer.statements[0].as_dict() if answer.statements else {"text": "", "parameters": {}}
    return {
        "question": "funnel",
        "model": answer.model,
        "build": answer.build,
        "as_of": scope.as_of.isoformat() + "Z",
        "from": scope.start.isoformat() if scope.start else None,
        "to": scope.end.isoformat() if scope.end else None,
        "timezone": scope.calendar.timezone,
        "basis": scope.basis,
        "count": scope.count,
        "window_seconds": scope.window.total_seconds() if scope.window else None,
        "filters": [str(f) for f in scope.filters],
        "touched": answer.touched,
        "rows": [stage_row(r) for r in answer.rows],
        "comparison": compared(answer) if answer.comparison else None,
        "trend": [trend_row(r) for r in trend],
        "statement": first["text"],
        "parameters": first["parameters"],
    }


def stage_row(row: StageRow) -> dict[str, Any]:
    exited = {
        stage: {"total": e.total, "reasons": {reason or "": n for reason, n in e.reasons.items()}}
        for stage, e in row.exited.items()
    }
    return {
        "segment": dict(row.segment),
        "stage": row.stage,
        "label": row.label,
        "entered": row.entered,
        "entities": row.entities,
        "advanced": row.advanced,
        "late": row.late,
        "open": row.open,
        "diverted": row.diverted,
        "not_due": row.not_due,
        "skipped": row.skipped,
        "exited": exited if row.advanced is not None else None,
        "conversion_rate": row.conversion_rate.as_dict() if row.conversion_rate else None,
        "step_conversion_rate": row.step_conversion_rate.as_dict() if row.step_conversion_rate else None,
        "seconds_from_previous": seconds(row.seconds_from_previous),
        "amount": row.amount,
        "cost_per_entry": row.cost_per_entry,
        "lead_score": row.score,
        "target": row.target,
        "benchmark": row.benchmark,
    }


def seconds(durations: Durations | None) -> dict[str, float | int | None] | None:
    if durations is None:
        return None
    names = ("n", "mean", "median", "p25", "p75", "p90")
    return {name: getattr(durations, name) for name in names}


def compared(answer: Funnel) -> dict[str, Any]:
    """The compared period's rows, and the differences of the whole's rates with their intervals."""
    before = answer.comparison
    assert before is not None
    changes = []
    for now, then in zip(answer.whole, before.whole, strict=True):
        pairs = {
            "conversion_rate": (now.conversion_rate, then.conversion_rate),
            "step_conversion_rate": (now.step_conversion_rate, then.step_conversion_rate),
        }
        change: dict[str, Any] = {"stage": now.stage, "entered": now.entered - then.entered}
        for name, (a, b) in pairs.items():
            d = difference(a, b) if isinstance(a, Rate) and isinstance(b, Rate) else None
            change[name] = {"value": d.value, "low": d.low, "high": d.high} if d else None
        changes.append(change)
    inner = funnel_report(before)
    return {key: inner[key] for key in ("as_of", "from", "to", "rows")} | {"differences": changes}


def trend_row(row: TrendRow) -> dict[str, Any]:
    return {
        "period": row.period.isoformat(),
        "segment": dict(row.segment),
        "stage": row.stage,
        "entered": row.entered,
        "not_due": row.not_due,
        "immature": row.immature,
    }
