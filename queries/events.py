"""From raw rows to classified events: what was said of whom and when, and what cannot be used, with the reason."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from lifecycle.stages import StageModel, normalise
from queries import workbench
from queries.contract import Source
from queries.dialect import Instant, bytewise, shifted, stripped
from queries.errors import WarehouseError
from queries.warehouse import MAX_ROWS, Warehouse

RAW: dict[str, type] = {
    "contact_id": str,
    "raw": str,
    "at": datetime,
    "event_id": str,
    "recorded_at": datetime,
    "reason": str,
    "competitor": str,
    "actor": str,
    "lead_score": float,
    "fact": int,
}
# An event of a model: `ord` orders within an instant, `code` is the rank, n + i for the i-th exit, 0 for an ignored value.
# `rises`: like a fact, it never goes back; `implies`: it implies the stages before its own.
EVENT: dict[str, type] = {
    "entity_id": str,
    "at": datetime,
    "ord": int,
    "code": int,
    "event_id": str,
    "raw": str,
    "reason": str,
    "competitor": str,
    "actor": str,
    "lead_score": float,
    "fact": int,
    "rises": int,
    "contact_id": str,
    "after_other": int,
}
QUARANTINE = RAW | {"problem": str}
EARLIEST, LATEST = datetime(1990, 1, 1), datetime(2200, 1, 1)
YEAR_US = 365 * 86_400 * 1_000_000


def null(kind: type) -> sa.ColumnElement:
    types: dict[type, sa.types.TypeEngine] = {str: sa.Text(), float: sa.Double(), datetime: Instant()}
    return sa.cast(sa.null(), types[kind])


def _row(**given: sa.ColumnElement | str | int) -> list[sa.ColumnElement]:
    """Raw columns in order; those not given are NULL."""
    out = []
    for name, kind in RAW.items():
        value = given.get(name)
        out.append(
            (null(kind) if value is None else sa.literal(value) if isinstance(value, str | int) else value).label(name)
        )
    return out


def stage_rows(sources: dict[str, Source], entity: str) -> list[sa.Select]:
    """The raw stage rows of contacts (stage_events, or stage_dates unpivoted) or of deals."""
    if entity == "deal":
        s = sources["deal_stage_events"]
        return [
            sa.select(*_row(contact_id=s["deal_id"], raw=s["stage"], at=s["entered_at"], fact=0)).select_from(s.table)
        ]
    if "stage_events" in sources:
        s = sources["stage_events"]
        given = {c: s[c] for c in s.spec.columns if c not in ("stage", "entered_at") and s.has(c)}
        return [sa.select(*_row(raw=s["stage"], at=s["entered_at"], fact=0, **given)).select_from(s.table)]
    s = sources["stage_dates"]
    return [
        sa.select(*_row(contact_id=s["contact_id"], raw=_stage_named(name), at=s.column(name), fact=0))
        .select_from(s.table)
        .where(s.column(name).is_not(None))
        for name, kind in s.extra.items()
        if kind in ("instant", "day")
    ]


def _stage_named(column: str) -> str:
    """The stage that a date column is about: `date_entered_mql`, `mql_at` and `mql` are all about mql."""
    name = column.lower().removeprefix("hs_v2_").removeprefix("hs_").removeprefix("property_")
    for prefix in ("date_entered_", "entered_", "became_a_", "became_"):
        name = name.removeprefix(prefix)
    for suffix in ("_entered_at", "_at", "_date", "_on"):
        name = name.removesuffix(suffix)
    return name


def fact_rows(
    sources: dict[str, Source], model: StageModel, people: sa.TableClause | None, bound: datetime
) -> list[sa.Select]:
    """The facts that enter stages of this model, as raw rows whose raw value is the fact's name."""
    wanted = model.facts if model.entity != "deal" else {}
    out: list[sa.Select] = []

    def add(
        fact: str,
        s: Source,
        who: sa.ColumnElement,
        at: sa.ColumnElement,
        key: sa.ColumnElement,
        *where: sa.ColumnElement,
    ) -> None:
        if fact in wanted:
            out.append(
                sa.select(*_row(contact_id=who, raw=fact, at=at, event_id=key, fact=1))
                .select_from(s.table)
                .where(*where)
            )

    for name, at, key in (("orders", "ordered_at", "order_id"), ("subscriptions", "started_at", "subscription_id")):
        if name not in sources or not any(f.startswith(name) for f in wanted):
            continue
        s = sources[name]
        who = owner(s, people)
        columns = [who.label("who"), s[at].label("at"), s[key].label("key")]
        if name == "subscriptions":
            columns.append(s["ended_at"].label("ended_at"))
        base = sa.select(*columns).select_from(s.table).subquery()
        order = [base.c.at.asc().nulls_last(), bytewise(base.c.key)]
        nth = sa.func.row_number().over(partition_by=base.c.who, order_by=order).label("nth")
        rows = sa.select(base, nth).subquery()
        c = rows.c

        def pick(fact: str, when: sa.ColumnElement, *where: sa.ColumnElement, c: sa.ColumnCollection = c) -> None:
            if fact in wanted:
                out.append(sa.select(*_row(contact_id=c.who, raw=fact, at=when, event_id=c.key, fact=1)).where(*where))

        if name == "orders":
            pick("orders.first", c.at, c.nth == 1)
            pick("orders.repeat", c.at, c.nth > 1)
        else:
            # A renewal is a later subscription of the same customer, or a full year of one.
            anniversary = shifted(c.at, sa.literal_column(str(YEAR_US)))
            lasted = sa.or_(c.ended_at.is_(None), c.ended_at >= anniversary)
            pick("subscriptions.start", c.at)
            pick("subscriptions.renewal", c.at, c.nth > 1)
            pick("subscriptions.renewal", anniversary, lasted, c.at >= EARLIEST, c.at < LATEST, anniversary <= bound)
    if "surveys" in sources:
        s = sources["surveys"]
        nps = [s["kind"] == "nps"] if s.has("kind") else []
        add(
            "surveys.promoter",
            s,
            s["contact_id"],
            s["responded_at"],
            null(str),
            s["score"] >= 9,
            s["responded_at"].is_not(None),
            *nps,
        )
    if "referrals" in sources:
        s = sources["referrals"]
        add("referrals.made", s, s["referrer_id"], s["referred_at"], s["referred_id"])
    return out


