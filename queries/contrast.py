"""One stage by every segment, asked: a life table per value, in as few statements as answers have room for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.contrast import Segmented, leans, separations
from lifecycle.durations import LifeTable
from lifecycle.scope import Scope
from lifecycle.segments import Segment
from queries.ages import number
from queries.durations import DAY, FINE, HOUR, binned, lengths, named, stay_tables, stays_schema
from queries.modelled import Modelled
from queries.warehouse import MAX_ROWS

LONG = 3_650  # days that stays may last where the period has no start


def by_every_segment(m: Modelled, scope: Scope, stage: str, skip_zero: bool = False) -> Segmented:
    """The stays of a stage that were entered in the period, by each value of each segment that can be broken down."""
    schema = stays_schema([("which", pa.int64()), ("value", pa.string())], m.model)
    tables: dict[str, dict[str | None, LifeTable]] = {}
    asked = []
    for some in _together([s for s in m.catalog.visible if s.can_break_down], scope):
        table, rendered = m.ask(_statement(m, scope, stage, skip_zero, some), schema)
        asked.append(rendered)
        found = stay_tables(table, m.model)
        for i, segment in enumerate(some):
            tables[segment.name] = {value: own for (_, which, value), own in found.items() if which == i}
    return Segmented(scope, stage, tables, separations(tables), *leans(tables), statements=tuple(asked))


def _together(segments: Sequence[Segment], scope: Scope) -> Iterator[list[Segment]]:
    """Segments that fit into one answer: a bin per hour and day for each of their values."""
    days = (scope.as_of - scope.instants[0]) // DAY if scope.instants[0] else LONG
    most = MAX_ROWS // (2 + FINE // HOUR + max(days, 0))
    some: list[Segment] = []
    for segment in segments:
        if some and sum(len(s.values) + 1 for s in [*some, segment]) > most:
            yield some
            some = []
        some.append(segment)
    if some:
        yield some


def _statement(
    m: Modelled, scope: Scope, stage: str, skip_zero: bool, segments: Sequence[Segment]
) -> sa.Select[tuple[object, ...]]:
    """The stays of a stage counted by bin and each of these segments, one after another, in one scan."""
    c = binned(lengths(m, scope, [stage], skip_zero, [s.column for s in segments]), [s.column for s in segments]).c
    columns = [c[s.column] for s in segments]
    apart = [sa.func.grouping(column) == 0 for column in columns]
    which = sa.case(*((own, number(i)) for i, own in enumerate(apart)))
    value = sa.case(*((own, sa.cast(column, sa.Text())) for own, column in zip(apart, columns, strict=True)))
    keys = [c.stage, c.bin, c.went]
    counted = (
        sa.select(c.stage.label("k0"), which.label("k1"), value.label("k2"), c.bin, c.went, sa.func.count().label("n"))
        .group_by(sa.func.grouping_sets(*(sa.tuple_(*keys, column) for column in columns)))
        .subquery("counted")
    )
    return named(counted, m.model)
