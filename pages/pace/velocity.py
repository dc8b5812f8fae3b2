"""How much money do the deals bring per day, and what changed it?"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from math import log
from typing import Any

import pandas as pd
import streamlit as st

from lifecycle import rates
from lifecycle import velocity as told
from lifecycle.pipeline import HORIZONS, WON, Estimate, Pipeline
from lifecycle.velocity import FACTORS, Course, Velocity
from lifecycle.volumes import at_a_glance
from pages.pace import frames_velocity as frames
from pages.pace.deals import show_deals
from pages.ui import charts, charts_velocity, labels
from pages.ui.charts_bridge import bridge
from pages.ui.data import ask, drawn
from pages.ui.failures import Failure
from pages.ui.filters import View, view
from pages.ui.layout import card, page_header, state, tile
from pages.ui.picture import Picture
from queries.velocity import course, velocity

DEFINED: dict[str, Any] = {
    "velocity": told.Factors.velocity,
    "opportunities": Pipeline.opportunities,
    "average_value": Pipeline.average_value,
    "win_rate": Pipeline.win_rate,
    "cycle_days": Pipeline.cycle_days,
}
RISING = {"opportunities", "average_value", "win_rate"}  # good when they rise; a cycle is, when it falls


def page() -> None:
    page_header("Velocity", "How much money do the deals bring per day, and what changed it?")
    v = view()
    found = ask(velocity, v.modelled, v.scope, _age())
    if isinstance(found, Failure):
        state(found)
        return
    headline(found)
    if found.before:
        left, right = st.columns(2, gap="small")
        with left:
            changed(found)
        with right:
            by_age(found)
    else:
        by_age(found)
        st.caption("Choose a period to compare with above to see which factor changed the velocity.")
    over_time(v, found)
    groups(v, found)


def _age() -> int | None:
    """The age at which the reader wants deals to be judged; None leaves it to the data."""
    names = {"auto": "nine in ten wins are made"} | {str(days): f"{days} days old" for days in HORIZONS}
    chosen = st.selectbox("Judge deals when", list(names), 0, names.__getitem__, "age", width=230, bind="query-params")
    return None if chosen == "auto" else int(chosen)


def headline(found: Velocity) -> None:
    """Money per day, and the four factors that make it."""
    now, before = found.now, found.before
    with st.grid(6, min_column_width=165):
        for name, label in (("velocity", "Velocity, per day"), *frames.NAMES.items()):
            value: Estimate | None = getattr(now, name)
            then: Estimate | None = getattr(before, name) if before else None
            moved = value.value / then.value - 1 if value and then and then.value else None
            tile(
                label,
                frames.figure(name, value),
                note=_under(found, name, value),
                change=_moved(name, value, then) if value and then and moved is not None else None,
                good=None if moved is None or not _clear(value, then) else (moved > 0) == (name != "cycle_days"),
                compared=f"vs {frames.figure(name, then)}" if then else "",
                definition=inspect.getdoc(DEFINED[name]) or "",
            )
        tile(
            "Per calendar day",
            labels.money(found.per_day),
            note=f"expected from these deals, over {found.calendar_days:,} days"
            if found.calendar_days
            else "for a period with a first day",
            definition=inspect.getdoc(Velocity.per_day) or "",
        )


def _moved(name: str, value: Estimate, then: Estimate) -> str:
    """By how much a factor moved: a rate in percentage points, all else by a share of what it was."""
    if name == "win_rate":
        return rates.points(value.value - then.value)
    return labels.growth(value.value / then.value - 1, 1)


def _under(found: Velocity, name: str, value: Estimate | None) -> str:
    whole = found.whole
    match name:
        case "opportunities":
            return f"deals created in the period; {whole.table.censored:,} still open"
        case "average_value":
            return f"{frames.span(name, value)} · n = {whole.valued:,}"
        case "win_rate":
            return f"{frames.span(name, value)} · by day {found.days}, of {whole.n:,}"
        case "cycle_days":
            return f"{frames.span(name, value)} · {whole.of(WON):,} won so far"
    return frames.span(name, value)


def _clear(value: Estimate | None, then: Estimate | None) -> bool:
    """Whether chance does not explain the change of a factor."""
    if not value or not then:
        return False
    return Estimate(value.value / then.value, (value.error**2 + then.error**2) ** 0.5).is_change


def changed(found: Velocity) -> None:
    """What each factor did to the velocity since the compared period."""
    split = told.split(found.now, found.before) if found.before else None
    card(
        _changed_title(found, split),
        lambda: found,
        lambda _: bridge(frames.steps(split), labels.money) if split else None,
        caption="Money per day; each factor's part of the change, which add up exactly",
        definition=told.split,
        empty="One of the two velocities is not known: nothing was won, or no deal is old enough.",
        key="changed",
    )


def _changed_title(found: Velocity, split: told.Split | None) -> str:
    if split is None:
        return "What changed the velocity"
    if not split.significant:
        return "The velocity has not changed by more than chance"
    name, part = max(split.steps, key=lambda step: abs(step[1]))
    way = "rose" if split.now > split.before else "fell"
    share = part / (split.now - split.before)
    most = f", most of it by {frames.NAMES[name].lower()}" if share > 0.5 else ""
    return f"Velocity {way} by {labels.percent(abs(split.now / split.before - 1), 0)}{most}"


def by_age(found: Velocity) -> None:
    """The win rate as a curve by age, beside the rate of recent closes."""
    card(
        _won_title(found),
        lambda: found,
        wins,
        caption="Open deals count for as long as they were seen; a lost deal can no longer be won",
        definition=Pipeline.win_rate,
        empty="No deals were created in this period.",
        key="wins",
    )


def wins(found: Velocity) -> Picture | None:
    rows, marks, rules = frames.wins(found)
    return None if rows.empty else charts_velocity.wins(rows, marks, rules)


def _won_title(found: Velocity) -> str:
    rate, recent = found.now.win_rate, found.recent.value
    if rate is None:
        return "How many deals are won, by their age"
    said = f"{labels.percent(rate.value, 0)} are won within {found.days} days"
    return said if recent is None else f"{said}; recent closes would say {labels.percent(recent, 0)}"


def over_time(v: View, found: Velocity) -> None:
    """Velocity and its factors by the period in which deals were created."""
    dated = ask(course, v.modelled, at_a_glance(v.scope.whole), found.days)
    card(
        _course_title(dated),
        lambda: dated,
        courses,
        caption=f"By the {_grain(dated)} in which the deals were created, each judged at {found.days} days; "
        "dashed: not all of them are that old yet",
        definition=course,
        key="course",
    )


def _course_title(dated: Course | Failure) -> str:
    """How the last whole period compares with those before, and the factor that did most of it."""
    last = None if isinstance(dated, Failure) else drawn(told.latest, dated)
    if isinstance(dated, Failure) or last is None:
        return "How do velocity and its factors move over time?"
    when = dated.scope.calendar.name(last.period, dated.scope.grain)
    past = (
        f"the {dated.scope.grain} before" if last.n_before == 1 else f"the {last.n_before} {dated.scope.grain}s before"
    )
    if not last.ratio.is_change:
        return f"Velocity in {when} does not differ from {past} by more than chance"
    name, step = max(last.steps, key=lambda each: abs(each[1]))
    most = f", most of it by {frames.NAMES[name].lower()}" if step / log(last.ratio.value) > 0.5 else ""
    way = "above" if last.ratio.value > 1 else "below"
    return f"Velocity in {when} is {labels.percent(abs(last.ratio.value - 1), 0)} {way} {past}{most}"


def _grain(dated: Course | Failure) -> str:
    return "period" if isinstance(dated, Failure) else dated.scope.grain


def courses(dated: Course) -> Mapping[str, Picture]:
    styles = {"opportunities": ",.0f", "average_value": "~s", "win_rate": ".0%", "cycle_days": ",.0f"}
    named: dict[str, pd.DataFrame] = {"Velocity, money per day": frames.course(dated, "velocity")}
    named |= {
        f"{label}, days" if name == "cycle_days" else label: frames.course(dated, name)
        for name, label in frames.NAMES.items()
    }
    drawn = zip(named.items(), ("~s", *(styles[name] for name in FACTORS)), strict=True)
    return {
        label: charts.trend(frame, style=style, height=170)
        for (label, frame), style in drawn
        if not frame.empty and frame["value"].notna().any()
    }


def groups(v: View, found: Velocity) -> None:
    """The groups of the breakdown, and the deals behind them."""
    clicked = []
    if found.parts:
        segment = v.modelled.catalog.get(v.scope.by or "")
        left, right = st.columns([2, 3], gap="small")
        with left:
            clicked = card(
                frames.fastest(found),
                lambda: found,
                lambda answer: charts_velocity.values(frames.parts(answer)) if not frames.parts(answer).empty else None,
                caption=f"Velocity by {segment.label.lower() if segment else 'group'}, with 95 % intervals"
                f"{'; the mark: before' if found.comparison else ''}. Click one for its deals",
                definition=told.Factors.velocity.__doc__ or "",
                empty="No group has won a deal that is old enough.",
                select="bar",
                key="velocity-by",
            )
        with right:
            card(
                "What makes the difference?",
                lambda: found,
                lambda answer: frames.table(answer).drop(columns=["Lost", "Open"]),
                caption="Velocity with its 95 % interval, and the factors that make it",
                definition=velocity,
                table=frames.table,
                key="velocity-table",
            )
    names = {frames.named(p.name): p for p in found.parts}
    part = names.get(clicked[0]["label"]) if clicked else None
    show_deals(v, part)


page()
