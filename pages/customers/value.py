"""What a customer is worth, what one costs, and how far predictions can be trusted."""

from __future__ import annotations

from functools import partial

import streamlit as st

from lifecycle import loyalty_words as words
from lifecycle.prediction import HoldOut, OrderValue, SubscriptionValue
from lifecycle.value import YEAR, Acquired, Acquisition, Aged, Historic, Simple
from pages.customers import frames_value as frames
from pages.ui import charts, charts_loyalty, labels
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card, state, tile, tiles
from pages.ui.picture import Picture
from queries.acquisition import acquisition
from queries.clv import orders_value, subscriptions_value
from queries.value import historic, simple


def section(v: View) -> None:
    """Everything about value."""
    found = ask(historic, v.modelled, v.scope)
    if isinstance(found, Failure):
        state(found)
        return
    margin = margin_of(found)
    if v.scope.compared:
        st.caption("No other period stands beside value: cohorts are compared with each other, at equal age.")
    spent = ask(acquisition, v.modelled, v.scope)
    bought = ask(orders_value, v.modelled, v.scope.whole)
    kept = ask(subscriptions_value, v.modelled, v.scope.whole)
    by_rule = ask(simple, v.modelled, v.scope.whole)
    figures(found, spent, bought, kept, by_rule, margin)
    seen(v, found, margin)
    costs(v, spent, margin)
    predicted(bought, kept)


def margin_of(found: Historic) -> float:
    """The margin that value is counted at: what orders tell, or what the reader knows better."""
    told = round(found.margin_share * 100)
    note = (
        f"From the orders that tell their margin: {found.margin_share * 100:.1f} %"
        if found.margin
        else "No order tells its margin: 100 % shows revenue"
    )
    chosen = st.number_input(
        "Margin of revenue in %", 1, 100, max(told, 1), key="margin", help=note, width=190, bind="query-params"
    )
    exact = found.margin_share if chosen == told else chosen / 100
    return float(exact)


def figures(
    found: Historic,
    spent: Acquisition | Failure,
    bought: OrderValue | Failure,
    kept: SubscriptionValue | Failure,
    by_rule: Simple | Failure,
    margin: float,
) -> None:
    """Value and cost side by side, as far as the data tells them."""
    with tiles(3):
        if not isinstance(spent, Failure):
            paid(spent, margin)
        if not isinstance(by_rule, Failure):
            worth = by_rule.value(margin)
            churn = f"{labels.percent(by_rule.monthly_churn, 2)} a month leave"
            tile(
                "Subscriber, by rule of thumb",
                labels.money(worth),
                note=f"ARPA {labels.money(by_rule.arpa)} × {margin * 100:.0f} % ÷ churn; {churn}",
                definition=Simple.value.__doc__ or "",
            )
        if not isinstance(kept, Failure):
            tile(
                f"Subscriber, predicted {kept.months} months",
                labels.money(None if kept.per_new is None else kept.per_new * margin),
                note=f"{kept.lost:,} of {kept.subscribers:,} have left; {kept.discount * 100:.0f} % a year discounted",
                definition=SubscriptionValue.__doc__ or "",
            )
        if not isinstance(bought, Failure):
            tile(
                f"Buyer, predicted {bought.months} months",
                labels.money(None if bought.per_new is None else bought.per_new * margin),
                note=f"{bought.returned:,} of {bought.customers:,} have come back; "
                f"{bought.discount * 100:.0f} % a year discounted",
                definition=OrderValue.__doc__ or "",
            )


def paid(spent: Acquisition, margin: float) -> None:
    """What winning and keeping costs, and whether it comes back."""
    whole, months = spent.whole, spent.whole.aged.longest
    tile(
        "Cost of a new customer",
        labels.money(whole.cac),
        note=f"{labels.money(whole.spend)} ÷ {whole.customers:,}; spend of {spent.lag_days} days before"
        if whole.cac is not None
        else "spend cannot be told apart for these filters",
        definition=Acquisition.__doc__ or "",
    )
    ratio, pays = whole.ratio(margin), whole.payback(margin)
    tile(
        "LTV : CAC, seen so far",
        labels.UNDEFINED if ratio is None else f"{ratio:.2f}",
        note=f"{labels.money(whole.worth(margin))} margin in {months} months; "
        + (f"paid back in {pays}" if pays else "not paid back yet"),
        good=None,
        definition=Acquired.ratio.__doc__ or "",
    )
    if spent.cost_of_keeping is not None:
        tile(
            "Cost of keeping one",
            labels.money(spent.cost_of_keeping),
            note=f"{labels.money(spent.keeping)} ÷ {spent.served:,} customers served in the period",
            definition=Acquisition.cost_of_keeping.__doc__ or "",
        )


