"""Who stays, and what becomes of recurring revenue?"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import streamlit as st

from lifecycle.retention import Retention, Rules, Triangle
from lifecycle.retention_words import finding, side_by_side
from lifecycle.stages import StageModel
from pages.customers import choices, one_day
from pages.customers import frames_retention as frames
from pages.customers.active import active
from pages.customers.behind import show_customers
from pages.customers.curves import curves
from pages.customers.money import revenue
from pages.ui import charts_retention
from pages.ui.data import ask, drawn
from pages.ui.failures import Failure
from pages.ui.filters import View, view
from pages.ui.layout import card, page_header
from pages.ui.picture import Picture
from queries.leaving import leaving
from queries.retention import Chosen, retention

PARTS = ("Cohorts", "Curves", "Money", "Activity")


def page() -> None:
    page_header("Retention", "Who stays, and what becomes of recurring revenue?")
    v = view()
    for name, tab in zip(PARTS, st.tabs(PARTS, key="retention", bind="query-params"), strict=True):
        if tab.open:
            with tab:
                part(v, name)


def part(v: View, name: str) -> None:
    """One part of the page; the others are not asked for."""
    if name == "Money":
        one_day.notice(ask(leaving, v.modelled, v.scope))
        revenue(v)
        return
    if name == "Activity":
        active(v)
        return
    rules, grain = choices.rules(v, splits=name == "Curves")
    v = replace(v, scope=replace(v.scope, grain=grain))
    found = ask(retention, v.modelled, v.scope, rules)
    one_day.notice(found if isinstance(found, Failure) else found.leaving)
    if name == "Cohorts":
        cohorts(v, rules, found)
    else:
        curves(v, rules, found)


def cohorts(v: View, rules: Rules, found: Retention | Failure) -> None:
    """The triangle; a cell opens the customers behind it."""
    clicked = card(
        title(v, found),
        lambda: found,
        lambda a: (
            charts_retention.triangle(frames.triangle(a), style=frames.style(a.rules.measure)) if a.whole.size else None
        ),
        caption=caption(v, rules),
        definition=Rules,
        table=frames.table,
        empty="Nobody has started by then: no cohort to follow.",
        select="cell",
        key="triangle",
    )
    if clicked and clicked[0].get("cohort"):
        show_customers(v, rules, Chosen(str(clicked[0]["cohort"]), int(clicked[0]["age"])))
    if not isinstance(found, Failure) and (found.segments or found.comparison):
        beside(v, found)


def beside(v: View, found: Retention) -> None:
    """Groups of the breakdown and the compared periods, each as the one row of its mature cohorts."""
    groups = [(frames.group(found, v.modelled.model, value), t) for value, t in found.segments]
    told = side_by_side(found, groups) if groups else side_by_side(found, frames.periods(found), frames.period_called)
    card(
        told or "No two of them are old and large enough to compare",
        lambda: found,
        lambda a: grouped(a, v.modelled.model),
        caption="Mature cohorts of each together, as far as ten customers reach; beside a name how many started",
        definition=Triangle.pooled.__doc__ or "",
        empty="No cohort is old enough yet.",
        key="triangle-groups",
    )


def grouped(found: Retention, model: StageModel) -> Picture | None:
    rows = frames.beside(found, model)
    return None if rows.empty else charts_retention.triangle(rows, style=frames.style(found.rules.measure))


def title(v: View, found: Retention | Failure) -> str:
    """What the triangle shows."""
    return "Who stays" if isinstance(found, Failure) else drawn(partial(finding, model=v.modelled.model), found)


def caption(v: View, rules: Rules) -> str:
    """How to read the cells."""
    unit = "30 days from each start" if rules.ages == "days" else f"{v.scope.grain}s since the cohort's"
    so_far = "; then or later, so far" if rules.mode == "rolling" else ""
    return (
        f"Columns: {unit}{so_far}. Beside a cohort its size. Dashed: some are too young. Framed: stays less than others"
    )


page()
