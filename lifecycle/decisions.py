"""What a meeting of marketing and sales has to decide: questions that the numbers ask, each with its evidence."""

from __future__ import annotations

from collections.abc import Iterable

from lifecycle.agreement import Alignment
from lifecycle.alignment_words import among, leads, percent, place, promised, standing_out
from lifecycle.commitment import Commitment
from lifecycle.rates import FEW, Rate
from lifecycle.service import ServiceLevel
from lifecycle.stages import StageModel
from lifecycle.where import Row

FREQUENT = 0.25  # a reason that makes up this share of the rejections is worth a decision


def questions(
    model: StageModel,
    found: Alignment,
    rows: Iterable[Row] = (),
    responses: ServiceLevel | None = None,
    commitment: Commitment | None = None,
) -> list[str]:
    """All that the rules ask, in the order of the slides; a rule without evidence is silent."""
    asked = [
        _promise(model, commitment),
        _criteria(found),
        _undecided(model, found),
        _reason(found),
        _bypass(found),
        _exception(rows),
        _overdue(model, responses),
    ]
    return [question for question in asked if question]


def _promise(model: StageModel, found: Commitment | None) -> str | None:
    """Whether the latest month with a target misses it, or is about to."""
    aimed = [m for m in found.months if m.target] if found else []
    if not found or not aimed:
        return None
    last = aimed[-1]
    expected = last.delivered if last.projected is None else last.projected
    return f"How do we come back to the target? {promised(model, found)}." if expected < (last.target or 0) else None


def _criteria(found: Alignment) -> str | None:
    """Whether sales rejects more than it accepts, by its whole interval."""
    rate = found.whole.acceptance
    if rate.interval is None or rate.interval[1] >= 0.5:
        return None
    return f"Whose criteria change? Sales accepts fewer than it rejects ({among(rate)})."


def _undecided(model: StageModel, found: Alignment) -> str | None:
    rate = found.whole.decided_of_due
    missed = rate.denominator - rate.numerator
    if not missed:
        return None
    return f"Who decides in time? {missed:,} of the {rate.denominator:,} {leads(model)} due were not."


def _reason(found: Alignment) -> str | None:
    """Whether one reason makes up a quarter of the rejections."""
    sizes: dict[str, int] = {}
    for r in found.reasons:
        if r.reason is not None:
            sizes[r.reason] = sizes.get(r.reason, 0) + r.share.numerator
    reason, n = max(sizes.items(), key=lambda item: item[1], default=("", 0))
    share = Rate(n, found.whole.rejected)
    if share.interval is None or share.few or share.interval[0] < FREQUENT:
        return None
    return f"What would keep “{reason}” from being handed over? {n:,} of the {share.denominator:,} rejections."


def _bypass(found: Alignment) -> str | None:
    n, accepted = found.whole.bypass, found.whole.coverage.denominator
    if n < FEW:
        return None
    return f"Which bypassed leads should marketing have handed over? {n:,} of the {accepted:,} that sales accepted."


def _exception(rows: Iterable[Row]) -> str | None:
    """What becomes of the value that stands out."""
    row = standing_out(rows)
    if row is None or row.acceptance.value is None or row.rest.value is None:
        return None
    worse = row.acceptance.value < row.rest.value
    asked = "keep, change or stop it" if worse else "what can the others learn from it"
    shares = f"{percent(row.acceptance.value)} accepted, all others {percent(row.rest.value)}"
    return f"{place(row)}: {asked}? {shares}."


def _overdue(model: StageModel, found: ServiceLevel | None) -> str | None:
    if found is None or not found.whole.past_due:
        return None
    n, untouched = found.whole.past_due, found.whole.n
    return (
        f"Who calls those still waiting, and by when? {n:,} of {untouched:,} {leads(model)} are untouched and overdue."
    )
