"""Whether customers would recommend, whether those who would also stay, and how satisfied they are."""

from __future__ import annotations

from functools import partial

import streamlit as st

from lifecycle import loyalty_words as words
from lifecycle.nps import Nps, Satisfaction
from lifecycle.promoters import Staying
from pages.customers import frames_loyalty as frames
from pages.customers.satisfied import satisfied
from pages.ui import charts, charts_loyalty, labels
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card
from pages.ui.picture import Picture
from queries.ladder import staying

MOODS = {mood: label for mood, (label, _) in charts_loyalty.MOODS.items()}
COLOURS = tuple(colour for _, colour in charts_loyalty.MOODS.values())


def section(v: View, found: Satisfaction | Failure) -> None:
    """Everything about what they answer."""
    left, right = st.columns([3, 2], gap="small")
    with left:
        card(
            "Would they recommend?" if isinstance(found, Failure) else words.score(found),
            lambda: found,
            over_time,
            caption="Each respondent once per period, by the newest answer; with 95 % interval",
            definition=Satisfaction,
            empty="Nobody answered in this period.",
            key="nps-trend",
        )
    with right:
        card(
            "What did they answer?",
            lambda: found,
            lambda a: charts_loyalty.scores(frames.scores(a.whole)) if a.whole.n else None,
            caption=asked(found),
            definition=Nps.value.__doc__ or "",
            empty="Nobody answered in this period.",
            key="scores",
        )
    if not isinstance(found, Failure) and found.rows:
        by_segment(v, found)
    stay(v)
    satisfied(v)


def over_time(found: Satisfaction) -> Picture | None:
    rows = frames.score_trend(found)
    return None if rows.empty else charts.trend(rows, style="+.0f", title="NPS in points")


def asked(found: Satisfaction | Failure) -> str:
    """How many answered of those who were asked, and what was left out."""
    if isinstance(found, Failure) or found.response is None or found.response.value is None:
        return "Respondents by score"
    when = "asked in the period" if found.dated else "ever asked (the table surveys has no asked_at)"
    said = f"{labels.percent(found.response.value)} answered of {found.response.denominator:,} {when}"
    return f"{said}; {found.unusable:,} answers outside 0–10 are left out" if found.unusable else said


def by_segment(v: View, found: Satisfaction) -> None:
    """The score of each value of the breakdown."""
    segment = v.modelled.catalog.get(v.scope.by or "")
    by = segment.label.lower() if segment else "segment"
    card(
        words.scores_apart(found),
        lambda: found,
        lambda a: charts_loyalty.intervals(frames.score_rows(a), a.whole.value, style="+.0f", title="NPS in points"),
        caption=f"NPS by {by} with 95 % intervals; the dashed line is everybody together",
        definition=Nps.interval.__doc__ or "",
        key="nps-segments",
    )


def stay(v: View) -> None:
    """What becomes of promoters, passives and detractors after they answered."""
    found = ask(staying, v.modelled, v.scope.whole)
    sides = [("leaving", "still subscribed"), ("returning", "not yet bought again")]
    if not isinstance(found, Failure):
        sides = [(name, said) for name, said in sides if getattr(found, name) is not None]
    for column, (name, said) in zip(st.columns(len(sides), gap="small"), sides, strict=True):
        with column:
            card(
                "Do promoters stay longer?" if isinstance(found, Failure) else words.staying(found, name),
                lambda: found,
                partial(curves, name=name, said=said),
                caption=f"Share {said} after the first answer of the period; log-rank test between the three",
                definition=Staying,
                empty="Nobody who answered in this period was a customer then.",
                key=f"stay-{name}",
            )
        if isinstance(found, Failure):
            break


def curves(found: Staying, name: str, said: str) -> Picture | None:
    tables = getattr(found, name) or {}
    rows = frames.falling(tables, MOODS)
    if rows.empty:
        return None
    colours = tuple(c for mood, c in zip(MOODS, COLOURS, strict=True) if mood in tables and tables[mood].n)
    return charts_loyalty.curves(rows, unit="days since they answered", title=said, colours=colours)
