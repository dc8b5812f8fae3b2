"""What sales does with a contact: assignment, first and later touches, deals."""

import numpy as np
import pyarrow as pa

from lifecycle.company import parameters as p
from lifecycle.company import raw_stages as raw
from lifecycle.company.columns import DAY, HOUR, NEVER, choose, instants, keys, labels, money, table
from lifecycle.company.journeys import Moves
from lifecycle.company.people import People

KINDS = ("assigned", "call", "e-mail", "meeting")
DEAL_STAGES = ("Opportunity", "Proposal", "Negotiation", "Closed won", "Closed lost")
PLANNED_DAYS = 60  # what a rep thinks an open deal will take at a company of 50-499 people


def activities(rng: np.random.Generator, people: People, moves: Moves) -> pa.Table:
    """The contract's `activities`: assignment and touches after the MQL, or the acceptance where there was none."""
    start = moves.first((raw.MQL, raw.ACCEPTED), by_attempt=True)
    who, at = moves.who[start], moves.at[start]
    owner = people.owner[who]
    assigned = (owner >= 0) & (rng.random(who.size) > 0.04)
    assigned_at = at + (rng.lognormal(np.log(2.0), 1.1, who.size) * HOUR).astype(np.int64)

    untouched = np.take([rep.untouched for rep in p.REPS], owner) + np.where(people.flooded[who], p.FLOOD_UNTOUCHED, 0)
    touched = assigned & (rng.random(who.size) > untouched)
    typical_hours = np.take([rep.first_touch_hours for rep in p.REPS], owner)
    hours = typical_hours * rng.lognormal(0, 1.0, who.size) * np.where(people.flooded[who], p.FLOOD_DELAY, 1)
    first_touch = assigned_at + (hours * HOUR).astype(np.int64)

    again = np.repeat(np.flatnonzero(touched), rng.poisson(1.4, touched.sum()))
    later = first_touch[again] + (rng.exponential(4.0, again.size) * DAY).astype(np.int64)
    kinds = (
        np.zeros(assigned.sum(), int),
        1 + choose(rng, (0.5, 0.42, 0.08), touched.sum()),
        1 + choose(rng, (0.45, 0.4, 0.15), again.size),
    )
    rows = np.concatenate([np.flatnonzero(assigned), np.flatnonzero(touched), again])
    kind = np.concatenate(kinds)
    occurred = np.concatenate([assigned_at[assigned], first_touch[touched], later])
    seen = occurred <= people.as_of
    rows, kind, occurred = rows[seen], kind[seen], occurred[seen]
    return table(
        "activities",
        {
            "contact_id": people.ids(who[rows]),
            "kind": labels(kind, KINDS),
            "occurred_at": instants(occurred),
            "actor": labels(np.where(kind == 0, p.AUTOMATION, owner[rows]), p.ACTORS),
        },
    )


def deals(rng: np.random.Generator, people: People, moves: Moves) -> dict[str, pa.Table]:
    """The contract's `deals` and `deal_stage_events`: one deal per attempt that reached Opportunity."""
    opened = moves.first((raw.OPPORTUNITY,), by_attempt=True)
    who, created = moves.who[opened], moves.at[opened]
    ends = moves.first((raw.WON, raw.LOST, raw.DISQUALIFIED, raw.RECYCLED), by_attempt=True)
    run, end_run = moves.run(opened), np.append(moves.run(ends), np.iinfo(np.int64).max)
    place = np.searchsorted(end_run, run)
    closed = end_run[place] == run
    end = np.append(ends, 0)[place]
    won = closed & (moves.stage[end] == raw.WON)
    planned = created + (PLANNED_DAYS * people.pace[who] * rng.lognormal(0, 0.5, who.size) * DAY).astype(np.int64)
    ended = np.where(closed, moves.at[end], planned)

    # One column per deal stage: when it was entered, and whether it was by as_of.
    share = np.array([0, 0.35, 0.7, 1.0])
    entered = created[:, None] + (share * (ended - created)[:, None]).astype(np.int64)
    reached = entered <= people.as_of
    reached[:, 1] &= won | (rng.random(who.size) < 0.8)
    reached[:, 2] &= won | (reached[:, 1] & (rng.random(who.size) < 0.6))
    reached[:, 3] = closed
    stage = 3 - np.argmax(reached[:, ::-1], axis=1)
    stage += (stage == 3) & ~won
    amount = people.price[who] * np.where(people.consumer[who], 1, 12) * rng.lognormal(0, 0.12, who.size)
    amount[rng.random(who.size) < 0.04] = np.nan
    row, column = np.nonzero(reached)
    ids = keys("d", (who + people.first) * 100 + moves.attempt[opened])
    return {
        "deals": table(
            "deals",
            {
                "deal_id": ids,
                "contact_id": people.ids(who),
                "account_id": people.account_ids(who),
                "created_at": instants(created),
                "closed_at": instants(np.where(closed | (planned > people.as_of), ended, NEVER)),
                "is_won": pa.array(won, mask=~closed),
                "amount": money(amount),
                "stage": labels(stage, DEAL_STAGES),
                "owner": labels(people.owner[who], p.REP_NAMES),
            },
        ),
        "deal_stage_events": table(
            "deal_stage_events",
            {
                "deal_id": ids.take(pa.array(row)),
                "stage": labels(np.where(column == 3, stage[row], column), DEAL_STAGES),
                "entered_at": instants(entered[row, column]),
                "amount": money(amount[row] * np.take((1.15, 1.1, 1.0, 1.0), column)),  # discounts on the way
            },
        ),
    }
