"""Every metric in the words of the code that computes it: docstrings, collected, so that nothing is written twice."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

from lifecycle import (
    activity,
    agreement,
    bridge,
    btyd,
    business,
    chance,
    comebacks,
    commitment,
    contrast,
    correspondence,
    durations,
    evidence,
    flow,
    funnel,
    health,
    history,
    leaving,
    loyalty,
    moves,
    mrr,
    nps,
    parts,
    pipeline,
    prediction,
    promoters,
    rates,
    referrals,
    retention,
    retention_words,
    rfm,
    routes,
    sbg,
    scope,
    service,
    stalled,
    stockflow,
    threshold,
    time_in_stage,
    transitions,
    value,
    velocity,
    volumes,
    where,
)
from queries import acquisition, discussion, end_to_end, goals, measures, overview, search, spend, stretches
from queries import durations as durations_asked
from queries import funnel as funnel_asked
from queries import history as history_asked
from queries import paths as paths_asked
from queries import retention as retention_asked
from queries import routes as routes_asked
from queries import velocity as velocity_asked
from queries.yardsticks import yardsticks

# Subject → term as people know it → what computes it, or holds it.
TERMS: dict[str, dict[str, object]] = {
    "What is asked": {
        "Scope, data cut-off and period": scope.Scope,
        "Comparison": scope.Scope.compared,
        "Journey": transitions.Journey,
        "Entry and stay": transitions.Entry,
    },
    "Rates and their uncertainty": {
        "Rate": rates.Rate,
        "Interval of a rate": rates.Rate.interval,
        "Few": rates.Rate.few,
        "Difference of two rates": rates.difference,
        "Interval of a difference": rates.Difference,
        "Many segments at once": rates.adjusted,
    },
    "Funnel": {
        "Funnel": funnel_asked.funnel,
        "What becomes of those who enter a stage": funnel.StageRow,
        "Stages that are counted, optional stages": funnel.steps_of,
        "Journeys that the way of counting touches": funnel.Funnel,
        "Ratio on the basis Period": funnel.Ratio,
        "Time from the previous stage": funnel.Durations,
        "Money": measures.amounts,
        "Acquisition spend, for the cost per entry": spend.acquisition_spend,
        "Targets and benchmarks": yardsticks,
        "Trend": funnel_asked.trend,
        "Immature period": funnel.immature,
    },
    "Volumes": {
        "Entries of a period": overview.volumes,
        "Interval of a count": volumes.Count,
        "Relative change": volumes.Change,
        "Entries beside their target": volumes.Attainment,
    },
    "Marketing and sales": {
        "Handed over, accepted, rejected, bypass, returned": agreement.Agreement,
        "Acceptance": agreement.Agreement.acceptance,
        "Coverage": agreement.Agreement.coverage,
        "Positive agreement": agreement.PositiveAgreement,
        "Decided of due": agreement.Agreement.decided_of_due,
        "Change of a rate or an agreement": agreement.change,
        "Control limits": where.control_limits,
        "Pull of a segment, and whether it differs": where.Row,
        "Mix and rate of a change": where.shifts,
        "Cohen's kappa": chance.TwoByTwo.kappa,
        "PABAK": chance.TwoByTwo.pabak,
        "Gwet's AC1": chance.TwoByTwo.ac1,
        "McNemar's test": chance.TwoByTwo.mcnemar_p,
        "Another cut of the lead score": threshold.Cut,
        "Leads to discuss": discussion.discussion,
        "Service level": service.Responses,
        "Speed, system delay and human delay": service.ServiceLevel,
        "Attempts": service.Attempts,
        "Working time": business.Business,
        "Commitment of a month": commitment.Month,
        "Goals of the configuration": goals.kept,
    },
    "Time in stage": {
        "Time in stage": durations_asked.life_tables,
        "Still in a stage": durations.LifeTable.curve,
        "Quantile of time in stage": durations.LifeTable.quantile,
        "Band of a quantile": durations.LifeTable.quantile_band,
        "Ways out that compete": durations.LifeTable.incidence,
        "Mean time within a year": durations.LifeTable.restricted_mean,
        "Median of the ended alone": durations.LifeTable.naive_median,
        "Test between groups": durations.log_rank,
        "Slower or faster than before": time_in_stage.Change,
        "Segments that tell quick from slow": contrast.Separation,
        "Among the quickest or slowest": contrast.Lean,
        "Stalled": stalled.Limit,
        "Chance to advance from here": durations.LifeTable.chance,
        "From a stage to a later one": end_to_end.end_to_end,
        "Little's law": flow.Flow.little_seconds,
    },
    "Moves": {
        "Kinds of moves": moves.kind_of,
        "Share and time of a move": moves.Transition,
        "A group, or a period, beside the others": parts.Contrast,
        "Paths, and visits of a stage": paths_asked.paths,
        "Routes": routes_asked.routes,
        "Conversion of a route": routes.Route.conversion,
        "Coming back": comebacks.Comebacks.returned,
        "The second time": comebacks.Comebacks.conversion,
        "Stock and flow": stockflow.Flow,
    },
    "Velocity": {
        "Velocity, and its look-back": velocity_asked.velocity,
        "Money per day": velocity.Factors.velocity,
        "Qualified opportunities": pipeline.Pipeline.opportunities,
        "Average value": pipeline.Pipeline.average_value,
        "Win rate by age": pipeline.Pipeline.win_rate,
        "Cycle": pipeline.Pipeline.cycle_days,
        "Age at which deals are judged": pipeline.horizon,
        "Money per calendar day": velocity.Velocity.per_day,
        "What changed the velocity": velocity.split,
    },
    "Retention": {
        "Cohort, activity, age, mode": retention.Rules,
        "A cell of the triangle": retention.Cell,
        "Logo retention of a cohort": retention.Cell.rate,
        "All mature cohorts": retention.Triangle.pooled,
        "Cohorts that stay less": retention_words.odd_cohorts,
        "All left on one day": leaving.Leaving.is_on_one_day,
        "Lifetime of a subscription": retention_asked.lifetimes,
        "MRR, movements": mrr.Period,
        "Net revenue retention (NRR)": mrr.Period.nrr,
        "Gross revenue retention (GRR)": mrr.Period.grr,
        "Logo retention of a period": mrr.Period.logo_retention,
        "Quick ratio": mrr.Period.quick_ratio,
        "New, returning, resurrected, dormant": activity.Active,
        "Stretches of constant MRR": stretches.rows,
    },
    "Loyalty": {
        "Repeat purchase rate": loyalty.Repeat.rate,
        "Time to the second purchase": loyalty.Buyers,
        "From one purchase to a recommendation": loyalty.Ladder,
        "Recency, frequency, value": rfm.Rfm,
        "Net promoter score": nps.Nps.value,
        "Interval of a net promoter score": nps.Nps.interval,
        "Respondents": nps.Satisfaction,
        "Whether promoters stay longer": promoters.Staying,
        "Referrals": referrals.Loop,
        "Generation of referral": referrals.Generation,
    },
    "Customer value": {
        "Value by age": value.Aged.per_customer,
        "Value of a mature cohort within N days": value.Aged.n_days,
        "Lifetime value by rule of thumb": value.Simple.value,
        "Predicted purchases (BG/NBD)": btyd.BgNbd,
        "Predicted amounts (Gamma–Gamma)": btyd.GammaGamma,
        "Predicted renewals (shifted beta-geometric)": sbg.ShiftedBetaGeometric,
        "Hold-out": prediction.HoldOut,
        "Cost of a new customer (CAC)": acquisition.acquisition,
        "LTV:CAC": value.Acquired.ratio,
        "Payback": value.Acquired.payback,
        "Cost of keeping": value.Acquisition.cost_of_keeping,
    },
    "Counts and models beside each other": {
        "From one count of a stage to another": bridge.bridge,
        "Best match of a stage in another model": correspondence.Match,
    },
    "One contact": {
        "Its whole history": history_asked.history,
        "Longest silence": history.silences,
        "What became of a raw row": evidence.fates,
        "What an id stands for": search.named,
    },
    "Data health": {
        "Conservation of events": health.Conservation,
        "Share set aside": health.Conservation.set_aside,
    },
}


@dataclass(frozen=True)
class Entry:
    """A term and its definition: the docstring of `source`, word for word."""

    subject: str
    term: str
    text: str
    source: str


def entries() -> list[Entry]:
    """Every term with its definition, subject by subject."""
    return [
        Entry(subject, term, inspect.getdoc(thing) or "", _source(thing))
        for subject, terms in TERMS.items()
        for term, thing in terms.items()
    ]


def _source(thing: object) -> str:
    """Where the definition stands: `lifecycle.rates.Rate.interval`."""
    function = thing.fget if isinstance(thing, property) else getattr(thing, "func", thing)  # a cached property's
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', '')}"
