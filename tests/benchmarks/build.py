"""Build: the company invented, loaded and modelled, beside ClickHouse sorting the same events."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import clickhouse, company
from tests.benchmarks.measure import Cost, Line, alone, gigabytes, middle, seconds, size

GOAL_TIMES, GOAL_MEMORY = 8, 8e9


def measure(folder: Path, contacts: int, repeat: int, say: Callable[[str], None]) -> list[Line]:
    """The bench folder filled, with what each step took."""
    invented = ("found in the folder", "")
    if not company.is_there(folder, contacts):
        say("inventing the company")
        _, simulation = alone(company.simulated, folder, contacts)
        invented = (seconds(simulation.seconds), f", peak memory {gigabytes(simulation.peak)}")
    say("loading it")
    _, load = alone(company.loaded, folder)
    builds: list[float] = []
    sorting: list[float] = []
    costs: list[Cost] = []
    rivals: list[Cost] = []

    def both() -> None:
        for runs, spent, work, *arguments in (
            (builds, costs, company.built, True),
            (sorting, rivals, clickhouse.loaded),
        ):
            taken, cost = alone(work, folder, *arguments)
            runs.append(taken)
            spent.append(cost)

    say("building the model, and loading the events into ClickHouse, by turns")
    for _ in range(repeat):
        both()
    say("building after a change")
    incremental, cost = alone(company.built, folder, False)
    peak = max(c.peak for c in costs)
    ratio = middle(builds) / middle(sorting)
    around = middle([c.seconds for c in costs]) - middle(builds)
    ours, theirs = (middle([c.busy for c in spent]) for spent in (costs, rivals))
    return [
        Line(
            f"{contacts:,} contacts invented, as Parquet",
            invented[0],
            f"{gigabytes(size(folder / 'raw'))} on disk{invented[1]}",
        ),
        Line(
            "The Parquet files loaded into the warehouse", seconds(load.seconds), f"peak memory {gigabytes(load.peak)}"
        ),
        Line(
            f"Full build of one model (n = {len(builds)})",
            seconds(middle(builds)),
            f"ClickHouse, events into a MergeTree by contact and time: {seconds(middle(sorting))}, × {ratio:.1f}; "
            f"processor time of both processes {seconds(ours)} and {seconds(theirs)}",
            f"at most × {GOAL_TIMES}",
            ratio <= GOAL_TIMES,
        ),
        Line("Peak memory of that build", gigabytes(peak), "", f"below {gigabytes(GOAL_MEMORY)}", peak < GOAL_MEMORY),
        Line("Copying the data file before and sealing it after", seconds(around)),
        Line(
            "Incremental build, 0.1 % of the contacts changed",
            seconds(incremental),
            f"1 / {middle(builds) / incremental:.1f} of a full one; processor time with copying and sealing "
            f"{seconds(cost.busy)}; peak memory {gigabytes(cost.peak)}",
        ),
    ]
