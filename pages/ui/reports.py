"""The questions of `lifecycle report`, and the options each of them has: data, from which the terminal makes commands.

A question names the module that answers it, imported when it is asked: statistics are slow to load. The module has
`ask(question, modelled, scope, options) -> (answer, found)`, where `options` holds the question's own options that were
given and `found` is the documented dictionary; `as_table(answer)`; and `lines(found)`, the rows of a CSV.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from typer import Option

PERIOD = ("period", "from", "to", "compare", "as_of", "timezone")
COMMON = (*PERIOD, "by", "top", "grain")  # what the scope says for every question

OPTIONS: Mapping[str, tuple[str, str]] = {  # option → how its value is written, what it means
    "stages": ("a,b,c", "Progress stages to count; default: all."),
    "period": ("NAME", "A preset such as last_12_months, this_quarter, all."),
    "from": ("DAY", "First local day."),
    "to": ("DAY", "The local day after the last."),
    "compare": ("none|previous|year", "Another period beside it."),
    "as_of": ("DAY|INSTANT", "Data cut-off: a local day or an instant."),
    "timezone": ("ZONE", "Time zone of days."),
    "basis": ("cohort|period|stock", "Whose entries count."),
    "count": ("passed|ordered|strict|any", "What reaching means."),
    "window": ("90d", "Time allowed from the first stage: s, min, h, d, w."),
    "by": ("SEGMENT", "Break down by a segment."),
    "top": ("N", "How many values of it; the rest is Other."),
    "grain": ("day|week|month|quarter|year", "Periods of the trend."),
}


@dataclass(frozen=True)
class Question:
    """One command: its help, the module that answers it, the scope's options and its own (option → metavar, help).

    `deck` names the module that tells the answer as slides: `deck(modelled, scope, ask)`.
    """

    about: str
    answered_by: str
    options: tuple[str, ...] = COMMON
    own: Mapping[str, tuple[str, str]] | None = None
    deck: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """Option → its annotation for typer; every one is a text that may be missing."""
        every = {name: OPTIONS[name] for name in self.options} | dict(self.own or {})
        return {
            name: Annotated[str | None, Option(f"--{name.replace('_', '-')}", metavar=metavar, help=text)]
            for name, (metavar, text) in every.items()
        }


ALIGNMENT = "pages.ui.alignment_text"
PACE = "pages.ui.pace_text"
RETENTION = "pages.ui.retention_text"
LOYALTY = "pages.ui.loyalty_text"
WEEK = {"week_start": ("monday|sunday", "First day of the week; default: the configured one.")}
QUESTIONS: Mapping[str, Question] = {
    "funnel": Question(
        "How many reach each stage, and what becomes of the others.",
        "pages.ui.funnel_text",
        ("stages", *PERIOD, "basis", "count", "window", "by", "top", "grain"),
    ),
    "alignment": Question(
        "Whether marketing and sales agree on the leads handed over.", ALIGNMENT, deck="pages.alignment.deck"
    ),
    "sla": Question("Whether sales touches the leads handed over in time.", ALIGNMENT),
    "commitment": Question("Whether marketing delivers the leads it promised, month by month.", ALIGNMENT),
    "time-in-stage": Question(
        "How long stages take, those still waiting included.",
        "pages.ui.durations_text",
        ("stages", *PERIOD, "by", "top"),
        {
            "from_stage": ("STAGE", "From its first entry … (default: the first stage)"),
            "to_stage": ("STAGE", "… until this stage or a later one (default: the purchase)"),
        },
    ),
    "moves": Question(
        "Where they go from each stage, by which routes, and whether they come back.",
        PACE,
        own={
            "from_stage": ("STAGE", "Routes from its first entry … (default: the journey's start)"),
            "to_stage": ("STAGE", "… to this stage (default: the one the lifecycle leads up to)"),
        },
    ),
    "velocity": Question(
        "How much money the deals bring per day, and what changed it.",
        PACE,
        own={"age": ("DAYS", "Age at which deals are judged; default: when nine in ten wins are made.")},
    ),
    "retention": Question(
        "Who stays: cohorts of customers by age.",
        RETENTION,
        own={
            "activity": ("NAME", "What starts a customer: orders, subscriptions, stage:KEY or stage:*."),
            "return_activity": ("NAME", "What keeps it; default: the same."),
            "rule": ("first_time|recurring", "Whether a customer starts once, or in every active period."),
            "mode": ("bounded|rolling|brackets", "Active at an age, then or later, or within a bracket of ages."),
            "ages": ("calendar|days", "Ages in calendar periods, or in 30 days from each start."),
            "measure": ("logo|nrr|grr|orders|revenue|cumulative", "What is measured."),
            "periods": ("N", "How many ages are followed."),
            "cohorts": ("period|all", "Cohorts that start in the period, or all."),
        }
        | WEEK,
    ),
    "mrr": Question("What changed recurring revenue, period by period, to the cent.", RETENTION, own=WEEK),
    "loyalty": Question("Who buys again, who recommends, and whom they bring.", LOYALTY),
    "clv": Question(
        "What a customer is worth, seen and predicted, and what winning one costs.",
        LOYALTY,
        own={
            "margin": ("SHARE", "Margin of revenue from 0 to 1; default: what orders tell, else 1."),
            "months": ("N", "Months that are predicted; default: 36."),
            "discount": ("SHARE", "By how much a year of waiting lowers value; default: 0.10."),
        },
    ),
}