def owner(s: Source, people: sa.TableClause | None) -> sa.ColumnElement:
    """Whose an order or subscription is: its contact, else its account's first contact."""
    if not s.has("account_id") or people is None:
        return s["contact_id"] if s.has("contact_id") else s["account_id"]
    first = first_contacts(people).subquery()
    by_account = (
        sa.select(sa.func.min(first.c.contact_id)).where(first.c.account_id == s["account_id"]).scalar_subquery()
    )
    return sa.func.coalesce(s["contact_id"], by_account)


def first_contacts(people: sa.TableClause) -> sa.Select:
    """Each account's first contact: the earliest created, then the bytewise smallest id."""
    order = [people.c.created_at.asc().nulls_last(), bytewise(people.c.contact_id)]
    nth = sa.func.row_number().over(partition_by=people.c.account_id, order_by=order).label("nth")
    rows = sa.select(people.c.account_id, people.c.contact_id, nth).where(people.c.account_id.is_not(None)).subquery()
    return sa.select(rows.c.account_id, rows.c.contact_id).where(rows.c.nth == 1)


def doubles(warehouse: Warehouse, rows: sa.FromClause, name: str) -> sa.TableClause:
    """A working table of the event ids that occur more than once."""
    c = rows.c
    made = workbench.create(warehouse, name, {"event_id": str})
    ids = sa.select(c.event_id).where(c.event_id.is_not(None)).group_by(c.event_id).having(sa.func.count() > 1)
    workbench.fill(warehouse, made, ids)
    return made


def deduplicated(rows: sa.FromClause, repeated: sa.TableClause | None) -> sa.CompoundSelect | sa.Select:
    """One row per event: of one id the newest recorded, then the first by content; without ids, of equal rows one.

    `repeated` holds the ids that occur more than once; None where the source has no event ids at all.
    """
    c = rows.c
    anonymous = sa.select(rows).where(c.event_id.is_(None)).distinct()
    if repeated is None:
        return anonymous
    id_ = repeated.c.event_id
    once = (
        sa.select(rows)
        .select_from(rows.outerjoin(repeated, c.event_id == id_))
        .where(c.event_id.is_not(None), id_.is_(None))
    )
    content = (c.contact_id, c.raw, c.at, c.reason, c.competitor, c.actor, c.lead_score)
    order = [(bytewise(x) if isinstance(x.type, sa.Text) else x).asc().nulls_first() for x in content]
    nth = sa.func.row_number().over(partition_by=c.event_id, order_by=[c.recorded_at.desc().nulls_last(), *order])
    ranked = sa.select(rows, nth.label("nth")).select_from(rows.join(repeated, c.event_id == id_)).subquery()
    winners = sa.select(*(ranked.c[name] for name in RAW)).where(ranked.c.nth == 1)
    return sa.union_all(once, winners, anonymous)


