"""Answers about agreement as frames, for charts and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from lifecycle.agreement import Alignment
from lifecycle.bypass import Evidence
from lifecycle.commitment import Commitment, Month
from lifecycle.discussion import TOPICS, Discussion
from lifecycle.durations import LifeTable
from lifecycle.segments import NOT_SET
from lifecycle.service import Attempts, Owned, Responses, ServiceLevel
from lifecycle.stages import StageModel
from lifecycle.threshold import Band, Threshold
from lifecycle.where import Row, control_limits
from pages.ui import labels
from queries.contacts import History, Records

ENTITIES = {"contact": "Contact", "account": "Account", "deal": "Deal"}
OUTCOMES = {
    "accepted": "accepted",
    "rejected": "rejected",
    "expired": "never decided",
    "pending": "not yet decided",
    "accepted_late": "accepted, too late",
    "rejected_late": "rejected, too late",
    "bypass": "accepted by bypass",
    "returned": "accepted on return",
}
STATUSES = {
    "met": "touched in time",
    "missed": "touched too late",
    "overdue": "overdue",
    "unassigned": "overdue, never assigned",
    "not_due": "not yet due",
}
REASON_LIMIT = 12
HORIZON_HOURS = 14 * 24


def named(value: str | None) -> str:
    """A segment's value as people read it."""
    return f"{NOT_SET} not set" if value is None else value


def month_name(month: Month) -> str:
    return f"{month.period:%b %Y}"


def outcomes(found: Commitment) -> pd.DataFrame:
    """What became of each month's leads: label, outcome, n."""
    rows = [
        {"label": month_name(m), "outcome": outcome, "n": getattr(m.agreement, outcome)}
        for m in found.months
        for outcome in ("accepted", "rejected", "expired", "pending")
    ]
    return pd.DataFrame(rows, columns=["label", "outcome", "n"])


def promises(found: Commitment) -> pd.DataFrame:
    """Each month's target and projection: label, delivered, target, projected, said."""
    rows = [
        {
            "label": month_name(m),
            "delivered": m.delivered,
            "target": m.target,
            "projected": m.projected,
            "said": kept(m),
        }
        for m in found.months
    ]
    frame = pd.DataFrame(rows, columns=["label", "delivered", "target", "projected", "said"])
    return frame.astype({"target": float, "projected": float})


def kept(month: Month) -> str:
    """How far a month's promise is kept, in words."""
    said = f"{month.delivered:,} delivered"
    said += f", {labels.percent(month.attainment, 0)} of {month.target:,.0f}" if month.target else ""
    return said + (f"; {month.projected:,.0f} at today's pace" if month.projected is not None else "")


def commitment(found: Commitment) -> pd.DataFrame:
    """Every month with its targets, as an export holds it."""
    return pd.DataFrame(
        [
            {
                "month": m.period,
                "delivered": m.delivered,
                "target": m.target,
                "attainment": m.attainment,
                "projected": m.projected,
                "accepted": m.accepted,
                "accepted_target": m.accepted_target,
                "accepted_attainment": m.accepted_attainment,
                "rejected": m.agreement.rejected,
                "expired": m.agreement.expired,
                "pending": m.agreement.pending,
            }
            for m in found.months
        ]
    )


def reasons(found: Alignment, model: StageModel) -> pd.DataFrame:
    """Why leads were rejected: reason, exit, n, detail; the rarest together."""
    sizes: dict[str | None, int] = {}
    for r in found.reasons:
        sizes[r.reason] = sizes.get(r.reason, 0) + r.share.numerator
    shown = sorted(sizes, key=lambda reason: -sizes[reason])[:REASON_LIMIT]
    rows: dict[tuple[str, str], int] = {}
    for r in found.reasons:
        key = (reason_name(r.reason, shown), model.stage(r.by).label if r.by else "")
        rows[key] = rows.get(key, 0) + r.share.numerator
    return pd.DataFrame(
        [{"reason": reason, "exit": by, "n": n, "detail": ""} for (reason, by), n in rows.items()],
        columns=["reason", "exit", "n", "detail"],
    )


def reason_name(reason: str | None, shown: Sequence[str | None]) -> str:
    """A reason as the chart names it."""
    return ("no reason given" if reason is None else reason) if reason in shown else "all other reasons"


def again(found: Alignment, model: StageModel) -> pd.DataFrame:
    """How many of the rejected were handed over again, by what rejected them."""
    return pd.DataFrame(
        [
            {
                "Rejected by": model.stage(a.by).label if a.by else "",
                "Leads": a.share.denominator,
                "Handed over again": a.share.numerator,
                "Share": labels.percent(a.share.value),
                "95 % interval": span(a.share.interval),
            }
            for a in found.again
        ]
    )


def traits(found: Evidence, label: dict[str, str], limit: int = 8) -> pd.DataFrame:
    """What is more frequent among bypasses: label, value, series, low, high, note."""
    rows = []
    for t in [t for t in found.traits if t.differs and t.value is not None][:limit]:
        for series, rate in (("bypassed", t.bypass), ("handed over and accepted", t.accepted)):
            low, high = rate.interval or (None, None)
            name = f"{label[t.segment]}: {named(t.value)}"
            note = f"{rate.numerator:,} of {rate.denominator:,}"
            rows.append({"label": name, "series": series, "value": rate.value, "low": low, "high": high, "note": note})
    return pd.DataFrame(rows)


