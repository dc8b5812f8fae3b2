"""Agreement, service level and commitment as plain dictionaries, under the documented names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lifecycle.agreement import Agreement, Alignment, PositiveAgreement, change
from lifecycle.chance import TwoByTwo
from lifecycle.commitment import Commitment
from lifecycle.durations import LifeTable
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from lifecycle.service import Attempts, Responses, ServiceLevel
from lifecycle.threshold import Threshold
from lifecycle.where import Row, rows

HEADLINE = ("acceptance", "coverage", "positive_agreement", "decided_of_due")
OUTCOMES = ("accepted", "rejected", "expired", "pending", "decided_late")


def alignment_report(
    found: Alignment, threshold: Threshold | None = None, audit: TwoByTwo | None = None
) -> dict[str, Any]:
    """Whether marketing and sales agree; `audit`: a sample that both judged, else the configured cut stands in."""
    return {
        **head("alignment", found.model, found.build, found.scope),
        **counts(found.whole),
        "reasons": [
            {"rejected_by": r.by, "reason": r.reason, "n": r.share.numerator, "share": r.share.as_dict()}
            for r in found.reasons
        ],
        "handed_over_again": [{"rejected_by": a.by, **a.share.as_dict()} for a in found.again],
        "rows": [row_report(r) for r in segment_rows(found)],
        "bands": [
            {"low": b.low, "high": b.high, **counts(b.agreement)} for b in (threshold.bands if threshold else ())
        ],
        "threshold": [
            {
                "score": cut.score,
                "volume": cut.volume,
                "acceptance": cut.acceptance.as_dict(),
                "coverage": cut.coverage.as_dict(),
            }
            for cut in (threshold.cuts if threshold else ())
        ],
        "chance_corrected": chance_corrected(threshold, audit),
        "comparison": compared(found) if found.comparison else None,
        "trend": [{"period": period.isoformat(), **counts(a)} for period, a in (found.trend or {}).items()],
        **statement(found.statements),
    }


def head(question: str, model: str, build: int, scope: Scope) -> dict[str, Any]:
    """What was asked, of which build, with which filters."""
    return {
        "question": question,
        "model": model,
        "build": build,
        "as_of": scope.as_of.isoformat() + "Z",
        "from": scope.start.isoformat() if scope.start else None,
        "to": scope.end.isoformat() if scope.end else None,
        "timezone": scope.calendar.timezone,
        "filters": [str(f) for f in scope.filters],
    }


def statement(statements: tuple[Any, ...]) -> dict[str, Any]:
    """The statement that the counts come from."""
    first = statements[0].as_dict() if statements else {"text": "", "parameters": {}}
    return {"statement": first["text"], "parameters": first["parameters"]}


def counts(found: Agreement) -> dict[str, Any]:
    """Headline and outcomes of one group of leads."""
    return {
        "headline": {name: getattr(found, name).as_dict() for name in HEADLINE},
        "outcomes": {name: getattr(found, name) for name in OUTCOMES},
        "bypass": found.bypass,
        "returned": found.returned,
    }


def segment_rows(found: Alignment) -> tuple[Row, ...]:
    """A row per value of the breakdown, with what it contributed to the change where periods are compared."""
    if found.segments is None or found.scope.by is None:
        return ()
    return rows(found.scope.by, found.segments, found.comparison.segments if found.comparison else None)


def row_report(row: Row) -> dict[str, Any]:
    limits = row.limits
    return {
        "segment": {row.segment: row.value},
        **counts(row.agreement),
        "few": row.acceptance.few,
        "all_others": row.rest.as_dict(),
        "limits": {"95": list(limits.warning), "99.8": list(limits.control)} if limits else None,
        "outside": row.outside,
        "adjusted_p": row.p,
        "contribution": row.contribution,
        "change": None if row.mix is None else {"mix": row.mix, "rate": row.rate},
    }


def chance_corrected(threshold: Threshold | None, audit: TwoByTwo | None) -> dict[str, Any] | None:
    """Agreement beyond chance in a universe that both judged; None where none is stated."""
    if audit is not None and audit.n:
        universe, both = "audits", audit
    elif threshold is not None and threshold.cut is not None:
        universe, both = (
            f"lead score from {threshold.cut:g} on, against the verdict of sales",
            threshold.judged(threshold.cut),
        )
    else:
        return None
    names = ("both", "rejected", "bypass", "neither", "raw", "kappa", "pabak", "ac1", "mcnemar_p")
    return {"universe": universe} | {name: getattr(both, name) for name in names}


def compared(found: Alignment) -> dict[str, Any]:
    """The compared period, and how the headline changed since, with intervals."""
    before = found.comparison
    assert before is not None
    changes = {name: difference(getattr(found.whole, name), getattr(before.whole, name)) for name in HEADLINE}
    inner = head("alignment", before.model, before.build, before.scope)
    return {key: inner[key] for key in ("as_of", "from", "to")} | counts(before.whole) | {"differences": changes}


def difference(now: Rate | PositiveAgreement, before: Rate | PositiveAgreement) -> dict[str, float] | None:
    moved = change(now, before)
    return {"value": moved.value, "low": moved.low, "high": moved.high} if moved else None


def sla_report(found: ServiceLevel, attempts: Attempts | None = None) -> dict[str, Any]:
    """Whether sales responds in time."""
    before = found.comparison
    return {
        **head("sla", found.model, found.build, found.scope),
        "limit_hours": found.limit_hours,
        "clock": found.clock,
        "working_time": found.business is not None,
        **responded(found.whole),
        "speed_seconds": wait(found.speed),
        "system_delay": wait(found.system_delay),
        "human_delay": wait(found.human_delay),
        "attempts": tried(attempts) if attempts else None,
        "rows": [
            {"segment": {found.by: r.value}, **responded(r.responses), "speed_seconds": wait(r.speed)}
            for r in found.rows
        ],
        "comparison": {**responded(before.whole), "difference": difference(found.whole.rate, before.whole.rate)}
        if before
        else None,
        **statement(found.statements),
    }


def responded(found: Responses) -> dict[str, Any]:
    names = ("met", "missed", "overdue", "unassigned", "not_due")
    return {name: getattr(found, name) for name in names} | {
        "rate": found.rate.as_dict(),
        "due": found.due,
        "past_due": found.past_due,
    }


def wait(table: LifeTable) -> dict[str, float | int | None]:
    """Median and ninth decile in seconds, None while not reached; n leads, of which some still wait."""
    return {"median": table.quantile(0.5), "p90": table.quantile(0.9), "n": table.n, "waiting": table.censored}


def tried(found: Attempts) -> dict[str, Any]:
    return {"n": found.n, "not_due": found.younger, "leads": {str(k): n for k, n in found.leads}}


def commitment_report(found: Commitment) -> dict[str, Any]:
    """What marketing promised and delivered, by month."""
    return {
        **head("commitment", found.model, found.build, found.scope),
        "source": found.source,
        "periods": [
            {
                "period": m.period.isoformat(),
                "target": m.target,
                "delivered": m.delivered,
                "accepted": m.accepted,
                "attainment": m.attainment,
                "projected": m.projected,
                "accepted_target": m.accepted_target,
                "accepted_attainment": m.accepted_attainment,
                "pending": m.agreement.pending,
            }
            for m in found.months
        ],
        **statement(found.statements),
    }


def flat(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """One nested dictionary as columns of a table, `outcomes_accepted`; lists become `name_1`, `name_2`."""
    out: dict[str, Any] = {}
    for name, value in row.items():
        column = f"{prefix}{name}"
        if isinstance(value, Mapping):
            out |= flat(value, f"{column}_")
        elif isinstance(value, list):
            out |= flat({f"{i}": part for i, part in enumerate(value, 1)}, f"{column}_")
        else:
            out[column] = value
    return out


def lines(report: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """The rows of a report that a CSV holds: the whole, then its segments; for commitments, the months."""
    if "periods" in report:
        return [flat(month) for month in report["periods"]]
    nested = ("headline", "outcomes", "rate", "speed_seconds", "system_delay", "human_delay")
    plain = ("bypass", "returned", "met", "missed", "overdue", "unassigned", "not_due", "due", "past_due")
    whole = {name: report[name] for name in (*nested, *plain) if name in report}
    values = [{"segment": "", "value": "", **flat(whole)}]
    for row in report["rows"]:
        (segment, value), rest = next(iter(row["segment"].items())), {k: v for k, v in row.items() if k != "segment"}
        values.append({"segment": segment, "value": value, **flat(rest)})
    return values
