"""The demo company of default size, and the readings of it that the tests share."""

from datetime import datetime

import pandas as pd
import pyarrow as pa
import pytest

from lifecycle.company.raw_stages import STAGES
from lifecycle.simulate import simulate


@pytest.fixture(scope="session")
def as_of() -> datetime:
    return datetime(2026, 3, 10, 15)


@pytest.fixture(scope="session")
def company(as_of: datetime) -> dict[str, pa.Table]:
    [tables] = simulate(as_of=as_of)
    return tables


@pytest.fixture(scope="session")
def contacts(company: dict[str, pa.Table]) -> pd.DataFrame:
    return company["contacts"].to_pandas().set_index("contact_id")


@pytest.fixture(scope="session")
def events(company: dict[str, pa.Table], contacts: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """The stage events without the bad rows, in order, with clean stage names."""
    raw = company["stage_events"].to_pandas()
    clean = {stage.lower(): stage for stage in STAGES}
    raw["stage"] = raw["stage"].str.strip().str.lower().map(clean)
    raw = raw[raw["contact_id"].isin(contacts.index) & raw["stage"].notna()]
    raw = raw[raw["entered_at"].between(datetime(2020, 1, 1), as_of)]
    raw = raw.sort_values("recorded_at", kind="stable").drop_duplicates("event_id", keep="last")
    return raw.sort_values(["entered_at", "event_id"], kind="stable")


@pytest.fixture(scope="session")
def first(events: pd.DataFrame, contacts: pd.DataFrame) -> pd.DataFrame:
    """Per contact, its segments and the first entry to each stage."""
    entries = events.groupby(["contact_id", "stage"])["entered_at"].min().unstack()
    entries["accepted"] = entries[["Sales accepted", "Sales qualified", "Opportunity"]].min(axis=1)
    entries["rejected"] = entries[["Closed lost", "Disqualified", "Recycled"]].min(axis=1)
    return contacts.join(entries)
