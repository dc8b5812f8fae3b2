"""Cohorts in a statement: who started when, and at which ages each of them was active.

Every cell, total and drill-down of the retention page selects from these two subqueries, so they cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.retention import ANY_STAGE, ORDERS, SPAN, SUBSCRIPTIONS, Rules
from lifecycle.scope import Scope
from queries import ledger
from queries.ages import number, period_number, spans_between
from queries.dialect import Instant, elapsed, quantile, shifted
from queries.handoff import handoff_of
from queries.instants import in_period
from queries.modelled import Modelled
from queries.neighbours import following, previous

MICROSECOND = timedelta(microseconds=1)
HALF = pa.schema([("half", pa.float64())])


@dataclass(frozen=True)
class Following:
    """Cohorts as a statement: the build, the scope, the rules, and what they say of instants."""

    m: Modelled
    scope: Scope
    rules: Rules

    @property
    def until(self) -> datetime:
        """The first instant that is not seen."""
        return self.scope.as_of + MICROSECOND

    def period(self, at: sa.ColumnElement) -> sa.ColumnElement:
        return period_number(at, self.scope.grain, self.scope.calendar)

    @property
    def now(self) -> int:
        """The number of the period in which what is unseen begins."""
        calendar = self.scope.calendar
        return calendar.number(calendar.day(self.until), self.scope.grain)

    def seen(self, start: sa.ColumnElement, cohort: sa.ColumnElement) -> sa.ColumnElement:
        """How many ages of a start have passed: periods that are over, of a state first instants that have come."""
        more = number(1 if self.rules.is_state else 0)
        if self.rules.ages == "days":
            return spans_between(start, sa.literal(self.until, Instant()), SPAN) + more
        return number(self.now) - cohort + more

    def age(self, at: sa.ColumnElement, start: sa.ColumnElement, cohort: sa.ColumnElement) -> sa.ColumnElement:
        return spans_between(start, at, SPAN) if self.rules.ages == "days" else self.period(at) - cohort

    def place(self, age: sa.ColumnElement) -> sa.ColumnElement:
        """The column that holds an age; what lies beyond the last is in none."""
        if self.rules.mode != "brackets":
            return age
        return sa.case(*((age <= number(high), number(i)) for i, (_, high) in enumerate(self.rules.steps)))

    def starts_in(self, start: sa.ColumnElement) -> list[sa.ColumnElement[bool]]:
        return in_period(start, self.scope) if self.rules.cohorts == "period" else [start <= self.scope.as_of]


def events(m: Modelled, activity: str) -> sa.FromClause:
    """Orders, or entries to a stage, each beside its customer's previous, next and first one: as `ledger.orders`."""
    if activity == ORDERS:
        return ledger.orders(m)
    s = m.stays.c
    keys = [stage.key for stage in m.model.progress] if activity == ANY_STAGE else [activity.partition(":")[2]]
    in_turn = s.entity_id, [s.entered_at, s.seq]
    rows = sa.select(
        s.entity_id.label("customer_id"),
        s.entered_at.label("at"),
        previous(s.entered_at, *in_turn).label("previous_at"),
        following(s.entered_at, *in_turn).label("next_at"),
        sa.func.min(s.entered_at).over(partition_by=s.entity_id).label("first_at"),
        number(0).label("cents"),
    ).where(s.stage.in_(keys))
    return ledger.described(m, rows.subquery("entries")).subquery("events")


def starts(f: Following) -> sa.Subquery:
    """One row per start: customer_id, start_at, cents, segment, cohort, seen."""
    m, scope, rules = f.m, f.scope, f.rules
    is_state = rules.activity == SUBSCRIPTIONS
    table = ledger.stretches(m) if is_state else events(m, rules.activity)
    c = table.c
    where = m.filtered(table, scope.filters)
    source: sa.FromClause = table
    at, cents = (c.from_at, c.cents) if is_state else (c["at"], c.cents)
    if rules.rule == "recurring" and is_state:
        firsts = _first_instants(f)
        source, at = table.join(firsts, firsts.c["at"] >= c.from_at), firsts.c["at"]
        where.append(sa.or_(c.to_at.is_(None), c.to_at > at, c.to_at > scope.as_of))
        where.append(c.from_at <= scope.as_of)
    elif is_state:
        where.append(c.from_at == c.first_at)
    else:
        before = c.previous_at.is_(None)
        again = f.period(c.previous_at) < f.period(at)
        where.append(sa.or_(before, again) if rules.rule == "recurring" else before)
    segment = m.segment_column(table, scope).label("segment")
    rows = sa.select(c.customer_id, at.label("start_at"), cents.label("cents"), segment).select_from(source)
    begun = rows.where(*where, *f.starts_in(at)).subquery("begun")
    if rules.split != "segment":
        begun = arrivals(f, begun)
    dated = sa.select(begun, f.period(begun.c.start_at).label("cohort")).subquery("dated")
    return sa.select(dated, f.seen(dated.c.start_at, dated.c.cohort).label("seen")).subquery("starts")


