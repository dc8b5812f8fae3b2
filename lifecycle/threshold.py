"""If the cut had been elsewhere: acceptance, coverage and volume for every threshold of the lead score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor, log10
from typing import Any

from lifecycle.agreement import Agreement, of_outcomes
from lifecycle.chance import TwoByTwo
from lifecycle.rates import Rate

STEPS = 50  # about so many cuts, on round numbers
BAND = 10  # steps per band


def step_of(low: float, high: float) -> float | None:
    """A round width that parts the range of the scores into 50 to 500 steps; None where all scores are equal."""
    return 10.0 ** floor(log10((high - low) / STEPS)) if high > low else None


@dataclass(frozen=True)
class Scored:
    """`n` leads with a score in the step that starts at `score` (None = no score), and what became of them."""

    score: float | None
    outcome: str
    n: int


@dataclass(frozen=True)
class Cut:
    """What would have been, had every lead with a score of at least `score`, and no other, been handed over.

    Of the leads that sales judged or that were handed over: `volume` of them would have been. A bypass at or above the
    cut would have been handed over; an accepted lead below it would have been a bypass.
    """

    score: float
    volume: int
    acceptance: Rate
    coverage: Rate


@dataclass(frozen=True)
class Band:
    """The leads with a score of at least `low` and below `high`, as they were."""

    low: float
    high: float
    agreement: Agreement


@dataclass(frozen=True)
class Threshold:
    """Leads by score. `step`: the width they were rounded down to; `cut`: where the configuration puts the cut."""

    scored: tuple[Scored, ...]
    step: float
    cut: float | None = None
    deadline: bool = True
    statements: tuple[Any, ...] = ()

    @cached_property
    def _known(self) -> list[Scored]:
        return [s for s in self.scored if s.score is not None and s.outcome != "returned"]

    @property
    def unscored(self) -> int:
        """Leads without a score, which no cut can place."""
        return sum(s.n for s in self.scored if s.score is None)

    @cached_property
    def cuts(self) -> tuple[Cut, ...]:
        """One per score that occurs, ascending."""
        return tuple(self.at(score) for score in sorted({s.score for s in self._known if s.score is not None}))

    def at(self, score: float) -> Cut:
        """The cut at any score."""
        above = [s for s in self._known if s.score is not None and s.score >= score - self.step / 1_000]
        yes, all_yes = _accepted(above), _accepted(self._known)
        no = sum(s.n for s in above if s.outcome == "rejected")
        return Cut(score, sum(s.n for s in above), Rate(yes, yes + no), Rate(yes, all_yes))

    def judged(self, score: float) -> TwoByTwo:
        """Marketing's verdict by the score against the rep's, over the leads that have both: the stated universe."""
        above = [s for s in self._known if s.score is not None and s.score >= score - self.step / 1_000]
        yes, no = _accepted(above), sum(s.n for s in above if s.outcome == "rejected")
        all_yes, all_no = _accepted(self._known), sum(s.n for s in self._known if s.outcome == "rejected")
        return TwoByTwo(yes, no, all_yes - yes, all_no - no)

    @property
    def bands(self) -> tuple[Band, ...]:
        """Ten steps each, the lowest first, the highest score in the last; bands that nobody is in stay out."""
        width, parts = self.step * BAND, dict[int, list[Scored]]()
        last = ceil(max((s.score for s in self._known if s.score is not None), default=0.0) / width - 1e-9) - 1
        for s in self._known:
            assert s.score is not None
            parts.setdefault(min(floor(s.score / width + 1e-9), last), []).append(s)
        return tuple(Band(i * width, (i + 1) * width, _agreement(parts[i], self.deadline)) for i in sorted(parts))

    @property
    def high(self) -> float | None:
        """The score that three quarters of the accepted stay below: what counts as a high one."""
        return self._quantile(0.75)

    @property
    def typical(self) -> float | None:
        """The median score of the leads that sales accepted."""
        return self._quantile(0.5)

    def _quantile(self, q: float) -> float | None:
        accepted = sorted((s.score, s.n) for s in self._known if s.outcome in ("accepted", "bypass"))
        total, seen = sum(n for _, n in accepted), 0
        for score, n in accepted:
            seen += n
            if seen >= q * total:
                return score
        return None


def _accepted(scored: Sequence[Scored]) -> int:
    return sum(s.n for s in scored if s.outcome in ("accepted", "bypass"))


def _agreement(scored: Sequence[Scored], deadline: bool) -> Agreement:
    return of_outcomes(((s.outcome, s.n) for s in scored), deadline)
