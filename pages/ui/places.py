"""Where a link leads beside its filters: to a slide of the presentation, to the history of one contact."""

from __future__ import annotations

import streamlit as st

from lifecycle import privacy

PRESENT = "present"
CONTACT, UNLINKED = "contact", "_contact"  # whose history is open: in the link, or here where no link may hold the id


def presented() -> int | None:
    """The slide that the link asks for, counted from 1; None where it asks for the page itself."""
    asked = st.query_params.get(PRESENT)
    return None if asked is None else int(asked[:4]) if asked.isdecimal() else 0


def present(number: int | None) -> None:
    """Let the link ask for this slide, or for the page again; to be called back by a button."""
    st.query_params.pop(PRESENT, None)
    if number is not None:
        st.query_params[PRESENT] = str(number)


def contact() -> str:
    """The id whose history is open; empty for none."""
    return str(st.query_params.get(CONTACT) or st.session_state.get(UNLINKED, ""))


def open_contact(entity_id: str) -> None:
    """Open a history (none: an empty id), and say so in the link unless the id is personal itself."""
    st.session_state.pop(UNLINKED, None)
    st.query_params.pop(CONTACT, None)
    if entity_id and privacy.is_shareable(entity_id):
        st.query_params[CONTACT] = entity_id
    elif entity_id:
        st.session_state[UNLINKED] = entity_id
