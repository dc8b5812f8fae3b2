"""Who has stalled: by owner and stage, and the list to work through."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from lifecycle.business import Business
from lifecycle.stalled import Limit, Stalled, StalledList
from lifecycle.time_in_stage import DAY
from pages.pace import frames_stages as frames
from pages.pace import words_time as words
from pages.pace.choices import limits
from pages.ui import labels
from pages.ui.data import ask, digest
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.history_card import open_history
from pages.ui.layout import card, rate_tile, state, tiles
from queries.stalled import MOST, stalled, stalled_list


def stalls(v: View) -> None:
    """The counts, then the list of those that were picked."""
    kind, business = limits(v)
    found = ask(stalled, v.modelled, v.scope.whole, kind, business)
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
    listed(v, found, kind, business, owner)


def key_figures(v: View, found: Stalled) -> None:
    """Each stage's share that stalled, with its limit."""
    with tiles(min(6, len(found.limits))):
        for limit in found.limits:
            rate_tile(
                f"{v.modelled.model.stage(limit.stage).label}, over {said(limit, found.business)}",
                found.share(limit.stage),
                definition=Limit.__doc__ or "",
            )


def said(limit: Limit, business: Business | None) -> str:
    """A limit in words: working days where they are counted."""
    if business is None:
        return f"{limit.seconds / DAY:.3g} days" if limit.seconds >= DAY else labels.duration(limit.seconds)
    day = business.week.total_seconds() / len(business.open_spans)
    return f"{limit.seconds / day:.3g} working days"


def listed(v: View, found: Stalled, kind: str, business: Business | None, owner: str | None) -> None:
    """The list, of one stage and one owner where they are picked."""
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
    rows = ask(stalled_list, v.modelled, v.scope.whole, kind, business, stages, owners)
    mark = digest((kind, business, stages, owners))[:12]
    total = 0 if isinstance(rows, Failure) else rows.total
    whose = f" of {owner}" if owner else ""
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
