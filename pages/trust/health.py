"""Whether the numbers can be trusted: what came in, what was used, what was set aside."""

from __future__ import annotations

import streamlit as st

from lifecycle.health import Conservation
from lifecycle.rates import Rate
from pages.trust import frames
from pages.ui import data, labels
from pages.ui.charts_bridge import amounts, bridge
from pages.ui.failures import Failure
from pages.ui.filters import View, view
from pages.ui.layout import card, page_header, rate_tile, tile, tiles
from queries import freshness, health
from queries.freshness import Tables

WHOLE_BUILD = "The whole build, whatever is filtered"


def headlines(v: View) -> None:
    """The build in four numbers."""
    build = v.modelled.build
    books = Conservation.of(build.counts)
    with tiles(4):
        tile(
            "Events in",
            labels.count(books.events),
            note=f"build {build.id}, loaded {labels.day(build.loaded_at)}",
            definition="Raw stage rows, and the facts (orders, subscriptions, surveys, referrals) that enter a stage.",
        )
        share("Used", Rate(books.used, books.events), "Events that moved somebody into a stage.")
        share("Set aside", books.set_aside, "Events that cannot be used, each with its reason.")
        found = data.ask(health.order, v.modelled, v.scope.whole)
        if isinstance(found, Failure):
            tile("Journeys in order", labels.UNDEFINED, note=found.message)
        else:
            rate_tile(
                "Journeys in order",
                Rate(found.in_order, found.journeys),
                definition="Of the journeys started in the period: each stage once, by rank, nothing else in between.",
            )


def share(label: str, rate: Rate, definition: str) -> None:
    """A share of all events there are: no sample, so no interval."""
    note = f"{labels.count(rate.numerator)} of {labels.count(rate.denominator)}"
    tile(label, labels.percent(rate.value), note=note, definition=definition)


def conservation(v: View) -> None:
    """Nothing is lost between the raw events and the stages."""
    books = Conservation.of(v.modelled.build.counts)
    title = f"All {labels.count(books.events)} events are accounted for"
    if not books.is_kept:
        title = "The books do not close: events were lost or doubled"
    card(
        title,
        lambda: books,
        lambda b: bridge(b.lines) if b.events else None,
        caption=f"What became of every raw event. {WHOLE_BUILD}",
        definition=Conservation,
        key="conservation",
    )


def quarantine(v: View) -> None:
    """How many events were set aside, and why."""
    found = data.ask(health.quarantined, v.modelled, v.scope.whole)
    title = "Why events were set aside"
    if not isinstance(found, Failure) and found.total:
        reason, _, _ = frames.reasons(found)[0]
        title = f"{labels.count(found.total)} events were set aside, most for: {reason.lower()}"
    card(
        title,
        lambda: found,
        lambda answer: amounts(frames.reasons(answer)),
        caption=f"Events in quarantine by the first reason that applies. {WHOLE_BUILD}",
        definition=health.quarantined,
        empty="No event was set aside.",
        key="quarantine",
    )


def set_aside(v: View) -> None:
    """What they look like, and what can be done about them."""
    card(
        "What do they look like, and what to do?",
        lambda: data.ask(health.samples, v.modelled, v.scope.whole),
        frames.samples,
        caption=f"Up to {health.SAMPLES} events of each reason, as they came; contacts are masked",
        definition=health.samples,
        empty="No event was set aside.",
        key="samples",
    )


def unknown(v: View) -> None:
    """Stage values that no model places, and where to place them."""
    found = data.ask(health.unknown_values, v.modelled, v.scope.whole)
    title = "Stage values that no model knows"
    if not isinstance(found, Failure) and found.total:
        title = f"{labels.count(found.total)} stage values are in no model"
    card(
        title,
        lambda: found,
        frames.unknown,
        caption="Add a value to enters of a stage in the model file, or to ignored; then build again",
        definition=health.unknown_values,
        empty="Every stage value has its place.",
        key="unknown-values",
    )


def unreadable(v: View) -> None:
    """Rows of files that could not even be read."""
    card(
        "Rows that could not be read",
        lambda: data.ask(health.rejects, v.modelled, v.scope.whole),
        frames.rejects,
        caption="By file, column and reason; correct the file and load it again",
        definition=health.rejects,
        empty="The loader read every row.",
        key="rejects",
    )


def fresh(v: View, found: Tables | Failure) -> None:
    """How far each table reaches."""
    limit = f"{data.settings().stale_after_days:g} days"
    title = "How fresh the tables are"
    if not isinstance(found, Failure):
        stale = [f.table for f in found.stale]
        title = f"Stale: {labels.listed(stale)}" if stale else "Every table is fresh"
    card(
        title,
        lambda: found,
        frames.fresh,
        caption=f"Newest instant by the data cut-off; stale when more than {limit} behind it, unless planned ahead",
        definition=freshness.tables,
        empty="No table of the contract was found.",
        key="freshness",
    )


def missing(v: View, found: Tables | Failure) -> None:
    """What could be added, and what it would switch on."""
    title = "Tables that would show more"
    if not isinstance(found, Failure) and found.missing:
        title = f"{len(found.missing)} more {'table' if len(found.missing) == 1 else 'tables'} would show more"
    card(
        title,
        lambda: found,
        frames.missing,
        caption="Load one with lifecycle load, or map yours in lifecycle.toml, then build again",
        definition="Tables of the warehouse contract that were not found, with the columns they cannot do without.",
        empty="Every table of the contract is there.",
        key="missing-tables",
    )


def moves(v: View) -> None:
    """How entries follow one another."""
    found = data.ask(health.moves, v.modelled, v.scope.whole)
    left, right = st.columns([2, 3], gap="small")
    with left:
        card(
            "How are stages entered?",
            lambda: found,
            lambda answer: amounts(frames.moves(answer)),
            caption="Entries of the period, by what they are to the stage before",
            definition=health.moves,
            fill=True,
            key="moves",
        )
    with right:
        card(
            "Where do entries skip, go back or repeat?",
            lambda: found,
            lambda answer: frames.irregular(answer, v.modelled.model),
            caption="The most frequent first; a skipped stage is implied, a repeat has no duration",
            definition=health.moves,
            empty="No entry of the period skips, goes back or repeats.",
            key="irregular",
        )


def who(v: View) -> None:
    """Whether contacts and events meet."""
    card(
        "Who has no events, and which events have nobody?",
        lambda: data.ask(health.meeting, v.modelled, v.scope.whole),
        lambda answer: frames.meeting(answer, v.modelled.model.entity),
        caption=WHOLE_BUILD,
        definition=health.Meeting,
        key="meeting",
    )


def builds(v: View) -> None:
    """What was built when."""
    card(
        "Builds",
        lambda: data.ask(health.history, v.modelled, v.scope.whole),
        frames.history,
        caption="Newest first; the build in use of each lifecycle is its newest",
        definition="Every recorded build: when, of which model, with which counts.",
        key="builds",
    )


page_header("Data health", "What came in, what was used, what was set aside, and how fresh it is")
current = view()
headlines(current)
first, second = st.columns(2, gap="small")
with first:
    conservation(current)
with second:
    quarantine(current)
set_aside(current)
tables = data.ask(freshness.tables, current.modelled, current.scope.whole)
fresh(current, tables)
missing(current, tables)
first, second = st.columns(2, gap="small")
with first:
    unknown(current)
with second:
    unreadable(current)
moves(current)
who(current)
builds(current)
