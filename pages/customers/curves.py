"""Retention as curves: every cohort and all together, by group, by how they came, beside the compared period."""

from __future__ import annotations

import streamlit as st

from lifecycle.durations import LifeTable, log_rank
from lifecycle.retention import SPLITS, SUBSCRIPTIONS, Retention, Rules, Triangle
from lifecycle.retention_words import side_by_side, summary
from lifecycle.stages import StageModel
from pages.customers import frames_retention as frames
from pages.ui import charts_retention, labels
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card
from pages.ui.picture import Picture
from queries.retention import Lifetimes, lifetimes


def curves(v: View, rules: Rules, found: Retention | Failure) -> None:
    """Curves of the triangle's cohorts, and how long subscriptions last."""
    apart = v.scope.by or v.scope.compared or rules.split != "segment"
    left, right = st.columns(2, gap="small") if apart else [st.container()] * 2
    with left:
        card(
            "Who stays, by age" if isinstance(found, Failure) else summary(found, v.modelled.model),
            lambda: found,
            by_cohort,
            caption="Thick: all mature cohorts, with the 95 % interval. Thin: each of them; red: stays less",
            definition=Rules,
            table=frames.table,
            empty="No cohort is old enough yet.",
            key="curve-all",
        )
    with right:
        beside(v, rules, found)
    lasts = rules.activity == rules.return_activity == SUBSCRIPTIONS
    both = not isinstance(found, Failure) and bool(found.segments and found.comparison)
    room = st.columns(2, gap="small") if lasts and both else [st.container()] * 2
    if both:
        with room[0]:
            periods(found)
    if lasts:
        with room[1]:
            survival(v, rules)


def by_cohort(found: Retention) -> Picture | None:
    rows = frames.pooled([(found, frames.ALL, found.whole)])
    return None if rows.empty else drawn(found, rows, frames.each(found))


def drawn(found: Retention, rows: object, behind: object = None) -> Picture:
    """Curves with the axes of the measure and of ages."""
    axis = "days since the start" if found.rules.ages == "days" else f"{found.scope.grain}s since the start"
    style = frames.style(found.rules.measure)
    return charts_retention.curves(rows, behind, style=style, title="", age=axis)  # type: ignore[arg-type]


def beside(v: View, rules: Rules, found: Retention | Failure) -> None:
    """Groups of the breakdown, else the compared period."""
    by = v.modelled.catalog.get(v.scope.by) if v.scope.by else None
    if by is None and rules.split == "segment":
        periods(found)
        return
    name = f"By {by.label.lower()}" if by and rules.split == "segment" else SPLITS[rules.split]
    card(
        name if isinstance(found, Failure) else side_by_side(found, groups(found, v.modelled.model)) or name,
        lambda: found,
        lambda a: by_group(a, v.modelled.model),
        caption="Mature cohorts of each group together, with 95 % intervals",
        definition=Retention,
        empty="No cohort is old enough yet.",
        key="curve-groups",
    )


def periods(found: Retention | Failure) -> None:
    """The period beside the one it is compared with."""
    if not isinstance(found, Failure) and found.comparison is None:
        st.caption("Choose a breakdown or a comparison above to see curves side by side.")
        return
    card(
        "The period beside the one before" if isinstance(found, Failure) else earlier(found),
        lambda: found,
        compared,
        caption="The cohorts of both periods, each seen equally long",
        definition=Retention,
        empty="No cohort of these periods is old enough yet.",
        key="curve-compared",
    )


def groups(found: Retention, model: StageModel) -> list[tuple[str, Triangle]]:
    """The groups of the breakdown with their names."""
    return [(frames.group(found, model, value), t) for value, t in found.segments]


def by_group(found: Retention, model: StageModel) -> Picture | None:
    rows = frames.pooled([(found, name, t) for name, t in groups(found, model)])
    return None if rows.empty else drawn(found, rows)


def earlier(found: Retention) -> str:
    """Whether more stay than in the compared period."""
    return side_by_side(found, frames.periods(found), frames.period_called) or "The period beside the one before"


def compared(found: Retention) -> Picture | None:
    rows = frames.pooled([(found, name, t) for name, t in frames.periods(found)])
    return None if rows.empty else drawn(found, rows)


def survival(v: View, rules: Rules) -> None:
    """How long a first, unbroken subscription lasts, those still running counted as censored."""
    found = ask(lifetimes, v.modelled, v.scope, rules)
    card(
        lasting(found),
        lambda: found,
        lasted,
        caption="Kaplan–Meier, as far as ten reach: from the first subscription to the first day without one",
        definition=LifeTable,
        empty="Nobody had a subscription.",
        key="survival",
    )


def lasting(found: Lifetimes | Failure) -> str:
    """The median lifetime, and whether groups differ."""
    if isinstance(found, Failure) or not found.whole.n:
        return "How long subscriptions last"
    half_left = next((p for p in found.whole.curve if p.survival <= 0.5), None)
    median = half_left.seconds if half_left and half_left.at_risk >= charts_retention.FEWEST else None
    of_all = " of all" if found.segments else ""
    half = (
        "More than half stay as long as ten were followed"
        if median is None
        else f"Half{of_all} have left after {median / labels.DAY:,.0f} days"
    )
    test = log_rank([t for _, t in found.segments])
    differ = "; the groups differ" if test and test.p < 0.05 else ""
    return f"{half}; {found.whole.censored:,} of {found.whole.n:,} still run{differ}"


def lasted(found: Lifetimes) -> Picture | None:
    rows = frames.lifetimes(found)
    if rows.empty:
        return None
    return charts_retention.curves(
        rows, style=".0%", title="still subscribed", age="days since the first subscription", steps=True
    )
