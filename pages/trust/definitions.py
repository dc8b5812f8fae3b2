"""What every stage and every number means."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lifecycle.correspondence import POSITIONS, Correspondence, matches
from lifecycle.stages import StageModel
from pages.trust import frames
from pages.trust.stage_cards import handoff, stage_card
from pages.ui import data, labels
from pages.ui.charts_bridge import amounts, bridge
from pages.ui.charts_matrix import matrix
from pages.ui.failures import Failure
from pages.ui.filters import View, view
from pages.ui.layout import card, page_header
from queries import beside, definitions, glossary, health
from queries.definitions import UNITS, Counts

SAME = 0.9  # stages that share nine in ten of their entities mean the same


def stages(v: View) -> None:
    """The chosen model: its stages, who is in them, what they mean."""
    model = v.modelled.model
    st.markdown(labels.escape(model.description))
    st.caption(labels.escape(handoff(model) or f"No handoff; lifecycles with one: {with_handoff()}."))
    stock = data.ask(definitions.stock, v.modelled, v.scope.whole)
    where_they_are(v, stock)
    n = {} if isinstance(stock, Failure) else stock.n
    missing = None if isinstance(stock, Failure) else 0
    total = sum(n.values())
    for name, group in (("", (*model.anonymous, *model.progress)), ("Ways out", model.exits)):
        if name and group:
            st.markdown(f"##### {name}")
        with st.grid(min_column_width=300, gap="small"):
            for stage in group:
                known = None if stage.kind == "anonymous" else n.get(stage.key, missing)
                stage_card(model, stage, known, total)
    off = [f"{s.label} (switch {s.switch})" for s in model.stages if s not in model.active]
    if off:
        st.caption(labels.escape(f"Switched off: {', '.join(off)}"))


def with_handoff() -> str:
    return ", ".join(m.label for m in data.models().values() if m.handoff)


def where_they_are(v: View, stock: definitions.Stock | Failure) -> None:
    """How many are in each stage at the data cut-off."""
    model, unit = v.modelled.model, UNITS[v.modelled.model.entity]
    title = f"Where the {unit} are"
    if not isinstance(stock, Failure) and stock.n:
        most = max(stock.n, key=lambda key: stock.n[key])
        title = f"{sum(stock.n.values()):,} {unit}, most of them in {model.stage(most).label}"
    card(
        title,
        lambda: stock,
        lambda answer: amounts(frames.stock(answer, model)),
        caption=f"In each stage on {labels.instant(v.scope.as_of)}; the period does not matter",
        definition=definitions.stock,
        empty="Nobody matches the active filters.",
        key="stock",
    )


def side_by_side(v: View) -> None:
    """The chosen model beside another one, by the same entities."""
    models = {name: m for name, m in data.models().items() if name != v.modelled.model.name}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        words = labels.distinct({name: m.label for name, m in models.items()})
        place = first_built(v, list(models.values()))
        other = st.selectbox("Beside", list(models), place, words.__getitem__, "beside", width=260, bind="query-params")
        position = st.selectbox(
            "By", list(POSITIONS), 0, POSITIONS.__getitem__, "position", width=200, bind="query-params"
        )
    there = models[other]
    found = data.ask(beside.correspondence, v.modelled, v.scope.whole, there, position)
    left, right = st.columns([3, 2], gap="small")
    with left:
        in_both(v, there, found)
    with right:
        best(v, there, found)


def first_built(v: View, models: list[StageModel]) -> int:
    """The place of the first model that there is something to show of."""
    history = data.ask(health.history, v.modelled, v.scope.whole)
    built = set() if isinstance(history, Failure) else {b.digest for b in history.builds}
    return next((i for i, m in enumerate(models) if m.digest in built), 0)


def in_both(v: View, there: StageModel, found: Correspondence | Failure) -> None:
    here = v.modelled.model
    title = "Where they are in each lifecycle"
    if not isinstance(found, Failure):
        sample = f", a sample of one in {found.one_in}" if found.one_in > 1 else ""
        title = f"{found.total:,} {found.unit}, by where they are in each lifecycle{sample}"
    card(
        title,
        lambda: found,
        lambda answer: matrix(frames.both(answer, here, there)) if answer.total else None,
        caption=f"Rows: {here.label}. Columns: {there.label}. Shade: share of the row",
        definition=beside.correspondence,
        empty="Nobody matches the active filters.",
        key="in-both",
    )


def best(v: View, there: StageModel, found: Correspondence | Failure) -> None:
    here = v.modelled.model

    def rows(answer: Correspondence) -> pd.DataFrame:
        pairs = matches(answer, *(beside.places(m, answer.position) for m in (here, there)))
        return frames.matches(pairs if answer.total else [], here, there)

    title = "Which stage corresponds to which"
    if not isinstance(found, Failure) and found.total:
        pairs = matches(found, *(beside.places(m, found.position) for m in (here, there)))
        same = sum((pair.overlap.value or 0) >= SAME for pair in pairs)
        title = f"{same} of {len(pairs)} stages have a counterpart"
    card(
        title,
        lambda: found,
        rows,
        caption=f"The stage with the largest overlap; from {SAME:.0%} of those in either, two are counterparts",
        definition=matches,
        empty="Nobody matches the active filters.",
        key="best-match",
    )


def why_counts_differ(v: View) -> None:
    """Every count of one stage that a page may show, and what lies between."""
    model = v.modelled.model
    words = labels.distinct({s.key: s.label for s in model.progress})
    usual = model.handoff.from_ if model.handoff else model.progress[min(1, len(model.progress) - 1)].key
    place = list(words).index(usual)
    stage = st.selectbox("Stage", list(words), place, words.__getitem__, "counted", width=260, bind="query-params")
    found = data.ask(definitions.counts_of, v.modelled, v.scope.whole, stage)
    card(
        differing(model, found),
        lambda: found,
        lambda answer: bridge([(line.label, line.n, line.is_total, line.why) for line in answer.lines]),
        caption="Each blue bar is a count that some page shows; what lies between leads from one to the next",
        definition=definitions.counts_of,
        key="counts",
    )
    card(
        "What does each line mean?",
        lambda: found,
        frames.counts,
        caption=due(model, found),
        definition=definitions.counts_of,
        key="meanings",
    )


def differing(model: StageModel, found: Counts | Failure) -> str:
    if isinstance(found, Failure):
        return "Why counts of one stage differ"
    label, totals = model.stage(found.stage).label, [line.n for line in found.lines if line.is_total]
    low, high = min(totals), max(totals)
    if low == high:
        return f"Every count of {label} is {low:,} in this period"
    return f"{label}: between {low:,} and {high:,} in this period, by what is counted"


def due(model: StageModel, found: Counts | Failure) -> str:
    """What the service level leaves out of its base for now."""
    if isinstance(found, Failure) or found.within_limit is None or model.handoff is None:
        return "And where its count is shown"
    return (
        f"{found.within_limit:,} first own entries are within the {model.handoff.sla_hours:g} h of the service level "
        "at the data cut-off: not due yet, they are in its base only once touched"
    )


def metrics() -> None:
    """Every metric in the words of the code that computes it."""
    wanted = st.text_input("Search", key="term", placeholder="conversion, interval, cohort …", width=300).lower()
    found = [e for e in glossary.entries() if wanted in f"{e.subject} {e.term} {e.text}".lower()]
    if not found:
        st.markdown(":material/inbox: No definition holds this text.")
    for subject in dict.fromkeys(e.subject for e in found):
        st.markdown(f"##### {subject}")
        with st.grid(min_column_width=340, gap="small"):
            for entry in (e for e in found if e.subject == subject):
                with st.container(border=True, height="stretch", gap="xsmall"):
                    st.markdown(f"**{entry.term}**")
                    st.markdown(entry.text)
                    st.caption(labels.escape(entry.source))


page_header("Definitions", "What every stage and every number means")
current = view()
by_stage, by_model, by_count, by_metric = st.tabs(
    ["Stages", "Models side by side", "Why counts differ", "Metrics"], key="part", bind="query-params"
)
with by_stage:
    if by_stage.open:
        stages(current)
with by_model:
    if by_model.open:
        side_by_side(current)
with by_count:
    if by_count.open:
        why_counts_differ(current)
with by_metric:
    if by_metric.open:
        metrics()
