"""The funnel: how many journeys reach each stage, what becomes of the others, and the rates that follow.

The warehouse reduces journeys to counts by (segment, furthest counted stage, fate); everything else is derived here,
once, for every engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from lifecycle.rates import Rate
from lifecycle.scope import Scope
from lifecycle.stages import Stage, StageModel

FATES = ("late", "exited", "diverted", "open", "not_due")  # in order of precedence; what remains has advanced
OTHER = "Other"


@dataclass(frozen=True)
class Steps:
    """The stages a funnel counts. `chain` are counted one after the other; `side` are optional stages beside it.

    A side stage is never implied: its place is the number of chain stages before it. `in_turn`: step k is the k-th
    distinct one of the chain's stages, whichever that is.
    """

    chain: tuple[Stage, ...]
    side: tuple[tuple[int, Stage], ...] = ()
    in_turn: bool = False

    @property
    def rows(self) -> list[tuple[int, Stage, bool]]:
        """(chain stages up to here, stage, is side) in the order in which they are shown."""
        out = []
        for i, stage in enumerate(self.chain, 1):
            out += [(place, s, True) for place, s in self.side if place == i - 1]
            out.append((i, stage, False))
        return out + [(place, s, True) for place, s in self.side if place == len(self.chain)]

    def label(self, place: int, stage: Stage) -> str:
        """What a row is called: its stage, or how many of the stages were reached."""
        return f"{place} of {len(self.chain)} stages" if self.in_turn else stage.label


def steps_of(model: StageModel, scope: Scope) -> Steps:
    """The steps that a scope asks for: its stages, or all of the model.

    Under `passed` stages stand in the model's order and optional ones beside the chain, unless a funnel of chosen
    stages starts with one; the other ways of counting take the stages as given, and leave optional ones out unless they
    are named.
    """
    chosen = [model.stage(key) for key in scope.stages] or list(model.progress)
    if scope.count != "passed":
        in_turn = scope.count == "any" and scope.basis == "cohort"
        return Steps(tuple(s for s in chosen if scope.stages or not s.optional), in_turn=in_turn)
    chosen.sort(key=lambda s: model.rank(s.key))
    starts = chosen[:1] if scope.stages else []
    chain = tuple(s for s in chosen if s in starts or not s.optional) or tuple(chosen)
    side = tuple((sum(model.rank(c.key) < model.rank(s.key) for c in chain), s) for s in chosen if s not in chain)
    return Steps(chain, side)


@dataclass(frozen=True)
class Outcome:
    """`n` journeys of one segment that came to the chain's `furthest` stage (1…) and what became of them there.

    `side` tells which side stages they entered. `exit_stage` and `exit_reason` are set for the fate `exited`.
    """

    segment: str | None
    furthest: int
    fate: str
    exit_stage: str | None
    exit_reason: str | None
    side: tuple[bool, ...]
    n: int


@dataclass(frozen=True)
class Durations:
    """Seconds from the previous stage, of those who advanced with own entries to both (others have no time)."""

    n: int
    mean: float | None = None
    p25: float | None = None
    median: float | None = None
    p75: float | None = None
    p90: float | None = None


@dataclass(frozen=True)
class Exited:
    """Journeys that left by one exit, with their reasons (None = no reason given)."""

    total: int
    reasons: Mapping[str | None, int]


@dataclass(frozen=True)
class StageRow:
    """One stage of one segment. entered = advanced + late + exited + open + diverted + not_due, always.

    conversion_rate = entered_k / (entered_1 − not_due_1), step_conversion_rate = entered_k / (entered_k−1 −
    not_due_k−1); only the first stage has journeys that are not due.

    Fields that a basis does not know are None. `amount` is won money, `score` the mean lead score, `target` the
    entries aimed at, `benchmark` a step rate elsewhere.
    """

    segment: Mapping[str, str | None]
    stage: str
    label: str
    entered: int
    optional: bool = False
    entities: int | None = None
    advanced: int | None = None
    late: int | None = None
    open: int | None = None
    diverted: int | None = None
    not_due: int | None = None
    skipped: int | None = None
    exited: Mapping[str, Exited] = field(default_factory=dict)
    conversion_rate: Rate | Ratio | None = None
    step_conversion_rate: Rate | Ratio | None = None
    seconds_from_previous: Durations | None = None
    amount: float | None = None
    cost_per_entry: float | None = None
    score: float | None = None
    target: float | None = None
    benchmark: float | None = None

    @property
    def left(self) -> int:
        """Journeys that left the model at this stage, by any exit."""
        return sum(e.total for e in self.exited.values())


@dataclass(frozen=True)
class Ratio:
    """Two counts of different journeys side by side: no share, so no interval, and it may exceed 1."""

    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        return self.numerator / self.denominator if self.denominator else None

    def as_dict(self) -> dict[str, float | int | None]:
        return {
            "numerator": self.numerator,
            "denominator": self.denominator,
            "value": self.value,
            "low": None,
            "high": None,
        }


@dataclass(frozen=True)
class TrendRow:
    """Journeys whose first stage falls in the period that starts on `period`, and how many reached a stage."""

    period: date
    segment: Mapping[str, str | None]
    stage: str
    entered: int
    not_due: int
    immature: bool = False


@dataclass(frozen=True)
class Funnel:
    """The answer: a row per stage for the whole, then per segment; `touched` journeys depend on the way of counting.

    Touched are journeys that skip a counted stage or come to it after a later one (under `strict` also those that
    repeat one, or enter another in between): they alone may stand elsewhere under another way of counting.
    `other` is the name under which the values beyond the top n stand.
    """

    model: str
    build: int
    scope: Scope
    rows: tuple[StageRow, ...]
    touched: int | None = None
    comparison: Funnel | None = None
    statements: tuple[Any, ...] = ()
    other: str = OTHER

    @property
    def whole(self) -> tuple[StageRow, ...]:
        return tuple(r for r in self.rows if not r.segment)

    @property
    def segments(self) -> list[str | None]:
        """The values broken down by, in order of their rows (Other last)."""
        return list(dict.fromkeys(next(iter(r.segment.values())) for r in self.rows if r.segment))

    def of(self, value: str | None) -> tuple[StageRow, ...]:
        return tuple(r for r in self.rows if r.segment and next(iter(r.segment.values())) == value)


def other_than(values: Sequence[str | None]) -> str:
    """A name for all further values that none of `values` has."""
    name = OTHER
    while name in values:
        name += " values"
    return name


def tally(steps: Steps, outcomes: Sequence[Outcome], segment: Mapping[str, str | None]) -> list[StageRow]:
    """The rows of one segment from its outcomes, with the conservation of every stage."""
    rows = []
    young = sum(o.n for o in outcomes if o.fate == "not_due")
    first = sum(o.n for o in outcomes)
    due = [o for o in outcomes if o.fate != "not_due"]
    of_chain = [first, *(sum(o.n for o in due if o.furthest >= k) for k in range(2, len(steps.chain) + 1))]
    side_index = {stage.key: i for i, (_, stage) in enumerate(steps.side)}
    for place, stage, is_side in steps.rows:
        here = [o for o in outcomes if (o.side[side_index[stage.key]] if is_side else o.furthest >= place)]
        here = [o for o in here if o.fate != "not_due" or (place == 1 and not is_side)]
        stopped = [o for o in here if o.furthest <= place or o.fate == "not_due"]
        counts = {fate: sum(o.n for o in stopped if o.fate == fate) for fate in FATES}
        entered = sum(o.n for o in here)
        previous = place if is_side else place - 1
        due_before = (of_chain[previous - 1] - (young if previous == 1 else 0)) if previous else 0
        is_first = place == 1 and not is_side
        rows.append(
            StageRow(
                segment=segment,
                stage=stage.key,
                label=steps.label(place, stage),
                optional=is_side,
                entered=entered,
                advanced=entered - sum(counts.values()),
                late=counts["late"],
                open=counts["open"],
                diverted=counts["diverted"],
                not_due=counts["not_due"],
                exited=exits(stopped),
                conversion_rate=Rate(entered - (young if is_first else 0), first - young) if place else None,
                step_conversion_rate=None if is_first or not place else Rate(entered, due_before),
            )
        )
    return rows


def exits(outcomes: Sequence[Outcome]) -> dict[str, Exited]:
    """Exits of these outcomes, the largest first, each with its reasons; those equally large by name."""
    out: dict[str, dict[str | None, int]] = {}
    for o in outcomes:
        if o.fate == "exited" and o.exit_stage:
            reasons = out.setdefault(o.exit_stage, {})
            reasons[o.exit_reason] = reasons.get(o.exit_reason, 0) + o.n
    found = {stage: Exited(sum(r.values()), dict(sorted(r.items(), key=_size))) for stage, r in out.items()}
    return dict(sorted(found.items(), key=lambda item: (-item[1].total, item[0])))


def _size(reason: tuple[str | None, int]) -> tuple[int, bool, str]:
    why, n = reason
    return -n, why is None, why or ""


def side_by_side(rows: Sequence[StageRow]) -> list[StageRow]:
    """Rows of the period basis with ratios: entries here beside entries to the previous and to the first stage."""
    out: list[StageRow] = []
    previous = rows[0].entered if rows else 0
    for i, row in enumerate(rows):
        step = Ratio(row.entered, previous) if i else None
        out.append(replace(row, conversion_rate=Ratio(row.entered, rows[0].entered), step_conversion_rate=step))
        if not row.optional:
            previous = row.entered
    return out


def immature(period_end: datetime, as_of: datetime, window: timedelta | None, p90_seconds: float | None) -> bool:
    """Whether a period's journeys have not had time: the window, or what nine in ten of the finished ones took."""
    needed = window or (timedelta(seconds=p90_seconds) if p90_seconds else timedelta())
    return as_of - period_end < needed
