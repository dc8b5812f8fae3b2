"""Who stays subscribed after every period that began with a subscription, counted without a row for each of them.

A stretch of revenue runs at the first instants of some periods: at each of them a customer starts again, and this
stretch and the later ones keep it. Customers whose stretches run through the same periods are counted together before
any start is told apart; where ages are days from the start, those whose stretches begin and end on the same days.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta

import sqlalchemy as sa

from lifecycle.retention import SPAN, SUBSCRIPTIONS
from queries import ledger
from queries.ages import number, spans_between
from queries.cohorts import Following, first_instants, worth
from queries.dialect import EPOCH, Instant, shifted
from queries.neighbours import previous

EDGES = ("before", "until")


def starts_are_counted_together(f: Following) -> bool:
    """Whether the starts can be counted so."""
    return f.is_each_in_turn and f.rules.activity == SUBSCRIPTIONS


def is_counted_together(f: Following) -> bool:
    """Whether the cells can be counted so: not where a gap is one for some starts only."""
    rules = f.rules
    alike = rules.ages == "calendar" or (rules.mode != "brackets" and rules.measure not in ("nrr", "grr"))
    return starts_are_counted_together(f) and rules.is_state and alike


def begun(f: Following) -> sa.Select:
    """segment, cohort, seen, n, cents: as the rows of `cohorts.starts` counted."""
    h = held(f).c
    alike = _together(f, sa.select(h.segment, h.first, h.last, h.cents).subquery("held"))
    rows = _started(f, alike).subquery("started").c
    sums = [sa.cast(sa.func.sum(rows[name]), sa.BigInteger()).label(name) for name in ("n", "cents")]
    told = sa.select(rows.segment, rows.cohort, f.seen(rows.start_at, rows.cohort).label("seen"), *sums)
    return told.group_by(rows.segment, rows.cohort, rows.start_at)


def counts(f: Following) -> sa.Select:
    """segment, cohort, seen, place, n, times, cents: what begins at a place, less what has ended there.

    Of what is active then or later: what is last seen at a place.
    """
    if f.rules.mode == "rolling":
        return _last_seen(f)
    a = _started(f, _pairs(f)).subquery("kept").c
    one, last = number(1), number(f.rules.steps[-1][1])
    since, until = _age(f, a, a.before), _age(f, a, a.until)
    low = f.place(sa.case((a.before >= _start(f, a), since + one), else_=number(0)))
    high = f.place(sa.case((until > last, last), else_=until))
    if f.rules.mode == "brackets":  # one bracket counts once, however many stretches run in it
        earlier = sa.case((a.earlier >= a.cohort, f.place(a.earlier - a.cohort)))
        low = sa.case((earlier >= low, earlier + one), else_=low)
    told = [a.segment, a.cohort, a.start_at]
    rows = sa.select(*told, low.label("low"), high.label("high"), a.n, a.cents).subquery("rows").c
    ranged = sa.select(*rows).where(rows.low <= rows.high).cte("ranged")  # once, for where it begins and where it ends
    r = ranged.c
    told = [r.segment, r.cohort, r.start_at]
    begins = sa.select(*told, r.low.label("place"), r.n, r.cents)
    ends = sa.select(*told, (r.high + one).label("place"), (-r.n).label("n"), (-r.cents).label("cents"))
    return _summed(f, sa.union_all(begins, ends), number(0))


def _last_seen(f: Following) -> sa.Select:
    """Starts by the age at which the customer's last stretch so far ends or is still running."""
    table = ledger.stretches(f.m, f.scope)
    here, c = held(f), table.c
    ends = sa.func.coalesce(sa.case((c.next_at <= f.scope.as_of, number(0))), number(1)) == number(1)
    told = [here.c.segment, here.c.first, here.c.last]
    joined = here.join(table, sa.and_(here.c.customer_id == c.customer_id, c.from_at <= f.scope.as_of, ends))
    until = _edges(f, c)[1].label("until")
    pairs = sa.select(*told, until, c.cents).select_from(joined).subquery("pairs")
    a, last = _started(f, _together(f, pairs)).subquery("kept").c, number(f.rules.steps[-1][1])
    age = _age(f, a, a.until)
    place = sa.case((age > last, last), else_=age).label("place")
    return _summed(f, sa.select(a.segment, a.cohort, a.start_at, place, a.n, a.cents))


def _summed(f: Following, rows: sa.Select | sa.CompoundSelect, times: sa.ColumnElement | None = None) -> sa.Select:
    """Rows of segment, cohort, start_at, place, n and cents, one per place; `times` is n if nothing else is said."""
    c = rows.subquery("changes").c
    n, cents = (sa.cast(sa.func.sum(c[name]), sa.BigInteger()) for name in ("n", "cents"))
    seen = f.seen(c.start_at, c.cohort).label("seen")
    sums = [n.label("n"), (n if times is None else times).label("times"), cents.label("cents")]
    return sa.select(c.segment, c.cohort, seen, c.place, *sums).group_by(c.segment, c.cohort, c.start_at, c.place)


def held(f: Following) -> sa.Subquery:
    """Stretches at first instants of periods: as `_running`."""
    r = _running(f).c
    return sa.select(*r).where(r.first <= r.last).subquery("held")


