"""Cohorts as frames, for charts and tables."""

from __future__ import annotations

import pandas as pd

from lifecycle.retention import SHARES, Cell, Cells, Cohort, Retention, Triangle
from lifecycle.retention_words import age, named, odd_cohorts
from lifecycle.stages import StageModel
from pages.ui import charts_retention, labels, picture
from pages.ui.picture import PERIODS
from queries.contacts import Records
from queries.retention import Lifetimes

ALL = "All mature cohorts"
THIS, BEFORE = PERIODS


def figure(measure: str, value: float | None) -> str:
    """A measured value as people read it."""
    if measure in SHARES:
        return labels.percent(value, 0)
    return labels.UNDEFINED if value is None else f"{value:,.2f}" if measure == "orders" else labels.money(value)


def style(measure: str) -> str:
    """The same as a number format of d3."""
    return ".0%" if measure in SHARES else ",.2f" if measure == "orders" else ",.0f"


def column(answer: Retention, cell: Cell) -> str:
    """The head of a column: `0`, `3`, `4–6`, in days where each has its own clock."""
    if answer.rules.ages == "days":
        return f"{cell.age * 30} d" if cell.age == cell.last else f"{cell.age * 30}–{cell.last * 30} d"
    return f"{cell.age}" if cell.age == cell.last else f"{cell.age}–{cell.last}"


def weak(answer: Retention) -> set[str]:
    """The cohorts, by ISO day, of which fewer customers stay than of the others; told where customers are counted."""
    if answer.rules.measure != "logo" or answer.leaving.is_on_one_day:
        return set()
    odd = odd_cohorts(answer.whole, answer.scope.grain, answer.rules)
    return {o.cohort.start.isoformat() for o in odd if o.is_weak}


def triangle(answer: Retention) -> pd.DataFrame:
    """Every cell that somebody is old enough for; the pooled row first."""
    rows = _cells(answer, "", ALL, answer.whole.pooled, False)
    marked = weak(answer)
    for cohort in answer.whole.cohorts:
        day = cohort.start.isoformat()
        name = answer.scope.calendar.name(cohort.start, answer.scope.grain)
        rows += _cells(answer, day, f"{name} · {cohort.size:,}", cohort.cells, day in marked)
    return pd.DataFrame(rows)


def beside(answer: Retention, model: StageModel) -> pd.DataFrame:
    """The pooled row of each group of the breakdown and of both periods compared, as far as ten customers reach."""
    rows = _cells(answer, "", ALL, answer.whole.pooled, False)
    for value, t in answer.segments:
        rows += _cells(answer, "", f"{group(answer, model, value)} · {t.size:,}", t.pooled, False)
    for name, t in periods(answer):
        rows += _cells(answer, "", f"{name} · {t.size:,}", t.pooled, False)
    enough = [row for row in rows if int(str(row["eligible"])) >= charts_retention.FEWEST]
    return pd.DataFrame(enough)


def _cells(answer: Retention, day: str, row: str, cells: Cells, is_weak: bool) -> list[dict[str, object]]:
    measure = answer.rules.measure
    return [
        {
            "cohort": day,
            "row": row,
            "column": column(answer, c),
            "age": c.age,
            "said": "the start" if c.last == 0 else age(answer.rules, answer.scope.grain, c),
            "value": c.value,
            "figure": figure(measure, c.value),
            "counts": f"{c.retained:,}/{c.eligible:,}",
            "retained": c.retained,
            "eligible": c.eligible,
            "amount": c.cents / 100,
            "complete": c.complete,
            "weak": is_weak and c.last > 0,
            "note": "" if c.complete else "so far: the others of the cohort are too young",
        }
        for c in cells
        if c and c.value is not None
    ]


def table(answer: Retention) -> pd.DataFrame:
    """The triangle as an export holds it."""
    names = ["cohort", "age", "retained", "eligible", "value", "amount", "complete"]
    frame = triangle(answer)
    return (
        frame.reindex(columns=names)
        if frame.empty
        else frame.assign(cohort=frame["cohort"].replace("", "pooled"))[names]
    )


