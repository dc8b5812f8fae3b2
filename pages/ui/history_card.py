"""The timeline of one contact, account or deal as a card: lists open it below them, the contact page begins with it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from lifecycle.history import History
from lifecycle.privacy import is_shareable
from lifecycle.stages import StageModel
from pages.ui import charts_history, data, labels, places
from pages.ui import history_frames as frames
from pages.ui import history_words as words
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card
from pages.ui.picture import Picture
from queries.history import history

PAGE = "pages/contacts/contact.py"


def open_history(v: View, entity_id: str, mark: str) -> None:
    """The timeline of an entity picked from a list, and the way to its page; `mark` tells the lists of a page apart."""
    found = asked(v, entity_id)
    timeline_card(v, found, entity_id, key=f"history.{mark}")
    if not isinstance(found, Failure):
        link(entity_id, f"Everything about {entity_id}")


def asked(v: View, entity_id: str) -> History | Failure:
    """The history of one entity, with waits counted as the service level counts them."""
    return ask(history, v.modelled, v.scope, entity_id, data.settings().working_time)


def timeline_card(v: View, found: History | Failure, entity_id: str, key: str = "timeline") -> None:
    """Stages, sales' answer, activities, deals and the rest over time, with the longest silence shaded."""
    model = v.modelled.model
    card(
        entity_id if isinstance(found, Failure) else words.title(found, model),
        lambda: found,
        partial(timeline, model),
        caption="" if isinstance(found, Failure) else caption(found, model),
        definition=history,
        table=lambda known: frames.lines(known, model),
        empty="Nothing is known of it by the cut-off.",
        key=key,
    )


def timeline(model: StageModel, known: History) -> Picture | None:
    if not known.stays and not known.moments:
        return None
    scale = frames.axis(known)
    marks = frames.bars(known, model), frames.points(known, model), frames.lanes(known, model)
    return charts_history.timeline(*marks, frames.journeys(known, model), frames.silences(known, model, scale), scale)


def caption(known: History, model: StageModel) -> str:
    """What the picture leaves out, and why."""
    parts = [f"All there is up to {labels.instant(known.as_of)}; neither period nor filters apply"]
    if frames.axis(known).cut:
        parts.append("long times without an event are cut short (grey)")
    if known.is_cut:
        parts.append("only the latest events are shown")
    if known.n_people > len(known.people):
        parts.append(f"{len(known.people):,} of {known.n_people:,} contacts are shown")
    if known.absent:
        parts.append(f"not in the warehouse: {labels.listed(known.absent, 6)}")
    return "; ".join(parts)


def link(entity_id: str, label: str) -> None:
    """The way to the page of one entity; an id that is an e-mail address is kept out of links."""
    if is_shareable(entity_id):
        where = {places.CONTACT: entity_id}
        st.page_link(PAGE, label=labels.escape(label), icon=":material/person_search:", query_params=where)
    else:
        st.caption("Its id looks like an e-mail address, which belongs into no link: find it by “Find a contact”.")
