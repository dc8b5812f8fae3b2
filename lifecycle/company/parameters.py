"""What makes the demo company behave as it does: shares, pulls, transitions, prices.

A *pull* multiplies the odds of moving forward; 1 is the company's average.
"""

from typing import NamedTuple

import numpy as np

YEARS_DAYS = 1096  # three years up to as_of
CONTACTS_OF_REFERENCE = 50_000  # targets, spend and traffic are stated for a company of this many contacts
GROWTH = 1.15  # log of how much more contacts a day bring at the end than at the beginning
MONTH_WEIGHTS = (1.05, 1.08, 1.1, 1.02, 1.0, 0.98, 0.82, 0.78, 1.06, 1.1, 1.08, 0.85)  # from January
WEEKDAY_WEIGHTS = (1.15, 1.2, 1.18, 1.1, 0.95, 0.42, 0.45)  # from Monday


class Source(NamedTuple):
    name: str
    share: float
    marketing_pull: float
    sales_pull: float
    cost_per_contact: float


SOURCES = (
    Source("paid search", 0.18, 1.0, 0.85, 220.0),
    Source("paid social", 0.13, 0.8, 0.6, 140.0),
    Source("organic", 0.26, 1.0, 1.1, 35.0),
    Source("referral", 0.09, 1.4, 1.9, 25.0),
    Source("event", 0.09, 1.1, 1.0, 540.0),
    Source("partner", 0.08, 1.1, 1.5, 230.0),
    Source("outbound", 0.09, 0.6, 0.7, 340.0),
    Source("webinar", 0.08, 1.4, 1.0, 170.0),
)
SOURCE_NAMES = tuple(source.name for source in SOURCES)


class Campaign(NamedTuple):
    """A campaign takes `share` of its source's contacts from `begins` to `ends`, in days before as_of."""

    name: str
    source: str
    begins: int
    ends: int
    share: float


FLOOD = Campaign("Summer giveaway", "paid social", 210, 140, 0.0)
FLOOD_SHARE = 0.06  # of all contacts of the three years, in ten weeks
FLOOD_COST_PER_CONTACT = 55.0
CAMPAIGNS = (
    FLOOD,
    Campaign("Always-on search", "paid search", YEARS_DAYS, 0, 0.4),
    Campaign("Webinar season", "webinar", 700, 400, 0.7),
    Campaign("Partner days", "partner", 500, 330, 0.5),
    Campaign("Product launch", "event", 300, 240, 0.8),
    Campaign("Reference stories", "organic", 250, 0, 0.25),
)
CAMPAIGN_NAMES = tuple(campaign.name for campaign in CAMPAIGNS)

REGIONS = ("EMEA", "Americas", "APAC")
REGION_SHARES = (0.45, 0.37, 0.18)
REGION_PULLS = (1.08, 1.02, 0.75)
INDUSTRIES = ("Software", "Manufacturing", "Retail", "Health", "Finance", "Education")
INDUSTRY_SHARES = (0.28, 0.2, 0.17, 0.13, 0.12, 0.1)
PRICE_BANDS = ("Basic", "Plus", "Premium")
PRICE_FACTORS = (0.6, 1.0, 1.9)
BUSINESSES = ("B2B", "B2C")
B2C_SHARE = 0.28


class Size(NamedTuple):
    """A class of companies; `pace` multiplies every stay, `mrr` is the typical monthly price."""

    name: str
    contact_share: float
    contacts_per_account: float
    pull: float
    pace: float
    mrr: float
    budget: float


SIZES = (
    Size("1-49", 0.5, 1.3, 1.05, 0.45, 140.0, 4_000.0),
    Size("50-499", 0.33, 2.2, 1.0, 1.0, 620.0, 22_000.0),
    Size("500+", 0.17, 4.5, 0.85, 3.0, 3_400.0, 120_000.0),
)
SIZE_NAMES = tuple(size.name for size in SIZES)
CONSUMER_PACE, CONSUMER_PULL, CONSUMER_BUDGET = 0.3, 1.2, 250.0
CONSUMER_ORDER, BUSINESS_ORDER = 65.0, 480.0

