"""The other rival: pandas, with the raw events already in memory and their stages already recognised."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from lifecycle.scope import Scope
from lifecycle.segments import Choice
from lifecycle.stages import StageModel, normalise
from queries.contacts import PAGE


class Rival:
    """The questions of the pages as a careful analyst would write them: grouped, no loops over contacts."""

    def __init__(self, folder: Path, model: StageModel) -> None:
        raw = folder / "raw"
        events = pq.read_table(raw / "stage_events.parquet", columns=["contact_id", "stage", "entered_at"])
        events = events.drop_null().set_column(1, "stage", events.drop_null()["stage"].dictionary_encode())
        frame = events.to_pandas()
        keys = {v: model.aliases.get(normalise(v)) for v in frame["stage"].cat.categories}
        frame["stage"] = frame["stage"].map(keys).astype("category")
        self.events = frame.dropna()
        contacts = pq.read_table(raw / "contacts.parquet", columns=["contact_id", "source", "region"]).to_pandas()
        self.contacts = contacts.set_index("contact_id")

    def funnel(self, scope: Scope) -> pd.Series:
        """Contacts by segment and the furthest stage that all before were reached for, within the window."""
        return self._placed(scope).groupby([*self._by(scope), "furthest"], observed=True).size()

    def trend(self, scope: Scope) -> pd.Series:
        placed = self._placed(scope)
        month = placed["first_at"].dt.to_period("M").rename("month")
        return placed.groupby([month, *self._by(scope), "furthest"], observed=True).size()

    def records(self, scope: Scope) -> pd.DataFrame:
        placed = self._placed(scope)
        return placed[placed["furthest"] >= 2].sort_values("first_at", ascending=False).head(PAGE)

    def period(self, scope: Scope) -> pd.Series:
        start, end = scope.instants
        events = self._chosen(scope)
        if start and end:
            events = events[(events["entered_at"] >= start) & (events["entered_at"] < end)]
        joined = events.join(self.contacts[self._by(scope)], on="contact_id")
        return joined.groupby([*self._by(scope), "stage"], observed=True)["contact_id"].nunique()

    def stock(self, scope: Scope) -> pd.Series:
        last = self._chosen(scope).sort_values("entered_at").drop_duplicates("contact_id", keep="last")
        joined = last.join(self.contacts[self._by(scope)], on="contact_id")
        return joined.groupby([*self._by(scope), "stage"], observed=True).size()

    def moves(self, scope: Scope) -> pd.DataFrame:
        """What follows each stage entered in the period, and the median time until then."""
        events = self._chosen(scope).sort_values(["contact_id", "entered_at"])
        own = events.groupby("contact_id", sort=False)
        events = events.assign(
            following=own["stage"].shift(-1), took=own["entered_at"].shift(-1) - events["entered_at"]
        )
        start, end = scope.instants
        if start and end:
            events = events[(events["entered_at"] >= start) & (events["entered_at"] < end)]
        joined = events.join(self.contacts[self._by(scope)], on="contact_id")
        grouped = joined.groupby([*self._by(scope), "stage", "following"], observed=True, dropna=False)["took"]
        return grouped.agg(["size", "median"])

    def _by(self, scope: Scope) -> list[str]:
        return [scope.by] if scope.by else []

    def _chosen(self, scope: Scope) -> pd.DataFrame:
        who = self.contacts
        for f in scope.filters:
            assert isinstance(f, Choice)
            who = who[who[f.segment].isin(f.values)]
        return self.events[self.events["contact_id"].isin(who.index)] if scope.filters else self.events

    def _placed(self, scope: Scope) -> pd.DataFrame:
        events = self._chosen(scope)
        firsts = (
            events.groupby(["contact_id", "stage"], observed=True)["entered_at"].min().unstack()[list(scope.stages)]
        )
        reached = firsts if scope.count == "ordered" else firsts.iloc[:, ::-1].cummin(axis=1, skipna=True).iloc[:, ::-1]
        first = reached[scope.stages[0]]
        start, end = scope.instants
        if start and end:
            reached = reached[(first >= start) & (first < end)]
        first = reached[scope.stages[0]]
        far = first.notna()
        furthest = far.astype("int64")
        for before, stage in zip(scope.stages, scope.stages[1:], strict=False):
            at = reached[stage]
            far = far & (at >= reached[before]) & (at <= first + scope.window if scope.window else True)
            furthest = furthest + far
        placed = pd.DataFrame({"first_at": first, "furthest": furthest})[first.notna()]
        return placed.join(self.contacts[self._by(scope)], on="contact_id")
