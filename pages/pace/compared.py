"""One stage compared: which segments tell quick stays from slow ones, and which values."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from lifecycle.contrast import Lean, Segmented, Separation
from lifecycle.durations import joined, log_rank
from lifecycle.time_in_stage import reach
from pages.pace import frames_stages, frames_time
from pages.pace import words_time as words
from pages.pace.choices import Choices, choices
from pages.ui import charts_durations as charts
from pages.ui import charts_pace
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card, state
from pages.ui.picture import Picture
from pages.ui.spans import span
from queries.contrast import by_every_segment

MOST_CURVES = 8


def compared(v: View) -> None:
    """The breakdown, or where none is chosen the segment that tells most."""
    chosen = choices(v)
    found = ask(by_every_segment, v.modelled, v.scope.whole, chosen.stage, chosen.skip_zero)
    if isinstance(found, Failure):
        state(found)
        return
    ranked = found.separations
    by = v.scope.by if v.scope.by in found.tables else ranked[0].segment if ranked else None
    if by is None:
        st.info("There is no segment with two values or more among these stays.", icon=":material/splitscreen:")
        return
    if v.scope.by is None:
        st.caption("No breakdown is chosen above: shown is the segment that tells most.")
    values(v, chosen, found, ranked, by)
    left, right = st.columns(2, gap="small")
    with left:
        ends(v, chosen, found, quick=True)
    with right:
        ends(v, chosen, found, quick=False)
    card(
        f"Which segments tell quick stays in {chosen.label} from slow ones?",
        lambda: found,
        lambda a: frames_stages.separations(a.separations, v.modelled.catalog),
        caption="Log-rank, corrected for many. Fastest and slowest: of the values that are set and have 30 stays",
        definition=Separation,
        key="separations",
    )


def values(v: View, chosen: Choices, found: Segmented, ranked: Sequence[Separation], by: str) -> None:
    """The curves of the segment's values, and each value against the others."""
    segment = v.modelled.catalog.get(by)
    label = segment.label if segment else by
    separation = next((s for s in ranked if s.segment == by), None)
    card(
        words.separated(ranked, by, label),
        lambda: found,
        partial(curves, chosen, by),
        caption=f"Still in {chosen.label} after so long, by {label.lower()}; under the axis how many of each"
        + (f"; log-rank {words.p_value(separation.p)}, corrected" if separation else ""),
        definition=log_rank,
        height=400,
        key="by-value",
    )
    card(
        f"{label}: which value differs from the others?",
        lambda: found,
        lambda a: frames_stages.groups(a.tables[by]),
        caption="Log-rank, corrected for looking at many values",
        definition=log_rank,
        key="values",
    )


def curves(chosen: Choices, by: str, found: Segmented) -> Picture | None:
    """The curves of the largest values."""
    largest = sorted(found.tables[by].items(), key=lambda one: (-one[1].n, one[0] or ""))[:MOST_CURVES]
    named = {frames_stages.named(value): table for value, table in largest}
    if not named:
        return None
    longest = max(table.longest for table in named.values())
    along = span(longest if chosen.log else reach(list(named.values())), chosen.log)
    rows, ticks = frames_time.curves(named, along), frames_time.at_risk(joined(named.values()), along)
    each = frames_time.each_at_risk(named, along)
    return charts.survival(rows, ticks, frames_time.medians({}, along), risk=each, log=chosen.log)


def leaning(v: View, quick: bool, found: Segmented) -> Picture | None:
    rows = frames_stages.leans((found.quick if quick else found.slow).rows, v.modelled.catalog)
    return charts_pace.leans(rows, slow=not quick) if len(rows) else None


def ends(v: View, chosen: Choices, found: Segmented, *, quick: bool) -> None:
    """Who is over-represented at one end."""
    leans = found.quick if quick else found.slow
    at = leans.at
    rows = frames_stages.leans(leans.rows, v.modelled.catalog)
    first = rows["label"].iloc[0] if len(rows) else ""
    when = "" if at is None else words.told(at)
    end, most = ("quickest", "a quarter has") if quick else ("slowest", "three quarters have")
    card(
        words.leaning(leans.rows, quick, first) if at is not None else f"The {end} quarter is not known yet",
        lambda: found,
        partial(leaning, v, quick),
        caption=f"Share that {'left within' if quick else 'stayed for more than'} {when}; dashed: of all"
        if when
        else "",
        definition=Lean,
        empty="No value differs beyond chance."
        if at is not None
        else f"Fewer than {most} left so far: who the {end} are is not known yet.",
        key="quick" if quick else "slow",
    )
