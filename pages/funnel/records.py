"""The records behind a part of the funnel, and the timeline of a chosen one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import ceil

import pandas as pd
import streamlit as st

from lifecycle.funnel import Funnel, StageRow
from lifecycle.stages import StageModel
from pages.funnel import frames
from pages.ui import labels
from pages.ui.data import ask, digest
from pages.ui.failures import Failure
from pages.ui.filters import View
from pages.ui.history_card import open_history
from pages.ui.layout import card, state
from pages.ui.picture import OUTCOMES
from queries.contacts import PAGE, Bar, Records, records


def drill_down(view: View, answer: Funnel, clicked: Sequence[Mapping[str, str]]) -> None:
    """Choose a part of the funnel, by a click or by name; page through its records; open one."""
    bar = _chosen(view.modelled.model, answer, clicked)
    if bar is None:
        return
    first = ask(records, view.modelled, view.scope, bar)
    if isinstance(first, Failure):
        state(first)
        return
    pages = max(ceil(first.total / PAGE), 1)
    page = st.pagination(pages, key=f"records.page.{digest(bar)[:12]}") - 1 if pages > 1 else 0
    things = view.modelled.model.entity if first.total == 1 else f"{view.modelled.model.entity}s"
    picked = card(
        f"{first.total:,} journeys of {things}",
        partial(ask, records, view.modelled, view.scope, bar, page),
        partial(_listed, view, answer),
        caption=f"{_said(view.modelled.model, answer, bar)}; the latest first. Pick one to see its history.",
        definition=records,
        select="record",
        key=f"records.{digest((bar, page))[:12]}",
    )
    if picked:
        open_history(view, str(picked[0][labels.ENTITIES[view.modelled.model.entity]]), "records")


def _chosen(model: StageModel, answer: Funnel, clicked: Sequence[Mapping[str, str]]) -> Bar | None:
    """The part that was clicked; the selects start from it, and can be used without a pointer."""
    rows = {r.stage: r for r in answer.whole if r.entered}
    click = clicked[0] if clicked and clicked[0]["stage"] in rows else None
    token = f"{click['stage']}.{click['outcome']}" if click else "none"
    names = frames.stage_labels(answer.whole)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        place = list(rows).index(click["stage"]) if click else None
        stage = st.selectbox(
            "Who is behind a column?",
            list(rows),
            place,
            names.__getitem__,
            f"records.stage.{token}",
            placeholder="Click one, or choose a stage",
            width=260,
        )
        if stage is None:
            return None
        fates = [key for key in frames.outcomes_of(rows[stage], answer.whole) if frames.outcome(rows[stage], key)]
        place = (
            fates.index(click["outcome"]) if click and click["outcome"] in fates and click["stage"] == stage else None
        )
        fate = st.selectbox(
            "What became of them",
            fates,
            place,
            lambda key: f"{OUTCOMES[key][0]} · {frames.outcome(rows[stage], key):,}",
            f"records.fate.{token}.{stage}",
            placeholder="All",
            width=210,
        )
        exit_stage, reasons = _exit(model, rows[stage], f"{token}.{stage}") if fate == "exited" else (None, ())
        segments, others = _segment(answer, f"{token}.{stage}")
    return Bar(stage, frames.fate_of(fate) if fate else None, exit_stage, reasons, segments, others)


def _exit(model: StageModel, row: StageRow, token: str) -> tuple[str | None, tuple[str | None, ...]]:
    exits = list(row.exited)
    exit_stage = st.selectbox(
        "By",
        exits,
        None,
        lambda key: f"{model.stage(key).label} · {row.exited[key].total:,}",
        f"records.exit.{token}",
        placeholder="Any exit",
        width=190,
    )
    if exit_stage is None:
        return None, ()
    found = row.exited[exit_stage].reasons
    reason = st.selectbox(
        "Reason",
        range(len(found)),
        None,
        lambda i: f"{frames.reason(list(found)[i])} · {list(found.values())[i]:,}",
        f"records.reason.{token}.{exit_stage}",
        placeholder="Any reason",
        width=230,
    )
    return exit_stage, () if reason is None else (list(found)[reason],)


def _segment(answer: Funnel, token: str) -> tuple[tuple[str | None, ...], bool]:
    """Values of the breakdown that narrow the list, and whether all others are meant."""
    if not answer.segments:
        return (), False
    values = answer.segments
    place = st.selectbox(
        answer.scope.by or "",
        range(len(values)),
        None,
        lambda i: frames.named(values[i]),
        f"records.segment.{token}",
        placeholder="All",
        width=190,
    )
    if place is None:
        return (), False
    if values[place] == answer.other:
        return tuple(values[:-1]), True
    return (values[place],), False


def _said(model: StageModel, answer: Funnel, bar: Bar) -> str:
    parts = [frames.stage_labels(answer.whole)[bar.stage]]
    parts += [OUTCOMES[bar.fate][0].lower()] if bar.fate else ["all who entered"]
    parts += [model.stage(bar.exit_stage).label] if bar.exit_stage else []
    parts += [frames.reason(r) for r in bar.exit_reasons]
    parts += [answer.other] if bar.others else [frames.named(v) for v in bar.segments]
    return ", ".join(parts)


def _listed(view: View, answer: Funnel, found: Records) -> pd.DataFrame:
    """A page of records in words."""
    model = view.modelled.model
    label = {s.key: s.label for s in model.active}
    segment = view.modelled.catalog.get(view.scope.by) if view.scope.by else None
    out = []
    for row in found.table.to_pylist():
        shown = {
            labels.ENTITIES[model.entity]: row["entity_id"],
            "Journey": row["journey"],
            "Began": row["first_at"],
            "Came to": "" if answer.scope.count == "any" else label[row["reached"]],
            "What became of it": OUTCOMES[row["fate"]][0],
            "Left by": label.get(row["exit_stage"], ""),
            "Reason": row["exit_reason"] or "",
            "Left on": row["exited_at"],
            "Lead score": row["score"],
        }
        out.append(shown | ({segment.label: frames.named(row["segment"])} if segment else {}))
    frame = pd.DataFrame(out)
    return frame.drop(columns=[c for c in ("Came to", "Left by", "Reason") if len(frame) and not frame[c].any()])
