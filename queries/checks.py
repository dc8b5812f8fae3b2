"""Whether a deployment is in order: configuration, connection, freshness, conservation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lifecycle.goals import COUNTS, SHARES, Goal
from lifecycle.health import Conservation, left_out
from lifecycle.rates import Rate
from lifecycle.stages import StageModel
from queries import builds
from queries.builds import Build
from queries.contract import CONTRACT
from queries.cutoff import loaded_at
from queries.errors import WarehouseError
from queries.goals import kept
from queries.modelled import latest, sources_of
from queries.settings import Settings
from queries.warehouse import Warehouse, open_warehouse

ADVICE = "see the page Alignment, or set another goal ([goals.NAME] in lifecycle.toml)."


@dataclass(frozen=True)
class Check:
    """One thing looked at: whether it is in order, what was seen, and what to do where it is not."""

    name: str
    is_good: bool
    seen: str
    hint: str = ""


def checks(settings: Settings, known: Mapping[str, StageModel], now: datetime) -> Iterator[Check]:
    """What is in order and what is not, from the configuration to the goals; `now` is naive UTC."""
    where = "embedded" if settings.is_embedded else "a server"
    yield Check("configuration", True, f"{len(known)} stage models, warehouse {where}, days in {settings.timezone}")
    try:
        warehouse = open_warehouse(settings)
        found = sources_of(warehouse)
    except WarehouseError as problem:
        yield Check("connection", False, problem.message, problem.hint)
        return
    try:
        yield Check("connection", warehouse.notice is None, warehouse.notice or "The warehouse answers.")
        events = {"stage_events", "stage_dates", "deal_stage_events"} & found.keys()
        names = ", ".join(name for name in CONTRACT if name in found) or "none of the contract's."
        yield Check("tables", bool(events), names, "Load stage_events: lifecycle load --stage-events FILE.")
        yield from _builds(warehouse, settings, known, now)
    finally:
        warehouse.close()


def _builds(
    warehouse: Warehouse, settings: Settings, known: Mapping[str, StageModel], now: datetime
) -> Iterator[Check]:
    newest: dict[str, Build] = {}
    for build in builds.history(warehouse):
        newest.setdefault(build.model, build)
    if not newest:
        yield Check("builds", False, "No model has been built.", "Run: lifecycle build.")
        return
    loaded = loaded_at(warehouse)
    for name, build in newest.items():
        if name in known and known[name].digest != build.digest:
            yield Check(f"build of {name}", False, "Its definition has changed since.", "Run: lifecycle build.")
        elif loaded is not None and loaded > build.loaded_at:
            yield Check(f"build of {name}", False, "Data was loaded since.", "Run: lifecycle build.")
        books = Conservation.of(build.counts)
        seen = f"{books.events:,} events = {books.used:,} used + {books.repeats:,} repeats + {books.ignored:,} ignored"
        seen += f" + {books.duplicates:,} duplicates + {books.quarantined:,} quarantined"
        yield Check(f"conservation of {name}", books.is_kept, seen, "Run: lifecycle build --full.")
        for what, said in left_out(build.counts).items():
            yield Check(f"{what} of {name}", True, said)
    for name in settings.goals:
        yield from _goals(warehouse, settings, known, name)
    as_of = max(build.as_of for build in newest.values())
    age = now - as_of
    yield Check(
        "freshness",
        age <= timedelta(days=settings.stale_after_days),
        f"data up to {as_of:%Y-%m-%d %H:%M} UTC, {max(age.days, 0):,} days ago.",
        f"Load newer data; more than {settings.stale_after_days:g} days counts as stale (stale_after_days).",
    )


def _goals(warehouse: Warehouse, settings: Settings, known: Mapping[str, StageModel], name: str) -> Iterator[Check]:
    """Whether the last whole month kept each goal that is set for a model, and by how much it was missed."""
    if name not in known:
        yield Check(f"goals of {name}", False, "There is no such stage model.", f"Known: {', '.join(known)}.")
        return
    try:
        found = kept(
            latest(warehouse, known[name]), settings.calendar, settings.goals[name].wanted, settings.working_time
        )
    except WarehouseError as problem:
        yield Check(f"goals of {name}", False, problem.message, problem.hint)
        return
    for goal in found:
        said = f"{_figure(goal)} in {goal.month:%B %Y}; the goal is {_amount(goal, goal.wanted)}."
        missed = f"Missed by {_amount(goal, goal.gap or 0, ' pp')}: {ADVICE}"
        yield Check(f"{goal.name.replace('_', ' ')} of {name}", goal.is_met, said, missed)


def _figure(goal: Goal) -> str:
    """What the month came to, with what lies under it."""
    if not isinstance(goal.seen, Rate):
        return f"{goal.seen:,} {COUNTS[goal.name]}"
    if goal.seen.value is None or goal.seen.interval is None:
        return f"no {SHARES[goal.name].partition(' that ')[0]}"
    low, high = goal.seen.interval
    among = f"{goal.seen.numerator:,} of {goal.seen.denominator:,}, {low * 100:.1f}–{high * 100:.1f} %"
    return f"{goal.seen.value * 100:.1f} % ({among})"


def _amount(goal: Goal, value: float, unit: str = " %") -> str:
    """A goal, or by how much it is missed, in its own unit."""
    return f"{value * 100:.1f}{unit}" if isinstance(goal.seen, Rate) else f"{value:,.0f} leads"
