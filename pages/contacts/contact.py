"""One person's, account's or deal's whole journey: what happened when, who answered, and what the records say."""

from __future__ import annotations

import streamlit as st

from lifecycle.evidence import fates
from lifecycle.history import History
from lifecycle.links import clean
from pages.contacts import figures, frames
from pages.ui import charts_history, data, history_card, labels, places
from pages.ui import history_frames as lines
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View, view
from pages.ui.layout import card, figure_tile, page_header, state, tiles
from queries.evidence import RawRows, raw_rows
from queries.members import members
from queries.search import SHORTEST, Matches, find, named

BUSIEST = 12  # contacts of an account that have a lane of their own
COLUMNS = 10  # of a list of matches: more would not fit beside each other


def page() -> None:
    page_header("Find a contact", "One person’s or account’s whole journey: what happened when, and who answered")
    v = view()
    searched(v)
    if wanted := places.contact():
        opened(v, wanted)


def searched(v: View) -> None:
    """The search, and its matches; a single one is opened at once."""
    by_name = data.settings().personal_data and v.modelled.model.entity != "deal"
    what = "Id, name or e-mail address" if by_name else f"Id of the {v.modelled.model.entity}"
    what += "" if by_name or v.modelled.model.entity == "contact" else " or contact"
    text = st.text_input(what, key="find", on_change=places.open_contact, args=("",), width=420, placeholder="Search")
    if not by_name:
        st.caption("Names and e-mail addresses are masked here, and cannot be searched (personal_data is off).")
    if len(text.strip()) < SHORTEST:
        if text:
            st.markdown(f":material/search: At least {SHORTEST} characters, please.")
        elif not places.contact():
            st.markdown(":material/search: Search for an id, or open one from a list of the other pages.")
        return
    try:
        clean(text)
    except ValueError as problem:
        st.warning(f"This cannot be searched: it {labels.escape(problem)}.", icon=":material/search_off:")
        return
    found = ask(find, v.modelled, v.scope, text)
    if isinstance(found, Failure):
        state(found)
    elif not found.total:
        st.info(nobody(v, text), icon=":material/search_off:")
    elif found.total == 1 and not places.contact():
        places.open_contact(found.found[0].entity_id)
    elif found.total > 1:
        choose(v, found, text)


def nobody(v: View, text: str) -> str:
    """That nothing fits, and what else could be tried."""
    model = v.modelled.model
    said = f"**Nothing fits “{labels.escape(text)}”** in {labels.escape(model.label)}. "
    hidden = "" if data.settings().personal_data else " Names and e-mail addresses are not searched here."
    return f"{said}Check the spelling, or try a part of the id.{hidden}"


def choose(v: View, found: Matches, text: str) -> None:
    """Several fit: one is picked."""
    model, shown = v.modelled.model, len(found.found)
    rest = f"; the best {shown:,} are listed" if found.total > shown else ""
    rows = frames.matches(found, model)
    differing, same = frames.apart(rows, (labels.ENTITIES[model.entity], "Now", "Since", "Contacts"))
    picked = card(
        f"{found.total:,} {model.entity}s fit “{text}”{rest}",
        lambda: found,
        lambda _: differing.iloc[:, :COLUMNS],
        caption=f"Pick one to open its history, and all that is known of it. {same}".strip(),
        definition=find,
        table=lambda _: rows,
        select="match",
        key=f"matches.{data.digest((text, places.contact()))[:12]}",  # picked once: a later link is not overruled
    )
    if picked:
        places.open_contact(str(picked[0][labels.ENTITIES[model.entity]]))
        st.rerun()


def opened(v: View, wanted: str) -> None:
    """Whatever the link names: one history, or the choice among several, or why there is none."""
    try:
        clean(wanted)
    except ValueError as problem:
        st.warning(f"The link names no id: it {labels.escape(problem)}.", icon=":material/link_off:")
        return
    meant = ask(named, v.modelled, v.scope, wanted)
    if isinstance(meant, Failure):
        state(meant)
    elif not meant.total:
        st.warning(
            f"**No {v.modelled.model.entity} “{labels.escape(wanted[:80])}” is known** to "
            f"{labels.escape(v.modelled.model.label)}. Check the link, or search above; it may have been deleted, "
            "or not been loaded yet.",
            icon=":material/person_off:",
        )
    elif meant.total > 1:
        choose(v, meant, wanted)
    else:
        whole(v, wanted, meant.found[0].entity_id)


