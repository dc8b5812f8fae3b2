"""Time in stage: how long all stays took, beside pandas with exact durations and beside a bare scan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import sqlalchemy as sa

from lifecycle.scope import Scope
from lifecycle.time_in_stage import edge
from queries.durations import life_tables
from queries.modelled import Modelled
from tests.benchmarks import company
from tests.benchmarks.measure import MODEL, Line, alone, middle, repeated, seconds

READ = ("stage", "entered_at", "exited_at", "next_stage", "move")
GOAL_SECONDS, GOAL_STAYS = 1.0, 10_000_000


@dataclass(frozen=True)
class Taken:
    """Seconds of each run, the stays asked about, and the medians found, by stage."""

    runs: list[float]
    scan: list[float]
    stays: int
    medians: dict[str, float | None]


def measure(folder: Path, repeat: int, say: Callable[[str], None]) -> list[Line]:
    """A line for all stages at once, and one for them by a segment."""
    say("timing stages in the warehouse")
    whole, _ = alone(asked, folder, repeat, None)
    parts, _ = alone(asked, folder, repeat, "source")
    say("timing stages in pandas")
    rival, _ = alone(in_frames, folder, min(repeat, 3))
    for stage, exact in rival.medians.items():
        found = whole.medians[stage]
        assert found == (None if exact is None else edge(exact)), f"{stage}: {found} beside {exact}"
    return [
        _line("Time in every stage", whole, rival),
        _line("Time in every stage, by source", parts, None),
    ]


def _line(name: str, ours: Taken, rival: Taken | None) -> Line:
    taken, scan = middle(ours.runs), middle(ours.scan)
    told = f"bare scan {seconds(scan)} (1 / {taken / scan:.1f})"
    if rival:
        exact = middle(rival.runs)
        told = f"pandas, exact durations, same medians to one bin {seconds(exact)} (× {exact / taken:.0f}); {told}"
    allowed = GOAL_SECONDS * max(1.0, ours.stays / GOAL_STAYS)
    return Line(
        f"{name}, {ours.stays:,} stays", seconds(taken), told, f"{seconds(allowed)} on 2 cores", taken <= allowed
    )


def everything(m: Modelled) -> Scope:
    return Scope(MODEL, m.build.as_of)


def asked(folder: Path, repeat: int, by: str | None) -> Taken:
    """The page's question in the warehouse, and a count of the columns that it reads."""
    m = company.opened(folder)
    scope = replace(everything(m), by=by)
    found = life_tables(m, scope)
    columns = [m.stays.c[name] for name in READ] + ([m.segment_column(m.stays, scope)] if by else [])
    scan = sa.select(*(sa.func.count(column) for column in columns))
    return Taken(
        repeated(lambda: life_tables(m, scope), repeat),
        repeated(lambda: m.warehouse.query(scan), repeat),
        sum(found.of(stage).n for stage in found.stages),
        {stage: found.of(stage).quantile(0.5) for stage in found.stages},
    )


def in_frames(folder: Path, repeat: int) -> Taken:
    """The medians by Kaplan and Meier from the exact length of every stay, all of them in memory."""
    m = company.opened(folder)
    progress = [stage.key for stage in m.model.progress]
    own = sa.select(*(m.stays.c[name] for name in READ)).where(m.stays.c.move != "repeat")
    rendered = m.warehouse.render(own.where(m.stays.c.stage.in_(progress)))
    stays = company.rows(m, rendered).to_pandas()
    medians: dict[str, float | None] = {}

    def work() -> None:
        ended = stays["exited_at"].notna()
        length = (stays["exited_at"].fillna(m.build.as_of) - stays["entered_at"]).dt.total_seconds()
        lengths = pd.DataFrame({"stage": stays["stage"], "seconds": length, "ended": ended})
        for stage, part in lengths.groupby("stage", observed=True):
            counts = part.groupby("seconds")["ended"].agg(["size", "sum"])
            at_risk = counts["size"][::-1].cumsum()[::-1]
            survival = (1 - counts["sum"] / at_risk).cumprod()
            half = survival[survival <= 0.5]
            medians[str(stage)] = float(half.index[0]) if len(half) else None

    return Taken(repeated(work, repeat), [], len(stays), medians)
