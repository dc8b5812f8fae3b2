"""Who comes back after every period of activity, counted without a row for each start and each return.

Where a customer starts in every period in which it was active, what it did in one period keeps all its starts before.
The periods of a customer's starts are bits of whole numbers; an order or entry looks at those that lie as many periods
back as ages are followed, and all that look the same are counted together before any of them is told apart by age.
"""

from __future__ import annotations

from math import ceil

import sqlalchemy as sa

from queries.ages import number
from queries.cohorts import Following, events
from queries.dialect import bit, bits_from, bits_of_all

BITS = 62  # of a whole number that has room for its sign
MOST_NUMBERS = 40  # of more of them per customer, the rows themselves are the cheaper
TOGETHER = 10  # ages told apart at a time: few enough bits that many rows look alike


def numbers(f: Following, first: int) -> list[tuple[int, int]]:
    """For which periods each whole number holds the starts that they can follow: the first, and the one after the last.

    `first`: the first period with a start. Empty where bits are of no use.
    """
    each = BITS - f.rules.steps[-1][1]
    by_bits = f.is_each_in_turn and not f.rules.is_state and each > 0
    spans = [(at, at + each) for at in range(first, f.now + 1, each)] if by_bits else []
    return spans if len(spans) <= MOST_NUMBERS else []


def counts(f: Following, spans: list[tuple[int, int]]) -> sa.Select:
    """segment, cohort, seen, place, n, times, cents: as the rows of `cohorts.activity` summed up."""
    looks, chunks = _alike(f, spans)
    c = looks.c
    ages = [
        sa.select(number(age).label("age"), number(i).label("chunk"), number(at).label("nth"))
        for i, chunk in enumerate(chunks)
        for at, age in enumerate(chunk)
    ]
    a = sa.union_all(*ages).subquery("ages").c
    held = sa.case(*((c.chunk == number(i), c[f"bits{i}"]) for i in range(len(chunks))))
    kept = looks.join(a.age.table, sa.and_(c.chunk == a.chunk, bits_from(held, a.nth, number(2)) == number(1)))
    place, before = f.place(a.age), f.place(a.age - c.gap)
    anew = sa.case((sa.and_(c.gap <= a.age, before == place), number(0)), else_=c.n)
    cohort = c.period - a.age
    told = sa.select(
        c.segment, cohort.label("cohort"), place.label("place"), anew.label("n"), c.n.label("times"), c.cents
    )
    t = told.select_from(kept).subquery("told").c
    sums = [sa.cast(sa.func.sum(t[name]), sa.BigInteger()).label(name) for name in ("n", "times", "cents")]
    seen = f.seen(t.cohort, t.cohort).label("seen")
    return sa.select(t.segment, t.cohort, seen, t.place, *sums).group_by(t.segment, t.cohort, t.place)


def _alike(f: Following, spans: list[tuple[int, int]]) -> tuple[sa.Subquery, list[list[int]]]:
    """Orders or entries by period and by when their customers had started, a few ages at a time.

    segment, period, gap (periods since the one before, as far as it matters), chunk (which ages), bits0, bits1 … (of
    its chunk: a bit for each age at which there was a start), n, cents.
    """
    scope, last = f.scope, f.rules.steps[-1][1]
    table = events(f, f.rules.return_activity)
    e, started = table.c, _started(f, table, spans)
    period, before = f.period(e, "at"), f.period(e, "previous")
    back = sa.case(
        *(
            (period < number(end), bits_from(started.c[f"number{i}"], period - number(at), number(1 << last + 1)))
            for i, (at, end) in enumerate(spans)
        )
    )
    most = number(last + 1 if f.rules.mode == "brackets" else 1)
    gap = sa.case((period - before < most, period - before), else_=most)
    rows = sa.select(
        f.m.segment_column(table, scope).label("segment"),
        period.label("period"),
        gap.label("gap"),
        e.cents,
        back.label("back"),
    ).select_from(table.join(started, started.c.customer_id == e.customer_id))
    r = rows.where(e["at"] <= scope.as_of).subquery("rows").c
    ages = list(range(last, -1, -1))  # the lowest bit is the oldest start
    size = ceil(len(ages) / ceil(len(ages) / TOGETHER))
    chunks = [ages[i : i + size] for i in range(0, len(ages), size)]
    bits = [
        bits_from(r.back, number(i * size), number(1 << len(chunk))).label(f"bits{i}") for i, chunk in enumerate(chunks)
    ]
    apart = sa.select(r.segment, r.period, r.gap, r.cents, *bits).subquery("apart").c
    keys = apart.segment, apart.period, apart.gap
    looks = [apart[b.name] for b in bits]
    which = sa.case(*((sa.func.grouping(look) == 0, number(i)) for i, look in enumerate(looks))).label("chunk")
    alike = sa.select(
        *keys,
        which,
        *looks,
        sa.func.count().label("n"),
        sa.cast(sa.func.sum(apart.cents), sa.BigInteger()).label("cents"),
    ).group_by(sa.func.grouping_sets(*(sa.tuple_(*keys, look) for look in looks)))
    return alike.subquery("alike"), chunks


def _started(f: Following, table: sa.FromClause, spans: list[tuple[int, int]]) -> sa.Subquery:
    """customer_id, and number0, number1 …: in each a bit for every period with a start, the lowest the oldest."""
    c, last = table.c, f.rules.steps[-1][1]
    period = f.period(c, "at")
    held = []
    for i, (first, end) in enumerate(spans):
        low = number(first - last)
        inside = sa.and_(period >= low, period < number(end))
        bits = sa.case((inside, bit(period - low)), else_=number(0))
        held.append(sa.cast(bits_of_all(bits), sa.BigInteger()).label(f"number{i}"))
    where = [*f.starts_in(c["at"]), *f.m.filtered(table, f.scope.filters)]
    where += [f.is_new(c)] if f.rules.cohorts == "period" else []  # else the bit of a period's later ones is there
    return sa.select(c.customer_id, *held).where(*where).group_by(c.customer_id).subquery("started")
