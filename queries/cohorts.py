"""Cohorts in a statement: who started when, and at which ages each of them was active.

Every cell, total and drill-down of the retention page selects from these two subqueries, so they cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.retention import ANY_STAGE, ORDERS, SPAN, SUBSCRIPTIONS, Rules
from lifecycle.scope import Scope
from queries import ledger
from queries.ages import local_numbers, number, spans_between
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

    def period(self, c: sa.ColumnCollection, name: str) -> sa.ColumnElement:
        return ledger.period(c, name, self.scope)

    def is_new(self, c: sa.ColumnCollection) -> sa.ColumnElement[bool]:
        """Whether an order or entry is its customer's first in its period (asked at once: OR would look twice)."""
        since = self.period(c, "at") - self.period(c, "previous")
        return sa.func.coalesce(since, number(1)) > number(0)

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

    def age(self, p: sa.ColumnCollection, name: str, at: sa.ColumnElement) -> sa.ColumnElement:
        """How old the customer of a row with start_at and cohort was at the instant `at`, called `name` there."""
        return spans_between(p.start_at, at, SPAN) if self.rules.ages == "days" else self.period(p, name) - p.cohort

    def place(self, age: sa.ColumnElement) -> sa.ColumnElement:
        """The column that holds an age; what lies beyond the last is in none."""
        if self.rules.mode != "brackets":
            return age
        return sa.case(*((age <= number(high), number(i)) for i, (_, high) in enumerate(self.rules.steps)))

    @property
    def is_one(self) -> bool:
        """Whether each row of the activity tells by itself whose start it follows: what begins it also keeps it."""
        one = (self.rules.return_activity, "first_time", "segment")
        return (self.rules.activity, self.rules.rule, self.rules.split) == one

    @property
    def is_each_in_turn(self) -> bool:
        """Whether customers start in every period in which they are active, and belong to a group of the breakdown."""
        return (self.rules.rule, self.rules.split) == ("recurring", "segment")

    @cached_property
    def first_instants(self) -> list[tuple[datetime, int]]:
        """The first instant of every period since the first subscription, seen by as_of, and the period's number."""
        table, calendar, grain = ledger.stretches(self.m, self.scope), self.scope.calendar, self.scope.grain
        earliest = self.m.warehouse.query(sa.select(sa.func.min(table.c.first_at))).column(0)[0].as_py()
        first = calendar.number(calendar.day(earliest), grain) if earliest else self.now
        instants = [(calendar.instant(calendar.numbered(n, grain)), n) for n in range(first, self.now + 1)]
        return [(at, n) for at, n in instants if at <= self.until]

    def starts_in(self, start: sa.ColumnElement) -> list[sa.ColumnElement[bool]]:
        return in_period(start, self.scope) if self.rules.cohorts == "period" else [start <= self.scope.as_of]


def events(f: Following, activity: str) -> sa.FromClause:
    """Orders, or entries to a stage, each beside its customer's previous, next and first one: as `ledger.orders`."""
    m = f.m
    if activity == ORDERS:
        return ledger.orders(m, f.scope)
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
    entries = rows.subquery("entries")
    e, zone = entries.c, f.scope.calendar.timezone
    instants = {"at": e["at"], "previous": e.previous_at, "first": e.first_at}
    numbers = [(name, *local_numbers(at, zone)) for name, at in instants.items()]
    dated = [n.label(f"{name}_{unit}") for name, *two in numbers for unit, n in zip(("day", "month"), two, strict=True)]
    return ledger.described(m, sa.select(entries, *dated).subquery("dated")).subquery("events")


def starts(f: Following) -> sa.Subquery:
    """One row per start: customer_id, start_at, cents, segment, cohort, seen."""
    m, scope, rules = f.m, f.scope, f.rules
    is_state = rules.activity == SUBSCRIPTIONS
    table = ledger.stretches(m, scope) if is_state else events(f, rules.activity)
    c = table.c
    where = m.filtered(table, scope.filters)
    source: sa.FromClause = table
    at, cohort = (c.first_at, f.period(c, "first")) if is_state else (c["at"], f.period(c, "at"))
    if rules.rule == "recurring" and is_state:
        firsts = first_instants(f)
        at, cohort = firsts.c["at"], firsts.c.number
        last = sa.func.coalesce(sa.case((c.to_at <= scope.as_of, f.period(c, "until"))), number(f.now))
        source = table.join(firsts, sa.and_(cohort > f.period(c, "before"), cohort <= last))
        where.append(c.from_at <= scope.as_of)
    elif is_state:
        where.append(c.from_at == c.first_at)
    else:
        where.append(f.is_new(c) if rules.rule == "recurring" else c.previous_at.is_(None))
    segment = m.segment_column(table, scope).label("segment")
    rows = sa.select(c.customer_id, at.label("start_at"), c.cents, segment, cohort.label("cohort")).select_from(source)
    begun = rows.where(*where, *f.starts_in(at)).subquery("begun")
    if rules.split != "segment":
        begun = arrivals(f, begun)
    return sa.select(begun, f.seen(begun.c.start_at, begun.c.cohort).label("seen")).subquery("starts")


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


