"""The funnel's answers as frames, for its charts and tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from lifecycle.anonymous import Ratios, Top
from lifecycle.findings import Change, Step, rate_of, rates_over_time
from lifecycle.funnel import Durations, Funnel, Ratio, StageRow
from lifecycle.rates import Rate
from lifecycle.report import stage_row
from lifecycle.segments import NOT_SET
from lifecycle.stages import StageModel
from pages.ui import labels
from pages.ui.picture import OUTCOMES
from queries.funnel import Trend

ENTITIES = {"contact": "Contacts", "account": "Accounts", "deal": "Deals"}
INDENT = "\u2003"
Cell = Callable[[StageRow], str]


def named(value: str | None) -> str:
    """A segment's value as people read it."""
    return f"{NOT_SET} not set" if value is None else value


def reason(given: str | None) -> str:
    """A reason as people read it."""
    return "no reason given" if given is None else given


def stage_labels(rows: Sequence[StageRow]) -> dict[str, str]:
    """Stage key to a label that no other stage of the funnel has; optional stages are marked."""
    return labels.distinct({r.stage: f"{r.label} (optional)" if r.optional else r.label for r in rows})


def outcomes(rows: Sequence[StageRow], model: StageModel) -> pd.DataFrame:
    """What became of those who entered each stage: stage, label, outcome, n, detail."""
    names = stage_labels(rows)
    return pd.DataFrame(
        [
            {
                "stage": r.stage,
                "label": names[r.stage],
                "outcome": key,
                "n": outcome(r, key),
                "detail": detail(r, key, model),
            }
            for r in rows
            for key in outcomes_of(r, rows)
        ]
    )


def outcomes_of(row: StageRow, rows: Sequence[StageRow]) -> list[str]:
    """The outcomes that a stage can have: who is still at the last one has arrived."""
    last = [r.stage for r in rows if not r.optional][-1]
    return [key for key in OUTCOMES if key != ("open" if row.stage == last else "arrived")]


def fate_of(key: str) -> str:
    """The fate that an outcome stands for in the answer."""
    return "open" if key == "arrived" else key


def outcome(row: StageRow, key: str) -> int:
    """How many of those who entered a stage had this outcome."""
    return row.left if key == "exited" else getattr(row, fate_of(key)) or 0


def detail(row: StageRow, key: str, model: StageModel) -> str:
    """By which exits they left; how many of the entries were implied."""
    if key == "exited":
        return labels.listed((f"{model.stage(stage).label} {e.total:,}" for stage, e in row.exited.items()), 4)
    return ""


def columns(rows: Sequence[StageRow]) -> pd.DataFrame:
    """One column per stage: stage, label, n, note and short, its relation to the stage before it."""
    names, before = stage_labels(rows), ""
    out = []
    for row in rows:
        rate = row.step_conversion_rate
        said = "" if rate is None else relation(rate, 0)
        note = f"{said} {before}" if isinstance(rate, Ratio) else f"{said} of {before}" if rate else ""
        short = said.replace(" per ", "/")
        out.append({"stage": row.stage, "label": names[row.stage], "n": row.entered, "note": note, "short": short})
        before = before if row.optional else row.label
    return pd.DataFrame(out)


def relation(rate: Rate | Ratio, decimals: int = 1) -> str:
    """A share as per cent; two counts of different people as so many per hundred."""
    if isinstance(rate, Rate) or rate.value is None:
        return labels.percent(rate.value, decimals)
    return f"{rate.value * 100:,.{decimals}f} per 100"


def digits(rates: pd.DataFrame) -> str:
    """The number format in which the marks of an axis of small shares still differ."""
    most = rates[["value", "high"]].max().max() if "high" in rates else rates["value"].max()
    return ".1%" if most < 0.06 else ".0%"


def share(rate: Rate | Ratio | None) -> str:
    """A rate with its interval, a ratio alone."""
    if rate is None or rate.value is None:
        return "" if rate is None else labels.UNDEFINED
    if isinstance(rate, Ratio) or rate.interval is None:
        return relation(rate)
    low, high = rate.interval
    return f"{labels.percent(rate.value)} ({low * 100:.1f}–{high * 100:.1f})"


