"""What makes the demo company what it is: sources, campaigns, segments, reps, prices, goals.

A *pull* multiplies the odds of moving forward; 1 is the company's average.
"""

from typing import NamedTuple

HISTORY_DAYS = 1096  # three years up to as_of
REFERENCE_CONTACTS = 50_000  # targets, spend and traffic are stated for a company of this many contacts
GROWTH = 1.15  # the days of the end bring e^GROWTH times the contacts of those of the beginning
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
FLOOD_MARKETING_PULL = 6.0  # nearly all of them become MQLs,
FLOOD_SALES_PULL = 0.35  # few are accepted,
FLOOD_SILENCE = 8.0  # many are ignored,
FLOOD_DELAY, FLOOD_UNTOUCHED = 4.0, 0.4  # and the first call comes late or never
CAMPAIGNS = (
    FLOOD,
    Campaign("Always-on search", "paid search", HISTORY_DAYS, 0, 0.4),
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
PRICE_BAND_SHARES = (0.4, 0.4, 0.2)
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
AUTOMATION = len(REPS)  # position of the actor that is no rep
ACTORS = (*REP_NAMES, "marketing automation")
UNOWNED_SHARE, UNOWNED_PULL = 0.08, 0.5
HISTORY_SHARE = 0.017  # of the contacts had another size, as many another owner, another region

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
