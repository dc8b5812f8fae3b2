"""Who comes back, who recommends, and what is a customer worth?"""

from __future__ import annotations

import streamlit as st

from lifecycle.loyalty import AGE, Buyers, Repeat
from lifecycle.loyalty_words import DAY
from lifecycle.nps import Satisfaction
from lifecycle.rates import difference
from pages.customers import loop, recommend, repeat, value
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View, view
from pages.ui.headline import nps_tile
from pages.ui.layout import page_header, rate_tile, tile, tiles
from queries.purchases import repeat as repeated
from queries.surveys import satisfaction

PARTS = ("Repeat purchase", "Recommendation", "The loop", "Value")


def page() -> None:
    page_header("Loyalty", "Who comes back, who recommends, and what is a customer worth?")
    v = view()
    bought, answered = ask(repeated, v.modelled, v.scope), ask(satisfaction, v.modelled, v.scope)
    headline(bought, answered)
    for name, tab in zip(PARTS, st.tabs(PARTS, key="loyalty", bind="query-params"), strict=True):
        if tab.open:
            with tab:
                part(v, name, bought, answered)


def part(v: View, name: str, bought: Buyers | Failure, answered: Satisfaction | Failure) -> None:
    """One part of the page; the others are not asked for."""
    match name:
        case "Repeat purchase":
            repeat.section(v, bought)
        case "Recommendation":
            recommend.section(v, answered)
        case "The loop":
            loop.section(v)
        case "Value":
            value.section(v)


def headline(bought: Buyers | Failure, answered: Satisfaction | Failure) -> None:
    """What customers do and what they say, as far as it is recorded."""
    if isinstance(bought, Failure) and isinstance(answered, Failure):
        return
    with tiles(4):
        if not isinstance(bought, Failure):
            purchases(bought)
        if not isinstance(answered, Failure):
            answers(answered)


def purchases(found: Buyers) -> None:
    before = found.comparison.whole if found.comparison else None
    rate = found.whole.rate(AGE)
    rate_tile(
        f"Bought again within {AGE} days",
        rate,
        difference(rate, before.rate(AGE)) if before else None,
        definition=Repeat.rate.__doc__ or "",
    )
    half = found.times.quantile(0.5)
    tile(
        "Until half have bought again",
        f"{half / DAY:,.0f} days" if half is not None else "not reached",
        note=f"{found.times.events:,} of {found.times.n:,} new buyers so far",
        definition="Median time to the second purchase; those who have not come back yet count as waiting.",
    )


def answers(found: Satisfaction) -> None:
    nps_tile(found.whole, found.comparison.whole if found.comparison else None)
    if found.response:
        when = "asked in the period" if found.dated else "ever asked"
        rate_tile(f"Answered, of those {when}", found.response, definition="Surveys on recommendation.")


page()
