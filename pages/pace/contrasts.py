"""What sets the parts of a breakdown, or two periods, apart: one card, whatever the rates are of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

import pandas as pd

from lifecycle.parts import Contrast
from pages.ui import labels
from pages.ui.charts_funnel import changes
from pages.ui.layout import card

S = TypeVar("S")
MOST = 10  # differences that are shown


def named(value: str | None) -> str:
    """A value of a segment as people read it."""
    return "Not set" if value is None else value


class Answer(Protocol):
    """An answer that tells what sets its parts, and the two periods, apart."""

    @property
    def contrasts(self) -> tuple[Contrast[Any], ...]: ...

    @property
    def changes(self) -> tuple[Contrast[Any], ...]: ...


def contrasts(
    found: Answer,
    said: Callable[[Any], str],
    *,
    what: str,
    key: str,
    since: bool,
    definition: str | Callable[..., Any],
    welcome: Callable[[Any], bool],
) -> None:
    """The largest differences to all others, or with `since` to the compared period; `what`: whose share they are of.

    `said` and `welcome` tell of what a rate is of: its words, and whether more of it is better.
    """
    other = "before" if since else "all others"
    show(found, partial(_shown, since), said, what=what, key=key, other=other, definition=definition, welcome=welcome)


def _shown(since: bool, found: Answer) -> tuple[Contrast[Any], ...]:
    return found.changes if since else found.contrasts


def show(
    found: Any,
    shown: Callable[[Any], Sequence[Contrast[Any]]],
    said: Callable[[Any], str],
    *,
    what: str,
    key: str,
    other: str,
    definition: str | Callable[..., Any],
    welcome: Callable[[Any], bool],
) -> None:
    """A card of what `shown` makes of an answer, against what is named by `other`; the clear differences first."""
    card(
        title(shown(found), said, other),
        lambda: found,
        lambda a: changes(frame(rows[:MOST], said, welcome)) if (rows := shown(a)) else None,
        caption=f"{what}, against {other}; grey: chance explains it",
        definition=definition,
        table=lambda a: frame(shown(a), said, welcome),
        empty="It takes 30 on both sides.",
        key=key,
    )


def title(shown: Sequence[Contrast[S]], said: Callable[[S], str], other: str) -> str:
    """The clearest difference; none where chance explains them all."""
    if not shown:
        return f"Too few to compare with {other}"
    first = shown[0]
    if not first.clear:
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
