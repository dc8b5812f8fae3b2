"""Time in stage as plain dictionaries, for JSON and CSV: the same numbers as the page, under documented names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lifecycle.durations import LifeTable
from lifecycle.time_in_stage import StageTimes, horizon

QUANTILES = {"p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9}


def durations_report(answer: StageTimes) -> dict[str, Any]:
    """Every stage, whole or by the values of the breakdown, with curves, and the statement that was run.

    Times are seconds; null = not reached. `p50_low` and `p50_high` are the 95 % band of the median, `naive_p50` the
    median of the ended ones alone, `rmst_seconds` the mean within a year (or the longest stay seen). `test`: log-rank
    between the values of the breakdown, stage by stage; null without one.
    """
    scope, asked = answer.scope, answer.statements[-1].as_dict()
    return {
        "question": "time-in-stage",
        "model": answer.model,
        "build": answer.build,
        "as_of": scope.as_of.isoformat() + "Z",
        "from": scope.start.isoformat() if scope.start else None,
        "to": scope.end.isoformat() if scope.end else None,
        "timezone": scope.calendar.timezone,
        "filters": [str(f) for f in scope.filters],
        "from_stage": answer.start,
        "to_stage": answer.end,
        "rows": list(rows_of(answer)),
        "test": {"statistic": answer.test.statistic, "p": answer.test.p} if answer.test else None,
        "comparison": durations_report(answer.comparison) if answer.comparison else None,
        "statement": asked["text"],
        "parameters": asked["parameters"],
    }


def rows_of(answer: StageTimes) -> Iterator[dict[str, Any]]:
    """A row per stage and value of the breakdown."""
    for stage in answer.stages:
        for value in answer.segments or (None,):
            segment = {answer.scope.by: value} if answer.segments else {}
            yield row({"segment": segment, "stage": stage}, answer.part(stage, value))


def row(named: Mapping[str, Any], table: LifeTable) -> dict[str, Any]:
    """What is known of the durations of one life table."""
    low, high = table.quantile_band(0.5)
    return {
        **named,
        "n": table.n,
        "events": table.events,
        "censored": table.censored,
        "zero_share": table.zero / table.n if table.n else None,
        "quantiles_seconds": {name: table.quantile(q) for name, q in QUANTILES.items()},
        "p50_low": low,
        "p50_high": high,
        "naive_p50": table.naive_median,
        "rmst_seconds": table.restricted_mean(horizon(table)) if table.n else None,
        "incidence": list(_incidence(table)),
        "curve": [
            {name: getattr(p, name) for name in ("seconds", "at_risk", "left", "censored", "survival", "low", "high")}
            for p in table.curve
        ],
    }


def _incidence(table: LifeTable) -> Iterator[dict[str, Any]]:
    """The share that has left in each way, at the times at which it grows."""
    for outcome, steps in table.incidence.items():
        before = 0.0
        for seconds, value in steps:
            if value > before:
                yield {"outcome": outcome, "at_seconds": seconds, "value": value}
            before = value


def lines(report: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows without their curves, for CSV."""
    for found in report["rows"]:
        line = {"segment": next(iter(found["segment"].values()), None) or "", "stage": found["stage"]}
        line |= {name: found[name] for name in ("n", "events", "censored", "zero_share")}
        line |= {f"{name}_seconds": value for name, value in found["quantiles_seconds"].items()}
        yield line | {name: found[name] for name in ("p50_low", "p50_high", "naive_p50", "rmst_seconds")}
