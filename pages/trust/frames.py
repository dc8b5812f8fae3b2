"""Answers about the data as frames for charts and tables."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lifecycle.correspondence import Correspondence, Match
from lifecycle.health import REASONS
from lifecycle.rates import Rate
from lifecycle.stages import StageModel
from pages.ui import labels
from queries.beside import places
from queries.definitions import UNITS, Counts, Stock
from queries.freshness import Tables
from queries.health import Found, History, Meeting

MOVES = {
    "advance": "Goes on",
    "skip": "Skips a stage",
    "repeat": "Repeats the stage",
    "regress": "Goes back",
    "exit": "Leaves",
    "reopen": "Comes back",
}
IRREGULAR = ("skip", "regress", "repeat")


def reasons(found: Found) -> list[tuple[str, int, str]]:
    """(reason, count, what to do), the most frequent first."""
    return [(REASONS[row["problem"]][0], row["n"], REASONS[row["problem"]][1]) for row in found.table.to_pylist()]


def samples(found: Found) -> pd.DataFrame:
    """Quarantined events with the reason in words."""
    rows = found.table.to_pylist()
    return pd.DataFrame(
        {
            "Reason": [REASONS[row["problem"]][0] for row in rows],
            "What to do": [REASONS[row["problem"]][1] for row in rows],
            "Stage value": [row["raw"] for row in rows],
            "Instant": [_to_the_second(row["at"]) for row in rows],
            "Contact": [row["contact_id"] for row in rows],
            "Event": [row["event_id"] for row in rows],
            "Recorded": [_to_the_second(row["recorded_at"]) for row in rows],
        }
    )


def _to_the_second(instant: str | None) -> str:
    """An instant as it came, which may be none that a calendar holds, without the fractions of its seconds."""
    return (instant or "").partition(".")[0]


def unknown(found: Found) -> pd.DataFrame:
    frame = found.table.to_pandas()
    return frame.rename(
        columns={"raw": "Stage value", "n": "Events", "first": "First", "last": "Last", "likely": "Spelled like"}
    ).pipe(_telling)


def rejects(found: Found) -> pd.DataFrame:
    frame = found.table.to_pandas()
    frame.columns = pd.Index(["Table", "File", "Column", "Reason", "Rows", "First line", "Loaded"])
    return frame


def fresh(found: Tables) -> pd.DataFrame:
    """Tables that were found: rows, newest instant, age, and what they lack."""
    return pd.DataFrame(
        {
            "Table": [f.table for f in found.found],
            "State": [
                "cannot be read" if f.problem else "" if f.stale is None else "stale" if f.stale else "fresh"
                for f in found.found
            ],
            "Behind": ["" if f.behind is None else labels.duration(f.behind.total_seconds()) for f in found.found],
            "Newest (UTC)": [f.newest for f in found.found],
            "Rows": [f.rows for f in found.found],
            "Without": [f.problem or ", ".join(f.lacks) for f in found.found],
        }
    )


def missing(found: Tables) -> pd.DataFrame:
    """Tables that were not found: what they feed and what they need."""
    return pd.DataFrame(
        {
            "Table": [f.table for f in found.missing],
            "Feeds": [f.feeds for f in found.missing],
            "Needs": [", ".join(f.required) for f in found.missing],
            "May have": [", ".join(f.optional) for f in found.missing],
            "Lacks": [", ".join(f.lacking) for f in found.missing],
        }
    ).pipe(_telling)


def _telling(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns that say anything."""
    return frame[[name for name in frame if frame[name].fillna("").ne("").any()]] if len(frame) else frame


def moves(found: Found) -> list[tuple[str, int, str]]:
    """(move, count, share of all entries), in the order of MOVES."""
    sums = dict.fromkeys(MOVES, 0)
    for row in found.table.to_pylist():
        sums[row["move"]] += row["n"]
    of = found.total
    return [(MOVES[move], n, f"{labels.percent(n / of)} of {of:,} entries") for move, n in sums.items() if n]


