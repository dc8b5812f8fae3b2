"""From staged rows to the contract table: each once, one per key where declared, none that is there already."""

from __future__ import annotations

import pyarrow as pa
import sqlalchemy as sa

from queries import workbench
from queries.batches import LoadError
from queries.contract import CHANGES, DAY, FLAG, REJECTS, SQL_TYPES, TEXT, kind_of
from queries.embedded import Embedded
from queries.parsing import ARROW, TRUE
from queries.staging import NTH, REJECTS_SCHEMA, STAGED, STAGED_REJECTS, Staging


def empty(warehouse: Embedded, table: str) -> None:
    """Remove a contract table and what was rejected for it."""
    workbench.drop(warehouse, sa.table(table))
    rejects = sa.table(REJECTS, sa.column("table_name", sa.Text()))
    warehouse.execute(sa.delete(rejects).where(rejects.c.table_name == table))


def settle(warehouse: Embedded, staging: Staging) -> None:
    """Move what is staged into the contract table and the table of rejects, and complete the report.

    Raises LoadError where a column holds another kind of values than the table has for it.
    """
    table, report = staging.plan.table, staging.report
    present = next((types for key, types in warehouse.tables().items() if key[1] == table), {})
    for column in staging.kinds.keys() & present.keys():
        _agree(staging, column, kind_of(present[column]) or TEXT)
    columns = {c: sa.column(c, SQL_TYPES[k]) for c, k in staging.kinds.items()}
    lacking: dict[str, sa.ColumnClause] = {c: sa.column(c) for c in present if c not in columns}
    target = sa.table(table, *columns.values(), *lacking.values())
    rows: sa.Select | sa.CompoundSelect = _distinct(staging)
    if staging.plan.source.only_changes:
        single, rows = workbench.count(warehouse, rows.subquery()), _changes(staging)
        staging.drop_unchanged(single - workbench.count(warehouse, rows.subquery()))
    if present:
        _widen(warehouse, target, present)
        found = rows.subquery()
        blank = sa.select(*found.c, *(sa.null().label(c) for c in lacking))
        rows = blank.except_(sa.select(*target.c))
    else:
        warehouse.append(table, pa.schema([(c, ARROW[k]) for c, k in staging.kinds.items()]).empty_table())
    before = workbench.count(warehouse, target)
    workbench.fill(warehouse, target, rows)
    loaded = workbench.count(warehouse, target) - before
    report.loaded += loaded
    report.duplicates += staging.rows - loaded
    workbench.drop(warehouse, sa.table(STAGED))
    _settle_rejects(warehouse)


def _agree(staging: Staging, column: str, present: str) -> None:
    """Make a guessed kind fit the column that is there already."""
    kind, guess = staging.kinds[column], staging.guesses.get(column)
    if kind == present:
        return
    if guess is None or (present != TEXT and guess.seen):
        raise LoadError(
            f"{staging.file}: the column {column!r} holds {kind} values; in {staging.plan.table} it holds {present}. "
            "Load all files of this table together, without --append."
        )
    staging.kinds[column] = present


def _distinct(staging: Staging) -> sa.Select:
    """The staged rows as the table's columns, each once: per key where the mapping declares one, else as a whole."""
    source = staging.plan.source
    staged, values = _staged(staging)
    if not source.one_per:
        return sa.select(*(value.label(column) for column, value in values.items())).distinct()
    key = values[source.one_per]
    order = [*([values[source.order_by]] if source.order_by else []), staged.c[NTH]]
    ordered = [(o.desc() if source.keep == "last" else o.asc()).nulls_last() for o in order]
    for column, made in staging.plan.columns.items():
        if made.pick:
            values[column] = getattr(sa.func, made.pick)(values[column]).over(partition_by=key)
    place = sa.func.row_number().over(partition_by=key, order_by=ordered).label("place in its key")
    ranked = sa.select(*(value.label(column) for column, value in values.items()), place).subquery()
    return sa.select(*(ranked.c[column] for column in values)).where(ranked.c[place.name] == 1)


def _changes(staging: Staging) -> sa.Select:
    """The staged rows as the table's columns, each once, without those that say what the one before them said."""
    whose, at, said = CHANGES[staging.plan.table]
    staged, values = _staged(staging)
    each = [value.label(column) for column, value in values.items()]
    single = sa.select(*each, sa.func.min(staged.c[NTH]).label("first place")).group_by(*values.values()).subquery()
    order = [single.c[at], single.c["first place"]]
    before = sa.func.lag(single.c[said]).over(partition_by=[single.c[c] for c in whose], order_by=order)
    beside = sa.select(*(single.c[c] for c in values), before.label("said before")).subquery()
    changed = sa.or_(beside.c["said before"].is_(None), beside.c["said before"] != beside.c[said])
    return sa.select(*(beside.c[c] for c in values)).where(changed)


def _staged(staging: Staging) -> tuple[sa.TableClause, dict[str, sa.ColumnElement]]:
    """The table of staged rows, and from it the table's columns as their kinds."""
    staged = sa.table(STAGED, sa.column(NTH, sa.BigInteger()), *(_raw(staging, c) for c in staging.places))
    return staged, {column: _value(staging, column, staged.c[place]) for column, place in staging.places.items()}


def _raw(staging: Staging, column: str) -> sa.ColumnClause:
    kind = TEXT if column in staging.guesses else staging.kinds[column]
    return sa.column(staging.places[column], SQL_TYPES[kind])


def _value(staging: Staging, column: str, raw: sa.ColumnElement) -> sa.ColumnElement:
    """A staged column as its kind."""
    kind = staging.kinds[column]
    if column not in staging.guesses or kind == TEXT:
        return raw
    if kind == FLAG:
        return sa.case((sa.func.lower(raw).in_(TRUE), sa.true()), (raw.is_not(None), sa.false()))
    return sa.cast(sa.func.substr(raw, 1, 10) if kind == DAY else raw, SQL_TYPES[kind])


def _widen(warehouse: Embedded, target: sa.TableClause, present: dict[str, str]) -> None:
    """Add the columns that the table lacks to it."""
    preparer = warehouse.dialect.identifier_preparer
    for column in target.c:
        if column.name not in present:
            name, declared = preparer.quote(column.name), column.type.compile(warehouse.dialect)
            warehouse.execute(f"ALTER TABLE {preparer.format_table(target)} ADD COLUMN {name} {declared}")


def _settle_rejects(warehouse: Embedded) -> None:
    """Add the staged rejects, except those that an earlier load of the same file has brought."""
    new, old = (sa.table(name, *(sa.column(f.name) for f in REJECTS_SCHEMA)) for name in (STAGED_REJECTS, REJECTS))
    same = [new.c[n] == old.c[n] for n in ("table_name", "file", "line", "digest")]
    workbench.fill(warehouse, old, sa.select(new).where(~sa.exists().where(*same).correlate(new)))
    workbench.drop(warehouse, new)
