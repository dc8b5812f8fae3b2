"""What a build of a small company must contain, derived in plain Python by the rules, one row at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta

from lifecycle.intake import EARLIEST, LATEST, Event, survivor
from lifecycle.stages import StageModel
from lifecycle.transitions import Derivation, Journey, derive
from tests.queries.worlds import OTHERS, SCHEMAS, Row, World

YEAR = timedelta(days=365)
CONTACTS = ("contact_id", "referrer_id", "referred_id")


def merges_of(world: World) -> dict[str, str]:
    """Merged to surviving id; of several survivors the bytewise smallest."""
    into: dict[str, str] = {}
    for row in world.get("contact_merges"):
        merged, surviving = row["merged_id"], row["surviving_id"]
        if merged is not None and surviving is not None:
            into[merged] = min(into.get(merged, surviving), surviving, key=str.encode)
    return into


def contacts_of(world: World) -> dict[str, Row]:
    """One row per contact: of several the first created, then by what they say."""

    def place(row: Row) -> list:
        """Nulls last in every column, text bytewise."""
        further = (row.get("lead_score"), row.get("plan"), _flag(row), row.get("seats"))
        values = (row["created_at"], row["account_id"] or None, row.get("lead_score"), *further)
        return [(v is None, b"" if v is None else v.encode() if isinstance(v, str) else v) for v in values]

    rows: dict[str, list[Row]] = defaultdict(list)
    for row in world.get("contacts"):
        rows[row["contact_id"]].append(row)
    return {contact: min(same, key=place) for contact, same in rows.items()}


def single(world: World, table: str, key: str) -> list[Row]:
    """One row per id: of several the first by what they say, nulls first, text bytewise."""

    def place(row: Row) -> list:
        values = [row[name] for name in SCHEMAS[table]]
        return [(v is not None, b"" if v is None else v.encode() if isinstance(v, str) else v) for v in values]

    rows: dict[str, list[Row]] = defaultdict(list)
    for row in world.get(table):
        rows[row[key]].append(row)
    return [min(same, key=place) for same in rows.values()]


def word_for_word(world: World, table: str) -> list[Row]:
    """The rows of a table, of those that say the same word for word one; merged contacts are one."""
    merges, rows = merges_of(world), world.get(table)
    same: dict[tuple, list[Row]] = defaultdict(list)
    for row in rows:
        read = {n: (survivor(v, merges) or v) if v and n in CONTACTS else v for n, v in row.items()}
        if "kind" in read:
            read["kind"] = row["kind"].strip().lower()
        same[tuple(read.values())].append(row)
    return [min(alike, key=lambda r: [(r[n] or "").encode() for n in CONTACTS if n in r]) for alike in same.values()]


def refers_to_itself(row: Row, merges: dict[str, str], contacts: dict[str, Row], model: StageModel) -> bool:
    """Whether a referral names one contact twice, after merges, or one account where accounts move."""
    who = [survivor(row[n], merges) or row[n] for n in ("referrer_id", "referred_id")]
    if model.entity == "account":
        who = [contacts.get(w, {}).get("account_id") or w for w in who]
    return bool(who[0] and who[0].strip()) and who[0] == who[1]


def first_contacts(contacts: dict[str, Row], merges: dict[str, str]) -> dict[str, str]:
    """Account to its first contact: the earliest created, then the bytewise smallest id; merged ones after all others.

    One whose merges run in a circle is still itself.
    """
    accounts: dict[str, list[str]] = defaultdict(list)
    for contact, row in contacts.items():
        if row["account_id"]:
            accounts[row["account_id"]].append(contact)

    def place(contact: str) -> tuple:
        created = contacts[contact]["created_at"]
        return (
            survivor(contact, merges) not in (None, contact),
            created is None,
            created or datetime.min,
            contact.encode(),
        )

    return {account: min(members, key=place) for account, members in accounts.items()}


def facts(world: World, model: StageModel, bound: datetime) -> list[Event]:
    """The facts that this model reads."""
    merges, contacts = merges_of(world), contacts_of(world)
    firsts = first_contacts(contacts, merges)

    def owner(row: Row) -> str | None:
        return row["contact_id"] if row["contact_id"] is not None else firsts.get(row["account_id"])

    def usable(at: datetime | None) -> bool:
        return at is not None and EARLIEST <= at < LATEST and at <= bound

    def numbered(table: str, at: str, key: str) -> list[tuple[int, str | None, Row]]:
        owners: dict[str | None, list[Row]] = defaultdict(list)
        for row in single(world, table, key):
            who = owner(row)
            owners[survivor(who, merges) or who].append(row)
        out = []
        for rows in owners.values():
            rows.sort(key=lambda r: (not usable(r[at]), r[at] is None, r[at] or datetime.min, r[key].encode()))
            out += [(n, owner(row), row) for n, row in enumerate(rows, 1)]
        return out

    found = []
    for n, who, row in numbered("orders", "ordered_at", "order_id"):
        found.append(("orders.first" if n == 1 else "orders.repeat", who, row["ordered_at"], row["order_id"]))
    for n, who, row in numbered("subscriptions", "started_at", "subscription_id"):
        started, ended = row["started_at"], row["ended_at"]
        found.append(("subscriptions.start", who, started, row["subscription_id"]))
        if n > 1:
            found.append(("subscriptions.renewal", who, started, row["subscription_id"]))
        if usable(started) and usable(started + YEAR) and (ended is None or ended >= started + YEAR):
            found.append(("subscriptions.renewal", who, started + YEAR, row["subscription_id"]))
    for row in word_for_word(world, "surveys"):
        if (
            row["kind"].strip().lower() == "nps"
            and row["score"] is not None
            and row["score"] >= 9
            and row["responded_at"]
        ):
            found.append(("surveys.promoter", row["contact_id"], row["responded_at"], None))
    for row in word_for_word(world, "referrals"):
        if not refers_to_itself(row, merges, contacts, model):
            found.append(("referrals.made", row["referrer_id"], row["referred_at"], row["referred_id"]))
    return [
        Event(contact_id=who, raw=None, at=at, event_id=key, fact=fact)
        for fact, who, at, key in found
        if fact in model.facts
    ]


def derived(world: World, model: StageModel, bound: datetime) -> Derivation:
    """Entries, journeys, quarantine and counts of this company under this model."""
    if model.entity == "deal":
        events = [
            Event(contact_id=r["deal_id"], raw=r["stage"], at=r["entered_at"]) for r in world.get("deal_stage_events")
        ]
        known = frozenset(r["deal_id"] for r in world.rows["deals"]) if "deals" in world.rows else None
        return derive(model, events, bound=bound, contacts=known, others=OTHERS)
    events = [
        Event(
            contact_id=r["contact_id"],
            raw=r["stage"],
            at=r["entered_at"],
            **{k: r[k] for k in ("event_id", "recorded_at", "reason", "competitor", "actor", "lead_score")},
        )
        for r in world.get("stage_events")
    ]
    contacts = contacts_of(world)
    return derive(
        model,
        [*events, *facts(world, model, bound)],
        bound=bound,
        merges=merges_of(world),
        accounts={c: r["account_id"] for c, r in contacts.items()},
        contacts=frozenset(contacts) if "contacts" in world.rows else None,
        others=OTHERS,
    )


def _flag(row: Row) -> str | None:
    return None if row.get("vip") is None else str(row["vip"]).lower()


def deals_of(world: World) -> dict[str, Row]:
    """One row per deal, the first created, with its contact after merges (itself, where those run in a circle)."""
    contacts, merges = contacts_of(world), merges_of(world)
    firsts = first_contacts(contacts, merges)
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in world.get("deals"):
        named = row["contact_id"] if row["contact_id"] is not None else firsts.get(row["account_id"])
        if row["deal_id"] is not None:
            rows[row["deal_id"]].append(row | {"contact_id": survivor(named, merges) or named})

    def place(row: Row) -> list:
        values = [row[n] for n in ("created_at", "contact_id", "account_id", "closed_at", "is_won", "amount")]
        return [(v is None, b"" if v is None else v.encode() if isinstance(v, str) else v) for v in values]

    return {deal: min(same, key=place) for deal, same in rows.items()}


def describer(world: World, model: StageModel) -> Callable[[Journey], dict[str, object]]:
    """Tells score and segments of a journey: as history tells they were at its start, else as they are today."""
    contacts, owners = contacts_of(world), deals_of(world)
    firsts = first_contacts(contacts, merges_of(world))
    past: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in world.get("contact_history"):
        if row["contact_id"] is not None and row["valid_from"] is not None:
            past[row["contact_id"], row["column"]].append(row)

    def speaker(entity: str) -> str | None:
        if model.entity == "deal":
            return owners[entity]["contact_id"] if entity in owners else None
        return firsts.get(entity, entity) if model.entity == "account" else entity

    def describe(journey: Journey) -> dict[str, object]:
        contact = speaker(journey.entity_id)
        row = contacts.get(contact or "", {})
        values = {"plan": row.get("plan"), "vip": _flag(row), "seats": row.get("seats")}
        for name in values:
            told = [r for r in past.get((contact or "", name), []) if r["valid_from"] <= journey.started_at]
            newest = max((r["valid_from"] for r in told), default=None)
            texts = [r["value"] for r in told if r["valid_from"] == newest and r["value"] is not None]
            if told:
                value = min(texts, key=str.encode, default=None)
                values[name] = float(value) if value is not None and name == "seats" else value
        return {**values, "score": row.get("lead_score")}

    return describe


def deals(world: World, model: StageModel, derivation: Derivation) -> dict[str, tuple[str, int]]:
    """Deal to its journey: the latest of its entity that had started when the deal was created."""
    contacts = contacts_of(world)
    journeys: dict[str, list[Journey]] = defaultdict(list)
    for journey in derivation.journeys:
        journeys[journey.entity_id].append(journey)
    out: dict[str, tuple[str, int]] = {}
    for deal in deals_of(world).values():
        person = deal["contact_id"]
        entity = {"deal": deal["deal_id"], "contact": person}.get(model.entity)
        if model.entity == "account":
            entity = deal["account_id"] or contacts.get(person or "", {}).get("account_id") or person
        created = deal["created_at"]
        started = [j for j in journeys.get(entity or "", []) if created is not None and j.started_at <= created]
        if started:
            last = max(started, key=lambda j: (j.started_at, j.journey))
            out[deal["deal_id"]] = (last.entity_id, last.journey)
    return out