def whole(v: View, wanted: str, entity_id: str) -> None:
    """Everything about one entity."""
    known = history_card.asked(v, entity_id)
    if isinstance(known, Failure):
        state(known)
        return
    if entity_id != wanted:
        became = "belongs to account" if v.modelled.model.entity == "account" else "was merged into"
        st.caption(f":material/merge: {labels.escape(f'{wanted} {became} {entity_id}')}")
    key_figures(v, known)
    history_card.timeline_card(v, known, entity_id)
    if known.n_people > 1:
        who_took_part(v, known)
        everything(v, known)
        people(known)
    else:
        left, right = st.columns([11, 4], gap="small")
        with left:
            everything(v, known)
        with right:
            person(known)
    evidence(v, known)


def key_figures(v: View, known: History) -> None:
    """Where it is, and how long it was waited for."""
    found = figures.of(known, v.modelled.model)
    with tiles(len(found)):
        for figure in found:
            figure_tile(figure)


def who_took_part(v: View, known: History) -> None:
    """Who of the account did what, when."""
    model, scale = v.modelled.model, lines.axis(known)
    points, others = lines.took_part(known, model, BUSIEST)
    rest = f"; without an event here: {labels.listed(others, 5)}" if others else ""
    active = points["lane"].nunique()
    card(
        f"{active:,} of {known.n_people:,} contacts took part",
        lambda: known,
        lambda _: charts_history.took_part(points, lines.silences(known, model, scale), scale) if len(points) else None,
        caption=f"Each contact’s stages and activities{rest}",
        definition=History,
        key="took-part",
    )


def people(known: History) -> None:
    """What is known of each contact of an account today; what is the same of all is said once."""
    rows = frames.people(known)
    differing, same = frames.apart(rows, ("Contact",))
    card(
        f"The {known.n_people:,} contacts of {known.entity_id}",
        lambda: known,
        lambda _: differing,
        caption=f"What is known of each today, in the table contacts. {same}".strip(),
        definition=members,
        table=lambda _: rows,
        key="people",
    )


def everything(v: View, known: History) -> None:
    """A line per event."""
    card(
        "Everything that happened, in order",
        lambda: known,
        lambda answer: lines.lines(answer, v.modelled.model),
        caption="“After” is the time since the line before",
        definition=History,
        empty="Nothing has happened by the cut-off.",
        key="everything",
    )


def person(known: History) -> None:
    """What is known of the contact today."""
    card(
        "What is known",
        lambda: known,
        frames.person,
        caption="Today, in the table contacts",
        definition=members,
        empty="The table contacts has no row of it.",
        key="known",
    )


def evidence(v: View, known: History) -> None:
    """Which raw rows the history was made of."""
    model = v.modelled.model
    own = tuple(name for p in known.people for name in (p.contact_id, *p.merged))
    ids = (known.entity_id,) if model.entity == "deal" else own
    found = ask(raw_rows, v.modelled, v.scope, ids)
    if isinstance(found, Failure):
        card("What the records say", lambda: found, lambda _: None, key="raw-rows")
        return
    rows = fates(found.events, dict(found.set_aside), known.stays, model, frozenset(ids))
    card(
        frames.counted(rows),
        lambda: found,
        lambda _: frames.raw_rows(rows, model, len(ids) > 1),
        caption=_told(found),
        definition=fates,
        empty="It has no row among the stages; what it did entered stages by facts, such as orders.",
        key="raw-rows",
    )


def _told(found: RawRows) -> str:
    said = "What the source says of its stages, and what the build made of it"
    return f"{said}; only the first rows are shown" if found.is_cut else said


page()
