"""The funnel as text for the terminal: a table for people, CSV and JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from lifecycle.funnel import Funnel, Ratio
from lifecycle.rates import Rate
from lifecycle.report import funnel_report
from lifecycle.scope import Scope, describe
from pages.ui.labels import UNDEFINED, count, duration
from pages.ui.terminal import table
from queries.funnel import funnel, trend
from queries.modelled import Modelled

NESTED = ("conversion_rate", "step_conversion_rate", "seconds_from_previous")  # columns of their own in a CSV


def ask(_question: str, m: Modelled, scope: Scope, _options: Mapping[str, str]) -> tuple[Funnel, dict[str, Any]]:
    """The funnel, and the same with its trend as the documented dictionary."""
    answer = funnel(m, scope)
    return answer, funnel_report(answer, trend(m, scope).rows if scope.basis == "cohort" else ())


def as_table(answer: Funnel) -> Table:
    """The funnel's rows: counts, rates with their intervals, median time from the previous stage."""
    by = answer.scope.by
    headings = [*([by] if by else []), "stage", "entered", "% of first", "% of previous", "left", "open", "median"]
    rows = []
    for row in answer.rows:
        part = [next(iter(row.segment.values()), "all")] if by else []
        seconds = row.seconds_from_previous.median if row.seconds_from_previous else None
        left = count(row.left) if row.advanced is not None else ""
        rows.append(
            [
                *("not set" if p is None else p for p in part),
                row.label,
                count(row.entered),
                rate(row.conversion_rate),
                rate(row.step_conversion_rate),
                left,
                "" if row.open is None else count(row.open),
                "" if seconds is None else duration(seconds),
            ]
        )
    return table(f"{answer.model}: {' · '.join(describe(answer.scope))}", headings, rows, 2 if by else 1)


def rate(value: Rate | Ratio | None) -> str:
    """Per cent with its interval, `40.0 (38.1–41.9)`; a ratio of different people has none."""
    if value is None:
        return ""
    if value.value is None:
        return UNDEFINED
    low, high = (value.interval or (None, None)) if isinstance(value, Rate) else (None, None)
    band = "" if low is None or high is None else f" ({low * 100:.1f}–{high * 100:.1f})"
    return f"{value.value * 100:.1f}{band}"


def lines(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One line per row of the funnel: rates with numerator and denominator, the exits as one column per stage."""
    return [row["segment"] | _flat(row) for row in found["rows"]]


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if name == "exited":
            flat |= {f"exited_{stage}": left["total"] for stage, left in sorted((value or {}).items())}
        elif isinstance(value, dict) and name != "segment":
            flat |= {f"{name}_{part}": inner for part, inner in value.items()}
        elif name != "segment" and not (value is None and name in NESTED):
            flat[name] = value
    return flat
