"""The stories that the demo company's numbers must tell."""

from datetime import datetime, timedelta

import pandas as pd
import pyarrow as pa
import pytest

from lifecycle.company.raw_stages import STAGES, WON


def acceptance(first: pd.DataFrame) -> float:
    """Share of the decided MQLs that sales took."""
    mql = first.dropna(subset="Marketing qualified")
    decided = mql[mql[["accepted", "rejected"]].notna().any(axis=1)]
    accepted = decided["accepted"].notna() & ~(decided["accepted"] > decided["rejected"])
    return float(accepted.mean())


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
    rank = events["stage"].map({stage: place for place, stage in enumerate(STAGES[: WON + 1])})
    before = by_contact["stage"].shift()
    before_rank = rank.groupby(events["contact_id"]).shift()
    assert (before.isin(["Recycled"]) & events["stage"].isin(["Lead", "Marketing qualified"])).sum() > 500
    assert (before.eq("Closed lost") & events["stage"].eq("Opportunity")).sum() > 20
    assert (before_rank.gt(rank)).sum() > 200  # regressions
    assert (before.eq(events["stage"])).sum() > 200  # repeats
    assert (before.eq("Marketing qualified") & events["stage"].eq("Sales qualified")).sum() > 200  # skipped acceptance
    assert by_contact["entered_at"].diff().eq(timedelta(0)).sum() > 200  # bulk updates


def test_prices_change_without_a_gap_and_customers_leave_and_return(
    company: dict[str, pa.Table], as_of: datetime
) -> None:
    rows = company["subscriptions"].to_pandas().sort_values(["contact_id", "started_at"])
    by_contact = rows.groupby("contact_id")
    gap = by_contact["started_at"].shift(-1) - rows["ended_at"]
    growth = by_contact["mrr"].shift(-1).astype(float) - rows["mrr"].astype(float)
    assert not (gap < timedelta(0)).any()
    seamless = gap == timedelta(0)
    assert (growth[seamless] > 0).any() and (growth[seamless] < 0).any() and (growth[seamless] == 0).any()
    assert (gap > timedelta(days=15)).any()  # reactivation
    assert rows.loc[gap.isna(), "ended_at"].notna().any()  # churn
    assert (rows["ended_at"] > as_of).any()  # cancelled for a later day


def test_a_weak_half_year_of_customers_and_the_discontented_churn_more(
    company: dict[str, pa.Table], as_of: datetime
) -> None:
    rows = company["subscriptions"].to_pandas()
    customers = rows.groupby("contact_id").agg(won=("started_at", "min"), end=("ended_at", lambda ends: ends.iloc[-1]))
    age = (as_of - customers["won"]).dt.days
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


def test_the_year_and_the_week_have_seasons(contacts: pd.DataFrame) -> None:
    created = contacts.loc[contacts["campaign"] != "Summer giveaway", "created_at"].dt
    by_weekday = created.day_of_week.value_counts()
    assert by_weekday[[5, 6]].max() < 0.8 * by_weekday[[0, 1, 2, 3, 4]].min()
    by_month = created.month.value_counts()
    assert by_month[[7, 8]].sum() < by_month[[6, 9]].sum() < by_month[[10, 11]].sum()
