"""The demo company: the same rows from the same seed, whole tables, and the stories that its numbers must tell."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from lifecycle.simulate import SCHEMAS, simulate

AS_OF = datetime(2026, 3, 10, 15)
WHOLE_COMPANY = ("spend", "targets", "benchmarks", "traffic")
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
ACCEPTING = ["Sales accepted", "Sales qualified", "Opportunity"]


def whole(batches: list[dict[str, pa.Table]]) -> dict[str, pa.Table]:
    return {name: pa.concat_tables([batch[name] for batch in batches]).combine_chunks() for name in SCHEMAS}


@pytest.fixture(scope="module")
def company() -> dict[str, pa.Table]:
    return whole(list(simulate(as_of=AS_OF)))


@pytest.fixture(scope="module")
def contacts(company: dict[str, pa.Table]) -> pd.DataFrame:
    return company["contacts"].to_pandas().set_index("contact_id")


@pytest.fixture(scope="module")
def events(company: dict[str, pa.Table], contacts: pd.DataFrame) -> pd.DataFrame:
    """The stage events without the bad rows, in order, with clean stage names."""
    raw = company["stage_events"].to_pandas()
    clean = {stage.lower(): stage for stage in PROGRESS + EXITS + OTHER}
    raw["stage"] = raw["stage"].str.strip().str.lower().map(clean)
    raw = raw[raw["contact_id"].isin(contacts.index) & raw["stage"].notna()]
    raw = raw[raw["entered_at"].between(datetime(2020, 1, 1), AS_OF)]
    raw = raw.sort_values("recorded_at", kind="stable").drop_duplicates("event_id", keep="last")
    return raw.sort_values(["entered_at", "event_id"], kind="stable")


@pytest.fixture(scope="module")
def first(events: pd.DataFrame, contacts: pd.DataFrame) -> pd.DataFrame:
    """Per contact, its segments and the first entry to each stage."""
    entries = events.groupby(["contact_id", "stage"])["entered_at"].min().unstack()
    entries["accepted"] = entries[ACCEPTING].min(axis=1)
    entries["rejected"] = entries[EXITS].min(axis=1)
    return contacts.join(entries)


def acceptance(first: pd.DataFrame) -> float:
    """Share of the decided MQLs that sales took."""
    mql = first.dropna(subset="Marketing qualified")
    decided = mql[mql[["accepted", "rejected"]].notna().any(axis=1)]
    accepted = decided["accepted"].notna() & ~(decided["accepted"] > decided["rejected"])
    return float(accepted.mean())


def test_rows_depend_on_contacts_seed_and_as_of_but_not_on_the_batch() -> None:
    one = list(simulate(25_000, 3, as_of=AS_OF, batch=25_000))
    several = list(simulate(25_000, 3, as_of=AS_OF, batch=9_000))
    assert [batch["contacts"].num_rows for batch in several] == [10_000, 10_000, 5_000]
    assert whole(one) == whole(several)
    assert whole(one)["stage_events"] != whole(list(simulate(25_000, 4, as_of=AS_OF)))["stage_events"]
    later = AS_OF + timedelta(days=1)
    assert whole(one)["stage_events"] != whole(list(simulate(25_000, 3, as_of=later)))["stage_events"]


def test_an_as_of_with_a_zone_is_the_same_instant() -> None:
    [naive] = simulate(500, as_of=AS_OF)
    [aware] = simulate(500, as_of=AS_OF.replace(tzinfo=UTC))
    assert naive == aware


def test_every_batch_has_every_table_and_the_small_ones_come_once() -> None:
    batches = list(simulate(20_000, as_of=AS_OF, batch=10_000))
    for batch in batches:
        assert {name: table.schema for name, table in batch.items()} == SCHEMAS
    assert {name for name, table in batches[1].items() if not table.num_rows} == set(WHOLE_COMPANY)


@pytest.mark.parametrize("size", [1, 2, 10, 300])
def test_a_tiny_company_is_still_a_company(size: int) -> None:
    [tables] = simulate(size, as_of=AS_OF)
    assert tables["contacts"].num_rows == size
    assert tables["stage_events"].num_rows > size


@pytest.mark.parametrize("wrong", [{"contacts": 0}, {"batch": 0}, {"seed": -1}])
def test_impossible_arguments_are_named(wrong: dict[str, int]) -> None:
    [name] = wrong
    with pytest.raises(ValueError, match=f"{name}="):
        simulate(**{"contacts": 10, **wrong}, as_of=AS_OF)


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


def test_nothing_happens_after_as_of_but_what_is_planned_or_wrong(company: dict[str, pa.Table]) -> None:
    planned = {("subscriptions", "ended_at"), ("deals", "closed_at"), ("stage_events", "entered_at")}
    for name, schema in SCHEMAS.items():
        for field in schema:
            if field.type == pa.timestamp("us"):
                latest = pc.max(company[name][field.name]).as_py()
                assert (latest > AS_OF) == ((name, field.name) in planned), (name, field.name)
    deals = company["deals"].to_pandas()
    assert deals.loc[deals["is_won"].notna(), "closed_at"].max() <= AS_OF
    assert company["spend"]["day"].to_pandas().max() == AS_OF.date()
    assert company["targets"]["month"].to_pandas().max() == AS_OF.date().replace(day=1)


def test_every_kind_of_bad_row_is_there_and_they_are_half_a_percent(company: dict[str, pa.Table]) -> None:
    events = company["stage_events"].to_pandas()
    at = events["entered_at"]
    bound = AS_OF + timedelta(hours=24)
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
    assert not ((at > AS_OF) & (at <= bound)).any()
    bad = sum(found.sum() for found in kinds.values()) + changed["event_id"].nunique()
    assert bad / len(events) == pytest.approx(0.005, rel=0.1)


def test_merges_form_pairs_chains_and_one_cycle(company: dict[str, pa.Table]) -> None:
    merges = company["contact_merges"].to_pandas().set_index("merged_id")["surviving_id"]
    assert merges.index.is_unique
    after_two = merges.map(merges)
    assert (after_two.index == after_two).sum() == 2  # the cycle has two members
    assert after_two.notna().sum() > 2  # chains
    assert after_two.isna().sum() > 0  # pairs


def test_about_a_thousand_mqls_a_month_and_a_flood(events: pd.DataFrame, contacts: pd.DataFrame) -> None:
    mqls = events[events["stage"] == "Marketing qualified"].join(contacts["campaign"], on="contact_id")
    month = mqls["entered_at"].dt.to_period("M")
    recent = pd.period_range(end="2026-02", periods=12, freq="M")
    of_flood = mqls["campaign"].eq("Summer giveaway")
    usual = mqls[~of_flood].groupby(month).size()[recent]
    assert usual.between(650, 1350).all(), usual
    flood = mqls[of_flood].groupby(month).size()
    assert flood.index.min() >= pd.Period("2025-08")
    assert flood.max() > usual.max()  # the giveaway alone brings more than any usual month
    early = mqls.groupby(month).size()[pd.period_range("2023-06", periods=12, freq="M")]
    assert usual.sum() > 1.5 * early.sum()  # growth


def test_sales_turns_the_flood_down(first: pd.DataFrame) -> None:
    flood = first["campaign"].eq("Summer giveaway")
    assert acceptance(first[~flood]) > 0.45
    assert acceptance(first[flood]) < 0.12


def test_the_company_converts_as_companies_do(first: pd.DataFrame) -> None:
    def share(of: str, among: str) -> float:
        return float(first.loc[first[among].notna(), of].notna().mean())

    assert share("Marketing qualified", "Lead") == pytest.approx(0.45, abs=0.05)
    assert acceptance(first) == pytest.approx(0.5, abs=0.06)
    assert share("Opportunity", "Sales qualified") == pytest.approx(0.55, abs=0.06)
    assert share("Closed won", "Opportunity") == pytest.approx(0.28, abs=0.05)
    bypasses = first["accepted"].notna() & ~(first["Marketing qualified"] <= first["accepted"])
    deciding = first["is_decision_maker"] & (first["budget"] > 10_000)
    assert bypasses[deciding].mean() > 1.5 * bypasses[~deciding].mean() > 0


def test_large_companies_take_months_and_small_ones_weeks(first: pd.DataFrame) -> None:
    days = (first["Closed won"] - first["created_at"]).dt.days.groupby(first["company_size"]).median()
    assert days["500+"] > 150
    assert days["1-49"] < 70
    assert days["1-49"] < days["50-499"] < days["500+"]


def test_reps_differ_and_leads_without_one_fare_worst(first: pd.DataFrame, company: dict[str, pa.Table]) -> None:
    by_rep = {name: acceptance(rows) for name, rows in first.groupby("owner")}
    assert by_rep["Rep Amber"] > by_rep["Rep Dune"] + 0.08 > by_rep["Rep Grove"] + 0.16
    assert acceptance(first[first["owner"].isna()]) < by_rep["Rep Fern"]

    activities = company["activities"].to_pandas()
    touches = activities[activities["kind"] != "assigned"].groupby("contact_id")["occurred_at"].min()
    mql = first.dropna(subset="Marketing qualified").join(touches.rename("touched_at"))
    hours = (mql["touched_at"] - mql["Marketing qualified"]).dt.total_seconds() / 3600
    median_hours = hours.groupby(mql["owner"]).median()
    assert median_hours["Rep Amber"] < 12 < 24 < median_hours["Rep Grove"]
    untouched = mql["touched_at"].isna().groupby(mql["owner"]).mean()
    assert 0 < untouched["Rep Amber"] < untouched["Rep Grove"]


def test_journeys_come_back_fall_back_and_skip(events: pd.DataFrame) -> None:
    by_contact = events[events["stage"] != "Do not contact"].groupby("contact_id")
    rank = events["stage"].map({stage: place for place, stage in enumerate(PROGRESS)})
    before = by_contact["stage"].shift()
    before_rank = rank.groupby(events["contact_id"]).shift()
    assert (before.isin(["Recycled"]) & events["stage"].isin(["Lead", "Marketing qualified"])).sum() > 500
    assert (before.eq("Closed lost") & events["stage"].eq("Opportunity")).sum() > 20
    assert (before_rank.gt(rank)).sum() > 200  # regressions
    assert (before.eq(events["stage"])).sum() > 200  # repeats
    assert (before.eq("Marketing qualified") & events["stage"].eq("Sales qualified")).sum() > 200  # skipped acceptance
    assert by_contact["entered_at"].diff().eq(timedelta(0)).sum() > 200  # bulk updates


def test_prices_change_without_a_gap_and_customers_leave_and_return(company: dict[str, pa.Table]) -> None:
    rows = company["subscriptions"].to_pandas().sort_values(["contact_id", "started_at"])
    by_contact = rows.groupby("contact_id")
    gap = by_contact["started_at"].shift(-1) - rows["ended_at"]
    growth = by_contact["mrr"].shift(-1).astype(float) - rows["mrr"].astype(float)
    assert not (gap < timedelta(0)).any()
    seamless = gap == timedelta(0)
    assert (growth[seamless] > 0).any() and (growth[seamless] < 0).any() and (growth[seamless] == 0).any()
    assert (gap > timedelta(days=15)).any()  # reactivation
    assert rows.loc[gap.isna(), "ended_at"].notna().any()  # churn
    assert (rows["ended_at"] > AS_OF).any()  # cancelled for a later day


def test_a_weak_half_year_of_customers_and_the_discontented_churn_more(company: dict[str, pa.Table]) -> None:
    rows = company["subscriptions"].to_pandas()
    customers = rows.groupby("contact_id").agg(won=("started_at", "min"), end=("ended_at", lambda ends: ends.iloc[-1]))
    age = (AS_OF - customers["won"]).dt.days
    year_later = customers["won"] + timedelta(days=365)
    gone = customers["end"].notna() & (customers["end"] < year_later)
    weak = age.between(585, 755)
    assert gone[weak].mean() > 1.3 * gone[(age > 365) & ~weak].mean()

    surveys = company["surveys"].to_pandas()
    score = surveys[surveys["kind"] == "nps"].groupby("contact_id")["score"].mean().reindex(customers.index)
    ended = customers["end"].notna()
    assert ended[score <= 6].mean() > ended[score >= 9].mean()


def test_referrals_come_from_customers_and_come_back_as_contacts(
    company: dict[str, pa.Table], first: pd.DataFrame
) -> None:
    referrals = company["referrals"].to_pandas()
    won = first.loc[referrals["referrer_id"], "Closed won"].to_numpy()
    referred = first.loc[referrals["referred_id"]]
    assert (won <= referrals["referred_at"].to_numpy()).all()
    assert (referred["created_at"].to_numpy() >= referrals["referred_at"].to_numpy()).all()
    assert set(referred["source"]) == {"referral"}


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
