"""Build: the company invented, loaded and modelled, beside ClickHouse sorting the same events."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import clickhouse, company
from tests.benchmarks.measure import Cost, Line, alone, gigabytes, middle, repeated, seconds, size

GOAL_TIMES, GOAL_MEMORY = 8, 8e9


def measure(folder: Path, contacts: int, repeat: int, say: Callable[[str], None]) -> list[Line]:
    """The bench folder filled, with what each step took."""
    say("inventing the company")
    _, simulation = alone(company.simulated, folder, contacts)
    say("loading it")
    _, load = alone(company.loaded, folder)
    builds: list[float] = []
    costs: list[Cost] = []

    def full() -> None:
        taken, cost = alone(company.built, folder, True)
        builds.append(taken)
        costs.append(cost)

    say("building the model")
    repeated(full, repeat)
    say("loading the events into ClickHouse")
    sorting = alone(clickhouse.loaded, folder, repeat)[0]
    say("building after a change")
    incremental, cost = alone(company.built, folder, False)
    peak = max(c.peak for c in costs)
    ratio = middle(builds) / middle(sorting)
    around = middle([c.seconds for c in costs]) - middle(builds)
    return [
        Line(
            f"{contacts:,} contacts invented, as Parquet",
            seconds(simulation.seconds),
            f"{gigabytes(size(folder / 'raw'))} on disk, peak memory {gigabytes(simulation.peak)}",
        ),
        Line(
            "The Parquet files loaded into the warehouse", seconds(load.seconds), f"peak memory {gigabytes(load.peak)}"
        ),
        Line(
            f"Full build of one model (n = {len(builds)})",
            seconds(middle(builds)),
            f"ClickHouse, events into a MergeTree by contact and time: {seconds(middle(sorting))}, "
            f"× {ratio:.1f} (n = {len(sorting)})",
            f"at most × {GOAL_TIMES}",
            ratio <= GOAL_TIMES,
        ),
        Line("Peak memory of that build", gigabytes(peak), "", f"below {gigabytes(GOAL_MEMORY)}", peak < GOAL_MEMORY),
        Line("Copying the data file before and sealing it after", seconds(around)),
        Line(
            "Incremental build, 0.1 % of the contacts changed",
            seconds(incremental),
            f"peak memory {gigabytes(cost.peak)}",
        ),
    ]
