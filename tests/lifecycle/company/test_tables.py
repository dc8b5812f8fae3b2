"""The demo company's tables: filled, consistent, and as wrong as promised."""

from datetime import datetime, timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from lifecycle.simulate import SCHEMAS

PROGRESS = [
    "Social follower",
    "Subscriber",
    "Lead",
    "Engaged",
    "Trial offered",
    "Marketing qualified",
    "Sales accepted",
    "Sales qualified",
    "Opportunity",
    "Trial started",
    "Free plan",
    "Closed won",
]
EXITS = ["Closed lost", "Disqualified", "Recycled"]
OTHER = ["Do not contact"]


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_column_of_every_table_is_filled(company: dict[str, pa.Table], name: str) -> None:
    table = company[name]
    assert table.num_rows
    assert [column for column in table.column_names if table[column].null_count == table.num_rows] == []


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("contacts", "contact_id"),
        ("contacts", "email"),
        ("deals", "deal_id"),
        ("subscriptions", "subscription_id"),
        ("orders", "order_id"),
    ],
)
def test_ids_are_unique_across_the_company(company: dict[str, pa.Table], table: str, key: str) -> None:
    assert pc.count_distinct(company[table][key]).as_py() == company[table].num_rows


def test_everything_belongs_to_a_contact(company: dict[str, pa.Table]) -> None:
    known = company["contacts"]["contact_id"]
    references = {
        (table, column)
        for table, schema in SCHEMAS.items()
        for column in schema.names
        if column in ("contact_id", "referrer_id", "referred_id", "merged_id", "surviving_id")
    } - {("stage_events", "contact_id")}  # its bad rows have orphans
    assert len(references) == 11
    for table, column in references:
        assert pc.all(pc.is_in(company[table][column], known)).as_py(), (table, column)


def test_stage_events_carry_exactly_the_raw_values_promised(company: dict[str, pa.Table], events: pd.DataFrame) -> None:
    raw = company["stage_events"]["stage"].drop_null()
    spelt = {value for value in raw.unique().to_pylist() if value.strip().capitalize() not in events["stage"].unique()}
    assert set(events["stage"]) == {*PROGRESS, *EXITS, *OTHER}
    assert " marketing qualified " in raw.unique().to_pylist()
    assert {value.strip() for value in spelt} == {"", "Zombie stage", "Qualified??"}


def test_nothing_happens_after_as_of_but_what_is_planned_or_wrong(
    company: dict[str, pa.Table], as_of: datetime
) -> None:
    planned = {("subscriptions", "ended_at"), ("deals", "closed_at"), ("stage_events", "entered_at")}
    for name, schema in SCHEMAS.items():
        for field in schema:
            if field.type == pa.timestamp("us"):
                latest = pc.max(company[name][field.name]).as_py()
                assert (latest > as_of) == ((name, field.name) in planned), (name, field.name)
    deals = company["deals"].to_pandas()
    assert deals.loc[deals["is_won"].notna(), "closed_at"].max() <= as_of
    assert company["spend"]["day"].to_pandas().max() == as_of.date()
    assert company["targets"]["month"].to_pandas().max() == as_of.date().replace(day=1)


def test_every_kind_of_bad_row_is_there_and_they_are_half_a_percent(
    company: dict[str, pa.Table], as_of: datetime
) -> None:
    events = company["stage_events"].to_pandas()
    at = events["entered_at"]
    bound = as_of + timedelta(hours=24)
    copies = events[events.duplicated("event_id", keep=False)]
    kinds = {
        "no contact": events["contact_id"].isna(),
        "blank contact": events["contact_id"].str.strip().eq(""),
        "orphan": events["contact_id"].str.startswith("ghost"),
        "no stage": events["stage"].isna(),
        "blank stage": events["stage"].str.strip().eq(""),
        "unknown stage": events["stage"].isin(["Zombie stage", "Qualified??"]),
        "no instant": at.isna(),
        "1970": at.eq(datetime(1970, 1, 1)),
        "year 1": at.eq(datetime(1, 1, 1)),
        "year 9999": at.eq(datetime(9999, 12, 31)),
        "future": (at > bound) & (at < datetime(2200, 1, 1)),
        "duplicate": events.duplicated(),
    }
    assert [kind for kind, found in kinds.items() if not found.any()] == []
    changed = copies[~copies.duplicated(keep=False)]
    assert (changed.groupby("event_id")["recorded_at"].nunique() == 2).any()
    assert not ((at > as_of) & (at <= bound)).any()
    bad = sum(found.sum() for found in kinds.values()) + changed["event_id"].nunique()
    assert bad / len(events) == pytest.approx(0.005, rel=0.1)


def test_merges_form_pairs_chains_and_one_cycle(company: dict[str, pa.Table]) -> None:
    merges = company["contact_merges"].to_pandas().set_index("merged_id")["surviving_id"]
    assert merges.index.is_unique
    after_two = merges.map(merges)
    assert (after_two.index == after_two).sum() == 2  # the cycle has two members
    assert after_two.notna().sum() > 2  # chains
    assert after_two.isna().sum() > 0  # pairs


def test_deals_follow_the_stages(company: dict[str, pa.Table], first: pd.DataFrame) -> None:
    deals = company["deals"].to_pandas()
    by_outcome = deals.groupby(deals["is_won"].astype(object).fillna("open"))["stage"].agg(set)
    assert by_outcome[True] == {"Closed won"}
    assert by_outcome[False] == {"Closed lost"}
    assert by_outcome["open"] == {"Opportunity", "Proposal", "Negotiation"}
    won = deals[deals["is_won"].eq(True)].set_index("contact_id")["closed_at"]
    assert won.index.is_unique
    assert abs(won - first.loc[won.index, "Closed won"]).max() <= timedelta(hours=1)  # a corrected instant at most
    steps = company["deal_stage_events"].to_pandas().groupby("deal_id")["entered_at"]
    assert steps.min().equals(deals.set_index("deal_id")["created_at"].sort_index().rename("entered_at"))
    assert pc.min(pc.drop_null(company["deals"]["amount"])).as_py() > 0
