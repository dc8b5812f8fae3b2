"""What became of the leads, the 2×2, and where the teams disagree."""

from __future__ import annotations

from functools import partial

import streamlit as st

from lifecycle import alignment_titles as titles
from lifecycle import alignment_words as words
from lifecycle.agreement import LATE, Agreement, Alignment
from lifecycle.scope import Scope
from lifecycle.where import Row
from pages.alignment import frames, frames_leads, pictures
from pages.alignment.records import show_leads
from pages.ui import charts_alignment as charts
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card
from queries.agreement import Profile, alignment, profile
from queries.commitment import commitment, monthly
from queries.leads import Cell

Behind = tuple[Scope, Cell, str]  # the leads behind a bar or a cell: in which scope, which, and in words
OPENED = {"expired": ("expired", *LATE)}  # an outcome that a picture shows as one


def what_became(v: View, found: Alignment) -> None:
    """The months beside the 2×2, and under both the leads behind what was clicked."""
    left, right = st.columns([3, 2], gap="small")
    with left:
        months = by_month(v)
    with right:
        cells = both_teams(v, found)
    for behind in filter(None, (months, cells)):
        show_leads(v, *behind)


def by_month(v: View) -> Behind | None:
    """The leads of every month, what became of them, and what was promised."""
    found = ask(commitment, v.modelled, v.scope.whole)
    title, caption = "What became of them", ""
    if not isinstance(found, Failure):
        title = words.promised(v.modelled.model, found)
        caption = f"{titles.promise(v.modelled.model, found.source)}. {pictures.MARKS}"
    clicked = card(
        title,
        lambda: found,
        pictures.months,
        caption=caption,
        definition=commitment,
        table=frames.commitment,
        fill=True,
        select="bar",
        key="months",
    )
    if clicked and not isinstance(found, Failure):
        month = next((m for m in found.months if frames.month_name(m) == clicked[0]["label"]), None)
        if month:
            outcome = clicked[0]["outcome"]
            cell = Cell(OPENED.get(outcome, (outcome,)), period=month.period)
            said = f"{charts.VERDICTS[outcome][0].lower()}, {clicked[0]['label']}"
            return monthly(v.scope.whole), cell, said
    return None


def both_teams(v: View, found: Alignment) -> Behind | None:
    """The cells that can be known: both said yes, only marketing, only sales."""
    whole, model = found.whole, v.modelled.model
    clicked = card(
        titles.agreed(whole),
        lambda: found,
        partial(pictures.cells, words.leads(model)),
        caption=titles.beside(whole),
        definition=Agreement,
        select="cell",
        key="cells",
    )
    outcome = clicked[0]["outcome"] if clicked else None
    return (v.scope.whole, Cell((outcome,)), frames_leads.OUTCOMES[outcome]) if outcome else None


def where(v: View, found: Profile | Failure) -> None:
    """The values of one segment: funnel plot and table."""
    if isinstance(found, Failure) or not found.segments:
        empty = "The contacts have no columns to break down by."
        card("Where the teams disagree", lambda: found, lambda _: None, empty=empty, key="where")
        return
    names = list(found.segments)
    label = {s.name: s.label for s in v.modelled.catalog.segments}
    out = words.standing_out(found.rows)
    place = names.index(v.scope.by or (out.segment if out else names[0]))
    name = st.selectbox("Look at it by", names, place, label.__getitem__, "across", width=260, bind="query-params")
    rows = found.segments[name]
    left, right = st.columns([5, 6], gap="small")
    with left:
        clicked = card(
            titles.where(rows, label[name]),
            lambda: found,
            lambda _: pictures.plot(rows),
            caption="Share accepted against decided leads; inside the grey, chance alone explains the difference",
            definition=profile,
            table=lambda _: frames.tidy(rows),
            fill=True,
            select="point",
            key="funnel-plot",
        )
    with right:
        picked = card(
            f"How many does sales accept, by {label[name].lower()}?",
            lambda: found,
            lambda _: frames.where(rows, v.scope.compared is not None),
            caption="Pull: by how much it lifts or lowers the whole. p: corrected for as many values as there are",
            table=lambda _: frames.tidy(rows),
            definition=Row,
            select="row",
            key="where-table",
        )
    chosen = clicked[0]["label"] if clicked else picked[0]["Value"] if picked else None
    row = next((r for r in rows if frames.named(r.value) == chosen), None)
    if row:
        cell = Cell(("accepted", "rejected"), by=name, values=(row.value,))
        show_leads(v, v.scope.whole, cell, f"decided, {label[name].lower()} {frames.named(row.value)}")


def answers(v: View) -> tuple[Alignment | Failure, Profile | Failure]:
    """What the head of the page and its first part are drawn from."""
    return ask(alignment, v.modelled, v.scope.whole), ask(profile, v.modelled, v.scope.whole)
