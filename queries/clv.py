"""Customer lifetime value, asked: fitted to orders and to subscriptions, each with a check against the last months."""

from __future__ import annotations

from dataclasses import replace

from lifecycle.btyd import fit_gamma_gamma
from lifecycle.prediction import (
    DISCOUNT,
    MONTHS,
    OrderValue,
    SubscriptionValue,
    held_out,
    kept_until,
    order_value,
    survival_of,
)
from lifecycle.sbg import fit_sbg
from lifecycle.scope import Scope
from queries.modelled import Modelled
from queries.predicted import pasts, spending, tenure
from queries.value import simple

HOLDOUT_DAYS = 182  # or a third of the history, where it is shorter


def orders_value(m: Modelled, scope: Scope, months: int = MONTHS, discount: float = DISCOUNT) -> OrderValue:
    """What customers are predicted to buy, from all orders by as_of, whatever the period; and how good that is.

    BG/NBD (Fader, Hardie and Lee 2005) for purchases, Gamma–Gamma for amounts. Days with an order count as purchases.
    Raises WarehouseError("missing_table") without orders.
    """
    whole = pasts(m, scope)
    span = max(whole.past.age, default=0.0) * 7
    before = pasts(m, scope, min(HOLDOUT_DAYS, int(span / 3)))
    paid, asked = spending(m, scope)
    check = held_out(before.past, before.later, before.weeks)
    found = order_value(whole.past, fit_gamma_gamma(paid), check, months, discount)
    return replace(found, statements=(*whole.statements, *before.statements, asked))


def subscriptions_value(
    m: Modelled, scope: Scope, months: int = MONTHS, discount: float = DISCOUNT
) -> SubscriptionValue:
    """How long subscribers are predicted to stay, from all subscriptions by as_of, whatever the period.

    Shifted beta-geometric (Fader and Hardie 2007) on monthly renewals. Raises WarehouseError("missing_table") without
    subscriptions.
    """
    known, asked = tenure(m, scope)
    today = simple(m, scope, 0)
    model = fit_sbg(known)
    longest = max([*known.lost, *known.kept], default=0)
    cut = longest // 2
    monthly = (1 + discount) ** (1 / 12) - 1
    return SubscriptionValue(
        subscribers=known.n,
        lost=sum(known.lost.values()),
        months=months,
        discount=discount,
        seen=survival_of(known),
        mrr=today.arpa,
        model=model,
        early=fit_sbg(kept_until(known, cut)) if cut else None,
        held_from=cut,
        per_new=None if model is None or today.arpa is None else today.arpa * model.renewals(months, monthly),
        statements=(asked, *today.statements),
    )