def curve(answer: Retention, name: str, cells: Cells) -> list[dict[str, object]]:
    """One line by age as far as ten customers reach, with the interval of a logo rate."""
    rows = []
    for c in cells:
        if c is None or c.value is None or c.eligible < charts_retention.FEWEST:
            continue
        low, high = (c.rate.interval or (None, None)) if answer.rules.measure == "logo" else (None, None)
        rows.append(
            {
                "series": name,
                "age": c.last * (30 if answer.rules.ages == "days" else 1),
                "said": "the start" if c.last == 0 else age(answer.rules, answer.scope.grain, c),
                "value": c.value,
                "low": low,
                "high": high,
                "note": f"{c.retained:,} of {c.eligible:,}",
            }
        )
    return rows


def group(answer: Retention, model: StageModel, value: str | None) -> str:
    """A group in words."""
    if answer.rules.split == "segment":
        return named(value)
    over = model.stage(model.handoff.from_).label if model.handoff else ""
    said = {
        "through": f"through {over}",
        "past": f"past {over} (bypass)",
        "quick": "the quicker half",
        "slow": "the slower half",
    }
    return "without a journey" if value is None else said.get(value, value)


CURVE = ["series", "age", "said", "value", "low", "high", "note"]


def pooled(lines: list[tuple[Retention, str, Triangle]]) -> pd.DataFrame:
    """The pooled curve of each of these."""
    return pd.DataFrame([row for a, name, t in lines for row in curve(a, name, t.pooled)], columns=CURVE)


def each(answer: Retention) -> pd.DataFrame:
    """The curve of every cohort, complete cells only."""
    marked, rows = weak(answer), []
    for cohort in answer.whole.cohorts:
        rows += _line(answer, cohort, cohort.start.isoformat() in marked)
    return pd.DataFrame(rows, columns=["cohort", "age", "value", "weak"])


def _line(answer: Retention, cohort: Cohort, is_weak: bool) -> list[dict[str, object]]:
    name = answer.scope.calendar.name(cohort.start, answer.scope.grain)
    whole = tuple(c for c in cohort.cells if c and c.complete)
    return [{"cohort": name, "age": p["age"], "value": p["value"], "weak": is_weak} for p in curve(answer, name, whole)]


def customers(found: Records, entity: str, segment: str | None) -> pd.DataFrame:
    """The customers behind a cell."""
    rows = [
        {
            entity: r["customer_id"],
            "Started": labels.instant(r["start_at"]),
            "Active since": labels.instant(r["at"]),
            "Amount": f"{r['cents'] / 100:,.2f}",
        }
        | ({segment: named(r["segment"])} if segment else {})
        for r in found.table.to_pylist()
    ]
    return pd.DataFrame(rows)


def period_called(name: str) -> str:
    """A period of `periods` in a sentence."""
    return {THIS: "this period's cohorts", BEFORE: "those before"}[name]


def periods(answer: Retention) -> list[tuple[str, Triangle]]:
    """The cohorts of the period and of the one that it is compared with; nothing without a comparison."""
    if answer.comparison is None:
        return []
    return [(THIS, of_period(answer)), (BEFORE, answer.comparison.whole)]


def of_period(answer: Retention) -> Triangle:
    """The cohorts that start in the scope's period, out of those that are shown."""
    start, end = answer.scope.start, answer.scope.end
    inside = [c for c in answer.whole.cohorts if (not start or c.start >= start) and (not end or c.start < end)]
    return Triangle(tuple(inside))


def lifetimes(found: Lifetimes) -> pd.DataFrame:
    """Survival curves of all together and of each group, as far as ten customers reach."""
    groups = [(picture.ALL, found.whole), *((named(v), t) for v, t in found.segments)]
    rows = []
    for name, table_ in groups:
        if table_.n:
            rows.append(_lived(name, 0.0, 1.0, 1.0, 1.0, f"{table_.n:,} at risk"))
        rows += [
            _lived(name, p.seconds / labels.DAY, p.survival, p.low, p.high, f"{p.at_risk:,} at risk")
            for p in table_.curve
            if p.left and p.at_risk >= charts_retention.FEWEST
        ]
    return pd.DataFrame(rows, columns=CURVE)


def _lived(name: str, days: float, value: float, low: float, high: float, note: str) -> dict[str, object]:
    said = f"{days:,.0f} days"
    return {"series": name, "age": days, "said": said, "value": value, "low": low, "high": high, "note": note}