def _running(f: Following) -> sa.Subquery:
    """Stretches: customer_id, segment, cents, from_at, the first and last period at whose first instant it may run,
    `before` it and `until` when it runs."""
    table = ledger.stretches(f.m, f.scope)
    c = table.c
    before, until = _edges(f, c)
    rows = sa.select(
        c.customer_id,
        f.m.segment_column(table, f.scope).label("segment"),
        c.cents,
        c.from_at,
        (f.period(c, "before") + number(1)).label("first"),
        _last(f, c).label("last"),
        before.label("before"),
        until.label("until"),
    )
    return rows.where(c.from_at <= f.scope.as_of, *f.m.filtered(table, f.scope.filters)).subquery("running")


def _last(f: Following, c: sa.ColumnCollection) -> sa.ColumnElement:
    """The period that holds the last instant of a stretch that is seen."""
    return sa.func.coalesce(sa.case((c.to_at <= f.scope.as_of, f.period(c, "until"))), number(f.now))


def _edges(f: Following, c: sa.ColumnCollection) -> tuple[sa.ColumnElement, sa.ColumnElement]:
    """The last instant before a stretch and the last seen in it; of calendar ages the periods that hold them."""
    if f.rules.ages == "calendar":
        return f.period(c, "before"), _last(f, c)
    end = sa.case((c.to_at <= f.scope.as_of, shifted(c.to_at, number(-1))))
    return shifted(c.from_at, number(-1)), sa.func.coalesce(end, sa.literal(f.until, Instant()))


def _start(f: Following, c: sa.ColumnCollection) -> sa.ColumnElement:
    """A start as edges are told."""
    return c.cohort if f.rules.ages == "calendar" else c.start_at


def _age(f: Following, c: sa.ColumnCollection, edge: sa.ColumnElement) -> sa.ColumnElement:
    """How old a start was at an edge."""
    return edge - c.cohort if f.rules.ages == "calendar" else spans_between(c.start_at, edge, SPAN)


def _pairs(f: Following) -> sa.Subquery:
    """Every stretch with itself and each later one of its customer, those alike together.

    segment, first and last (at which the customer starts), before and until (of the later one), n, cents; for brackets
    `earlier`: the last period of the one before the later.
    """
    is_money, in_brackets = f.rules.measure in ("nrr", "grr"), f.rules.mode == "brackets"
    rows = _in_turn(held(f)) if is_money or in_brackets else held(f)
    here = rows.alias("here")
    later = (rows if f.rules.ages == "calendar" else _running(f)).alias("later")
    a, b = here.c, later.c
    after = sa.and_(a.customer_id == b.customer_id, b.from_at >= a.from_at)
    cents = sa.case((a.run == b.run, worth(f.rules, b.cents, a.cents)), else_=number(0)) if is_money else b.cents
    told = [a.segment, a.first, a.last, b.before, b.until, cents.label("cents")]
    told += [b.earlier] if in_brackets else []
    p = sa.select(*told).select_from(here.join(later, after)).subquery("pairs")
    return _together(f, p)


def _together(f: Following, rows: sa.Subquery) -> sa.Subquery:
    """The rows that look alike but for their cents, as one with the sum of these and their number, n."""
    instants = [] if f.rules.ages == "calendar" else [rows.c[name] for name in EDGES if name in rows.c]
    keys = [c for c in rows.c if c.name not in ("cents", *(at.name for at in instants))]
    edges = [sa.func.min(at).label(at.name) for at in instants]  # one tells as much as any other
    cents = sa.cast(sa.func.sum(rows.c.cents), sa.BigInteger()).label("cents")
    n = sa.cast(sa.func.count(), sa.BigInteger()).label("n")
    alike = sa.select(*keys, *edges, n, cents).group_by(*keys, *(_rank(f, at) for at in instants))
    return alike.subquery("alike")


def _rank(f: Following, at: sa.ColumnElement) -> sa.ColumnElement:
    """A number that instants share between which no start can come of age.

    Ages begin whole days after a start, and starts at few times of the day: a time zone has as many midnights.
    """
    midnights = sorted({start - datetime.combine(start, time()) for start, _ in f.first_instants})
    days = [spans_between(sa.literal(EPOCH + midnight, Instant()), at, timedelta(days=1)) for midnight in midnights]
    return sum(days, number(0))


def _in_turn(held: sa.Subquery) -> sa.Subquery:
    """The stretches with the last period of the one `earlier`, and the number of their run: a gap begins a new one."""
    c = held.c
    earlier = previous(c.last, c.customer_id, c.first).label("earlier")
    beside = sa.select(*c, earlier).subquery("beside").c
    new = sa.case((beside.earlier == beside.before, number(0)), else_=number(1))
    run = sa.func.sum(new).over(partition_by=beside.customer_id, order_by=beside.first, rows=(None, 0))
    return sa.select(*beside, sa.cast(run, sa.BigInteger()).label("run")).subquery("runs")


def _started(f: Following, alike: sa.Subquery) -> sa.Select:
    """The rows once for every start between `first` and `last`, with its `cohort` and `start_at`."""
    c, instants = alike.c, first_instants(f)
    i = instants.c
    told = [x for x in c if x.name not in ("first", "last")]
    joined = alike.join(instants, sa.and_(i.number >= c.first, i.number <= c.last))
    begun = sa.select(*told, i.number.label("cohort"), i["at"].label("start_at")).select_from(joined)
    return begun.where(*f.starts_in(i["at"]))
