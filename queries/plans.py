"""What a mapping says of a file, settled against the columns that the file has."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from queries.batches import LoadError
from queries.contract import CONTRACT
from queries.expressions import Expression, expression
from queries.mapping import Source


@dataclass(frozen=True)
class Plan:
    """A source settled against the columns of its file: every target column with its kind and expression.

    A kind of None is to be told from the values. `unused` are the file's columns that go nowhere, `left_out` the target
    columns of which the file has nothing, `blank` the names that are needed without being there.
    """

    table: str
    path: Path
    source: Source
    columns: Mapping[str, Expression]
    kinds: Mapping[str, str | None]
    unused: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    blank: tuple[str, ...] = ()

    @property
    def needs(self) -> list[str]:
        """The columns of its own file that it reads."""
        return [n for n in _needs(self.source, self.columns) if not _lookup_of(self.source, n) and n not in self.blank]

    @property
    def lacks(self) -> list[str]:
        """What the table cannot do without, and the file has not: only of a source that may lack it."""
        spec = CONTRACT[self.table]
        if self.table == "stage_dates" and self.columns.keys() <= {*spec.columns}:
            return ["any stage"]
        return [name for name in spec.required if name not in self.columns]

    def looked_up(self, lookup: str) -> list[str]:
        """The columns of a lookup's file that it takes."""
        taken = [n for n in _needs(self.source, self.columns) if n not in self.blank]
        return [n.removeprefix(f"{lookup}.") for n in taken if _lookup_of(self.source, n) == lookup]


def plan(table: str, path: Path, source: Source, names: list[str], there: Set[str]) -> Plan:
    """Settle a source against the column names of its file, and all that are there, lookups' (`lookup.column`) too.

    Raises LoadError naming the first column that lacks.
    """
    spec = CONTRACT[table]
    out = {c for c, e in source.columns.items() if source.may_lack and e.needs and there.isdisjoint(e.needs)}
    columns = {c: e for c, e in source.columns.items() if c not in out}
    taken = _needs(source, source.columns)
    for name in spec.columns:
        if name not in columns and name in names and name not in taken:
            columns[name] = expression(name)
    free = [n for n in names if n not in taken and n not in columns]
    if spec.open and source.other_columns:
        columns |= {name: expression(name) for name in free}
        free = []
    for name in () if source.may_lack else spec.required:
        if name not in columns:
            near = difflib.get_close_matches(name, names, 1, 0.5)
            hint = f"--map {table}.{name}={near[0].strip() if near else 'COLUMN'}"
            raise LoadError(
                f"{path.name} has no column {name!r}, which {table} needs. Say which of its columns holds it ({hint}): "
                f"{', '.join(names[:30])}."
            )
    for name in (*filter(None, (source.one_per, source.order_by)), *source.kinds):
        if name not in columns and name not in out:
            raise LoadError(f"{path.name}: one_per, order_by and kinds name {name!r}, which {table} does not get.")
    kinds = {c: source.kinds.get(c) or spec.columns.get(c) for c in columns}
    blank = [n for n in _needs(source, columns) if n not in there] if source.may_lack else []
    return Plan(table, path, source, columns, kinds, tuple(free), tuple(sorted(out)), tuple(blank))


def _needs(source: Source, columns: Mapping[str, Expression]) -> list[str]:
    """All names that columns are made of, with those of the condition and of the lookups' keys."""
    needs = [*(source.where.needs if source.where else ()), *(name for e in columns.values() for name in e.needs)]
    for lookup, told in reversed(source.lookups.items()):  # a key may be the column of a lookup before it
        if any(_lookup_of(source, name) == lookup for name in needs):
            needs += told.by.needs
    return list(dict.fromkeys(needs))


def _lookup_of(source: Source, name: str) -> str | None:
    """The lookup that a name such as `stage.label` is a column of."""
    lookup, dot, _ = name.partition(".")
    return lookup if dot and lookup in source.lookups else None
