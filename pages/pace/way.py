"""From any stage to any later one: how many arrive, how fast, and whether newer cohorts are faster."""

from __future__ import annotations

from functools import partial

import streamlit as st

from lifecycle.durations import LifeTable
from lifecycle.rates import Rate
from lifecycle.time_in_stage import ADVANCED, StageTimes, Trend
from lifecycle.ways_out import Gap, between_parts, since_before, told_until
from pages.pace import frames_stages, frames_time
from pages.pace import words_time as words
from pages.pace.choices import ends, two_or_more
from pages.pace.one_stage_parts import differing
from pages.ui import charts_pace, labels
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card, rate_tile, state, tile, tiles
from pages.ui.picture import ALL, Picture
from pages.ui.spans import span
from queries.end_to_end import cohorts, end_to_end

MOST_COHORTS = 8
NOBODY = "Nobody has arrived so far."


def way(v: View) -> None:
    """The whole way, then by cohort."""
    model = v.modelled.model
    if not two_or_more(model):
        st.info("This lifecycle has a single stage.", icon=":material/route:")
        return
    start, end = ends(v)
    found = ask(end_to_end, v.modelled, v.scope, start, end)
    if isinstance(found, Failure):
        state(found)
        return
    table = found.of(start)
    key_figures(table, found.comparison.of(start) if found.comparison else None)
    card(
        words.arrived(table, model.stage(start).label, model.stage(end).label),
        lambda: found,
        partial(arrivals, start),
        caption=f"Of those who entered {model.stage(start).label} themselves in the period (the funnel counts the "
        "implied too); who left by an exit has not arrived, who is on the way may still",
        definition=end_to_end,
        empty=NOBODY,
        height=360,
        key="arrivals",
    )
    beside(found, start)
    by_cohort = ask(cohorts, v.modelled, v.scope, start, end)
    left, right = st.columns(2, gap="small")
    with left:
        card(
            "Do newer cohorts arrive faster?",
            lambda: by_cohort,
            newer,
            caption="Share that has arrived, by when they entered, the bluer the newer; a curve ends where few were "
            f"seen for so long. Of more than {MOST_COHORTS} cohorts, evenly chosen ones are drawn",
            definition=cohorts,
            empty=NOBODY,
            height=360,
            key="cohorts",
        )
    with right:
        card(
            "How far has each cohort come?",
            lambda: by_cohort,
            frames_stages.cohorts,
            caption="“not yet” may still come",
            definition=cohorts,
            key="cohort-table",
        )


def beside(found: StageTimes, start: str) -> None:
    """How the share that arrives differs from the compared period's, and between the parts of the breakdown."""
    whole, before = found.of(start), found.comparison.of(start) if found.comparison else None
    if before is not None:
        until = told_until([whole, before], whole.seen)
        differing(found, partial(_since, start, until), _arrived, "before", until, "arrivals-before")
    parts = [table for value in found.segments if (table := found.part(start, value)).n]
    if parts:
        until = told_until(parts, whole.seen)
        differing(found, partial(_between, start, until), _arrived, "all others", until, "arrivals-parts")


def _since(start: str, until: float, found: StageTimes) -> tuple[Gap, ...]:
    assert found.comparison
    return since_before(found.of(start), found.comparison.of(start), [ADVANCED], until)


def _between(start: str, until: float, found: StageTimes) -> tuple[Gap, ...]:
    tables = {value: table for value in found.segments if (table := found.part(start, value)).n}
    return between_parts(tables, [ADVANCED], until)


def _arrived(_: str) -> str:
    return "Arrived"


def key_figures(table: LifeTable, before: LifeTable | None) -> None:
    """Who arrived so far, and when the first tenth, quarter and half of all had."""
    with tiles(5):
        n = table.ended([ADVANCED])
        rate_tile("Arrived so far", Rate(n, table.n))
        tile("Still on the way", labels.count(table.censored), note=f"{table.events - n:,} have left")
        tile(
            "Expected to arrive",
            labels.percent(expected(table)),
            note=f"before: {labels.percent(expected(before))}" if before else f"within {labels.duration(table.seen)}",
            definition=LifeTable.share.__doc__ or "",
        )
        for q, name in ((0.5, "Half of them within"), (0.9, "Nine in ten of them within")):
            tile(
                name,
                among(table, q),
                note=f"before: {among(before, q)}" if before else "of those who are expected to arrive",
                definition=LifeTable.time_to.__doc__ or "",
            )


def expected(table: LifeTable) -> float | None:
    """The share that arrives within the time that can be told, those on the way counted as waiting."""
    return table.share([ADVANCED], table.seen) if table.n else None


def among(table: LifeTable, q: float) -> str:
    """The time within which a share of those arrive who are expected to."""
    share = expected(table)
    return words.told(table.time_to([ADVANCED], q * share)) if share else labels.UNDEFINED


def arrivals(start: str, found: StageTimes) -> Picture | None:
    if found.segments:
        parts = {frames_stages.named(value): found.part(start, value) for value in found.segments}
        tables = {ALL: found.of(start)} | parts
    else:
        tables = {"This period": found.of(start)}
        tables |= {"Before": found.comparison.of(start)} if found.comparison else {}
    return _drawn(tables, ordered=False)


def newer(found: Trend) -> Picture | None:
    some = [m for m in found.months if m.table.n]
    step = -(-len(some) // MOST_COHORTS)
    names = {frames_stages.period_name(m.period, found.scope.grain): m.table for m in some[:: max(1, step)]}
    return _drawn(names, ordered=True)


def _drawn(tables: dict[str, LifeTable], *, ordered: bool) -> Picture | None:
    if not any(t.n for t in tables.values()):
        return None
    along = span(max(t.seen for t in tables.values()))
    rows = frames_time.arrivals(tables, along)
    if not rows["value"].any():
        return None
    return charts_pace.arrivals(rows, f"{along.name} since then", ordered=ordered)