def middles(found: Evidence, label: dict[str, str]) -> pd.DataFrame:
    """Medians of numbers, side by side."""
    return pd.DataFrame(
        [
            {
                "Median of": label[x.segment],
                "Bypassed": x.bypass,
                "Handed over and accepted": x.accepted,
                "n": f"{x.n_bypass:,} and {x.n_accepted:,}",
            }
            for x in found.middles
            if x.bypass is not None and x.accepted is not None
        ]
    )


def where(rows: Iterable[Row], compared: bool) -> pd.DataFrame:
    """The values of a segment as a table."""
    out = []
    for r in rows:
        rate = r.acceptance
        shown = {
            "Value": named(r.value),
            "Accepted": labels.percent(rate.value),
            "95 % interval": span(rate.interval),
            "Decided": rate.denominator,
            "Handed over": r.agreement.delivered,
            "Bypass": r.agreement.bypass,
            "All others": labels.percent(r.rest.value),
            "Pull on the whole": points(r.contribution),
            "Against chance": verdict(r),
        }
        out.append(shown | ({"Part in the change": points((r.mix or 0) + (r.rate or 0))} if compared else {}))
    return pd.DataFrame(out)


def verdict(row: Row) -> str:
    """Whether a value differs from the others, in words."""
    if row.acceptance.few:
        return "few, read with care"
    return f"differs, p {'< 0.001' if (row.p or 0) < 0.001 else f'= {row.p:.3f}'}" if row.differs else "no difference"


def points(value: float | None) -> str:
    """A part of a rate in percentage points."""
    return labels.UNDEFINED if value is None else f"{value * 100:+.1f} pp"


def span(interval: tuple[float, float] | None) -> str:
    """An interval as people read it."""
    return labels.UNDEFINED if interval is None else f"{interval[0] * 100:.1f}–{interval[1] * 100:.1f} %"


