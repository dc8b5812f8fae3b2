"""Moves and velocity as text for the terminal: a table for people, CSV and JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from lifecycle.moves import Moves, Transition
from lifecycle.pipeline import LOST, WON, Estimate, Pipeline
from lifecycle.report_alignment import flat
from lifecycle.report_pace import moves_report, velocity_report
from lifecycle.scope import Scope, describe
from lifecycle.velocity import Velocity, factors
from pages.ui.funnel_text import rate
from pages.ui.labels import UNDEFINED, count, duration, money
from pages.ui.terminal import table
from queries.comebacks import comebacks
from queries.modelled import Modelled
from queries.moves import moves
from queries.ready import OptionError
from queries.routes import between, routes
from queries.stockflow import stock_and_flow
from queries.velocity import course, velocity

Answer = Moves | Velocity
OLDEST = 3_650  # days of an age that deals can be judged at


def ask(question: str, m: Modelled, scope: Scope, options: Mapping[str, str]) -> tuple[Answer, dict[str, Any]]:
    """The answer to moves or velocity, and the same as the documented dictionary."""
    if question == "velocity":
        found = velocity(m, scope, _days(options.get("age")))
        return found, velocity_report(found, course(m, scope, found.days))
    part = between(m.model, options.get("from_stage"), options.get("to_stage"))
    went = moves(m, scope)
    return went, moves_report(went, routes(m, scope, part), comebacks(m, scope), stock_and_flow(m, scope))


def _days(text: str | None) -> int | None:
    """An age in whole days. Raises OptionError."""
    if text is None:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= OLDEST:
        raise OptionError(f"--age: {text[:40]!r} is not a whole number of days from 1 to {OLDEST:,}")
    return int(text)


def as_table(answer: Answer) -> Table:
    """What fits on a terminal."""
    title = f"{answer.model}: {' · '.join(describe(answer.scope))}"
    match answer:
        case Moves():
            headings = ["", "from", "to", "move", "n", "of", "share %", "half within"]
            rows = [_moved("all", t) for t in answer.whole]
            rows += [_moved("not set" if p.name is None else p.name, t) for p in answer.parts for t in p.answer]
            return table(title, headings, rows, left=4)
        case Velocity():
            title += f" · judged at {answer.days} days"
            names = ["", "per day", "opportunities", "average value", "win rate %", "cycle days", "won", "lost", "open"]
            groups = [("all", answer.whole)]
            groups += [("not set" if p.name is None else p.name, p.pipeline) for p in answer.parts]
            return table(title, names, [[name, *_measured(p, answer.days)] for name, p in groups])


def _moved(group: str, t: Transition) -> list[str]:
    took = "" if t.median_seconds is None else duration(t.median_seconds)
    kind = "still there" if t.end is None else t.kind
    return [group, t.start, t.end or "", kind, count(t.n), count(t.share.denominator), rate(t.share), took]


def _measured(pipeline: Pipeline, days: int) -> list[str]:
    at = factors(pipeline, days)
    won, lost = pipeline.of(WON), pipeline.of(LOST)
    return [
        _value(at.velocity, money),
        count(pipeline.n),
        _value(at.average_value, money),
        _value(at.win_rate, lambda value: f"{value * 100:.1f}"),
        _value(at.cycle_days, lambda value: f"{value:,.1f}"),
        *(count(n) for n in (won, lost, pipeline.n - won - lost)),
    ]


def _value(found: Estimate | None, say: Any) -> str:
    return UNDEFINED if found is None else str(say(found.value))


def lines(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One line per move, or one for the whole and one per value of the breakdown."""
    return [row["segment"] | flat({k: v for k, v in row.items() if k != "segment"}) for row in report["rows"]]
