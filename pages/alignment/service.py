"""Whether sales responds in time: the service level, the waits, and who still waits."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from lifecycle import alignment_titles as titles
from lifecycle import alignment_words as words
from lifecycle.business import Business
from lifecycle.service import Attempts, Responses, ServiceLevel, shortlisted
from pages.alignment import figures, frames, frames_service, pictures
from pages.alignment.records import show_leads, show_waiting
from pages.ui import charts, data
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card, figure_tile, tiles
from queries.leads import Cell, Waiting
from queries.service import attempts, service

NONE = "No {} were handed over in this period."
SHOWN = 20  # reps that are shown, the busiest; all others stand together


def response(v: View) -> None:
    """Everything about the first touch."""
    business = _working(v)
    found = ask(service, v.modelled, v.scope, business)
    if isinstance(found, Failure):
        card("Does sales respond in time?", lambda: found, lambda _: None, definition=service, key="service")
        return
    key_figures(found)
    few = replace(found, rows=shortlisted(found.rows, max(v.scope.top, SHOWN), sought(v, found)))
    left, right = st.columns(2, gap="small")
    with left:
        clicked = card(
            words.punctual(v.modelled.model, found),
            lambda: few,
            pictures.responses,
            caption=_clock(v, found),
            definition=Responses,
            empty=NONE.format(words.leads(v.modelled.model)),
            select="bar",
            key="responses",
        )
    with right:
        card(
            words.speed(found.speed),
            lambda: found,
            pictures.waits,
            caption="Share still waiting; who has not been reached counts as waiting, and is never left out",
            definition=ServiceLevel,
            table=lambda a: frames_service.waits(pictures.waited(a)),
            fill=True,
            key="waits",
        )
    if clicked:
        values = behind(found, few, clicked[0]["label"])
        chosen = Waiting((clicked[0]["status"],), found.by if values else None, values)
        show_waiting(v, chosen, f"{frames_service.SAID[clicked[0]['status']]}, {clicked[0]['label']}", business)
    reps(v, found, few)
    lists(v, business)


def sought(v: View, found: ServiceLevel) -> list[str | None]:
    """Reps that are looked for by name, where there are more than are shown."""
    if len(found.rows) <= max(v.scope.top, SHOWN) + 1:
        return []
    values = {frames.named(row.value): row.value for row in found.rows}
    names = st.multiselect("Also show", list(values), key="reps", placeholder="Find by name", width=420)
    return [values[name] for name in names]


def behind(found: ServiceLevel, few: ServiceLevel, label: str) -> tuple[str | None, ...]:
    """The values that a bar stands for: one, those of the others together, or none for all."""
    shown = {frames.named(row.value): row.value for row in few.rows}
    if label not in shown:
        return ()
    every = {row.value for row in found.rows}
    rest = tuple(row.value for row in found.rows if row.value not in shown.values())
    return (shown[label],) if shown[label] in every else rest


def _working(v: View) -> Business | None:
    """The company's working time, where it declares one and the reader does not want the clock on the wall."""
    declared = data.settings().working_time
    if declared is None:
        return None
    said = f"{', '.join(d[:3].capitalize() for d in declared.days)}, {declared.timezone}"
    return declared if st.toggle(f"Count working hours only ({said})", True, "working", bind="query-params") else None


def key_figures(found: ServiceLevel) -> None:
    """The service level in five numbers."""
    numbers = [*figures.kept(found), *figures.waits(found)]
    with tiles(len(numbers)):
        for figure in numbers:
            figure_tile(figure)


def _clock(v: View, found: ServiceLevel) -> str:
    start = "the assignment" if found.clock == "assigned" else "the handoff"
    hours = f" within {found.limit_hours:g} h" if found.limit_hours else ""
    return f"First touch or decision{hours} of {start}; not yet due ones are in no rate"


def reps(v: View, found: ServiceLevel, few: ServiceLevel) -> None:
    """By rep, and how often leads were tried."""
    left, right = st.columns([3, 2], gap="small")
    name = (s.label if (s := v.modelled.catalog.get(found.by)) else found.by) if found.by else "Owner"
    with left:
        card(
            words.owners(found) or f"By {name.lower()}",
            lambda: few,
            lambda a: frames_service.by_owner(a.rows, name),
            caption=""
            if len(few.rows) == len(found.rows)
            else f"The busiest and who is looked for, of {len(found.rows):,}",
            definition=ServiceLevel,
            empty="The contacts have no owner." if found.whole.n else NONE.format(words.leads(v.modelled.model)),
            key="by-owner",
        )
    tried = ask(attempts, v.modelled, v.scope.whole)
    with right:
        card(
            "Attempts within 14 days" if isinstance(tried, Failure) else titles.tried(tried),
            lambda: tried,
            lambda a: charts.bars(frames_service.attempts(a), style=".0%", title="share of the leads") if a.n else None,
            caption=_tried_caption(tried),
            definition=attempts,
            key="attempts",
        )


def _tried_caption(found: Attempts | Failure) -> str:
    if isinstance(found, Failure):
        return ""
    return f"Touches per lead, of {found.n:,}; {found.younger:,} younger leads are not due yet"


def lists(v: View, business: Business | None) -> None:
    """Who must be called now, and who has nobody to call."""
    st.markdown("##### Leads that nobody may forget")
    show_waiting(v, Waiting(("overdue", "unassigned")), "untouched and overdue, the oldest first", business)
    show_leads(v, v.scope.whole, Cell(("pending", "expired"), ownerless=True), "undecided and without an owner")
