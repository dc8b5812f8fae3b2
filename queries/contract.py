"""The tables the app reads, and how a deployment's own tables are found and mapped onto them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from queries.dialect import utc
from queries.errors import WarehouseError
from queries.settings import Settings

TEXT, INSTANT, DAY, NUMBER, FLAG = "text", "instant", "day", "number", "flag"
SQL_TYPES: dict[str, sa.types.TypeEngine] = {
    TEXT: sa.Text(),
    INSTANT: sa.DateTime(),
    DAY: sa.Date(),
    NUMBER: sa.Double(),
    FLAG: sa.Boolean(),
}
PERSONAL = re.compile(r"^(full_?|first_?|last_?|sur)?name$|e_?mail|phone|mobile|address|birth", re.IGNORECASE)


def is_personal(column: str, settings: Settings) -> bool:
    """Whether a column of contacts holds personal data: as its setting says, else as its name suggests."""
    setting = settings.segments.get(column)
    told = setting.personal if setting else None
    return bool(PERSONAL.search(column)) if told is None else told


@dataclass(frozen=True)
class TableSpec:
    """One contract table: its columns with their types, which of them it cannot do without, and what it feeds.

    `open` tables may carry any further columns (segments).
    """

    name: str
    columns: Mapping[str, str]
    required: tuple[str, ...]
    feeds: str
    open: bool = False


def spec(name: str, feeds: str, required: str, optional: str = "", *, open: bool = False) -> TableSpec:
    """A TableSpec from `column type` lists, as in `contact_id text, entered_at instant`."""
    columns = dict(pair.split() for pair in f"{required},{optional}".split(",") if pair.strip())
    return TableSpec(name, columns, tuple(p.split()[0] for p in required.split(",")), feeds, open)


OWNER = "contact_id text, account_id text"
CONTRACT: dict[str, TableSpec] = {
    table.name: table
    for table in (
        spec(
            "stage_events",
            "everything",
            "contact_id text, stage text, entered_at instant",
            "event_id text, recorded_at instant, reason text, competitor text, actor text, lead_score number",
        ),
        spec("stage_dates", "the same as stage_events", "contact_id text", open=True),
        spec(
            "contacts",
            "segments, drill-down, account roll-up",
            "contact_id text",
            "account_id text, created_at instant, owner text, lead_score number",
            open=True,
        ),
        spec(
            "contact_history",
            "segments as they were at journey start",
            "contact_id text, column text, value text, valid_from instant",
        ),
        spec("contact_merges", "identity", "merged_id text, surviving_id text"),
        spec(
            "activities",
            "service level, speed to lead, untouched leads",
            "contact_id text, kind text, occurred_at instant",
            "actor text",
        ),
        spec(
            "deals",
            "money, win rate, velocity",
            "deal_id text, created_at instant",
            f"{OWNER}, closed_at instant, is_won flag, amount number, stage text, owner text",
        ),
        spec(
            "deal_stage_events",
            "models of deals",
            "deal_id text, stage text, entered_at instant",
            "amount number",
        ),
        spec(
            "subscriptions",
            "logo and revenue retention",
            "subscription_id text, started_at instant",
            f"{OWNER}, ended_at instant, mrr number, recorded_at instant",
        ),
        spec(
            "orders",
            "repeat business, customer value",
            "order_id text, ordered_at instant",
            f"{OWNER}, amount number, margin number, recorded_at instant",
        ),
        spec(
            "surveys",
            "promoters",
            "contact_id text, score number",
            "responded_at instant, kind text, asked_at instant",
        ),
        spec("referrals", "the loop", "referrer_id text, referred_id text, referred_at instant"),
        spec(
            "audits",
            "agreement beyond chance",
            "contact_id text, marketing flag, sales flag",
            "audited_at instant",
        ),
        spec("spend", "cost per entry, acquisition cost", "day day, amount number", "purpose text", open=True),
        spec("targets", "commitment, goals", "month day, metric text, value number", open=True),
        spec("benchmarks", "the market's average", "from_stage text, to_stage text, rate number", "source text"),
        spec("traffic", "the anonymous top", "day day", "strangers number, visitors number", open=True),
    )
}
# Whose rows follow each other, by which instant, and what each says anew: the rest of a history is repetition.
CHANGES = {
    "stage_events": (("contact_id",), "entered_at", "stage"),
    "deal_stage_events": (("deal_id",), "entered_at", "stage"),
    "contact_history": (("contact_id", "column"), "valid_from", "value"),
}
# What the loader could not read: counted by every build, so that nothing is lost between a file and a funnel.
REJECTS = "load_rejects"


def kind_of(declared: str) -> str | None:
    """The contract type of a column whose engine calls its type `declared`; None for types we cannot use."""
    name = declared.lower()
    if name.startswith(("nullable(", "lowcardinality(")):
        return kind_of(name.split("(", 1)[1].removesuffix(")"))
    if "timestamp" in name or name.startswith("datetime"):
        return INSTANT
    if name.startswith("date"):
        return DAY
    if name.startswith("bool"):
        return FLAG
    if re.match(r"u?(tiny|small|big|huge)?int|integer|numeric|decimal|double|float|real", name):
        return NUMBER
    if re.search(r"char|text|string|uuid|enum", name):
        return TEXT
    return None


@dataclass(frozen=True)
class Source:
    """A contract table as it was found: `source["entered_at"]` is the mapped column, instants as naive UTC.

    A column that the deployment lacks reads as NULL; `has` tells the two apart. `extra` names the columns beyond the
    contract with their types, in the order of the table.
    """

    spec: TableSpec
    table: sa.FromClause
    mapped: Mapping[str, str]
    declared: Mapping[str, str]
    timezone: str | None = None  # of naive instants

    def has(self, column: str) -> bool:
        return column in self.mapped

    def __getitem__(self, column: str) -> sa.ColumnElement:
        wanted = self.spec.columns.get(column) or kind_of(self.declared[self.mapped[column]]) or TEXT
        if column not in self.mapped:
            return sa.cast(sa.null(), SQL_TYPES[wanted])
        raw: sa.ColumnElement = self.table.c[self.mapped[column]]
        declared = self.declared[self.mapped[column]]
        if wanted == INSTANT:
            return utc(raw, declared, self.timezone)
        return raw if kind_of(declared) == wanted else sa.cast(raw, SQL_TYPES[wanted])

    @property
    def extra(self) -> dict[str, str]:
        """Columns beyond the contract: name → contract type, those of unusable types left out."""
        taken = set(self.mapped.values())
        found = {name: kind_of(declared) for name, declared in self.declared.items() if name not in taken}
        return {name: kind for name, kind in found.items() if kind}

    def column(self, name: str) -> sa.ColumnElement:
        """A column beyond the contract, by its own name; instants as naive UTC."""
        raw: sa.ColumnElement = self.table.c[name]
        declared = self.declared[name]
        return utc(raw, declared, self.timezone) if kind_of(declared) == INSTANT else raw


def find_sources(declared: Mapping[tuple[str | None, str], Mapping[str, str]], settings: Settings) -> dict[str, Source]:
    """The contract tables that exist, out of all `(schema, table) → column → type` that the warehouse has.

    A table counts as found when its required columns are there. Raises WarehouseError naming a configured table or
    column that does not exist, and what does.
    """
    found: dict[str, Source] = {}
    for name in settings.tables.keys() - CONTRACT.keys():
        raise _unknown(f"tables.{name}: no such contract table", CONTRACT)
    for name, table_spec in CONTRACT.items():
        mapping = settings.tables.get(name)
        wanted = (mapping.table if mapping else None) or name
        schema, _, bare = wanted.rpartition(".")
        key = next((k for k in declared if k[1] == bare and (not schema or k[0] == schema)), None)
        if key is None:
            if mapping and mapping.table:
                tables = sorted({table for _, table in declared})
                raise _unknown(f"tables.{name}.table: {wanted!r} is not in the warehouse", tables)
            continue
        types = declared[key]
        names = dict(mapping.columns) if mapping else {}
        for column, source in names.items():
            if source not in types:
                raise _unknown(f"tables.{name}.columns.{column}: {source!r} is no column of {wanted}", types)
        names = {c: names.get(c, c) for c in (*table_spec.columns, *names) if names.get(c, c) in types}
        if set(table_spec.required) <= set(names):
            table = sa.table(bare, *(sa.column(c) for c in types), schema=key[0])
            found[name] = Source(table_spec, table, names, types, mapping.timezone if mapping else None)
    return found


def _unknown(problem: str, known: Iterable[str]) -> WarehouseError:
    return WarehouseError("missing_table", f"{problem}.", f"There is: {', '.join(list(known)[:40]) or 'nothing'}.")
