"""What customers did that is left out: what was told more than once but for one, and referrals of oneself."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from queries import belonging
from queries.contract import TEXT, Source, kind_of
from queries.dialect import blank, bytewise, fingerprint, lowered, stripped
from queries.modelled import Modelled
from queries.singles import first_of_each
from queries.workbench import Workbench

# Tables → the id by which rows are one and the same; without one, those that say the same word for word.
KEYS = {"orders": "order_id", "subscriptions": "subscription_id", "surveys": None, "referrals": None}
CONTACTS = ("contact_id", "referrer_id", "referred_id")


def folded(bench: Workbench, m: Modelled) -> tuple[dict[str, Source], dict[str, int]]:
    """The sources with each row once, and how many rows that leaves out: `folded`, and `selves` of referrals.

    Of rows with one id the newest recorded counts, then the first by content; rows without an id are the same only
    where all of them is, merged contacts being one. Nobody refers themselves. A source in which nothing is left out is
    read as it is.
    """
    out, counts = dict(m.sources), {"folded": 0, "selves": 0}
    for name, key in KEYS.items():
        if name in out:
            source = out[name]
            out[name] = _single(bench, source, key) if key else _word_for_word(bench, m, source)
            if out[name] is not source:
                counts["folded"] += bench.count(source.table) - bench.count(out[name].table)
    if "referrals" in out:
        out["referrals"], counts["selves"] = _of_others(bench, m, out["referrals"])
    return out, counts


def _single(bench: Workbench, source: Source, key: str) -> Source:
    every = sa.select(*source.table.c)

    def id_of(c: sa.ColumnCollection) -> sa.ColumnElement:
        raw: sa.ColumnElement = c[source.mapped[key]]
        return sa.case((sa.cast(raw, sa.Text()) != "", raw))

    def mark(c: sa.ColumnCollection) -> sa.ColumnElement:
        return sa.case((id_of(c).is_not(None), fingerprint(id_of(c))), else_=fingerprint(*c))

    def single(c: sa.ColumnCollection) -> tuple[list[sa.ColumnElement], list[sa.ColumnElement]]:
        content = [c[name] for name, declared in source.declared.items() if kind_of(declared)]
        anonymous = [sa.case((id_of(c).is_(None), column)) for column in content]
        newest = [c[source.mapped["recorded_at"]].desc().nulls_last()] if source.has("recorded_at") else []
        return [id_of(c), *anonymous], [*newest, *(_ordered(column, source) for column in content)]

    rows = first_of_each(bench, source.spec.name, every, mark, single)
    return source if rows is every else _reading(source, rows)


def _word_for_word(bench: Workbench, m: Modelled, source: Source) -> Source:
    """The source with one of the rows that are equal in all that questions read of them, as they read it."""
    values = {_read(name): source[name] for name in source.mapped}
    if source.has("kind"):
        values[_read("kind")] = lowered(stripped(source["kind"]))
    contacts = [_read(name) for name in CONTACTS if source.has(name)]
    told = sa.select(*source.table.c, *(value.label(name) for name, value in values.items()))
    every = sa.select(belonging.folded(m, told, *contacts))

    def mark(c: sa.ColumnCollection) -> sa.ColumnElement:
        return fingerprint(*(c[name] for name in values))

    def single(c: sa.ColumnCollection) -> tuple[list[sa.ColumnElement], list[sa.ColumnElement]]:
        order = [_ordered(c[name], source) for name in source.mapped.values()]
        return [c[name] for name in values], order

    rows = first_of_each(bench, source.spec.name, every, mark, single)
    return source if rows is every else _reading(source, rows)


def _of_others(bench: Workbench, m: Modelled, source: Source) -> tuple[Source, int]:
    """The referrals without those in which somebody, after merges, or an account refers itself; how many these are."""
    ids = ("referrer_id", "referred_id")
    told = sa.select(*source.table.c, *(source[name].label(_read(name)) for name in ids))
    names = [_read(name) for name in ids]
    rows = belonging.at_home(m, belonging.folded(m, told, *names), *names)
    by, whom = (rows.c[name] for name in names)
    n = bench.count(rows, by == whom, sa.not_(blank(by)))
    if not n:
        return source, 0
    others = sa.or_(by != whom, by.is_(None), whom.is_(None), blank(by))
    return _reading(source, sa.select(rows).where(others)), n


def _reading(source: Source, rows: sa.Select | sa.CompoundSelect) -> Source:
    """The source with these of its rows, and no columns beside its own."""
    kept = rows.subquery("kept")
    own = sa.select(*(kept.c[c.name] for c in source.table.c))
    return replace(source, table=own.subquery(f"single_{source.spec.name}"))


def _read(name: str) -> str:
    """What a column is called as it is read, beside those that are as they came."""
    return f"{name} as read"


def _ordered(column: sa.ColumnElement, source: Source) -> sa.ColumnElement:
    """A column as rows are ordered by it: nulls first, texts byte by byte."""
    is_text = kind_of(source.declared[column.name]) == TEXT
    return (bytewise(sa.cast(column, sa.Text())) if is_text else column).asc().nulls_first()
