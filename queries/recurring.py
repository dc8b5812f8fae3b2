"""Who comes back after every period of activity, counted without a row for each start and each return.

Where a customer starts in every period in which it was active, what it did in one period keeps all its starts before.
The periods of a customer's starts are bits of whole numbers; an order or entry looks at those that lie as many periods
back as ages are followed, and all that look the same are counted together before any of them is told apart by age.
What starts a customer may be something else, a running subscription too.
"""

from __future__ import annotations

from math import ceil

import sqlalchemy as sa

from lifecycle.retention import SUBSCRIPTIONS
from queries import subscribed
from queries.ages import number
from queries.cohorts import Following, events, starts
from queries.dialect import bit, bits_from, bits_of_all

BITS = 62  # of a whole number that has room for its sign
MOST_NUMBERS = 40  # of more of them per customer, the rows themselves are the cheaper
TOGETHER = 10  # ages told apart at a time: few enough bits that many rows look alike


def numbers(f: Following, first: int) -> list[tuple[int, int]]:
    """For which periods each whole number holds the starts that they can follow: the first, and the one after the last.

    `first`: the first period with a start. Empty where bits are of no use.
    """
    last = f.rules.steps[-1][1]
    each = BITS - last
    by_period = f.is_each_in_turn and f.rules.ages == "calendar" and f.rules.mode != "rolling"
    by_bits = by_period and not f.rules.is_state and last > 0 and each > 0
    spans = [(at, at + each) for at in range(first, f.now + 1, each)] if by_bits else []
    return spans if len(spans) <= MOST_NUMBERS else []


def counts(f: Following, spans: list[tuple[int, int]]) -> sa.Select:
    """segment, cohort, seen, place, n, times, cents: as the rows of `cohorts.activity` summed up.

    Of subscriptions also for starts outside the scope's period: in their cohorts nobody is eligible.
    """
    looks, chunks = _alike(f, spans)
    c = looks.c
    ages = [
        sa.select(number(age).label("age"), number(i).label("chunk"), number(at).label("nth"))
        for i, chunk in enumerate(chunks)
        for at, age in enumerate(chunk)
    ]
    a = (sa.union_all(*ages) if len(ages) > 1 else ages[0]).subquery("ages").c
    held = sa.case(*((c.chunk == number(i), c[f"bits{i}"]) for i in range(len(chunks))))
    kept = looks.join(a.age.table, sa.and_(c.chunk == a.chunk, bits_from(held, a.nth, number(2)) == number(1)))
    place, before = f.place(a.age), f.place(a.age - c.gap)
    anew = sa.case((sa.and_(c.gap <= a.age, before == place), number(0)), else_=c.n)
    cohort = (c.period - a.age).label("cohort")
    told = sa.select(c.segment, cohort, place.label("place"), anew.label("n"), c.n.label("times"), c.cents)
    told = told.select_from(kept)
    t = (told if _youngest(f) == 0 else told.union_all(_at_start(f))).subquery("told").c
    sums = [sa.cast(sa.func.sum(t[name]), sa.BigInteger()).label(name) for name in ("n", "times", "cents")]
    seen = f.seen(t.cohort, t.cohort).label("seen")
    return sa.select(t.segment, t.cohort, seen, t.place, *sums).group_by(t.segment, t.cohort, t.place)


def _youngest(f: Following) -> int:
    """The first age that bits tell: 0 where all that happens in the period of a start happens after it."""
    return 0 if f.rules.activity in (f.rules.return_activity, SUBSCRIPTIONS) else 1


def _at_start(f: Following) -> sa.Select:
    """What came in the period of a start and not before it: segment, cohort, place, n, times, cents."""
    begun, table = starts(f), events(f, f.rules.return_activity)
    s, e = begun.c, table.c
    after = sa.and_(s.customer_id == e.customer_id, s.cohort == f.period(e, "at"), s.start_at <= e["at"])
    n = sa.case((e.previous_at >= s.start_at, number(0)), else_=number(1)).label("n")
    told = [s.segment, s.cohort, number(0).label("place"), n, number(1).label("times"), e.cents]
    return sa.select(*told).select_from(begun.join(table, after)).where(e["at"] <= f.scope.as_of)


def _alike(f: Following, spans: list[tuple[int, int]]) -> tuple[sa.Subquery, list[list[int]]]:
    """Orders or entries by period and by when their customers had started, a few ages at a time.

    segment, period, gap (periods since the one before, as far as it matters), chunk (which ages), bits0, bits1 … (of
    its chunk: a bit for each age at which there was a start), n, cents.
    """
    scope, last = f.scope, f.rules.steps[-1][1]
    table = events(f, f.rules.return_activity)
    e, started = table.c, _started(f, spans)
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
    r = rows.where(e["at"] <= scope.as_of, period >= number(spans[0][0])).subquery("rows").c
    ages = list(range(last, _youngest(f) - 1, -1))  # the lowest bit is the oldest start
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


def _started(f: Following, spans: list[tuple[int, int]]) -> sa.Subquery:
    """customer_id, and number0, number1 …: in each a bit for every period with a start, the lowest the oldest."""
    last = f.rules.steps[-1][1]
    table: sa.FromClause
    from_: sa.ColumnElement
    to: sa.ColumnElement
    where: list[sa.ColumnElement[bool]] = []
    if f.rules.activity == SUBSCRIPTIONS:
        table = subscribed.held(f)
        from_, to = table.c.first, table.c.last
    else:
        table = events(f, f.rules.activity)
        from_ = to = f.period(table.c, "at")
        where += [*f.starts_in(table.c["at"]), *f.m.filtered(table, f.scope.filters)]
        if f.rules.cohorts == "period":  # else the bit of a period's later ones is there
            where.append(f.is_new(table.c))
    held = []
    for i, (first, past) in enumerate(spans):
        low = number(first - last)
        bits: sa.ColumnElement = bit(from_ - low)
        if to is not from_:
            end = sa.case((to < number(past), to + number(1)), else_=number(past))
            bits = bit(end - low) - bit(sa.case((from_ > low, from_ - low), else_=number(0)))
        inside = sa.and_(to >= low, from_ < number(past))
        held.append(sa.cast(bits_of_all(sa.case((inside, bits), else_=number(0))), sa.BigInteger()).label(f"number{i}"))
    return sa.select(table.c.customer_id, *held).where(*where).group_by(table.c.customer_id).subquery("started")
