"""Agreement, service level and commitment as text for the terminal: a table for people, CSV and JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from lifecycle.agreement import Agreement, Alignment
from lifecycle.commitment import Commitment
from lifecycle.report_alignment import (
    alignment_report,
    commitment_report,
    lines,
    segment_rows,
    sla_report,
)
from lifecycle.scope import Scope, describe
from lifecycle.service import Responses, ServiceLevel
from pages.ui.funnel_text import rate
from pages.ui.labels import count, duration
from pages.ui.terminal import table
from queries.agreement import alignment
from queries.audit import audit
from queries.commitment import commitment
from queries.modelled import Modelled
from queries.service import attempts, service
from queries.threshold import threshold

Answer = Alignment | ServiceLevel | Commitment


__all__ = ["as_table", "ask", "lines"]


def ask(question: str, m: Modelled, scope: Scope, _options: Mapping[str, str]) -> tuple[Answer, dict[str, Any]]:
    """The answer to alignment, sla or commitment, and the same as the documented dictionary."""
    if question == "sla":
        response = service(m, scope, m.warehouse.settings.working_time)
        return response, sla_report(response, attempts(m, scope))
    if question == "commitment":
        promised = commitment(m, scope)
        return promised, commitment_report(promised)
    found, sample = alignment(m, scope), audit(m, scope)
    return found, alignment_report(found, threshold(m, scope), sample.cells if sample else None)


def as_table(answer: Answer) -> Table:
    """What fits on a terminal: rates with intervals, and what lies under them."""
    title = f"{answer.model}: {' · '.join(describe(answer.scope))}"
    match answer:
        case Alignment():
            headings = ["", "handed over", "accepted %", "of", "coverage %", "agreement", "decided of due %", "bypass"]
            rows = [["all", *_agreed(answer.whole)]]
            rows += [["not set" if r.value is None else r.value, *_agreed(r.agreement)] for r in segment_rows(answer)]
        case ServiceLevel():
            headings = ["", "in time %", "met", "missed", "overdue", "unassigned", "not due", "median", "p90"]
            groups = [("all", answer.whole, answer.speed), *((r.value, r.responses, r.speed) for r in answer.rows)]
            rows = [
                ["not set" if name is None else name, *_responded(r), *(duration(t.quantile(q)) for q in (0.5, 0.9))]
                for name, r, t in groups
            ]
        case Commitment():
            headings = ["month", "target", "delivered", "attainment %", "projected", "accepted", "target", "waiting"]
            rows = [
                [
                    f"{m.period:%b %Y}",
                    count(m.target),
                    count(m.delivered),
                    "" if m.attainment is None else f"{m.attainment * 100:.0f}",
                    "" if m.projected is None else count(m.projected),
                    count(m.accepted),
                    count(m.accepted_target),
                    count(m.agreement.pending),
                ]
                for m in answer.months
            ]
    return table(title, headings, rows)


def _agreed(found: Agreement) -> list[str]:
    agreed = found.positive_agreement
    return [
        count(found.delivered),
        rate(found.acceptance),
        count(found.decided),
        rate(found.coverage),
        "" if agreed.value is None else f"{agreed.value * 100:.1f}",
        rate(found.decided_of_due),
        count(found.bypass),
    ]


def _responded(found: Responses) -> list[str]:
    counts = (found.met, found.missed, found.overdue, found.unassigned, found.not_due)
    return [rate(found.rate), *(count(n) for n in counts)]
