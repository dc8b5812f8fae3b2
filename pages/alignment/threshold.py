"""If the cut of the lead score had been elsewhere."""

from __future__ import annotations

import inspect
from functools import partial

import pandas as pd
import streamlit as st

from lifecycle import alignment_titles as titles
from lifecycle import alignment_words as words
from lifecycle.chance import TwoByTwo
from lifecycle.threshold import Cut, Threshold
from pages.alignment import pictures
from pages.ui import charts_alignment, labels
from pages.ui.data import ask
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.layout import card, state, tile, tiles, undivided
from pages.ui.picture import Picture
from queries.audit import audit
from queries.threshold import threshold


def cuts(v: View) -> None:
    """Acceptance, coverage and volume for every cut; a slider picks one."""
    found = ask(threshold, v.modelled, v.scope.whole)
    if isinstance(found, Failure) or found is None or len(found.cuts) < 2:
        empty = "No lead has a score here: the column lead_score of contacts or stage_events gives it."
        if not isinstance(found, Failure) and found and found.cuts:
            empty = f"All leads here have the score {found.cuts[0].score:g}: there is nothing to cut."
        card("The cut of the lead score", lambda: found, lambda _: None, empty=empty, key="threshold")
        return
    undivided(v.scope, "Scores are those of all leads of the period")
    low, high = found.cuts[0].score, found.cuts[-1].score
    start = found.cut if found.cut is not None else found.typical or low
    chosen = st.slider("If the cut had been", low, high, min(max(start, low), high), found.step, "%g", "cut", width=420)
    card(
        titles.cut_at(found.at(chosen)),
        lambda: found,
        partial(pictures.cuts, chosen),
        caption=titles.scored(found),
        definition=Cut,
        key="threshold",
    )
    left, right = st.columns(2, gap="small")
    with left:
        card(
            titles.by_band(found),
            lambda: found,
            pictures.bands,
            caption=f"{words.leads(v.modelled.model)} as they were handed over, by their score then, and how "
            "many were decided; a band ends below its higher number",
            definition=Threshold,
            key="bands",
        )
    with right:
        beyond_chance(found, chosen)
    coefficients(found.judged(chosen), "the score")


def beyond_chance(found: Threshold, chosen: float) -> None:
    """The 2×2 with its fourth cell for scored leads with a verdict of sales: a universe that both have judged."""
    both = found.judged(chosen)
    card(
        f"The score against the reps' verdict, {both.n:,} leads judged by both",
        lambda: found,
        lambda _: square(both, "the score", f"Score {chosen:g} or more", f"Score below {chosen:g}"),
        caption="Only leads that have a score and a verdict of sales: in this universe the fourth cell is known",
        definition=TwoByTwo,
        key="universe",
    )


def audited(v: View) -> None:
    """The 2×2 of an audit sample, where the company has one."""
    found = ask(audit, v.modelled, v.scope.whole)
    if isinstance(found, Failure):
        state(found)
    elif found is not None:
        card(
            f"The audit sample, {found.cells.n:,} records judged by both teams",
            lambda: found,
            lambda answer: square(answer.cells, "marketing", "Marketing says yes", "Marketing says no"),
            caption="From the table audits; a sample is drawn from the whole, so that filters leave it out",
            definition=audit,
            empty="Nothing was audited in this period.",
            key="audit",
        )
        coefficients(found.cells, "marketing")


def square(both: TwoByTwo, judge: str, yes: str, no: str) -> Picture | None:
    """Four cells: the verdict of the first judge in words as rows, that of sales as columns."""
    rows = [
        ("accepted", yes, "Sales accepted", both.both, "both said yes"),
        ("rejected", yes, "Sales rejected", both.rejected, f"only {judge}"),
        ("bypass", no, "Sales accepted", both.bypass, "only sales"),
        ("neither", no, "Sales rejected", both.neither, "both said no"),
    ]
    frame = pd.DataFrame(rows, columns=["outcome", "marketing", "sales", "n", "note"])
    return charts_alignment.cells(frame) if both.n else None


def coefficients(both: TwoByTwo, judge: str) -> None:
    """Agreement of the two judges beyond chance."""
    with tiles(4):
        tile("Raw agreement", labels.percent(both.raw), note="both said the same", definition=said_of("raw"))
        tile("Cohen's kappa", coefficient(both.kappa), note="0: no better than chance", definition=said_of("kappa"))
        tile("PABAK", coefficient(both.pabak), note="kappa, were yes and no as frequent", definition=said_of("pabak"))
        tile("Gwet's AC1", coefficient(both.ac1), note="steady where one answer is rare", definition=said_of("ac1"))
    if both.mcnemar_p is not None:
        p = "below 0.001" if both.mcnemar_p < 0.001 else f"{both.mcnemar_p:.3f}"
        first, second = ("sales", judge) if both.bypass > both.rejected else (judge, "sales")
        said = f"{first[0].upper()}{first[1:]} says yes more often than {second}"
        said = said if both.mcnemar_p < 0.05 else "Neither says yes more often"
        st.caption(labels.escape(f"{said} (McNemar's exact test, p {p})."))


def said_of(name: str) -> str:
    """The definition of a coefficient."""
    return inspect.getdoc(getattr(TwoByTwo, name)) or ""


def coefficient(value: float | None) -> str:
    """A coefficient of agreement to two digits."""
    return labels.UNDEFINED if value is None else f"{value:.2f}"
