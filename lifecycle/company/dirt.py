"""Bad rows among the stage events: every kind that quarantine and deduplication know, half a percent in all."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lifecycle.company.columns import DAY, HOUR, Array, instants, keys
from lifecycle.company.schemas import SCHEMAS, TEXT

SHARE = 0.005
YEAR = 365 * DAY
IMPLAUSIBLE = tuple(
    int(np.datetime64(day, "us").astype(np.int64)) for day in ("1970-01-01", "0001-01-01", "9999-12-31")
)
UNKNOWN_STAGES = ("Zombie stage", "Qualified??")
KINDS = (
    "no contact",
    "blank contact",
    "no stage",
    "blank stage",
    "no instant",
    "implausible instant",
    "future",
    "unknown stage",
    "orphan",
    "duplicate",
    "changed",
)


def soil(rng: np.random.Generator, events: pa.Table, first: int, as_of: int) -> pa.Table:
    """Append bad copies of sampled events, at least one of each kind; `first` numbers the ids invented here.

    A duplicate repeats its row; a changed one keeps the event id and is recorded later with a corrected instant; the
    others carry an id of their own.
    """
    size = max(len(KINDS), round(SHARE * events.num_rows))
    bad = events.take(pa.array(rng.integers(0, events.num_rows, size)))
    kind = np.arange(size) % len(KINDS)
    turn = np.arange(size) // len(KINDS)

    def of(*names: str) -> Array:
        return np.isin(kind, [KINDS.index(name) for name in names])

    def where(mask: Array, value: object, column: pa.ChunkedArray) -> pa.ChunkedArray:
        return pc.if_else(pa.array(mask), value, column)

    columns = {name: bad[name] for name in bad.column_names}
    numbers = first * 10 + np.arange(size)
    columns["event_id"] = where(~of("duplicate", "changed"), keys("x", numbers), columns["event_id"])
    columns["contact_id"] = where(of("no contact"), pa.scalar(None, TEXT), columns["contact_id"])
    columns["contact_id"] = where(of("blank contact"), "  ", columns["contact_id"])
    columns["contact_id"] = where(of("orphan"), keys("ghost", numbers), columns["contact_id"])
    columns["stage"] = where(of("no stage"), pa.scalar(None, TEXT), columns["stage"])
    columns["stage"] = where(of("blank stage"), " ", columns["stage"])
    columns["stage"] = where(of("unknown stage"), pa.array(np.take(UNKNOWN_STAGES, turn % 2)), columns["stage"])

    at = bad["entered_at"].cast(pa.int64()).to_numpy().copy()
    recorded = bad["recorded_at"].cast(pa.int64()).to_numpy()
    at[of("implausible instant")] = np.take(IMPLAUSIBLE, turn % len(IMPLAUSIBLE))[of("implausible instant")]
    # Years ahead, as wrongly typed years are: still in the future when a pinned company is built later.
    at[of("future")] = as_of + (rng.integers(6, 30, size) * YEAR)[of("future")]
    at[of("changed")] -= HOUR
    columns["entered_at"] = where(of("no instant"), pa.scalar(None, pa.timestamp("us")), instants(at))
    newer = np.where(of("changed"), recorded + (as_of - recorded + 1) // 2, recorded)
    columns["recorded_at"] = instants(newer)
    return pa.concat_tables([events, pa.table(columns).cast(SCHEMAS["stage_events"])])
