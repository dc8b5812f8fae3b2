"""Leads to discuss, asked: one expression per topic counts them and lists them."""

from __future__ import annotations

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.agreement import LATE
from lifecycle.discussion import PEERS, TOPICS, USUALLY, Discussion, Lead, Rules
from lifecycle.scope import Scope
from queries.contacts import PAGE
from queries.dialect import bytewise, floored
from queries.handoff import accepting, handed, handoff_of
from queries.leads import LEAD as HANDED_LEAD
from queries.modelled import Modelled
from queries.threshold import with_score

LEAD = pa.schema(
    [
        *(field for field in HANDED_LEAD if field.name != "segment"),
        ("others_accepted", pa.int64()),
        ("others_decided", pa.int64()),
        *((topic, pa.int64()) for topic in TOPICS),
    ]
)


def discussion(m: Modelled, scope: Scope, rules: Rules, topic: str | None = None, page: int = 0) -> Discussion:
    """How many leads each topic has, and a page of those of one topic (None: of any), ranked."""
    c = _told(m, scope, rules).c
    any_ = sa.or_(*(c[t] == 1 for t in TOPICS))
    sums = [sa.func.count(sa.case((c[t] == 1, 1))).label(t) for t in TOPICS]
    total = sa.func.count(sa.case((any_, 1))).label("total")
    counts, counting = m.ask(
        sa.select(*sums, total), pa.schema([*((t, pa.int64()) for t in TOPICS), ("total", pa.int64())])
    )
    n = counts.to_pylist()[0]
    reasons = sum((c[t] for t in TOPICS), start=sa.literal_column("0"))
    order = [reasons.desc(), c.score.desc().nulls_last(), c.handed_at.desc(), bytewise(c.entity_id), c.journey]
    where = any_ if topic is None else c[topic] == 1
    statement = sa.select(*(c[name] for name in LEAD.names)).where(where)
    table, listing = m.ask(statement.order_by(*order).limit(PAGE).offset(page * PAGE), LEAD)
    leads = tuple(_lead(row) for row in table.to_pylist())
    all_ = n.pop("total")
    return Discussion(all_ if topic is None else n[topic], n, leads, rules, (listing, counting))


def _lead(row: dict) -> Lead:
    topics = tuple(t for t in TOPICS if row.pop(t))
    yes, n = row.pop("others_accepted"), row.pop("others_decided")
    return Lead(**row, topics=topics, others=(yes, n) if n else None)


def _told(m: Modelled, scope: Scope, rules: Rules) -> sa.Subquery:
    """The leads with a column of 0 or 1 per topic, and what other reps made of like leads."""
    owner = m.catalog.get("owner")
    alike = [s.column for name in rules.alike if (s := m.catalog.get(name))]
    base = with_score(m, handed(m, scope, [*alike, *([owner.column] if owner else [])]))
    rep: sa.ColumnElement = base.c[owner.column] if owner else sa.cast(sa.null(), sa.Text())
    band = floored(base.c.score / sa.literal(rules.band, sa.Double())) if rules.band else sa.literal_column("0")
    leads = sa.select(base, rep.label("owner"), band.label("band")).subquery("leads")
    c = leads.c
    yes, no = sa.case((c.outcome == "accepted", 1), else_=0), sa.case((c.outcome == "rejected", 1), else_=0)
    like = [c.band, *(c[name] for name in alike)]

    def others(of: sa.ColumnElement) -> sa.ColumnElement:
        everyone = sa.func.sum(of).over(partition_by=like)
        return sa.cast(everyone - sa.func.sum(of).over(partition_by=[*like, c.owner]), sa.BigInteger())

    compared = sa.select(leads, others(yes).label("others_accepted"), others(yes + no).label("others_decided"))
    marked = compared.subquery("compared")
    twice = _twice(m, scope)
    source = marked.outerjoin(twice, twice.c.entity_id == marked.c.entity_id)
    tests = _tests(marked.c, twice.c, rules, has_peers=bool(owner and alike))
    flags = [sa.case((tests[t], 1), else_=0).label(t) for t in TOPICS]
    return sa.select(marked, *flags).select_from(source).subquery("told")


def _tests(
    c: sa.ColumnCollection, twice: sa.ColumnCollection, rules: Rules, has_peers: bool
) -> dict[str, sa.ColumnElement[bool]]:
    rejected = c.outcome == "rejected"
    share, of = USUALLY
    usually = sa.and_(c.others_decided >= PEERS, c.others_accepted * of >= c.others_decided * share)
    return {
        "high_score": sa.and_(rejected, c.score >= rules.high_score) if rules.high_score is not None else sa.false(),
        "bypass": c.outcome == "bypass",
        "expired": c.outcome.in_(("expired", *LATE)),
        "others_accept": sa.and_(rejected, c.owner.is_not(None), usually) if has_peers else sa.false(),
        "sent_back_twice": sa.and_(rejected, twice.last_journey == c.journey),
    }


def _twice(m: Modelled, scope: Scope) -> sa.Subquery:
    """Entities handed over and left by a rejecting exit, unaccepted, in two or more journeys by as_of, and the last."""
    handoff, j = handoff_of(m), m.journeys.c
    exits = [key for key in handoff.rejected if m.model.stage(key).kind == "exit"]
    where = [j.n_journeys > 1, j[f"{handoff.from_}_at"].is_not(None), j.exit_stage.in_(exits)]
    where += [j.exited_at <= scope.as_of, *(j[name].is_(None) for name in accepting(m.model, handoff))]
    last = sa.func.max(j.journey).label("last_journey")
    statement = sa.select(j.entity_id, last).where(*where).group_by(j.entity_id).having(sa.func.count() > 1)
    return statement.subquery("twice")