def fraction(rate: Rate | Ratio | None) -> str:
    """What was divided by what."""
    joint = "beside" if isinstance(rate, Ratio) else "of"
    return "" if rate is None else f"{rate.numerator:,} {joint} {rate.denominator:,}"


def spread(seconds: Durations | None) -> str:
    """The middle half of durations, the unit named once where both have it."""
    if seconds is None or seconds.p25 is None or seconds.p75 is None:
        return ""
    low, high = labels.duration(seconds.p25), labels.duration(seconds.p75)
    number, _, unit = low.partition(" ")
    return f"{number}–{high}" if high.endswith(f" {unit}") else f"{low} – {high}"


def measures(answer: Funnel, model: StageModel) -> pd.DataFrame:
    """Everything known of each stage, in words: a row per measure, a column per stage. Empty rows are left out."""
    rows = answer.whole
    later = {row.stage for row in rows[1:]}
    lines: list[tuple[str, Cell]] = [
        ("Entered", lambda r: f"{r.entered:,}"),
        (f"{ENTITIES[model.entity]} among them", lambda r: labels.count(r.entities)),
        ("Target", lambda r: f"{r.target:,.0f} ({labels.percent(r.entered / r.target, 0)} of it)" if r.target else ""),
        (f"From {rows[0].label}", lambda r: share(r.conversion_rate) if r.stage in later else ""),
        (INDENT + "counts", lambda r: fraction(r.conversion_rate) if r.stage in later else ""),
        ("From the stage before", lambda r: share(r.step_conversion_rate)),
        (INDENT + "counts", lambda r: fraction(r.step_conversion_rate)),
        (INDENT + "benchmark", lambda r: labels.percent(r.benchmark, 0) if r.benchmark is not None else ""),
        (INDENT + "median time", lambda r: middle(r.seconds_from_previous)),
        (INDENT + "the middle half", lambda r: spread(r.seconds_from_previous)),
        (INDENT + "timed", lambda r: f"{r.seconds_from_previous.n:,}" if r.seconds_from_previous else ""),
    ]
    if answer.scope.basis == "cohort":
        for key, (label, _) in OUTCOMES.items():
            lines.append((label, _counted(key, rows)))
            if key == "exited":
                exits = dict.fromkeys(stage for row in rows for stage in row.exited)
                lines += [(INDENT + model.stage(stage).label, _exits(stage)) for stage in exits]
        lines.append(("Only implied", lambda r: f"{r.skipped:,}" if r.skipped else ""))
    lines += [
        ("Won", lambda r: labels.money(r.amount) if r.amount is not None else ""),
        ("Cost per entry", lambda r: labels.money(r.cost_per_entry) if r.cost_per_entry is not None else ""),
        ("Lead score, mean", lambda r: f"{r.score:.1f}" if r.score is not None else ""),
    ]
    names = stage_labels(rows)
    told = [{"": name} | {names[r.stage]: cell(r) for r in rows} for name, cell in lines]
    return pd.DataFrame([line for line in told if any(list(line.values())[1:])])


def middle(seconds: Durations | None) -> str:
    return labels.duration(seconds.median) if seconds and seconds.median is not None else ""


def _counted(key: str, rows: Sequence[StageRow]) -> Cell:
    return lambda r: f"{outcome(r, key):,}" if key in outcomes_of(r, rows) and outcome(r, key) else ""


def _exits(key: str) -> Cell:
    return lambda r: f"{r.exited[key].total:,}" if key in r.exited else ""


def tidy(answer: Funnel) -> pd.DataFrame:
    """Every number of the answer, one row per segment and stage, for the export."""
    out: list[dict[str, Any]] = []
    for row in answer.rows:
        flat = stage_row(row)
        plain = {k: v for k, v in flat.items() if not isinstance(v, dict)}
        plain["segment"] = named(next(iter(row.segment.values()))) if row.segment else ""
        for name in ("conversion_rate", "step_conversion_rate", "seconds_from_previous"):
            plain |= {f"{name}.{key}": value for key, value in (flat[name] or {}).items()}
        plain |= {f"exited.{stage}": e.total for stage, e in row.exited.items()}
        out.append(plain)
    return pd.DataFrame(out)


