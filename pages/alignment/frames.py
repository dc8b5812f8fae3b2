"""Answers about agreement as frames, for charts and tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from lifecycle import rates
from lifecycle.agreement import Agreement, Alignment
from lifecycle.bypass import Evidence
from lifecycle.commitment import Commitment, Month
from lifecycle.segments import NOT_SET
from lifecycle.stages import StageModel
from lifecycle.threshold import Band, Threshold
from lifecycle.where import Row, control_limits
from pages.ui import labels

REASON_LIMIT = 12


def named(value: str | None) -> str:
    """A segment's value as people read it."""
    return f"{NOT_SET} not set" if value is None else value


def month_name(month: Month) -> str:
    return f"{month.period:%b ’%y}"


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


def cells(leads: str, whole: Agreement) -> pd.DataFrame:
    """The cells of the 2×2 that can be known: outcome, marketing, sales, n, note; n."""
    yes, no = f"Handed over as {leads}", "Not handed over"
    rows = [
        ("accepted", yes, "Sales accepted", whole.accepted, "both said yes"),
        ("rejected", yes, "Sales rejected", whole.rejected, "only marketing"),
        ("bypass", no, "Sales accepted", whole.bypass, "only sales"),
    ]
    return pd.DataFrame(rows, columns=["outcome", "marketing", "sales", "n", "note"])


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


def traits(found: Evidence, label: Mapping[str, str], limit: int = 8) -> pd.DataFrame:
    """What is more frequent among bypasses: label, value, series, low, high, note."""
    rows = []
    for t in [t for t in found.traits if t.differs and t.value is not None][:limit]:
        for series, rate in (("bypassed", t.bypass), ("handed over", t.accepted)):
            low, high = rate.interval or (None, None)
            name = f"{label[t.segment]}: {named(t.value)}"
            note = f"{rate.numerator:,} of {rate.denominator:,}"
            rows.append({"label": name, "series": series, "value": rate.value, "low": low, "high": high, "note": note})
    return pd.DataFrame(rows)


def middles(found: Evidence, label: Mapping[str, str]) -> pd.DataFrame:
    """Medians of numbers, side by side."""
    return pd.DataFrame(
        [
            {
                "Median of": label[x.segment],
                "Bypassed": f"{x.bypass:,.1f}".removesuffix(".0"),
                "Accepted": f"{x.accepted:,.1f}".removesuffix(".0"),
                "n": f"{x.n_bypass:,} / {x.n_accepted:,}",
            }
            for x in found.middles
            if x.bypass is not None and x.accepted is not None
        ]
    )


def where(rows: Iterable[Row], compared: bool) -> pd.DataFrame:
    """The values of a segment as a table."""
    out = []
    for r in rows:
        shown = {
            "Value": named(r.value),
            "Accepted": labels.percent(r.acceptance.value),
            "95 % interval": span(r.acceptance.interval),
            "Decided": r.acceptance.denominator,
            "Pull": points(r.contribution),
            "Against all others": verdict(r),
        }
        out.append(shown | ({"Part in the change": points((r.mix or 0) + (r.rate or 0))} if compared else {}))
    return pd.DataFrame(out)


def tidy(rows: Iterable[Row]) -> pd.DataFrame:
    """The same rows as an export holds them: plain numbers."""
    out = []
    for r in rows:
        a, limits = r.agreement, r.limits
        counts = {
            name: getattr(a, name) for name in ("delivered", "accepted", "rejected", "expired", "pending", "bypass")
        }
        (low, high), rest = r.acceptance.interval or (None, None), r.rest.value
        out.append(
            {"segment": r.segment, "value": r.value}
            | counts
            | {"acceptance": r.acceptance.value, "low": low, "high": high, "all_others": rest, "p": r.p}
            | {
                "limit_95_low": limits.warning[0] if limits else None,
                "limit_95_high": limits.warning[1] if limits else None,
            }
            | {
                "limit_998_low": limits.control[0] if limits else None,
                "limit_998_high": limits.control[1] if limits else None,
            }
            | {"contribution": r.contribution, "mix": r.mix, "rate": r.rate}
        )
    return pd.DataFrame(out)


def verdict(row: Row) -> str:
    """Whether a value differs from the others, in words."""
    if row.acceptance.few:
        return "few, read with care"
    return f"differs, p {'< 0.001' if (row.p or 0) < 0.001 else f'= {row.p:.3f}'}" if row.differs else "no difference"


def points(value: float | None) -> str:
    """A part of a rate in percentage points."""
    return labels.UNDEFINED if value is None else rates.points(value)


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
    sizes = sorted({int(n) for n in np.linspace(1, most**0.5, 60) ** 2})
    for n, found in zip(sizes, control_limits(whole, sizes), strict=True):
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
    """Acceptance by score band, with the number of decided leads, as bars."""
    rows = []
    for band in found:
        rate = band.agreement.acceptance
        low, high = rate.interval or (None, None)
        label = f"{band.low:g}–{band.high:g} ({rate.denominator:,})"
        rows.append({"label": label, "value": rate.value, "low": low, "high": high, "note": f"{labels.interval(rate)}"})
    return pd.DataFrame(rows).dropna(subset=["value"])