def seen(v: View, found: Historic, margin: float) -> None:
    """What customers have brought by age: all of them, and cohort by cohort."""
    unpriced = frames.is_unpriced(found)
    nothing = "No order has an amount: load orders with their amount to see what customers bring."
    left, right = st.columns(2, gap="small")
    with left:
        card(
            frames.brought(found, margin),
            lambda: found,
            partial(by_age, margin=margin),
            caption="Margin per customer since the first purchase; each month from all who were seen through it",
            definition=Aged.per_customer.__doc__ or "",
            empty=nothing if unpriced else "No customer has been seen for a month yet.",
            key="value-by-age",
        )
    with right:
        card(
            frames.cohorts_title(found, margin),
            lambda: found,
            partial(cohorts, margin=margin),
            caption="Margin per customer by days since the first purchase; blank until the whole cohort is that old",
            definition=Aged.n_days.__doc__ or "",
            empty=nothing if unpriced else "No cohort is 30 days old yet.",
            key="value-cohorts",
        )


def by_age(found: Historic, margin: float) -> Picture | None:
    rows = frames.value_curves(found, margin)
    if rows.empty or frames.is_unpriced(found):
        return None
    return charts_loyalty.curves(
        rows, unit="months of 30 days since the first purchase", title="margin", style=",.0f", step=False, height=340
    )


def cohorts(found: Historic, margin: float) -> Picture | None:
    rows = frames.value_cohorts(found, margin)
    return None if rows.empty or frames.is_unpriced(found) else charts.heat(rows, style=",.0f")


def costs(v: View, found: Acquisition | Failure, margin: float) -> None:
    """What customers cost by source and over time, beside what they bring."""
    title = "What a customer costs" if isinstance(found, Failure) else words.cost(found, margin)
    left, right = st.columns([3, 2], gap="small")
    by = None if isinstance(found, Failure) or not found.by else v.modelled.catalog.get(found.by)
    with left:
        card(
            title,
            lambda: found,
            partial(frames.costs, margin=margin, label=by.label if by else "Value"),
            caption=f"Spend moved back by the cycle; no ratio before {YEAR} months have been seen",
            definition=Acquired,
            empty="The spend has no column that customers have too.",
            key="costs",
        )
    if not isinstance(found, Failure):
        with right:
            card(
                words.paid_back(found, margin),
                lambda: found,
                partial(payback, margin=margin),
                caption="Margin per customer by age, of all customers, against the cost of a new one",
                definition=Acquired.payback.__doc__ or "",
                key="payback",
            )
        card(
            words.cost_over_time(found),
            lambda: found,
            lambda a: charts.trend(rows, title="cost of a new customer") if len(rows := frames.cost_trend(a)) else None,
            caption=f"Spend of the {found.lag_days} days before, the median cycle, ÷ customers who first bought then; "
            "dashed: not over",
            definition=acquisition,
            empty="No new customer and spend meet in this period.",
            key="cost-trend",
        )


def payback(found: Acquisition, margin: float) -> Picture | None:
    rows = frames.payback(found, margin)
    if rows.empty:
        return None
    return charts_loyalty.curves(
        rows, unit="months of 30 days", title="margin", style=",.0f", marks=frames.cost_line(found), step=False
    )


def predicted(bought: OrderValue | Failure, kept: SubscriptionValue | Failure) -> None:
    """How far the models were off when the last months were kept from them."""
    left, right = st.columns(2, gap="small")
    with left:
        card(
            "Predicted purchases" if isinstance(bought, Failure) else words.holdout(bought.holdout),
            lambda: bought,
            lambda a: charts_loyalty.paired(frames.held(a.holdout), title="purchases each") if a.holdout else None,
            caption="BG/NBD: purchases per customer in the weeks kept back, by purchases before",
            definition=HoldOut,
            empty="Fewer than 30 customers have bought again.",
            key="holdout",
        )
    with right:
        card(
            "Predicted subscriptions" if isinstance(kept, Failure) else frames.kept_title(kept),
            lambda: kept,
            lambda a: (
                charts_loyalty.curves(frames.kept(a), unit="months subscribed", title="still subscribed", step=False)
                if a.model
                else None
            ),
            caption="Shifted beta-geometric: fitted to all, and to the first half of the months alone",
            definition=SubscriptionValue,
            empty="Fewer than 30 subscribers have left.",
            key="kept",
        )
