"""What changed about contacts: earlier values of their segments, and contacts that proved to be one person."""

import numpy as np
import pyarrow as pa

from lifecycle.company import parameters as p
from lifecycle.company.columns import instants, labels, table
from lifecycle.company.people import People


def contact_history(rng: np.random.Generator, people: People) -> pa.Table:
    """The contract's `contact_history`: one in twenty contacts once had another size, owner or region."""
    parts = []
    for column, codes, names in (
        ("company_size", people.size, p.SIZE_NAMES),
        ("owner", people.owner, p.REP_NAMES),
        ("region", people.region, p.REGIONS),
    ):
        who = np.flatnonzero((rng.random(len(people)) < p.HISTORY_SHARE) & (codes >= 0))
        before = (codes[who] + rng.integers(1, len(names), len(who))) % len(names)
        changed = people.created[who] + (rng.random(len(who)) * (people.as_of - people.created[who])).astype(np.int64)
        parts.append(
            table(
                "contact_history",
                {
                    "contact_id": people.ids(np.tile(who, 2)),
                    "column": labels(np.zeros(2 * len(who), int), (column,)),
                    "value": labels(np.concatenate([before, codes[who]]), names),
                    "valid_from": instants(np.concatenate([people.created[who], changed])),
                },
            )
        )
    return pa.concat_tables(parts)


def contact_merges(rng: np.random.Generator, people: People) -> pa.Table:
    """The contract's `contact_merges`: pairs, chains of three, and in the first block one cycle of two."""
    few = min(max(1, len(people) // 2500), max(0, len(people) - 2) // 5)
    chosen = rng.permutation(len(people))
    pairs, chains = chosen[: 2 * few].reshape(-1, 2), chosen[2 * few : 5 * few].reshape(-1, 3)
    links = [pairs, chains[:, :2], chains[:, 1:]]
    if people.first == 0 and few:
        cycle = chosen[5 * few : 5 * few + 2]
        links += [cycle[None, :], cycle[None, ::-1]]
    merged, surviving = np.concatenate(links).T
    return table("contact_merges", {"merged_id": people.ids(merged), "surviving_id": people.ids(surviving)})
