"""Slides on a screen: one finding at a time, in large type, led by the keyboard or a presenter's remote control."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from textwrap import wrap
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import decks, labels, places
from pages.ui.export import file_name
from pages.ui.filters import View
from pages.ui.layout import card, figure_tile, tiles
from pages.ui.picture import Picture
from pages.ui.slides import Deck, Panel, Slide, told

STYLE = Path(__file__).parents[2] / "static/present.css"
ROOM = 346  # pixels of a picture, on a screen of 1280 × 720 and without anything above or below it
NOTE, LINE, LONG = 28, 34, 74  # pixels that a note takes of it, and another line of a headline this long
FIGURES = 0.3  # the width of a column of numbers, beside a panel of 1
LARGE = 3  # numbers in a row, where they stand alone
SHORT = 16  # characters of a cell that stay on one line
TOGETHER = 22  # of a longer one: a column beside others would else be one word wide on a phone
OTHER_KEYS = ("PageUp", "PageDown", "Space", "Home", "End")  # of remote controls, and of habit


def buttons(subject: str, v: View) -> None:
    """What can be done with a page in a meeting: show it, or take it away. `subject` is the module of its slides."""
    take = partial(decks.made, subject, m=v.modelled, scope=v.scope)
    name = f"{subject.split('.')[1]} {v.modelled.model.name} {v.scope.as_of:%Y-%m-%d}"
    with st.container(horizontal=True, horizontal_alignment="right", width="content", gap="small", key="meeting"):
        st.button(
            "Present",
            icon=":material/slideshow:",
            on_click=places.present,
            args=(1,),
            help="One finding at a time, for a projector: arrow keys lead on and back, Esc ends it",
        )
        for kind, (label, mime) in decks.KINDS.items():
            st.download_button(
                label,
                partial(take, kind=kind),
                file_name(name, kind),
                mime,
                key=f"take.{kind}",
                on_click="ignore",
                icon=":material/download:",
                type="tertiary",
                help="The same findings, to take away; made when it is taken",
            )


def show(deck: Deck, asked: int) -> None:
    """The slide of this number, counted from 1; a number that there is not shows the nearest, and is told."""
    last = len(deck.slides)
    number = min(max(asked, 1), last)
    if number != asked:
        st.toast(f"There is no slide {asked}: this is slide {number} of {last}.")
    st.html(STYLE)
    slide = deck.slides[number - 1]()
    with st.container(key="slide"):
        st.markdown(f"# {labels.escape(slide.title)}")
        _body(slide, number)
        for note in slide.notes:
            st.markdown(labels.escape(note))
        if slide.basis:
            st.caption(labels.escape(slide.basis))
    _controls(number, last, deck.shown[-1])


def _body(slide: Slide, number: int) -> None:
    """Numbers alone fill the slide; beside panels they stand in a column of their own."""
    if not slide.panels:
        with tiles(LARGE):
            for figure in slide.figures:
                figure_tile(figure)
        return
    height = ROOM - NOTE * len(slide.notes) - (LINE if len(slide.title) > LONG else 0)
    widths = [FIGURES] * bool(slide.figures) + [float(panel.width) for panel in slide.panels]
    columns = st.columns(widths, gap="medium")
    if slide.figures:
        with columns[0]:
            for figure in slide.figures:
                figure_tile(figure)
    for i, (column, panel) in enumerate(zip(columns[-len(slide.panels) :], slide.panels, strict=True)):
        with column:
            _panel(panel, f"slide.{number}.{i}", height)


def _panel(panel: Panel, key: str, height: int) -> None:
    """A picture as its card on the page shows it, as tall as there is room; a table as text, which grows with it."""
    if isinstance(panel.drawing, pd.DataFrame) and panel.said is None:
        with st.container(gap="xsmall", key="fill-in" if panel.fill_in else key):
            st.markdown(f"##### {labels.escape(panel.title)}")
            st.table(panel.drawing.map(_cell), border="horizontal", hide_index=True)
        return

    def drawn(_: Any) -> Picture | None:
        picture = panel.drawing
        return replace(picture, spec=picture.spec | {"height": height}) if isinstance(picture, Picture) else None

    card(
        panel.title,
        lambda: panel.answer,
        drawn,
        caption=panel.caption,
        definition=panel.definition,
        empty=panel.empty,
        key=key,
    )


def _cell(value: object) -> str:
    """A cell as it is: a short one on one line, a longer one in lines of some words."""
    said = labels.escape(told(value))
    if len(said) <= SHORT:
        return said.replace(" ", "\u00a0").replace("–", "\u2060–\u2060")
    lines = wrap(said, TOGETHER, break_long_words=False, break_on_hyphens=False)
    return " ".join(line.replace(" ", "\u00a0") for line in lines)


def _controls(number: int, last: int, build: str) -> None:
    """Back, forward and out again; the slide's number stands in the link."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="slide-controls"):
        _step("Back", "Left", number - 1, number == 1)
        st.markdown(f"**{number}** / {last}", width="content")
        _step("Next", "Right", number + 1, number == last)
        st.caption(labels.escape(build), width="stretch")
        _step("Close", "Esc", None, False)
    with st.container(key="slide-keys"):  # not seen: buttons have one key each
        for key, to in zip(OTHER_KEYS, (number - 1, number + 1, number + 1, 1, last), strict=True):
            _step(f"{key} ", key, min(max(to, 1), last), False)


def _step(label: str, key: str, to: int | None, disabled: bool) -> None:
    st.button(
        label, shortcut=key, on_click=places.present, args=(to,), disabled=disabled, type="tertiary", key=f"step.{key}"
    )
