"""What customers did that was told more than once: one of each is read, wherever a build reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import sqlalchemy as sa

from queries.contract import TEXT, Source, kind_of
from queries.dialect import bytewise, fingerprint
from queries.singles import first_of_each
from queries.workbench import Workbench

# Tables → the id by which rows are one and the same; without one, those that say the same word for word.
KEYS = {"orders": "order_id", "subscriptions": "subscription_id", "surveys": None, "referrals": None}


def folded(bench: Workbench, sources: Mapping[str, Source]) -> tuple[dict[str, Source], int]:
    """The sources with each row once, and how many rows that leaves out.

    Of rows with one id the newest recorded counts, then the first by content; rows without an id are the same only
    where all of them is. A source in which nothing repeats is read as it is.
    """
    out, left_out = dict(sources), 0
    for name, key in KEYS.items():
        if name in sources:
            out[name] = _single(bench, sources[name], key)
            if out[name] is not sources[name]:
                left_out += bench.count(sources[name].table) - bench.count(out[name].table)
    return out, left_out


def _single(bench: Workbench, source: Source, key: str | None) -> Source:
    every = sa.select(*source.table.c)
    if key is None:
        return _word_for_word(bench, source, every)

    def id_of(c: sa.ColumnCollection) -> sa.ColumnElement:
        raw: sa.ColumnElement = c[source.mapped[key]]
        return sa.case((sa.cast(raw, sa.Text()) != "", raw))

    def mark(c: sa.ColumnCollection) -> sa.ColumnElement:
        return sa.case((id_of(c).is_not(None), fingerprint(id_of(c))), else_=fingerprint(*c))

    def single(c: sa.ColumnCollection) -> tuple[list[sa.ColumnElement], list[sa.ColumnElement]]:
        content = [c[name] for name, declared in source.declared.items() if kind_of(declared)]
        anonymous = [sa.case((id_of(c).is_(None), column)) for column in content]
        newest = [c[source.mapped["recorded_at"]].desc().nulls_last()] if source.has("recorded_at") else []
        return [id_of(c), *anonymous], [*newest, *(_ordered(column, source).asc().nulls_first() for column in content)]

    rows = first_of_each(bench, source.spec.name, every, mark, single)
    return source if rows is every else replace(source, table=rows.subquery(f"single_{source.spec.name}"))


def _word_for_word(bench: Workbench, source: Source, every: sa.Select) -> Source:
    """The source with one of the rows that are equal in all that questions read of them."""
    names = list(dict.fromkeys(source.mapped.values()))

    def mark(c: sa.ColumnCollection) -> sa.ColumnElement:
        return fingerprint(*(c[name] for name in names))

    def single(c: sa.ColumnCollection) -> tuple[list[sa.ColumnElement], list[sa.ColumnElement]]:
        same = [c[name] for name in names]
        return same, same

    rows = first_of_each(bench, source.spec.name, every, mark, single)
    return source if rows is every else replace(source, table=rows.subquery(f"single_{source.spec.name}"))


def _ordered(column: sa.ColumnElement, source: Source) -> sa.ColumnElement:
    """A column as it is compared; texts byte by byte."""
    return bytewise(sa.cast(column, sa.Text())) if kind_of(source.declared[column.name]) == TEXT else column
