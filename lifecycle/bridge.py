"""Why two pages may show two counts of one stage: the counts there are, and the steps from each to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """`n` journeys by when, seen from a period (before, in, after, never), three things happened to them.

    `own`: they entered the stage themselves. `reached`: they were first counted at it, by entering it or a later one.
    `started`: they were first counted at the first stage; never, too, where that came after they reached this one.
    `ahead`: sales had accepted them before they entered the stage themselves.
    """

    own: str
    reached: str
    started: str
    n: int
    ahead: bool = False


@dataclass(frozen=True)
class Line:
    """One line of a bridge: a total that some page shows, or the signed step that leads from one total to the next."""

    key: str
    label: str
    n: int
    is_total: bool
    why: str


@dataclass(frozen=True)
class Words:
    """How a bridge names things: the stage, the model's first stage, and who moves (contacts, accounts, deals).

    `is_handed`: marketing hands over at this stage, so that Alignment has a count of its own.
    """

    stage: str
    first: str
    entities: str
    is_handed: bool = False


def bridge(cells: Sequence[Cell], entries: int, entities: int, words: Words) -> tuple[Line, ...]:
    """From every entry to a stage in a period to the journeys and entities that the funnel counts there, step by step.

    `entries` counts every entry in the period, `entities` who is behind the journeys of the last total but one. Each
    total is the one before plus the steps between; steps that are zero are left out.
    """

    def n(**when: str | bool) -> int:
        return sum(c.n for c in cells if all(getattr(c, name) == value for name, value in when.items()))

    own, reached, cohort = n(own="in"), n(reached="in"), n(started="in")
    stage, first = words.stage, words.first
    implied, implied_earlier = n(reached="in", own="never"), n(own="in", reached="before")
    skipped, handed = f"Skipped {stage} itself.", []
    if words.is_handed:  # who is left out here comes back where a later stage, the acceptance, implies this one
        ahead = n(own="in", ahead=True)
        implied += n(own="in", reached="in", ahead=True)
        implied_earlier = n(own="in", reached="before", ahead=False)
        skipped = f"Skipped {stage} itself, or sales accepted them before it."
        handed = [
            Line("ahead", "accepted before it", -ahead, False, "Alignment counts them as a bypass, or as returned."),
            Line("handed", "Handed over", own - ahead, True, "Alignment: what sales is to decide."),
        ]
    lines = [
        Line("entries", f"Every entry to {stage}", entries, True, "Each time the CRM says so, repeats included."),
        Line("again", "again in the same journey", own - entries, False, "Repeats and returns after going back."),
        Line("own", "First own entry per journey", own, True, "Never implied."),
        *handed,
        Line("implied", "implied by a later stage", implied, False, skipped),
        Line(
            "own_later",
            "entered only after the period",
            n(reached="in", own="after"),
            False,
            f"A later stage came first and implied {stage} in the period.",
        ),
        Line(
            "implied_earlier",
            "implied before the period",
            -implied_earlier,
            False,
            f"A later stage had implied {stage} already; the own entry followed in the period.",
        ),
        Line("reached", "Reached at least", reached, True, "The funnel on the basis Period."),
        Line(
            "started_before",
            "started before the period",
            -n(reached="in", started="before"),
            False,
            f"Reached {first} earlier: they belong to an earlier cohort.",
        ),
        Line(
            "not_started",
            f"never counted at {first}",
            -n(reached="in", started="never"),
            False,
            "Came in by a fact that implies no earlier stage, or by an optional one.",
        ),
        Line(
            "reached_later",
            "reached it after the period",
            n(started="in", reached="after"),
            False,
            "Started in the period and got there later, by the data cut-off.",
        ),
        Line("cohort", "Reached at least, of this cohort", cohort, True, "The funnel as it opens: basis Cohort."),
        Line(
            "several",
            f"further journeys of the same {words.entities}",
            entities - cohort,
            False,
            "Came back after an exit and started again within the period.",
        ),
        Line("entities", f"Distinct {words.entities}", entities, True, "Shown beside the journeys of the funnel."),
    ]
    return tuple(line for line in lines if line.is_total or line.n)
