"""Rows that stand more than once: one of each is kept, at the price of looking closely only at those that repeat."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from queries.dialect import twice
from queries.workbench import Workbench

Columns = sa.ColumnCollection


def first_of_each(
    bench: Workbench,
    what: str,
    rows: sa.Select | sa.CompoundSelect,
    mark: Callable[[Columns], sa.ColumnElement],
    single: Callable[[Columns], tuple[list[sa.ColumnElement], list[sa.ColumnElement]]],
) -> sa.Select | sa.CompoundSelect:
    """`rows` without doubles: `single` gives the columns that make rows the same, and the order whose first counts.

    `mark` is a hash of what makes rows the same. Nearly all marks occur once, and their rows pass without a sort; a
    chance meeting of two marks only means that their rows are compared.
    """
    given = rows.subquery("given")
    repeating = twice(bench.warehouse.dialect, mark(given.c).label("mark"))
    repeated = bench.make(f"repeated_{what}", {"mark": int}, repeating)
    if not bench.count(repeated):
        return rows
    same = mark(given.c) == repeated.c.mark
    once = sa.select(given).select_from(given.outerjoin(repeated, same)).where(repeated.c.mark.is_(None))
    partition, order = single(given.c)
    nth = sa.func.row_number().over(partition_by=partition, order_by=order).label("nth")
    ranked = sa.select(given, nth).select_from(given.join(repeated, same)).subquery("ranked")
    winners = sa.select(*(ranked.c[c.name] for c in given.c)).where(ranked.c.nth == 1)
    return sa.union_all(once, winners)