TITLES = (
    "Chief executive",
    "VP Marketing",
    "Marketing director",
    "Sales manager",
    "Marketing specialist",
    "Analyst",
    "Assistant",
)
TITLE_SHARES = (0.09, 0.08, 0.13, 0.2, 0.25, 0.15, 0.1)
DECIDING_TITLES = 3  # the first ones decide
ANSWER_SHARES = (0.18, 0.2, 0.22, 0.23, 0.17)
ANSWER_PULLS = (0.6, 0.75, 0.95, 1.3, 1.36)  # a fourth answer hardly adds to three


class Rep(NamedTuple):
    name: str
    share: float
    pull: float
    first_touch_hours: float
    untouched: float  # the share of leads that never hear of the rep


REPS = (
    Rep("Rep Amber", 0.14, 1.6, 4.0, 0.04),
    Rep("Rep Basil", 0.13, 1.25, 6.0, 0.07),
    Rep("Rep Coral", 0.13, 1.15, 7.0, 0.08),
    Rep("Rep Dune", 0.12, 1.0, 9.0, 0.1),
    Rep("Rep Ember", 0.12, 0.95, 8.0, 0.12),
    Rep("Rep Fern", 0.11, 0.8, 14.0, 0.16),
    Rep("Rep Grove", 0.1, 0.55, 26.0, 0.28),
)
REP_NAMES = tuple(rep.name for rep in REPS)
UNOWNED_SHARE, UNOWNED_PULL = 0.08, 0.5

# Stages ------------------------------------------------------------------------------------------------------------
STAGES = (
    "Social follower",
    "Subscriber",
    "Lead",
    "Engaged",
    "Trial offered",
    "Marketing qualified",
    "Sales accepted",
    "Sales qualified",
    "Opportunity",
    "Trial started",
    "Free plan",
    "Closed won",
    "Closed lost",
    "Disqualified",
    "Recycled",
    "Do not contact",
)
(
    FOLLOWER,
    SUBSCRIBER,
    LEAD,
    ENGAGED,
    OFFERED,
    MQL,
    ACCEPTED,
    QUALIFIED,
    OPPORTUNITY,
    TRIAL,
    FREE,
    WON,
    LOST,
    DISQUALIFIED,
    RECYCLED,
    BARRED,
) = range(len(STAGES))
SILENT = len(STAGES)  # the walk ends in the stage it is in
FIRST_STAGES = {FOLLOWER: 0.06, SUBSCRIBER: 0.24, LEAD: 0.67, MQL: 0.03}

# From a stage to the next one: (weight, median days of the stay that ends so) at a company of 50-499 people.
TRANSITIONS: dict[int, dict[int, tuple[float, float]]] = {
    FOLLOWER: {SUBSCRIBER: (0.5, 20), LEAD: (0.2, 25), SILENT: (0.3, 0)},
    SUBSCRIBER: {LEAD: (0.8, 14), BARRED: (0.02, 30), SILENT: (0.18, 0)},
    LEAD: {
        LEAD: (0.02, 5),
        ENGAGED: (0.34, 5),
        OFFERED: (0.03, 6),
        MQL: (0.22, 9),
        ACCEPTED: (0.012, 4),
        DISQUALIFIED: (0.07, 6),
        BARRED: (0.01, 20),
        SILENT: (0.3, 0),
    },
    ENGAGED: {
        LEAD: (0.02, 15),
        OFFERED: (0.28, 8),
        MQL: (0.38, 8),
        ACCEPTED: (0.01, 5),
        SILENT: (0.3, 0),
    },
    OFFERED: {
        MQL: (0.56, 7),
        ACCEPTED: (0.015, 4),
        OPPORTUNITY: (0.04, 9),
        LOST: (0.06, 14),
        SILENT: (0.2, 0),
    },
    MQL: {
        MQL: (0.03, 6),
        ACCEPTED: (0.45, 3),
        QUALIFIED: (0.04, 5),
        DISQUALIFIED: (0.2, 4),
        RECYCLED: (0.23, 8),
        LOST: (0.03, 10),
        SILENT: (0.08, 0),
    },
    ACCEPTED: {
        MQL: (0.02, 6),
        QUALIFIED: (0.66, 7),
        OPPORTUNITY: (0.04, 9),
        DISQUALIFIED: (0.08, 6),
        RECYCLED: (0.14, 12),
        SILENT: (0.06, 0),
    },
    QUALIFIED: {
        OPPORTUNITY: (0.37, 12),
        DISQUALIFIED: (0.12, 9),
        RECYCLED: (0.25, 18),
        LOST: (0.12, 20),
        SILENT: (0.09, 0),
    },
    OPPORTUNITY: {
        QUALIFIED: (0.02, 10),
        TRIAL: (0.08, 12),
        WON: (0.075, 32),
        LOST: (0.62, 38),
        RECYCLED: (0.07, 45),
        SILENT: (0.1, 0),
    },
    TRIAL: {FREE: (0.06, 20), WON: (0.36, 18), LOST: (0.5, 22), SILENT: (0.08, 0)},
    FREE: {WON: (0.15, 60), SILENT: (0.85, 0)},
    WON: {SILENT: (1, 0)},
    LOST: {OPPORTUNITY: (0.04, 170), LEAD: (0.03, 140), SILENT: (0.93, 0)},
    DISQUALIFIED: {SILENT: (1, 0)},
    RECYCLED: {LEAD: (0.14, 95), MQL: (0.22, 120), SILENT: (0.64, 0)},
    BARRED: {SILENT: (1, 0)},
}
STAY_SIGMA = 0.85  # of the log-normal stays
BULK_SHARE = 0.015  # moves written in the same instant as the one before: stays of zero length
BYPASS_PULL = 4.0  # Lead to Sales accepted without MQL, for those who decide and have the budget
HANDOFF = MQL  # from here on sales works the contact


