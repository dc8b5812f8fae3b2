"""Who stands in a stage over time, by how long they have been in it: the whole, its parts, and another period."""

from __future__ import annotations

from functools import partial

from lifecycle.flow import Stock
from pages.pace import frames_stages as frames
from pages.pace import frames_time_parts as parted
from pages.pace.choices import Choices, segment_label
from pages.pace.contrasts import contrasts
from pages.ui import charts_pace, labels
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card
from pages.ui.picture import Picture
from queries.flow import stock_by_age


def standing(v: View, chosen: Choices) -> None:
    """The stock by age, then what sets its parts, or the compared period's, apart."""
    stock = ask(stock_by_age, v.modelled, v.scope, chosen.stage)
    card(
        _title(stock, chosen.label),
        lambda: stock,
        ages,
        caption="Who is in the stage at the end of each period, by how long they have been in it",
        definition=stock_by_age,
        height=300,
        key="stock-by-age",
    )
    if isinstance(stock, Failure):
        return
    told = partial(
        contrasts,
        stock,
        said=lambda days: f"in it for over {days} days",
        what=f"Of those in {chosen.label} at the end",
        welcome=lambda _: False,
    )
    if stock.comparison:
        told(since=True, definition=Stock.changes.__doc__ or "", key="stock-before")
    if not stock.parts:
        return
    by = segment_label(v)
    card(
        f"How long have those in {chosen.label} been there, by {by.lower()}?",
        lambda: stock,
        panels,
        caption="Each on its own scale; the darker, the longer in it: " + ", ".join(frames.AGE_NAMES),
        definition=stock_by_age,
        key="stock-parts",
    )
    told(since=False, definition=Stock.contrasts.__doc__ or "", key="stock-parts-apart")
    card(
        f"Who is in {chosen.label} at the end, by {by.lower()}?",
        lambda: stock,
        lambda answer: parted.standing(answer, by),
        caption="“chance”: it explains the difference to all others, where so many are looked at",
        definition=Stock.contrasts.__doc__ or "",
        key="stock-parts-table",
    )


def ages(found: Stock) -> Picture | None:
    return charts_pace.stock(frames.stock(found)) if any(any(n) for n in found.n) else None


def panels(found: Stock) -> dict[str, Picture]:
    some = [p for p in found.parts if any(any(n) for n in p.answer)]
    return {frames.named(p.name): charts_pace.stock(parted.stock_of(found, p), named=False, height=170) for p in some}


def _title(found: Stock | Failure, label: str) -> str:
    if isinstance(found, Failure) or not found.n or not sum(found.n[-1]):
        return f"Who stands in {label}"
    total, old = sum(found.n[-1]), found.n[-1][-1]
    return f"{total:,} are in {label}, {labels.percent(old / total, 0)} of them for over 90 days"
