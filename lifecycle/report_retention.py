"""Retention and recurring revenue as plain dictionaries, for JSON and CSV, and their options as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from lifecycle.leaving import Leaving
from lifecycle.mrr import MOVEMENTS, Book, Period
from lifecycle.retention import (
    AGES,
    ANY_STAGE,
    COHORTS,
    MEASURES,
    MODES,
    MOST_PERIODS,
    ORDERS,
    PERIODS,
    RULES,
    STAGE,
    SUBSCRIPTIONS,
    Cell,
    Cells,
    Retention,
    Rules,
    Triangle,
)
from lifecycle.scope import Scope
from lifecycle.stages import StageModel


def read_rules(options: Mapping[str, str], model: StageModel, scope: Scope, default: str) -> Rules:
    """The rules that the terminal's options name; `default` is the activity without any. ValueError says what is wrong
    with which option, and what is allowed."""
    known = [SUBSCRIPTIONS, ORDERS, ANY_STAGE, *(STAGE + s.key for s in model.progress)]
    activity = _among("activity", options.get("activity", default), known)
    periods = options.get("periods", str(PERIODS[scope.grain]))
    if not (periods.isdigit() and 1 <= int(periods) <= MOST_PERIODS):
        raise ValueError(f"--periods {periods[:40]!r} is no whole number from 1 to {MOST_PERIODS}")
    rules = Rules(
        activity=activity,
        return_activity=_among("return-activity", options.get("return_activity", activity), known),
        rule=_among("rule", options.get("rule", "first_time"), RULES),
        mode=_among("mode", options.get("mode", "bounded"), MODES),
        ages=_among("ages", options.get("ages", "calendar"), AGES),
        periods=int(periods),
        cohorts=_among("cohorts", options.get("cohorts", "period"), COHORTS),
    )
    measure = _among("measure", options.get("measure", "logo"), MEASURES)
    if measure not in rules.measures:
        raise ValueError(f"--measure {measure} does not fit these cohorts (it may be {', '.join(rules.measures)})")
    return replace(rules, measure=measure)


def _among(name: str, text: str, allowed: Any) -> str:
    if text not in allowed:
        raise ValueError(f"--{name} {text[:40]!r} is not known (allowed: {', '.join(allowed)})")
    return text


def _about(answer: Retention | Book, question: str) -> dict[str, Any]:
    scope, first = answer.scope, answer.statements[0].as_dict() if answer.statements else {"text": "", "parameters": {}}
    return {
        "question": question,
        "model": answer.model,
        "build": answer.build,
        "as_of": scope.as_of.isoformat() + "Z",
        "from": scope.start.isoformat() if scope.start else None,
        "to": scope.end.isoformat() if scope.end else None,
        "timezone": scope.calendar.timezone,
        "week_start": scope.calendar.week_start,
        "grain": scope.grain,
        "filters": [str(f) for f in scope.filters],
        "by": scope.by,
        "statement": first["text"],
        "parameters": first["parameters"],
    }


def retention_report(answer: Retention) -> dict[str, Any]:
    """Cohorts with their cells, and all mature ones pooled; per segment, and of the compared period, likewise."""
    rules = answer.rules
    names = ("activity", "return_activity", "rule", "mode", "ages", "measure", "periods")
    out = _about(answer, "retention") | {name: getattr(rules, name) for name in names}
    out |= {"left_on_one_day": _left_on_one_day(answer.leaving)} | _triangle(answer.whole)
    if answer.segments:
        out["segments"] = [{"segment": {answer.scope.by: value}} | _triangle(t) for value, t in answer.segments]
    if answer.comparison:
        before = retention_report(answer.comparison)
        out["comparison"] = {name: before[name] for name in ("as_of", "from", "to", "cohorts", "pooled")}
    statement, parameters = out.pop("statement"), out.pop("parameters")
    return out | {"statement": statement, "parameters": parameters}


def _left_on_one_day(found: Leaving) -> dict[str, Any] | None:
    if found.on is None or not found.is_on_one_day:
        return None
    counts = {"left": found.n, "left_then": found.then, "months_of_start": found.months}
    return {"day": found.on.isoformat()} | counts | {"notice": found.notice}


def _triangle(found: Triangle) -> dict[str, Any]:
    rows = [{"cohort": c.start.isoformat(), "size": c.size, "cells": cells(c.cells)} for c in found.cohorts]
    return {"cohorts": rows, "pooled": cells(found.pooled)}


def cells(found: Cells) -> list[dict[str, Any] | None]:
    """Cells as documented: age, retained, eligible, value, amount; null where nobody is eligible."""
    return [cell(c) if c else None for c in found]


def cell(c: Cell) -> dict[str, Any]:
    low, high = c.rate.interval or (None, None) if c.measure == "logo" else (None, None)
    return {
        "age": c.age,
        "through": c.last,
        "retained": c.retained,
        "eligible": c.eligible,
        "complete": c.complete,
        "value": c.value,
        "low": low,
        "high": high,
        "amount": c.cents / 100,
        "times": c.times,
    }


def mrr_report(answer: Book) -> dict[str, Any]:
    """Periods with their movements, signed, so that start + movements = end; per segment and compared likewise."""
    out = _about(answer, "mrr") | {"periods": [period(p) for p in answer.periods]}
    if answer.segments:
        out["segments"] = [
            {"segment": {answer.scope.by: value}, "periods": [period(p) for p in periods]}
            for value, periods in answer.segments
        ]
    if answer.comparison:
        before = mrr_report(answer.comparison)
        out["comparison"] = {name: before[name] for name in ("as_of", "from", "to", "periods")}
    return out


def period(p: Period) -> dict[str, Any]:
    logos = p.logo_retention
    return (
        {"period": p.start_on.isoformat(), "start": p.start / 100}
        | {name: p.cents[name] / 100 for name in MOVEMENTS}
        | {
            "end": p.end / 100,
            "nrr": p.nrr,
            "grr": p.grr,
            "logo_retention": logos.value,
            "quick_ratio": p.quick_ratio,
            "customers": p.customers,
            "customers_at_end": p.customers_at_end,
            "counts": dict(p.counts),
        }
    )


def lines(found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One flat line per cell, or per period of the book."""
    parts = [({}, found), *((s["segment"], s) for s in found.get("segments", ()))]
    for segment, part in parts:
        if found["question"] == "mrr":
            for p in part["periods"]:
                yield segment | {name: value for name, value in p.items() if name != "counts"}
            continue
        pooled = {"cohort": "pooled", "size": sum(c["size"] for c in part["cohorts"]), "cells": part["pooled"]}
        for cohort in (*part["cohorts"], pooled):
            for c in cohort["cells"]:
                if c:
                    yield segment | {"cohort": cohort["cohort"], "size": cohort["size"]} | c
