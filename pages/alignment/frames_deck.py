"""Answers about agreement as the tables of slides: few rows, few columns, long texts shortened."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lifecycle.agreement import Agreement
from lifecycle.commitment import Commitment
from lifecycle.discussion import TOPICS, Discussion
from lifecycle.privacy import masked
from lifecycle.stages import StageModel
from lifecycle.where import Row
from pages.alignment import figures, frames, frames_leads
from pages.ui import labels
from pages.ui.slides import shortened

MOST_ROWS = 8
MOST_MONTHS = 12
LONGEST = 60  # characters of a value of the data
FREE = ["Contact", "Account", "Deal", "Reason", "Owner"]  # columns of a lead that may hold any text
DECISIONS = ["What the numbers ask", "Decision", "Who", "Until"]


def months(found: Commitment) -> pd.DataFrame:
    """The latest months: delivered beside the target, and accepted."""
    rows = [
        {
            "Month": frames.month_name(m),
            "Delivered": f"{m.delivered:,}",
            "Target": f"{m.target:,.0f}" if m.target else "",
            "Attained": labels.percent(m.attainment, 0) if m.target else "",
            "At this pace": f"{m.projected:,.0f}" if m.projected is not None else "",
            "Accepted": f"{m.accepted:,}",
        }
        for m in found.months[-MOST_MONTHS:]
    ]
    return frames_leads.trimmed(rows)


def measures(whole: Agreement) -> pd.DataFrame:
    """The measures of the 2×2, with interval, formula and counts."""
    formulas = {
        "acceptance": "both of those decided",
        "coverage": "both of those accepted",
        "positive_agreement": "twice both of all yes",
        "decided_of_due": "decided of those due",
    }
    rows = []
    for name, (label, _) in figures.HEADLINE.items():
        rate = getattr(whole, name)
        counts = f"{formulas[name]}: {rate.numerator:,} of {rate.denominator:,}"
        rows.append((label, labels.percent(rate.value), frames.span(rate.interval), counts))
    return pd.DataFrame(rows, columns=["Measure", "Value", "95 % interval", "What of what"])


def where(rows: Sequence[Row]) -> pd.DataFrame:
    """The largest values of a segment."""
    return pd.DataFrame(
        [
            {
                "Value": shortened(frames.named(r.value), LONGEST),
                "Accepted": labels.percent(r.acceptance.value),
                "95 % interval": frames.span(r.acceptance.interval),
                "Of decided": f"{r.acceptance.numerator:,} of {r.acceptance.denominator:,}",
                "Against all others": frames.verdict(r),
            }
            for r in rows[:MOST_ROWS]
        ]
    )


def discussed(found: Discussion, model: StageModel, personal_data: bool) -> pd.DataFrame:
    """The first leads to discuss. Without permission for personal data: nobody's name, and no address as an id."""
    rows = frames_leads.discussed(found, model).head(MOST_ROWS)
    if not personal_data:
        entity = frames_leads.ENTITIES[model.entity]
        rows = rows.drop(columns="Owner", errors="ignore")
        if entity in rows:
            rows = rows.assign(**{entity: [masked(e) if "@" in e else e for e in rows[entity]]})
    if "Handed over" in rows:
        rows = rows.assign(**{"Handed over": [labels.day(lead.handed_at) for lead in found.leads[: len(rows)]]})
    told = {name: [shortened(text, LONGEST) for text in rows[name]] for name in rows.columns.intersection(FREE)}
    return rows.assign(**told)


def topics(found: Discussion) -> str:
    """How many leads each topic has."""
    return " · ".join(f"{TOPICS[topic]}: {n:,}" for topic, n in found.topics.items() if n)
