"""Who stays subscribed after every period that began with a subscription, counted without a row for each of them.

A stretch of revenue runs at the first instants of some periods: at each of them a customer starts again, and this
stretch and the later ones keep it. Customers whose stretches run through the same periods are counted together before
any start is told apart.
"""

from __future__ import annotations

import sqlalchemy as sa

from lifecycle.retention import SUBSCRIPTIONS
from queries import ledger
from queries.ages import number
from queries.cohorts import Following, first_instants, worth
from queries.neighbours import previous


def starts_are_counted_together(f: Following) -> bool:
    """Whether the starts can be counted so."""
    return f.is_each_in_turn and f.rules.activity == SUBSCRIPTIONS


def is_counted_together(f: Following) -> bool:
    """Whether the cells can be counted so."""
    return starts_are_counted_together(f) and f.rules.is_state


def begun(f: Following) -> sa.Select:
    """segment, cohort, seen, n, cents: as the rows of `cohorts.starts` counted."""
    h = held(f).c
    alike = _together(sa.select(h.segment, h.first, h.last, h.cents).subquery("held"))
    rows = _started(f, alike).subquery("started").c
    by = [rows.segment, rows.cohort]
    sums = [sa.cast(sa.func.sum(rows[name]), sa.BigInteger()).label(name) for name in ("n", "cents")]
    return sa.select(*by, f.seen(rows.cohort, rows.cohort).label("seen"), *sums).group_by(*by)


def counts(f: Following) -> sa.Select:
    """segment, cohort, seen, place, n, times, cents: what begins at a place, less what has ended there.

    Of what is active then or later: what is last seen at a place.
    """
    if f.rules.mode == "rolling":
        return _last_seen(f)
    a = _started(f, _pairs(f)).subquery("kept").c
    one, last = number(1), number(f.rules.steps[-1][1])
    low = f.place(sa.case((a.again > a.cohort, a.again - a.cohort), else_=number(0)))
    high = f.place(sa.case((a.through - a.cohort > last, last), else_=a.through - a.cohort))
    if f.rules.mode == "brackets":  # one bracket counts once, however many stretches run in it
        before = sa.case((a.before >= a.cohort, f.place(a.before - a.cohort)))
        low = sa.case((before >= low, before + one), else_=low)
    rows = sa.select(a.segment, a.cohort, low.label("low"), high.label("high"), a.n, a.cents).subquery("rows").c
    ranged = sa.select(*rows).where(rows.low <= rows.high).cte("ranged")  # once, for where it begins and where it ends
    r = ranged.c
    begins = sa.select(r.segment, r.cohort, r.low.label("place"), r.n, r.cents)
    ends = sa.select(r.segment, r.cohort, (r.high + one).label("place"), (-r.n).label("n"), (-r.cents).label("cents"))
    return _summed(f, sa.union_all(begins, ends), number(0))


def _last_seen(f: Following) -> sa.Select:
    """Starts by the age at which the customer's last stretch so far ends or is still running."""
    table = ledger.stretches(f.m, f.scope)
    here, c, until = held(f), table.c, _until(f, table.c)
    ends = sa.func.coalesce(sa.case((c.next_at <= f.scope.as_of, number(0))), number(1)) == number(1)
    told = [here.c.segment, here.c.first, here.c.last]
    joined = here.join(table, sa.and_(here.c.customer_id == c.customer_id, c.from_at <= f.scope.as_of, ends))
    pairs = sa.select(*told, until.label("through"), c.cents).select_from(joined).subquery("pairs")
    a, last = _started(f, _together(pairs)).subquery("kept").c, number(f.rules.steps[-1][1])
    age = a.through - a.cohort
    place = sa.case((age > last, last), else_=age).label("place")
    return _summed(f, sa.select(a.segment, a.cohort, place, a.n, a.cents))


