"""The tiles of the overview: each function turns one subject's answer into tiles; a later subject adds its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from lifecycle.agreement import Agreement
from lifecycle.attention import before_purchase, purchase
from lifecycle.funnel import Funnel, StageRow
from lifecycle.loyalty import AGE, Repeat
from lifecycle.mrr import Period
from lifecycle.rates import Rate, difference
from lifecycle.scope import Scope
from lifecycle.time_in_stage import slowest_stage
from lifecycle.velocity import Factors, split
from lifecycle.volumes import Volumes, at_a_glance, change, chosen
from pages.ui import data, labels
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.headline import nps_tile
from pages.ui.layout import rate_tile, state, tile
from queries import funnel, mrr, overview
from queries import velocity as velocities
from queries.agreement import profile
from queries.durations import life_tables
from queries.purchases import repeat
from queries.surveys import recommended

Tile = Callable[[], None]


def volumes(v: View) -> list[Tile]:
    """Entries per stage in the period, with their course and their change."""
    answer = data.ask(overview.volumes, v.modelled, at_a_glance(v.scope.whole))
    return [partial(state, answer)] if isinstance(answer, Failure) else _volumes(v, answer)


def conversion(v: View) -> list[Tile]:
    """How many of those who started in the period have made the purchase, or whatever the lifecycle leads up to."""
    answer = followed(v)
    if isinstance(answer, Failure):
        return [partial(state, answer)]
    first, goal = ends(v, answer)
    now = goal.conversion_rate
    if not isinstance(now, Rate):
        return []
    before = ends(v, answer.comparison)[1].conversion_rate if answer.comparison and is_compared(v) else None
    found = difference(now, before) if isinstance(before, Rate) else None
    definition = (
        f"Of the journeys that reached {first.label} in the period, the share that has reached {goal.label} so far, "
        "with its 95 % interval. A comparison gives both periods equally long."
    )
    return [partial(rate_tile, f"To {goal.label}", now, found, definition=definition)]


def loyalty(v: View) -> list[Tile]:
    """Whether customers would recommend, else whether they buy again; nothing where neither is recorded."""
    answered = data.ask(recommended, v.modelled, v.scope.whole)
    if not isinstance(answered, Failure):
        return [partial(nps_tile, answered.now, answered.before)]
    bought = data.ask(repeat, v.modelled, v.scope.whole)
    if isinstance(bought, Failure):
        return [partial(state, failed) for failed in (answered, bought) if failed.kind != "missing_table"]
    now, before = bought.whole.rate(AGE), bought.comparison.whole.rate(AGE) if bought.comparison else None
    moved = difference(now, before) if before else None
    return [partial(rate_tile, f"Bought again, {AGE} days", now, moved, definition=Repeat.rate.__doc__ or "")]


def velocity(v: View) -> list[Tile]:
    """How much money the deals bring per day; nothing where none are recorded."""
    answer = data.ask(velocities.velocity, v.modelled, v.scope.whole)
    if isinstance(answer, Failure):
        return [] if answer.kind == "missing_table" else [partial(state, answer)]
    now, change_ = answer.now.velocity, split(answer.now, answer.before) if answer.before else None
    return [
        partial(
            tile,
            "Velocity, per day",
            labels.money(now.value if now else None),
            note=f"{labels.money(now.low)} – {labels.money(now.high)}" if now else "nothing won that is old enough",
            change=labels.growth(change_.ratio.value - 1) if change_ else None,
            good=change_.now > change_.before if change_ and change_.significant else None,
            compared=f"vs {labels.money(change_.before)}" if change_ else "",
            definition=inspect.getdoc(Factors.velocity) or "",
        )
    ]


def agreement(v: View) -> list[Tile]:
    """How much sales accepted of what it decided; nothing where the lifecycle hands nothing over."""
    if v.modelled.model.handoff is None:
        return []
    answer = data.ask(profile, v.modelled, v.scope.whole)
    if isinstance(answer, Failure):
        return [partial(state, answer)]
    now, before = answer.whole.acceptance, answer.before.acceptance if answer.before else None
    found, definition = difference(now, before) if before else None, Agreement.acceptance.__doc__ or ""
    return [partial(rate_tile, "Acceptance", now, found, definition=definition)]


def pace(v: View) -> list[Tile]:
    """How long the slowest stage before the purchase takes; nothing where of none half have left."""
    answer = data.ask(life_tables, v.modelled, against(v.scope.whole))
    if isinstance(answer, Failure):
        return [partial(state, answer)]
    slowest = slowest_stage(answer, before_purchase(v.modelled.model))
    if slowest is None:
        return []
    table, before = answer.of(slowest), answer.comparison.of(slowest) if answer.comparison else None
    then = before.quantile(0.5) if before and is_compared(v) else None
    return [
        partial(
            tile,
            f"Time in {v.modelled.model.stage(slowest).label}",
            labels.told(table.quantile(0.5)),
            note=f"median; slowest before {purchase(v.modelled.model).label}, n = {table.n:,}",
            compared=f"vs {labels.told(then)}" if then is not None else "",
            definition=inspect.getdoc(life_tables) or "",
        )
    ]


def retention(v: View) -> list[Tile]:
    """How many subscribers the latest full month kept; nothing where there are none, or the book is empty."""
    book = data.ask(mrr.mrr, v.modelled, replace(v.scope.whole, grain="month"))
    if isinstance(book, Failure):
        return [] if book.kind == "missing_table" else [partial(state, book)]
    if not book.periods or book.periods[-1].logo_retention.value is None:
        return []
    now = book.periods[-1]
    before = book.comparison.periods[-1].logo_retention if book.comparison and book.comparison.periods else None
    moved = difference(now.logo_retention, before) if before else None
    return [
        partial(
            rate_tile,
            f"Kept in {now.start_on:%b %Y}",
            now.logo_retention,
            moved,
            definition=Period.logo_retention.__doc__ or "",
        )
    ]


HEADLINES = (conversion, agreement, pace, velocity, retention, loyalty)  # beside the volumes, a tile each


def followed(v: View) -> Funnel | Failure:
    """The cohort of the period, and always an earlier one to see changes against."""
    return data.ask(funnel.counts, v.modelled, against(v.scope.whole))


def against(scope: Scope) -> Scope:
    """The scope with its comparison, the previous period where none is chosen."""
    return scope if scope.compare != "none" else replace(scope, compare="previous")


def is_compared(v: View) -> bool:
    return v.scope.compared is not None


def ends(v: View, answer: Funnel) -> tuple[StageRow, StageRow]:
    """The first stage, and the one that the lifecycle leads up to."""
    goal = purchase(v.modelled.model).key
    return answer.whole[0], next(row for row in answer.whole if row.stage == goal)


def _volumes(v: View, answer: Volumes) -> list[Tile]:
    tiles: list[Tile] = []
    for row in chosen(answer.rows):
        before = answer.comparison.entered(row.stage) if answer.comparison else None
        found = change(row.entered, before) if before else None
        stage = v.modelled.model.stage(row.stage)
        tiles.append(
            partial(
                tile,
                row.label,
                labels.count(row.entered),
                change=labels.growth(found.value) if found else None,
                good=found.value > 0 if found and found.significant else None,
                compared=f"vs {before:,}" if found else "",
                trend=row.bins[: answer.complete],
                definition=stage.definition,
            )
        )
    return tiles