def arrivals(f: Following, begun: sa.Subquery) -> sa.Subquery:
    """Starts with their group: by which route, or how fast, the customer's first journey led there."""
    m, j, c = f.m, f.m.journeys.c, begun.c
    joined = begun.outerjoin(m.journeys, sa.and_(j.entity_id == c.customer_id, j.journey == number(1)))
    if f.rules.split == "route":
        by = j[f"{handoff_of(m).from_}_at"]
        group = sa.case((by <= c.start_at, "through"), (j.started_at <= c.start_at, "past"))
    else:
        took = sa.case((j.started_at <= c.start_at, elapsed(j.started_at, c.start_at)))
        half, _ = m.ask(sa.select(quantile(took, 0.5).label("half")).select_from(joined), HALF)
        middle: sa.ColumnElement = sa.literal(half.column(0)[0].as_py(), sa.Double())
        group = sa.case((took < middle, "quick"), (took.is_not(None), "slow"))
    told = [x for x in c if x.name != "segment"]
    return sa.select(*told, group.label("segment")).select_from(joined).subquery("arrived")


def _first_instants(f: Following) -> sa.Subquery:
    """The first instant of every period since the first subscription, seen by as_of."""
    table = ledger.stretches(f.m)
    earliest = f.m.warehouse.query(sa.select(sa.func.min(table.c.first_at))).column(0)[0].as_py()
    calendar, grain = f.scope.calendar, f.scope.grain
    first = calendar.number(calendar.day(earliest), grain) if earliest else f.now
    instants = [calendar.instant(calendar.numbered(n, grain)) for n in range(first, f.now + 1)]
    seen = [sa.select(sa.literal(at, Instant()).label("at")) for at in instants if at <= f.until]
    return (sa.union_all(*seen) if len(seen) > 1 else seen[0]).subquery("first_instants")


def activity(f: Following) -> sa.Subquery:
    """What keeps customers, one row per event or stretch: customer_id, start_at, segment, cohort, seen, low and high
    (the columns it covers, the same for an event), counted (1 where it is the first there), is_last, at, cents."""
    return _states(f) if f.rules.is_state else _events(f)


def _paired(f: Following, table: sa.FromClause, at: str) -> sa.Subquery:
    """Rows of a table beside the start of their customer: `table`'s columns, start_at, base, segment, cohort, seen."""
    m, scope, rules, c = f.m, f.scope, f.rules, table.c
    own = [column for column in c if column.name in {*ledger.ORDERS, *ledger.STRETCHES}]
    if (rules.activity, rules.rule, rules.split) != (rules.return_activity, "first_time", "segment"):
        s = starts(f)
        told = [s.c[name] for name in ("start_at", "segment", "cohort", "seen")]
        joined = table.join(s, s.c.customer_id == c.customer_id)
        return sa.select(*own, *told, s.c.cents.label("base")).select_from(joined).subquery("paired")
    where = [c[at] <= scope.as_of, *f.starts_in(c.first_at), *m.filtered(table, scope.filters)]
    base = (c.first_cents if rules.is_state else number(0)).label("base")
    segment = m.segment_column(table, scope).label("segment")
    rows = sa.select(*own, c.first_at.label("start_at"), base, segment).where(*where).subquery("rows")
    dated = sa.select(rows, f.period(rows.c.start_at).label("cohort")).subquery("dated")
    return sa.select(dated, f.seen(dated.c.start_at, dated.c.cohort).label("seen")).subquery("paired")