def codes(model: StageModel) -> dict[str, int]:
    """Stage key to code: ranks for progress, then the exits."""
    return {s.key: i for i, s in enumerate((*model.progress, *model.exits), 1)}


def code_of(
    warehouse: Warehouse, model: StageModel, others: frozenset[str], staged: sa.FromClause, rows: sa.FromClause
) -> sa.ColumnElement:
    """The code of a raw value as an expression, from the distinct raw values that occur; NULL for unknown ones.

    The model decides in Python what a value means, so that case and blanks mean the same on every engine.
    """
    known = codes(model)
    longest = max(map(len, model.aliases | dict.fromkeys(model.silenced | others, "")))
    fits = sa.func.length(stripped(staged.c.raw)) <= longest
    found = warehouse.query(sa.select(staged.c.raw).where(fits).distinct()).column(0).to_pylist()
    if len(found) >= MAX_ROWS:
        raise WarehouseError(
            "too_large", "The stage column has over 100,000 distinct values.", "Is the right column mapped?"
        )
    spelled: dict[tuple[int, int], list[str]] = {}
    for raw in found:
        value = normalise(raw)
        if value in model.aliases:
            spelled.setdefault((known[model.aliases[value]], 0), []).append(raw)
        elif value in model.silenced or value in others:
            spelled.setdefault((0, 0), []).append(raw)
    for fact, key in model.facts.items():
        spelled.setdefault((known[key], 1), []).append(fact)
    # a raw value that happens to be spelled like a fact's name is no fact
    c = rows.c
    cases = [
        (sa.and_(c.raw.in_(sorted(raws)), c.fact == sa.literal_column(str(is_fact))), sa.literal_column(str(code)))
        for (code, is_fact), raws in sorted(spelled.items())
    ]
    return sa.case(*cases) if cases else sa.cast(sa.null(), sa.BigInteger())


def classified(
    rows: sa.FromClause,
    bound: datetime,
    identities: sa.TableClause | None,
    known: sa.FromClause | None,
) -> sa.Subquery:
    """Coded raw rows with their surviving entity and the problem that keeps them out (NULL = none)."""
    c = rows.c
    source: sa.FromClause = rows
    survivor: sa.ColumnElement = c.contact_id
    circle: sa.ColumnElement[bool] = sa.false()
    if identities is not None:
        source = source.outerjoin(identities, c.contact_id == identities.c.merged_id)
        survivor = sa.func.coalesce(identities.c.surviving_id, c.contact_id)
        circle = sa.and_(identities.c.merged_id.is_not(None), identities.c.surviving_id.is_(None))
    orphan: sa.ColumnElement[bool] = sa.false()
    if known is not None:
        key = next(iter(known.c))
        source = source.outerjoin(known, survivor == key)
        orphan = key.is_(None)
    checks = {
        "no_entity": sa.or_(c.contact_id.is_(None), stripped(c.contact_id) == ""),
        "no_stage": sa.or_(c.raw.is_(None), stripped(c.raw) == ""),
        "no_instant": c.at.is_(None),
        "implausible_instant": sa.or_(c.at < EARLIEST, c.at >= LATEST),
        "future": c.at > bound,
        "merge_cycle": circle,
        "unknown_stage": c.code.is_(None),
        "orphan": orphan,
    }
    problem = sa.case(*((test, name) for name, test in checks.items() if test is not sa.false()))
    return sa.select(rows, survivor.label("entity_id"), problem.label("problem")).select_from(source).subquery()


def usable(rows: sa.Subquery, n_progress: int) -> sa.Select:
    """The classified rows without a problem, as EVENT columns."""
    c = rows.c
    ord_ = sa.case((c.code == 0, n_progress + 2), (c.code > n_progress, n_progress + 1), else_=c.code)
    given = {"ord": ord_, "rises": c.fact, "after_other": sa.literal_column("0")}
    return sa.select(*(given.get(name, c.get(name)).label(name) for name in EVENT)).where(c.problem.is_(None))
