"""The raw stages of the demo company's CRM and how contacts move between them.

A *pull* multiplies the odds of moving forward, and after the handoff divides those of leaving; 1 is the average.
"""

import numpy as np

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
BYPASS_PULL, BYPASS_BUDGET = 4.0, 10_000.0  # to Sales accepted without MQL, for those who decide and can pay
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