def transition_tables() -> tuple[np.ndarray, np.ndarray]:
    """Weights and median days as arrays of (stage, next stage), the last column being silence."""
    weights = np.zeros((len(STAGES), len(STAGES) + 1), np.float32)
    days = np.zeros_like(weights)
    for stage, moves in TRANSITIONS.items():
        for following, (weight, median) in moves.items():
            weights[stage, following], days[stage, following] = weight, median
    return weights, days


REASONS: dict[int, dict[str, float]] = {
    LOST: {"No budget": 0.3, "Chose competitor": 0.32, "Changed their mind": 0.18, "No decision": 0.2},
    DISQUALIFIED: {"Wrong fit": 0.45, "Student or competitor": 0.15, "Bad contact data": 0.18, "Too small": 0.22},
    RECYCLED: {"Not ready": 0.45, "No response": 0.35, "Timing": 0.2},
}
COMPETITORS = ("Rivalsoft", "Othervendor", "Bigsuite", "Spreadsheet Inc")
COMPETITOR_SHARES = (0.45, 0.27, 0.18, 0.1)

# Customers ---------------------------------------------------------------------------------------------------------
MONTHLY_CHURN = 0.02
WEAK_COHORT = (760, 580)  # customers won so many days before as_of churn `WEAK_CHURN` times as fast
WEAK_CHURN = 2.4
MONTHLY_CHANGES = {"expansion": 0.05, "contraction": 0.015, "renewal": 0.06}
CHANGE_FACTORS = {"expansion": (1.1, 1.5), "contraction": (0.6, 0.9), "renewal": (1.0, 1.0)}
REACTIVATION_SHARE, REACTIVATION_DAYS = 0.14, 75.0
PLANNED_END_SHARE = 0.01  # of the running subscriptions have been cancelled for a later day

TARGETS = {"mqls_delivered": 1000, "mqls_accepted": 450, "new_customers": 70}
REGIONAL_TARGETS = ("mqls_delivered", "mqls_accepted")
BENCHMARKS = (
    ("visitor", "lead", 0.03),
    ("follower", "subscriber", 0.4),
    ("subscriber", "lead", 0.7),
    ("contact", "lead", 0.7),
    ("lead", "mql", 0.4),
    ("lead", "engaged", 0.45),
    ("engaged", "interested", 0.3),
    ("interested", "opportunity", 0.25),
    ("mql", "sql", 0.5),
    ("mql", "sal", 0.52),
    ("sal", "sql", 0.65),
    ("sql", "sal", 0.6),
    ("sql", "opportunity", 0.5),
    ("sal", "customer", 0.2),
    ("opportunity", "client", 0.25),
    ("opportunity", "customer", 0.25),
    ("opportunity", "pql", 0.2),
    ("pql", "customer", 0.45),
    ("lead", "client", 0.03),
    ("lead", "customer", 0.03),
    ("client", "promoter", 0.2),
    ("customer", "evangelist", 0.2),
    ("acquisition", "conversion", 0.05),
    ("conversion", "retention", 0.45),
    ("retention", "loyalty", 0.3),
)
BENCHMARK_SOURCE = "Invented market average"
