"""Who has stalled, asked: counts by stage and owner, and the list behind them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.attention import stall_limits
from lifecycle.business import Business
from lifecycle.scope import Scope
from lifecycle.stalled import Heap, Limit, Stalled, StalledList, StalledStay, prospects, together
from queries.definitions import staying
from queries.dialect import Instant, bytewise, elapsed, quantile
from queries.durations import life_tables
from queries.groups import Part, sized
from queries.modelled import Modelled, one_of
from queries.touches import MICROSECOND, microseconds, on_the_clock, place_of
from queries.warehouse import Rendered

MOST = 1_000  # stays on a list
DAY = timedelta(days=1)
HEAPS = pa.schema(
    [
        ("part", pa.int64()),
        ("stage", pa.string()),
        ("owner", pa.string()),
        ("n", pa.int64()),
        ("over", pa.int64()),
        ("amount", pa.float64()),
        ("oldest", pa.int64()),
    ]
)
LIST = pa.schema(
    [
        ("entity_id", pa.string()),
        ("stage", pa.string()),
        ("owner", pa.string()),
        ("entered_at", pa.timestamp("us")),
        ("age_us", pa.int64()),
        ("counted_us", pa.int64()),
        ("amount", pa.float64()),
    ]
)


def stalled(m: Modelled, scope: Scope, kind: str = "own", business: Business | None = None) -> Stalled:
    """Who is in a stage at as_of for longer than its limit, by stage and owner, and by part of a breakdown.

    `kind`: `own` takes the stage's own limit, and the usual one where it has none; `usual` takes the time within which
    nine in ten of those advanced who advanced. Nobody stalls in the last stage, nor without an own limit after the
    purchase. Compared with who had stalled at the end of the compared period's time, by the same limits.
    """
    limits, asked = limits_of(m, scope, kind, business)
    if not limits:
        return Stalled(scope, (), (), business, statements=asked)
    here, before = _stalled(m, scope, limits, business), scope.compared
    then = _stalled(m, before.whole, limits, business) if before else None
    return replace(here, comparison=then, statements=(*asked, *here.statements))


def _stalled(m: Modelled, scope: Scope, limits: tuple[Limit, ...], business: Business | None) -> Stalled:
    inside = _open(m, scope, limits, business)
    groups, asked = sized(m, scope, inside)
    c = groups.split(inside).c
    over = sa.case((c.over == 1, 1), else_=0)
    columns = [
        c.part,
        c.stage,
        c.owner,
        sa.func.count().label("n"),
        sa.cast(sa.func.sum(over), sa.BigInteger()).label("over"),
        sa.cast(sa.func.sum(sa.case((c.over == 1, c.amount))), sa.Double()).label("amount"),
        sa.func.max(sa.case((c.over == 1, c.counted_us))).label("oldest"),
    ]
    table, rendered = m.ask(sa.select(*columns).group_by(c.part, c.stage, c.owner), HEAPS)
    has_deals = "deals" in m.sources
    heaps: dict[Part, list[Heap]] = {}
    for row in table.to_pylist():
        amount = (row["amount"] or 0.0) if has_deals else None
        oldest = row["oldest"] / 1e6 if row["over"] else None
        heap = Heap(row["stage"], row["owner"], row["n"], row["over"], amount, oldest)
        heaps.setdefault(row["part"], []).append(heap)
    told = groups.told({part: tuple(heaps.get(part, ())) for part in groups.parts})
    whole = together(heap for part in heaps.values() for heap in part)
    return Stalled(scope, limits, whole, business, told, statements=(*asked, rendered))


def stalled_list(
    m: Modelled,
    scope: Scope,
    kind: str = "own",
    business: Business | None = None,
    stages: tuple[str, ...] = (),
    owners: tuple[str | None, ...] = (),
    values: tuple[str | None, ...] = (),
) -> StalledList:
    """The stays behind the counts of `stalled`, of these stages, owners and values of the breakdown (none given: of
    all): those with most open deals first, then those that stalled last, as they are the likeliest to advance.

    With the chance that each still advances: of all stays in that stage that lasted as long, the share that advanced
    later (Aalen and Johansen 1978), whenever they were entered.
    """
    limits, _ = limits_of(m, scope, kind, business)
    limits = tuple(limit for limit in limits if not stages or limit.stage in stages)
    if not limits:
        return StalledList(0, ())
    c = _open(m, scope, limits, business).c
    where = [c.over == 1, *(one_of(column, some) for column, some in ((c.owner, owners), (c.segment, values)) if some)]
    total, counting = m.ask(sa.select(sa.func.count()).where(*where), pa.schema([("n", pa.int64())]))
    order = [sa.func.coalesce(c.amount, 0).desc(), c.entered_at.desc(), bytewise(c.entity_id), c.stage]
    listed, listing = m.ask(sa.select(*(c[n] for n in LIST.names)).where(*where).order_by(*order).limit(MOST), LIST)
    ever = replace(scope, start=None, end=None, by=None, compare="none", stages=tuple(x.stage for x in limits))
    lived = life_tables(m, ever)
    tables = {stage: lived.of(stage) for stage in lived.stages}
    stays = tuple(
        StalledStay(
            row["entity_id"],
            row["stage"],
            row["owner"],
            row["entered_at"],
            row["age_us"] / 1e6,
            row["counted_us"] / 1e6,
            row["amount"],
            *prospects(tables[row["stage"]], row["age_us"] / 1e6),
        )
        for row in listed.to_pylist()
    )
    return StalledList(total.column(0)[0].as_py(), stays, (listing, counting, *lived.statements))


def limits_of(
    m: Modelled, scope: Scope, kind: str, business: Business | None
) -> tuple[tuple[Limit, ...], tuple[Rendered, ...]]:
    """The limit of each stage in which one can stall, in the order of the model."""
    own, without = stall_limits(m.model)
    day = business.week / len(business.open_spans) if business else DAY
    usual = [*own, *without] if kind == "usual" else without
    found, asked = _usual(m, scope, usual, business) if usual else ({}, ())
    limits = {key: Limit(key, days * day.total_seconds(), "own") for key, days in own.items() if key not in usual}
    limits |= {key: Limit(key, seconds, "usual") for key, seconds in found.items()}
    return tuple(limits[s.key] for s in m.model.progress if s.key in limits), asked


def _usual(
    m: Modelled, scope: Scope, stages: list[str], business: Business | None
) -> tuple[dict[str, float], tuple[Rendered, ...]]:
    """Within how many seconds nine in ten of those advanced who advanced by as_of; stages nobody left are not in it."""
    s = m.stays.c
    further = {key: [p.key for p in m.model.progress if m.model.rank(p.key) > m.model.rank(key)] for key in stages}
    went_on = [sa.and_(s.stage == key, s.next_stage.in_(later)) for key, later in further.items() if later]
    where = [sa.or_(*went_on), s.exited_at <= scope.as_of]
    passed = sa.select(s.stage, s.entered_at, s.exited_at).where(*where).subquery("passed")
    c = on_the_clock(passed, ["entered_at", "exited_at"], business).c
    took = quantile(c.exited_at_us - c.entered_at_us, 0.9).label("took")
    schema = pa.schema([("stage", pa.string()), ("took", pa.float64())])
    table, rendered = m.ask(sa.select(c.stage, took).group_by(c.stage), schema)
    return {row["stage"]: row["took"] / 1e6 for row in table.to_pylist() if row["took"]}, (rendered,)


def _open(m: Modelled, scope: Scope, limits: tuple[Limit, ...], business: Business | None) -> sa.Subquery:
    """The stays that are open at as_of in stages with a limit: LIST's columns, segment, and `over`: 1 beyond it."""
    s, d, owner = m.stays.c, m.deals.c, m.catalog.get("owner")
    rep = s[owner.column] if owner else sa.cast(sa.null(), sa.Text())
    segment = m.segment_column(m.stays, scope)
    inside = (
        sa.select(s.entity_id, s.journey, s.stage, s.entered_at, rep.label("owner"), segment.label("segment"))
        .where(s.stage.in_([x.stage for x in limits]), *staying(m, scope), *m.filtered(m.stays, scope.filters))
        .subquery("inside")
    )
    placed = on_the_clock(inside, ["entered_at"], business)
    undecided = [d.created_at <= scope.as_of, sa.or_(d.closed_at.is_(None), d.closed_at > scope.as_of)]
    worth = (
        sa.select(d.entity_id, d.journey, sa.func.sum(d.amount).label("amount"))
        .where(*undecided)
        .group_by(d.entity_id, d.journey)
        .subquery("worth")
    )
    c = placed.c
    counted = place_of(scope.as_of, business) - c.entered_at_us
    too_long = [
        sa.and_(c.stage == x.stage, counted > microseconds(round(x.seconds * 1e6) * MICROSECOND)) for x in limits
    ]
    columns = [
        c.entity_id,
        c.stage,
        c.owner,
        c.segment,
        c.entered_at,
        elapsed(c.entered_at, sa.literal(scope.as_of, Instant())).label("age_us"),
        counted.label("counted_us"),
        worth.c.amount,
        sa.case((sa.or_(*too_long), 1), else_=0).label("over"),
    ]
    joined = placed.outerjoin(worth, sa.and_(worth.c.entity_id == c.entity_id, worth.c.journey == c.journey))
    return sa.select(*columns).select_from(joined).subquery("still_in")
