"""What the contact page lists: matches of a search, what is known, and what became of every raw row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pandas as pd

from lifecycle.evidence import FATES, Used
from lifecycle.health import REASONS
from lifecycle.history import History
from lifecycle.stages import StageModel
from pages.ui import labels
from pages.ui.history_words import when
from pages.ui.labels import ENTITIES
from queries.search import Match, Matches

SAID = {
    "used": "used",
    "repeated": "repeated",
    "ignored": "ignored",
    "duplicate": "duplicate",
    "quarantined": "set aside",
    "unbuilt": "not built yet",
}
WHY = {
    "repeated": "the stage had been reached already",
    "ignored": "no stage of this lifecycle",
    "duplicate": "another row says the same, or newer under the same event id",
    "unbuilt": "written after the build",
}


def matches(found: Matches, model: StageModel) -> pd.DataFrame:
    """A row per match, as many columns of it as say anything."""
    rows = []
    for match in found.found:
        shown: dict[str, Any] = {
            ENTITIES[model.entity]: match.entity_id,
            "Now": place(match, model),
            "Since": labels.day(match.since),
        }
        shown |= {"Contacts": match.n_people} if model.entity == "account" else {}
        about = ((name, value) for name, value in match.about if name != "created_at" and value != match.entity_id)
        rows.append(shown | {column(name): value for name, value in about})
    return pd.DataFrame(rows).fillna("")


def place(match: Match, model: StageModel) -> str:
    """The stage that it is in, or why there is none."""
    if match.merged_into:
        return f"merged into {match.merged_into}"
    return model.stage(match.stage).label if match.stage else "no stage yet"


def column(name: str) -> str:
    """A column's name as a heading."""
    return name.replace("_", " ").strip().capitalize()


def person(known: History) -> pd.DataFrame:
    """Everything that is known of the one contact: what, value."""
    rows = []
    for p in known.people:
        rows.append(("Id", p.contact_id))
        rows += [("Merged from", ", ".join(p.merged))] if p.merged else []
        rows += [(column(name), value[:16] if name == "created_at" else value) for name, value in p.facts.items()]
    return pd.DataFrame(rows, columns=["What", "Value"])


def people(known: History) -> pd.DataFrame:
    """A row per contact of an account, without the columns that say nothing."""
    rows = []
    for p in known.people:
        facts = {column(n): v[:16] if n == "created_at" else v for n, v in p.facts.items() if n != "account_id"}
        rows.append({"Contact": p.contact_id} | ({"Merged from": ", ".join(p.merged)} if p.merged else {}) | facts)
    return pd.DataFrame(rows).fillna("")


def apart(rows: pd.DataFrame, kept: Iterable[str]) -> tuple[pd.DataFrame, str]:
    """The columns that are `kept` or in which the rows differ, and a sentence of what is the same in all of them."""
    same = [name for name in rows.columns if name not in kept and rows[name].nunique() == 1]
    told = ", ".join(f"{name.lower()} {rows[name].iloc[0]}" for name in same)
    return rows.drop(columns=same), f"The same of all: {told}." if told else ""


def raw_rows(rows: Iterable[Used], model: StageModel, several: bool) -> pd.DataFrame:
    """A row per raw row: what it says, and what became of it."""
    out = []
    for row in rows:
        e = row.event
        shown: dict[str, Any] = {
            "When (UTC)": when(e.at) or "no instant",
            "It says": e.raw or "nothing",
            "Stage": model.stage(row.stage).label if row.stage else "",
            "What became of it": SAID[row.fate],
            "Why": why(row),
            "Recorded (UTC)": when(e.recorded_at),
            "Event": e.event_id or "",
        }
        out.append(shown | ({"Contact": e.contact_id} if several else {}))
    frame = pd.DataFrame(out)
    return frame.drop(columns=[n for n in ("Why", "Recorded (UTC)", "Event") if len(frame) and not frame[n].any()])


def why(row: Used) -> str:
    """Why a row is no entry of its own."""
    if row.problem:
        name, advice = REASONS.get(row.problem, (row.problem, ""))
        return f"{name.lower()}. {advice}"
    return WHY.get(row.fate, "")


def counted(rows: Iterable[Used]) -> str:
    """How many rows there are, and how many met each fate."""
    n = Counter(row.fate for row in rows)
    total = sum(n.values())
    parts = ", ".join(f"{n[fate]:,} {SAID[fate]}" for fate in FATES if n[fate])
    return f"{total:,} raw {'row' if total == 1 else 'rows'}: {parts}" if total else "No raw row names it"
