"""Who stays subscribed after every period that began with a subscription, counted without a row for each of them.

A stretch of revenue runs at the first instants of some periods: at each of them a customer starts again, and this
stretch and the later ones keep it. Customers whose stretches run through the same periods are counted together before
any start is told apart.
"""

from __future__ import annotations

import sqlalchemy as sa

from queries import ledger
from queries.ages import number
from queries.cohorts import Following, first_instants, worth
from queries.neighbours import previous


def is_counted_together(f: Following) -> bool:
    """Whether the cells can be counted so."""
    return f.is_each_in_turn and f.rules.is_state and f.rules.mode == "bounded"


def begun(f: Following) -> sa.Select:
    """segment, cohort, seen, n, cents: as the rows of `cohorts.starts` counted."""
    h = _held(f).c
    keys = [h.segment, h.first, h.last]
    cents = sa.cast(sa.func.sum(h.cents), sa.BigInteger()).label("cents")
    alike = sa.select(*keys, sa.func.count().label("n"), cents).group_by(*keys).subquery("alike")
    rows = _started(f, alike).subquery("started").c
    by = [rows.segment, rows.cohort]
    sums = [sa.cast(sa.func.sum(rows[name]), sa.BigInteger()).label(name) for name in ("n", "cents")]
    return sa.select(*by, f.seen(rows.cohort, rows.cohort).label("seen"), *sums).group_by(*by)


def counts(f: Following) -> sa.Select:
    """segment, cohort, seen, place, n, times, cents: what begins at a place, less what has ended there."""
    a = _started(f, _pairs(f)).subquery("kept").c
    one, last = number(1), number(f.rules.steps[-1][1])
    low = sa.case((a.again > a.cohort, a.again - a.cohort), else_=number(0))
    high = sa.case((a.through - a.cohort > last, last), else_=a.through - a.cohort)
    rows = sa.select(a.segment, a.cohort, low.label("low"), high.label("high"), a.n, a.cents).subquery("rows").c
    ranged = sa.select(*rows).where(rows.low <= rows.high).cte("ranged")  # once, for where it begins and where it ends
    r = ranged.c
    begins = sa.select(r.segment, r.cohort, r.low.label("place"), r.n, r.cents)
    ends = sa.select(r.segment, r.cohort, (r.high + one).label("place"), (-r.n).label("n"), (-r.cents).label("cents"))
    c = sa.union_all(begins, ends).subquery("changes").c
    sums = {name: sa.cast(sa.func.sum(c[name]), sa.BigInteger()).label(name) for name in ("n", "cents")}
    seen = f.seen(c.cohort, c.cohort).label("seen")
    keys = [c.segment, c.cohort, c.place]
    told = sa.select(c.segment, c.cohort, seen, c.place, sums["n"], number(0).label("times"), sums["cents"])
    return told.group_by(*keys)


def _held(f: Following) -> sa.Subquery:
    """Stretches at first instants of periods: customer_id, segment, cents, from_at, the first and last such period."""
    table = ledger.stretches(f.m, f.scope)
    c = table.c
    last = sa.func.coalesce(sa.case((c.to_at <= f.scope.as_of, f.period(c, "until"))), number(f.now))
    rows = sa.select(
        c.customer_id,
        f.m.segment_column(table, f.scope).label("segment"),
        c.cents,
        c.from_at,
        (f.period(c, "before") + number(1)).label("first"),
        last.label("last"),
    )
    r = rows.where(c.from_at <= f.scope.as_of, *f.m.filtered(table, f.scope.filters)).subquery("running").c
    return sa.select(*r).where(r.first <= r.last).subquery("held")


def _pairs(f: Following) -> sa.Subquery:
    """Every stretch with itself and each later one of its customer, those through the same periods together.

    segment, first and last (at which the customer starts), again and through (at which the later one runs), n, cents.
    """
    is_money = f.rules.measure in ("nrr", "grr")
    held = _unbroken(_held(f)) if is_money else _held(f)
    here, later = held.alias("here"), held.alias("later")
    a, b = here.c, later.c
    after = sa.and_(a.customer_id == b.customer_id, b.first >= a.first)
    cents = sa.case((a.run == b.run, worth(f.rules, b.cents, a.cents)), else_=number(0)) if is_money else b.cents
    told = [a.segment, a.first, a.last, b.first.label("again"), b.last.label("through"), cents.label("cents")]
    p = sa.select(*told).select_from(here.join(later, after)).subquery("pairs").c
    keys = [p.segment, p.first, p.last, p.again, p.through]
    total = sa.cast(sa.func.sum(p.cents), sa.BigInteger()).label("cents")
    n = sa.cast(sa.func.count(), sa.BigInteger()).label("n")
    return sa.select(*keys, n, total).group_by(*keys).subquery("alike")


def _unbroken(held: sa.Subquery) -> sa.Subquery:
    """The stretches with the number of their run: a new one begins after a period without any."""
    c = held.c
    before = previous(c.last, c.customer_id, c.first).label("before")
    beside = sa.select(*c, before).subquery("beside").c
    new = sa.case((beside.before == beside.first - number(1), number(0)), else_=number(1))
    run = sa.func.sum(new).over(partition_by=beside.customer_id, order_by=beside.first, rows=(None, 0))
    told = [x for x in beside if x.name != "before"]
    return sa.select(*told, sa.cast(run, sa.BigInteger()).label("run")).subquery("runs")


def _started(f: Following, alike: sa.Subquery) -> sa.Select:
    """The rows once for every start between `first` and `last`, with its `cohort`."""
    c, instants = alike.c, first_instants(f)
    i = instants.c
    told = [x for x in c if x.name not in ("first", "last")]
    joined = alike.join(instants, sa.and_(i.number >= c.first, i.number <= c.last))
    return sa.select(*told, i.number.label("cohort")).select_from(joined).where(*f.starts_in(i["at"]))