def first_instants(f: Following) -> sa.Subquery:
    """`at` and `number`: the first instants of periods."""
    seen = [sa.select(sa.literal(at, Instant()).label("at"), number(n).label("number")) for at, n in f.first_instants]
    nothing = sa.select(sa.literal(f.until, Instant()).label("at"), number(f.now).label("number")).where(sa.false())
    return (sa.union_all(*seen) if len(seen) > 1 else seen[0] if seen else nothing).subquery("first_instants")


def activity(f: Following) -> sa.Subquery:
    """What keeps customers, one row per event or stretch: customer_id, start_at, segment, cohort, seen, low and high
    (the columns it covers, the same for an event), counted (1 where it is the first there), is_last, at, cents."""
    return _states(f) if f.rules.is_state else _events(f)


def _paired(f: Following, table: sa.FromClause, at: str) -> sa.Subquery:
    """Rows of a table beside the start of their customer: `table`'s columns, start_at, base, segment, cohort, seen."""
    m, scope, rules, c = f.m, f.scope, f.rules, table.c
    own = [column for column in c if column.name in {*ledger.ORDERS, *ledger.STRETCHES}]
    if not f.is_one:
        s = starts(f)
        told = [s.c[name] for name in ("start_at", "segment", "cohort", "seen")]
        joined = table.join(s, s.c.customer_id == c.customer_id)
        return sa.select(*own, *told, s.c.cents.label("base")).select_from(joined).subquery("paired")
    where = [c[at] <= scope.as_of, *f.starts_in(c.first_at), *m.filtered(table, scope.filters)]
    base = (c.first_cents if rules.is_state else number(0)).label("base")
    segment, cohort = m.segment_column(table, scope).label("segment"), f.period(c, "first").label("cohort")
    rows = sa.select(*own, c.first_at.label("start_at"), base, segment, cohort).where(*where).subquery("rows")
    return sa.select(rows, f.seen(rows.c.start_at, rows.c.cohort).label("seen")).subquery("paired")


def _events(f: Following) -> sa.Subquery:
    p = _paired(f, events(f, f.rules.return_activity), "at").c
    previous_age: sa.ColumnElement = f.age(p, "previous", p.previous_at)
    if not f.is_one:  # else nothing comes before the start
        previous_age = sa.case((p.previous_at >= p.start_at, previous_age))
    aged = sa.select(
        *(p[n] for n in ("customer_id", "start_at", "segment", "cohort", "seen", "cents")),
        p["at"],
        f.age(p, "at", p["at"]).label("age"),
        previous_age.label("previous"),
        _is_last(f, p.next_at),
    )
    since = [] if f.is_one else [p["at"] >= p.start_at, p["at"] <= f.scope.as_of]
    a = aged.where(*since).subquery("aged").c
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
    p = _paired(f, ledger.stretches(f.m, scope), "from_at").c
    last = number(rules.steps[-1][1])
    just_before, just_until = (shifted(at, number(-1)) for at in (p.from_at, p.to_at))
    low = sa.case((p.from_at <= p.start_at, number(0)), else_=f.age(p, "before", just_before) + number(1))
    ends = sa.case((p.to_at <= scope.as_of, p.to_at))
    ended = f.age(p, "until", just_until)
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
    first: sa.ColumnElement = f.place(r["first"])
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
    return sa.case((unbroken, worth(rules, c.cents, c.base)), else_=number(0))


def worth(rules: Rules, cents: sa.ColumnElement, base: sa.ColumnElement) -> sa.ColumnElement:
    """Money that was kept, as NRR and GRR count it beside the money at the start."""
    return cents if rules.measure == "nrr" else sa.case((cents > base, base), else_=cents)


def _is_last(f: Following, next_at: sa.ColumnElement) -> sa.ColumnElement:
    """1 where nothing follows by as_of."""
    return sa.case((next_at <= f.scope.as_of, 0), else_=1).label("is_last")
