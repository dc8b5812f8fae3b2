"""What happened to contacts beside the stages: one row per event of every contract table that tells of them."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import sqlalchemy as sa

from queries.contract import Source
from queries.dialect import Instant
from queries.members import Members

MOMENTS = pa.schema(
    [
        ("at", pa.timestamp("us")),
        ("kind", pa.string()),
        ("what", pa.string()),
        ("detail", pa.string()),
        ("amount", pa.float64()),
        ("until", pa.timestamp("us")),
        ("contact_id", pa.string()),
        ("actor", pa.string()),
    ]
)
Columns = dict[str, sa.ColumnElement]


def moments(sources: Mapping[str, Source], who: Members) -> sa.CompoundSelect | None:
    """MOMENTS rows of these contacts, their account and their deal; None where no table tells of any."""
    parts = [
        _row(kind, columns).select_from(sources[table].table).where(_belongs(sources[table], columns, who))
        for table, kind, columns in _told(sources)
    ]
    return sa.union_all(*parts) if parts else None


def _belongs(source: Source, columns: Columns, who: Members) -> sa.ColumnElement[bool]:
    """Rows that name one of the contacts, or their account and no contact; of deals that move, the one."""
    if source.spec.name == "deals" and who.deal_id:
        return source["deal_id"] == who.deal_id
    own = columns["contact_id"].in_(who.ids)
    if who.account_id is None or "account_id" not in source.spec.columns:
        return own
    return sa.or_(own, sa.and_(source["contact_id"].is_(None), source["account_id"] == who.account_id))


def _told(sources: Mapping[str, Source]) -> list[tuple[str, str, Columns]]:
    """Table, kind of moment, and what its columns say, for every contract table that is there."""
    told: list[tuple[str, str, Columns]] = []

    def tells(kind: str, source: Source, at: str, **columns: sa.ColumnElement) -> None:
        who = {} if "contact_id" in columns else {"contact_id": source["contact_id"]}
        told.append((source.spec.name, kind, {"at": source[at], **who, **columns}))

    if a := sources.get("activities"):
        tells("activity", a, "occurred_at", what=a["kind"], actor=a["actor"])
    if d := sources.get("deals"):
        closed = sa.case((d["is_won"].is_(True), "won"), (d["is_won"].is_(False), "lost"))
        ends = {"until": d["closed_at"], "detail": closed}
        tells("deal", d, "created_at", what=d["stage"], amount=d["amount"], actor=d["owner"], **ends)
    if o := sources.get("orders"):
        tells("order", o, "ordered_at", amount=o["amount"])
    if b := sources.get("subscriptions"):
        tells("subscription", b, "started_at", until=b["ended_at"], amount=b["mrr"])
    if v := sources.get("surveys"):
        tells("survey", v, "responded_at", what=v["kind"], amount=v["score"])
    if r := sources.get("referrals"):
        made, received = sa.literal("made"), sa.literal("received")
        tells("referral", r, "referred_at", what=made, contact_id=r["referrer_id"], detail=r["referred_id"])
        tells("referral", r, "referred_at", what=received, contact_id=r["referred_id"], detail=r["referrer_id"])
    if (u := sources.get("audits")) and u.has("audited_at"):
        marketing, sales = u["marketing"].is_(True), u["sales"].is_(True)
        cells = [(sa.and_(marketing, sales), "both"), (marketing, "marketing"), (sales, "sales")]
        tells("audit", u, "audited_at", detail=sa.case(*cells, else_="neither"))
    if h := sources.get("contact_history"):
        tells("change", h, "valid_from", what=h["column"], detail=h["value"])
    return told


def _row(kind: str, columns: Columns) -> sa.Select:
    """MOMENTS columns in order; those that a table lacks are NULL."""
    text = sa.cast(sa.null(), sa.Text())
    absent: Columns = {"what": text, "detail": text, "actor": text, "until": sa.cast(sa.null(), Instant())}
    given = absent | {"kind": sa.literal(kind), "amount": sa.null()} | columns
    given["amount"] = sa.cast(given["amount"], sa.Double())
    return sa.select(*(given[name].label(name) for name in MOMENTS.names))
