"""Recurring revenue: what changed it, who changed it most, and whether it would shrink by itself."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from lifecycle.mrr import MOVEMENTS, Book, Period, together
from lifecycle.rates import difference
from lifecycle.retention_words import named
from pages.customers import frames_mrr as frames
from pages.customers.behind import ENTITIES, PICK, open_customer
from pages.customers.choices import GRAINS, choose
from pages.ui import charts, charts_mrr, labels
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card, rate_tile, tile, tiles
from pages.ui.picture import Picture
from queries.mrr import movers, mrr


def revenue(v: View) -> None:
    """Everything about recurring revenue."""
    v = replace(v, scope=replace(v.scope, grain=choose("Movements by", "mrr_grain", GRAINS, "month", 130)))
    found = ask(mrr, v.modelled, v.scope)
    if not isinstance(found, Failure) and found.periods:
        key_figures(v, found)
    card(
        title(v, found),
        lambda: found,
        bridge,
        caption=f"From the first instant of the first {v.scope.grain} to the end of the last one that is over",
        definition=Period,
        table=lambda a: frames.table(a.scope, a.periods),
        empty="No period is over, or nobody had a subscription.",
        key="bridge",
    )
    if isinstance(found, Failure) or not found.periods:
        return
    clicked = card(
        f"{labels.money(_moved(found, 1))} came and {labels.money(_moved(found, -1))} went, "
        f"{v.scope.grain} by {v.scope.grain}",
        lambda: found,
        by_period,
        caption="The diamond is the net change. A click shows the customers behind a movement",
        definition=Period,
        table=lambda a: frames.table(a.scope, a.periods),
        empty="Nothing changed in this time.",
        select="bar",
        key="movements",
    )
    largest(v, clicked[0] if clicked else {})
    left, right = st.columns(2, gap="small")
    with left:
        card(
            by_itself(found),
            lambda: found,
            rates,
            definition=Period.nrr.__doc__ or "",
            key="rates",
            caption="NRR above 100 % grows without a single new customer; GRR never exceeds 100 %",
        )
    with right:
        card(
            churning(found),
            lambda: found,
            churn,
            definition=Period.logo_churn.__doc__ or "",
            key="logo-churn",
            caption="Of the customers at the start of each period, with the 95 % interval",
        )
    if v.scope.by:
        card(
            grown(found),
            lambda: found,
            frames.segments,
            definition=Book,
            key="mrr-segments",
            caption="Movements by group over the whole time shown; the groups add up to all",
        )


def key_figures(v: View, found: Book) -> None:
    """The last period that is over, in five numbers."""
    p = found.periods[-1]
    name = v.scope.calendar.name(p.start_on, v.scope.grain)
    before = found.comparison.periods[-1] if found.comparison and found.comparison.periods else None
    moved = difference(p.logo_retention, before.logo_retention) if before else None
    with tiles(5):
        grown = labels.growth(p.end / before.end - 1) if before and before.end else None
        tile(
            "MRR at the end",
            labels.money(p.end / 100),
            note=f"of {p.customers_at_end:,} customers, {name}",
            change=grown,
            good=grown is not None and not grown.startswith("-") if grown else None,
            compared="vs before" if grown else "",
        )
        for label, value, rule in (("NRR", p.nrr, Period.nrr), ("GRR", p.grr, Period.grr)):
            tile(
                label,
                labels.percent(value),
                note=f"of {labels.money(p.start / 100)} at its start, {name}",
                definition=rule.__doc__ or "",
            )
        rate_tile(
            "Logo retention",
            p.logo_retention,
            moved,
            definition=Period.logo_retention.__doc__ or "",
        )
        ratio = labels.UNDEFINED if p.quick_ratio is None else f"{p.quick_ratio:.1f}"
        tile("Quick ratio", ratio, note=f"gained per unit lost, {name}", definition=Period.quick_ratio.__doc__ or "")


def title(v: View, found: Book | Failure) -> str:
    """How the book changed, and by what most."""
    whole = None if isinstance(found, Failure) else together(v.scope, found.periods)
    if whole is None:
        return "What changed recurring revenue?"
    if not any(whole.counts.values()):
        return f"Recurring revenue stayed at {labels.money(whole.end / 100)}"
    most = max(MOVEMENTS, key=lambda name: abs(whole.cents[name]))
    sign = "+" if whole.cents[most] > 0 else ""
    grew = "grew" if whole.end >= whole.start else "shrank"
    return (
        f"Recurring revenue {grew} from {labels.money(whole.start / 100)} to {labels.money(whole.end / 100)}; "
        f"most of it {MOVEMENTS[most].lower()}, {sign}{labels.money(whole.cents[most] / 100)}"
    )


def _moved(found: Book, sign: int) -> float:
    """What all gains, or all losses, of the periods come to."""
    return sum(abs(c) for p in found.periods for c in p.cents.values() if c * sign > 0) / 100


def bridge(found: Book) -> Picture | None:
    whole = together(found.scope, found.periods)
    if whole is None or not (whole.start or any(whole.counts.values())):
        return None
    after = found.scope.calendar.step(found.periods[-1].start_on, found.scope.grain)
    return charts_mrr.bridge(frames.bridge(whole, f"{after:%-d %b %Y}"))


def by_period(found: Book) -> Picture | None:
    if not any(n for p in found.periods for n in p.counts.values()):
        return None
    return charts_mrr.stacked(*frames.by_period(found.scope, found.periods), money=True)


def rates(found: Book) -> Picture | None:
    rows = frames.rates(found.scope, found.periods)
    return None if rows.empty else charts_mrr.rates(rows)


def churn(found: Book) -> Picture | None:
    rows = frames.churn(found.scope, found.periods)
    return None if rows.empty else charts.trend(rows, style=".1%", title="left the book")


def by_itself(found: Book) -> str:
    """In how many periods the book grew without a new customer."""
    known = [p.nrr for p in found.periods if p.nrr is not None]
    if not known:
        return "Does the book grow by itself?"
    grew = sum(nrr > 1 for nrr in known)
    return f"Without new customers the book grew in {grew} of {len(known)} {found.scope.grain}s"


def churning(found: Book) -> str:
    """The latest logo churn."""
    latest = found.periods[-1]
    if latest.logo_churn.value is None:
        return "Logo churn"
    name = found.scope.calendar.name(latest.start_on, found.scope.grain)
    return f"{labels.percent(latest.logo_churn.value)} of customers left in {name}"


def grown(found: Book) -> str:
    """Of which group recurring revenue grew most, all its movements added up."""
    sums = [(named(value), together(found.scope, periods)) for value, periods in found.segments]
    known = [(name, whole.end - whole.start) for name, whole in sums if whole]
    if not known:
        return "Which groups bring recurring revenue?"
    name, most = max(known, key=lambda pair: pair[1])
    if most <= 0:
        return "Recurring revenue grew in no group"
    return f"Recurring revenue grew most in “{name}”: +{labels.money(most / 100)}"


def largest(v: View, clicked: dict[str, object]) -> None:
    """Whose MRR changed most: in all the periods shown, or behind the bar that was picked."""
    calendar, grain = v.scope.calendar, v.scope.grain
    kind = str(clicked["kind"]) if clicked else None
    number = None
    said = "the largest of single customers"
    if clicked:
        from_ = frames.day(str(clicked["period"]))
        number = calendar.number(from_, grain)
        said = f"{MOVEMENTS[str(kind)].lower()} in {calendar.name(from_, grain)}"
    segment = v.modelled.catalog.get(v.scope.by) if v.scope.by else None
    found = ask(movers, v.modelled, v.scope, kind, number)
    total = "" if isinstance(found, Failure) else f"{found.total:,} changes: "
    picked = card(
        f"{total}{said}",
        lambda: found,
        lambda a: frames.movers(a, v.scope, ENTITIES[v.modelled.model.entity], segment.label if segment else None),
        caption=f"Largest first, at most a hundred. {PICK}",
        definition=movers,
        select="change",
        empty="Nothing changed.",
        key=f"movers.{kind}.{number}",
    )
    open_customer(v, picked, "money")