def _summed(f: Following, rows: sa.Select | sa.CompoundSelect, times: sa.ColumnElement | None = None) -> sa.Select:
    """Rows of segment, cohort, place, n and cents as one per place; `times` is n where nothing else is said."""
    c = rows.subquery("changes").c
    n, cents = (sa.cast(sa.func.sum(c[name]), sa.BigInteger()) for name in ("n", "cents"))
    seen = f.seen(c.cohort, c.cohort).label("seen")
    sums = [n.label("n"), (n if times is None else times).label("times"), cents.label("cents")]
    return sa.select(c.segment, c.cohort, seen, c.place, *sums).group_by(c.segment, c.cohort, c.place)


def held(f: Following) -> sa.Subquery:
    """Stretches at first instants of periods: customer_id, segment, cents, from_at, the first and last such period."""
    table = ledger.stretches(f.m, f.scope)
    c = table.c
    rows = sa.select(
        c.customer_id,
        f.m.segment_column(table, f.scope).label("segment"),
        c.cents,
        c.from_at,
        (f.period(c, "before") + number(1)).label("first"),
        _until(f, c).label("last"),
    )
    r = rows.where(c.from_at <= f.scope.as_of, *f.m.filtered(table, f.scope.filters)).subquery("running").c
    return sa.select(*r).where(r.first <= r.last).subquery("held")


def _until(f: Following, c: sa.ColumnCollection) -> sa.ColumnElement:
    """The last period at whose first instant a stretch may run: the one that holds its last instant seen."""
    return sa.func.coalesce(sa.case((c.to_at <= f.scope.as_of, f.period(c, "until"))), number(f.now))


def _pairs(f: Following) -> sa.Subquery:
    """Every stretch with itself and each later one of its customer, those through the same periods together.

    segment, first and last (at which the customer starts), again and through (at which the later one runs), n, cents;
    for brackets `before`: the last at which the one before the later runs.
    """
    is_money, in_brackets = f.rules.measure in ("nrr", "grr"), f.rules.mode == "brackets"
    rows = _in_turn(held(f)) if is_money or in_brackets else held(f)
    here, later = rows.alias("here"), rows.alias("later")
    a, b = here.c, later.c
    after = sa.and_(a.customer_id == b.customer_id, b.first >= a.first)
    cents = sa.case((a.run == b.run, worth(f.rules, b.cents, a.cents)), else_=number(0)) if is_money else b.cents
    told = [a.segment, a.first, a.last, b.first.label("again"), b.last.label("through"), cents.label("cents")]
    told += [b.before] if in_brackets else []
    p = sa.select(*told).select_from(here.join(later, after)).subquery("pairs")
    return _together(p)


def _together(rows: sa.Subquery) -> sa.Subquery:
    """The rows that look alike but for their cents, as one with the sum of these and their number, n."""
    keys = [c for c in rows.c if c.name != "cents"]
    cents = sa.cast(sa.func.sum(rows.c.cents), sa.BigInteger()).label("cents")
    n = sa.cast(sa.func.count(), sa.BigInteger()).label("n")
    return sa.select(*keys, n, cents).group_by(*keys).subquery("alike")


def _in_turn(held: sa.Subquery) -> sa.Subquery:
    """The stretches with the last period of the one `before`, and the number of their run: a gap begins a new one."""
    c = held.c
    before = previous(c.last, c.customer_id, c.first).label("before")
    beside = sa.select(*c, before).subquery("beside").c
    new = sa.case((beside.before == beside.first - number(1), number(0)), else_=number(1))
    run = sa.func.sum(new).over(partition_by=beside.customer_id, order_by=beside.first, rows=(None, 0))
    return sa.select(*beside, sa.cast(run, sa.BigInteger()).label("run")).subquery("runs")


def _started(f: Following, alike: sa.Subquery) -> sa.Select:
    """The rows once for every start between `first` and `last`, with its `cohort`."""
    c, instants = alike.c, first_instants(f)
    i = instants.c
    told = [x for x in c if x.name not in ("first", "last")]
    joined = alike.join(instants, sa.and_(i.number >= c.first, i.number <= c.last))
    return sa.select(*told, i.number.label("cohort")).select_from(joined).where(*f.starts_in(i["at"]))