def irregular(found: Found, model: StageModel) -> pd.DataFrame:
    """Entries that skip, go back or repeat, by the stages they link, with their share of all entries."""
    rows = [row for row in found.table.to_pylist() if row["move"] in IRREGULAR]
    return pd.DataFrame(
        {
            "Move": [MOVES[row["move"]] for row in rows],
            "From": [_stage(model, row["stage"] if row["move"] == "repeat" else row["from_stage"]) for row in rows],
            "To": [_stage(model, row["stage"]) for row in rows],
            "Entries": [row["n"] for row in rows],
            "Share of all entries": [labels.percent(row["n"] / found.total) for row in rows],
        }
    )


def _stage(model: StageModel, key: str | None) -> str:
    return "the start" if key is None else model.stage(key).label


def meeting(found: Meeting, entity: str) -> pd.DataFrame:
    """Who has no events, and which events have nobody, each with what it is a share of."""
    names = UNITS[entity]
    nobody = "There is no such table to compare with"
    if found.known is not None:
        share = labels.percent(Rate(found.silent or 0, found.known).value)
        nobody = f"{share} of {found.known:,} {names}: they are in no funnel"
    lost = f"of {found.strangers:,} contacts that are not listed; in quarantine"
    rows = [
        (f"{names.capitalize()} without events", found.silent, nobody),
        ("Events without contact", found.orphans, lost),
    ]
    return pd.DataFrame(rows, columns=["What", "How many", "Of which"])


def history(found: History) -> pd.DataFrame:
    """Recorded builds with their counts."""
    rows = [
        {
            "Build": b.id,
            "Lifecycle": b.model,
            "Finished (UTC)": b.finished,
            "Took": labels.duration((b.finished - b.started).total_seconds()),
            "Data to (UTC)": b.as_of,
            "Events in": b.counts["in"],
            "Used": b.counts["used"],
            "Set aside": b.counts["quarantined"],
            "Told twice": b.counts.get("folded"),
            "Referred themselves": b.counts.get("selves"),
            "Journeys": b.counts.get("journeys"),
            "Definition": b.digest,
        }
        for b in found.builds
    ]
    return pd.DataFrame(rows)


def stock(found: Stock, model: StageModel) -> list[tuple[str, int, str]]:
    """(label, count, share of all) per stage of the model, exits last."""
    total, stages = sum(found.n.values()), (*model.progress, *model.exits)
    names = labels.distinct({s.key: s.label for s in stages})
    shown = [(names[s.key], found.n.get(s.key, 0)) for s in stages] if total else []
    return [(label, n, f"{labels.percent(n / total)} of {total:,}") for label, n in shown]


def both(found: Correspondence, here: StageModel, there: StageModel) -> pd.DataFrame:
    """row, column, n for every pair of stages; `not in it` where an entity is in one of the two models alone."""
    cells = found.matrix
    ends = [[*places(model, found.position), None] for model in (here, there)]
    rows, columns = ([k for k in keys if any(c[i] == k for c in cells)] for i, keys in enumerate(ends))
    names = [labels.distinct({k: m.stage(k).label for k in places(m, found.position)}) for m in (here, there)]
    return pd.DataFrame(
        [
            {"row": names[0].get(a or "", "not in it"), "column": names[1].get(b or "", "not in it"), "n": n}
            for a in rows
            for b in columns
            for n in [cells.get((a, b), 0)]
        ]
    )


def matches(pairs: Sequence[Match], here: StageModel, there: StageModel) -> pd.DataFrame:
    """The best match of each stage, with its overlap and what that is a share of."""
    return pd.DataFrame(
        {
            here.label: [here.stage(p.stage).label for p in pairs],
            "Best match": [there.stage(p.best).label if p.best else "none" for p in pairs],
            "Overlap": [labels.percent(p.overlap.value) for p in pairs],
            "In both": [p.overlap.numerator for p in pairs],
            "In either": [p.overlap.denominator for p in pairs],
        }
    )


def counts(found: Counts) -> pd.DataFrame:
    """The lines of a bridge with what they mean and where they are shown."""
    return pd.DataFrame(
        {
            "Line": [line.label for line in found.lines],
            "Count": [f"{line.n:,}" if line.is_total else f"{line.n:+,}" for line in found.lines],
            "What it means": [line.why for line in found.lines],
        }
    )