def reasons(rows: Sequence[StageRow], model: StageModel) -> pd.DataFrame:
    """Why journeys left, at any stage: reason, exit, n, detail (at which stages)."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for row in (r for r in rows if not r.optional):
        for stage, exited in row.exited.items():
            for given, n in exited.reasons.items():
                key = (reason(given), model.stage(stage).label)
                found.setdefault(key, {})[row.label] = n
    return pd.DataFrame(
        [
            {
                "reason": why,
                "exit": exit_,
                "n": sum(at.values()),
                "detail": labels.listed((f"{label} {n:,}" for label, n in at.items()), 8),
            }
            for (why, exit_), at in found.items()
        ],
        columns=["reason", "exit", "n", "detail"],
    )


def by_segment(answer: Funnel, step: Step) -> pd.DataFrame:
    """The rate of a step for the whole, then for each segment, the best first: label, value, low, high, note."""
    names = [named(value) for value in answer.segments]
    everybody = "All" if "All" not in names else "All together"
    groups = [(everybody, answer.whole), *zip(names, map(answer.of, answer.segments), strict=True)]
    out: list[dict[str, Any]] = []
    for label, rows in groups:
        rate = rate_of(rows, step)
        if rate.value is not None and rate.interval:
            low, high = rate.interval
            out.append({"label": label, "value": rate.value, "low": low, "high": high, "note": fraction(rate)})
    best_first = sorted(out[1:], key=lambda group: -group["value"])
    return pd.DataFrame([*out[:1], *best_first], columns=["label", "value", "low", "high", "note"])


def entries_over_time(trend: Trend, names: Mapping[str, str], period_name: Callable[[Any], str]) -> pd.DataFrame:
    """Entries per period and stage: period, name, series, value."""
    return pd.DataFrame(
        [
            {"period": r.period, "name": period_name(r.period), "series": names[r.stage], "value": r.entered}
            for r in trend.rows
        ],
        columns=["period", "name", "series", "value"],
    )


def over_time(trend: Trend, step: Step, period_name: Callable[[Any], str]) -> pd.DataFrame:
    """The rate of a step per period of entry and segment: period, name, series, value, low, high, immature, note."""
    found = rates_over_time(trend.rows, step)
    several = len({p.segment for p in found}) > 1
    out = []
    for p in found:
        low, high = p.rate.interval or (None, None)
        note = fraction(p.rate) + (" so far" if p.immature else "")
        band = {} if several else {"low": low, "high": high}
        point = {"period": p.period, "name": period_name(p.period), "series": named(p.segment) if several else ""}
        out.append(point | {"value": p.rate.value, "immature": p.immature, "note": note} | band)
    return pd.DataFrame(out)


def differences(found: Sequence[Change]) -> pd.DataFrame:
    """Changes of step rates in percentage points: label, value, low, high, clear, note, rates."""
    out = []
    for c in found:
        if c.difference:
            d = c.difference
            note = labels.moved(d)
            rates = f"{labels.percent(c.now.value)}, before {labels.percent(c.before.value)}"
            point = {"label": c.step.label, "value": d.value * 100, "low": d.low * 100, "high": d.high * 100}
            out.append(point | {"clear": c.clear, "note": note, "rates": rates})
    return pd.DataFrame(out, columns=["label", "value", "low", "high", "clear", "note", "rates"])


def anonymous(top: Top, ratio: Ratios, period_name: Callable[[Any], str]) -> pd.DataFrame:
    """One ratio of daily counts per period, for 1,000 of the level above: period, name, value, note."""
    return pd.DataFrame(
        [
            {
                "period": period,
                "name": period_name(period),
                "value": None if r.value is None else r.value * 1000,
                "note": fraction(r),
            }
            for period, r in zip(top.periods, ratio.each, strict=True)
        ],
        columns=["period", "name", "value", "note"],
    )
