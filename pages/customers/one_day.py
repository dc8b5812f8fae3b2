"""A notice where customers seem to have left on one day: the day of the list rather than theirs."""

from __future__ import annotations

import streamlit as st

from lifecycle.leaving import Leaving
from pages.ui import labels
from pages.ui.failures import Failure


def notice(found: Leaving | Failure) -> None:
    """Says so above what it makes useless; of a failure the cards below tell."""
    if not isinstance(found, Failure) and found.notice:
        st.warning(labels.escape(found.notice), icon=":material/event_busy:")
