"""From raw rows to classified events: what was said of whom and when, and what cannot be used, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lifecycle.intake import EARLIEST, LATEST
from lifecycle.stages import StageModel, normalise
from queries import tables
from queries.contract import Source
from queries.dialect import Instant, blank, bytewise, fingerprint, stripped
from queries.errors import WarehouseError
from queries.singles import first_of_each
from queries.tables import Kind, Number, Small
from queries.warehouse import MAX_ROWS
from queries.workbench import Workbench

RAW: dict[str, Kind] = {
    "contact_id": str,
    "raw": str,
    "at": datetime,
    "event_id": str,
    "recorded_at": datetime,
    "reason": str,
    "competitor": str,
    "actor": str,
    "lead_score": float,
    "fact": Small,
}
SAID = ("reason", "competitor", "actor", "lead_score")
FEW = 1_000  # different texts of a column, up to which they are kept as numbers
QUARANTINE = RAW | {"problem": str}
# A classified event: `n` is the number of whom it names; `code` is the rank, or ranks + i for the i-th exit, or 0 for
# a value that is no stage of the model; `digest` is a fingerprint of what it says; `problem` says why it cannot be
# used. Who said it, as text, and when it was recorded are kept of those alone that cannot.
PROBLEMS = (
    *("no_entity", "no_stage", "no_instant", "implausible_instant", "future", "merge_cycle", "unknown_stage", "orphan"),
)
EVENT: dict[str, Kind] = {"n": Number, "code": Small, "digest": int} | RAW | {"problem": PROBLEMS}
TOLD = ("raw", "code", "at", "event_id", *SAID)


def stage_rows(sources: Mapping[str, Source], entity: str) -> sa.Select | sa.CompoundSelect:
    """The raw stage rows of contacts (stage_events, else stage_dates unpivoted) or of deals, as RAW columns."""
    if entity == "deal":
        s = sources["deal_stage_events"]
        return _raw(contact_id=s["deal_id"], raw=s["stage"], at=s["entered_at"]).select_from(s.table)
    if "stage_events" in sources:
        s = sources["stage_events"]
        given: dict[str, Any] = {c: s[c] for c in s.spec.columns if c in RAW and s.has(c)}
        if "event_id" in given:
            given["event_id"] = sa.func.nullif(given["event_id"], "")
        return _raw(**given | {"raw": s["stage"], "at": s["entered_at"]}).select_from(s.table)
    s = sources["stage_dates"]
    return sa.union_all(
        *(
            _raw(contact_id=s["contact_id"], raw=sa.literal(_stage_named(name)), at=s.column(name))
            .select_from(s.table)
            .where(s.column(name).is_not(None))
            for name, kind in s.extra.items()
            if kind in ("instant", "day")
        )
    )


def _raw(fact: int = 0, **given: sa.ColumnElement) -> sa.Select:
    """RAW columns in order; those not given are NULL."""
    given["fact"] = sa.literal_column(str(fact))
    absent = {name: sa.cast(sa.null(), tables.type_of(kind)) for name, kind in RAW.items()}
    return sa.select(*(value.label(name) for name, value in (absent | given).items()))


def _stage_named(column: str) -> str:
    """The stage that a date column is about: `date_entered_mql`, `mql_at` and `mql` are all about mql."""
    name = column.lower().removeprefix("hs_v2_").removeprefix("hs_").removeprefix("property_")
    for prefix in ("date_entered_", "entered_", "became_a_", "became_"):
        name = name.removeprefix(prefix)
    for suffix in ("_entered_at", "_at", "_date", "_on"):
        name = name.removesuffix(suffix)
    return name


def said(bench: Workbench, rows: sa.Select | sa.CompoundSelect) -> dict[str, Kind]:
    """What events may say beside their stage, with the texts that occur where those are few and it helps to know."""
    return {name: few(bench, rows, name) if RAW[name] is str else RAW[name] for name in SAID}


def few(bench: Workbench, rows: sa.Select | sa.CompoundSelect, name: str, *more: str) -> Kind:
    """The texts that a column holds, and `more`, where they are few and the engine keeps such columns smaller."""
    if not tables.keeps_few_texts(bench.warehouse.dialect):
        return str
    text = rows.subquery("staged").c[name]
    found = bench.warehouse.query(sa.select(text).where(text.is_not(None)).distinct().limit(FEW + 1))
    return tuple({*found.column(0).to_pylist(), *more}) if 0 < found.num_rows <= FEW else str


def without_duplicates(bench: Workbench, rows: sa.Select | sa.CompoundSelect) -> sa.Select | sa.CompoundSelect:
    """One row per event id, the newest recorded, then the first by content; without an id, one of equal rows."""
    content = ("contact_id", "raw", "at", "reason", "competitor", "actor", "lead_score")

    def mark(c: sa.ColumnCollection) -> sa.ColumnElement:
        return sa.case((c.event_id.is_not(None), fingerprint(c.event_id)), else_=fingerprint(*c))

    def single(c: sa.ColumnCollection) -> tuple[list[sa.ColumnElement], list[sa.ColumnElement]]:
        anonymous = [sa.case((c.event_id.is_(None), c[name])) for name in ("recorded_at", *content)]
        order = [bytewise(c[name]) if RAW[name] is str else c[name] for name in content]
        return [c.event_id, *anonymous], [c.recorded_at.desc().nulls_last(), *(x.asc().nulls_first() for x in order)]

    return first_of_each(bench, "events", rows, mark, single)


def codes(model: StageModel) -> dict[str, int]:
    """Stage key to code: ranks for progress, then the exits."""
    return {s.key: i for i, s in enumerate((*model.progress, *model.exits), 1)}


def meanings(
    bench: Workbench, model: StageModel, others: frozenset[str], rows: sa.Select | sa.CompoundSelect
) -> sa.TableClause:
    """A working table from the raw values that occur to their codes; unknown values are not in it.

    The model decides in Python what a value means, so that case and blanks mean the same on every engine.
    """
    staged = rows.subquery("staged")
    known = codes(model)
    meaning = {value: known[key] for value, key in model.aliases.items()}
    meaning = dict.fromkeys(model.silenced | others, 0) | meaning
    fits = sa.func.length(stripped(staged.c.raw)) <= max(map(len, meaning))
    found = bench.warehouse.query(sa.select(staged.c.raw).where(fits).distinct()).column(0).to_pylist()
    if len(found) >= MAX_ROWS:
        raise WarehouseError(
            "too_large", f"The stage column has over {MAX_ROWS:,} distinct values.", "Is the right column mapped?"
        )
    made = bench.make("meanings", {"raw": str, "code": Small})
    rows_ = [{"raw": raw, "code": meaning[v]} for raw in found if (v := normalise(raw)) in meaning]
    if rows_:
        bench.warehouse.execute(sa.insert(made).values(rows_))
    return made


def coded(
    rows: sa.Select | sa.CompoundSelect, meanings: sa.TableClause, facts: list[tuple[str, int, sa.Select]]
) -> sa.Subquery:
    """RAW columns and `code`: stage rows by their raw value, and facts (name, code, rows) under their name."""
    staged = rows.subquery("single")
    said = sa.select(staged, meanings.c.code).select_from(staged.outerjoin(meanings, meanings.c.raw == staged.c.raw))
    done = []
    for fact, code, happened in facts:
        c = happened.subquery(fact.replace(".", "_")).c
        row = _raw(1, contact_id=c.contact_id, raw=sa.literal(fact), at=c.at, event_id=c.event_id)
        done.append(row.add_columns(sa.literal_column(str(code)).label("code")))
    return sa.union_all(said, *done).subquery("coded") if done else said.subquery("coded")


def classified(
    rows: sa.FromClause,
    named: sa.FromClause,
    identities: sa.TableClause | None,
    bound: datetime,
    orphans: bool,
) -> sa.Select:
    """Coded rows as EVENT columns: with the number of whom they name, and the problem that keeps them out (or NULL).

    `named` has the columns `id, n`; with `orphans`, ids that it lacks are a problem.
    """
    c = rows.c
    source: sa.FromClause = rows
    survivor: sa.ColumnElement = c.contact_id
    circle: sa.ColumnElement[bool] = sa.false()
    if identities is not None:
        source = source.outerjoin(identities, identities.c.merged_id == c.contact_id)
        survivor = sa.func.coalesce(identities.c.surviving_id, c.contact_id)
        circle = sa.and_(identities.c.merged_id.is_not(None), identities.c.surviving_id.is_(None))
    source = source.outerjoin(named, named.c.id == survivor)
    checks: dict[str, sa.ColumnElement[bool]] = {
        "no_entity": sa.and_(named.c.n.is_(None), sa.or_(c.contact_id.is_(None), blank(c.contact_id))),
        "no_stage": sa.and_(c.code.is_(None), sa.or_(c.raw.is_(None), blank(c.raw))),
        "no_instant": c.at.is_(None),
        "implausible_instant": sa.or_(c.at < EARLIEST, c.at >= LATEST),
        "future": c.at > sa.literal(bound, Instant()),
        "merge_cycle": circle,
        "unknown_stage": c.code.is_(None),
        "orphan": named.c.n.is_(None) if orphans else sa.false(),
    }
    problem = sa.case(*((test, name) for name, test in checks.items() if not isinstance(test, sa.False_)))
    given: dict[str, sa.ColumnElement] = {
        "n": named.c.n,
        "digest": fingerprint(*(c[name] for name in TOLD)),
        "problem": problem,
    }
    given |= {name: sa.case((problem.is_not(None), c[name])) for name in ("contact_id", "recorded_at")}
    columns = [(given[name] if name in given else c[name]).label(name) for name in EVENT]
    return sa.select(*columns).select_from(source)
