"""A build, opened for questions: its tables, its segments, and the one predicate that filters mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.scope import Scope
from lifecycle.segments import Catalog, Choice, Filter
from lifecycle.stages import StageModel
from queries import builds, workbench
from queries.attribution import DEALS
from queries.builds import Build
from queries.contract import Source, find_sources
from queries.events import QUARANTINE
from queries.journeys import journeys_columns, stays_columns
from queries.tables import Kind
from queries.warehouse import Rendered, Warehouse

MAX_STATEMENTS = 100  # whose rows are kept: those of several pages


@dataclass(frozen=True)
class Modelled:
    """One build of one model in one open warehouse: what every question is asked of."""

    warehouse: Warehouse
    model: StageModel
    build: Build

    @property
    def catalog(self) -> Catalog:
        return self.build.catalog

    @cached_property
    def stays(self) -> sa.TableClause:
        return self._table("stays", stays_columns(self.model, self.build.segments))

    @cached_property
    def journeys(self) -> sa.TableClause:
        return self._table("journeys", journeys_columns(self.model, self.build.segments))

    @cached_property
    def quarantine(self) -> sa.TableClause:
        return self._table("quarantine", QUARANTINE)

    @cached_property
    def deals(self) -> sa.TableClause:
        return self._table("deals", DEALS)

    @cached_property
    def tables(self) -> Mapping[str, Mapping[str, str]]:
        """The tables in the app's own schema: name → column → the engine's name of its type."""
        own = self.warehouse.build_schema
        return {name: types for (schema, name), types in self.warehouse.tables().items() if own in (None, schema)}

    @cached_property
    def sources(self) -> dict[str, Source]:
        """The contract tables that the warehouse has, by name."""
        return sources_of(self.warehouse)

    def reading(self, sources: Mapping[str, Source]) -> Modelled:
        """The same build with its contract tables read from these."""
        other = Modelled(self.warehouse, self.model, self.build)
        other.__dict__["sources"] = dict(sources)
        return other

    def ask(self, statement: sa.Select | sa.CompoundSelect, schema: pa.Schema) -> tuple[pa.Table, Rendered]:
        """The rows of a statement with the schema declared for its question, and the statement as it ran."""
        rendered = self.warehouse.render(statement)  # once: the funnel's statements take longer to render than to parse
        return self.rows(rendered, schema), rendered

    def rows(self, rendered: Rendered, schema: pa.Schema) -> pa.Table:
        """The rows of a rendered statement; what keeps them does it here."""
        return self.warehouse.answer(rendered, schema)

    def once(self, statement: sa.Select, schema: pa.Schema) -> tuple[pa.Table, Rendered]:
        """As `ask`, for a small table that is the same in every scope: read once."""
        rendered = self.warehouse.render(statement)
        key = rendered.text, tuple(rendered.parameters.items())
        if key not in self._read:
            self._read[key] = self.warehouse.answer(rendered, schema)
        return self._read[key], rendered

    @cached_property
    def _read(self) -> dict[tuple[object, ...], pa.Table]:
        return {}

    def filtered(self, table: sa.FromClause, filters: tuple[Filter, ...]) -> list[sa.ColumnElement[bool]]:
        """What the filters mean for a modelled table; names are looked up in the catalog, values bound."""
        out: list[sa.ColumnElement[bool]] = []
        for f in filters:
            segment = self.catalog.get(f.segment)
            if segment is None:
                raise LookupError(f"no segment {f.segment!r} in this build")
            column = table.c[segment.column]
            if isinstance(f, Choice):
                out.append(one_of(column, f.values))
                continue
            low, high = (str(b) if segment.kind == "date" and b is not None else b for b in (f.low, f.high))
            out += [column >= low] if low is not None else []
            out += [column <= high] if high is not None else []
        return out

    def segment_column(self, table: sa.FromClause, scope: Scope) -> sa.ColumnElement:
        """The column that a breakdown groups by; a constant NULL without one."""
        segment = self.catalog.get(scope.by) if scope.by else None
        return table.c[segment.column] if segment else sa.cast(sa.null(), sa.Text())

    def _table(self, kind: str, columns: Mapping[str, Kind]) -> sa.TableClause:
        return workbench.table(self.warehouse, self.build.table(kind), columns)


@dataclass(frozen=True)
class Remembered(Modelled):
    """A build whose last statements are kept with their rows: pages share some, and questions of one page too."""

    @classmethod
    def of(cls, found: Modelled) -> Remembered:
        return cls(found.warehouse, found.model, found.build)

    def rows(self, rendered: Rendered, schema: pa.Schema) -> pa.Table:
        return self._rows(rendered.text, tuple(rendered.parameters.items()), schema)

    @cached_property
    def _rows(self) -> Callable[[str, tuple[tuple[str, Any], ...], pa.Schema], pa.Table]:
        @lru_cache(MAX_STATEMENTS)
        def rows(text: str, values: tuple[tuple[str, Any], ...], schema: pa.Schema) -> pa.Table:
            return self.warehouse.answer(Rendered(text, dict(values)), schema)

        return rows


def one_of(column: sa.ColumnElement, values: Sequence[str | None]) -> sa.ColumnElement[bool]:
    """Whether a column has one of these values (None = not set)."""
    named = [v for v in values if v is not None]
    tests = [column.in_(named)] if named else []
    return sa.or_(*tests, *([column.is_(None)] if None in values else []))


def latest(warehouse: Warehouse, model: StageModel) -> Modelled:
    """The current build of this definition. Raises WarehouseError("missing") where it was never built."""
    return Modelled(warehouse, model, builds.latest(warehouse, model))


def sources_of(warehouse: Warehouse) -> dict[str, Source]:
    """The contract tables found in the warehouse; the app's own schema is not searched, a configured one alone is."""
    own, wanted = warehouse.build_schema, warehouse.source_schema
    declared = {
        key: columns
        for key, columns in warehouse.tables().items()
        if (key[0] != own if own else True) and (wanted is None or key[0] == wanted)
    }
    return find_sources(declared, warehouse.settings)
