"""Answers about velocity as frames, for charts and tables."""

from __future__ import annotations

import pandas as pd

from lifecycle.pipeline import DAY, LOST, WON, Estimate
from lifecycle.velocity import FACTORS, Course, Factors, Split, Velocity, ends, factors
from pages.pace.frames_moves import ENTITIES, named
from pages.ui import labels
from queries.contacts import Records

NAMES = {
    "opportunities": "Opportunities",
    "average_value": "Average value",
    "win_rate": "Win rate",
    "cycle_days": "Cycle",
}
OUTCOMES = {"won": "won", "lost": "lost", "open": "open"}
MOST = 400  # ages that are drawn; between them the curve hardly moves


def figure(name: str, found: Estimate | None) -> str:
    """A factor as people read it."""
    return labels.UNDEFINED if found is None else _said(name, found.value)


def span(name: str, found: Estimate | None) -> str:
    """Its 95 % interval."""
    if found is None:
        return "not known yet"
    if name == "win_rate":
        return f"{found.low * 100:.1f}–{min(found.high, 1) * 100:.1f} %"
    return f"{_said(name, found.low)} – {_said(name, found.high)}"


def _said(name: str, value: float) -> str:
    match name:
        case "opportunities":
            return labels.count(value)
        case "win_rate":
            return labels.percent(value)
        case "cycle_days":
            return f"{value:,.1f} days"
    return labels.money(value)


def formula(found: Factors) -> str:
    """The four factors as they are multiplied, with their numbers."""
    n, value, rate, cycle = (figure(name, getattr(found, name)) for name in FACTORS)
    return f"{n} × {value} × {rate} ÷ {cycle}"


def steps(found: Split) -> list[tuple[str, float, bool, str]]:
    """The change as a bridge takes it."""
    lines: list[tuple[str, float, bool, str]] = [("Compared period", found.before, True, "money per day")]
    lines += [(NAMES[name], part, False, "what this factor alone did") for name, part in found.steps]
    return [*lines, ("This period", found.now, True, "money per day")]


def wins(found: Velocity) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """What has become of the deals at each age, with two marks: the win rate when judged, the rate of recent closes."""
    table, rate = found.whole.table, found.now.win_rate
    if not table.n:
        return pd.DataFrame(), pd.DataFrame(), pd.DataFrame()
    end = max(1.6 * found.days, 30) * DAY
    points = [p for p in table.curve if p.seconds <= end]
    points = points[:: max(1, len(points) // MOST)]
    rows = []
    for seconds, at_risk in [(0.0, table.n), *((p.seconds, p.at_risk) for p in points if p.seconds)]:
        won, lost = (table.share([outcome], seconds) for outcome in (WON, LOST))
        note = f"{won:.1%} won, {lost:.1%} lost, {1 - won - lost:.1%} open"
        for fate, low, high in (("won", 0, won), ("open", won, 1 - lost), ("lost", 1 - lost, 1)):
            rows.append(
                {"days": seconds / DAY, "fate": fate, "low": low, "high": high, "note": note, "at_risk": at_risk}
            )
    below = rate is not None and rate.value > 0.12  # room for the label within the area
    label = "" if rate is None else _won_by(found.days, rate)
    marks = [] if rate is None else [{"days": found.days, "value": rate.value, "label": label, "below": below}]
    recent = found.recent.value
    said = f"won ÷ (won + lost) of what closed: {labels.percent(recent)}"
    rules = [] if recent is None else [{"value": recent, "label": said}]
    return (
        pd.DataFrame(rows),
        pd.DataFrame(marks, columns=["days", "value", "label", "below"]),
        pd.DataFrame(rules, columns=["value", "label"]),
    )


def _won_by(days: int, rate: Estimate) -> str:
    return f"{labels.percent(rate.value)} by day {days}"


def course(found: Course, name: str) -> pd.DataFrame:
    """One factor, or the velocity, period by period; what is not known yet has no value."""
    rows = []
    for p in found.periods:
        at = factors(p.pipeline, found.days)
        value: Estimate | None = getattr(at, name)
        rows.append(
            {
                "period": p.period,
                "name": f"{p.period:%b %Y}" if found.scope.grain == "month" else labels.day(p.period),
                "value": value.value if value else None,
                "low": value.low if value else None,
                "high": (min(value.high, 1.0) if name == "win_rate" else value.high) if value else None,
                "immature": not p.is_over if name in ("opportunities", "average_value") else p.immature,
                "note": f"{p.pipeline.n:,} deals; {formula(at)}",
            }
        )
    return pd.DataFrame(rows)


def parts(found: Velocity) -> pd.DataFrame:
    """The velocity of each group with its interval, the largest group first."""
    before = {p.values: factors(p.pipeline, found.days) for p in found.comparison.parts} if found.comparison else {}
    rows = []
    for part in found.parts:
        at = factors(part.pipeline, found.days)
        value, then = at.velocity, before.get(part.values)
        if value is not None:
            rows.append(
                {
                    "label": named(part.name),
                    "value": value.value,
                    "low": value.low,
                    "high": value.high,
                    "before": then.velocity.value if then and then.velocity else None,
                    "text": labels.money(value.value),
                    "note": formula(at),
                }
            )
    return pd.DataFrame(rows)


def fastest(found: Velocity) -> str:
    """Which group brings most a day and which least, where chance does not explain it."""
    apart = ends(found)
    if apart is None:
        return "Which group brings most a day?"
    if not apart.clear:
        return "No group brings more a day than another beyond chance"
    (best, most), (worst, least) = apart.most, apart.least
    of_best, of_worst = labels.money(most.value), labels.money(least.value)
    return f"“{named(best.name)}” brings {of_best} a day, “{named(worst.name)}” {of_worst}"


def table(found: Velocity) -> pd.DataFrame:
    """The factors of every group side by side."""
    groups = [("All", found.whole), *((named(p.name), p.pipeline) for p in found.parts)]
    rows = []
    for name, pipeline in groups:
        at = factors(pipeline, found.days)
        rows.append(
            {
                "Group": name,
                "Velocity": figure("velocity", at.velocity),
                "95 % interval": span("velocity", at.velocity),
                **{NAMES[factor]: figure(factor, getattr(at, factor)) for factor in FACTORS},
                "Won": pipeline.of(WON),
                "Lost": pipeline.of(LOST),
                "Open": pipeline.n - pipeline.of(WON) - pipeline.of(LOST),
            }
        )
    return pd.DataFrame(rows)


def deals(found: Records, entity: str) -> pd.DataFrame:
    """A page of deals, in words."""
    frame = pd.DataFrame(
        [
            {
                "Deal": r["deal_id"],
                ENTITIES[entity]: r["entity_id"],
                "Amount": r["amount"],
                "What became of it": r["outcome"],
                "Created": r["created_at"],
                "Closed": r["ended_at"],
                "Segment": named(r["segment"]),
            }
            for r in found.table.to_pylist()
        ]
    )
    empty = [c for c in ("Closed",) if len(frame) and frame[c].isna().all()]
    same = ["Segment"] if len(frame) and set(frame["Segment"]) == {"Not set"} else []
    return frame.drop(columns=empty + same)
