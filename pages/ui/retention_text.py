"""Retention and recurring revenue as text for the terminal: a table for people, CSV and JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rich.table import Table

from lifecycle.mrr import MOVEMENTS, Book, Period
from lifecycle.report_retention import lines, mrr_report, read_rules, retention_report
from lifecycle.retention import MEASURES, ORDERS, SHARES, SUBSCRIPTIONS, Cell, Retention
from lifecycle.scope import Scope, describe
from pages.ui.labels import UNDEFINED, count
from pages.ui.terminal import plain, table
from queries.modelled import Modelled
from queries.mrr import mrr
from queries.ready import OptionError
from queries.retention import retention

Answer = Retention | Book
WEEK_STARTS = ("monday", "sunday")


__all__ = ["as_table", "ask", "lines"]


def ask(question: str, m: Modelled, scope: Scope, options: Mapping[str, str]) -> tuple[Answer, dict[str, Any]]:
    """The answer to retention or mrr, and the same as the documented dictionary. Raises OptionError."""
    week_start = options.get("week_start", scope.calendar.week_start)
    if week_start not in WEEK_STARTS:
        raise OptionError(f"--week-start {week_start[:40]!r} is not known (allowed: {', '.join(WEEK_STARTS)})")
    scope = replace(scope, calendar=replace(scope.calendar, week_start=week_start))
    if question == "mrr":
        book = mrr(m, scope)
        return book, mrr_report(book)
    default = SUBSCRIPTIONS if SUBSCRIPTIONS in m.sources else ORDERS
    try:
        rules = read_rules(options, m.model, scope, default)
    except ValueError as problem:
        raise OptionError(str(problem)) from None
    found = retention(m, scope, rules)
    return found, retention_report(found)


def as_table(answer: Answer) -> Table:
    """What fits on a terminal: the triangle as values, or the book with its rates."""
    title = f"{answer.model}: {' · '.join(describe(answer.scope))}"
    if isinstance(answer, Book):
        headings = [
            "",
            "start",
            *(label.lower() for label in MOVEMENTS.values()),
            "end",
            "NRR",
            "GRR",
            "logos",
            "quick",
        ]
        return table(title, headings, [_booked(answer, p) for p in answer.periods])
    ages = [f"{low}" if low == high else f"{low}–{high}" for low, high in answer.rules.steps]
    wide = max((i + 1 for i, c in enumerate(answer.whole.pooled) if c), default=0)
    rows = [
        [answer.scope.calendar.name(c.start, answer.scope.grain), count(c.size), *_row(c.cells)]
        for c in answer.whole.cohorts
    ]
    rows.append(["all mature", count(answer.whole.size), *_row(answer.whole.pooled)])
    what = f"{MEASURES[answer.rules.measure].lower()}, by age; * = some are too young"
    made = table(f"{title} · {what}", ["cohort", "size", *ages[:wide]], [row[: wide + 2] for row in rows])
    made.caption, made.caption_justify = plain(answer.leaving.notice), "left"
    return made


def _row(cells: tuple[Cell | None, ...]) -> list[str]:
    return ["" if c is None else f"{_value(c)}{'' if c.complete else '*'}" for c in cells]


def _value(c: Cell) -> str:
    if c.value is None:
        return UNDEFINED
    return f"{c.value * 100:.0f}%" if c.measure in SHARES else f"{c.value:,.2f}"


def _booked(answer: Book, p: Period) -> list[str]:
    shares = (p.nrr, p.grr, p.logo_retention.value)
    return [
        answer.scope.calendar.name(p.start_on, answer.scope.grain),
        *(f"{cents / 100:,.2f}" for cents in (p.start, *p.cents.values(), p.end)),
        *(UNDEFINED if s is None else f"{s * 100:.1f}%" for s in shares),
        UNDEFINED if p.quick_ratio is None else f"{p.quick_ratio:.1f}",
    ]
