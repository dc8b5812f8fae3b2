"""One stage by every segment, asked: a life table per value, a statement per segment."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from lifecycle.contrast import Segmented, leans, separations
from lifecycle.durations import LifeTable
from lifecycle.scope import Scope
from queries.durations import lengths, stay_tables, stays_by_bin, stays_schema
from queries.modelled import Modelled


def by_every_segment(m: Modelled, scope: Scope, stage: str, skip_zero: bool = False) -> Segmented:
    """The stays of a stage that were entered in the period, by each value of each segment that can be broken down."""
    schema = stays_schema([("segment", pa.string())], m.model)
    tables: dict[str, dict[str | None, LifeTable]] = {}
    asked = []
    for segment in m.catalog.visible:
        if segment.can_break_down:
            base = lengths(m, replace(scope, by=segment.name), [stage], skip_zero)
            table, rendered = m.ask(stays_by_bin(base, [base.c.segment], m.model), schema)
            tables[segment.name] = {value: own for (_, value), own in stay_tables(table, m.model).items()}
            asked.append(rendered)
    return Segmented(scope, stage, tables, separations(tables), *leans(tables), statements=tuple(asked))
