"""How contacts move: a semi-Markov walk through the raw stages, and the events the CRM keeps of it."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from lifecycle.company import parameters as p
from lifecycle.company import raw_stages as raw
from lifecycle.company.columns import DAY, HOUR, Array, choose, instants, keys, labels, table
from lifecycle.company.people import People

# Spelling of the raw value: nearly always clean, sometimes in small letters and blanks, sometimes in capitals.
SPELLINGS = (*raw.STAGES, *(f" {stage.lower()} " for stage in raw.STAGES), *(stage.upper() for stage in raw.STAGES))
SPELLING_SHARES = (0.97, 0.02, 0.01)
EXITS = (raw.LOST, raw.DISQUALIFIED, raw.RECYCLED, raw.BARRED)


@dataclass(frozen=True)
class Moves:
    """Every entry of a block as parallel arrays, in order of `step`; `attempt` counts returns after an exit."""

    who: Array
    stage: Array
    at: Array
    step: Array
    attempt: Array

    def first(self, stages: tuple[int, ...], by_attempt: bool = False) -> Array:
        """Positions of the first entry to any of `stages` per contact, or per contact and attempt."""
        found = np.flatnonzero(np.isin(self.stage, stages))
        of = self.run(found) if by_attempt else self.who[found]
        return found[np.unique(of, return_index=True)[1]]

    def run(self, positions: Array) -> Array:
        """A number per contact and attempt."""
        return self.who[positions] * 256 + self.attempt[positions]


def walk(rng: np.random.Generator, people: People) -> Moves:
    """Let every contact walk from stage to stage until it falls silent or as_of cuts it off."""
    base, median_days = raw.transition_tables()
    stages, columns = np.indices(base.shape)
    leaves = np.isin(columns, EXITS)
    forward = (columns > stages) & ~leaves & (columns != raw.SILENT)
    first_stages, shares = zip(*raw.FIRST_STAGES.items(), strict=True)
    can_bypass = people.decides & (people.budget > raw.BYPASS_BUDGET)

    who = np.arange(len(people))
    stage = np.asarray(first_stages)[choose(rng, shares, len(people))]
    stage[people.flooded] = raw.LEAD
    at, attempt = people.created.copy(), np.zeros(len(people), int)
    taken: list[tuple[Array, ...]] = []
    while who.size:
        taken.append((who, stage, at, np.full(who.size, len(taken)), attempt))
        in_sales = stage >= raw.HANDOFF
        pull = np.where(in_sales, people.sales_pull[who], people.marketing_pull[who])[:, None]
        weights = base[stage] * np.where(forward[stage], pull, 1) / np.where(leaves[stage] & in_sales[:, None], pull, 1)
        weights[:, raw.ACCEPTED] *= np.where(can_bypass[who] & ~in_sales, raw.BYPASS_PULL, 1)
        weights[:, raw.SILENT] *= np.where(people.flooded[who] & in_sales, p.FLOOD_SILENCE, 1)
        edges = np.cumsum(weights, axis=1)
        following = (edges <= rng.random(who.size)[:, None] * edges[:, -1:]).sum(axis=1)
        returns = np.isin(stage, EXITS)
        pace = np.where(returns, 1, people.pace[who])
        days = median_days[stage, following] * pace * rng.lognormal(0, raw.STAY_SIGMA, who.size)
        leaving = _working_time(rng, at + (days * DAY).astype(np.int64))
        in_bulk = (rng.random(who.size) < raw.BULK_SHARE) & (following != stage) & ~returns
        leaving = np.where(in_bulk, at, leaving)
        goes = (following != raw.SILENT) & (leaving <= people.as_of)
        who, stage, at, attempt = who[goes], following[goes], leaving[goes], (attempt + returns)[goes]
    return Moves(*(np.concatenate(column) for column in zip(*taken, strict=True)))


def _working_time(rng: np.random.Generator, moment: Array) -> Array:
    """Push nights to the next morning and most weekends to Monday, never backwards."""
    weekday = (moment // DAY + 3) % 7
    moment = moment + np.where((weekday >= 5) & (rng.random(moment.size) < 0.8), (7 - weekday) * DAY, 0)
    hour = moment % DAY // HOUR
    morning = (moment // DAY + (hour >= 19)) * DAY + ((7 + 3 * rng.random(moment.size)) * HOUR).astype(np.int64)
    return np.where((hour < 7) | (hour >= 19), morning, moment)


def stage_events(rng: np.random.Generator, people: People, moves: Moves) -> pa.Table:
    """The contract's `stage_events`, before anything is typed wrongly."""
    size = len(moves.who)
    minutes = rng.exponential(6, size)
    late = rng.random(size) < 0.02
    delay = np.where(late, rng.exponential(4 * 24 * 60, size), minutes) * 60e6
    reason, competitor = np.full(size, -1), np.full(size, -1)
    names: list[str] = []
    for stage, shares in raw.REASONS.items():
        here = np.flatnonzero(moves.stage == stage)
        reason[here] = len(names) + choose(rng, tuple(shares.values()), len(here))
        names += shares
    beaten = np.flatnonzero(reason == names.index("Chose competitor"))
    competitor[beaten] = choose(rng, raw.COMPETITOR_SHARES, len(beaten))
    by_sales = (moves.stage > raw.HANDOFF) & (moves.stage != raw.BARRED)
    scored = moves.stage == raw.MQL
    score = np.clip(people.lead_score[moves.who] + rng.integers(-6, 7, size), 0, 100)
    return table(
        "stage_events",
        {
            "event_id": keys("e", (moves.who + people.first) * 1000 + moves.step),
            "contact_id": people.ids(moves.who),
            "stage": labels(moves.stage + len(raw.STAGES) * choose(rng, SPELLING_SHARES, size), SPELLINGS),
            "entered_at": instants(moves.at),
            "recorded_at": instants(np.minimum(moves.at + delay.astype(np.int64), people.as_of)),
            "reason": labels(reason, names),
            "competitor": labels(competitor, raw.COMPETITORS),
            "actor": labels(np.where(by_sales, people.owner[moves.who], p.AUTOMATION), p.ACTORS),
            "lead_score": pa.array(score, pa.int32(), mask=~scored),
        },
    )
