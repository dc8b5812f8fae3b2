"""What each picture of the alignment page finds, as its title: computed from the numbers, silent below significance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lifecycle.agreement import Agreement, Alignment
from lifecycle.alignment_words import leads, percent, standing_out
from lifecycle.bypass import Evidence
from lifecycle.discussion import Rules
from lifecycle.rates import difference
from lifecycle.service import Attempts
from lifecycle.stages import StageModel
from lifecycle.threshold import Cut, Threshold
from lifecycle.where import Row


def agreed(whole: Agreement) -> str:
    """On how many leads both teams agree, and on how many not."""
    if whole.positive_agreement.value is None:
        return "Neither team named a lead in this period"
    leads = "lead" if whole.accepted == 1 else "leads"
    return f"The teams agree on {whole.accepted:,} {leads} and disagree on {whole.rejected + whole.bypass:,}"


def beside(whole: Agreement) -> str:
    """What is in none of the three cells, and why there is no fourth."""
    extra = [f"{whole.returned:,} came back without a new handoff"] if whole.returned else []
    extra += [f"{whole.decided_late:,} were decided too late"] if whole.decided_late else []
    unknown = "Leads that neither team named cannot be known"
    return f"Beside these, {' and '.join(extra)}. {unknown}" if extra else unknown


def promise(model: StageModel, source: str | None) -> str:
    """What a month's column counts, and where its target comes from."""
    target = "no target is set for these filters" if source is None else f"targets are from the table {source}"
    return f"{leads(model)} by whole month of the handoff; {target}"


def most_rejected(found: Alignment) -> str:
    """The most frequent reason for a rejection, and its share; or how many are as frequent as each other."""
    if not found.reasons:
        return "Why are leads rejected?"
    sizes: dict[str | None, int] = {}
    for r in found.reasons:
        sizes[r.reason] = sizes.get(r.reason, 0) + r.share.numerator
    reason, n = max(sizes.items(), key=lambda item: item[1])
    share = f"{percent(n / found.whole.rejected)} of {found.whole.rejected:,}"
    alike = [why for why, size in sizes.items() if size == n and why is not None]
    if len(alike) > 1:
        return f"{len(alike)} reasons are equally frequent: {share} each"
    name = "No reason given" if reason is None else f"“{reason}”"
    return f"{name} is the most frequent reason: {share}"


def came_back(found: Alignment) -> str:
    """How many of the rejected were handed over again."""
    total = sum(a.share.numerator for a in found.again)
    return f"{total:,} of the rejected were handed over again so far" if total else "Who was handed over again?"


def bypassed(found: Evidence, label: Mapping[str, str]) -> str:
    """How many were accepted without a handoff, and what sets them apart; `label`: segment → its label."""
    traits = [t for t in found.traits if t.differs and t.value is not None]
    if not traits:
        return f"{found.n:,} leads were accepted without a handoff"
    first = traits[0]
    share = percent(first.bypass.value or 0.0)
    return f"{found.n:,} accepted without a handoff: {share} have {label[first.segment].lower()} {first.value}"


def where(rows: Iterable[Row], label: str) -> str:
    """Which value of a segment stands out among the others."""
    rows = list(rows)
    if not any(r.acceptance.denominator for r in rows):
        return "Nothing was decided in this period"
    row = standing_out(rows)
    if row is None or row.acceptance.value is None or row.rest.value is None:
        return f"No {label.lower()} differs from the others by more than chance"
    here, rest = (percent(share) for share in (row.acceptance.value, row.rest.value))
    return f"{row.value}: {here} accepted, all others {rest}"


def cut_at(cut: Cut) -> str:
    """What a cut of the lead score would have meant."""
    if cut.acceptance.value is None or cut.coverage.value is None:
        return f"With a cut of {cut.score:g} nothing would have been judged"
    accepted, covered = percent(cut.acceptance.value), percent(cut.coverage.value)
    return f"With a cut of {cut.score:g}, {cut.volume:,} leads: {accepted} accepted, {covered} of the accepted covered"


def by_band(found: Threshold) -> str:
    """Whether leads of the highest band of scores are accepted more often than those of the lowest."""
    told = [b for b in found.bands if not b.agreement.acceptance.few]
    if len(told) < 2 or (moved := difference(told[-1].agreement.acceptance, told[0].agreement.acceptance)) is None:
        return "Acceptance by score band"
    ends = ((b.agreement.acceptance.value or 0.0, f"{b.low:g}–{b.high:g}") for b in (told[-1], told[0]))
    said = ", ".join(f"{percent(value)} at {band}" for value, band in ends)
    if not moved.significant:
        return f"High scores are not clearly accepted more often: {said}"
    return f"High scores are accepted {'more' if moved.value > 0 else 'less'} often: {said}"


def scored(found: Threshold) -> str:
    """Which leads the cuts part, and who has no score."""
    said = f"Of the {found.cuts[0].volume:,} scored leads that were handed over or that sales took unasked"
    said += f"; {found.unscored:,} have no score" if found.unscored else ""
    return said if found.cut is not None else f"{said}; score_cut in the configuration marks today's cut"


def tried(found: Attempts) -> str:
    """How many leads nobody ever tried to reach."""
    if found.none.value is None:
        return "Attempts within 14 days"
    return f"{percent(found.none.value)} were never tried within 14 days"


def ranked(rules: Rules, label: Mapping[str, str]) -> str:
    """Which leads are worth a discussion, and in which order; `label`: segment → its label."""
    parts = ["Most topics first, then the highest score"]
    if rules.high_score is not None:
        parts.append(f"a high score is {rules.high_score:g} or more, as only a quarter of the accepted have")
    if rules.alike:
        shared = " and ".join(label[name].lower() for name in rules.alike)
        parts.append(f"like leads share {shared}{' and score band' if rules.band else ''}")
    return "; ".join(parts)
