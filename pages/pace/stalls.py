"""Who has stalled: by owner and stage, and the list to work through."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pandas as pd
import streamlit as st

from lifecycle.business import Business
from lifecycle.parts import Part
from lifecycle.stalled import Heap, Limit, Stalled, StalledList
from lifecycle.time_in_stage import DAY
from pages.pace import frames_stages as frames
from pages.pace import frames_time_parts as parted
from pages.pace import words_time as words
from pages.pace.choices import limits, segment_label
from pages.pace.contrasts import contrasts
from pages.ui import labels
from pages.ui.data import ask, digest
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.history_card import open_history
from pages.ui.layout import card, state, tile, tiles
from queries.stalled import MOST, stalled, stalled_list


def stalls(v: View) -> None:
    """The counts, then the list of those that were picked."""
    kind, business = limits(v)
    found = ask(stalled, v.modelled, v.scope, kind, business)
    if isinstance(found, Failure):
        state(found)
        return
    if not found.limits:
        st.info("No stage of this lifecycle has a limit, and nobody has advanced yet.", icon=":material/hourglass:")
        return
    key_figures(v, found)
    picked = card(
        words.waiting(found, v.modelled.model),
        lambda: found,
        lambda a: frames.heaps(a, v.modelled.model) if a.heaps else None,
        caption="Open for longer than the limit, by owner; pick one to see only theirs",
        definition=stalled,
        select="owner",
        key="heaps",
    )
    owner = str(picked[0]["Owner"]) if picked else None
    part = beside(v, found)
    listed(v, found, kind, business, owner, part)


def key_figures(v: View, found: Stalled) -> None:
    """Each stage's share that stalled, with its limit, and how it was at the end of the compared period's time."""
    moved = {c.about: c for c in found.changes}
    with tiles(min(6, len(found.limits))):
        for limit in found.limits:
            rate, change = found.share(limit.stage), moved.get(limit.stage)
            gap = change.difference if change else None
            tile(
                f"{v.modelled.model.stage(limit.stage).label}, over {said(limit, found.business)}",
                labels.percent(rate.value),
                note=labels.interval(rate),
                change=labels.points(gap),
                good=gap.value < 0 if change and gap and change.clear else None,
                compared=f"vs {labels.percent(change.there.value)}" if change else "",
                definition=Limit.__doc__ or "",
            )


def beside(v: View, found: Stalled) -> Part[tuple[Heap, ...]] | None:
    """The parts of the breakdown beside each other, and the compared period; the part that was picked."""
    model = v.modelled.model
    told = partial(
        contrasts,
        found,
        said=lambda stage: f"stalled in {model.stage(stage).label}" if stage else "stalled in any of these",
        what="Of those in the stage, or in any of these stages, longer in it than its limit",
        welcome=lambda _: False,
    )
    if found.comparison:
        now, then = found.share(), found.comparison.share()
        st.caption(
            f"{now.numerator:,} of {now.denominator:,} have stalled; as of "
            f"{labels.day(found.comparison.scope.as_of)} it was {then.numerator:,} of {then.denominator:,}, by the "
            "same limits."
        )
        told(since=True, definition=Stalled.changes.__doc__ or "", key="stalled-before")
    if not found.parts:
        return None
    by = segment_label(v)
    told(since=False, definition=Stalled.contrasts.__doc__ or "", key="stalled-parts")
    picked = card(
        f"Who has stalled, by {by.lower()}?",
        lambda: found,
        lambda answer: parted.stalled_parts(answer, model, by),
        caption="All rows add up to the last; “chance”: it explains the difference to all others. Pick one to see only "
        "theirs",
        definition=stalled,
        select="part",
        key="stalled-parts-table",
    )
    names = {frames.named(part.name): part for part in found.parts}
    return names.get(str(picked[0][by])) if picked else None


def said(limit: Limit, business: Business | None) -> str:
    """A limit in words: working days where they are counted."""
    if business is None:
        return f"{limit.seconds / DAY:.3g} days" if limit.seconds >= DAY else labels.duration(limit.seconds)
    day = business.week.total_seconds() / len(business.open_spans)
    return f"{limit.seconds / day:.3g} working days"


def listed(
    v: View,
    found: Stalled,
    kind: str,
    business: Business | None,
    owner: str | None,
    part: Part[tuple[Heap, ...]] | None,
) -> None:
    """The list, of one stage, one owner and one part of the breakdown where they are picked."""
    model = v.modelled.model
    names = {limit.stage: model.stage(limit.stage).label for limit in found.limits}
    stage = st.selectbox(
        "Only in",
        list(names),
        None,
        names.__getitem__,
        "stalled_stage",
        placeholder="Any stage",
        width=220,
        bind="query-params",
    )
    stages = (stage,) if stage else ()
    owners: tuple[str | None, ...] = () if owner is None else (None if owner == "nobody" else owner,)
    values = part.values if part else ()
    scope = v.scope if part else v.scope.whole
    rows = ask(stalled_list, v.modelled, replace(scope, compare="none"), kind, business, stages, owners, values)
    mark = digest((kind, business, stages, owners, values))[:12]
    total = 0 if isinstance(rows, Failure) else rows.total
    whose = "".join(f" of {name}" for name in (owner, frames.named(part.name) if part else None) if name)
    first = f", the first {MOST:,}" if total > MOST else ""
    picked = card(
        f"{total:,} stalled{f' in {names[stage]}' if stage else ''}{whose}{first}",
        lambda: rows,
        partial(_rows, v, found),
        caption="Those with most open deals first, then those that stalled last. Pick one to see its history",
        definition=stalled_list,
        empty="Nobody has stalled.",
        select="stay",
        key=f"stalled.{mark}",
    )
    if picked:
        open_history(v, str(picked[0][frames.ENTITIES[model.entity]]), mark)


def _rows(v: View, found: Stalled, rows: StalledList) -> pd.DataFrame | None:
    return frames.stalled(rows, v.modelled.model, found.limits) if rows.stays else None