def funnel_plot(rows: Sequence[Row]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Points and control lines: the named ones lie outside the outer limits."""
    shown = [r for r in rows if r.acceptance.denominator]
    words = {"99.8": "outside 99.8 %", "95": "outside 95 %", None: "within the limits"}
    far = sorted((abs(r.distance) for r in shown if r.outside == "99.8"), reverse=True)[:8]
    dots = pd.DataFrame(
        [
            {
                "label": named(r.value),
                "n": r.acceptance.denominator,
                "value": r.acceptance.value,
                "where": words[r.outside],
                "note": labels.interval(r.acceptance),
                "named": r.outside == "99.8" and abs(r.distance) in far,
            }
            for r in shown
        ]
    )
    accepted, decided = (sum(getattr(r.agreement, name) for r in shown) for name in ("accepted", "decided"))
    if not decided:
        return dots, pd.DataFrame()
    whole, most = accepted / decided, max(r.acceptance.denominator for r in shown) * 1.1
    lines = []
    for n in sorted({int(n) for n in np.linspace(1, most**0.5, 60) ** 2}):
        found = control_limits(whole, n)
        (low95, high95), (low998, high998) = found.warning, found.control
        lines.append({"n": n, "whole": whole, "low95": low95, "high95": high95, "low998": low998, "high998": high998})
    return dots, pd.DataFrame(lines)


def threshold(found: Threshold) -> pd.DataFrame:
    """Acceptance, coverage and volume over every cut."""
    cuts, rows = found.cuts, []
    most = max((cut.volume for cut in cuts), default=0)
    for cut in cuts:
        for series, rate in (("Acceptance", cut.acceptance), ("Coverage", cut.coverage)):
            low, high = rate.interval or (None, None)
            note = f"{rate.numerator:,} of {rate.denominator:,}"
            rows.append(
                {"score": cut.score, "series": series, "value": rate.value, "low": low, "high": high, "note": note}
            )
        share, note = cut.volume / most, f"{cut.volume:,} of {most:,}"
        rows.append({"score": cut.score, "series": "Volume", "value": share, "low": None, "high": None, "note": note})
    return pd.DataFrame(rows, columns=["score", "series", "value", "low", "high", "note"])


def bands(found: Sequence[Band]) -> pd.DataFrame:
    """Acceptance by score band, as bars."""
    rows = []
    for band in found:
        rate = band.agreement.acceptance
        low, high = rate.interval or (None, None)
        label = f"{band.low:g}–{band.high:g}"
        rows.append({"label": label, "value": rate.value, "low": low, "high": high, "note": f"{labels.interval(rate)}"})
    return pd.DataFrame(rows).dropna(subset=["value"])


def responses(found: ServiceLevel) -> tuple[pd.DataFrame, pd.DataFrame]:
    """First touches of the whole, then of each row: bars and their rates."""
    groups: list[tuple[str, Responses]] = [("All", found.whole), *((named(r.value), r.responses) for r in found.rows)]
    bars = [{"label": name, "status": status, "n": getattr(r, status)} for name, r in groups for status in STATUSES]
    ends = [{"label": name, "rate": labels.percent(r.rate.value, 0)} for name, r in groups]
    return pd.DataFrame(bars), pd.DataFrame(ends)


def by_owner(rows: Sequence[Owned]) -> pd.DataFrame:
    """The service of each owner as a table."""
    return pd.DataFrame(
        [
            {
                "Owner": named(r.value),
                "In time": labels.percent(r.responses.rate.value),
                "95 % interval": span(r.responses.rate.interval),
                "Due": r.responses.rate.denominator,
                "Ever missed": r.responses.due,
                "Still waiting": r.responses.past_due,
                "Not yet due": r.responses.not_due,
                "Median": labels.duration(r.speed.quantile(0.5)),
                "p90": labels.duration(r.speed.quantile(0.9)),
            }
            for r in rows
        ]
    )


def waits(tables: dict[str, LifeTable]) -> pd.DataFrame:
    """Curves of waiting up to the horizon: series, hours, value, low, high, note."""
    rows = []
    for name, table in tables.items():
        start = {"series": name, "hours": 0.0, "value": 1.0, "low": 1.0, "high": 1.0, "note": f"{table.n:,} at risk"}
        points_ = [p for p in table.curve if p.seconds / 3_600 <= HORIZON_HOURS]
        rows += [start] if table.n else []
        rows += [
            {
                "series": name,
                "hours": p.seconds / 3_600,
                "value": p.survival,
                "low": p.low,
                "high": p.high,
                "note": f"{p.at_risk:,} at risk",
            }
            for p in points_
        ]
    return pd.DataFrame(rows, columns=["series", "hours", "value", "low", "high", "note"])


def attempts(found: Attempts) -> pd.DataFrame:
    """Leads by number of touches, as bars."""
    last = len(found.leads) - 1
    return pd.DataFrame(
        [
            {
                "label": f"{k} or more" if k == last else f"{k}",
                "value": n / found.n if found.n else 0.0,
                "note": f"{n:,} of {found.n:,} leads",
            }
            for k, n in found.leads
        ]
    )


def leads(found: Records, model: StageModel, segment: str | None = None) -> pd.DataFrame:
    """A page of leads in words."""
    label = {s.key: s.label for s in model.active}
    rows = []
    for r in found.table.to_pylist():
        shown = {
            ENTITIES[model.entity]: r["entity_id"],
            "Handed over": r["handed_at"],
            "What became of it": OUTCOMES[r["outcome"]],
            "Decided": r["decided_at"],
            "Rejected by": label.get(r["rejected_by"], ""),
            "Reason": r["reason"] or "",
            "Lead score": r["score"],
            "Owner": r["owner"] or "nobody",
        }
        rows.append(shown | ({segment: named(r["segment"])} if segment else {}))
    return pd.DataFrame(rows)


def waiting(found: Records, model: StageModel) -> pd.DataFrame:
    """A page of leads on the clock, in words."""
    return pd.DataFrame(
        [
            {
                ENTITIES[model.entity]: r["entity_id"],
                "Waiting since": r["clock_at"],
                "For": labels.duration(r["waited_us"] / 1e6),
                "Owner": r["owner"] or "nobody",
                "Assigned": r["assigned_at"],
                "First touch": r["touched_at"],
                "What became of it": OUTCOMES[r["outcome"]],
                "Service level": STATUSES[r["status"]],
            }
            for r in found.table.to_pylist()
        ]
    )


def discussed(found: Discussion, model: StageModel) -> pd.DataFrame:
    """A page of the leads to discuss: what makes each one worth it."""
    label = {s.key: s.label for s in model.active}
    rows = []
    for x in found.leads:
        why = [TOPICS[t] for t in x.topics]
        if "others_accept" in x.topics and x.others:
            why[x.topics.index("others_accept")] = f"other reps accepted {x.others[0]:,} of {x.others[1]:,} like it"
        rows.append(
            {
                ENTITIES[model.entity]: x.entity_id,
                "Why": "; ".join(why),
                "Lead score": x.score,
                "Handed over": x.handed_at,
                "What became of it": OUTCOMES[x.outcome],
                "Rejected by": label.get(x.rejected_by or "", ""),
                "Reason": x.reason or "",
                "Owner": x.owner or "nobody",
            }
        )
    return pd.DataFrame(rows)


def stays(found: History, model: StageModel) -> pd.DataFrame:
    """One entity's stages in order, with how long it stayed."""
    label = {s.key: s.label for s in model.active}
    return pd.DataFrame(
        [
            {
                "Entered": r["entered_at"],
                "Stage": label[r["stage"]],
                "Left": r["exited_at"],
                "Stayed": labels.duration((r["exited_at"] - r["entered_at"]).total_seconds()) if r["exited_at"] else "",
                "Reason": r["reason"] or "",
                "By": r["actor"] or "",
            }
            for r in found.timeline.to_pylist()
        ]
    )
