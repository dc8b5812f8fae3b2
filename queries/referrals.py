"""The loop, asked: who referred whom, as counts; and the promoters who have referred nobody, as a list."""

from __future__ import annotations

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.funnel import steps_of
from lifecycle.nps import GROUPS
from lifecycle.rates import Rate
from lifecycle.referrals import Generation, Loop, Reach, reaches
from lifecycle.scope import Scope
from queries.ages import number
from queries.belonging import at_home, folded
from queries.contacts import Records
from queries.counted import population, summed
from queries.customers import required, segmented
from queries.dialect import bytewise
from queries.errors import WarehouseError
from queries.instants import in_period
from queries.leads import paged
from queries.modelled import Modelled
from queries.surveys import surveys
from queries.value import first_purchases
from queries.warehouse import Rendered

FURTHEST = 20  # generations that are followed
PROMOTER = pa.schema([("customer_id", pa.string()), ("score", pa.float64()), ("at", pa.timestamp("us"))])


def referrals(m: Modelled, scope: Scope) -> sa.Subquery:
    """Referrals by as_of: customer_id (who referred), referred, at. Nobody refers themselves.

    Raises WarehouseError("missing_table") without referrals.
    """
    source = required(m, "referrals")
    names = ("referrer_id", "referred_id")
    where = [source["referred_at"] <= scope.as_of, *(source[name].is_not(None) for name in names)]
    told = sa.select(*(source[name].label(name) for name in names), source["referred_at"].label("at")).where(*where)
    once = sa.select(folded(m, told, *names)).distinct().subquery("once")  # what is told twice was referred once
    c = at_home(m, once, *names).c
    between = [c.referrer_id.label("customer_id"), c.referred_id.label("referred"), c["at"]]
    return sa.select(*between).where(c.referrer_id != c.referred_id).subquery("referrals")


def loop(m: Modelled, scope: Scope) -> Loop:
    """Everything about referrals. Raises WarehouseError("missing_table") without referrals."""
    (made, referrers), counted_ = _made(m, scope)
    customers, buying = _of_customers(m, scope)
    promoters, praising = _of_promoters(m, scope)
    reach, reaching = _reach(m, scope)
    generations, circular, descending = _generations(m, scope)
    return Loop(
        model=m.model.name,
        build=m.build.id,
        scope=scope,
        made=made,
        referrers=referrers,
        customers=customers,
        promoters=promoters,
        reach=reach,
        generations=generations,
        circular=circular,
        statements=(counted_, *buying, *praising, reaching, descending),
    )


def _made(m: Modelled, scope: Scope) -> tuple[tuple[int, int], Rendered]:
    inside = segmented(m, scope, referrals(m, scope))
    c = inside.c
    counts = [sa.func.count().label("made"), sa.func.count(c.customer_id.distinct()).label("referrers")]
    statement = sa.select(*counts).where(*in_period(c["at"], scope))
    table, rendered = m.ask(statement, pa.schema([(n.name, pa.int64()) for n in counts]))
    row = table.to_pylist()[0]
    return (row["made"], row["referrers"]), rendered


def referrers(m: Modelled, scope: Scope) -> sa.Subquery:
    """Everybody who ever referred somebody by as_of, once: customer_id."""
    return sa.select(referrals(m, scope).c.customer_id).distinct().subquery("referrers")


def _share(m: Modelled, scope: Scope, those: sa.FromClause) -> tuple[Rate, Rendered]:
    """How many of `those` (customer_id, once each) ever referred somebody."""
    who = referrers(m, scope)
    joined = those.outerjoin(who, who.c.customer_id == those.c.customer_id)
    counts = [sa.func.count().label("n"), sa.func.count(who.c.customer_id).label("referred")]
    table, rendered = m.ask(sa.select(*counts).select_from(joined), pa.schema([(n.name, pa.int64()) for n in counts]))
    row = table.to_pylist()[0]
    return Rate(row["referred"], row["n"]), rendered


def _of_customers(m: Modelled, scope: Scope) -> tuple[Rate | None, tuple[Rendered, ...]]:
    try:
        those = first_purchases(m, scope)
    except WarehouseError:  # neither orders nor subscriptions: nobody is known to be a customer
        return None, ()
    rate, rendered = _share(m, scope, those)
    return rate, (rendered,)


def promoters(m: Modelled, scope: Scope) -> sa.Subquery:
    """Customers whose newest score by as_of is 9 or 10, those that match the filters: customer_id, score, at."""
    given = surveys(m, scope)
    g = given.c
    nth = sa.func.row_number().over(partition_by=g.customer_id, order_by=[g["at"].desc(), g.score.desc()]).label("nth")
    newest = sa.select(g.customer_id, g.score, g["at"], nth).where(g["at"].is_not(None)).subquery("newest")
    n = newest.c
    low, high = GROUPS["promoter"]
    praise = sa.select(n.customer_id, n.score, n["at"]).where(n.nth == 1, n.score >= low, n.score <= high)
    return segmented(m, scope, praise.subquery("praise"))


