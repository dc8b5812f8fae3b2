"""What sets the parts of a breakdown, or two periods, apart: one card, whatever the rates are of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pandas as pd

from lifecycle.parts import Contrast
from pages.ui import labels
from pages.ui.charts_funnel import changes
from pages.ui.layout import card

S = TypeVar("S")
MOST = 10  # differences that are shown
OTHERS, BEFORE = "all others", "before"


def named(value: str | None) -> str:
    """A value of a segment as people read it."""
    return "Not set" if value is None else value


def contrasts(
    found: Any,
    shown: Sequence[Contrast[S]],
    said: Callable[[S], str],
    *,
    what: str,
    other: str,
    definition: Callable[..., Any],
    key: str,
    welcome: Callable[[S], bool] = lambda _: True,
) -> None:
    """The largest differences to what is named by `other`, the clear ones first; `what`: whose share they are of."""
    card(
        title(shown, said, other),
        lambda: found,
        lambda _: changes(frame(shown[:MOST], said, welcome)) if shown else None,
        caption=f"{what}, against {other}; grey: chance explains it",
        definition=definition,
        table=lambda _: frame(shown, said, welcome),
        empty="Too few to compare: it takes 30 on both sides.",
        key=key,
    )


def title(shown: Sequence[Contrast[S]], said: Callable[[S], str], other: str) -> str:
    """The clearest difference; none where chance explains them all."""
    first = shown[0] if shown else None
    if first is None or not first.clear:
        return f"Nothing differs from {other} by more than chance"
    here, there = (labels.percent(rate.value, 0) for rate in (first.here, first.there))
    return f"{whose(first, said)}: {here}, {other} {there}"


def whose(c: Contrast[S], said: Callable[[S], str]) -> str:
    about = said(c.about)
    return f"{named(c.name)}: {about}" if c.values else about[:1].upper() + about[1:]


def frame(shown: Sequence[Contrast[S]], said: Callable[[S], str], welcome: Callable[[S], bool]) -> pd.DataFrame:
    """Differences in percentage points with their intervals, as a picture takes them."""
    return pd.DataFrame(
        [
            {
                "label": whose(c, said),
                "value": c.difference.value * 100,
                "low": c.difference.low * 100,
                "high": c.difference.high * 100,
                "clear": c.clear,
                "welcome": welcome(c.about),
                "note": labels.points(c.difference),
                "rates": f"{labels.percent(c.here.value)} against {labels.percent(c.there.value)}",
                "n": c.here.numerator,
                "of": c.here.denominator,
                "other_n": c.there.numerator,
                "other_of": c.there.denominator,
            }
            for c in shown
            if c.difference
        ]
    )
