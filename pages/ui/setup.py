"""What people see before there is any data: the commands that bring it, ready to copy."""

from __future__ import annotations

import streamlit as st

from pages.ui import layout
from pages.ui.failures import Failure

WAYS = (
    ("An invented company", "Three years of contacts, to try every page.", (".venv/bin/lifecycle demo",)),
    (
        "Your own data",
        "One file is enough: who entered which stage when. The help of load tells which others can join.",
        (".venv/bin/lifecycle load --stage-events stages.csv", ".venv/bin/lifecycle build"),
    ),
)


def welcome(failure: Failure) -> None:
    """Why no warehouse could be opened; where none is there yet, how to make one."""
    if failure.kind != "missing":
        layout.state(failure)
        return
    layout.page_header("There is no data yet", "In the project's folder, choose one of the two, then reload this page")
    for column, (title, note, commands) in zip(st.columns(len(WAYS)), WAYS, strict=True):
        with column.container(border=True, height="stretch"):
            st.markdown(f"##### {title}")
            st.caption(note)
            st.code("\n".join(commands), language="shell", wrap_lines=True)