def _of_promoters(m: Modelled, scope: Scope) -> tuple[Rate | None, tuple[Rendered, ...]]:
    if "surveys" not in m.sources:
        return None, ()
    rate, rendered = _share(m, scope, promoters(m, scope))
    return rate, (rendered,)


def unasked(m: Modelled, scope: Scope, page: int = 0) -> Records:
    """Promoters who have referred nobody by as_of, the newest answers first.

    Raises WarehouseError("missing_table") without surveys or referrals.
    """
    those, who = promoters(m, scope), referrers(m, scope)
    c = those.c
    joined = those.outerjoin(who, who.c.customer_id == c.customer_id)
    statement = sa.select(c.customer_id, c.score, c["at"]).select_from(joined).where(who.c.customer_id.is_(None))
    return paged(m, statement, [c["at"].desc(), bytewise(c.customer_id)], PROMOTER, page)


def _reach(m: Modelled, scope: Scope) -> tuple[tuple[Reach, ...], Rendered]:
    """The funnel's cohort, parted into those who were referred by as_of and all others."""
    steps = steps_of(m.model, scope)
    base = population(m, scope.whole, steps)
    known = sa.select(referrals(m, scope).c.referred).distinct().subquery("known")
    told = (
        sa.select(base, sa.case((known.c.referred.is_not(None), number(1)), else_=number(0)).label("referred"))
        .select_from(base.outerjoin(known, known.c.referred == base.c.entity_id))
        .subquery("told")
    )
    due = sa.func.count(sa.case((told.c.young == 0, 1))).label("due")
    counts = [due, *summed(told, steps)]
    statement = sa.select(told.c.referred, *counts).group_by(told.c.referred)
    schema = pa.schema([("referred", pa.int64()), *((n.name, pa.int64()) for n in counts)])
    table, rendered = m.ask(statement, schema)
    rows = {row.pop("referred"): list(row.values()) for row in table.to_pylist()}
    nobody = [0] * len(counts)
    stages = [(stage.key, steps.label(place, stage)) for place, stage, _ in steps.rows]
    one, other = rows.get(1, nobody), rows.get(0, nobody)
    return reaches(stages[1:], [one[0], *one[2:]], [other[0], *other[2:]]), rendered


def _generations(m: Modelled, scope: Scope) -> tuple[tuple[Generation, ...], int, Rendered]:
    """Everybody referred by as_of by their distance from somebody who was not, and how many of each bought.

    Who was referred several times is the child of the first who did; at one instant, of the bytewise smallest id.
    """
    rows = referrals(m, scope).c
    first = [rows["at"], bytewise(rows.customer_id)]
    nth = sa.func.row_number().over(partition_by=rows.referred, order_by=first).label("nth")
    ranked = sa.select(rows.customer_id, rows.referred, nth).subquery("ranked").c
    edges = sa.select(ranked.customer_id.label("parent"), ranked.referred.label("child")).where(ranked.nth == 1).cte()
    e, above, below = edges.alias(), edges.alias(), edges.alias()
    roots = (
        sa.select(e.c.child, sa.literal_column("1").label("generation"))
        .select_from(e.outerjoin(above, above.c.child == e.c.parent))
        .where(above.c.child.is_(None))
        .cte(recursive=True)
    )
    tree = roots.union_all(
        sa.select(below.c.child, roots.c.generation + 1)
        .join(below, below.c.parent == roots.c.child)
        .where(roots.c.generation < FURTHEST)
    )
    every = edges.alias()
    placed = every.outerjoin(tree, tree.c.child == every.c.child)
    generation = sa.func.coalesce(tree.c.generation, 0).label("generation")
    counts: list[sa.ColumnElement] = [sa.func.count().label("referred")]
    try:
        bought = first_purchases(m, scope.whole)
    except WarehouseError:
        counts.append(sa.literal_column("0").label("customers"))
        inner = sa.select(generation).select_from(placed).subquery("placed")
    else:
        joined = placed.outerjoin(bought, bought.c.customer_id == every.c.child)
        inner = sa.select(generation, bought.c.customer_id).select_from(joined).subquery("placed")
        counts.append(sa.func.count(inner.c.customer_id).label("customers"))
    statement = sa.select(inner.c.generation, *counts).group_by(inner.c.generation)
    schema = pa.schema([(name, pa.int64()) for name in ("generation", "referred", "customers")])
    table, rendered = m.ask(statement, schema)
    found = [Generation(r["generation"], r["referred"], r["customers"]) for r in table.to_pylist()]
    circular = sum(g.referred for g in found if g.number == 0)
    ordered = sorted((g for g in found if g.number), key=lambda g: g.number)
    return tuple(ordered), circular, rendered