def _events(f: Following) -> sa.Subquery:
    p = _paired(f, events(f.m, f.rules.return_activity), "at").c
    before = sa.case((p.previous_at >= p.start_at, p.previous_at))
    aged = sa.select(
        *(p[n] for n in ("customer_id", "start_at", "segment", "cohort", "seen", "cents")),
        p["at"],
        f.age(p["at"], p.start_at, p.cohort).label("age"),
        f.age(before, p.start_at, p.cohort).label("previous"),
        _is_last(f, p.next_at),
    )
    a = aged.where(p["at"] >= p.start_at, p["at"] <= f.scope.as_of).subquery("aged").c
    last = number(f.rules.steps[-1][1])
    age = sa.case((a.age > last, last), else_=a.age) if f.rules.mode == "rolling" else a.age
    low, last_time = f.place(age), f.place(a.previous)
    counted = number(1) if f.rules.mode == "rolling" else sa.case((last_time == low, 0), else_=1)
    kept = [a[n] for n in ("customer_id", "start_at", "segment", "cohort", "seen", "cents", "at", "is_last")]
    rows = sa.select(*kept, low.label("low"), low.label("high"), counted.label("counted"))
    return rows.where(age <= last).subquery("activity")


def _states(f: Following) -> sa.Subquery:
    """Stretches by the ages at whose first instant they run; of money that came back after a gap, none is kept."""
    scope, rules = f.scope, f.rules
    p = _paired(f, ledger.stretches(f.m), "from_at").c
    last = number(rules.steps[-1][1])
    just_before = shifted(p.from_at, number(-1))
    low = sa.case((p.from_at <= p.start_at, number(0)), else_=f.age(just_before, p.start_at, p.cohort) + number(1))
    ends = sa.case((p.to_at <= scope.as_of, p.to_at))
    ended = f.age(shifted(ends, number(-1)), p.start_at, p.cohort)
    high = sa.case((ends.is_(None), p.seen - number(1)), else_=ended)
    aged = sa.select(
        *(p[n] for n in ("customer_id", "start_at", "segment", "cohort", "seen", "cents", "base")),
        p.from_at.label("at"),
        low.label("first"),
        sa.case((high > last, last), else_=high).label("through"),
        _is_last(f, p.next_at),
    ).where(p.from_at <= scope.as_of, sa.or_(ends.is_(None), ends > p.start_at))
    a = aged.subquery("aged").c
    if rules.mode == "rolling":
        rows = sa.select(*(x for x in a if x.name not in ("first", "through", "base")), a.through.label("low"))
        return rows.add_columns(a.through.label("high"), number(1).label("counted")).subquery("activity")
    mine, in_turn = [a.customer_id, a.start_at], a["at"]
    more: list[sa.ColumnElement] = []  # windows only where they are needed: they cost more than all the rest
    if rules.measure in ("nrr", "grr"):
        length = a.through - a["first"] + number(1)
        more = [sa.func.sum(length).over(partition_by=mine, order_by=in_turn, rows=(None, 0)).label("covered")]
    if rules.mode == "brackets":
        more = [previous(a.through, mine, in_turn).label("previous")]
    r = sa.select(*a, *more).where(a["first"] <= a.through).subquery("running").c
    first = f.place(r["first"])
    if rules.mode == "brackets":
        before = f.place(r.previous)
        first = sa.case((before >= first, before + number(1)), else_=first)
    kept = [r[n] for n in ("customer_id", "start_at", "segment", "cohort", "seen", "at", "is_last")]
    ranged = sa.select(*kept, _money(rules, r).label("cents"), first.label("low"), f.place(r.through).label("high"))
    found = ranged.subquery("ranged").c
    return sa.select(*found, number(1).label("counted")).where(found.low <= found.high).subquery("activity")


def _money(rules: Rules, c: sa.ColumnCollection) -> sa.ColumnElement:
    """What a stretch is worth: for NRR and GRR nothing after a gap, for GRR at most what the customer started with."""
    if rules.measure not in ("nrr", "grr"):
        return c.cents
    unbroken = c.covered == c.through + number(1)
    worth = c.cents if rules.measure == "nrr" else sa.case((c.cents > c.base, c.base), else_=c.cents)
    return sa.case((unbroken, worth), else_=number(0))


def _is_last(f: Following, next_at: sa.ColumnElement) -> sa.ColumnElement:
    """1 where nothing follows by as_of."""
    return sa.case((next_at <= f.scope.as_of, 0), else_=1).label("is_last")
